//! The kernels.
#![no_std]

use cuda_std::prelude::*;

/// `y[i] += a · x[i]`, one thread per element.
#[kernel]
pub fn axpy(a: f32, x: &[f32], mut y: PerThread<f32>) {
    let i = thread::index_1d() as usize;
    if let (Some(y), Some(x)) = (y.get_mut(), x.get(i)) {
        *y += a * x;
    }
}
