//! Gaussian elimination with pivots, a column at a time.

use cuda_std::prelude::*;

use super::block::{for_each_of_thread, largest};
use super::write;

pub use super::block::N_THREADS;

/// Threads of a block of [`lu_update`](struct@lu_update) along x and y.
pub const UPDATE_BLOCK: [u32; 2] = [32, 8];
/// The pivot of a column in which nothing but zeros is left.
pub const NO_PIVOT: u32 = u32::MAX;

/// Column `k` of the elimination: looks for its largest element on or below the diagonal, swaps that row
/// with row `k`, and divides what is below by it. `pivots[k]` becomes the row, or [`NO_PIVOT`], and then
/// nothing is divided.
///
/// Shapes: `a` `[n, n]`, updated; `pivots` `[n]`, its entry `k` overwritten.
/// Launch: one block of [`N_THREADS`] threads.
/// Cost: `32 n` bytes, `n` divisions.
///
/// # Panics
///
/// If `a` is shorter than its shape.
#[kernel]
pub fn lu_pivot(n: u32, k: u32, mut a: DisjointSlice<f64>, mut pivots: DisjointSlice<u32>) {
    let (n, k) = (n as usize, k as usize);
    assert!(a.len() >= n * n && k < n);
    let a = a.as_mut_ptr();
    let mut own = (0.0, NO_PIVOT);
    for_each_of_thread(k, n, |row| {
        // SAFETY: within the matrix; nobody writes before the barriers of `largest`.
        let size = unsafe { a.add(row * n + k).read() }.abs();
        if size > own.0 {
            own = (size, row as u32);
        }
    });
    // SAFETY: the loop has ended for all threads of the block, and a block has `N_THREADS`.
    let (size, pivot) = unsafe { largest(own.0, own.1) };
    let is_usable = size > 0.0;
    if is_usable {
        for_each_of_thread(0, n, |column| {
            // SAFETY: within the matrix; this column of both rows is this thread's own until the barrier.
            unsafe {
                a.add(k * n + column)
                    .swap(a.add(pivot as usize * n + column))
            };
        });
    }
    // Makes the swapped rows visible to all threads.
    thread::sync_threads();
    if is_usable {
        // SAFETY: within the matrix, and written by nobody until the kernel ends.
        let divisor = unsafe { a.add(k * n + k).read() };
        for_each_of_thread(k + 1, n, |row| {
            // SAFETY: within the matrix; this row's element is this thread's own.
            unsafe { *a.add(row * n + k) /= divisor };
        });
    }
    if thread::thread_idx_x() == 0 {
        // SAFETY: one thread writes it.
        unsafe { write(&mut pivots, k, if is_usable { pivot } else { NO_PIVOT }) };
    }
}

/// Takes column `k`'s multiples of row `k` from the rows below it: `a[i, j] -= a[i, k] a[k, j]` for all `i`
/// and `j` beyond `k`.
///
/// Shapes: `a` `[n, n]`, updated.
/// Launch: blocks of [`UPDATE_BLOCK`], a thread for each element beyond `k`: columns along x, rows along y.
/// Cost: `16 (n - k)²` bytes, `2 (n - k)²` operations.
///
/// # Panics
///
/// If `a` is shorter than its shape.
#[kernel]
pub fn lu_update(n: u32, k: u32, mut a: DisjointSlice<f64>) {
    let column = k + 1 + thread::block_idx_x() * thread::block_dim_x() + thread::thread_idx_x();
    let row = k + 1 + thread::block_idx_y() * thread::block_dim_y() + thread::thread_idx_y();
    if column >= n || row >= n {
        return;
    }
    let [n, k, row, column] = [n, k, row, column].map(|idx| idx as usize);
    assert!(a.len() >= n * n);
    let a = a.as_mut_ptr();
    // SAFETY: within the matrix. Row and column `k` are written by nobody, the element is this thread's.
    unsafe {
        let factor = a.add(row * n + k).read();
        let above = a.add(k * n + column).read();
        let element = a.add(row * n + column);
        *element = (-factor).mul_add(above, *element);
    }
}
