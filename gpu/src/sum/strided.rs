//! Level 3: the same tree, in which the threads that add are the first ones.

use cuda_std::prelude::*;
use cuda_std::shared_tile;

use super::{N, N_THREADS};

/// `sums[block] = Σ x` over the block's [`N_THREADS`] numbers: overwrites `sums`.
///
/// Shapes: `x` `[N]`, `sums` one element for each block.
/// Launch: along x, [`N_THREADS`] threads in each of `N /` [`N_THREADS`] blocks, rounded up.
/// Cost: `4 N` bytes, 8 barriers for each block.
#[kernel(launch_bounds(N_THREADS))]
pub fn sum_strided(x: &[f32], mut sums: DisjointSlice<f32>) {
    let thread = thread::thread_idx_x() as usize;
    let s_sums = shared_tile![f32; N];
    let own = x.get(thread::index_1d() as usize).copied().unwrap_or(0.0);
    // SAFETY: each thread writes an element of its own.
    unsafe { s_sums.write(thread, own) };
    let mut distance = 1;
    while distance < N {
        // Makes the sums of the step before visible to the threads that add them.
        thread::sync_threads();
        let place = 2 * distance * thread;
        if place < N {
            // SAFETY: one thread writes `place`, and none of this step reads it but this one; the other
            // was written before the barrier.
            unsafe {
                let sum: f32 = s_sums.read::<f32>(place) + s_sums.read::<f32>(place + distance);
                s_sums.write(place, sum);
            }
        }
        distance *= 2;
    }
    if thread == 0 {
        // SAFETY: this thread wrote it last; no other block has this element.
        unsafe {
            if let Some(sum) = sums.get_mut(thread::block_idx_x() as usize) {
                *sum = s_sums.read(0);
            }
        }
    }
}
