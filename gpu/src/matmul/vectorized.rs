//! Level 5: global and shared memory are read and written by four numbers, 16 bytes, at a time.

use core::array::from_fn;

use cuda_std::phased::publish;
use cuda_std::phased_tile;
use cuda_std::prelude::*;
use cuda_std::vector::{F32x4, Vec4};

use super::REGISTERS;
use crate::dense::product::{Destination, Matrix, Output};

/// Rows and columns of the block's tile of `c`.
const SIDE: usize = 64;
/// Columns of the tile of `a`, and rows of that of `b`.
const DEPTH: usize = 16;
/// Threads along each side of the block, and how far a thread's rows lie apart.
const N_THREADS: usize = 16;
const _: () = assert!(REGISTERS.tile[0] as usize == SIDE && SIDE == 4 * N_THREADS);

/// `c = a · b`: overwrites `c`.
///
/// Shapes: `a` `[M, K]`, `b` `[K, N]`, `c` `[M, N]`.
/// Launch: blocks and grid of [`REGISTERS`].
/// Cost: `2 M N K` FLOP, `8 M N K / 64` bytes.
#[kernel(launch_bounds(256))]
pub fn matmul_vectorized(a: &[f32], b: &[f32], c: DisjointSlice<f32>, m: u32, n: u32, k: u32) {
    // The remainders change nothing but what the compiler knows: that indices lie inside of the tiles.
    let row = thread::thread_idx_y() as usize % N_THREADS;
    let quad = thread::thread_idx_x() as usize % N_THREADS;
    let first_row = thread::block_idx_y() as usize * SIDE;
    let first_column = thread::block_idx_x() as usize * SIDE;
    let (a, b) = (Matrix::new(a, m, k), Matrix::new(b, k, n));

    let mut r_sums = [[0.0; 4]; 4]; // (rows, columns)
    for start in (0..k as usize).step_by(DEPTH) {
        // SAFETY: a barrier has been passed since the tiles of the step before were read.
        let (s_a, s_b) = unsafe {
            (
                phased_tile![F32x4; SIDE, DEPTH / 4],
                phased_tile![F32x4; DEPTH, SIDE / 4],
            )
        };
        let s_a = s_a.fill(|(i, j)| a.quad(first_row + i, start + 4 * j));
        let s_b = s_b.fill(|(i, j)| b.quad(start + i, first_column + 4 * j));
        // SAFETY: every thread of the block gets here, as often as the others.
        let (s_a, s_b) = unsafe { publish((s_a, s_b)) };
        for i in 0..DEPTH / 4 {
            let r_a: [F32x4; 4] = from_fn(|j| s_a[(row + j * N_THREADS, i)]);
            let r_b: [F32x4; 4] = from_fn(|j| s_b[(4 * i + j, quad)]);
            for (j, r_b) in r_b.iter().enumerate() {
                for (r_sums, a) in r_sums.iter_mut().zip(&r_a) {
                    for (sum, b) in r_sums.iter_mut().zip(&r_b.0) {
                        *sum = a.0[j].mul_add(*b, *sum);
                    }
                }
            }
        }
        // Lets all threads read the tiles before the next step fills them anew.
        thread::sync_threads();
    }

    let mut output = Output::new(c, n as usize);
    for (i, r_sums) in r_sums.iter().enumerate() {
        let (row, column) = (first_row + row + i * N_THREADS, first_column + 4 * quad);
        if row < m as usize && column < n as usize {
            // SAFETY: no other thread has this row and these columns.
            unsafe { output.store(row, column, Vec4(*r_sums)) };
        }
    }
}
