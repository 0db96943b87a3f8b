//! Level 5: the lanes of a warp add what they have in registers, without shared memory.

use cuda_std::groups::Warp;
use cuda_std::prelude::*;
use cuda_std::shared_tile;

use super::{N, N_THREADS};

/// Warps of a block.
const N_WARPS: usize = N / 32;

/// `sums[block] = Σ x` over the block's [`N_THREADS`] numbers: overwrites `sums`.
///
/// Shapes: `x` `[N]`, `sums` one element for each block.
/// Launch: along x, [`N_THREADS`] threads in each of `N /` [`N_THREADS`] blocks, rounded up.
/// Cost: `4 N` bytes, a barrier for each block.
#[kernel(launch_bounds(N_THREADS))]
pub fn sum_shuffled(x: &[f32], mut sums: DisjointSlice<f32>) {
    let own = x.get(thread::index_1d() as usize).copied().unwrap_or(0.0);
    // SAFETY: all threads of the block are here, once.
    let sum = unsafe { sum_of_block(own) };
    if thread::thread_idx_x() == 0 {
        // SAFETY: no other block has this element.
        if let Some(place) = unsafe { sums.get_mut(thread::block_idx_x() as usize) } {
            *place = sum;
        }
    }
}

/// The sum of what the threads of a block have, in its first warp.
///
/// # Safety
///
/// - All threads of a block of [`N_THREADS`] call it, once in the kernel.
#[inline(always)]
pub(super) unsafe fn sum_of_block(own: f32) -> f32 {
    let warp = Warp::this();
    let s_sums = shared_tile![f32; N_WARPS];
    // SAFETY: all lanes are here.
    let sum_of_warp = unsafe { sum_of_warp(own) };
    if warp.rank() == 0 {
        // SAFETY: one lane of each warp writes that warp's element.
        unsafe { s_sums.write(warp.meta_rank() as usize, sum_of_warp) };
    }
    // Makes the warps' sums visible to the first warp.
    thread::sync_threads();
    let mut sum = 0.0;
    if warp.meta_rank() == 0 {
        if (warp.rank() as usize) < N_WARPS {
            // SAFETY: written before the barrier, and not again.
            sum = unsafe { s_sums.read(warp.rank() as usize) };
        }
        // SAFETY: all lanes of the first warp are here.
        sum = unsafe { self::sum_of_warp(sum) };
    }
    sum
}

/// The sum of what the lanes of a warp have, in all of them.
///
/// # Safety
///
/// - All lanes of the warp call it together.
#[inline(always)]
unsafe fn sum_of_warp(mut sum: f32) -> f32 {
    let mut distance = 16;
    while distance > 0 {
        // SAFETY: all lanes are here.
        sum += unsafe { Warp::this().shuffle_xor(sum, distance) };
        distance /= 2;
    }
    sum
}
