//! Level 6: two stages of tiles. The next tiles are loaded into registers before the present ones are
//! multiplied, and stored behind that, with one barrier for each step.

use core::array::from_fn;

use cuda_std::prelude::*;
use cuda_std::shared_tile;
use cuda_std::vector::{F32x4, Vec4};

use super::REGISTERS;
use crate::dense::product::{Destination, Matrix, Output};

/// Rows and columns of the block's tile of `c`.
const SIDE: usize = 64;
/// Columns of the tile of `a`, and rows of that of `b`.
const DEPTH: usize = 16;
/// Threads along each side of the block, and how far a thread's rows lie apart.
const N_THREADS: usize = 16;
/// Elements of a tile: one quad for each thread.
const N_ELEMENTS: usize = SIDE * DEPTH;
const _: () = assert!(N_ELEMENTS == 4 * N_THREADS * N_THREADS && SIDE == 4 * N_THREADS);
const _: () = assert!(REGISTERS.tile[0] as usize == SIDE);

/// `c = a · b`: overwrites `c`.
///
/// Shapes: `a` `[M, K]`, `b` `[K, N]`, `c` `[M, N]`.
/// Launch: blocks and grid of [`REGISTERS`].
/// Cost: `2 M N K` FLOP, `8 M N K / 64` bytes.
#[kernel(launch_bounds(256))]
pub fn matmul_double_buffered(a: &[f32], b: &[f32], c: DisjointSlice<f32>, m: u32, n: u32, k: u32) {
    let row = thread::thread_idx_y() as usize;
    let quad = thread::thread_idx_x() as usize;
    let first_row = thread::block_idx_y() as usize * SIDE;
    let first_column = thread::block_idx_x() as usize * SIDE;
    let (a, b) = (Matrix::new(a, m, k), Matrix::new(b, k, n));
    let s_a = shared_tile![f32; 2 * N_ELEMENTS]; // (stage, SIDE, DEPTH)
    let s_b = shared_tile![f32; 2 * N_ELEMENTS]; // (stage, DEPTH, SIDE)

    // Each thread carries one quad of either tile.
    let own = row * N_THREADS + quad;
    let load = |start: usize| {
        let own_a = a.quad(
            first_row + own / (DEPTH / 4),
            start + 4 * (own % (DEPTH / 4)),
        );
        let own_b = b.quad(
            start + own / (SIDE / 4),
            first_column + 4 * (own % (SIDE / 4)),
        );
        (own_a, own_b)
    };
    let store = |stage: usize, (own_a, own_b): (F32x4, F32x4)| {
        // SAFETY: each thread has a quad of its own; the stage was last read before a barrier.
        unsafe {
            s_a.write(stage + 4 * own, own_a);
            s_b.write(stage + 4 * own, own_b);
        }
    };

    let mut r_sums = [[0.0; 4]; 4]; // (rows, columns)
    let mut stage = 0;
    store(stage, load(0));
    for start in (0..k as usize).step_by(DEPTH) {
        // Makes this stage's tiles visible to all threads, who have all read the other stage's.
        thread::sync_threads();
        // Past the end these are zeros, and nothing is read.
        let next = load(start + DEPTH);
        for i in 0..DEPTH / 4 {
            // SAFETY: written before the barrier, and again behind the next one.
            let (r_a, r_b): ([F32x4; 4], [F32x4; 4]) = unsafe {
                (
                    from_fn(|j| s_a.read(stage + (row + j * N_THREADS) * DEPTH + 4 * i)),
                    from_fn(|j| s_b.read(stage + (4 * i + j) * SIDE + 4 * quad)),
                )
            };
            for (j, r_b) in r_b.iter().enumerate() {
                for (r_sums, a) in r_sums.iter_mut().zip(&r_a) {
                    for (sum, b) in r_sums.iter_mut().zip(&r_b.0) {
                        *sum = a.0[j].mul_add(*b, *sum);
                    }
                }
            }
        }
        stage = N_ELEMENTS - stage;
        store(stage, next);
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
