//! Level 3: tiles of `a` and `b` in shared memory, read once from global memory by the whole block.

use cuda_std::phased::publish;
use cuda_std::phased_tile;
use cuda_std::prelude::*;

use super::SHARED;
use crate::dense::product::Matrix;

/// Rows and columns of all tiles.
const SIDE: usize = 32;
const _: () = assert!(SHARED.block[0] as usize == SIDE && SHARED.block[1] as usize == SIDE);

/// `c = a · b`: overwrites `c`.
///
/// Shapes: `a` `[M, K]`, `b` `[K, N]`, `c` `[M, N]`.
/// Launch: blocks and grid of [`SHARED`].
/// Cost: `2 M N K` FLOP, `8 M N K / 32` bytes.
#[kernel(launch_bounds(1024))]
pub fn matmul_shared(a: &[f32], b: &[f32], mut c: DisjointSlice<f32>, m: u32, n: u32, k: u32) {
    // The remainders change nothing but what the compiler knows: that indices lie inside of the tiles.
    let row = thread::thread_idx_y() as usize % SIDE;
    let column = thread::thread_idx_x() as usize % SIDE;
    let first_row = thread::block_idx_y() as usize * SIDE;
    let first_column = thread::block_idx_x() as usize * SIDE;
    let (a, b) = (Matrix::new(a, m, k), Matrix::new(b, k, n));

    let mut sum = 0.0;
    for start in (0..k as usize).step_by(SIDE) {
        // SAFETY: a barrier has been passed since the tiles of the step before were read.
        let (s_a, s_b) = unsafe { (phased_tile![f32; SIDE, SIDE], phased_tile![f32; SIDE, SIDE]) };
        let s_a = s_a.fill(|(i, j)| a.element(first_row + i, start + j));
        let s_b = s_b.fill(|(i, j)| b.element(start + i, first_column + j));
        // SAFETY: every thread of the block gets here, as often as the others.
        let (s_a, s_b) = unsafe { publish((s_a, s_b)) };
        for i in 0..SIDE {
            sum = s_a[(row, i)].mul_add(s_b[(i, column)], sum);
        }
        // Lets all threads read the tiles before the next step fills them anew.
        thread::sync_threads();
    }

    let (row, column) = (first_row + row, first_column + column);
    if row < m as usize && column < n as usize {
        // SAFETY: no other thread has this row and this column.
        if let Some(c) = unsafe { c.get_mut(row * n as usize + column) } {
            *c = sum;
        }
    }
}
