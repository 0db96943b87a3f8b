//! The sine and its gradient, for arrays.
#![no_std]

use cuda_std::prelude::*;

/// Threads of a block.
pub const N_THREADS: u32 = 256;

/// `y[i] = sin(frequency x[i])`: overwrites `y`. Both have the same length.
///
/// Launch: along x, a thread per element.
#[kernel]
pub fn sine_forward(frequency: f32, x: &[f32], mut y: PerThread<f32>) {
    if let Some(y) = y.get_mut()
        && let Some(x) = x.get(thread::index_1d() as usize)
    {
        *y = GpuFloat::sin(frequency * x);
    }
}

/// `dx[i] = dy[i] frequency cos(frequency x[i])`: overwrites `dx`. All have the same length.
///
/// Launch: along x, a thread per element.
#[kernel]
pub fn sine_backward(frequency: f32, x: &[f32], dy: &[f32], mut dx: PerThread<f32>) {
    let i = thread::index_1d() as usize;
    if let Some(dx) = dx.get_mut()
        && let Some(x) = x.get(i)
        && let Some(dy) = dy.get(i)
    {
        *dx = dy * frequency * GpuFloat::cos(frequency * x);
    }
}
