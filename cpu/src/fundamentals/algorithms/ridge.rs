//! Ridge regression: a linear function with small weights, `Σ (w · x + b - y)² + λ |w|²` at its least.
//!
//! The closed form is that of [`linear_regression`](super::linear_regression) with `λ` on the diagonal,
//! `(Sₓₓ + λ I) w = Sₓᵧ`, about the means, so that the bias is not penalized. Along a direction in which
//! the features scatter by `σ²` the weight shrinks by `σ² / (σ² + λ)`: what the samples say little of is
//! given up first. Of `D` parameters `tr Sₓₓ (Sₓₓ + λ I)⁻¹ = D - λ tr (Sₓₓ + λ I)⁻¹` remain. With features that
//! nearly repeat each other the weights of least squares are large and of both signs, and predict new
//! samples badly; a little `λ` costs some bias and takes most of their variance away.
//!
//! The condition of the equations is at most `1 + σ²_max / λ`, so that Cholesky's factors exist for any
//! table, with fewer samples than features, too, unless `λ` is within the rounding of `Sₓₓ`.
//!
//! **Caveats.** `λ` is in units of the squares of the features: one that is measured in other units shrinks
//! otherwise. `λ = 0` is least squares.
//!
//! Source: Hoerl and Kennard, "Ridge regression: biased estimation for nonorthogonal problems",
//! Technometrics 12 (1970); Hastie, Tibshirani and Friedman, section 3.4.

use clap::Args;

use super::linear_regression::{Linear, backward_error, backward_limit, fit, print_weights, work};
use super::samples::{Samples, Source, penalty};
use super::scatter::{self, OnDevice};
use crate::Result;
use crate::fundamentals::{Algorithm, Harness};

/// How much random features have in common: pairs of them differ by about a thousandth.
const CORRELATION: f64 = 1.0 - 1e-6;
/// The standard deviation of the noise in random targets.
const NOISE: f64 = 0.5;

/// The options of `ridge`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// What a weight's square costs, in units of the features' squares; 0 is least squares
    #[arg(long, value_name = "NUMBER", default_value_t = 1.0, value_parser = penalty)]
    penalty: f64,

    #[command(flatten)]
    source: Source,
}

/// The parameters that a penalty leaves of those of the features.
pub fn degrees_of_freedom(linear: &Linear, penalty: f64) -> f64 {
    linear.weights.len() as f64 - penalty * linear.variances.iter().sum::<f64>()
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let samples = self.source.read(harness, CORRELATION, |sum, random| {
            sum + NOISE * random.normal()
        })?;
        let Samples {
            table,
            n_columns,
            truth,
        } = &samples;
        let n_rows = samples.n_rows();
        print_path(harness, table, *n_columns)?;

        let mut timed = harness.table(work(n_rows, *n_columns));
        let mut results = Vec::new();
        for (version, sum_up) in scatter::VERSIONS {
            let linear = timed.host(version, || fit(&sum_up(table, *n_columns), self.penalty))?;
            results.push((version, linear));
        }
        if let Some(device) = harness.device() {
            let mut on_device = OnDevice::new(device, table, *n_columns)?;
            let linear =
                timed.device("GPU", device, || fit(&on_device.scatter()?, self.penalty))?;
            results.push(("GPU", linear));
        }

        let linear = &results[0].1;
        harness.print(format_args!(
            "all {n_rows} samples, with a penalty of {}: {:.3} parameters remain of {}",
            self.penalty,
            degrees_of_freedom(linear, self.penalty),
            linear.weights.len()
        ))?;
        print_weights(harness, &linear.weights, None, truth.as_deref())?;
        for (what, linear) in &results {
            let error = backward_error(table, linear, self.penalty);
            harness.check(what, error, backward_limit(n_rows, *n_columns))?;
        }
        harness.print_table(timed)
    }
}

/// Shows what penalties do, to the weights and to the errors of samples that were left out.
fn print_path(harness: &mut Harness, table: &[f64], n_columns: usize) -> Result<()> {
    const EVERY: usize = 4;
    let rows = || table.chunks_exact(n_columns).enumerate();
    let choose = |left_out: bool| -> Vec<f64> {
        let chosen = rows().filter(|(idx, _)| (idx % EVERY == EVERY - 1) == left_out);
        chosen.flat_map(|(_, row)| row).copied().collect()
    };
    let (learned, left_out) = (choose(false), choose(true));
    if left_out.is_empty() {
        return harness.print("too few samples to leave some out");
    }
    let scatter = scatter::by_threads(&learned, n_columns);
    harness.print(format_args!(
        "without every {EVERY}th sample, which is then predicted:"
    ))?;
    harness.print(format_args!(
        "{:>10}{:>14}{:>12}{:>18}{:>18}",
        "penalty", "parameters", "|w|", "error, learned", "error, left out"
    ))?;
    for penalty in [0.0, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1e3] {
        let Ok(linear) = fit(&scatter, penalty) else {
            harness.print(format_args!("{penalty:>10}  not determined"))?;
            continue;
        };
        let error = |table: &[f64]| {
            let squares: f64 = linear.residuals(table).map(|r| r * r).sum();
            (squares / (table.len() / n_columns) as f64).sqrt()
        };
        let length = linear.weights.iter().map(|w| w * w).sum::<f64>().sqrt();
        harness.print(format_args!(
            "{penalty:>10}{:>14.4}{length:>12.4}{:>18.6}{:>18.6}",
            degrees_of_freedom(&linear, penalty),
            error(&learned),
            error(&left_out)
        ))?;
    }
    harness.print("")
}
