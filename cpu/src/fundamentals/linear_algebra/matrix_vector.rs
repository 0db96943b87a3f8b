//! A matrix times a vector: `yᵢ = Σⱼ aᵢⱼ xⱼ`.
//!
//! Of `M N` numbers each is read once, for one product and one sum: 2 operations for 4 bytes, far below
//! what any machine needs to be kept busy. So this is as fast as memory is, and faster code can only read
//! in a better order: **by rows** each dot product runs along memory; **by columns** `y += xⱼ a₋ⱼ` jumps
//! a whole row from number to number, and takes one of 16 numbers of each cache line it loads, unless
//! the lines stay in the cache until the next column.
//!
//! One dot product is a chain of additions that wait for each other, four cycles each; in lanes of vectors,
//! which are added in the end, it is not. And `x` has to be fetched again for each row, out of a cache that
//! `a` runs through: four rows at a time fetch it once.
//!
//! **Caveats.** `|ŷ - y| ≤ N u |A| |x|` (Higham, section 3.5), which is small beside `y` only if little
//! cancels.

use clap::Args;
use gpu::fundamentals::matrix_vector;
use rand::RngExt;
use rayon::prelude::*;

use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::backend::{CudaBackend, Memory};
use crate::fundamentals::data::count;
use crate::fundamentals::{Algorithm, Harness, Work, harness};
use crate::simd::sum_of_lanes;
use crate::{Error, Result};

/// The options of `matrix-vector`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Rows of the matrix
    #[arg(long, value_name = "N", default_value_t = 8192, value_parser = count)]
    rows: usize,

    /// Columns of the matrix
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = count)]
    columns: usize,
}

/// Row after row, `a` `[M, N]`, `x` `[N]`, `y` `[M]`, overwritten.
pub fn by_rows(a: &[f32], x: &[f32], y: &mut [f32]) {
    for (row, y) in rows(a, x).zip(y) {
        *y = row.iter().zip(x).fold(0.0, |sum, (a, x)| sum + a * x);
    }
}

/// Column after column.
pub fn by_columns(a: &[f32], x: &[f32], y: &mut [f32]) {
    y.fill(0.0);
    for (idx, value) in x.iter().enumerate() {
        let column = a.iter().skip(idx).step_by(x.len());
        for (y, a) in y.iter_mut().zip(column) {
            *y += a * value;
        }
    }
}

/// Four rows at a time in the lanes of vectors: `x` is fetched once for all of them.
pub fn by_lanes(a: &[f32], x: &[f32], y: &mut [f32]) {
    harness::vectorized(
        #[inline(always)]
        || {
            let (quads, rest) = y.as_chunks_mut::<4>();
            let mut rows = rows(a, x);
            for quad in quads {
                let rows = [(); 4].map(|()| rows.next().unwrap_or_default());
                *quad = dots::<4, 32>(rows, x);
            }
            for (row, y) in rows.zip(rest) {
                *y = dot(row, x);
            }
        },
    );
}

/// The same, on all threads: a part of the rows for each.
pub fn by_threads(a: &[f32], x: &[f32], y: &mut [f32]) {
    let n_rows = y.len().div_ceil(32 * rayon::current_num_threads()).max(1);
    a.par_chunks(n_rows * x.len().max(1))
        .zip(y.par_chunks_mut(n_rows))
        .for_each(|(a, y)| by_lanes(a, x, y));
}

/// The rows of a matrix with as many columns as `x` has numbers.
fn rows<'a>(a: &'a [f32], x: &[f32]) -> impl Iterator<Item = &'a [f32]> {
    a.chunks_exact(x.len().max(1))
}

/// `Σ a b`, in lanes.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let [dot] = dots::<1, 64>([a], b);
    dot
}

/// `Σ a x` for each of some rows as long as `x`, in `N_LANES` sums for each.
#[inline(always)]
fn dots<const N_ROWS: usize, const N_LANES: usize>(
    rows: [&[f32]; N_ROWS],
    x: &[f32],
) -> [f32; N_ROWS] {
    let chunks = rows.map(|row| row.as_chunks::<N_LANES>());
    let (x_chunks, x_rest) = x.as_chunks::<N_LANES>();
    let mut sums = [[0.0; N_LANES]; N_ROWS];
    for (idx, x) in x_chunks.iter().enumerate() {
        for (sums, (chunks, _)) in sums.iter_mut().zip(&chunks) {
            for ((sum, a), x) in sums.iter_mut().zip(&chunks[idx]).zip(x) {
                *sum += a * x;
            }
        }
    }
    let mut dots = [0.0; N_ROWS];
    for ((dot, sums), (_, rest)) in dots.iter_mut().zip(sums).zip(&chunks) {
        let of_rest = rest.iter().zip(x_rest).map(|(a, x)| a * x);
        *dot = sum_of_lanes(sums) + of_rest.sum::<f32>();
    }
    dots
}

/// The same, on a device; there must be a column.
///
/// # Errors
///
/// If the sizes do not fit each other, or the device fails.
pub fn on_device(device: &CudaBackend, a: &[f32], x: &[f32], n_rows: usize) -> Result<Vec<f32>> {
    let a = device.upload_floats(a)?;
    let x = device.upload_floats(x)?;
    let mut y = device.zeros(n_rows)?;
    launch(device, &a, &x, &mut y)?;
    device.download_floats(&y)
}

fn launch(
    device: &CudaBackend,
    a: &Buffer<f32>,
    x: &Buffer<f32>,
    y: &mut Buffer<f32>,
) -> Result<()> {
    let check = Operation("matrix_vector_product");
    let (n_rows, n_columns) = (y.len(), x.len());
    let arguments = matrix_vector::matrix_vector_product {
        a: check.argument("a", a, &[n_rows, n_columns])?,
        x: x.slice(0..n_columns),
        y: y.slice_mut(0..n_rows),
    };
    let config = check.warps(n_rows, matrix_vector::N_THREADS)?;
    // SAFETY: a warp for each row.
    unsafe { device.launch(config, arguments) }
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let [m, n] = [self.rows, self.columns];
        let len = m
            .checked_mul(n)
            .filter(|&len| len <= 1 << 33)
            .ok_or_else(|| {
                Error::Input(format!(
                    "--rows {m} --columns {n}: a matrix of at most 2^33 numbers is taken"
                ))
            })?;
        let mut random = harness.random();
        let mut numbers =
            |n: usize| -> Vec<f32> { (0..n).map(|_| random.random_range(-1.0..1.0)).collect() };
        let (a, x) = (numbers(len), numbers(n));

        let mut table = harness.table(Work {
            bytes: 4.0 * (len + n + m) as f64,
            operations: 2.0 * len as f64,
        });
        let mut results = Vec::new();
        type Version = fn(&[f32], &[f32], &mut [f32]);
        for (version, f) in [
            ("by rows, plain", by_rows as Version),
            ("by columns, plain", by_columns),
            ("four rows at a time, SIMD", by_lanes),
            ("four rows at a time, SIMD, threads", by_threads),
        ] {
            let mut y = vec![f32::NAN; m];
            table.host(version, || f(&a, &x, &mut y));
            results.push((version, y));
        }
        if let Some(device) = harness.device() {
            let (a, x) = (device.upload_floats(&a)?, device.upload_floats(&x)?);
            let mut y = device.zeros(m)?;
            table.device("GPU, a warp for each row", device, || {
                launch(device, &a, &x, &mut y)
            })?;
            results.push(("GPU", device.download_floats(&y)?));
        }
        for (what, y) in results {
            harness.check(what, largest_error(&a, &x, &y), 1.0)?;
        }
        harness.print_table(table)
    }
}

/// The largest error of a product, as a share of the bound at the top: `N u |A| |x|`, and the result's
/// own rounding.
pub fn largest_error(a: &[f32], x: &[f32], y: &[f32]) -> f64 {
    let errors = rows(a, x).zip(y);
    harness::largest(errors.map(|(row, &y)| harness::error_of_dot(row, x, y)))
}
