//! Logistic regression: the probability that a sample's target is 1, `p = 1 / (1 + e^-z)` with `z = w · x + b`.
//!
//! The weights are those that make the targets most likely: `L = Σ ln(1 + e^z) - y z` at its least, a convex
//! function with the gradient `Σ (p - y) x` and the second derivatives `H = Σ p (1 - p) x xᵀ`. **Newton's
//! method**, `w ← w - H⁻¹ ∇L`, is least squares again and again with the weights `p (1 - p)` of the samples
//! (IRLS), `N D²` operations a step: near the end each step doubles the digits. **Gradient descent** takes
//! `N D` operations a step; with the step `1 / (tr Σ x xᵀ / 4)` `L` always falls, by a factor of `1 - 1/κ`
//! near the end, where `κ` is the condition of `H`. Features are scaled to a mean of 0 and a variance of 1
//! first, which Newton's method does not need, and gradient descent does.
//!
//! **Separable samples.** If a plane has all samples with 1 on one side and all with 0 on the other, longer
//! weights always make them more likely: `L` has no minimum, and falls to 0. Where `L < ln 2`, no sample's
//! term is above `ln 2`, and so each is on its side: that is a proof of it, and is reported. If some lie on
//! the plane itself, `L` does not fall to 0, but the steps do not get shorter. A penalty, `λ/2 |w|²` of the
//! scaled weights without the bias, gives a minimum to all samples, if only both targets occur.
//!
//! **Caveats.** `ln(1 + e^z)` is computed as `max(z, 0) + ln(1 + e^-|z|)`, which overflows nowhere; a full
//! step of Newton's may overshoot, and is halved until `L` falls. The standard errors are the roots of
//! `H⁻¹`'s diagonal; with a penalty they are too small.
//!
//! Source: Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning" (2009), section 4.4;
//! Albert and Anderson, "On the existence of maximum likelihood estimates in logistic regression models",
//! Biometrika 71 (1984).

mod methods;
mod scores;

use clap::Args;
use gpu::fundamentals::logistic_regression;
use rayon::prelude::*;

use super::linear_regression::print_weights;
use super::samples::{Samples, Source, penalty};
use super::scatter::{self, DeviceSums};
use crate::backend::CudaBackend;
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::fundamentals::{Algorithm, Harness, Work, harness};
use crate::{Error, Result};

pub use methods::{Fit, descend, gradient_error, gradient_limit, newton};
use scores::Scores;

/// What the help says of the columns of a file.
pub const TARGET: &str = "Of a CSV file the last of the --columns is the target, 0 or 1.";

/// Steps of gradient descent that are shown.
const DESCENT_STEPS: usize = 100;

/// The options of `logistic-regression`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// What half of the square of a scaled weight costs; 0 is the greatest likelihood
    #[arg(long, value_name = "NUMBER", default_value_t = 0.0, value_parser = penalty)]
    penalty: f64,

    #[command(flatten)]
    source: Source,
}

/// Samples as the methods take them.
pub struct Problem {
    /// The features, scaled, and a 1 for the bias in the last column: `[N, D]`.
    pub rows: Vec<f64>,
    /// 0 or 1 for each row.
    pub targets: Vec<f64>,
    /// What half of the square of a weight costs.
    pub penalty: f64,
    /// The features' means.
    means: Vec<f64>,
    /// What the features were divided by.
    scales: Vec<f64>,
}

/// What a step is taken from, at some parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// L.
    pub loss: f64,
    /// Its gradient, `[D]`.
    pub gradient: Vec<f64>,
    /// Its second derivatives, `[D, D]`.
    pub curvature: Vec<f64>,
}

/// How the terms are added up, without the penalty.
pub type Version = fn(&Problem, &[f64]) -> Terms;

/// The versions for the CPU.
pub const VERSIONS: [(&str, Version); 2] = [("plain", plain), ("SIMD, threads", by_threads)];

impl Problem {
    /// From a table `[N, D]` whose last column is the target.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if a target is neither 0 nor 1, or one of them is missing, or a feature is constant
    /// and no penalty decides what its weight is.
    pub fn new(table: &[f64], n_columns: usize, penalty: f64) -> Result<Problem> {
        let n = n_columns - 1;
        let targets: Vec<f64> = table.iter().skip(n).step_by(n_columns).copied().collect();
        if let Some(row) = targets.iter().position(|&y| y != 0.0 && y != 1.0) {
            return Err(Error::Input(format!(
                "the target of sample {} is {}: expected 0 or 1",
                row + 1,
                targets[row]
            )));
        }
        if targets.iter().all(|&y| y == targets[0]) {
            return Err(Error::Input(format!(
                "all targets are {}: samples of both are needed to learn what tells them apart",
                targets[0]
            )));
        }
        let scatter = scatter::by_threads(table, n_columns);
        let constant = |&column: &usize| scatter.is_constant(column);
        if let Some(column) = (0..n).find(constant).filter(|_| penalty == 0.0) {
            return Err(Error::Input(format!(
                "column {} is constant: its weight and the bias cannot be told apart; leave it out, or take \
                 a --penalty",
                column + 1
            )));
        }
        let scales: Vec<f64> = (0..n)
            .map(|column| match scatter.is_constant(column) {
                // Divided by infinity, it is 0 in all rows.
                true => f64::INFINITY,
                false => (scatter.squares(column) / scatter.n_rows as f64).sqrt(),
            })
            .collect();
        if let Some(column) = (0..n).find(|&column| !scatter.squares(column).is_finite()) {
            return Err(Error::Input(format!(
                "column {}: the squares of its numbers overflow; take smaller units",
                column + 1
            )));
        }
        let mut rows = table.to_vec();
        for row in rows.chunks_exact_mut(n_columns) {
            for ((x, mean), scale) in row.iter_mut().zip(&scatter.means).zip(&scales) {
                *x = (*x - mean) / scale;
            }
            row[n] = 1.0;
        }
        let mut means = scatter.means;
        means.truncate(n);
        Ok(Problem {
            rows,
            targets,
            penalty,
            means,
            scales,
        })
    }

    /// D, with the bias.
    pub fn n_columns(&self) -> usize {
        self.means.len() + 1
    }

    /// The weights of the features as they came, and the bias.
    pub fn unscaled(&self, parameters: &[f64]) -> (Vec<f64>, f64) {
        let (bias, weights) = parameters.split_last().expect("there is a bias");
        let weights: Vec<f64> = weights
            .iter()
            .zip(&self.scales)
            .map(|(w, s)| w / s)
            .collect();
        let products = weights.iter().zip(&self.means).map(|(w, mean)| w * mean);
        let bias = bias - products.sum::<f64>();
        (weights, bias)
    }

    /// Adds the penalty.
    fn penalize(&self, terms: &mut Terms, parameters: &[f64]) {
        let n = self.n_columns();
        for (idx, w) in parameters[..n - 1].iter().enumerate() {
            terms.loss += 0.5 * self.penalty * w * w;
            terms.gradient[idx] += self.penalty * w;
            terms.curvature[idx * (n + 1)] += self.penalty;
        }
    }
}

/// Of a sample with the score `z` and the target `y`: the loss, and its derivatives by the score.
pub fn of_score(z: f64, y: f64) -> [f64; 3] {
    let e = (-z.abs()).exp();
    let larger = 1.0 / (1.0 + e);
    let p = if z >= 0.0 { larger } else { e * larger };
    let loss = z.max(0.0) - y * z + e.ln_1p();
    [loss, p - y, e * larger * larger]
}

/// Row after row, as the formulas have it.
pub fn plain(problem: &Problem, parameters: &[f64]) -> Terms {
    let n = parameters.len();
    let mut terms = Terms {
        loss: 0.0,
        gradient: vec![0.0; n],
        curvature: vec![0.0; n * n],
    };
    for (row, &y) in problem.rows.chunks_exact(n).zip(&problem.targets) {
        let z = row.iter().zip(parameters).map(|(x, w)| x * w).sum();
        let [loss, slope, curvature] = of_score(z, y);
        terms.loss += loss;
        for (i, a) in row.iter().enumerate() {
            terms.gradient[i] += slope * a;
            for (j, b) in row.iter().enumerate() {
                terms.curvature[i * n + j] += curvature * a * b;
            }
        }
    }
    terms
}

/// The same with vectors and on all threads: a part of the rows for each.
pub fn by_threads(problem: &Problem, parameters: &[f64]) -> Terms {
    let n = parameters.len();
    let n_rows = scatter::n_rows_of_part(problem.targets.len(), n);
    let zeros = vec![0.0; n];
    // A part's loss, gradient and second derivatives, one behind the other.
    let parts: Vec<Vec<f64>> = problem
        .rows
        .par_chunks(n_rows * n)
        .zip(problem.targets.par_chunks(n_rows))
        .map(|(rows, targets)| {
            let mut sums = vec![0.0; 1 + n + n * n];
            let (loss, rest) = sums.split_first_mut().expect("there is a loss");
            let (gradient, products) = rest.split_at_mut(n);
            let mut scores = Scores::new(rows, targets, parameters);
            scatter::add_products(rows, &zeros, Some(&mut scores), gradient, products);
            *loss = scores.loss();
            sums
        })
        .collect();
    let mut sums = scatter::add_parts(&parts);
    let mut curvature = sums.split_off(1 + n);
    scatter::mirror(&mut curvature, n);
    Terms {
        loss: sums[0],
        gradient: sums.split_off(1),
        curvature,
    }
}

/// The samples on a device.
pub struct OnDevice<'a> {
    device: &'a CudaBackend,
    sums: DeviceSums<'a>,
    rows: Buffer<f64>,
    targets: Buffer<f64>,
    losses: Buffer<f64>,
    slopes: Buffer<f64>,
    curvatures: Buffer<f64>,
    loss: Buffer<f64>,
    gradient: Buffer<f64>,
    curvature: Buffer<f64>,
}

impl<'a> OnDevice<'a> {
    /// Puts them there.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn new(device: &'a CudaBackend, problem: &Problem) -> Result<Self> {
        let (n_rows, n) = (problem.targets.len(), problem.n_columns());
        Ok(OnDevice {
            device,
            sums: DeviceSums::new(device, n_rows, n)?,
            rows: device.upload(&problem.rows)?,
            targets: device.upload(&problem.targets)?,
            losses: device.zeroed(n_rows)?,
            slopes: device.zeroed(n_rows)?,
            curvatures: device.zeroed(n_rows)?,
            loss: device.zeroed(1)?,
            gradient: device.zeroed(n)?,
            curvature: device.zeroed(n * n)?,
        })
    }

    /// Their terms, without the penalty.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn terms(&mut self, parameters: &[f64]) -> Result<Terms> {
        let check = Operation("score_samples");
        let (n_rows, n) = (self.targets.len(), parameters.len());
        let on_device = self.device.upload(parameters)?;
        let arguments = logistic_regression::score_samples {
            table: check.argument("table", &self.rows, &[n_rows, n])?,
            targets: self.targets.slice(0..n_rows),
            parameters: on_device.slice(0..n),
            losses: self.losses.slice_mut(0..n_rows),
            slopes: self.slopes.slice_mut(0..n_rows),
            curvatures: self.curvatures.slice_mut(0..n_rows),
        };
        let config = check.warps(n_rows, logistic_regression::N_THREADS)?;
        // SAFETY: a warp for each row.
        unsafe { self.device.launch(config, arguments)? };
        let (sums, rows) = (&mut self.sums, &self.rows);
        sums.sums(&self.losses, 1, None, 1.0, &mut self.loss)?;
        sums.sums(rows, n, Some(&self.slopes), 1.0, &mut self.gradient)?;
        sums.products(rows, None, Some(&self.curvatures), &mut self.curvature)?;
        let mut curvature = self.device.download(&self.curvature, n * n)?;
        scatter::mirror(&mut curvature, n);
        Ok(Terms {
            loss: self.device.download(&self.loss, 1)?[0],
            gradient: self.device.download(&self.gradient, n)?,
            curvature,
        })
    }
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let samples = self.source.read(harness, 0.0, |z, random| {
            f64::from(u8::from(random.uniform() < 1.0 / (1.0 + (-z).exp())))
        })?;
        let Samples {
            table,
            n_columns,
            truth,
        } = &samples;
        let n_rows = samples.n_rows();
        let problem = Problem::new(table, *n_columns, self.penalty)?;
        let fit = newton(&problem, |problem, w| Ok(by_threads(problem, w)))?;
        let descent = descend(&problem, DESCENT_STEPS, |problem, w| {
            Ok(by_threads(problem, w))
        })?;

        let best = fit.losses[fit.losses.len() - 1];
        harness.print(format_args!(
            "{n_rows} samples of {} features: the loss is {:.6} a sample; by how much it is above that:",
            n_columns - 1,
            best / n_rows as f64
        ))?;
        harness.print(format_args!(
            "{:>6}{:>14}{:>18}",
            "step", "Newton", "gradient descent"
        ))?;
        let n_newton = fit.losses.len() - 1;
        for step in (0..=n_newton).chain([20, 50, 100]) {
            let above = |losses: &[f64]| {
                let loss = losses.get(step).copied().unwrap_or(best);
                (loss - best).max(0.0) / n_rows as f64
            };
            let newton = match step > n_newton {
                true => "-".to_owned(),
                false => format!("{:.2e}", above(&fit.losses)),
            };
            harness.print(format_args!(
                "{step:>6}{newton:>14}{:>18.2e}",
                above(&descent)
            ))?;
        }
        let (weights, bias) = problem.unscaled(&fit.parameters);
        let errors: Vec<f64> = fit
            .variances
            .iter()
            .zip(&problem.scales)
            .map(|(variance, scale)| variance.sqrt() / scale)
            .collect();
        print_weights(harness, &weights, Some(&errors), truth.as_deref())?;
        harness.print(format_args!("{:>8} {bias:>13.6}", "bias"))?;

        let [n, d] = [n_rows, *n_columns].map(|count| count as f64);
        // Of the terms; what an exponential and a logarithm take is not counted.
        let mut timed = harness.table(Work {
            bytes: 8.0 * n * (d + 1.0),
            operations: n * (d * (d + 1.0) + 4.0 * d),
        });
        harness.check(
            "gradient",
            gradient_error(&problem, &fit.parameters),
            gradient_limit(&problem),
        )?;
        let mut all = Vec::new();
        for (version, terms) in VERSIONS {
            let terms = timed.host(&format!("loss and derivatives, {version}"), || {
                terms(&problem, &fit.parameters)
            });
            all.push((version, terms));
        }
        if let Some(device) = harness.device() {
            let mut on_device = OnDevice::new(device, &problem)?;
            let terms = timed.device("loss and derivatives, GPU", device, || {
                on_device.terms(&fit.parameters)
            })?;
            all.push(("GPU", terms));
        }
        let limit = gradient_limit(&problem);
        for (version, terms) in &all {
            harness.check(version, difference(terms, &all[0].1), limit)?;
        }
        harness.print_table(timed)
    }
}

/// By how much the losses and second derivatives of two versions differ, relatively.
pub fn difference(terms: &Terms, expected: &Terms) -> f64 {
    let n = terms.gradient.len();
    let size = |place: usize| {
        let diagonal = |idx: usize| expected.curvature[idx * (n + 1)];
        (diagonal(place / n) * diagonal(place % n)).sqrt()
    };
    let products = terms.curvature.iter().zip(&expected.curvature).enumerate();
    let products = products.map(|(place, (a, b))| match a == b {
        true => 0.0,
        false => (a - b).abs() / size(place),
    });
    harness::largest(products.chain([(terms.loss - expected.loss).abs() / expected.loss]))
}
