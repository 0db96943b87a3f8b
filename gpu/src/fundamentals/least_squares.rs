//! QR decomposition by Householder's reflections, a column at a time.
//!
//! Matrices are stored column by column: N + 1 columns of M numbers, of which the last is the right-hand
//! side.

use cuda_std::prelude::*;

use super::block::{for_each_of_thread, sum};
use super::write;

pub use super::block::N_THREADS;

/// Makes the reflection for column `k`: from its elements `x` on and below the diagonal the vector `v`, which
/// takes their place, with `v = x`, but `v[0] = x[0] + sign(x[0]) |x|`. `diagonal[k]` becomes what the
/// reflection makes of `x[0]`, `-sign(x[0]) |x|`, and `scales[k]` becomes `2 / |v|²`, or 0 where `v` is.
///
/// Shapes: `a` `[N + 1, M]`, updated; `diagonal` and `scales` `[N]`, entry `k` overwritten.
/// Launch: one block of [`N_THREADS`] threads.
/// Cost: `8 M` bytes, `2 M` operations.
///
/// # Panics
///
/// If `a` is shorter than its shape.
#[kernel]
pub fn make_reflection(
    n_rows: u32,
    k: u32,
    mut a: DisjointSlice<f64>,
    mut diagonal: DisjointSlice<f64>,
    mut scales: DisjointSlice<f64>,
) {
    let (m, k) = (n_rows as usize, k as usize);
    assert!(k < m && (k + 1) * m <= a.len());
    // SAFETY: column `k` is there.
    let x = unsafe { a.as_mut_ptr().add(k * m) };
    let mut own = 0.0;
    for_each_of_thread(k, m, |row| {
        // SAFETY: within the column; nobody writes before the barriers of `sum`.
        let x = unsafe { x.add(row).read() };
        own += x * x;
    });
    // SAFETY: within the column, read before the barriers of `sum`.
    let first = unsafe { x.add(k).read() };
    // SAFETY: the loop has ended for all threads of the block, and a block has `N_THREADS`.
    let squares = unsafe { sum(own) };
    if thread::thread_idx_x() != 0 {
        return;
    }
    let length = squares.sqrt().copysign(first);
    // |v|² = |x|² + 2 |x[0]| |x| + |x|².
    let squared = 2.0 * (squares + first * length);
    let scale = if squared > 0.0 { 2.0 / squared } else { 0.0 };
    // SAFETY: this thread alone writes them, when all have read.
    unsafe {
        x.add(k).write(first + length);
        write(&mut diagonal, k, -length);
        write(&mut scales, k, scale);
    }
}

/// Reflects the columns behind column `k` by its vector: `y -= scale (v · y) v`, on and below row `k`.
///
/// Shapes: `a` `[N + 1, M]`, its columns behind `k` updated; `scales` `[N]`.
/// Launch: along x, a block of [`N_THREADS`] threads for each column behind `k`.
/// Cost: `24 (M - k)` bytes for each column, half of them from the cache; `4 (M - k)` operations.
///
/// # Panics
///
/// If `a` or `scales` is shorter than its shape.
#[kernel]
pub fn reflect_columns(n_rows: u32, k: u32, scales: &[f64], mut a: DisjointSlice<f64>) {
    let (m, k) = (n_rows as usize, k as usize);
    let column = k + 1 + thread::block_idx_x() as usize;
    assert!((column + 1) * m <= a.len());
    let a = a.as_mut_ptr();
    // SAFETY: both columns are there.
    let (v, y) = unsafe { (a.add(k * m).cast_const(), a.add(column * m)) };
    let mut own = 0.0;
    for_each_of_thread(k, m, |row| {
        // SAFETY: within the columns; `v` is written by nobody, this row of `y` by this thread alone.
        own += unsafe { v.add(row).read() * y.add(row).read() };
    });
    // SAFETY: the loop has ended for all threads of the block, and a block has `N_THREADS`.
    let factor = -scales[k] * unsafe { sum(own) };
    for_each_of_thread(k, m, |row| {
        // SAFETY: as above.
        unsafe {
            let y = y.add(row);
            *y = factor.mul_add(v.add(row).read(), *y);
        }
    });
}
