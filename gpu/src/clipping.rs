//! Clipping of gradients, by their values and by the norm of all of them.

use cuda_std::prelude::*;
use cuda_std::vector::{F32x4, Vec4, as_vectors};

use crate::elements;
use crate::reduce::block_sum;

pub use crate::reduce::{MAX_BLOCKS, N_THREADS};

/// For each block the sum over its elements of `values[i]²`.
///
/// Shapes: `values` `[n]`, `block_sums` `[blocks]`, overwritten.
/// Launch: along x, at most [`MAX_BLOCKS`] blocks of [`N_THREADS`] threads; a thread works on the
/// element of its index, or on four if `n` is a multiple of 4, then on those a whole grid further on.
/// Cost: `4 n` bytes.
#[kernel]
pub fn sum_of_squares(values: &[f32], mut block_sums: DisjointSlice<f32>) {
    let sum = match as_vectors::<F32x4>(values) {
        Some(vectors) => sum_of_thread(vectors, |Vec4([a, b, c, d])| {
            a.mul_add(a, b * b) + c.mul_add(c, d * d)
        }),
        None => sum_of_thread(values, |value| value * value),
    };
    // SAFETY: the loop has ended for all threads of the block, and a block has `N_THREADS`.
    let (sum, _) = unsafe { block_sum(sum, 0) };
    if thread::thread_idx_x() == 0 {
        // SAFETY: one thread of each block writes that block's entry.
        if let Some(block_sum) = unsafe { block_sums.get_mut(thread::block_idx_x() as usize) } {
            *block_sum = sum;
        }
    }
}

/// Sums `function` over the thread's own elements.
#[inline(always)]
fn sum_of_thread<T: Copy>(values: &[T], function: impl Fn(T) -> f32) -> f32 {
    let mut sum = 0.0;
    let mut i = thread::index_1d() as usize;
    while let Some(&value) = values.get(i) {
        sum += function(value);
        i += (thread::grid_dim_x() * thread::block_dim_x()) as usize;
    }
    sum
}

/// Adds the blocks' sums: `sum[0] = Σ block_sums`, or adds that to it if `adds`.
///
/// Shapes: `block_sums` `[blocks]`, `sum` `[1]`.
/// Launch: one block of [`N_THREADS`] threads.
/// Cost: `4 blocks` bytes.
#[kernel]
pub fn add_block_sums(block_sums: &[f32], adds: bool, mut sum: PerThread<f32>) {
    let mut own = 0.0;
    let mut i = thread::thread_idx_x() as usize;
    while let Some(block_sum) = block_sums.get(i) {
        own += block_sum;
        i += N_THREADS as usize;
    }
    // SAFETY: the loop has ended for all threads of the block, and a block has `N_THREADS`.
    let (total, _) = unsafe { block_sum(own, 0) };
    // Only thread 0 has an element, and only thread 0 has the sum.
    if let Some(sum) = sum.get_mut() {
        *sum = if adds { *sum + total } else { total };
    }
}

/// `values[i] *= min(1, max_norm / (sqrt(sum_of_squares[0]) + 1e-6))`: updates `values` in place. Where
/// the norm is not a number, nor are they.
///
/// Shapes: `values` `[n]`, `sum_of_squares` `[1]`.
/// Launch: along x, a thread per element, or per four elements if `n` is a multiple of 4.
/// Cost: `8 n` bytes.
///
/// # Panics
///
/// If `sum_of_squares` is empty.
#[kernel]
pub fn clip_norm(values: PerThread<f32>, sum_of_squares: &[f32], max_norm: f32) {
    let scale = max_norm / (sum_of_squares[0].sqrt() + 1e-6);
    // Not `min`, which drops a NaN.
    let scale = if scale > 1.0 { 1.0 } else { scale };
    // SAFETY: all threads are here, with the same buffer.
    unsafe { update(values, |value| scale * value) };
}

/// `values[i] = min(max(values[i], -limit), limit)`: updates `values`, `[n]`, in place. NaN stays.
///
/// Launch: along x, a thread per element, or per four elements if `n` is a multiple of 4.
/// Cost: `8 n` bytes.
#[kernel]
pub fn clip_value(values: PerThread<f32>, limit: f32) {
    // SAFETY: all threads are here, with the same buffer.
    unsafe { update(values, |value| clamp(value, limit)) };
}

/// `value` brought into `-limit..=limit`; NaN stays. `f32::clamp` panics if the limit is NaN or
/// below 0.
#[inline(always)]
pub(crate) fn clamp(value: f32, limit: f32) -> f32 {
    let value = if value > limit { limit } else { value };
    if value < -limit { -limit } else { value }
}

/// Updates this thread's elements.
///
/// # Safety
///
/// - All threads of the launch call it with the same buffer.
#[inline(always)]
unsafe fn update(values: PerThread<f32>, function: impl Fn(f32) -> f32) {
    // SAFETY: length and address are the same for all threads, and so is what they convert.
    match unsafe { values.into_vectors::<F32x4>() } {
        Ok(mut vectors) => {
            if let Some(vector) = vectors.get_mut() {
                *vector = Vec4(vector.0.map(function));
            }
        }
        values => {
            // SAFETY: as above.
            if let Some(value) = unsafe { elements(values) }.get_mut() {
                *value = function(*value);
            }
        }
    }
}
