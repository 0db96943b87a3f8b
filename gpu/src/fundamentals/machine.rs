//! What shows how fast a device is: reading and writing memory, and arithmetic that reads nothing.

use cuda_std::prelude::*;
use cuda_std::vector::{F32x4, as_vectors};

use crate::elements;

/// Threads of a block.
pub const N_THREADS: u32 = 256;
/// Chains of multiply-adds in each thread, enough to keep its units busy.
pub const N_CHAINS: usize = 8;

/// `y[i] = x[i]`: overwrites `y`.
///
/// Shapes: `x` and `y` `[n]`.
/// Launch: along x, a thread per element, or per four elements if `n` is a multiple of 4.
/// Cost: `8 n` bytes.
///
/// # Panics
///
/// If `x` is shorter than `y`.
#[kernel]
pub fn copy(x: &[f32], y: PerThread<f32>) {
    let i = thread::index_1d() as usize;
    // SAFETY: all threads are here, with the same buffer.
    match (as_vectors::<F32x4>(x), unsafe { y.into_vectors::<F32x4>() }) {
        (Some(x), Ok(mut y)) => {
            if let Some(y) = y.get_mut() {
                *y = x[i];
            }
        }
        (_, y) => {
            // SAFETY: as above.
            if let Some(y) = unsafe { elements(y) }.get_mut() {
                *y = x[i];
            }
        }
    }
}

/// [`N_CHAINS`] chains of `c = factor c + term`, `n_links` of each; `y[i]` is the sum of thread `i`'s.
///
/// Shapes: `y` `[threads]`, overwritten.
/// Launch: along x, a thread per element.
/// Cost: `16 n_links` operations a thread, and 4 bytes.
#[kernel]
pub fn multiply_add(n_links: u32, factor: f32, term: f32, mut y: PerThread<f32>) {
    let mut chains = [0.0; N_CHAINS];
    for (idx, chain) in chains.iter_mut().enumerate() {
        *chain = idx as f32;
    }
    for _ in 0..n_links {
        for chain in &mut chains {
            *chain = chain.mul_add(factor, term);
        }
    }
    if let Some(y) = y.get_mut() {
        *y = chains.iter().sum();
    }
}
