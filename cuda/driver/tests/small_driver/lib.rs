//! A driver library of a few functions, which `../driver.rs` compiles and loads: enough to see
//! arguments and result codes pass, and how a function that is missing here is answered.

#![allow(
    missing_docs,
    non_snake_case,
    clippy::missing_safety_doc,
    clippy::too_many_arguments
)]
#![crate_type = "cdylib"]

use std::ffi::{c_int, c_uint, c_void};

#[unsafe(no_mangle)]
pub extern "C" fn cuInit(flags: c_uint) -> c_uint {
    // Any flag is answered by the code of the same number.
    flags
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDriverGetVersion(version: *mut c_int) -> c_uint {
    // SAFETY: The caller gives a place for one integer.
    unsafe { *version = 13020 };
    0
}

/// Succeeds if it gets the arguments 1 to 11, in this order.
#[unsafe(no_mangle)]
pub extern "C" fn cuLaunchKernel(
    function: *mut c_void,
    grid_x: c_uint,
    grid_y: c_uint,
    grid_z: c_uint,
    block_x: c_uint,
    block_y: c_uint,
    block_z: c_uint,
    shared_bytes: c_uint,
    stream: *mut c_void,
    parameters: *mut *mut c_void,
    extra: *mut *mut c_void,
) -> c_uint {
    let sizes = [
        grid_x,
        grid_y,
        grid_z,
        block_x,
        block_y,
        block_z,
        shared_bytes,
    ];
    let pointers = [
        function.addr(),
        stream.addr(),
        parameters.addr(),
        extra.addr(),
    ];
    c_uint::from(sizes != [2, 3, 4, 5, 6, 7, 8] || pointers != [1, 9, 10, 11])
}
