//! Linear equations by conjugate gradients: `A x = b` with a symmetric, positive definite `A` that is never
//! written down, here Poisson's equation on a square.
//!
//! All that is asked of `A` is its product with a vector. Step `k` finds the best `x` among all
//! combinations of `b`, `A b`, ..., `Aᵏ⁻¹ b`, measured by `(x - x*)ᵀ A (x - x*)`, from the one before and a
//! direction `p` that is conjugate to all earlier ones, `pᵢᵀ A pⱼ = 0`:
//!
//! ```text
//! α = r·r / p·Ap    x += α p    r -= α A p    β = new r·r / old r·r    p = r + β p
//! ```
//!
//! **Steps.** After `N` of them it is exact, without rounding; but long before that the error is below
//! `2 ((√κ - 1) / (√κ + 1))ᵏ` of the first one, with the condition `κ`. The residual reaches `ε |b|` after
//! at most `ln(2 √κ / ε) / ln((√κ + 1) / (√κ - 1))`, about `√κ / 2 · ln(2 √κ / ε)` steps; gradient descent
//! needs `κ / 2 · ln(1 / ε)`.
//!
//! **Poisson.** `-Δu = f` inside the unit square, `u = 0` at its edge, on `S x S` points at distances of
//! `h = 1 / (S + 1)`: `4 u` minus the four neighbours is `h² f`. The eigenvalues are
//! `4 sin²(π i h / 2) + 4 sin²(π j h / 2)` for `i` and `j` from 1 to `S`, so `κ = cot²(π h / 2)`, and `√κ`
//! is about `2 S / π`: twice as fine takes twice as many steps. `16 S²` operations and 11 vectors that are
//! read or written for each, so it is as fast as memory is. For `f = 2 y (1 - y) + 2 x (1 - x)` the
//! solution is `x (1 - x) y (1 - y)`, and the second differences of a parabola are exact: so it is that of
//! the equations, too.
//!
//! **Caveats.** Directions lose their conjugacy by rounding, which costs some steps, and the `r` of the
//! recursion drifts away from `b - A x` (Greenbaum, 1997): no tolerance below `κ u` is reached in truth. A
//! matrix that is not positive definite has directions with `p·Ap ≤ 0`, where this stops.
//!
//! Source: Hestenes and Stiefel, "Methods of conjugate gradients for solving linear systems", 1952; Golub
//! and Van Loan, "Matrix Computations" (2013), section 11.3.

mod poisson;

use std::f64::consts::PI;

use clap::Args;

pub use poisson::{
    most_iterations, poisson, residual, residual_limit, root_of_condition, solve_on_device,
    solve_with_threads,
};

use super::vectors::{self, add_multiple, dot, length};
use crate::fundamentals::data::{count, size};
use crate::fundamentals::{Algorithm, Harness, Work};
use crate::{Error, Result};

/// The options of `conjugate-gradient`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Points along each side of the square
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = size)]
    side: usize,

    /// The residual at which it ends, as a share of the right-hand side
    #[arg(long, value_name = "NUMBER", default_value_t = 1e-10, value_parser = tolerance)]
    tolerance: f64,

    /// Steps, at most
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = count)]
    iterations: usize,
}

fn tolerance(text: &str) -> Result<f64, String> {
    let number = text.parse().ok();
    number
        .filter(|number: &f64| *number > 0.0 && *number < 1.0)
        .ok_or_else(|| "expected a number between 0 and 1".to_owned())
}

/// When to end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stop {
    /// At a residual of this share of the right-hand side.
    pub tolerance: f64,
    /// With an error after so many steps.
    pub max_iterations: usize,
}

/// What the steps have come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// The unknowns.
    pub x: Vec<f64>,
    /// The residual of the recursion before each step and after the last one, as a share of the right-hand
    /// side.
    pub residuals: Vec<f64>,
}

impl Solution {
    /// How many steps there were.
    pub fn n_iterations(&self) -> usize {
        self.residuals.len() - 1
    }
}

/// Solves `A x = b`; `product` overwrites its second argument by `A` times its first.
///
/// # Errors
///
/// [`Error::Input`] if `b` is not finite, `A` is not positive definite, or the residual is still too large
/// after the last step.
pub fn conjugate_gradient(
    b: &[f64],
    stop: Stop,
    mut product: impl FnMut(&[f64], &mut [f64]),
) -> Result<Solution> {
    let mut r = scaled(b)?;
    let mut p = r.clone();
    let mut q = vec![0.0; b.len()];
    let mut x = vec![0.0; b.len()];
    let steps = until_small(dot(&r, &r), stop, |square| {
        product(&p, &mut q);
        let curvature = dot(&p, &q);
        check_curvature(curvature)?;
        let alpha = square / curvature;
        add_multiple(alpha, &p, &mut x);
        add_multiple(-alpha, &q, &mut r);
        let new_square = dot(&r, &r);
        let beta = new_square / square;
        for (p, r) in p.iter_mut().zip(&r) {
            *p = r + beta * *p;
        }
        Ok(new_square)
    })?;
    finish(x, b, steps)
}

/// Steps until the residual is small; `step` takes its square and returns that of the next one.
fn until_small(
    first: f64,
    stop: Stop,
    mut step: impl FnMut(f64) -> Result<f64>,
) -> Result<Vec<f64>> {
    let mut residuals = Vec::new();
    let mut square = first;
    loop {
        let residual = if first > 0.0 {
            (square / first).sqrt()
        } else {
            0.0
        };
        residuals.push(residual);
        if residual <= stop.tolerance {
            return Ok(residuals);
        }
        if residuals.len() > stop.max_iterations {
            return Err(Error::Input(format!(
                "the residual is still {residual:.1e} of the right-hand side after {} iterations, {:.1e} was \
                 asked for; take more iterations, or a larger tolerance",
                stop.max_iterations, stop.tolerance
            )));
        }
        square = step(square)?;
    }
}

fn check_curvature(curvature: f64) -> Result<()> {
    if curvature > 0.0 {
        return Ok(());
    }
    Err(Error::Input(format!(
        "the matrix is not positive definite: there is a direction p with p·Ap = {curvature:e}"
    )))
}

/// The right-hand side multiplied by a power of two, so that no square overflows.
fn scaled(b: &[f64]) -> Result<Vec<f64>> {
    vectors::refuse_what_is_not_finite("the right-hand side", b)?;
    let mut scaled = b.to_vec();
    vectors::scale(&mut scaled, -vectors::exponent(b));
    Ok(scaled)
}

fn finish(mut x: Vec<f64>, b: &[f64], residuals: Vec<f64>) -> Result<Solution> {
    vectors::scale(&mut x, vectors::exponent(b));
    match x.iter().all(|x| x.is_finite()) {
        true => Ok(Solution { x, residuals }),
        false => Err(Error::Input(
            "the solution is beyond the largest number: divide the right-hand side".to_owned(),
        )),
    }
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let side = self.side;
        let n = (side * side) as f64;
        let stop = Stop {
            tolerance: self.tolerance,
            max_iterations: self.iterations,
        };
        let h = 1.0 / (side + 1) as f64;
        let arch = |idx: usize| (idx + 1) as f64 * h * (1.0 - (idx + 1) as f64 * h);
        let places = || (0..side * side).map(|place| (arch(place / side), arch(place % side)));
        let b: Vec<f64> = places().map(|(y, x)| 2.0 * h * h * (y + x)).collect();
        let expected: Vec<f64> = places().map(|(y, x)| y * x).collect();

        let plain = conjugate_gradient(&b, stop, |p, q| poisson(side, p, q))?;
        let n_iterations = plain.n_iterations();
        harness.print(format_args!(
            "{side} x {side} points, √κ = {:.1}, iterations: {n_iterations}",
            root_of_condition(side)
        ))?;
        for (step, residual) in
            (plain.residuals.iter().enumerate()).step_by(n_iterations.div_ceil(8).max(1))
        {
            harness.print(format_args!("{step:>10}  residual {residual:.2e}"))?;
        }
        let mut table = harness.table(Work {
            bytes: 88.0 * n * n_iterations as f64,
            operations: 16.0 * n * n_iterations as f64,
        });
        let mut results = vec![
            (
                "plain",
                table.host("plain", || {
                    conjugate_gradient(&b, stop, |p, q| poisson(side, p, q))
                })?,
            ),
            (
                "threads",
                table.host("SIMD, threads", || solve_with_threads(side, &b, stop))?,
            ),
        ];
        if let Some(device) = harness.device() {
            let result = table.device("GPU", device, || solve_on_device(device, side, &b, stop))?;
            results.push(("GPU", result));
        }
        for (what, solution) in &results {
            let steps = solution.n_iterations() as f64;
            let most = most_iterations(side, self.tolerance);
            harness.check(&format!("iterations, {what}"), steps, most)?;
            let limit = residual_limit(solution, &b, self.tolerance);
            let residual = residual(side, &solution.x, &b);
            harness.check(&format!("|b - A x| / |b|, {what}"), residual, limit)?;
            let differences = solution.x.iter().zip(&expected).map(|(x, e)| x - e);
            let error = differences.map(|d| d * d).sum::<f64>().sqrt() / length(&expected);
            // The smallest eigenvalue says how much larger the error may be than the residual.
            let smallest = 8.0 * (PI * h / 2.0).sin().powi(2);
            let limit = limit * length(&b) / (smallest * length(&expected));
            harness.check(&format!("|x - x (1 - x) y (1 - y)|, {what}"), error, limit)?;
        }
        harness.print_table(table)
    }
}
