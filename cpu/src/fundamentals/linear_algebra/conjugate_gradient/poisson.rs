//! Poisson's equation on a square: its matrix without a matrix, its condition, and the steps on threads and
//! on a device.

use std::f64::consts::PI;

use gpu::fundamentals::conjugate_gradient as kernels;
use rayon::prelude::*;

use super::super::vectors::{self, add_multiple, dot, length};
use super::{Solution, Stop, check_curvature, finish, scaled, until_small};
use crate::backend::CudaBackend;
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::fundamentals::harness;
use crate::{Error, Result};

/// Steps of a device between two looks at its residuals, for which the host waits.
const N_BETWEEN_LOOKS: usize = 32;

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

/// Solves Poisson's equations `[side, side]` on all threads, with vectors: in each step three passes over
/// the points, a few rows for each thread. Sums are added up part by part, so that they have the same bits
/// for any number of threads.
///
/// # Errors
///
/// As [`conjugate_gradient`](fn@super::conjugate_gradient).
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
    let first = dot(&r, &r);
    let step = |square: f64| {
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
    };
    // In a scope, so that no pass waits for a thread to begin it.
    let steps = rayon::scope(|_| until_small(first, stop, step))?;
    finish(x, b, steps)
}

/// Solves Poisson's equations `[side, side]` on a device.
///
/// # Errors
///
/// As [`conjugate_gradient`](fn@super::conjugate_gradient), and if the device fails.
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

/// The vectors on a device, with the blocks' parts of `p·q` and of `r·r`, and `r·r` before each step since
/// the last look.
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

fn check_side(side: usize, b: &[f64]) -> Result<()> {
    if side.checked_mul(side) == Some(b.len()) {
        return Ok(());
    }
    Err(Error::Input(format!(
        "the right-hand side has {} numbers, expected one for each of {side} x {side} points",
        b.len()
    )))
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
