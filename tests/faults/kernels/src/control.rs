//! Kernels that do not come to their end.

use cuda_std::prelude::*;

use crate::device::{assert_fail, opaque};

/// Waits for a word that nobody sets. Launch: any.
#[kernel]
pub unsafe fn endless_loop(word: *mut u32) {
    while *opaque(word) == 0 {} // FAULT: endless_loop
    *word.add(1) = 1;
}

#[kernel]
pub unsafe fn endless_loop_mended(word: *mut u32) {
    let mut n_tries = 0;
    while *opaque(word) == 0 && n_tries < 100 {
        n_tries += 1;
    }
    if thread::index_1d() == 0 {
        *word.add(1) = n_tries;
    }
}

/// The sum of the first `n` numbers.
#[inline(never)]
unsafe fn sum(n: u32, previous: *mut u32) -> u32 {
    let mut frame = [n, 0, 0, 0];
    let frame = opaque(frame.as_mut_ptr());
    if *previous == n {
        return n;
    }
    *frame + sum(n.wrapping_sub(1), previous) // FAULT: recursion
}

/// The sum of the first `n` numbers, down to the one that `last` holds. Launch: one thread.
#[kernel]
pub unsafe fn recursion(last: *mut u32, n: u32, y: *mut u32) {
    *y = sum(n, last);
}

/// Panics for what it does not expect. Launch: a thread for each.
#[kernel]
pub unsafe fn panics(x: *mut u32) {
    let i = thread::index_1d() as usize;
    match *x.add(i) {
        0 => *x.add(i) = 1,
        1 => *x.add(i) = 0,
        _ => unreachable!("a bit is 0 or 1"), // FAULT: panics
    }
}

#[kernel]
pub unsafe fn panics_mended(x: *mut u32) {
    let i = thread::index_1d() as usize;
    *x.add(i) ^= 1;
}

/// Gathers, in safe Rust. Launch: a thread for each of `indices`.
#[kernel]
pub fn index_out_of_range(x: &[f32], indices: &[u32], mut y: PerThread<f32>) {
    let i = thread::index_1d() as usize;
    if let Some(y) = y.get_mut() {
        let index = indices[i] as usize;
        *y = x[index]; // FAULT: index_out_of_range
    }
}

#[kernel]
pub fn index_out_of_range_mended(x: &[f32], indices: &[u32], mut y: PerThread<f32>) {
    let i = thread::index_1d() as usize;
    if let Some(y) = y.get_mut() {
        let index = indices[i] as usize;
        *y = x.get(index).copied().unwrap_or(0.0);
    }
}

#[inline(never)]
fn increment(x: u32) -> u32 {
    x + 1
}

#[inline(never)]
fn decrement(x: u32) -> u32 {
    x - 1
}

/// Calls a function by a number that is no function's address. Launch: any.
#[kernel]
pub unsafe fn wild_call(x: *mut u32) {
    let i = thread::index_1d() as usize;
    let address = opaque(0x1234 as *mut u32);
    let function = core::mem::transmute::<*mut u32, fn(u32) -> u32>(address);
    *x.add(i) = function(*x.add(i)); // FAULT: wild_call
}

#[kernel]
pub unsafe fn wild_call_mended(x: *mut u32) {
    let i = thread::index_1d() as usize;
    let function: fn(u32) -> u32 = if i.is_multiple_of(2) {
        increment
    } else {
        decrement
    };
    let address = opaque(function as *mut u32);
    let function = core::mem::transmute::<*mut u32, fn(u32) -> u32>(address);
    *x.add(i) = function(*x.add(i));
}

/// Asserts that an element is not 0, as CUDA C++ does. Launch: a thread for each.
#[kernel]
pub unsafe fn assertion(x: *mut u32) {
    let i = thread::index_1d() as usize;
    if *x.add(i) == 0 {
        let (message, file, function) = (c"x[i] != 0", c"control.cu", c"assertion");
        let [message, file, function] = [message, file, function].map(|text| text.as_ptr().cast());
        assert_fail(message, file, 3, function, 1); // FAULT: assertion
    }
    *x.add(i) = 60 / *x.add(i);
}

#[kernel]
pub unsafe fn assertion_mended(x: *mut u32) {
    let i = thread::index_1d() as usize;
    if *x.add(i) != 0 {
        *x.add(i) = 60 / *x.add(i);
    }
}
