//! Level 2: a thread for each element of `c`, along its rows.

use cuda_std::prelude::*;

use super::COALESCED;

/// `c = a · b`: overwrites `c`.
///
/// Shapes: `a` `[M, K]`, `b` `[K, N]`, `c` `[M, N]`.
/// Launch: blocks and grid of [`COALESCED`].
/// Cost: `2 M N K` FLOP, `8 M N K` bytes.
#[kernel]
pub fn matmul_coalesced(a: &[f32], b: &[f32], mut c: DisjointSlice<f32>, m: u32, n: u32, k: u32) {
    let row = (thread::block_idx_y() * COALESCED.tile[0] + thread::thread_idx_y()) as usize;
    let column = (thread::block_idx_x() * COALESCED.tile[1] + thread::thread_idx_x()) as usize;
    let (m, n, k) = (m as usize, n as usize, k as usize);
    if row >= m || column >= n {
        return;
    }
    let mut sum = 0.0;
    for i in 0..k {
        sum = a[row * k + i].mul_add(b[i * n + column], sum);
    }
    // SAFETY: no other thread has this row and this column.
    if let Some(c) = unsafe { c.get_mut(row * n + column) } {
        *c = sum;
    }
}
