//! The method of conjugate gradients for Poisson's equation on a square: three kernels for each step, whose
//! sums and factors stay on the device.
//!
//! Each kernel that needs a sum adds up the parts that the blocks of the one before have left, in each of its
//! own blocks anew: fewer than [`MAX_BLOCKS`] numbers, which are in the cache.

use cuda_std::prelude::*;

use super::block::{for_each_of_thread, sum};
use super::write;

pub use super::block::N_THREADS;
pub use crate::reduce::MAX_BLOCKS;

/// Calls `function` with those of `0..n` that are this thread's in the whole grid.
#[inline(always)]
fn for_each_of_grid(n: usize, mut function: impl FnMut(usize)) {
    let mut idx = thread::index_1d() as usize;
    while idx < n {
        function(idx);
        idx += (thread::grid_dim_x() * thread::block_dim_x()) as usize;
    }
}

/// The sum of a slice, in each block.
///
/// # Safety
///
/// - The block has [`N_THREADS`] threads along x, and all of them call it together.
#[inline(always)]
unsafe fn sum_of(parts: &[f64]) -> f64 {
    let mut own = 0.0;
    for_each_of_thread(0, parts.len(), |idx| own += parts[idx]);
    // SAFETY: the caller's promise.
    unsafe { sum(own) }
}

/// Leaves the block's part of a sum.
///
/// # Safety
///
/// - As for [`sum_of`].
#[inline(always)]
unsafe fn leave(own: f64, mut parts: DisjointSlice<f64>) {
    // SAFETY: the caller's promise.
    let part = unsafe { sum(own) };
    if thread::thread_idx_x() == 0 {
        // SAFETY: one thread of each block writes that block's entry.
        unsafe { write(&mut parts, thread::block_idx_x() as usize, part) };
    }
}

/// `q = A p` with four times each point minus its neighbours, 0 outside, and the blocks' parts of `p · q`.
///
/// Shapes: `p` and `q` `[side, side]`, `q` overwritten; `parts` `[blocks]`, overwritten.
/// Launch: along x, at most [`MAX_BLOCKS`] blocks of [`N_THREADS`] threads; a thread takes the point of its
/// index, and those a whole grid further on.
/// Cost: `16 side²` bytes, `8 side²` operations.
///
/// # Panics
///
/// If `p` or `q` is shorter than its shape.
#[kernel]
pub fn poisson_product(side: u32, p: &[f64], mut q: DisjointSlice<f64>, parts: DisjointSlice<f64>) {
    let n_columns = side as usize;
    let n = n_columns * n_columns;
    assert!(p.len() >= n && q.len() >= n);
    let q = q.as_mut_ptr();
    let mut own = 0.0;
    for_each_of_grid(n, |idx| {
        let column = idx % n_columns;
        let neighbour = |is_one: bool, idx: usize| match is_one {
            // SAFETY: it is one of the points.
            true => unsafe { *p.get_unchecked(idx) },
            false => 0.0,
        };
        let around = neighbour(idx >= n_columns, idx.wrapping_sub(n_columns))
            + neighbour(idx + n_columns < n, idx + n_columns)
            + neighbour(column > 0, idx.wrapping_sub(1))
            + neighbour(column + 1 < n_columns, idx + 1);
        let p = neighbour(true, idx);
        let value = 4.0 * p - around;
        // SAFETY: within the square, and this thread's alone.
        unsafe { q.add(idx).write(value) };
        own += p * value;
    });
    // SAFETY: the loop has ended for all threads of the block, and a block has `N_THREADS`.
    unsafe { leave(own, parts) };
}

/// `α = r · r / (p · q)`, `x += α p`, `r -= α q`, and the blocks' parts of the new `r · r`. `products` are
/// the parts of `p · q`, `squares[step]` is the old `r · r`. `α` is 0 where there is nothing left to do.
///
/// Shapes: `p`, `q`, `x` and `r` `[n]`, the last two updated; `parts` `[blocks]`, overwritten.
/// Launch: as [`poisson_product`](struct@poisson_product).
/// Cost: `48 n` bytes, `6 n` operations.
///
/// # Panics
///
/// If a slice is shorter than `p`, or `squares` has no entry of that number.
#[kernel]
pub fn conjugate_update(
    step: u32,
    products: &[f64],
    squares: &[f64],
    p: &[f64],
    q: &[f64],
    mut x: DisjointSlice<f64>,
    mut r: DisjointSlice<f64>,
    parts: DisjointSlice<f64>,
) {
    let n = p.len();
    assert!(q.len() >= n && x.len() >= n && r.len() >= n);
    let (x, r) = (x.as_mut_ptr(), r.as_mut_ptr());
    // SAFETY: all threads of the block are here, `N_THREADS`.
    let product = unsafe { sum_of(products) };
    let factor = if product > 0.0 {
        squares[step as usize] / product
    } else {
        0.0
    };
    let mut own = 0.0;
    for_each_of_grid(n, |idx| {
        // SAFETY: there are `n` of each, and these are this thread's alone.
        unsafe {
            let (x, r) = (&mut *x.add(idx), &mut *r.add(idx));
            *x = factor.mul_add(p[idx], *x);
            *r = (-factor).mul_add(q[idx], *r);
            own += *r * *r;
        }
    });
    // SAFETY: the loop has ended for all threads of the block, and a block has `N_THREADS`.
    unsafe { leave(own, parts) };
}

/// `β = r · r / (old r · r)`, `p = r + β p`. `parts` are those of `r · r`, which becomes `squares[step + 1]`.
///
/// Shapes: `r` and `p` `[n]`, `p` updated; `squares` at least `[step + 2]`.
/// Launch: as [`poisson_product`](struct@poisson_product).
/// Cost: `24 n` bytes, `2 n` operations.
///
/// # Panics
///
/// If `p` is shorter than `r`, or `squares` has no entries of these numbers.
#[kernel]
pub fn conjugate_direction(
    step: u32,
    parts: &[f64],
    r: &[f64],
    mut p: DisjointSlice<f64>,
    mut squares: DisjointSlice<f64>,
) {
    let step = step as usize;
    assert!(p.len() >= r.len() && squares.len() > step + 1);
    let p = p.as_mut_ptr();
    // SAFETY: all threads of the block are here, `N_THREADS`.
    let square = unsafe { sum_of(parts) };
    // SAFETY: there is one of this number, which nobody writes in this launch.
    let old = unsafe { squares.as_mut_ptr().add(step).read() };
    let factor = if old > 0.0 { square / old } else { 0.0 };
    for_each_of_grid(r.len(), |idx| {
        // SAFETY: there is one of this number, and it is this thread's alone.
        unsafe {
            let p = &mut *p.add(idx);
            *p = factor.mul_add(*p, r[idx]);
        }
    });
    if thread::index_1d() == 0 {
        // SAFETY: one thread of the grid writes it.
        unsafe { write(&mut squares, step + 1, square) };
    }
}
