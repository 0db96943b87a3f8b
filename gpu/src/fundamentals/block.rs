//! Sums and searches of a block in `f64`.

use cuda_std::prelude::*;
use cuda_std::shared_tile;
use cuda_std::warp::{FULL_MASK, WARP_SIZE, lane_id, warp_shuffle_xor};

use crate::reduce::{N_WARPS, warp_reduce};

pub use crate::reduce::N_THREADS;

/// Calls `function` with those of `begin..end` that are this thread's.
#[inline(always)]
pub fn for_each_of_thread(begin: usize, end: usize, mut function: impl FnMut(usize)) {
    let mut idx = begin + thread::thread_idx_x() as usize;
    while idx < end {
        function(idx);
        idx += N_THREADS as usize;
    }
}

/// Sums a value over the block: first in each warp, then warp after warp. Every thread gets the sum.
///
/// # Safety
///
/// - The block has [`N_THREADS`] threads along x, and all of them call it together.
#[inline(always)]
pub unsafe fn sum(value: f64) -> f64 {
    let s_sums = shared_tile![f64; N_WARPS]; // (warps)
    // SAFETY: all lanes are here.
    let sum = unsafe { warp_reduce(value, |a, b| a + b) };
    // Lets all threads read the sums of an earlier call before these are written.
    thread::sync_threads();
    let warp_idx = (thread::thread_idx_x() / WARP_SIZE) as usize;
    if lane_id() == 0 {
        // SAFETY: one lane of each warp writes that warp's entry.
        unsafe { s_sums.write(warp_idx, sum) };
    }
    // Makes the warps' sums visible to all threads.
    thread::sync_threads();
    let mut total = 0.0;
    for warp_idx in 0..N_WARPS {
        // SAFETY: written before the barrier, and until the next one by no one.
        total += unsafe { s_sums.read::<f64>(warp_idx) };
    }
    total
}

/// The largest value over the block and its place, the first one of several. Every thread gets them.
///
/// # Safety
///
/// - The block has [`N_THREADS`] threads along x, and all of them call it together.
#[inline(always)]
pub unsafe fn largest(value: f64, place: u32) -> (f64, u32) {
    let s_values = shared_tile![f64; N_WARPS]; // (warps)
    let s_places = shared_tile![u32; N_WARPS]; // (warps)
    let better = |a: (f64, u32), b: (f64, u32)| match b.0 > a.0 || (b.0 == a.0 && b.1 < a.1) {
        true => b,
        false => a,
    };
    let mut best = (value, place);
    let mut distance = WARP_SIZE / 2;
    while distance > 0 {
        // SAFETY: all lanes are here.
        let other = unsafe {
            (
                warp_shuffle_xor(FULL_MASK, best.0, distance, WARP_SIZE).0,
                warp_shuffle_xor(FULL_MASK, best.1, distance, WARP_SIZE).0,
            )
        };
        best = better(best, other);
        distance /= 2;
    }
    // Lets all threads read the results of an earlier call before these are written.
    thread::sync_threads();
    let warp_idx = (thread::thread_idx_x() / WARP_SIZE) as usize;
    if lane_id() == 0 {
        // SAFETY: one lane of each warp writes that warp's entries.
        unsafe {
            s_values.write(warp_idx, best.0);
            s_places.write(warp_idx, best.1);
        }
    }
    // Makes the warps' results visible to all threads.
    thread::sync_threads();
    for warp_idx in 0..N_WARPS {
        // SAFETY: written before the barrier, and until the next one by no one.
        let of_warp = unsafe { (s_values.read(warp_idx), s_places.read(warp_idx)) };
        best = better(best, of_warp);
    }
    best
}
