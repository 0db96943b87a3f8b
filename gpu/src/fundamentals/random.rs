//! Random numbers: uniform, and normal by the method of Box and Muller.

use cuda_std::prelude::*;
use cuda_std::random::Philox;

use super::write;

/// Threads of a block.
pub const N_THREADS: u32 = 256;

/// `y[4 t..4 t + 4]` are the first uniform numbers of stream `t` of the seed, in `[0, 1)`.
///
/// Shapes: `y` `[n]`, overwritten.
/// Launch: along x, at least `n / 4` threads.
/// Cost: `4 n` bytes; about 30 integer operations a number.
#[kernel]
pub fn uniform(seed: u64, mut y: DisjointSlice<f32>) {
    let thread_idx = thread::index_1d() as u64;
    let mut random = Philox::new(seed, thread_idx);
    let begin = 4 * thread_idx as usize;
    for idx in begin..begin + 4 {
        // SAFETY: four elements for each thread, which are its own.
        unsafe { write(&mut y, idx, random.uniform_f32()) };
    }
}

/// `y[2 t]` and `y[2 t + 1]` are the first pair of normal numbers of stream `t` of the seed.
///
/// Shapes: `y` `[n]`, overwritten.
/// Launch: along x, at least `n / 2` threads.
/// Cost: `4 n` bytes; a logarithm, a root, a sine and a cosine for two numbers.
#[kernel]
pub fn normal(seed: u64, mut y: DisjointSlice<f32>) {
    let thread_idx = thread::index_1d() as u64;
    let pair = Philox::new(seed, thread_idx).normal_pair_f32();
    let begin = 2 * thread_idx as usize;
    // SAFETY: two elements for each thread, which are its own.
    unsafe {
        write(&mut y, begin, pair[0]);
        write(&mut y, begin + 1, pair[1]);
    }
}
