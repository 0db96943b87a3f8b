//! Races in shared memory.

use cuda_std::prelude::*;
use cuda_std::warp::{FULL_MASK, sync_warp};
use cuda_std::{shared_array, shared_tile};

/// Two threads say who is the leader. What they do between is to keep the two stores apart, of which
/// the compiler would make one, without a line. Launch: 64 threads.
#[kernel]
pub unsafe fn write_write(y: *mut u32) {
    let leader = shared_array![u32; 1];
    let t = thread::thread_idx_x();
    if t == 3 {
        *leader = 3; // FAULT: write_write
    }
    *y.add(t as usize) = t;
    if t == 35 {
        *leader = 35; // OTHER: write_write
    }
    thread::sync_threads();
    *y.add(t as usize) = *leader;
}

#[kernel]
pub unsafe fn write_write_mended(y: *mut u32) {
    let leader = shared_array![u32; 1];
    let t = thread::thread_idx_x();
    if t == 3 {
        *leader = 3;
    }
    thread::sync_threads();
    *y.add(t as usize) = t;
    if t == 35 {
        *leader = 35;
    }
    thread::sync_threads();
    *y.add(t as usize) = *leader;
}

/// Reverses 64 elements, by a tile that knows that it is shared memory. Launch: 64 threads.
#[kernel]
pub unsafe fn write_read(x: *mut u32) {
    let tile = shared_tile![u32; 64];
    let t = thread::thread_idx_x() as usize;
    tile.write(t, 0);
    thread::sync_threads();
    if t == 5 {
        tile.write(t, *x.add(t)); // FAULT: write_read
    }
    if t == 40 {
        *x.add(t) = tile.read(5); // OTHER: write_read
    }
}

#[kernel]
pub unsafe fn write_read_mended(x: *mut u32) {
    let tile = shared_tile![u32; 64];
    let t = thread::thread_idx_x() as usize;
    tile.write(t, 0);
    thread::sync_threads();
    if t == 5 {
        tile.write(t, *x.add(t));
    }
    thread::sync_threads();
    if t == 40 {
        *x.add(t) = tile.read(5);
    }
}

/// Reads a tile and fills it again for the next step. Launch: 64 threads.
#[kernel]
pub unsafe fn read_write(x: *mut u32, n_steps: u32) {
    let tile = shared_array![u32; 64];
    let t = thread::thread_idx_x() as usize;
    let mut sum = 0;
    for step in 0..n_steps {
        *tile.add(t) = *x.add(t) + step; // FAULT: read_write
        thread::sync_threads();
        sum += *tile.add(63 - t); // OTHER: read_write
    }
    *x.add(t) = sum;
}

#[kernel]
pub unsafe fn read_write_mended(x: *mut u32, n_steps: u32) {
    let tile = shared_array![u32; 64];
    let t = thread::thread_idx_x() as usize;
    let mut sum = 0;
    for step in 0..n_steps {
        *tile.add(t) = *x.add(t) + step;
        thread::sync_threads();
        sum += *tile.add(63 - t);
        thread::sync_threads();
    }
    *x.add(t) = sum;
}

/// Lanes of one warp do not run in step. Launch: 32 threads.
#[kernel]
pub unsafe fn lanes_of_a_warp(y: *mut u32) {
    let tile = shared_array![u32; 32];
    let t = thread::thread_idx_x() as usize;
    *tile.add(t) = 0;
    sync_warp(FULL_MASK);
    if t == 1 {
        *tile = 7; // FAULT: lanes_of_a_warp
    }
    if t == 2 {
        *y = *tile; // OTHER: lanes_of_a_warp
    }
}

#[kernel]
pub unsafe fn lanes_of_a_warp_mended(y: *mut u32) {
    let tile = shared_array![u32; 32];
    let t = thread::thread_idx_x() as usize;
    *tile.add(t) = 0;
    sync_warp(FULL_MASK);
    if t == 1 {
        *tile = 7;
    }
    sync_warp(FULL_MASK);
    if t == 2 {
        *y = *tile;
    }
}

/// A word and a byte that is its last. Launch: 64 threads.
#[kernel]
pub unsafe fn overlapping_bytes(y: *mut u8) {
    let bytes = shared_array![u8; 64];
    let t = thread::thread_idx_x() as usize;
    if t == 4 {
        *bytes.add(4).cast::<u32>() = 4; // FAULT: overlapping_bytes
    }
    if t == 38 {
        *bytes.add(7) = 38; // OTHER: overlapping_bytes
    }
    thread::sync_threads();
    *y.add(t) = *bytes.add(4 + t % 4);
}

#[kernel]
pub unsafe fn overlapping_bytes_mended(y: *mut u8) {
    let bytes = shared_array![u8; 64];
    let t = thread::thread_idx_x() as usize;
    // Each has its own byte: neighbours in a word do not race.
    *bytes.add(t) = t as u8;
    thread::sync_threads();
    *y.add(t) = *bytes.add(4 + t % 4);
}
