//! Wrong frees, and memory of the device's heap that nobody frees.

use cuda_std::prelude::*;

use crate::device::{free, malloc, opaque};

/// Frees in two places. Launch: any.
#[kernel]
pub unsafe fn double_free(y: *mut u32) {
    if thread::index_1d() != 3 {
        return;
    }
    let scratch = opaque(malloc(64));
    *scratch = 7;
    *y = *opaque(scratch);
    free(scratch);
    free(opaque(scratch)); // FAULT: double_free
}

#[kernel]
pub unsafe fn double_free_mended(y: *mut u32) {
    if thread::index_1d() != 3 {
        return;
    }
    let scratch = opaque(malloc(64));
    *scratch = 7;
    *y = *opaque(scratch);
    free(scratch);
}

/// Frees what the host allocated. Launch: any.
#[kernel]
pub unsafe fn foreign_free(y: *mut u32) {
    if thread::index_1d() == 0 {
        *y = 7;
        free(y); // FAULT: foreign_free
    }
}

#[kernel]
pub unsafe fn foreign_free_mended(y: *mut u32) {
    if thread::index_1d() == 0 {
        *y = 7;
    }
}

/// Frees only what it needs no more. Launch: one thread.
#[kernel]
pub unsafe fn leak(y: *mut u32) {
    let kept = opaque(malloc(48));
    *kept = 7;
    *y = *opaque(kept);
}

#[kernel]
pub unsafe fn leak_mended(y: *mut u32) {
    let kept = opaque(malloc(48));
    *kept = 7;
    *y = *opaque(kept);
    free(kept);
}
