//! The product of two matrices, as a ladder: `cᵢⱼ = Σₖ aᵢₖ bₖⱼ`.
//!
//! `2 M N K` operations on `M K + K N + M N` numbers: with `n x n` matrices `n/6` operations for each byte,
//! so that a product can be as fast as arithmetic is, if each number that is fetched is used many times.
//! That is what the steps are about:
//!
//!  - **by dot products**: for each element a row of `a` and a column of `b`, which lies across memory, so
//!    that a whole cache line comes for one number of it;
//!  - **by rows**: `c`'s row `i` is the sum of `b`'s rows, each times a number of `a`. All runs along memory,
//!    and is done in vectors; but `c`'s row is read and written `K` times;
//!  - **blocked**: a block of `c` stays in registers while a strip of `a` and one of `b` are multiplied, and
//!    the strips stay in the caches: the product that networks use here, with vectors and threads;
//!  - on a device the six kernels of the guide's ladder, from one thread for each element to tiles in
//!    shared memory and registers, loaded while others are multiplied; and the product of networks.
//!
//! **Caveats.** `|ĉ - c| ≤ K u |a| |b|` for any order of the additions (Higham, section 3.5); the orders
//! differ within it. Strassen's method and its kin have fewer products and a weaker bound.
//!
//! Source: Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34 (2008).

use std::num::NonZero;

use clap::Args;
use cuda_launch::LaunchConfig;
use gpu::matmul::{self, Level};
use rand::RngExt;

use crate::backend::operation::Operation;
use crate::backend::{Activation, CudaBackend, DenseForward, DenseOperations, HostBackend};
use crate::fundamentals::data::count;
use crate::fundamentals::{Algorithm, Harness, Work, harness};
use crate::{Error, Result};

/// The options of `matrix-product`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Rows of the first matrix
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = count)]
    rows: usize,

    /// Columns of the first matrix, rows of the second
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = count)]
    inner: usize,

    /// Columns of the second matrix
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = count)]
    columns: usize,
}

/// M, K and N of `c[M, N] = a[M, K] b[K, N]`.
pub type Shape = [usize; 3];

/// Each element by its dot product: overwrites `c`.
pub fn by_dot_products(a: &[f32], b: &[f32], c: &mut [f32], [_, k, n]: Shape) {
    for (place, c) in c.iter_mut().enumerate() {
        let row = &a[place / n * k..][..k];
        let column = b.iter().skip(place % n).step_by(n);
        *c = row.iter().zip(column).fold(0.0, |sum, (a, b)| sum + a * b);
    }
}

/// Each row as a sum of rows: overwrites `c`.
pub fn by_rows(a: &[f32], b: &[f32], c: &mut [f32], [_, k, n]: Shape) {
    harness::vectorized(
        #[inline(always)]
        || {
            for (row, c) in a.chunks_exact(k).zip(c.chunks_exact_mut(n)) {
                c.fill(0.0);
                for (factor, b) in row.iter().zip(b.chunks_exact(n)) {
                    for (c, b) in c.iter_mut().zip(b) {
                        *c += factor * b;
                    }
                }
            }
        },
    );
}

/// Operands and result on a device, or on the host for its vectors and threads.
struct Product<'a, B: DenseOperations> {
    backend: &'a B,
    shape: Shape,
    a: B::Floats,
    b: B::Floats,
    bias: B::Floats,
    c: B::Floats,
}

impl<'a, B: DenseOperations> Product<'a, B> {
    fn new(backend: &'a B, a: &[f32], b: &[f32], shape: Shape) -> Result<Self> {
        Ok(Product {
            backend,
            shape,
            a: backend.upload_floats(a)?,
            b: backend.upload_floats(b)?,
            bias: backend.zeros(shape[2])?,
            c: backend.zeros(shape[0] * shape[2])?,
        })
    }

    /// The product that networks use: a dense layer without bias and activation.
    fn dense(&mut self) -> Result<()> {
        let [n_rows, n_inputs, n_outputs] = self.shape;
        self.backend.dense_forward(DenseForward {
            x: &self.a,
            weight: &self.b,
            bias: &self.bias,
            activation: Activation::Identity,
            y: &mut self.c,
            n_rows,
            n_inputs,
            n_outputs,
        })
    }

    fn result(&self) -> Result<Vec<f32>> {
        self.backend.download_floats(&self.c)
    }
}

/// The product on the CPU, in blocks, with vectors and threads.
///
/// # Errors
///
/// If a matrix is too small for its shape.
pub fn blocked(host: &HostBackend, a: &[f32], b: &[f32], shape: Shape) -> Result<Vec<f32>> {
    let mut product = Product::new(host, a, b, shape)?;
    product.dense()?;
    product.result()
}

/// The ladder's kernels: their names, and the shapes of their launches.
pub const LEVELS: [(&str, Level); 6] = [
    ("naive", matmul::NAIVE),
    ("coalesced", matmul::COALESCED),
    ("shared tiles", matmul::SHARED),
    ("tiles in registers", matmul::REGISTERS),
    ("vectorized", matmul::REGISTERS),
    ("double-buffered", matmul::REGISTERS),
];

/// The product by a step of the ladder, 0 to 5, on a device.
///
/// # Errors
///
/// If a matrix is too small for its shape, or the device fails.
pub fn by_level(
    device: &CudaBackend,
    level: usize,
    a: &[f32],
    b: &[f32],
    shape: Shape,
) -> Result<Vec<f32>> {
    let mut product = Product::new(device, a, b, shape)?;
    launch(&mut product, level)?;
    product.result()
}

fn launch(product: &mut Product<CudaBackend>, level: usize) -> Result<()> {
    let check = Operation("matmul");
    let [m, k, n] = product.shape;
    let a = check.argument("a", &product.a, &[m, k])?;
    let b = check.argument("b", &product.b, &[k, n])?;
    let c = check.argument_mut("c", &mut product.c, &[m, n])?;
    let [m, k, n] = [
        check.dimension("m", m)?,
        check.dimension("k", k)?,
        check.dimension("n", n)?,
    ];
    let (_, shape) = LEVELS[level];
    let grid = shape.grid(m, n);
    let config = LaunchConfig {
        grid: [grid[0], grid[1], 1],
        block: [shape.block[0], shape.block[1], 1],
        shared_bytes: 0,
    };
    let device = product.backend;
    // SAFETY: the level's own blocks and grid, and lengths that were checked.
    unsafe {
        match level {
            0 => device.launch(config, matmul::matmul_naive { a, b, c, m, n, k }),
            1 => device.launch(config, matmul::matmul_coalesced { a, b, c, m, n, k }),
            2 => device.launch(config, matmul::matmul_shared { a, b, c, m, n, k }),
            3 => device.launch(config, matmul::matmul_registers { a, b, c, m, n, k }),
            4 => device.launch(config, matmul::matmul_vectorized { a, b, c, m, n, k }),
            _ => device.launch(config, matmul::matmul_double_buffered { a, b, c, m, n, k }),
        }
    }
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let shape = [self.rows, self.inner, self.columns];
        let [m, k, n] = shape;
        let too_large = [[m, k], [k, n], [m, n]]
            .iter()
            .any(|[a, b]| a.saturating_mul(*b) > 1 << 31);
        if too_large {
            return Err(Error::Input(format!(
                "--rows {m} --inner {k} --columns {n}: matrices of at most 2^31 numbers are taken"
            )));
        }
        let mut random = harness.random();
        let mut numbers =
            |n: usize| -> Vec<f32> { (0..n).map(|_| random.random_range(-1.0..1.0)).collect() };
        let (a, b) = (numbers(m * k), numbers(k * n));
        let mut table = harness.table(Work {
            bytes: 4.0 * (m * k + k * n + m * n) as f64,
            operations: 2.0 * m as f64 * k as f64 * n as f64,
        });
        let mut results = Vec::new();
        type Version = fn(&[f32], &[f32], &mut [f32], Shape);
        for (version, f) in [
            ("by dot products, plain", by_dot_products as Version),
            ("by rows, SIMD", by_rows),
        ] {
            let mut c = vec![f32::NAN; m * n];
            table.host(version, || f(&a, &b, &mut c, shape));
            results.push((version, c));
        }
        for (version, n_threads) in [
            ("blocked, SIMD", Some(NonZero::<usize>::MIN)),
            (
                "blocked, SIMD, threads",
                NonZero::new(rayon::current_num_threads()),
            ),
        ] {
            let host = HostBackend::new(n_threads)?;
            let mut product = Product::new(&host, &a, &b, shape)?;
            table.host(version, || host.install(|| product.dense()))?;
            results.push((version, product.result()?));
        }
        if let Some(device) = harness.device() {
            let mut product = Product::new(device, &a, &b, shape)?;
            for (level, (version, _)) in LEVELS.into_iter().enumerate() {
                table.device(&format!("GPU {}: {version}", level + 1), device, || {
                    launch(&mut product, level)
                })?;
                results.push((version, product.result()?));
            }
            table.device("GPU, as networks use it", device, || product.dense())?;
            results.push(("GPU, as networks use it", product.result()?));
        }
        for (what, c) in results {
            harness.check(what, largest_error(&a, &b, &c, shape), 1.0)?;
        }
        harness.print_table(table)
    }
}

/// The largest error of a product, as a share of the bound at the top, `K u |a| |b|`, and of the result's
/// own rounding. Of many elements every few are looked at.
pub fn largest_error(a: &[f32], b: &[f32], c: &[f32], [_, k, n]: Shape) -> f64 {
    const MAX_ELEMENTS: usize = 1 << 16;
    // Odd, and so no divisor of a row of 2ⁿ: every column is met.
    let every = (c.len() / MAX_ELEMENTS) | 1;
    harness::largest((0..c.len()).step_by(every).map(|place| {
        let row = &a[place / n * k..][..k];
        let column = b.iter().skip(place % n).step_by(n);
        harness::error_of_dot(row, column, c[place])
    }))
}
