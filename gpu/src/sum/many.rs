//! Level 6: a thread adds many numbers before the tree begins.

use cuda_std::prelude::*;

use super::N_THREADS;
use super::shuffled::sum_of_block;

/// `sums[block] = Σ x` over the numbers that come to the block when all threads of the launch take
/// turns: overwrites `sums`.
///
/// Shapes: `x` `[N]`, `sums` one element for each block.
/// Launch: along x, [`N_THREADS`] threads in each of any number of blocks.
/// Cost: `4 N` bytes, a barrier for each block.
#[kernel(launch_bounds(N_THREADS))]
pub fn sum_many(x: &[f32], mut sums: DisjointSlice<f32>) {
    let n_threads = (thread::grid_dim_x() * thread::block_dim_x()) as usize;
    let mut own = 0.0;
    for x in x
        .iter()
        .skip(thread::index_1d() as usize)
        .step_by(n_threads)
    {
        own += x;
    }
    // SAFETY: all threads of the block are here, once.
    let sum = unsafe { sum_of_block(own) };
    if thread::thread_idx_x() == 0 {
        // SAFETY: no other block has this element.
        if let Some(place) = unsafe { sums.get_mut(thread::block_idx_x() as usize) } {
            *place = sum;
        }
    }
}
