//! The scatter of a table's rows about their mean: `S = Σ (x - m)(x - m)ᵀ` with `m = Σ x / N`.
//!
//! It is `N - 1` times the covariance, and all that least squares needs to know of a table:
//! [`linear_regression`](super::linear_regression), [`ridge`](super::ridge) and [`pca`](super::pca) begin with
//! it, and Newton's method for [`logistic_regression`](super::logistic_regression) with a sum of the same
//! kind. Of `N D` numbers each is used `D` times, in `N D (D + 1)` operations: few columns are read as fast
//! as memory is, many as fast as one multiplies.
//!
//! The table is read twice: for the mean, and for the products about it, which are added up in registers, 8 x 8
//! pairs of columns over 64 rows. Reading it once, block by block with means of their own, would be faster; but
//! the rounding of a mean then counts as such, and here only by its square. Each thread has a part of the rows
//! and a matrix of its own, and the parts are added up in their order, whatever the number of threads. On a
//! device a block has a part of the rows and 32 x 32 pairs of columns.
//!
//! **Caveats.** `|Ŝᵢⱼ - Sᵢⱼ| ≤ N u √(Sᵢᵢ Sⱼⱼ)` with the mean taken off first; `Σ x xᵀ - N m mᵀ` in one pass loses
//! as many digits more as `m²` is larger than the variance, as in
//! [`statistics`](crate::fundamentals::basics::statistics). Squares overflow beyond 10¹⁵⁴.
//!
//! Source: Chan, Golub and LeVeque, "Algorithms for computing the sample variance", The American
//! Statistician 37 (1983).

use cuda_launch::LaunchConfig;
use gpu::fundamentals::scatter;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::Result;
use crate::backend::CudaBackend;
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::fundamentals::{Work, harness};

/// Rows whose products are added at once: those of a few columns lie in the first cache.
const N_ROWS: usize = 64;
/// Columns whose pairs are added at once, in registers.
const N_LANES: usize = 8;
/// Most parts of the rows for threads.
const MAX_PARTS: usize = 64;
/// Most numbers that the matrices of all parts have.
const MAX_NUMBERS: usize = 1 << 24;

/// What the rows of a table add up to.
#[derive(Debug, Clone, PartialEq)]
pub struct Scatter {
    /// N.
    pub n_rows: usize,
    /// The mean of each column, `[D]`.
    pub means: Vec<f64>,
    /// `Σ (x - m)(x - m)ᵀ`, `[D, D]`.
    pub products: Vec<f64>,
}

impl Scatter {
    /// `Σ (x - m)²` of a column.
    pub fn squares(&self, column: usize) -> f64 {
        self.products[column * (self.means.len() + 1)]
    }

    /// By how much another scatter's products differ at most, as a share of `√(Sᵢᵢ Sⱼⱼ)`.
    pub fn difference(&self, other: &Scatter) -> f64 {
        let n = self.means.len();
        let pairs = self.products.iter().zip(&other.products).enumerate();
        harness::largest(pairs.map(|(place, (a, b))| {
            let size = (self.squares(place / n) * self.squares(place % n)).sqrt();
            if a == b { 0.0 } else { (a - b).abs() / size }
        }))
    }

    /// Whether a column is constant, but for what the rounding of its mean, `N u |m|`, leaves of it.
    pub fn is_constant(&self, column: usize) -> bool {
        let n = self.n_rows as f64;
        self.squares(column) <= n * (n * f64::EPSILON * self.means[column]).powi(2)
    }
}

/// How a table `[N, D]` of so many columns D is summed up; there must be a row.
pub type Version = fn(&[f64], usize) -> Scatter;

/// The versions for the CPU.
pub const VERSIONS: [(&str, Version); 3] = [
    ("plain", plain),
    ("SIMD", by_lanes),
    ("SIMD, threads", by_threads),
];

/// What any version has to read and compute.
pub fn work(n_rows: usize, n_columns: usize) -> Work {
    let [n, d] = [n_rows, n_columns].map(|count| count as f64);
    Work {
        bytes: 8.0 * n * d,
        operations: n * d * (d + 1.0),
    }
}

/// Pair of columns after pair of columns, as the formula has it.
pub fn plain(table: &[f64], n_columns: usize) -> Scatter {
    let column = |idx: usize| table.iter().skip(idx).step_by(n_columns);
    let n_rows = table.len() / n_columns;
    let means: Vec<f64> = (0..n_columns)
        .map(|idx| column(idx).sum::<f64>() / n_rows as f64)
        .collect();
    let product = |i: usize, j: usize| -> f64 {
        let pairs = column(i).zip(column(j));
        pairs.map(|(a, b)| (a - means[i]) * (b - means[j])).sum()
    };
    let products = (0..n_columns * n_columns)
        .map(|place| product(place / n_columns, place % n_columns))
        .collect();
    Scatter {
        n_rows,
        means,
        products,
    }
}

/// Row after row, in the lanes of vectors.
pub fn by_lanes(table: &[f64], n_columns: usize) -> Scatter {
    let mut means = vec![0.0; n_columns];
    add_rows(table, &mut means);
    finish(table, means, |means| {
        let mut products = vec![0.0; n_columns * n_columns];
        add_products(table, |_| 1.0, means, &mut products);
        products
    })
}

/// The same, on all threads: a part of the rows for each.
pub fn by_threads(table: &[f64], n_columns: usize) -> Scatter {
    let n_rows = n_rows_of_part(table.len() / n_columns, n_columns);
    let parts = |f: &(dyn Fn(&[f64]) -> Vec<f64> + Sync)| -> Vec<f64> {
        let parts: Vec<Vec<f64>> = table.par_chunks(n_rows * n_columns).map(f).collect();
        add_parts(&parts)
    };
    let means = parts(&|rows| {
        let mut sums = vec![0.0; n_columns];
        add_rows(rows, &mut sums);
        sums
    });
    finish(table, means, |means| {
        parts(&|rows| {
            let mut products = vec![0.0; n_columns * n_columns];
            add_products(rows, |_| 1.0, means, &mut products);
            products
        })
    })
}

/// How many rows a thread takes at a time: not depending on the number of threads, so that sums do not either.
pub(super) fn n_rows_of_part(n_rows: usize, n_columns: usize) -> usize {
    let n_parts = (MAX_NUMBERS / (n_columns * n_columns)).clamp(1, MAX_PARTS);
    n_rows.div_ceil(n_parts).max(1)
}

/// The scatter, from the columns' sums and from what the products are, above the diagonal, about means.
fn finish(table: &[f64], mut sums: Vec<f64>, products: impl FnOnce(&[f64]) -> Vec<f64>) -> Scatter {
    let n_columns = sums.len();
    let n_rows = table.len() / n_columns;
    sums.iter_mut().for_each(|sum| *sum /= n_rows as f64);
    let mut products = products(&sums);
    mirror(&mut products, n_columns);
    Scatter {
        n_rows,
        means: sums,
        products,
    }
}

/// Copies what is above the diagonal to below it.
pub fn mirror(matrix: &mut [f64], n: usize) {
    for row in 1..n {
        for column in 0..row {
            matrix[row * n + column] = matrix[column * n + row];
        }
    }
}

/// The sums of parts, in their order.
pub fn add_parts(parts: &[Vec<f64>]) -> Vec<f64> {
    let (first, rest) = parts.split_first().expect("there is a row");
    let mut sums = first.clone();
    for part in rest {
        for (sum, value) in sums.iter_mut().zip(part) {
            *sum += value;
        }
    }
    sums
}

/// `sums += Σ x`, over the rows.
fn add_rows(rows: &[f64], sums: &mut [f64]) {
    harness::vectorized(
        #[inline(always)]
        || {
            for row in rows.chunks_exact(sums.len()) {
                for (sum, x) in sums.iter_mut().zip(row) {
                    *sum += x;
                }
            }
        },
    );
}

/// `products += Σ weight (x - c)(x - c)ᵀ` over the rows, above the diagonal and on it; what is below it is
/// something else.
pub fn add_products(
    rows: &[f64],
    weight: impl Fn(usize) -> f64,
    center: &[f64],
    products: &mut [f64],
) {
    let n = center.len();
    let n_tiles = n.div_ceil(N_LANES);
    let instructions = pulp::Arch::new();
    harness::vectorized(
        #[inline(always)]
        || {
            // Rows about the center, and the same times their weights, tile after tile of columns. What is
            // missing in the last one stays 0.
            let mut centered = vec![[[0.0; N_LANES]; N_ROWS]; n_tiles];
            let mut weighted = centered.clone();
            for (group, rows) in rows.chunks(N_ROWS * n).enumerate() {
                for (idx, row) in rows.chunks_exact(n).enumerate() {
                    let weight = weight(group * N_ROWS + idx);
                    let (tiles, rest) = row.as_chunks::<N_LANES>();
                    let (centers, center_of_rest) = center.as_chunks::<N_LANES>();
                    let mut places = (centered.iter_mut().zip(&mut weighted))
                        .map(|(centered, weighted)| (&mut centered[idx], &mut weighted[idx]));
                    for ((row, center), places) in tiles.iter().zip(centers).zip(&mut places) {
                        put(row, center, weight, places);
                    }
                    if let Some(places) = places.next() {
                        put(rest, center_of_rest, weight, places);
                    }
                }
                let n_rows = rows.len() / n;
                for (i, weighted) in weighted.iter().enumerate() {
                    for (j, centered) in centered.iter().enumerate().skip(i) {
                        let sums = instructions.dispatch(TileProduct {
                            a: &weighted[..n_rows],
                            b: &centered[..n_rows],
                        });
                        let products = products.chunks_exact_mut(n).skip(i * N_LANES);
                        for (products, sums) in products.zip(sums) {
                            for (product, sum) in products[j * N_LANES..].iter_mut().zip(sums) {
                                *product += sum;
                            }
                        }
                    }
                }
            }
        },
    );
}

/// `x - c`, and the same times a weight.
#[inline(always)]
fn put(
    x: &[f64],
    c: &[f64],
    weight: f64,
    (centered, weighted): (&mut [f64; N_LANES], &mut [f64; N_LANES]),
) {
    for ((y, z), (x, c)) in centered.iter_mut().zip(weighted).zip(x.iter().zip(c)) {
        *y = x - c;
        *z = weight * *y;
    }
}

/// Columns of some rows, side by side.
type Tile<'a> = &'a [[f64; N_LANES]];

/// `Σ a bᵀ` over rows.
struct TileProduct<'a> {
    a: Tile<'a>,
    b: Tile<'a>,
}

impl WithSimd for TileProduct<'_> {
    type Output = [[f64; N_LANES]; N_LANES];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let mut output = [[0.0; N_LANES]; N_LANES];
        let (sums, _) = S::as_mut_simd_f64s(output.as_flattened_mut());
        match S::F64_LANES {
            8 => self.add_up::<S, 1>(simd, sums),
            4 => self.add_up::<S, 2>(simd, sums),
            2 => self.add_up::<S, 4>(simd, sums),
            _ => self.add_up::<S, 8>(simd, sums),
        }
        output
    }
}

impl TileProduct<'_> {
    /// With `N_VECTORS` to a row.
    #[inline(always)]
    fn add_up<S: Simd, const N_VECTORS: usize>(self, simd: S, output: &mut [S::f64s]) {
        let (b, _) = S::as_simd_f64s(self.b.as_flattened());
        let (b, _) = b.as_chunks::<N_VECTORS>();
        let mut sums = [[simd.splat_f64s(0.0); N_VECTORS]; N_LANES];
        for (a, b) in self.a.iter().zip(b) {
            for (sums, &a) in sums.iter_mut().zip(a) {
                let a = simd.splat_f64s(a);
                for (sum, &b) in sums.iter_mut().zip(b) {
                    *sum = simd.mul_add_e_f64s(a, b, *sum);
                }
            }
        }
        output.copy_from_slice(sums.as_flattened());
    }
}

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
pub(super) struct DeviceSums<'a> {
    device: &'a CudaBackend,
    n_columns: usize,
    n_parts: usize,
    parts: Buffer<f64>,
    nothing: Buffer<f64>,
}

impl<'a> DeviceSums<'a> {
    /// For tables of so many rows and at most so many columns.
    pub(super) fn new(device: &'a CudaBackend, n_rows: usize, n_columns: usize) -> Result<Self> {
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
    pub(super) fn sums(
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
    pub(super) fn products(
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
