//! Misused barriers of a block.

use cuda_std::prelude::*;
use cuda_std::shared_array;

use crate::device::sync_some;

/// Threads past the end return early. Launch: a block of 64 threads.
#[kernel]
pub unsafe fn early_return(x: *mut u32, len: u32) {
    let tile = shared_array![u32; 64];
    let t = thread::thread_idx_x();
    if t >= len {
        return;
    }
    *tile.add(t as usize) = *x.add(t as usize);
    thread::sync_threads(); // FAULT: early_return
    *x.add(t as usize) = *tile.add((len - 1 - t) as usize);
}

#[kernel]
pub unsafe fn early_return_mended(x: *mut u32, len: u32) {
    let tile = shared_array![u32; 64];
    let t = thread::thread_idx_x();
    if t < len {
        *tile.add(t as usize) = *x.add(t as usize);
    }
    thread::sync_threads();
    if t < len {
        *x.add(t as usize) = *tile.add((len - 1 - t) as usize);
    }
}

/// The two halves of a warp each have a barrier of their own. Launch: 32 threads.
#[kernel]
pub unsafe fn divergent(x: *mut u32) {
    let t = thread::thread_idx_x();
    if t < 16 {
        *x.add(t as usize) = 1;
        thread::sync_threads(); // FAULT: divergent
    } else {
        *x.add(t as usize) = t * t;
        thread::sync_threads(); // OTHER: divergent
    }
    *x.add(32 + t as usize) = *x.add(31 - t as usize);
}

#[kernel]
pub unsafe fn divergent_mended(x: *mut u32) {
    let t = thread::thread_idx_x();
    *x.add(t as usize) = if t < 16 { 1 } else { t * t };
    thread::sync_threads();
    *x.add(32 + t as usize) = *x.add(31 - t as usize);
}

/// The first warp waits for two warps, the second for three. Launch: 64 threads.
#[kernel]
pub unsafe fn counts(x: *mut u32) {
    let t = thread::thread_idx_x();
    *x.add(t as usize) = t;
    if t < 32 {
        sync_some(1, 64); // FAULT: counts
    } else {
        sync_some(1, 96); // OTHER: counts
    }
}

#[kernel]
pub unsafe fn counts_mended(x: *mut u32) {
    let t = thread::thread_idx_x();
    *x.add(t as usize) = t;
    sync_some(1, 64);
}

/// Each warp waits at another barrier for the other. Launch: 64 threads.
#[kernel]
pub unsafe fn two_barriers(x: *mut u32) {
    let t = thread::thread_idx_x();
    if t < 32 {
        *x.add(t as usize) = 1;
        sync_some(1, 64); // FAULT: two_barriers
    } else {
        *x.add(t as usize) = 2;
        sync_some(2, 64); // OTHER: two_barriers
    }
}

#[kernel]
pub unsafe fn two_barriers_mended(x: *mut u32) {
    let t = thread::thread_idx_x();
    if t < 32 {
        *x.add(t as usize) = 1;
        sync_some(1, 64);
        sync_some(2, 64);
    } else {
        *x.add(t as usize) = 2;
        sync_some(1, 64);
        sync_some(2, 64);
    }
}

/// A barrier is for whole warps. Launch: 64 threads.
#[kernel]
pub unsafe fn part_of_a_warp(x: *mut u32) {
    let t = thread::thread_idx_x();
    *x.add(t as usize) = t;
    if t < 40 {
        sync_some(1, 40); // FAULT: part_of_a_warp
    }
}

#[kernel]
pub unsafe fn part_of_a_warp_mended(x: *mut u32) {
    let t = thread::thread_idx_x();
    *x.add(t as usize) = t;
    sync_some(1, 64);
}
