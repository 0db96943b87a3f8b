//! Cosine similarity of all pairs of a set of vectors: `sᵢⱼ = xᵢ · xⱼ / (|xᵢ| |xⱼ|)`.
//!
//! 1 for the same direction, 0 for orthogonal ones, -1 for opposite ones; the lengths do not count. With
//! each row divided by its length first, all pairs are one matrix product, `S = X̂ X̂ᵀ`: `2 M² N`
//! operations on `M N` numbers, which blocks of a fast product read from caches and registers, where the
//! loop over pairs reads both rows of each from memory.
//!
//! **Caveats.** A vector of zeros has no direction; it is refused. Squares overflow from `1.8 · 10¹⁹` on
//! and vanish below `10⁻²³`. Rounding leaves `|sᵢⱼ|` up to `N u` beyond 1, which `acos` answers with NaN.
//!
//! Source: Salton, Wong and Yang, "A vector space model for automatic indexing", CACM 1975.

use std::num::NonZero;

use clap::Args;
use gpu::fundamentals::cosine;
use rand::RngExt;

use super::matrix_vector::dot;
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::backend::{CudaBackend, DenseBackwardInput, DenseOperations, HostBackend, Memory};
use crate::fundamentals::data::{Columns, count, rows};
use crate::fundamentals::{Algorithm, Harness, Work, harness};
use crate::{Error, Result};

/// The options of `cosine`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How many vectors there are
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = count)]
    vectors: usize,

    /// Numbers of each
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = count)]
    dimensions: usize,

    #[command(flatten)]
    columns: Columns,
}

/// Each pair by itself, as the formula has it: `x` `[M, N]`, `s` `[M, M]`, overwritten.
pub fn pairs(x: &[f32], n_dimensions: usize, s: &mut [f32]) {
    let n_vectors = x.len() / n_dimensions;
    for (a, s) in x.chunks(n_dimensions).zip(s.chunks_mut(n_vectors)) {
        for (b, s) in x.chunks(n_dimensions).zip(s) {
            let (mut product, mut a_squares, mut b_squares) = (0.0, 0.0, 0.0);
            for (a, b) in a.iter().zip(b) {
                product += a * b;
                a_squares += a * a;
                b_squares += b * b;
            }
            *s = product / (a_squares.sqrt() * b_squares.sqrt());
        }
    }
}

/// Each row divided by its length.
pub fn normalized(x: &[f32], n_dimensions: usize) -> Vec<f32> {
    harness::vectorized(
        #[inline(always)]
        || {
            let mut result = x.to_vec();
            for row in result.chunks_mut(n_dimensions) {
                let length = dot(row, row).sqrt();
                row.iter_mut().for_each(|x| *x /= length);
            }
            result
        },
    )
}

/// All pairs as a product of the normalized rows, on the CPU's vectors and threads or on a device: the
/// product that networks use.
fn product<B: DenseOperations>(
    backend: &B,
    normalized: &B::Floats,
    shape: [usize; 2],
    s: &mut B::Floats,
) -> Result<()> {
    let [n_vectors, n_dimensions] = shape;
    backend.dense_backward_input(DenseBackwardInput {
        dy: normalized,
        weight: normalized,
        dx: s,
        n_rows: n_vectors,
        n_inputs: n_vectors,
        n_outputs: n_dimensions,
    })
}

/// All pairs on the CPU, with vectors and threads.
///
/// # Errors
///
/// If threads cannot be started, or memory does not suffice.
pub fn on_host(host: &HostBackend, x: &[f32], n_dimensions: usize) -> Result<Vec<f32>> {
    let n_vectors = x.len() / n_dimensions;
    let mut s = host.zeros(n_vectors * n_vectors)?;
    let x = host.upload_floats(&normalized(x, n_dimensions))?;
    product(host, &x, [n_vectors, n_dimensions], &mut s)?;
    host.download_floats(&s)
}

/// All pairs on a device.
///
/// # Errors
///
/// If the device fails.
pub fn on_device(device: &CudaBackend, x: &[f32], n_dimensions: usize) -> Result<Vec<f32>> {
    let shape = [x.len() / n_dimensions, n_dimensions];
    let mut s = device.zeros(shape[0] * shape[0])?;
    let mut unit = device.zeros(x.len())?;
    launch(device, &device.upload_floats(x)?, shape, &mut unit, &mut s)?;
    device.download_floats(&s)
}

fn launch(
    device: &CudaBackend,
    x: &Buffer<f32>,
    shape: [usize; 2],
    unit: &mut Buffer<f32>,
    s: &mut Buffer<f32>,
) -> Result<()> {
    let check = Operation("normalize_rows");
    let arguments = cosine::normalize_rows {
        x: check.argument("x", x, &shape)?,
        n_columns: check.dimension("n_columns", shape[1])?,
        y: check.argument_mut("y", unit, &shape)?,
    };
    let config = check.warps(shape[0], cosine::N_THREADS)?;
    // SAFETY: a warp for each row.
    unsafe { device.launch(config, arguments)? };
    product(device, unit, shape, s)
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let (x, n_dimensions) = match self.columns.read()? {
            // A line of the file is a vector.
            Some(columns) => {
                let x = rows(&columns).map(|x| x as f32).collect();
                (x, columns.len())
            }
            None => {
                let mut random = harness.random();
                let n = self.vectors.saturating_mul(self.dimensions);
                let x: Vec<f32> = (0..n).map(|_| random.random_range(-1.0..1.0)).collect();
                (x, self.dimensions)
            }
        };
        let n_vectors = x.len() / n_dimensions;
        if let Some(row) = x
            .chunks(n_dimensions)
            .position(|row| row.iter().all(|&x| x == 0.0))
        {
            return Err(Error::Input(format!(
                "vector {} is all zeros: it has no direction; leave it out",
                row + 1
            )));
        }
        let n_pairs = (n_vectors * n_vectors) as f64;
        let mut table = harness.table(Work {
            bytes: 4.0 * (x.len() as f64 + n_pairs),
            operations: 2.0 * n_pairs * n_dimensions as f64,
        });
        let mut s = vec![0.0; n_vectors * n_vectors];
        table.host("pair by pair, plain", || pairs(&x, n_dimensions, &mut s));
        let mut results = vec![("plain", s)];
        for (version, n_threads) in [
            ("product, SIMD", Some(NonZero::<usize>::MIN)),
            (
                "product, SIMD, threads",
                NonZero::new(rayon::current_num_threads()),
            ),
        ] {
            let host = HostBackend::new(n_threads)?;
            let s = table.host(version, || on_host(&host, &x, n_dimensions))?;
            results.push((version, s));
        }
        if let Some(device) = harness.device() {
            let shape = [n_vectors, n_dimensions];
            let on_device = device.upload_floats(&x)?;
            let mut unit = device.zeros(x.len())?;
            let mut s = device.zeros(n_vectors * n_vectors)?;
            table.device("product, GPU", device, || {
                launch(device, &on_device, shape, &mut unit, &mut s)
            })?;
            results.push(("GPU", device.download_floats(&s)?));
        }
        if n_vectors > 1 {
            let (place, largest) = most_similar(&results[0].1, n_vectors);
            harness.print(format_args!(
                "of {n_vectors} vectors in {n_dimensions} dimensions the most similar are {} and {}, with {largest:.4}",
                place[0] + 1,
                place[1] + 1
            ))?;
        }
        // Dot product, squares and quotients round once for each dimension, at a size of at most 1.
        let limit = f64::from(f32::EPSILON) * (2.0 * n_dimensions as f64 + 4.0);
        for (what, s) in results {
            harness.check(what, largest_error(&x, n_dimensions, &s), limit)?;
        }
        harness.print_table(table)
    }
}

/// The most similar two, and how much they are.
fn most_similar(s: &[f32], n_vectors: usize) -> ([usize; 2], f32) {
    let mut best = ([0, 1], f32::NEG_INFINITY);
    for (i, row) in s.chunks(n_vectors).enumerate() {
        for (j, &s) in row.iter().enumerate().skip(i + 1) {
            if s > best.1 {
                best = ([i, j], s);
            }
        }
    }
    best
}

/// The largest error, against the formula in `f64`. Of many pairs every few are looked at.
pub fn largest_error(x: &[f32], n_dimensions: usize, s: &[f32]) -> f64 {
    const MAX_PAIRS: usize = 1 << 18;
    let n_vectors = x.len() / n_dimensions;
    let vector = |idx: usize| {
        x[idx * n_dimensions..][..n_dimensions]
            .iter()
            .map(|&x| f64::from(x))
    };
    let lengths: Vec<f64> = (0..n_vectors)
        .map(|idx| vector(idx).map(|x| x * x).sum::<f64>().sqrt())
        .collect();
    // Odd, and so no divisor of a row of 2ⁿ: every column is met.
    let every = (s.len() / MAX_PAIRS) | 1;
    harness::largest((0..s.len()).step_by(every).map(|place| {
        let (i, j) = (place / n_vectors, place % n_vectors);
        let product: f64 = vector(i).zip(vector(j)).map(|(a, b)| a * b).sum();
        (f64::from(s[place]) - product / (lengths[i] * lengths[j])).abs()
    }))
}
