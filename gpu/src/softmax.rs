//! Softmax over rows, forward and backward.
//!
//! B rows of N values.

use cuda_std::prelude::*;
use cuda_std::warp::WARP_SIZE;

use crate::reduce::{for_each_of_lane, warp_reduce};

pub use crate::reduce::N_THREADS;

/// `y = e^x / Σ e^x`, the sum over each row: overwrites `y`.
///
/// The largest value of a row is subtracted first, so that no exponential overflows. A row with a NaN,
/// or whose largest value is infinite, becomes NaN.
///
/// Shapes: `x` and `y` `[B, N]`.
/// Launch: along x, a warp for each row, in blocks of [`N_THREADS`] threads.
/// Cost: `8 B N` bytes, and twice as many from the cache; `2 B N` exponentials.
///
/// # Panics
///
/// If `x` is shorter than its shape.
#[kernel]
pub fn softmax_forward(x: &[f32], n_values: u32, mut y: DisjointSlice<f32>) {
    let n = n_values as usize;
    let row_idx = (thread::index_1d() / WARP_SIZE) as usize;
    if row_idx >= y.len() / n {
        return;
    }
    let x = &x[row_idx * n..][..n];
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut largest = f32::NEG_INFINITY;
    for_each_of_lane(n, |idx| largest = larger(largest, x[idx]));
    // SAFETY: the whole warp works on this row.
    let largest = unsafe { warp_reduce(largest, larger) };
    let mut sum = 0.0;
    for_each_of_lane(n, |idx| sum += (x[idx] - largest).exp());
    // SAFETY: as above.
    let sum = unsafe { warp_reduce(sum, |a, b| a + b) };
    for_each_of_lane(n, |idx| {
        // SAFETY: this lane alone has this element of this row.
        if let Some(y) = unsafe { y.get_mut(row_idx * n + idx) } {
            *y = (x[idx] - largest).exp() / sum;
        }
    });
}

/// `dx = y (dy - Σ y dy)`, the sum over each row, from the output `y` of
/// [`softmax_forward`](struct@softmax_forward): overwrites `dx`.
///
/// Shapes: `y`, `dy` and `dx` `[B, N]`.
/// Launch: along x, a warp for each row, in blocks of [`N_THREADS`] threads.
/// Cost: `12 B N` bytes, and `8 B N` from the cache.
///
/// # Panics
///
/// If an input is shorter than its shape.
#[kernel]
pub fn softmax_backward(y: &[f32], dy: &[f32], n_values: u32, mut dx: DisjointSlice<f32>) {
    let n = n_values as usize;
    let row_idx = (thread::index_1d() / WARP_SIZE) as usize;
    if row_idx >= dx.len() / n {
        return;
    }
    let (y, dy) = (&y[row_idx * n..][..n], &dy[row_idx * n..][..n]);
    let mut sum = 0.0;
    for_each_of_lane(n, |idx| sum = y[idx].mul_add(dy[idx], sum));
    // SAFETY: the whole warp works on this row.
    let sum = unsafe { warp_reduce(sum, |a, b| a + b) };
    for_each_of_lane(n, |idx| {
        // SAFETY: this lane alone has this element of this row.
        if let Some(dx) = unsafe { dx.get_mut(row_idx * n + idx) } {
            *dx = y[idx] * (dy[idx] - sum);
        }
    });
}
