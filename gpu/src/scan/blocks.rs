//! Level 3: lanes scan in registers, the warps' sums in shared memory, the blocks' sums by another
//! launch.

use cuda_std::groups::Warp;
use cuda_std::prelude::*;
use cuda_std::shared_tile;

use super::{N, N_THREADS};

/// Warps of a block.
const N_WARPS: usize = N / 32;

/// Within each block `y[i]` is the sum of its `x` up to `x[i]`, and `sums[block]` that of all of them:
/// overwrites `y` and `sums`.
///
/// Shapes: `x` and `y` `[N]`, `sums` one element for each block.
/// Launch: along x, [`N_THREADS`] threads in each of `N /` [`N_THREADS`] blocks, rounded up.
/// Cost: `8 N` bytes, a barrier for each block.
#[kernel(launch_bounds(N_THREADS))]
pub fn scan_blocks(x: &[u32], mut y: PerThread<u32>, mut sums: DisjointSlice<u32>) {
    let warp = Warp::this();
    let (lane, warp_idx) = (warp.rank(), warp.meta_rank() as usize);
    let s_sums = shared_tile![u32; N_WARPS];
    let own = x.get(thread::index_1d() as usize).copied().unwrap_or(0);
    // SAFETY: all lanes are here.
    let mut sum = unsafe { scan_warp(own) };
    if lane == 31 {
        // SAFETY: one lane of each warp writes that warp's element.
        unsafe { s_sums.write(warp_idx, sum) };
    }
    // Makes the warps' sums visible to all warps.
    thread::sync_threads();
    for i in 0..N_WARPS {
        if i < warp_idx {
            // SAFETY: written before the barrier, and not again.
            sum = sum.wrapping_add(unsafe { s_sums.read(i) });
        }
    }
    if let Some(y) = y.get_mut() {
        *y = sum;
    }
    if thread::thread_idx_x() == N_THREADS - 1 {
        // SAFETY: no other block has this element.
        if let Some(place) = unsafe { sums.get_mut(thread::block_idx_x() as usize) } {
            *place = sum;
        }
    }
}

/// The sum of what this lane and those below have.
///
/// # Safety
///
/// - All lanes of the warp call it together.
#[inline(always)]
unsafe fn scan_warp(mut sum: u32) -> u32 {
    let mut distance = 1;
    while distance < 32 {
        // SAFETY: all lanes are here.
        if let Some(before) = unsafe { Warp::this().shuffle_up(sum, distance) } {
            sum = sum.wrapping_add(before);
        }
        distance *= 2;
    }
    sum
}

/// `y[i]` of each block but the first `+= sums[block - 1]`: adds to `y`.
///
/// Shapes: `sums` the running sums of the blocks, `y` `[N]`.
/// Launch: as [`scan_blocks`](struct@scan_blocks).
/// Cost: `8 N` bytes.
#[kernel(launch_bounds(N_THREADS))]
pub fn scan_add(sums: &[u32], mut y: PerThread<u32>) {
    let before = (thread::block_idx_x() as usize).checked_sub(1);
    if let (Some(y), Some(before)) = (y.get_mut(), before) {
        *y = y.wrapping_add(sums[before]);
    }
}
