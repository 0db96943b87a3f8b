//! Sums that carry the rounding errors of their additions along.

use cuda_std::prelude::*;
use cuda_std::shared_tile;
use cuda_std::vector::{F32x4, Vec4, as_vectors};
use cuda_std::warp::{FULL_MASK, WARP_SIZE, lane_id, warp_shuffle_xor};

use super::write;

pub use crate::reduce::{MAX_BLOCKS, N_THREADS, N_WARPS};

/// For each block the sum over its elements of `x[i]`, and what rounding took from it: the true sum is
/// nearly `sums[2 block] + sums[2 block + 1]`.
///
/// Shapes: `x` `[n]`, `sums` `[blocks, 2]`, overwritten.
/// Launch: along x, at most [`MAX_BLOCKS`] blocks of [`N_THREADS`] threads; a thread adds up the element
/// of its index, or four if `n` is a multiple of 4, and those a whole grid further on.
/// Cost: `4 n` bytes, `7 n` operations.
#[kernel]
pub fn compensated_sums(x: &[f32], mut sums: DisjointSlice<f32>) {
    let mut sum = (0.0, 0.0);
    let mut i = thread::index_1d() as usize;
    let stride = (thread::grid_dim_x() * thread::block_dim_x()) as usize;
    match as_vectors::<F32x4>(x) {
        Some(vectors) => {
            // By name, since an array that is walked through would lie in local memory.
            while let Some(&Vec4([a, b, c, d])) = vectors.get(i) {
                sum = add(sum, (a, 0.0));
                sum = add(sum, (b, 0.0));
                sum = add(sum, (c, 0.0));
                sum = add(sum, (d, 0.0));
                i += stride;
            }
        }
        None => {
            while let Some(&value) = x.get(i) {
                sum = add(sum, (value, 0.0));
                i += stride;
            }
        }
    }
    // SAFETY: the loop has ended for all threads of the block, and a block has `N_THREADS`.
    let (sum, error) = unsafe { block_sum(sum) };
    if thread::thread_idx_x() == 0 {
        let block_idx = thread::block_idx_x() as usize;
        // SAFETY: one thread of each block writes that block's entries.
        unsafe {
            write(&mut sums, 2 * block_idx, sum);
            write(&mut sums, 2 * block_idx + 1, error);
        }
    }
}

/// Adds two sums with their errors (Knuth, "The Art of Computer Programming", volume 2, theorem B of
/// section 4.2.2).
#[inline(always)]
fn add((a, error_a): (f32, f32), (b, error_b): (f32, f32)) -> (f32, f32) {
    let sum = a + b;
    let b_in_sum = sum - a;
    let error = (a - (sum - b_in_sum)) + (b - b_in_sum);
    (sum, error_a + error_b + error)
}

/// Adds up the sums of a block's threads: first in each warp, then warp after warp. Thread 0 gets the
/// sum, the others something else.
///
/// # Safety
///
/// - The block has [`N_THREADS`] threads along x, and all of them call it together, once in the kernel.
#[inline(always)]
unsafe fn block_sum(mut sum: (f32, f32)) -> (f32, f32) {
    let mut distance = WARP_SIZE / 2;
    while distance > 0 {
        // SAFETY: all lanes are here.
        let other = unsafe {
            (
                warp_shuffle_xor(FULL_MASK, sum.0, distance, WARP_SIZE).0,
                warp_shuffle_xor(FULL_MASK, sum.1, distance, WARP_SIZE).0,
            )
        };
        sum = add(sum, other);
        distance /= 2;
    }
    let s_sums = shared_tile![f32; 2 * N_WARPS]; // (warps, 2)
    let warp_idx = (thread::thread_idx_x() / WARP_SIZE) as usize;
    if lane_id() == 0 {
        // SAFETY: one lane of each warp writes that warp's entries.
        unsafe {
            s_sums.write(2 * warp_idx, sum.0);
            s_sums.write(2 * warp_idx + 1, sum.1);
        }
    }
    // Makes the warps' sums visible to thread 0.
    thread::sync_threads();
    let mut total = (0.0, 0.0);
    for warp_idx in 0..N_WARPS {
        // SAFETY: written before the barrier, by no one after it.
        let of_warp = unsafe { (s_sums.read(2 * warp_idx), s_sums.read(2 * warp_idx + 1)) };
        total = add(total, of_warp);
    }
    total
}
