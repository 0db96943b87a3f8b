//! Linear equations by conjugate gradients: `A x = b` with a symmetric, positive definite `A` that is never
//! written down, here Poisson's equation on a square.
//!
//! All that is asked of `A` is its product with a vector. Step `k` finds the best `x` among all combinations of `b`, `A b`,
//! ..., `Aᵏ⁻¹ b`, measured by `(x - x*)ᵀ A (x - x*)`, from the one before and a direction `p` that is conjugate to all
//! earlier ones, `pᵢᵀ A pⱼ = 0`:
//!
//! ```text
//! α = r·r / p·Ap    x += α p    r -= α A p    β = new r·r / old r·r    p = r + β p
//! ```
//!
//! **Steps.** After `N` of them it is exact, without rounding; but long before that the error is below `2 ((√κ - 1)
//! / (√κ + 1))ᵏ` of the first one, with the condition `κ`. The residual reaches `ε |b|` after at most `ln(2 √κ /
//! ε) / ln((√κ + 1) / (√κ - 1))`, about `√κ / 2 · ln(2 √κ / ε)` steps; gradient descent needs `κ / 2 ·
//! ln(1 / ε)`.
//!
//! **Poisson.** `-Δu = f` inside the unit square, `u = 0` at its edge, on `S x S` points at distances of `h = 1 / (S + 1)`:
//! `4 u` minus the four neighbours is `h² f`. The eigenvalues are `4 sin²(π i h / 2) + 4 sin²(π j h / 2)` for `i` and `j` from
//! 1 to `S`, so `κ = cot²(π h / 2)`, and `√κ` is about `2 S / π`: twice as fine takes twice as many steps. `16 S²`
//! operations and 11 vectors that are read or written for each, so it is as fast as memory is. For `f = 2 y (1 - y) +
//! 2 x (1 - x)` the solution is `x (1 - x) y (1 - y)`, and the second differences of a parabola are exact: so it
//! is that of the equations, too.
//!
//! **Caveats.** Directions lose their conjugacy by rounding, which costs some steps, and the `r` of the recursion drifts away
//! from `b - A x` (Greenbaum, 1997): no tolerance below `κ u` is reached in truth. A matrix that is not positive
//! definite has directions with `p·Ap ≤ 0`, where this stops.
//!
//! Source: Hestenes and Stiefel, "Methods of conjugate gradients for solving linear systems", 1952; Golub and Van Loan,
//! "Matrix Computations" (2013), section 11.3.

use std::f64::consts::PI;

use clap::Args;
use gpu::fundamentals::conjugate_gradient as kernels;
use rayon::prelude::*;

use super::vectors::{self, add_multiple, dot, length};
use crate::backend::CudaBackend;
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::fundamentals::data::{count, size};
use crate::fundamentals::{Algorithm, Harness, Work, harness};
use crate::{Error, Result};

/// Steps of a device between two looks at its residuals, for which the host waits.
const N_BETWEEN_LOOKS: usize = 32;

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
    /// The residual of the recursion before each step and after the last one, as a share of the right-hand side.
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

/// Four times each point minus its neighbours, 0 outside: `p` and `q` `[side, side]`, `q` overwritten.
pub fn poisson(side: usize, p: &[f64], q: &mut [f64]) {
    for (row, q) in q.chunks_mut(side.max(1)).enumerate() {
        poisson_row(side, row, p, q);
    }
}

#[inline(always)]
fn poisson_row(side: usize, row: usize, p: &[f64], q: &mut [f64]) {
    let own = &p[row * side..][..side];
    for (q, p) in q.iter_mut().zip(own) {
        *q = 4.0 * p;
    }
    add_multiple(-1.0, &own[1..], q);
    add_multiple(-1.0, own, &mut q[1..]);
    if row > 0 {
        add_multiple(-1.0, &p[(row - 1) * side..][..side], q);
    }
    if let Some(below) = p.get((row + 1) * side..) {
        add_multiple(-1.0, below, q);
    }
}

/// Solves Poisson's equations `[side, side]` on all threads, with vectors: in each step three passes over the
/// points, a few rows for each thread. Sums are added up part by part, so that they have the same bits for any
/// number of threads.
///
/// # Errors
///
/// As [`conjugate_gradient`].
pub fn solve_with_threads(side: usize, b: &[f64], stop: Stop) -> Result<Solution> {
    // What a thread takes has to pay for its waking.
    const ELEMENTS_PER_PART: usize = 1 << 13;
    check_side(side, b)?;
    let n_rows = ELEMENTS_PER_PART.div_ceil(side.max(1));
    let n_per_part = n_rows * side.max(1);
    let mut r = scaled(b)?;
    let mut p = r.clone();
    let mut q = vec![0.0; b.len()];
    let mut x = vec![0.0; b.len()];
    let mut parts = vec![0.0; b.len().div_ceil(n_per_part)];
    let steps = until_small(dot(&r, &r), stop, |square| {
        let of_parts = q.par_chunks_mut(n_per_part).zip(&mut parts).enumerate();
        of_parts.for_each(|(part_idx, (q, part))| {
            harness::vectorized(
                #[inline(always)]
                || {
                    for (row, q) in q.chunks_mut(side).enumerate() {
                        poisson_row(side, part_idx * n_rows + row, &p, q);
                    }
                    *part = dot(&p[part_idx * n_per_part..][..q.len()], q);
                },
            );
        });
        let curvature = parts.iter().sum();
        check_curvature(curvature)?;
        let alpha = square / curvature;
        let vectors = x
            .par_chunks_mut(n_per_part)
            .zip(r.par_chunks_mut(n_per_part));
        let vectors = vectors
            .zip(p.par_chunks(n_per_part))
            .zip(q.par_chunks(n_per_part));
        vectors
            .zip(&mut parts)
            .for_each(|((((x, r), p), q), part)| {
                harness::vectorized(
                    #[inline(always)]
                    || {
                        add_multiple(alpha, p, x);
                        add_multiple(-alpha, q, r);
                        *part = dot(r, r);
                    },
                );
            });
        let new_square = parts.iter().sum();
        let beta = new_square / square;
        let vectors = p.par_chunks_mut(n_per_part).zip(r.par_chunks(n_per_part));
        vectors.for_each(|(p, r)| {
            harness::vectorized(
                #[inline(always)]
                || {
                    for (p, r) in p.iter_mut().zip(r) {
                        *p = r + beta * *p;
                    }
                },
            );
        });
        Ok(new_square)
    })?;
    finish(x, b, steps)
}

/// Solves Poisson's equations `[side, side]` on a device.
///
/// # Errors
///
/// As [`conjugate_gradient`], and if the device fails.
pub fn solve_on_device(
    device: &CudaBackend,
    side: usize,
    b: &[f64],
    stop: Stop,
) -> Result<Solution> {
    check_side(side, b)?;
    let scaled = scaled(b)?;
    let n = b.len();
    let first = dot(&scaled, &scaled);
    let mut vectors = Vectors {
        n_blocks: n
            .div_ceil(kernels::N_THREADS as usize)
            .clamp(1, kernels::MAX_BLOCKS as usize),
        side,
        p: device.upload(&scaled)?,
        q: device.zeroed(n)?,
        x: device.zeroed(n)?,
        r: device.upload(&scaled)?,
        products: device.zeroed(kernels::MAX_BLOCKS as usize)?,
        parts: device.zeroed(kernels::MAX_BLOCKS as usize)?,
        squares: device.upload(&[first; N_BETWEEN_LOOKS + 1])?,
    };
    let mut squares = Vec::new();
    let steps = until_small(first, stop, |_| {
        // Those that come next are on their way already: some of them may be for nothing.
        if squares.is_empty() {
            for step in 0..N_BETWEEN_LOOKS {
                vectors.launch_step(device, step)?;
            }
            squares = device.download(&vectors.squares, N_BETWEEN_LOOKS + 1)?;
            device.write(
                &mut vectors.squares,
                &[squares[N_BETWEEN_LOOKS]; N_BETWEEN_LOOKS + 1],
            )?;
            squares.remove(0);
        }
        Ok(squares.remove(0))
    })?;
    finish(device.download(&vectors.x, n)?, b, steps)
}

/// The vectors on a device, with the blocks' parts of `p·q` and of `r·r`, and `r·r` before each step since the last look.
struct Vectors {
    n_blocks: usize,
    side: usize,
    p: Buffer<f64>,
    q: Buffer<f64>,
    x: Buffer<f64>,
    r: Buffer<f64>,
    products: Buffer<f64>,
    parts: Buffer<f64>,
    squares: Buffer<f64>,
}

impl Vectors {
    fn launch_step(&mut self, device: &CudaBackend, step: usize) -> Result<()> {
        let check = Operation("conjugate_gradient");
        let n = self.x.len();
        let blocks = [self.n_blocks];
        let config = check.blocks(self.n_blocks, kernels::N_THREADS)?;
        let step = check.dimension("step", step)?;
        let arguments = kernels::poisson_product {
            side: check.dimension("side", self.side)?,
            p: check.argument("p", &self.p, &[n])?,
            q: check.argument_mut("q", &mut self.q, &[n])?,
            parts: check.argument_mut("parts", &mut self.products, &blocks)?,
        };
        // SAFETY: at most `MAX_BLOCKS` blocks.
        unsafe { device.launch(config, arguments)? };
        let arguments = kernels::conjugate_update {
            step,
            products: check.argument("products", &self.products, &blocks)?,
            squares: check.argument("squares", &self.squares, &[N_BETWEEN_LOOKS + 1])?,
            p: check.argument("p", &self.p, &[n])?,
            q: check.argument("q", &self.q, &[n])?,
            x: check.argument_mut("x", &mut self.x, &[n])?,
            r: check.argument_mut("r", &mut self.r, &[n])?,
            parts: check.argument_mut("parts", &mut self.parts, &blocks)?,
        };
        // SAFETY: at most `MAX_BLOCKS` blocks.
        unsafe { device.launch(config, arguments)? };
        let arguments = kernels::conjugate_direction {
            step,
            parts: check.argument("parts", &self.parts, &blocks)?,
            r: check.argument("r", &self.r, &[n])?,
            p: check.argument_mut("p", &mut self.p, &[n])?,
            squares: check.argument_mut("squares", &mut self.squares, &[N_BETWEEN_LOOKS + 1])?,
        };
        // SAFETY: at most `MAX_BLOCKS` blocks.
        unsafe { device.launch(config, arguments) }
    }
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

fn check_side(side: usize, b: &[f64]) -> Result<()> {
    if side.checked_mul(side) == Some(b.len()) {
        return Ok(());
    }
    Err(Error::Input(format!(
        "the right-hand side has {} numbers, expected one for each of {side} x {side} points",
        b.len()
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

/// `√κ` of Poisson's equations on so many points.
pub fn root_of_condition(side: usize) -> f64 {
    1.0 / (PI / 2.0 / (side + 1) as f64).tan()
}

/// How many steps they take at most, without rounding.
pub fn most_iterations(side: usize, tolerance: f64) -> f64 {
    let root = root_of_condition(side);
    // A point is solved by one step: its condition is 1.
    let rate = ((root + 1.0) / (root - 1.0).max(0.0)).ln();
    ((2.0 * root / tolerance).ln() / rate).ceil().max(1.0)
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
            "{side} x {side} points, √κ = {:.1}: {n_iterations} iterations",
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
            let mut result = None;
            table.device("GPU", device, || {
                result = Some(solve_on_device(device, side, &b, stop)?);
                Ok(())
            })?;
            results.extend(result.map(|result| ("GPU", result)));
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

/// `|b - A x| / |b|` of Poisson's equations; 0 if both are 0.
pub fn residual(side: usize, x: &[f64], b: &[f64]) -> f64 {
    let exponent = vectors::exponent(b);
    let (mut x, mut b) = (x.to_vec(), b.to_vec());
    vectors::scale(&mut x, -exponent);
    vectors::scale(&mut b, -exponent);
    let mut product = vec![0.0; b.len()];
    poisson(side, &x, &mut product);
    add_multiple(-1.0, &b, &mut product);
    let size = length(&product);
    if size == 0.0 { 0.0 } else { size / length(&b) }
}

/// What the true residual may be: what was asked for, and in each step the rounding of `x` and `r`, times the
/// largest eigenvalue, which is below 8.
pub fn residual_limit(solution: &Solution, b: &[f64], tolerance: f64) -> f64 {
    let n_steps = (solution.n_iterations() + 1) as f64;
    let growth = 8.0 * length(&solution.x) / length(b).max(f64::MIN_POSITIVE);
    tolerance + 2.0 * n_steps * f64::EPSILON * (growth + 1.0)
}
