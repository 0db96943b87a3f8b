//! Vectors of length 1.

use cuda_std::prelude::*;
use cuda_std::warp::WARP_SIZE;

use super::write;
use crate::reduce::{for_each_of_lane, warp_reduce};

pub use crate::reduce::N_THREADS;

/// Divides each row by its length, `y = x / √(Σ x²)`: overwrites `y`. A row of zeros becomes NaN.
///
/// Shapes: `x` and `y` `[M, N]`.
/// Launch: along x, a warp for each row, in blocks of [`N_THREADS`] threads.
/// Cost: `8 M N` bytes, and `4 M N` from the cache.
///
/// # Panics
///
/// If `x` is shorter than its shape.
#[kernel]
pub fn normalize_rows(x: &[f32], n_columns: u32, mut y: DisjointSlice<f32>) {
    let n = n_columns as usize;
    let row_idx = (thread::index_1d() / WARP_SIZE) as usize;
    if row_idx >= y.len() / n {
        return;
    }
    let x = &x[row_idx * n..][..n];
    let mut sum = 0.0;
    for_each_of_lane(n, |idx| sum = x[idx].mul_add(x[idx], sum));
    // SAFETY: the whole warp works on this row.
    let length = unsafe { warp_reduce(sum, |a, b| a + b) }.sqrt();
    for_each_of_lane(n, |idx| {
        // SAFETY: this lane alone has this element of this row.
        unsafe { write(&mut y, row_idx * n + idx, x[idx] / length) };
    });
}
