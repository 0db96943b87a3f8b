//! Null, misaligned and freed pointers, and constant memory.

use cuda_std::prelude::*;
use cuda_std::shared_array;

use crate::device::{constant_table, free, malloc, opaque, store_global};

/// Counts in `count`, which may be left out. Launch: one thread.
#[kernel]
pub unsafe fn null_pointer(count: *mut u32) {
    *count += 1; // FAULT: null_pointer
}

#[kernel]
pub unsafe fn null_pointer_mended(count: *mut u32) {
    if !count.is_null() {
        *count += 1;
    }
}

/// Reads the word that begins at byte `offsets[i]`. Launch: a thread for each.
#[kernel]
pub unsafe fn misaligned(bytes: *const u8, offsets: *const u32, y: *mut u32) {
    let i = thread::index_1d() as usize;
    let word = bytes.add(*offsets.add(i) as usize).cast::<u32>();
    *y.add(i) = *word; // FAULT: misaligned
}

#[kernel]
pub unsafe fn misaligned_mended(bytes: *const u8, offsets: *const u32, y: *mut u32) {
    let i = thread::index_1d() as usize;
    let word = bytes.add(*offsets.add(i) as usize).cast::<u32>();
    *y.add(i) = word.read_unaligned();
}

/// Adds 1 to each element. The fault is the host's: it frees `x` first. Launch: a thread for each.
#[kernel]
pub unsafe fn freed_by_host(x: *mut u32) {
    *x.add(thread::index_1d() as usize) += 1; // FAULT: freed_by_host
}

/// Uses memory of the device's heap. Launch: one thread.
#[kernel]
pub unsafe fn freed_by_kernel(y: *mut u32) {
    let scratch = opaque(malloc(16));
    *scratch.add(1) = 5;
    free(scratch);
    let scratch = opaque(scratch);
    *y = *scratch.add(1); // FAULT: freed_by_kernel
}

#[kernel]
pub unsafe fn freed_by_kernel_mended(y: *mut u32) {
    let scratch = opaque(malloc(16));
    *scratch.add(1) = 5;
    *y = *opaque(scratch).add(1);
    free(scratch);
}

/// Doubles a table. Launch: 4 threads.
#[kernel]
pub unsafe fn constant_write(y: *mut u32) {
    let t = thread::thread_idx_x() as usize;
    let table = constant_table();
    let doubled = 2 * *table.add(t);
    *table.add(t) = doubled; // FAULT: constant_write
    *y.add(t) = doubled;
}

#[kernel]
pub unsafe fn constant_write_mended(y: *mut u32) {
    let t = thread::thread_idx_x() as usize;
    *y.add(t) = 2 * *constant_table().add(t);
}

/// Stores to shared memory by an instruction for global memory. Launch: one thread.
#[kernel]
pub unsafe fn wrong_space(y: *mut u32) {
    let word = shared_array![u32; 1];
    store_global(word, 7); // FAULT: wrong_space
    *y = 7;
}

#[kernel]
pub unsafe fn wrong_space_mended(y: *mut u32) {
    let word = shared_array![u32; 1];
    *word = 7;
    store_global(y, *opaque(word));
}
