//! The scatter on a device.

use cuda_launch::LaunchConfig;
use gpu::fundamentals::scatter;

use super::{Scatter, mirror};
use crate::Result;
use crate::backend::CudaBackend;
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;

/// A table on a device.
pub struct OnDevice<'a> {
    sums: DeviceSums<'a>,
    table: Buffer<f64>,
    n_columns: usize,
    means: Buffer<f64>,
    products: Buffer<f64>,
}

impl<'a> OnDevice<'a> {
    /// Puts it there.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn new(device: &'a CudaBackend, table: &[f64], n_columns: usize) -> Result<Self> {
        let n_rows = table.len() / n_columns;
        Ok(OnDevice {
            sums: DeviceSums::new(device, n_rows, n_columns)?,
            table: device.upload(table)?,
            n_columns,
            means: device.zeroed(n_columns)?,
            products: device.zeroed(n_columns * n_columns)?,
        })
    }

    /// Its scatter.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn scatter(&mut self) -> Result<Scatter> {
        let device = self.sums.device;
        let n_rows = self.table.len() / self.n_columns;
        let scale = 1.0 / n_rows as f64;
        self.sums
            .sums(&self.table, self.n_columns, None, scale, &mut self.means)?;
        self.sums
            .products(&self.table, Some(&self.means), None, &mut self.products)?;
        let mut products = device.download(&self.products, self.products.len())?;
        mirror(&mut products, self.n_columns);
        Ok(Scatter {
            n_rows,
            means: device.download(&self.means, self.n_columns)?,
            products,
        })
    }
}

/// Sums over the rows of tables on a device, in parts, which are added up in their order.
pub struct DeviceSums<'a> {
    device: &'a CudaBackend,
    n_columns: usize,
    n_parts: usize,
    parts: Buffer<f64>,
    nothing: Buffer<f64>,
}

impl<'a> DeviceSums<'a> {
    /// For tables of so many rows and at most so many columns.
    pub fn new(device: &'a CudaBackend, n_rows: usize, n_columns: usize) -> Result<Self> {
        // Enough blocks for any device, and enough rows for each of them.
        const MAX_BLOCKS: usize = 1024;
        const MIN_ROWS: usize = 64;
        let n_tiles = n_columns.div_ceil(scatter::N_COLUMNS);
        let n_parts = n_rows
            .div_ceil(MIN_ROWS)
            .clamp(1, (MAX_BLOCKS / (n_tiles * n_tiles)).max(1));
        Ok(DeviceSums {
            device,
            n_columns,
            n_parts,
            parts: device.zeroed(n_parts * n_columns * n_columns)?,
            nothing: device.zeroed(0)?,
        })
    }

    /// `y = scale Σ weight x` over the rows of `table`; without weights they are 1.
    pub fn sums(
        &mut self,
        table: &Buffer<f64>,
        n_columns: usize,
        weights: Option<&Buffer<f64>>,
        scale: f64,
        y: &mut Buffer<f64>,
    ) -> Result<()> {
        let check = Operation("column_sums");
        let weights = weights.unwrap_or(&self.nothing);
        let arguments = scatter::column_sums {
            table: table.slice(0..table.len()),
            weights: weights.slice(0..weights.len()),
            n_columns: check.dimension("n_columns", n_columns)?,
            sums: check.argument_mut("sums", &mut self.parts, &[self.n_parts, n_columns])?,
        };
        let [x, y_threads] = scatter::SUMS_BLOCK;
        let config = LaunchConfig {
            grid: [
                self.n_parts as u32,
                n_columns.div_ceil(scatter::N_COLUMNS) as u32,
                1,
            ],
            block: [x, y_threads, 1],
            shared_bytes: 0,
        };
        // SAFETY: a block for each part and for the columns of each tile.
        unsafe { self.device.launch(config, arguments)? };
        self.add_parts(n_columns, scale, y)
    }

    /// `y = Σ weight (x - mean)(x - mean)ᵀ` over the rows of `table`, above the diagonal; without weights
    /// they are 1, and without means 0.
    pub fn products(
        &mut self,
        table: &Buffer<f64>,
        means: Option<&Buffer<f64>>,
        weights: Option<&Buffer<f64>>,
        y: &mut Buffer<f64>,
    ) -> Result<()> {
        let check = Operation("column_products");
        let n_columns = self.n_columns;
        let means = means.unwrap_or(&self.nothing);
        let weights = weights.unwrap_or(&self.nothing);
        let shape = [self.n_parts, n_columns, n_columns];
        let arguments = scatter::column_products {
            table: table.slice(0..table.len()),
            means: means.slice(0..means.len()),
            weights: weights.slice(0..weights.len()),
            n_columns: check.dimension("n_columns", n_columns)?,
            products: check.argument_mut("products", &mut self.parts, &shape)?,
        };
        let n_tiles = n_columns.div_ceil(scatter::N_COLUMNS) as u32;
        let [x, y_threads] = scatter::PRODUCTS_BLOCK;
        let config = LaunchConfig {
            grid: [self.n_parts as u32, n_tiles, n_tiles],
            block: [x, y_threads, 1],
            shared_bytes: 0,
        };
        // SAFETY: a block for each part and for each pair of tiles.
        unsafe { self.device.launch(config, arguments)? };
        self.add_parts(n_columns * n_columns, 1.0, y)
    }

    fn add_parts(&self, n: usize, scale: f64, y: &mut Buffer<f64>) -> Result<()> {
        let check = Operation("add_parts");
        let arguments = scatter::add_parts {
            parts: check.argument("parts", &self.parts, &[self.n_parts, n])?,
            scale,
            y: check.argument_mut("y", y, &[n])?,
        };
        let config = check.threads(n, scatter::N_THREADS)?;
        // SAFETY: a thread for each sum.
        unsafe { self.device.launch(config, arguments) }
    }
}
