//! Level 4: a thread computes 4 x 4 elements of `c` in registers, so that each number that it reads
//! from shared memory is used four times.

use core::array::from_fn;

use cuda_std::phased::publish;
use cuda_std::phased_tile;
use cuda_std::prelude::*;

use super::REGISTERS;
use crate::dense::product::Matrix;

/// Rows and columns of the block's tile of `c`.
const SIDE: usize = 64;
/// Columns of the tile of `a`, and rows of that of `b`.
const DEPTH: usize = 16;
/// Threads along each side of the block, and how far a thread's rows and columns lie apart.
const N_THREADS: usize = 16;
const _: () = assert!(REGISTERS.tile[0] as usize == SIDE && SIDE == 4 * N_THREADS);

/// `c = a · b`: overwrites `c`.
///
/// Shapes: `a` `[M, K]`, `b` `[K, N]`, `c` `[M, N]`.
/// Launch: blocks and grid of [`REGISTERS`].
/// Cost: `2 M N K` FLOP, `8 M N K / 64` bytes.
#[kernel(launch_bounds(256))]
pub fn matmul_registers(a: &[f32], b: &[f32], mut c: DisjointSlice<f32>, m: u32, n: u32, k: u32) {
    // The remainders change nothing but what the compiler knows: that indices lie inside of the tiles.
    let row = thread::thread_idx_y() as usize % N_THREADS;
    let column = thread::thread_idx_x() as usize % N_THREADS;
    let first_row = thread::block_idx_y() as usize * SIDE;
    let first_column = thread::block_idx_x() as usize * SIDE;
    let (a, b) = (Matrix::new(a, m, k), Matrix::new(b, k, n));

    let mut r_sums = [[0.0; 4]; 4]; // (rows, columns)
    for start in (0..k as usize).step_by(DEPTH) {
        // SAFETY: a barrier has been passed since the tiles of the step before were read.
        let (s_a, s_b) = unsafe {
            (
                phased_tile![f32; SIDE, DEPTH],
                phased_tile![f32; DEPTH, SIDE],
            )
        };
        let s_a = s_a.fill(|(i, j)| a.element(first_row + i, start + j));
        let s_b = s_b.fill(|(i, j)| b.element(start + i, first_column + j));
        // SAFETY: every thread of the block gets here, as often as the others.
        let (s_a, s_b) = unsafe { publish((s_a, s_b)) };
        for i in 0..DEPTH {
            let r_a: [f32; 4] = from_fn(|j| s_a[(row + j * N_THREADS, i)]);
            let r_b: [f32; 4] = from_fn(|j| s_b[(i, column + j * N_THREADS)]);
            for (r_sums, a) in r_sums.iter_mut().zip(&r_a) {
                for (sum, b) in r_sums.iter_mut().zip(&r_b) {
                    *sum = a.mul_add(*b, *sum);
                }
            }
        }
        // Lets all threads read the tiles before the next step fills them anew.
        thread::sync_threads();
    }

    for (i, r_sums) in r_sums.iter().enumerate() {
        for (j, sum) in r_sums.iter().enumerate() {
            let row = first_row + row + i * N_THREADS;
            let column = first_column + column + j * N_THREADS;
            if row < m as usize && column < n as usize {
                // SAFETY: no other thread has this row and this column.
                if let Some(c) = unsafe { c.get_mut(row * n as usize + column) } {
                    *c = *sum;
                }
            }
        }
    }
}
