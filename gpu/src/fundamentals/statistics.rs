//! Mean and variance in one pass.

use cuda_std::prelude::*;
use cuda_std::shared_tile;
use cuda_std::warp::{FULL_MASK, WARP_SIZE, lane_id, warp_shuffle_xor};

use super::write;

pub use crate::reduce::{MAX_BLOCKS, N_THREADS, N_WARPS};

/// How many numbers there are, their mean, and the sum of the squares of what they differ from it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Moments {
    /// How many, as a number to compute with; exact up to 2²⁴.
    pub count: f32,
    /// Their mean; 0 if there is none.
    pub mean: f32,
    /// `Σ (x - mean)²`.
    pub squares: f32,
}

impl Moments {
    /// With one more number (Welford, 1962).
    #[inline(always)]
    pub fn with(self, x: f32) -> Moments {
        let count = self.count + 1.0;
        let deviation = x - self.mean;
        let mean = self.mean + deviation / count;
        Moments {
            count,
            mean,
            squares: self.squares + deviation * (x - mean),
        }
    }

    /// Of the numbers of both (Chan, Golub and LeVeque, 1979).
    #[inline(always)]
    pub fn merge(self, other: Moments) -> Moments {
        let count = self.count + other.count;
        if count == 0.0 {
            return self;
        }
        let difference = other.mean - self.mean;
        let share = other.count / count;
        Moments {
            count,
            mean: self.mean + difference * share,
            squares: self.squares + other.squares + difference * difference * self.count * share,
        }
    }
}

/// For each block the moments of its elements: `count`, `mean`, `squares`.
///
/// Shapes: `x` `[n]`, `moments` `[blocks, 3]`, overwritten.
/// Launch: along x, at most [`MAX_BLOCKS`] blocks of [`N_THREADS`] threads; a thread takes the element
/// of its index, and those a whole grid further on.
/// Cost: `4 n` bytes, `7 n` operations, one of them a division.
#[kernel]
pub fn block_moments(x: &[f32], mut moments: DisjointSlice<f32>) {
    let mut own = Moments::default();
    let mut i = thread::index_1d() as usize;
    while let Some(&x) = x.get(i) {
        own = own.with(x);
        i += (thread::grid_dim_x() * thread::block_dim_x()) as usize;
    }
    // SAFETY: the loop has ended for all threads of the block, and a block has `N_THREADS`.
    let of_block = unsafe { merge_block(own) };
    if thread::thread_idx_x() == 0 {
        let begin = 3 * thread::block_idx_x() as usize;
        // SAFETY: one thread of each block writes that block's entries.
        unsafe {
            write(&mut moments, begin, of_block.count);
            write(&mut moments, begin + 1, of_block.mean);
            write(&mut moments, begin + 2, of_block.squares);
        }
    }
}

/// Merges the moments of a block's threads: first in each warp, then warp after warp. Thread 0 gets
/// the result, the others something else.
///
/// # Safety
///
/// - The block has [`N_THREADS`] threads along x, and all of them call it together, once in the kernel.
#[inline(always)]
unsafe fn merge_block(mut own: Moments) -> Moments {
    let mut distance = WARP_SIZE / 2;
    while distance > 0 {
        // SAFETY: all lanes are here.
        let other = unsafe {
            Moments {
                count: warp_shuffle_xor(FULL_MASK, own.count, distance, WARP_SIZE).0,
                mean: warp_shuffle_xor(FULL_MASK, own.mean, distance, WARP_SIZE).0,
                squares: warp_shuffle_xor(FULL_MASK, own.squares, distance, WARP_SIZE).0,
            }
        };
        own = own.merge(other);
        distance /= 2;
    }
    let s_moments = shared_tile![f32; 3 * N_WARPS]; // (warps, 3)
    let warp_idx = (thread::thread_idx_x() / WARP_SIZE) as usize;
    if lane_id() == 0 {
        // SAFETY: one lane of each warp writes that warp's entries.
        unsafe {
            s_moments.write(3 * warp_idx, own.count);
            s_moments.write(3 * warp_idx + 1, own.mean);
            s_moments.write(3 * warp_idx + 2, own.squares);
        }
    }
    // Makes the warps' moments visible to thread 0.
    thread::sync_threads();
    let mut total = Moments::default();
    for warp_idx in 0..N_WARPS {
        // SAFETY: written before the barrier, by no one after it.
        let of_warp = unsafe {
            Moments {
                count: s_moments.read(3 * warp_idx),
                mean: s_moments.read(3 * warp_idx + 1),
                squares: s_moments.read(3 * warp_idx + 2),
            }
        };
        total = total.merge(of_warp);
    }
    total
}
