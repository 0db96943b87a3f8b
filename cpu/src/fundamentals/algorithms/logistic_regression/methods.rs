//! Newton's method and gradient descent.

use super::super::cholesky;
use super::{Problem, Terms, of_score};
use crate::fundamentals::harness;
use crate::{Error, Result};

/// Steps of Newton's method after which it is given up.
const MAX_STEPS: usize = 60;
/// Newton's method ends with a step that changes no parameter by more; the next one would be its square.
const SHORTEST_STEP: f64 = 1e-8;
/// Where a method ends.
#[derive(Debug, Clone)]
pub struct Fit {
    /// The parameters of the scaled features, the bias in the end.
    pub parameters: Vec<f64>,
    /// The diagonal of the inverse of the second derivatives there.
    pub variances: Vec<f64>,
    /// The loss with the penalty, before each step and in the end.
    pub losses: Vec<f64>,
}

/// The minimum by Newton's method, with what adds up the terms.
///
/// # Errors
///
/// [`Error::Input`] if there is none, or it is not determined; whatever `terms` fails with.
pub fn newton(
    problem: &Problem,
    mut terms: impl FnMut(&Problem, &[f64]) -> Result<Terms>,
) -> Result<Fit> {
    let n = problem.n_columns();
    let n_rows = problem.targets.len() as f64;
    let mut penalized = |parameters: &[f64]| -> Result<Terms> {
        let mut terms = terms(problem, parameters)?;
        if problem.penalty == 0.0 && terms.loss < 2.0_f64.ln() {
            return Err(Error::Input(
                "a plane separates the samples of the two targets: the longer the weights, the likelier \
                 the targets, and no weights are the best; take a --penalty"
                    .to_owned(),
            ));
        }
        problem.penalize(&mut terms, parameters);
        Ok(terms)
    };
    let mut parameters = vec![0.0; n];
    let mut now = penalized(&parameters)?;
    let mut losses = vec![now.loss];
    for step_idx in 0..MAX_STEPS {
        let limit = (n_rows + 4.0 * n as f64) * f64::EPSILON;
        let factor = cholesky::factor(&now.curvature, n, limit).map_err(|column| match step_idx {
            0 => Error::Input(format!(
                "{n_rows} samples do not tell the {n} parameters apart: column {} is a sum of multiples of \
                 others; leave it out, or take a --penalty",
                column + 1
            )),
            _ => no_end(step_idx),
        })?;
        let step = cholesky::solve(&factor, &now.gradient);
        let length = harness::largest(step.iter().map(|x| x.abs()));
        // A sum rounds once for each row.
        let noise = n_rows * f64::EPSILON * now.loss;
        let mut share = 1.0;
        let (next, after) = loop {
            let next: Vec<f64> = parameters
                .iter()
                .zip(&step)
                .map(|(w, s)| w - share * s)
                .collect();
            let after = penalized(&next)?;
            if after.loss <= now.loss + noise {
                break (next, after);
            }
            share /= 2.0;
            if !(share > f64::EPSILON) {
                return Err(no_end(step_idx + 1));
            }
        };
        (parameters, now) = (next, after);
        losses.push(now.loss);
        if length <= SHORTEST_STEP {
            return Ok(Fit {
                parameters,
                variances: cholesky::inverse_diagonal(&factor, n),
                losses,
            });
        }
    }
    Err(no_end(MAX_STEPS))
}

fn no_end(n_steps: usize) -> Error {
    Error::Input(format!(
        "after {n_steps} steps the weights still grow: some samples can be told apart with certainty, and \
         no weights are the best; take a --penalty"
    ))
}

/// The losses of gradient descent, before each step and in the end.
///
/// # Errors
///
/// Whatever `terms` fails with.
pub fn descend(
    problem: &Problem,
    n_steps: usize,
    mut terms: impl FnMut(&Problem, &[f64]) -> Result<Terms>,
) -> Result<Vec<f64>> {
    let n = problem.n_columns();
    // No eigenvalue is above the trace; a scaled column's squares have the sum N.
    let steepest = (problem.targets.len() * n) as f64 / 4.0 + problem.penalty;
    let mut parameters = vec![0.0; n];
    let mut losses = Vec::new();
    loop {
        let mut now = terms(problem, &parameters)?;
        problem.penalize(&mut now, &parameters);
        losses.push(now.loss);
        if losses.len() > n_steps {
            return Ok(losses);
        }
        for (w, slope) in parameters.iter_mut().zip(&now.gradient) {
            *w -= slope / steepest;
        }
    }
}

/// The gradient at parameters, in units of its terms: the largest `|Σ (p - y) x + λ w|` as a share of
/// `Σ |p - y| |x| + λ |w|`.
pub fn gradient_error(problem: &Problem, parameters: &[f64]) -> f64 {
    let n = parameters.len();
    let (mut sums, mut sizes) = (vec![0.0; n], vec![0.0; n]);
    for (row, &y) in problem.rows.chunks_exact(n).zip(&problem.targets) {
        let z = row.iter().zip(parameters).map(|(x, w)| x * w).sum();
        let [_, slope, _] = of_score(z, y);
        for ((sum, size), x) in sums.iter_mut().zip(&mut sizes).zip(row) {
            *sum += slope * x;
            *size += (slope * x).abs();
        }
    }
    for (idx, w) in parameters[..n - 1].iter().enumerate() {
        sums[idx] += problem.penalty * w;
        sizes[idx] += (problem.penalty * w).abs();
    }
    let shares = sums.iter().zip(&sizes);
    harness::largest(shares.map(|(sum, size)| if *sum == 0.0 { 0.0 } else { sum.abs() / size }))
}

/// What [`gradient_error`] may be: sums round once for each row, scores once for each column, and of the
/// last step its square is left.
pub fn gradient_limit(problem: &Problem) -> f64 {
    let size = problem.targets.len() + 16 * problem.n_columns();
    size as f64 * f64::EPSILON + 100.0 * SHORTEST_STEP * SHORTEST_STEP
}
