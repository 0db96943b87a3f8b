//! Integrals: sums over many places.

use cuda_std::prelude::*;
use cuda_std::random::Philox;

use super::write;
use crate::reduce::block_sums;

pub use crate::reduce::{MAX_BLOCKS, N_THREADS};

/// What is integrated: `e^(-x²)`.
#[inline(always)]
pub fn function(x: f32) -> f32 {
    GpuFloat::exp(-x * x)
}

/// For each block the sum of the [`function`] over its part of `n` places, the middles of as many
/// intervals of length `step` from `begin` on.
///
/// Shapes: `sums` `[blocks]`, overwritten.
/// Launch: along x, at most [`MAX_BLOCKS`] blocks of [`N_THREADS`] threads; a thread takes the place of
/// its index, and those a whole grid further on.
/// Cost: an exponential for each place.
#[kernel]
pub fn midpoint_sums(begin: f64, step: f64, n: u32, mut sums: DisjointSlice<f32>) {
    let mut sum = 0.0;
    let mut i = thread::index_1d();
    while i < n {
        sum += function((begin + (f64::from(i) + 0.5) * step) as f32);
        i += thread::grid_dim_x() * thread::block_dim_x();
    }
    // SAFETY: the loop has ended for all threads of the block, and a block has `N_THREADS`.
    let (sum, _) = unsafe { block_sums(sum, 0.0) };
    if thread::thread_idx_x() == 0 {
        // SAFETY: one thread of each block writes that block's entry.
        unsafe { write(&mut sums, thread::block_idx_x() as usize, sum) };
    }
}

/// For each block the sums of the [`function`] and of its square at random places: each thread draws
/// `n_per_thread` of them, uniform in `[begin, begin + length)`, from its own stream of the seed.
///
/// Shapes: `sums` `[blocks, 2]`, overwritten.
/// Launch: along x, at most [`MAX_BLOCKS`] blocks of [`N_THREADS`] threads.
/// Cost: an exponential and a random number for each place.
#[kernel]
pub fn monte_carlo_sums(
    seed: u64,
    begin: f32,
    length: f32,
    n_per_thread: u32,
    mut sums: DisjointSlice<f32>,
) {
    let mut random = Philox::new(seed, thread::index_1d() as u64);
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..n_per_thread {
        let y = function(begin + length * random.uniform_f32());
        sum += y;
        squares += y * y;
    }
    // SAFETY: the loop has ended for all threads of the block, and a block has `N_THREADS`.
    let (sum, squares) = unsafe { block_sums(sum, squares) };
    if thread::thread_idx_x() == 0 {
        let begin = 2 * thread::block_idx_x() as usize;
        // SAFETY: one thread of each block writes that block's entries.
        unsafe {
            write(&mut sums, begin, sum);
            write(&mut sums, begin + 1, squares);
        }
    }
}
