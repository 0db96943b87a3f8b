//! `cuda_std::thread`.

use cuda_std::glam::UVec3;
use cuda_std::prelude::*;

/// What each thread knows of its place, by the functions for one dimension, in the place of
/// `thread::index`.
#[kernel]
pub unsafe fn thread_scalars(places: *mut [u32; 14]) {
    *places.add(thread::index() as usize) = [
        thread::thread_idx_x(),
        thread::thread_idx_y(),
        thread::thread_idx_z(),
        thread::block_idx_x(),
        thread::block_idx_y(),
        thread::block_idx_z(),
        thread::block_dim_x(),
        thread::block_dim_y(),
        thread::block_dim_z(),
        thread::grid_dim_x(),
        thread::grid_dim_y(),
        thread::grid_dim_z(),
        thread::index_1d(),
        thread::first().into(),
    ];
}

/// The same by the functions that return vectors, and the indices in two and three dimensions.
#[kernel]
pub unsafe fn thread_vectors(places: *mut [UVec3; 6]) {
    *places.add(thread::index() as usize) = [
        thread::thread_idx(),
        thread::block_idx(),
        thread::block_dim(),
        thread::grid_dim(),
        thread::index_2d().extend(thread::warp_size()),
        thread::index_3d(),
    ];
}

/// Each thread writes its value to shared memory and reads that of the thread opposite. Launch: 64
/// threads.
#[kernel]
pub unsafe fn thread_sync(values: &[u32], reversed: *mut u32) {
    let s_values = cuda_std::shared_array![u32; 64];
    let idx = thread::thread_idx_x() as usize;
    *s_values.add(idx) = values[idx];
    // The values of all threads are there for all.
    thread::sync_threads();
    *reversed.add(idx) = *s_values.add(63 - idx);
}

/// In how many threads, in all of them, in any of them the predicate is not 0; and each barrier makes
/// what was written before it visible.
#[kernel]
pub unsafe fn thread_sync_reduce(predicates: &[u32], results: *mut [u32; 4]) {
    let s_values = cuda_std::shared_array![u32; 96];
    let idx = thread::thread_idx_x() as usize;
    let predicate = predicates[idx];
    *s_values.add(idx) = predicate;
    // The predicates are there for all.
    let count = thread::sync_threads_count(predicate);
    let next = *s_values.add((idx + 1) % 96);
    // All have read before one writes again.
    let all = thread::sync_threads_and(predicate);
    *s_values.add(idx) = next;
    // What was read is there for all.
    let any = thread::sync_threads_or(predicate);
    *results.add(idx) = [count, all, any, *s_values.add((idx + 1) % 96)];
}

/// Thread 0 of block 0 leaves values behind and raises a flag, thread 0 of block 1 waits for the flag.
/// Launch: 2 blocks, all at once.
#[kernel]
pub unsafe fn thread_fences(values: *mut [u32; 3], flag: *mut u32, result: *mut u32) {
    use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
    let flag = AtomicU32::from_ptr(flag);
    if thread::block_idx_x() == 0 {
        for step in 0..3_u32 {
            (*values)[step as usize] = 10 + step;
            match step {
                0 => thread::grid_fence(),
                1 => thread::device_fence(),
                _ => thread::system_fence(),
            }
            flag.store(step + 1, Relaxed);
        }
    } else {
        let mut sum = 0;
        for step in 0..3_u32 {
            while flag.load(Relaxed) <= step {
                thread::nanosleep(20);
            }
            match step {
                0 => thread::grid_fence(),
                1 => thread::device_fence(),
                _ => thread::system_fence(),
            }
            sum = 100 * sum + (*values)[step as usize];
        }
        *result = sum;
    }
}
