//! Shared, constant and global memory.

use core::mem::MaybeUninit;

use cuda_std::prelude::*;
use cuda_std::shared::dynamic_shared_mem;
use cuda_std::{address_space, shared_array};

const BLOCK: usize = 64;

#[address_space(shared)]
static mut TILE: [MaybeUninit<u32>; BLOCK] = [MaybeUninit::uninit(); BLOCK];

#[address_space(constant)]
static TABLE: [u32; 5] = [3, 1, 4, 1, 5];

#[address_space(global)]
static mut VISITS: u32 = 7;

/// Not unsafe, as in Rust-CUDA's crates.
fn barrier() {
    thread::sync_threads();
}

/// A static of the module, behind a barrier in a function of its own.
#[kernel]
pub unsafe fn reverse(values: &[u32], out: *mut u32) {
    let t = thread::thread_idx_x() as usize;
    let idx = thread::index_1d() as usize;
    TILE[t].write(values[idx]);
    barrier();
    *out.add(idx) = TILE[BLOCK - 1 - t].assume_init();
}

/// Statics in a loop in a function, of two dimensions; `C = A · B`, `n` a multiple of 8.
#[kernel]
pub unsafe fn product(a: &[f32], b: &[f32], c: *mut f32, n: usize) {
    const SIDE: usize = 8;
    let (x, y) = (
        thread::thread_idx_x() as usize,
        thread::thread_idx_y() as usize,
    );
    let column = thread::block_idx_x() as usize * SIDE + x;
    let row = thread::block_idx_y() as usize * SIDE + y;
    let mut sum = 0.0;
    for start in (0..n).step_by(SIDE) {
        #[address_space(shared)]
        static mut A: [[f32; SIDE]; SIDE] = [[0.0; SIDE]; SIDE];
        #[address_space(shared)]
        static mut B: [[f32; SIDE]; SIDE] = [[0.0; SIDE]; SIDE];
        A[y][x] = a[row * n + start + x];
        B[y][x] = b[(start + y) * n + column];
        thread::sync_threads();
        for k in 0..SIDE {
            sum += A[y][k] * B[k][x];
        }
        thread::sync_threads();
    }
    *c.add(row * n + column) = sum;
}

/// Two arrays, of which one is of arrays.
#[kernel]
pub unsafe fn arrays(out: *mut u32) {
    let t = thread::thread_idx_x() as usize;
    let numbers = shared_array![u32; 32];
    let triples = shared_array![[u8; 3]; 32];
    *numbers.add(t) = t as u32 * 1000;
    *triples.add(t) = [t as u8, 2 * t as u8, 3 * t as u8];
    thread::sync_threads();
    let [a, b, c] = *triples.add(31 - t);
    *out.add(t) = *numbers.add(31 - t) + u32::from(a) + u32::from(b) + u32::from(c);
}

/// One dynamic region cut into an array of `f64` and one of bytes; a tree of sums in the first.
#[kernel]
pub unsafe fn dynamic(values: &[f64], out: *mut f64, out_bytes: *mut u8) {
    let t = thread::thread_idx_x() as usize;
    let n = thread::block_dim_x() as usize;
    let sums = dynamic_shared_mem::<f64>();
    let bytes = dynamic_shared_mem::<u8>().add(n * size_of::<f64>());
    *sums.add(t) = values[t];
    *bytes.add(t) = t as u8 ^ 0x55;
    let mut half = n / 2;
    while half > 0 {
        barrier();
        if t < half {
            *sums.add(t) += *sums.add(t + half);
        }
        half /= 2;
    }
    *out_bytes.add(t) = *bytes.add(n - 1 - t);
    if t == 0 {
        *out = *sums;
    }
}

/// A pointer into shared memory that is passed on, and a slice made of it.
#[kernel]
pub unsafe fn passed_on(out: *mut u32) {
    let t = thread::thread_idx_x() as usize;
    let numbers = shared_array![u32; 32];
    numbers.add(t).write((t * t) as u32);
    thread::sync_threads();
    *out.add(t) = prefix(core::slice::from_raw_parts(numbers, 32), t);
}

#[inline(never)]
fn prefix(numbers: &[u32], end: usize) -> u32 {
    numbers[..end].iter().sum()
}

/// Constant memory, indexed by what the thread finds there.
#[kernel]
pub unsafe fn constants(out: *mut u32) {
    let t = thread::thread_idx_x() as usize;
    *out.add(t) = TABLE[TABLE[t % TABLE.len()] as usize % TABLE.len()];
}

/// A global that a launch leaves changed.
#[kernel]
pub unsafe fn globals(out: *mut u32) {
    *out = VISITS;
    VISITS += 1;
    *out.add(1) = VISITS;
}
