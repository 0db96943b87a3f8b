//! Accesses out of bounds.

use cuda_std::prelude::*;
use cuda_std::shared_array;

use crate::device::opaque;

/// Doubles `len` elements. Launch: at least as many threads.
#[kernel]
pub unsafe fn past_the_end(x: *mut f32, len: u32) {
    let i = thread::index_1d();
    let _ = len;
    *x.add(i as usize) *= 2.0; // FAULT: past_the_end
}

#[kernel]
pub unsafe fn past_the_end_mended(x: *mut f32, len: u32) {
    let i = thread::index_1d();
    if i < len {
        *x.add(i as usize) *= 2.0;
    }
}

/// `dx[i] = x[i] - x[i - 1]`. Launch: a thread for each element.
#[kernel]
pub unsafe fn before_the_beginning(x: *const f32, dx: *mut f32) {
    let i = thread::index_1d() as usize;
    let here = *x.add(i);
    let before = *x.wrapping_add(i).wrapping_sub(1); // FAULT: before_the_beginning
    *dx.add(i) = here - before;
}

#[kernel]
pub unsafe fn before_the_beginning_mended(x: *const f32, dx: *mut f32) {
    let i = thread::index_1d() as usize;
    let here = *x.add(i);
    let before = if i > 0 { *x.add(i - 1) } else { 0.0 };
    *dx.add(i) = here - before;
}

/// Sets the last element to 0, and miscounts. Launch: any.
#[kernel]
pub unsafe fn between_allocations(x: *mut u32, len: u32) {
    if thread::index_1d() == 7 {
        *x.add(len as usize + 2) = 0; // FAULT: between_allocations
    }
}

#[kernel]
pub unsafe fn between_allocations_mended(x: *mut u32, len: u32) {
    if thread::index_1d() == 7 {
        *x.add(len as usize - 1) = 0;
    }
}

/// `y[i] = x[indices[i]]`, where an index of -1 stands for nothing. Launch: a thread for each.
#[kernel]
pub unsafe fn negative_index(x: *const f32, indices: *const i32, y: *mut f32) {
    let i = thread::index_1d() as usize;
    let index = *indices.add(i);
    *y.add(i) = *x.wrapping_offset(index as isize); // FAULT: negative_index
}

#[kernel]
pub unsafe fn negative_index_mended(x: *const f32, indices: *const i32, y: *mut f32) {
    let i = thread::index_1d() as usize;
    let index = *indices.add(i);
    *y.add(i) = if index < 0 {
        0.0
    } else {
        *x.offset(index as isize)
    };
}

/// Shifts 64 elements by one. Launch: a block of 64 threads.
#[kernel]
pub unsafe fn shared_overrun(x: *mut u32) {
    let shifted = shared_array![u32; 64];
    let flags = shared_array![u32; 64];
    let t = thread::thread_idx_x() as usize;
    *flags.add(t) = 1;
    thread::sync_threads();
    *shifted.add(t + 1) = *x.add(t); // FAULT: shared_overrun
    thread::sync_threads();
    *x.add(t) = *shifted.add(t.max(1)) + *flags.add(63 - t);
}

#[kernel]
pub unsafe fn shared_overrun_mended(x: *mut u32) {
    let shifted = shared_array![u32; 64];
    let flags = shared_array![u32; 64];
    let t = thread::thread_idx_x() as usize;
    *flags.add(t) = 1;
    thread::sync_threads();
    if t < 63 {
        *shifted.add(t + 1) = *x.add(t);
    }
    thread::sync_threads();
    *x.add(t) = *shifted.add(t.max(1)) + *flags.add(63 - t);
}

/// Counts in a histogram of its own. Launch: a thread for each of `x`, whose elements are below 8.
#[kernel]
pub unsafe fn local_overrun(x: *mut u32) {
    let i = thread::index_1d() as usize;
    let mut counts = [0_u32; 8];
    let counts = opaque(counts.as_mut_ptr());
    *counts.add(*x.add(i) as usize) += 1; // FAULT: local_overrun
    *x.add(i) = *counts.add(i % 8);
}

#[kernel]
pub unsafe fn local_overrun_mended(x: *mut u32) {
    let i = thread::index_1d() as usize;
    let mut counts = [0_u32; 8];
    let counts = opaque(counts.as_mut_ptr());
    *counts.add(*x.add(i) as usize % 8) += 1;
    *x.add(i) = *counts.add(i % 8);
}

/// Reads a tile of dynamic shared memory that the launch made too small. Launch: 64 threads, with
/// 256 bytes.
#[kernel]
pub unsafe fn dynamic_overrun(x: *mut u32) {
    let tile = cuda_std::shared::dynamic_shared_mem::<u32>();
    let t = thread::thread_idx_x() as usize;
    *tile.add(t) = *x.add(t); // FAULT: dynamic_overrun
    thread::sync_threads();
    *x.add(t) = *tile.add(63 - t);
}
