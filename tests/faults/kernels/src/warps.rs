//! Misused instructions of a warp.

use core::sync::atomic::{AtomicU32, Ordering, fence};

use cuda_std::prelude::*;
use cuda_std::warp::{FULL_MASK, sync_warp, warp_shuffle_idx};

/// Lane 0 synchronizes with lanes that do not expect it. Launch: 32 threads.
#[kernel]
pub unsafe fn sync_warp_mask(x: *mut u32) {
    let t = thread::thread_idx_x() as usize;
    *x.add(t) = 1;
    sync_warp(FULL_MASK << 1); // FAULT: sync_warp_mask
    *x.add(32 + t) = 2;
}

#[kernel]
pub unsafe fn sync_warp_mask_mended(x: *mut u32) {
    let t = thread::thread_idx_x() as usize;
    *x.add(t) = 1;
    if t > 0 {
        sync_warp(FULL_MASK << 1);
    }
    *x.add(32 + t) = 2;
}

/// Lane 9 takes part in an exchange whose mask does not name it. Launch: 32 threads.
#[kernel]
pub unsafe fn shuffle_mask(x: *mut u32) {
    let t = thread::thread_idx_x();
    let mask = FULL_MASK ^ 1 << 9;
    *x.add(t as usize) = warp_shuffle_idx(mask, t, 3, 32).0; // FAULT: shuffle_mask
}

#[kernel]
pub unsafe fn shuffle_mask_mended(x: *mut u32) {
    let t = thread::thread_idx_x();
    *x.add(t as usize) = warp_shuffle_idx(FULL_MASK, t, 3, 32).0;
}

/// Lane 5 waits for the block while the others wait for it. Launch: 32 threads.
#[kernel]
pub unsafe fn waits_elsewhere(x: *mut u32) {
    let t = thread::thread_idx_x();
    if t == 5 {
        *x.add(5) = 1;
        thread::sync_threads(); // OTHER: waits_elsewhere
    } else {
        *x.add(t as usize) = 2;
        sync_warp(FULL_MASK); // FAULT: waits_elsewhere
        thread::sync_threads();
    }
}

#[kernel]
pub unsafe fn waits_elsewhere_mended(x: *mut u32) {
    let t = thread::thread_idx_x();
    *x.add(t as usize) = if t == 5 { 1 } else { 2 };
    sync_warp(FULL_MASK);
    thread::sync_threads();
}

/// Every lane adds under a lock, and one forgets to unlock. Launch: 32 threads.
#[kernel]
pub unsafe fn spin_lock(lock: *mut u32, sum: *mut u32) {
    let lock = AtomicU32::from_ptr(lock);
    while lock.swap(1, Ordering::Relaxed) == 1 {} // FAULT: spin_lock
    fence(Ordering::AcqRel);
    *sum += 1;
    let is_fourth = *sum == 4;
    fence(Ordering::AcqRel);
    if !is_fourth {
        lock.store(0, Ordering::Relaxed);
    }
}

#[kernel]
pub unsafe fn spin_lock_mended(lock: *mut u32, sum: *mut u32) {
    let lock = AtomicU32::from_ptr(lock);
    while lock.swap(1, Ordering::Relaxed) == 1 {}
    fence(Ordering::AcqRel);
    *sum += 1;
    fence(Ordering::AcqRel);
    lock.store(0, Ordering::Relaxed);
}
