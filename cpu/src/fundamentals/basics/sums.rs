//! Sums of floating-point numbers, and what rounding takes from them.
//!
//! Each addition of `f32` rounds: `fl(a + b) = (a + b)(1 + δ)` with `|δ| ≤ u = 2⁻²⁴`. The ways to add
//! `n` numbers differ in how these errors grow; with `S = Σ |xᵢ|`:
//!
//! | sum         | error at most         | additions |
//! |-------------|-----------------------|-----------|
//! | naive       | `n u S`               | `n`       |
//! | pairwise    | `log₂(n) u S`         | `n`       |
//! | compensated | `u |s| + n² u² S`     | `7 n`     |
//!
//! The **naive** sum adds one number after the other. The **pairwise** sum adds both halves, each by
//! the same rule. The **compensated** sum (Kahan; here in Knuth's form, which does not ask which number
//! is larger) computes the error of each addition exactly, `e = (a - (s - b')) + (b - b')` with
//! `s = fl(a + b)` and `b' = s - a`, adds these errors up, and adds them to the sum in the end.
//!
//! **Caveats.** A compiler that may reorder additions makes a compensated sum a naive one; Rust's does
//! not. Where terms cancel, `S` is far larger than the sum, and no bound relative to the sum holds but
//! the last one's first part. An overflow on the way makes all of these sums infinite or NaN.
//! A naive sum in 16 lanes is not only faster but 16 times as exact: each lane adds a sixteenth.
//!
//! Source: Higham, "Accuracy and Stability of Numerical Algorithms" (2002), chapter 4.

use clap::Args;
use gpu::fundamentals::sums;
use rand::RngExt;
use rayon::prelude::*;

use crate::Result;
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::backend::{CudaBackend, Memory};
use crate::fundamentals::data::Columns;
use crate::fundamentals::{Algorithm, Harness, Work, harness};

/// Numbers of a pairwise sum that are added one after the other, so that splitting costs little.
const PAIRWISE_LEAF: usize = 128;
/// Lanes of a vectorized sum: four of the widest vectors, so that additions need not wait for another.
const N_LANES: usize = 64;
/// Numbers that a thread adds up at a time. The parts depend on nothing else, so that any number of
/// threads gives the same bits.
const N_PER_PART: usize = 1 << 16;

/// The options of `sums`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How many random numbers are added, uniform between 0 and 1
    #[arg(long, value_name = "N", default_value_t = 1 << 25, value_parser = crate::fundamentals::data::count)]
    n: usize,

    #[command(flatten)]
    columns: Columns,
}

/// Adds one number after the other.
pub fn naive(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |sum, value| sum + value)
}

/// Adds both halves, each by the same rule.
pub fn pairwise(values: &[f32]) -> f32 {
    if values.len() <= PAIRWISE_LEAF {
        return naive(values);
    }
    let (left, right) = values.split_at(values.len() / 2);
    pairwise(left) + pairwise(right)
}

/// A sum, and what rounding has taken from it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Compensated {
    sum: f32,
    error: f32,
}

impl Compensated {
    /// With one more number.
    #[inline(always)]
    pub fn with(self, value: f32) -> Self {
        let sum = self.sum + value;
        let value_in_sum = sum - self.sum;
        let error = (self.sum - (sum - value_in_sum)) + (value - value_in_sum);
        Compensated {
            sum,
            error: self.error + error,
        }
    }

    /// Adds another sum.
    #[inline(always)]
    pub fn merge(self, other: Self) -> Self {
        let merged = self.with(other.sum);
        Compensated {
            error: merged.error + other.error,
            ..merged
        }
    }

    /// The sum with its errors put right; an infinite sum has none that could be.
    pub fn value(self) -> f32 {
        match self.sum.is_finite() {
            true => self.sum + self.error,
            false => self.sum,
        }
    }
}

/// Adds one number after the other, and the errors of the additions beside them.
pub fn compensated(values: &[f32]) -> f32 {
    let sum = values
        .iter()
        .fold(Compensated::default(), |sum, &value| sum.with(value));
    sum.value()
}

/// The compensated sum in lanes, which are added in the end: vectors of a CPU compute with all lanes at
/// once.
pub fn compensated_lanes(values: &[f32]) -> f32 {
    lanes(values).value()
}

fn lanes(values: &[f32]) -> Compensated {
    harness::vectorized(
        #[inline(always)]
        || {
            let (chunks, rest) = values.as_chunks::<N_LANES>();
            let mut sums = [Compensated::default(); N_LANES];
            for chunk in chunks {
                for (sum, &value) in sums.iter_mut().zip(chunk) {
                    *sum = sum.with(value);
                }
            }
            let of_rest = rest
                .iter()
                .fold(Compensated::default(), |sum, &value| sum.with(value));
            sums.into_iter().fold(of_rest, Compensated::merge)
        },
    )
}

/// The compensated sum in lanes, on all threads.
pub fn compensated_threads(values: &[f32]) -> f32 {
    let mut parts = vec![Compensated::default(); values.len().div_ceil(N_PER_PART)];
    parts
        .par_iter_mut()
        .zip(values.par_chunks(N_PER_PART))
        .for_each(|(part, values)| *part = lanes(values));
    let sum = parts
        .into_iter()
        .fold(Compensated::default(), Compensated::merge);
    sum.value()
}

/// The compensated sum on a device: each of its blocks adds up a part, this function adds up the parts.
///
/// # Errors
///
/// If the device fails.
pub fn compensated_device(device: &CudaBackend, values: &[f32]) -> Result<f32> {
    let values = device.upload_floats(values)?;
    let mut sums = device.zeros(2 * n_blocks(values.len()))?;
    launch_sums(device, &values, &mut sums)?;
    add_blocks(device, &sums)
}

fn n_blocks(n: usize) -> usize {
    n.div_ceil(4 * sums::N_THREADS as usize)
        .clamp(1, sums::MAX_BLOCKS as usize)
}

fn launch_sums(device: &CudaBackend, values: &Buffer<f32>, sums: &mut Buffer<f32>) -> Result<()> {
    let check = Operation("compensated_sums");
    let n_blocks = sums.len() / 2;
    let arguments = sums::compensated_sums {
        x: values.slice(0..values.len()),
        sums: sums.slice_mut(0..2 * n_blocks),
    };
    // SAFETY: at most so many blocks, and two entries for each.
    unsafe { device.launch(check.blocks(n_blocks, sums::N_THREADS)?, arguments) }
}

fn add_blocks(device: &CudaBackend, sums: &Buffer<f32>) -> Result<f32> {
    let sums = device.download_floats(sums)?;
    let (blocks, _) = sums.as_chunks::<2>();
    let blocks = blocks
        .iter()
        .map(|&[sum, error]| Compensated { sum, error });
    Ok(blocks
        .fold(Compensated::default(), Compensated::merge)
        .value())
}

/// The sum to twice the precision of `f64`, rounded to it.
fn reference(values: &[f32]) -> f64 {
    let (mut sum, mut error) = (0.0_f64, 0.0_f64);
    for &value in values {
        let value = f64::from(value);
        let next = sum + value;
        let value_in_sum = next - sum;
        error += (sum - (next - value_in_sum)) + (value - value_in_sum);
        sum = next;
    }
    sum + error
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let mut random = harness.random();
        let numbers = self.columns.floats_or(self.n, || random.random())?;
        let values = numbers.values;
        let n = values.len();
        let exact = reference(&values);
        let sum_of_sizes: f64 = values.iter().map(|&value| f64::from(value).abs()).sum();
        harness.print(format_args!("the sum of {n} numbers of f32 is {exact:?}"))?;

        let mut table = harness.table(Work {
            bytes: 4.0 * n as f64,
            operations: n as f64,
        });
        let mut results = vec![
            ("naive", table.host("naive, one loop", || naive(&values))),
            ("pairwise", table.host("pairwise", || pairwise(&values))),
            (
                "compensated",
                table.host("compensated, one loop", || compensated(&values)),
            ),
            (
                "compensated, SIMD",
                table.host("compensated, SIMD", || compensated_lanes(&values)),
            ),
            (
                "compensated, threads",
                table.host("compensated, SIMD, threads", || {
                    compensated_threads(&values)
                }),
            ),
        ];
        if let Some(device) = harness.device() {
            let values = device.upload_floats(&values)?;
            let mut sums = device.zeros(2 * n_blocks(n))?;
            table.device("compensated, GPU", device, || {
                launch_sums(device, &values, &mut sums)
            })?;
            results.push(("compensated, GPU", add_blocks(device, &sums)?));
        }
        let n = n as f64;
        let growth = (numbers.growth)(n);
        for (what, result) in results {
            let error = (f64::from(result) - exact).abs();
            // The bounds of the table at the top, and the result's own rounding.
            let unit = f64::from(f32::EPSILON) / 2.0;
            let relative = match what {
                "naive" => growth * unit,
                "pairwise" => (PAIRWISE_LEAF as f64 + n.log2().max(0.0)) * unit,
                _ => growth * growth * unit * unit,
            };
            harness.check(what, error, relative * sum_of_sizes + unit * exact.abs())?;
        }
        harness.print_table(table)
    }
}
