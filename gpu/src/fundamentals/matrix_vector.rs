//! A matrix times a vector.

use cuda_std::prelude::*;
use cuda_std::vector::{F32x4, Vec4, as_vectors};
use cuda_std::warp::{WARP_SIZE, lane_id};

use super::write;
use crate::reduce::{for_each_of_lane, warp_reduce};

pub use crate::reduce::N_THREADS;

/// `y = a x`: overwrites `y`. A warp reads a row together, 512 bytes at a time where rows are whole quads.
///
/// Shapes: `a` `[M, N]`, `x` `[N]`, `y` `[M]`.
/// Launch: along x, a warp for each row, in blocks of [`N_THREADS`] threads.
/// Cost: `4 M N` bytes, and as many of `x` from the cache; `2 M N` operations.
///
/// # Panics
///
/// If `a` is shorter than its shape.
#[kernel]
pub fn matrix_vector_product(a: &[f32], x: &[f32], mut y: DisjointSlice<f32>) {
    let n = x.len();
    let row_idx = (thread::index_1d() / WARP_SIZE) as usize;
    if row_idx >= y.len() {
        return;
    }
    let row = &a[row_idx * n..][..n];
    let mut sum = 0.0;
    match (as_vectors::<F32x4>(row), as_vectors::<F32x4>(x)) {
        (Some(row), Some(x)) => for_each_of_lane(x.len(), |idx| {
            let (Vec4([a, b, c, d]), Vec4([e, f, g, h])) = (row[idx], x[idx]);
            sum = a.mul_add(e, b.mul_add(f, c.mul_add(g, d.mul_add(h, sum))));
        }),
        _ => for_each_of_lane(n, |idx| sum = row[idx].mul_add(x[idx], sum)),
    }
    // SAFETY: the whole warp works on this row.
    let sum = unsafe { warp_reduce(sum, |a, b| a + b) };
    if lane_id() == 0 {
        // SAFETY: one lane of each warp writes that warp's entry.
        unsafe { write(&mut y, row_idx, sum) };
    }
}
