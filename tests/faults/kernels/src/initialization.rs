//! Reads of memory that nothing was written to.

use core::mem::MaybeUninit;

use cuda_std::prelude::*;
use cuda_std::shared_array;

use crate::device::opaque;

/// `sum[i] += x[i]`. The fault is the host's: it has not set `sum` to 0. Launch: a thread for each.
#[kernel]
pub unsafe fn uninitialized_global(x: *const f32, sum: *mut f32) {
    let i = thread::index_1d() as usize;
    let old = *sum.add(i); // FAULT: uninitialized_global
    *sum.add(i) = old + *x.add(i);
}

#[kernel]
pub unsafe fn uninitialized_global_mended(x: *const f32, sum: *mut f32) {
    let i = thread::index_1d() as usize;
    *sum.add(i) = *x.add(i);
}

/// Packs pixels into words, and inverts them. Launch: a thread for each word.
#[kernel]
pub unsafe fn uninitialized_byte(pixels: *mut u8, words: *mut u32) {
    let i = thread::index_1d() as usize;
    let pixel = pixels.add(4 * i);
    for channel in 0..3 {
        *pixel.add(channel) = channel as u8;
    }
    *words.add(i) = !*opaque(pixel).cast::<u32>(); // FAULT: uninitialized_byte
}

#[kernel]
pub unsafe fn uninitialized_byte_mended(pixels: *mut u8, words: *mut u32) {
    let i = thread::index_1d() as usize;
    let pixel = pixels.add(4 * i);
    for channel in 0..4 {
        *pixel.add(channel) = channel as u8;
    }
    *words.add(i) = !*opaque(pixel).cast::<u32>();
}

/// Adds neighbours. Launch: 64 threads.
#[kernel]
pub unsafe fn uninitialized_shared(x: *mut u32) {
    let tile = shared_array![u32; 65];
    let t = thread::thread_idx_x() as usize;
    *tile.add(t) = *x.add(t);
    thread::sync_threads();
    *x.add(t) = *tile.add(t) + *tile.add(t + 1); // FAULT: uninitialized_shared
}

#[kernel]
pub unsafe fn uninitialized_shared_mended(x: *mut u32) {
    let tile = shared_array![u32; 65];
    let t = thread::thread_idx_x() as usize;
    *tile.add(t) = *x.add(t);
    if t == 0 {
        *tile.add(64) = 0;
    }
    thread::sync_threads();
    *x.add(t) = *tile.add(t) + *tile.add(t + 1);
}

/// Adds up an array of its own. Launch: any.
#[kernel]
pub unsafe fn uninitialized_local(y: *mut u32) {
    let t = thread::thread_idx_x() as usize;
    let mut terms = MaybeUninit::<[u32; 8]>::uninit();
    let terms = opaque(terms.as_mut_ptr().cast::<u32>());
    for term in 0..7 {
        *terms.add(term) = term as u32;
    }
    *y.add(t) = *opaque(terms).add(t); // FAULT: uninitialized_local
}

#[kernel]
pub unsafe fn uninitialized_local_mended(y: *mut u32) {
    let t = thread::thread_idx_x() as usize;
    let mut terms = MaybeUninit::<[u32; 8]>::uninit();
    let terms = opaque(terms.as_mut_ptr().cast::<u32>());
    for term in 0..8 {
        *terms.add(term) = term as u32;
    }
    *y.add(t) = *opaque(terms).add(t);
}
