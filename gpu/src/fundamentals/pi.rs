//! The area of a quarter of a circle, by points drawn at random.

use cuda_std::prelude::*;
use cuda_std::random::philox4x32_10;

use super::write;
use crate::reduce::block_sum;

pub use crate::reduce::{MAX_BLOCKS, N_THREADS};

/// For each block how many of its points lie in the circle. Draw `i` is two points, from the words of
/// Philox at counter `i`.
///
/// Shapes: `counts` `[blocks]`, overwritten.
/// Launch: along x, at most [`MAX_BLOCKS`] blocks of [`N_THREADS`] threads; a thread takes the draw of
/// its index, and those a whole grid further on.
/// Cost: two points for about 60 integer and 6 floating-point operations.
///
/// A block counts at most 2³² points.
#[kernel]
pub fn count_in_circle(seed: u64, n_draws: u64, mut counts: DisjointSlice<u32>) {
    let mut count = 0;
    let mut draw = thread::index_1d() as u64;
    while draw < n_draws {
        count += in_circle(seed, draw);
        draw += (thread::grid_dim_x() * thread::block_dim_x()) as u64;
    }
    // SAFETY: the loop has ended for all threads of the block, and a block has `N_THREADS`.
    let (_, count) = unsafe { block_sum(0.0, count) };
    if thread::thread_idx_x() == 0 {
        // SAFETY: one thread of each block writes that block's entry.
        unsafe { write(&mut counts, thread::block_idx_x() as usize, count) };
    }
}

/// How many of the two points of a draw lie within the unit circle: `x² + y² < 1`.
#[inline(always)]
pub fn in_circle(seed: u64, draw: u64) -> u32 {
    let counter = [draw as u32, (draw >> 32) as u32, 0, 0];
    let words = philox4x32_10(counter, [seed as u32, (seed >> 32) as u32]);
    // The upper 24 bits are a multiple of 2⁻²⁴, as an f32 holds it.
    let [a, b, c, d] = words.map(|word| (word >> 8) as f32 * (1.0 / 16_777_216.0));
    u32::from(a * a + b * b < 1.0) + u32::from(c * c + d * d < 1.0)
}
