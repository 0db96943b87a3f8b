//! Activation functions, forward and backward.

use cuda_std::kernel::DeviceValue;
use cuda_std::prelude::*;
use cuda_std::vector::{F32x4, Vec4, as_vectors};

use crate::elements;

/// Threads of a block.
pub const N_THREADS: u32 = 256;

/// An activation function, as it is passed to kernels (by its number).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u32)]
pub enum Activation {
    /// `x`
    #[default]
    Identity = 0,
    /// `max(x, 0)`
    Relu = 1,
    /// `1 / (1 + e^-x)`
    Sigmoid = 2,
    /// `tanh x`
    Tanh = 3,
}

impl Activation {
    /// The activation of each of `x`. That of NaN is NaN.
    // One branch for all of them, so that they stay side by side for loads and stores of 16 bytes.
    #[inline(always)]
    pub fn forward<const N: usize>(self, x: [f32; N]) -> [f32; N] {
        match self {
            Activation::Identity => x,
            // Not `max`, which drops a NaN.
            Activation::Relu => x.map(|x| if x <= 0.0 { 0.0 } else { x }),
            Activation::Sigmoid => x.map(|x| 1.0 / (1.0 + GpuFloat::exp(-x))),
            Activation::Tanh => x.map(GpuFloat::tanh),
        }
    }

    /// Each of `gradient` times the derivative, which the output `y` tells.
    #[inline(always)]
    pub fn backward<const N: usize>(self, y: [f32; N], gradient: [f32; N]) -> [f32; N] {
        let each = |function: fn(f32, f32) -> f32| {
            core::array::from_fn(|idx| function(y[idx], gradient[idx]))
        };
        match self {
            Activation::Identity => gradient,
            // A NaN lets the gradient pass.
            Activation::Relu => each(|y, gradient| if y <= 0.0 { 0.0 } else { gradient }),
            Activation::Sigmoid => each(|y, gradient| gradient * (y * (1.0 - y))),
            Activation::Tanh => each(|y, gradient| gradient * (1.0 - y * y)),
        }
    }
}

// SAFETY: a number, and no address.
unsafe impl DeviceValue for Activation {}

/// `y[i] = activation(x[i])`: overwrites `y`. `x` and `y` have the same length `n`.
///
/// Launch: along x, a thread per element, or per four elements if `n` is a multiple of 4.
/// Cost: `8 n` bytes.
#[kernel]
pub fn activation_forward(activation: Activation, x: &[f32], y: PerThread<f32>) {
    let i = thread::index_1d() as usize;
    // SAFETY: lengths and addresses are the same for all threads, and so is what they convert.
    let vectors = unsafe { y.into_vectors::<F32x4>() };
    match (as_vectors::<F32x4>(x), vectors) {
        (Some(x), Ok(mut y)) => {
            if let Some(y) = y.get_mut()
                && let Some(x) = x.get(i)
            {
                *y = Vec4(activation.forward(x.0));
            }
        }
        (_, y) => {
            // SAFETY: as above.
            let mut y = unsafe { elements(y) };
            if let Some(y) = y.get_mut()
                && let Some(x) = x.get(i)
            {
                [*y] = activation.forward([*x]);
            }
        }
    }
}

/// `gradient[i] *= activation'(x[i])`, from the output `y[i] = activation(x[i])`: updates `gradient`
/// in place. `y` and `gradient` have the same length `n`.
///
/// Launch: along x, a thread per element, or per four elements if `n` is a multiple of 4.
/// Cost: `12 n` bytes.
#[kernel]
pub fn activation_backward(activation: Activation, y: &[f32], gradient: PerThread<f32>) {
    let i = thread::index_1d() as usize;
    // SAFETY: lengths and addresses are the same for all threads, and so is what they convert.
    let vectors = unsafe { gradient.into_vectors::<F32x4>() };
    match (as_vectors::<F32x4>(y), vectors) {
        (Some(y), Ok(mut gradient)) => {
            if let Some(gradient) = gradient.get_mut()
                && let Some(y) = y.get(i)
            {
                *gradient = Vec4(activation.backward(y.0, gradient.0));
            }
        }
        (_, gradient) => {
            // SAFETY: as above.
            let mut gradient = unsafe { elements(gradient) };
            if let Some(gradient) = gradient.get_mut()
                && let Some(y) = y.get(i)
            {
                [*gradient] = activation.backward([*y], [*gradient]);
            }
        }
    }
}
