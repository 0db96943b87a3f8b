//! Softmax and the logarithm of a sum of exponentials, done wrongly and rightly.
//!
//! `lse(x) = ln Σ e^xᵢ` and `softmax(x)ᵢ = e^(xᵢ - lse(x))`. Computed as they are written, `e^xᵢ` is
//! infinite in `f32` from `xᵢ = 88.8`, and `∞ / ∞` is NaN; where all `xᵢ` are below `-104`, all
//! exponentials are 0 and so is what one divides by. Both are the same for `x - c` with any `c`, up to
//! `lse(x - c) = lse(x) - c`; with the largest of them, `c = max x`, the largest exponential is 1, and
//! those that vanish are the ones that do not count.
//!
//! That takes three passes: maximum, sum, quotients. The **online** form keeps the maximum `m` so far
//! and the sum `s` of `e^(xᵢ - m)`, and with a new maximum `m'` scales `s` by `e^(m - m')`: one pass less
//! over memory (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018), which is
//! what flash attention is built on.
//!
//! **Caveats.** The result's error is about that of `x` itself times `|x|`: an `x` of 1000 known to 24
//! bits has exponentials known to 15. A row with NaN or with infinity as its largest is NaN.
//!
//! Source: Blanchard, Higham and Higham, "Accurately computing the log-sum-exp and softmax functions",
//! IMA Journal of Numerical Analysis 41 (2021).

use std::num::NonZero;

use clap::Args;
use rand::RngExt;

use crate::Result;
use crate::backend::{CudaBackend, HostBackend, SoftmaxForward, SoftmaxOperations};
use crate::fundamentals::data::count;
use crate::fundamentals::{Algorithm, Harness, Work, harness};

/// The options of `softmax`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Rows, each with a softmax of its own
    #[arg(long, value_name = "N", default_value_t = 2048, value_parser = count)]
    rows: usize,

    /// Numbers of a row
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = count)]
    columns: usize,

    /// Added to all numbers, which are uniform between -10 and 10: a softmax does not depend on it
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    offset: f32,
}

/// `ln Σ e^x`, as it is written: infinite from 88.8 on.
pub fn log_sum_exp_naive(x: &[f32]) -> f32 {
    x.iter().map(|x| x.exp()).sum::<f32>().ln()
}

/// `ln Σ e^x`; `-∞` of nothing.
pub fn log_sum_exp(x: &[f32]) -> f32 {
    let max = largest(x);
    if max == f32::NEG_INFINITY {
        return max;
    }
    max + x.iter().map(|x| (x - max).exp()).sum::<f32>().ln()
}

/// Softmax, as it is written: NaN where an exponential is infinite or all of them are 0.
pub fn softmax_naive(x: &[f32], y: &mut [f32]) {
    let sum: f32 = x.iter().map(|x| x.exp()).sum();
    for (y, x) in y.iter_mut().zip(x) {
        *y = x.exp() / sum;
    }
}

/// Softmax in three passes.
pub fn softmax(x: &[f32], y: &mut [f32]) {
    let max = largest(x);
    let mut sum = 0.0;
    for (y, x) in y.iter_mut().zip(x) {
        *y = (x - max).exp();
        sum += *y;
    }
    for y in y {
        *y /= sum;
    }
}

/// Softmax in two passes: maximum and sum at once.
pub fn softmax_online(x: &[f32], y: &mut [f32]) {
    let (mut max, mut sum) = (f32::NEG_INFINITY, 0.0);
    for &x in x {
        // An exponential of 0, and nothing to compare it with as long as there is no other.
        if x == f32::NEG_INFINITY {
            continue;
        }
        if x > max || x.is_nan() {
            sum *= (max - x).exp();
            max = x;
        }
        sum += (x - max).exp();
    }
    for (y, x) in y.iter_mut().zip(x) {
        *y = (x - max).exp() / sum;
    }
}

/// The largest, NaN if there is one.
fn largest(x: &[f32]) -> f32 {
    x.iter().fold(f32::NEG_INFINITY, |max, &x| {
        if x > max || x.is_nan() { x } else { max }
    })
}

/// Rows of a softmax on the CPU with vectors and threads, or on a device: the operation that networks
/// use.
struct Rows<'a, B: SoftmaxOperations> {
    backend: &'a B,
    x: B::Floats,
    y: B::Floats,
    n_rows: usize,
    n_values: usize,
}

impl<'a, B: SoftmaxOperations> Rows<'a, B> {
    fn new(backend: &'a B, x: &[f32], n_values: usize) -> Result<Self> {
        Ok(Rows {
            backend,
            x: backend.upload_floats(x)?,
            y: backend.zeros(x.len())?,
            n_rows: x.len() / n_values,
            n_values,
        })
    }

    fn run(&mut self) -> Result<()> {
        self.backend.softmax_forward(SoftmaxForward {
            x: &self.x,
            y: &mut self.y,
            n_rows: self.n_rows,
            n_values: self.n_values,
        })
    }

    fn result(&self) -> Result<Vec<f32>> {
        self.backend.download_floats(&self.y)
    }
}

/// The softmax of rows of `n_values` on a device.
///
/// # Errors
///
/// If `n_values` is 0, or the device fails.
pub fn softmax_device(device: &CudaBackend, x: &[f32], n_values: usize) -> Result<Vec<f32>> {
    let mut rows = Rows::new(device, x, n_values)?;
    rows.run()?;
    rows.result()
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let n = self.columns;
        let mut random = harness.random();
        let mut uniform = || self.offset + random.random_range(-10.0_f32..10.0);
        let x: Vec<f32> = (0..self.rows * n).map(|_| uniform()).collect();
        let first = &x[..n];
        harness.print(format_args!(
            "of the first row, ln Σ e^x is {}; as it is written it comes out as {}",
            log_sum_exp(first),
            log_sum_exp_naive(first)
        ))?;

        let mut table = harness.table(Work {
            bytes: 8.0 * x.len() as f64,
            // An exponential counts as one, beside a difference, a sum and a quotient.
            operations: 4.0 * x.len() as f64,
        });
        let mut plain = |version: &str, f: fn(&[f32], &mut [f32])| {
            let mut y = vec![0.0; x.len()];
            table.host(version, || {
                for (x, y) in x.chunks(n).zip(y.chunks_mut(n)) {
                    f(x, y);
                }
            });
            y
        };
        plain("naive", softmax_naive);
        let mut results = vec![
            ("three passes", plain("three passes", softmax)),
            ("online", plain("online, two passes", softmax_online)),
        ];
        for (version, n_threads) in [
            ("SIMD", Some(NonZero::<usize>::MIN)),
            ("SIMD, threads", NonZero::new(rayon::current_num_threads())),
        ] {
            let host = HostBackend::new(n_threads)?;
            let mut rows = Rows::new(&host, &x, n)?;
            table.host(version, || host.install(|| rows.run()))?;
            results.push((version, rows.result()?));
        }
        if let Some(device) = harness.device() {
            let mut rows = Rows::new(device, &x, n)?;
            table.device("GPU", device, || rows.run())?;
            results.push(("GPU", rows.result()?));
        }
        // `x - max` is rounded, to half a unit of its last place, which changes its exponential by as
        // much; so do the sum, with a rounding for each of its terms, and the functions' own errors.
        let largest = x.iter().fold(0.0_f32, |max, x| max.max(x.abs()));
        let limit = f64::from(f32::EPSILON) * (20.0 + n as f64 + f64::from(largest) * 1e-3);
        for (what, y) in results {
            let rows = x.chunks(n).zip(y.chunks(n));
            let error = harness::largest(rows.map(|(x, y)| error_of_row(x, y)));
            harness.check(what, error, limit)?;
        }
        harness.print_table(table)
    }
}

/// The largest relative error of a softmax, against one in `f64`.
fn error_of_row(x: &[f32], y: &[f32]) -> f64 {
    let max = f64::from(largest(x));
    let exponential = |x: f32| (f64::from(x) - max).exp();
    let sum: f64 = x.iter().map(|&x| exponential(x)).sum();
    let errors = x.iter().zip(y).map(|(&x, &y)| {
        let exact = exponential(x) / sum;
        (f64::from(y) - exact).abs() / exact
    });
    harness::largest(errors)
}
