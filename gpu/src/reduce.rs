//! Sums and maxima over a warp and over a block, always in the same order.

use cuda_std::prelude::*;
use cuda_std::shared_tile;
use cuda_std::warp::{FULL_MASK, WARP_SIZE, WarpShuffleValue, lane_id, warp_shuffle_xor};

/// Threads of the blocks that reduce together.
pub const N_THREADS: u32 = 256;
/// Most blocks of a launch that sums; what goes beyond is for the same threads to do in turn.
pub const MAX_BLOCKS: u32 = 1024;
/// Warps of such a block.
pub const N_WARPS: usize = (N_THREADS / WARP_SIZE) as usize;

/// Calls `function` with those of `0..n` that are this lane's.
#[inline(always)]
pub fn for_each_of_lane(n: usize, mut function: impl FnMut(usize)) {
    let mut idx = lane_id() as usize;
    while idx < n {
        function(idx);
        idx += WARP_SIZE as usize;
    }
}

/// Combines the values of a warp's lanes, in pairs, then pairs of pairs; every lane gets the result.
///
/// # Safety
///
/// - All lanes of the warp call it together.
#[inline(always)]
pub unsafe fn warp_reduce<T: WarpShuffleValue + Copy>(value: T, combine: impl Fn(T, T) -> T) -> T {
    let mut result = value;
    let mut distance = WARP_SIZE / 2;
    while distance > 0 {
        // SAFETY: all lanes are here.
        let (other, _) = unsafe { warp_shuffle_xor(FULL_MASK, result, distance, WARP_SIZE) };
        result = combine(result, other);
        distance /= 2;
    }
    result
}

/// Sums a loss and a count over the block: first in each warp, then warp after warp. Thread 0 gets
/// the sums, the others something else.
///
/// # Safety
///
/// - The block has [`N_THREADS`] threads along x, and all of them call it together, once in the
///   kernel.
#[inline(always)]
pub unsafe fn block_sum(loss: f32, count: u32) -> (f32, u32) {
    let s_losses = shared_tile![f32; N_WARPS]; // (warps)
    let s_counts = shared_tile![u32; N_WARPS]; // (warps)
    // SAFETY: all lanes are here.
    let (loss, count) = unsafe {
        (
            warp_reduce(loss, |a, b| a + b),
            warp_reduce(count, |a, b| a + b),
        )
    };
    let warp_idx = (thread::thread_idx_x() / WARP_SIZE) as usize;
    if lane_id() == 0 {
        // SAFETY: one lane of each warp writes that warp's entry.
        unsafe {
            s_losses.write(warp_idx, loss);
            s_counts.write(warp_idx, count);
        }
    }
    // Makes the warps' sums visible to thread 0.
    thread::sync_threads();
    let mut sum = (0.0, 0);
    if thread::thread_idx_x() == 0 {
        for warp_idx in 0..N_WARPS {
            // SAFETY: written before the barrier, by no one after it.
            unsafe {
                sum.0 += s_losses.read::<f32>(warp_idx);
                sum.1 += s_counts.read::<u32>(warp_idx);
            }
        }
    }
    sum
}

/// Sums two values over the block: first in each warp, then warp after warp. Every thread gets the
/// sums.
///
/// # Safety
///
/// - The block has [`N_THREADS`] threads along x, and all of them call it together.
#[inline(always)]
pub unsafe fn block_sums(first: f32, second: f32) -> (f32, f32) {
    let s_first = shared_tile![f32; N_WARPS]; // (warps)
    let s_second = shared_tile![f32; N_WARPS]; // (warps)
    // SAFETY: all lanes are here.
    let (first, second) = unsafe {
        (
            warp_reduce(first, |a, b| a + b),
            warp_reduce(second, |a, b| a + b),
        )
    };
    // Lets all threads read the sums of an earlier call before these are written.
    thread::sync_threads();
    let warp_idx = (thread::thread_idx_x() / WARP_SIZE) as usize;
    if lane_id() == 0 {
        // SAFETY: one lane of each warp writes that warp's entry.
        unsafe {
            s_first.write(warp_idx, first);
            s_second.write(warp_idx, second);
        }
    }
    // Makes the warps' sums visible to all threads.
    thread::sync_threads();
    let mut sums = (0.0, 0.0);
    for warp_idx in 0..N_WARPS {
        // SAFETY: written before the barrier, and until the next one by no one.
        unsafe {
            sums.0 += s_first.read::<f32>(warp_idx);
            sums.1 += s_second.read::<f32>(warp_idx);
        }
    }
    sums
}
