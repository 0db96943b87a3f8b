//! Races in global memory.

use core::sync::atomic::{AtomicU32, Ordering, fence};

use cuda_std::prelude::*;
use cuda_std::shared_array;

unsafe fn atomic<'a>(word: *mut u32) -> &'a AtomicU32 {
    AtomicU32::from_ptr(word)
}

/// Two threads of a block. Launch: 96 threads.
#[kernel]
pub unsafe fn within_a_block(x: *mut u32) {
    let t = thread::thread_idx_x();
    if t == 3 {
        *x = 3; // FAULT: within_a_block
    }
    if t == 70 {
        *x.add(1) = *x; // OTHER: within_a_block
    }
}

#[kernel]
pub unsafe fn within_a_block_mended(x: *mut u32) {
    let t = thread::thread_idx_x();
    if t == 3 {
        *x = 3;
    }
    thread::sync_threads();
    if t == 70 {
        *x.add(1) = *x;
    }
}

/// A barrier orders the threads of its block alone. Launch: 2 blocks.
#[kernel]
pub unsafe fn between_blocks(x: *mut u32) {
    if thread::thread_idx_x() == 0 && thread::block_idx_x() == 0 {
        *x = 3; // FAULT: between_blocks
    }
    thread::sync_threads();
    if thread::thread_idx_x() == 1 && thread::block_idx_x() == 1 {
        *x.add(1) = *x; // OTHER: between_blocks
    }
}

#[kernel]
pub unsafe fn between_blocks_mended(x: *mut u32) {
    if thread::thread_idx_x() == 0 && thread::block_idx_x() == 0 {
        *x = 3;
    }
    thread::sync_threads();
    if thread::thread_idx_x() == 1 && thread::block_idx_x() == 0 {
        *x.add(1) = *x;
    }
}

/// Counts the threads. Launch: several blocks.
#[kernel]
pub unsafe fn count(x: *mut u32) {
    if thread::thread_idx_x() == 0 {
        *x += 1; // FAULT: count
    }
}

#[kernel]
pub unsafe fn count_mended(x: *mut u32) {
    if thread::thread_idx_x() == 0 {
        atomic(x).fetch_add(1, Ordering::Relaxed);
    }
}

/// A lock around a sum. Launch: several blocks.
#[kernel]
pub unsafe fn lock(word: *mut u32, sum: *mut u32) {
    if thread::thread_idx_x() != 0 {
        return;
    }
    let lock = atomic(word);
    while lock
        .compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed)
        .is_err()
    {}
    *sum += 1; // FAULT: lock
    lock.store(0, Ordering::Relaxed);
}

#[kernel]
pub unsafe fn lock_mended(word: *mut u32, sum: *mut u32) {
    if thread::thread_idx_x() != 0 {
        return;
    }
    let lock = atomic(word);
    while lock
        .compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed)
        .is_err()
    {}
    fence(Ordering::AcqRel);
    *sum += 1;
    fence(Ordering::AcqRel);
    lock.store(0, Ordering::Relaxed);
}

/// Block 0 raises a flag when its value is there; block 1 waits for it. Launch: 2 blocks, both on
/// the device at a time.
#[kernel]
pub unsafe fn flag(word: *mut u32, value: *mut u32) {
    let flag = atomic(word);
    if thread::block_idx_x() == 0 {
        *value = 42; // FAULT: flag
        flag.store(1, Ordering::Relaxed);
    } else {
        while flag.load(Ordering::Relaxed) == 0 {}
        *value.add(1) = *value; // OTHER: flag
    }
}

#[kernel]
pub unsafe fn flag_mended(word: *mut u32, value: *mut u32) {
    let flag = atomic(word);
    if thread::block_idx_x() == 0 {
        *value = 42;
        flag.store(1, Ordering::Release);
    } else {
        while flag.load(Ordering::Acquire) == 0 {}
        *value.add(1) = *value;
    }
}

/// The last block that is done adds up what the blocks have left. Launch: blocks of 32 threads.
#[kernel]
pub unsafe fn last_block(partial: *mut u32, n_done: *mut u32, sum: *mut u32) {
    let is_last = shared_array![u32; 1];
    let t = thread::thread_idx_x();
    if t == 0 {
        *partial.add(thread::block_idx_x() as usize) = thread::block_idx_x(); // FAULT: last_block
        let before = atomic(n_done).fetch_add(1, Ordering::Relaxed);
        *is_last = u32::from(before + 1 == thread::grid_dim_x());
    }
    thread::sync_threads();
    if *is_last == 1 && t < thread::grid_dim_x() {
        let term = *partial.add(t as usize); // OTHER: last_block
        atomic(sum).fetch_add(term, Ordering::Relaxed);
    }
}

#[kernel]
pub unsafe fn last_block_mended(partial: *mut u32, n_done: *mut u32, sum: *mut u32) {
    let is_last = shared_array![u32; 1];
    let t = thread::thread_idx_x();
    if t == 0 {
        *partial.add(thread::block_idx_x() as usize) = thread::block_idx_x();
        fence(Ordering::AcqRel);
        let before = atomic(n_done).fetch_add(1, Ordering::Relaxed);
        fence(Ordering::AcqRel);
        *is_last = u32::from(before + 1 == thread::grid_dim_x());
    }
    thread::sync_threads();
    if *is_last == 1 && t < thread::grid_dim_x() {
        let term = *partial.add(t as usize);
        atomic(sum).fetch_add(term, Ordering::Relaxed);
    }
}

/// Each block reads what its neighbour wrote before a barrier of the whole grid. Launch:
/// cooperative, blocks of 32 threads.
#[kernel]
pub unsafe fn grid_barrier(arrived: *mut u32, x: *mut u32, y: *mut u32) {
    let block = thread::block_idx_x() as usize;
    let n_blocks = thread::grid_dim_x();
    if thread::thread_idx_x() == 0 {
        *x.add(block) = block as u32; // FAULT: grid_barrier
    }
    thread::sync_threads();
    if thread::thread_idx_x() == 0 {
        atomic(arrived).fetch_add(1, Ordering::Relaxed);
        while atomic(arrived).load(Ordering::Relaxed) < n_blocks {}
    }
    thread::sync_threads();
    if thread::thread_idx_x() == 1 {
        *y.add(block) = *x.add((block + 1) % n_blocks as usize); // OTHER: grid_barrier
    }
}

#[kernel]
pub unsafe fn grid_barrier_mended(arrived: *mut u32, x: *mut u32, y: *mut u32) {
    let block = thread::block_idx_x() as usize;
    let n_blocks = thread::grid_dim_x();
    if thread::thread_idx_x() == 0 {
        *x.add(block) = block as u32;
    }
    thread::sync_threads();
    if thread::thread_idx_x() == 0 {
        fence(Ordering::AcqRel);
        atomic(arrived).fetch_add(1, Ordering::Relaxed);
        while atomic(arrived).load(Ordering::Relaxed) < n_blocks {}
        fence(Ordering::AcqRel);
    }
    thread::sync_threads();
    if thread::thread_idx_x() == 1 {
        *y.add(block) = *x.add((block + 1) % n_blocks as usize);
    }
}
