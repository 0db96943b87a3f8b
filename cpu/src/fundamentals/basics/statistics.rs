//! Mean and variance in one pass.
//!
//! With `n` numbers, `m = Σ x / n` and `s² = Σ (x - m)² / (n - 1)`. Three ways to the variance, and what
//! rounding (`u = 2⁻²⁴` in `f32`) makes of it, where `κ = √(1 + m² / s²)` is large if the numbers are far
//! from 0 compared with what they differ by:
//!
//! | way                                    | passes | error of `s²`, relative |
//! |----------------------------------------|--------|-------------------------|
//! | `(Σ x² - n m²) / (n - 1)`              | 1      | `n κ² u`                |
//! | `Σ (x - m)²`, after `m`                | 2      | `n u + n² κ² u²`        |
//! | Welford: updates `m` and `Σ (x - m)²`  | 1      | `n κ u`                 |
//!
//! Welford's update with one more number `x` is `d = x - m`, `m += d / n`, `S += d (x - m)`. Two parts
//! are merged by `d = m₂ - m₁`, `m = m₁ + d n₂ / n`, `S = S₁ + S₂ + d² n₁ n₂ / n` (Chan, Golub and
//! LeVeque): that is how threads, vectors' lanes and a device's blocks add up.
//!
//! **Caveats.** The textbook formula in the first line may come out negative. Of one number there is no
//! variance: it is reported as 0. Infinity and NaN make both NaN. A count in `f32` is exact up to 2²⁴
//! numbers, for each thread of a device.
//!
//! Source: Chan, Golub and LeVeque, "Algorithms for computing the sample variance", The American
//! Statistician 37 (1983).

use clap::Args;
use gpu::fundamentals::statistics;
use rand::RngExt;
use rayon::prelude::*;

pub use gpu::fundamentals::statistics::Moments;

use crate::Result;
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::backend::{CudaBackend, Memory};
use crate::fundamentals::data::Columns;
use crate::fundamentals::{Algorithm, Harness, Work, harness};

const N_LANES: usize = 64;
/// Numbers that a thread takes at a time, whatever the number of threads.
const N_PER_PART: usize = 1 << 16;

/// The options of `statistics`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How many random numbers there are
    #[arg(long, value_name = "N", default_value_t = 1 << 25, value_parser = crate::fundamentals::data::count)]
    n: usize,

    /// Where they begin; they are uniform over an interval of length 1
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 100.0,
        allow_negative_numbers = true
    )]
    offset: f32,

    #[command(flatten)]
    columns: Columns,
}

/// Mean and variance by sums of `x` and `x²`: what not to do.
pub fn naive(values: &[f32]) -> [f32; 2] {
    let n = values.len() as f32;
    let sum = values.iter().fold(0.0, |sum, x| sum + x);
    let squares = values.iter().fold(0.0, |sum, x| sum + x * x);
    let mean = sum / n;
    [mean, (squares - n * mean * mean) / (n - 1.0)]
}

/// Mean and variance in two passes.
pub fn two_passes(values: &[f32]) -> [f32; 2] {
    let n = values.len() as f32;
    let mean = values.iter().fold(0.0, |sum, x| sum + x) / n;
    let squares = values
        .iter()
        .fold(0.0, |sum, x| sum + (x - mean) * (x - mean));
    [mean, squares / (n - 1.0)]
}

/// The moments in one pass, by Welford's update.
pub fn welford(values: &[f32]) -> Moments {
    values
        .iter()
        .fold(Moments::default(), |moments, &x| moments.with(x))
}

/// The same in lanes, each with moments of its own, which are merged in the end. All lanes have the same
/// count, so that there is one division for all of them.
pub fn welford_lanes(values: &[f32]) -> Moments {
    harness::vectorized(
        #[inline(always)]
        || {
            let (chunks, rest) = values.as_chunks::<N_LANES>();
            let mut means = [0.0; N_LANES];
            let mut squares = [0.0; N_LANES];
            let mut count = 0.0;
            for chunk in chunks {
                count += 1.0;
                let share = 1.0 / count;
                for ((mean, squares), &x) in means.iter_mut().zip(&mut squares).zip(chunk) {
                    let deviation = x - *mean;
                    *mean += deviation * share;
                    *squares += deviation * (x - *mean);
                }
            }
            means
                .into_iter()
                .zip(squares)
                .map(|(mean, squares)| Moments {
                    count,
                    mean,
                    squares,
                })
                .fold(welford(rest), Moments::merge)
        },
    )
}

/// The same, on all threads.
pub fn welford_threads(values: &[f32]) -> Moments {
    let mut parts = vec![Moments::default(); values.len().div_ceil(N_PER_PART)];
    parts
        .par_iter_mut()
        .zip(values.par_chunks(N_PER_PART))
        .for_each(|(part, values)| *part = welford_lanes(values));
    merge_all(&parts)
}

/// The same, on a device.
///
/// # Errors
///
/// If the device fails.
pub fn welford_device(device: &CudaBackend, values: &[f32]) -> Result<Moments> {
    let values = device.upload_floats(values)?;
    let mut moments = device.zeros(3 * n_blocks(values.len()))?;
    launch(device, &values, &mut moments)?;
    merge_blocks(device, &moments)
}

fn n_blocks(n: usize) -> usize {
    n.div_ceil(statistics::N_THREADS as usize)
        .clamp(1, statistics::MAX_BLOCKS as usize)
}

fn launch(device: &CudaBackend, values: &Buffer<f32>, moments: &mut Buffer<f32>) -> Result<()> {
    let n_blocks = moments.len() / 3;
    let arguments = statistics::block_moments {
        x: values.slice(0..values.len()),
        moments: moments.slice_mut(0..3 * n_blocks),
    };
    let config = Operation("block_moments").blocks(n_blocks, statistics::N_THREADS)?;
    // SAFETY: at most so many blocks, three entries for each.
    unsafe { device.launch(config, arguments) }
}

fn merge_blocks(device: &CudaBackend, moments: &Buffer<f32>) -> Result<Moments> {
    let values = device.download_floats(moments)?;
    let (blocks, _) = values.as_chunks::<3>();
    let blocks: Vec<Moments> = blocks
        .iter()
        .map(|&[count, mean, squares]| Moments {
            count,
            mean,
            squares,
        })
        .collect();
    Ok(merge_all(&blocks))
}

/// Merges neighbours, then pairs of them, so that each number is rounded a few times only.
fn merge_all(parts: &[Moments]) -> Moments {
    match parts {
        [] => Moments::default(),
        [part] => *part,
        _ => {
            let (left, right) = parts.split_at(parts.len() / 2);
            merge_all(left).merge(merge_all(right))
        }
    }
}

/// Mean and variance of moments; 0 where there are not numbers enough.
pub fn mean_and_variance(moments: Moments) -> [f32; 2] {
    let degrees = moments.count - 1.0;
    [
        moments.mean,
        if degrees > 0.0 {
            moments.squares / degrees
        } else {
            0.0
        },
    ]
}

/// Mean and variance in `f64`, in two passes.
fn reference(values: &[f32]) -> [f64; 2] {
    let n = values.len() as f64;
    let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let deviations = values.iter().map(|&x| f64::from(x) - mean);
    let squares: f64 = deviations.map(|d| d * d).sum();
    [mean, squares / (n - 1.0).max(1.0)]
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let mut random = harness.random();
        let draw = || self.offset + random.random::<f32>();
        let numbers = self.columns.floats_or(self.n, draw)?;
        let values = numbers.values;
        let n = values.len() as f64;
        let [mean, variance] = reference(&values);
        harness.print(format_args!(
            "{n} numbers have a mean of {mean:.9} and a variance of {variance:.9e}"
        ))?;
        let mut table = harness.table(Work {
            bytes: 4.0 * n,
            operations: 7.0 * n,
        });
        let [_, naive] = table.host("naive, sums of x and x²", || naive(&values));
        let [_, two_passes] = table.host("two passes", || two_passes(&values));
        let mut moments = vec![
            (
                "Welford, one loop",
                table.host("Welford, one loop", || welford(&values)),
            ),
            (
                "Welford, SIMD",
                table.host("Welford, SIMD", || welford_lanes(&values)),
            ),
            (
                "Welford, threads",
                table.host("Welford, SIMD, threads", || welford_threads(&values)),
            ),
        ];
        if let Some(device) = harness.device() {
            let values = device.upload_floats(&values)?;
            let mut of_blocks = device.zeros(3 * n_blocks(values.len()))?;
            table.device("Welford, GPU", device, || {
                launch(device, &values, &mut of_blocks)
            })?;
            moments.push(("Welford, GPU", merge_blocks(device, &of_blocks)?));
        }
        let relative = |x: f32| (f64::from(x) - variance).abs() / variance.max(f64::MIN_POSITIVE);
        for (what, result) in [("naive", naive), ("two passes", two_passes)] {
            harness.print(format_args!(
                "{what}: a variance of {result:e}, {:.1e} of it wrong",
                relative(result)
            ))?;
        }
        let unit = f64::from(f32::EPSILON) / 2.0;
        let condition = (1.0 + mean * mean / variance.max(f64::MIN_POSITIVE)).sqrt();
        let growth = (numbers.growth)(n);
        for (what, moments) in moments {
            let [_, result] = mean_and_variance(moments).map(f64::from);
            // The bound of the table at the top, relative; a variance of 0 comes out as what rounding
            // leaves of the mean's square.
            let limit = growth * (condition * unit * variance + unit * unit * mean * mean);
            harness.check(
                &format!("variance by {what}"),
                (result - variance).abs(),
                limit,
            )?;
        }
        harness.print_table(table)
    }
}
