//! Linear regression: the weights `w` and the bias `b` that make `Σ (w · x + b - y)²` as small as it gets.
//!
//! Where the gradient is 0, the residuals `r = y - w · x - b` are orthogonal to every feature: the normal
//! equations, `Sₓₓ w = Sₓᵧ` and `b = ȳ - w · x̄`, with the [`scatter`] of features and target about their
//! means. [Cholesky's factors](super::cholesky) solve them: `N D²` operations for the scatter, `D³/3` for the
//! factors. With noise of variance `σ²` in the targets the weights' variances are `σ² (Sₓₓ⁻¹)ⱼⱼ`, another `2 D³`.
//!
//! **Caveats.** `Sₓₓ` has the *square* of the condition `κ` of the centered table: of 16 digits `2 log₁₀ κ` are
//! lost, where [a QR decomposition](crate::fundamentals::linear_algebra::least_squares) of the table itself loses
//! `log₁₀ κ` if the residuals are small. A pivot is 0 but for rounding, which is within `2 N u`, if a column is
//! constant, or a sum of multiples of others: such columns are refused, and with them all from `κ = 1 / √(2 N u)`
//! on, 10⁸ for few samples. Taking the means off first spares the digits that an offset costs; the columns'
//! scales do not count. What has to be predicted from such columns all the same is for [`ridge`](super::ridge).
//!
//! Source: Björck, "Numerical Methods for Least Squares Problems" (1996), section 2.2; Hastie, Tibshirani
//! and Friedman, "The Elements of Statistical Learning" (2009), section 3.2.

use clap::Args;

use super::cholesky;
use super::samples::{Samples, Source};
use super::scatter::{self, OnDevice, Scatter};
use crate::fundamentals::{Algorithm, Harness, Work, harness};
use crate::{Error, Result};

/// The standard deviation of the noise in random targets.
const NOISE: f64 = 0.5;
/// Weights that are shown.
const MAX_SHOWN: usize = 20;

/// The options of `linear-regression`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    #[command(flatten)]
    source: Source,
}

/// A linear function.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// The weight of each feature.
    pub weights: Vec<f64>,
    /// Its value where all features are 0.
    pub bias: f64,
    /// The diagonal of the inverse of `Sₓₓ`: the weights' variances, as shares of the noise's.
    pub variances: Vec<f64>,
}

impl Linear {
    /// The value for a sample's features.
    pub fn predict(&self, features: &[f64]) -> f64 {
        let products = self.weights.iter().zip(features).map(|(w, x)| w * x);
        products.fold(self.bias, |sum, product| sum + product)
    }

    /// The residuals of the rows of a table whose last column is the target.
    pub fn residuals<'a>(&'a self, table: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        let n = self.weights.len();
        let rows = table.chunks_exact(n + 1);
        rows.map(move |row| row[n] - self.predict(&row[..n]))
    }
}

/// The best linear function, by the normal equations with `penalty` added to their diagonal, which is 0
/// but for [`ridge`](super::ridge). The last column is the target.
///
/// # Errors
///
/// [`Error::Input`] if the samples do not tell the weights apart: it names the column.
pub fn fit(scatter: &Scatter, penalty: f64) -> Result<Linear> {
    let n_columns = scatter.means.len();
    let n = n_columns - 1;
    if penalty == 0.0 && scatter.n_rows < n_columns {
        return Err(Error::Input(format!(
            "{} samples do not determine the weights of {n} features and a bias: at least {n_columns} do, or \
             `ridge` with fewer",
            scatter.n_rows
        )));
    }
    if let Some(column) = (0..n_columns).find(|&column| !scatter.squares(column).is_finite()) {
        return Err(Error::Input(format!(
            "column {}: the squares of its numbers overflow; take smaller units",
            column + 1
        )));
    }
    let (mut features, mut with_target) = (Vec::with_capacity(n * n), Vec::with_capacity(n));
    for (idx, row) in scatter.products.chunks_exact(n_columns).take(n).enumerate() {
        features.extend_from_slice(&row[..n]);
        features[idx * n + idx] += penalty;
        with_target.push(row[n]);
    }
    let refuse = |column: usize| {
        Error::Input(format!(
            "{} samples do not tell the weights of {n} features apart: column {} is constant, or a sum \
             of multiples of the columns before it; leave it out, or take `ridge` with a larger --penalty",
            scatter.n_rows,
            column + 1
        ))
    };
    if let Some(column) = (0..n).find(|&column| penalty == 0.0 && scatter.is_constant(column)) {
        return Err(refuse(column));
    }
    // What rounding leaves of a pivot that is 0: the sums' errors, and those of the factors.
    let limit = (scatter.n_rows + 4 * n) as f64 * f64::EPSILON;
    let factor = cholesky::factor(&features, n, limit).map_err(refuse)?;
    let weights = cholesky::solve(&factor, &with_target);
    let bias = scatter.means[n]
        - weights
            .iter()
            .zip(&scatter.means)
            .map(|(w, mean)| w * mean)
            .sum::<f64>();
    Ok(Linear {
        variances: cholesky::inverse_diagonal(&factor, n),
        weights,
        bias,
    })
}

/// By how much a function misses the normal equations, in units of what its terms' rounding may be: with
/// columns `x` about their means and `|x| = √Sₓₓ`, the largest `|xⱼ · r - penalty wⱼ| / |xⱼ|` as a share of
/// `Σ |xₖ| |wₖ| + |y|`; or the error of the bias as a share of its terms, if that is larger.
pub fn backward_error(table: &[f64], linear: &Linear, penalty: f64) -> f64 {
    let n = linear.weights.len();
    let scatter = scatter::by_threads(table, n + 1);
    let share = |missed: f64, of: f64| {
        if missed == 0.0 {
            0.0
        } else {
            missed.abs() / of
        }
    };
    // About the means, so that an offset's rounding does not count.
    let mut gradient = vec![0.0; n];
    let mut centered = vec![0.0; n + 1];
    for row in table.chunks_exact(n + 1) {
        for ((y, x), mean) in centered.iter_mut().zip(row).zip(&scatter.means) {
            *y = x - mean;
        }
        let predicted: f64 = linear
            .weights
            .iter()
            .zip(&centered)
            .map(|(w, x)| w * x)
            .sum();
        let residual = centered[n] - predicted;
        for (sum, x) in gradient.iter_mut().zip(&centered) {
            *sum += x * residual;
        }
    }
    let length = |idx: usize, penalty: f64| (scatter.squares(idx) + penalty).sqrt();
    let mut scale = length(n, 0.0);
    let mut bias = scatter.means[n];
    let mut bias_terms = bias.abs();
    for (idx, (weight, mean)) in linear.weights.iter().zip(&scatter.means).enumerate() {
        scale += weight.abs() * length(idx, penalty);
        bias -= weight * mean;
        bias_terms += (weight * mean).abs();
    }
    let missed = gradient.iter().zip(&linear.weights).enumerate();
    let of_weights = missed.map(|(idx, (gradient, weight))| {
        share(gradient - penalty * weight, length(idx, penalty) * scale)
    });
    harness::largest(of_weights.chain([share(bias - linear.bias, bias_terms)]))
}

/// What [`backward_error`] may be: each of the scatter's sums rounds once for each row, and Cholesky's
/// factors are exact for a matrix that is `4 (3 D + 1) u` away.
pub fn backward_limit(n_rows: usize, n_columns: usize) -> f64 {
    (n_rows + 12 * n_columns) as f64 * f64::EPSILON
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let samples = self
            .source
            .read(harness, 0.0, |sum, random| sum + NOISE * random.normal())?;
        let Samples {
            table,
            n_columns,
            truth,
        } = &samples;
        let (n_rows, n) = (samples.n_rows(), n_columns - 1);
        let mut timed = harness.table(work(n_rows, *n_columns));
        let mut results = Vec::new();
        for (version, sum_up) in scatter::VERSIONS {
            let linear = timed.host(version, || fit(&sum_up(table, *n_columns), 0.0))?;
            results.push((version, linear));
        }
        if let Some(device) = harness.device() {
            let mut on_device = OnDevice::new(device, table, *n_columns)?;
            let linear = timed.device("GPU", device, || fit(&on_device.scatter()?, 0.0))?;
            results.push(("GPU", linear));
        }

        let linear = &results[0].1;
        let errors: f64 = linear.residuals(table).map(|r| r * r).sum();
        // As many residuals as there are parameters can be made 0.
        let noise = errors / n_rows.saturating_sub(*n_columns).max(1) as f64;
        harness.print(format_args!(
            "{n_rows} samples of {n} features: the residuals have a standard deviation of {:.6}, the target \
             one of {:.6}",
            noise.sqrt(),
            deviation(table, *n_columns)
        ))?;
        let errors: Vec<f64> = linear
            .variances
            .iter()
            .map(|v| (noise * v).sqrt())
            .collect();
        print_weights(harness, &linear.weights, Some(&errors), truth.as_deref())?;
        harness.print(format_args!("{:>8} {:>13.6}", "bias", linear.bias))?;
        for (what, linear) in &results {
            let error = backward_error(table, linear, 0.0);
            harness.check(what, error, backward_limit(n_rows, *n_columns))?;
        }
        harness.print_table(timed)
    }
}

/// The standard deviation of the last column.
fn deviation(table: &[f64], n_columns: usize) -> f64 {
    let targets = || table.iter().skip(n_columns - 1).step_by(n_columns);
    let n = targets().len() as f64;
    let mean = targets().sum::<f64>() / n;
    let squares: f64 = targets().map(|y| (y - mean).powi(2)).sum();
    (squares / (n - 1.0).max(1.0)).sqrt()
}

/// What a fit has to read and compute: the scatter, the factors and the inverse's diagonal.
pub fn work(n_rows: usize, n_columns: usize) -> Work {
    let mut work = scatter::work(n_rows, n_columns);
    work.operations += (n_columns as f64 - 1.0).powi(3) * 7.0 / 3.0;
    work
}

/// Shows the first weights, their standard errors, and the true ones, as far as they are known.
pub(super) fn print_weights(
    harness: &mut Harness,
    weights: &[f64],
    errors: Option<&[f64]>,
    truth: Option<&[f64]>,
) -> Result<()> {
    harness.print(format_args!(
        "{:>8}{:>14}{:>16}{:>14}",
        "column", "weight", "standard error", "true weight"
    ))?;
    for (idx, weight) in weights.iter().take(MAX_SHOWN).enumerate() {
        let [error, truth] = [errors, truth]
            .map(|known| known.map_or("-".to_owned(), |known| format!("{:.6}", known[idx])));
        harness.print(format_args!(
            "{:>8} {weight:>13.6} {error:>15} {truth:>13}",
            idx + 1
        ))?;
    }
    match weights.len().saturating_sub(MAX_SHOWN) {
        0 => Ok(()),
        n_more => harness.print(format_args!("and {n_more} more")),
    }
}
