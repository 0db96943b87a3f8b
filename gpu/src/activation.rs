//! Activation functions, forward and backward.

use cuda_std::kernel::DeviceValue;
use cuda_std::prelude::*;
use cuda_std::vector::{F32x4, Vec4, as_vectors};

use crate::elements;

/// Threads of a block.
pub const N_THREADS: u32 = 256;

/// An activation function, as it is passed to kernels: its number, and the slope of those that have
/// one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
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
    /// `x` above 0, and from there down `slope · x` with this slope;
    /// [`Activation::LEAKY_RELU`] has the usual one.
    LeakyRelu(f32) = 4,
    /// `x Φ(x)` with the normal distribution `Φ(x) = (1 + erf(x / √2)) / 2`
    Gelu = 5,
    /// GELU as it is approximated by `x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2`
    GeluTanh = 6,
    /// `x / (1 + e^-x)`, also called swish
    Silu = 7,
}

impl Activation {
    /// Leaky ReLU with PyTorch's slope.
    pub const LEAKY_RELU: Activation = Activation::LeakyRelu(0.01);

    /// Whether the output tells the derivative; of the others the input does.
    ///
    /// A layer that applies an activation to its own sum keeps the output alone, so it can be trained
    /// only with these.
    pub fn is_known_from_output(self) -> bool {
        match self {
            Activation::Identity | Activation::Relu | Activation::Sigmoid | Activation::Tanh => {
                true
            }
            // The output has the input's sign.
            Activation::LeakyRelu(slope) => slope >= 0.0,
            Activation::Gelu | Activation::GeluTanh | Activation::Silu => false,
        }
    }

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
            Activation::LeakyRelu(slope) => x.map(|x| if x > 0.0 { x } else { slope * x }),
            Activation::Gelu => x.map(|x| gelu(x, GpuFloat::exp)),
            Activation::GeluTanh => x.map(|x| gelu_tanh(x, GpuFloat::exp)),
            Activation::Silu => x.map(|x| silu(x, GpuFloat::exp)),
        }
    }

    /// Each of `gradient` times the derivative, which `known` tells: the output, or the input, see
    /// [`Activation::is_known_from_output`].
    #[inline(always)]
    pub fn backward<const N: usize>(self, known: [f32; N], gradient: [f32; N]) -> [f32; N] {
        let times = |derivative: fn(f32) -> f32| {
            core::array::from_fn(|idx| gradient[idx] * derivative(known[idx]))
        };
        match self {
            Activation::Identity => gradient,
            // A NaN lets the gradient pass.
            Activation::Relu => core::array::from_fn(|idx| {
                if known[idx] <= 0.0 {
                    0.0
                } else {
                    gradient[idx]
                }
            }),
            Activation::Sigmoid => times(|y| y * (1.0 - y)),
            Activation::Tanh => times(|y| 1.0 - y * y),
            Activation::LeakyRelu(slope) => core::array::from_fn(|idx| {
                let is_positive = known[idx] > 0.0;
                if is_positive {
                    gradient[idx]
                } else {
                    slope * gradient[idx]
                }
            }),
            Activation::Gelu => times(|x| gelu_derivative(x, GpuFloat::exp)),
            Activation::GeluTanh => times(|x| gelu_tanh_derivative(x, GpuFloat::exp)),
            Activation::Silu => times(|x| silu_derivative(x, GpuFloat::exp)),
        }
    }
}

// SAFETY: numbers in `repr(u32)`, and no address.
unsafe impl DeviceValue for Activation {}

/// [`Activation::Gelu`], with the exponential function `exp`: the host has its own.
#[inline(always)]
pub fn gelu(x: f32, exp: impl Fn(f32) -> f32) -> f32 {
    x * normal(x, exp).0
}

/// The derivative of [`gelu`]: `Φ(x) + x φ(x)`.
#[inline(always)]
pub fn gelu_derivative(x: f32, exp: impl Fn(f32) -> f32) -> f32 {
    let (below, density) = normal(x, exp);
    below + x * density
}

/// [`Activation::GeluTanh`]: `x σ(2u)`, which is `x (1 + tanh u) / 2`.
#[inline(always)]
pub fn gelu_tanh(x: f32, exp: impl Fn(f32) -> f32) -> f32 {
    let (double_u, _) = gelu_tanh_argument(x);
    x * logistic(double_u, exp).0
}

/// The derivative of [`gelu_tanh`]: `σ(2u) + x σ(2u) σ(-2u) (2u)'`.
#[inline(always)]
pub fn gelu_tanh_derivative(x: f32, exp: impl Fn(f32) -> f32) -> f32 {
    let (double_u, slope) = gelu_tanh_argument(x);
    let (below, above) = logistic(double_u, exp);
    below + x * (below * above) * slope
}

/// [`Activation::Silu`].
#[inline(always)]
pub fn silu(x: f32, exp: impl Fn(f32) -> f32) -> f32 {
    x * logistic(x, exp).0
}

/// The derivative of [`silu`]: `σ(x) + x σ(x) σ(-x)`.
#[inline(always)]
pub fn silu_derivative(x: f32, exp: impl Fn(f32) -> f32) -> f32 {
    let (below, above) = logistic(x, exp);
    below + x * (below * above)
}

/// `σ(x) = 1 / (1 + e^-x)` and `σ(-x)`, both without cancellation.
#[inline(always)]
fn logistic(x: f32, exp: impl Fn(f32) -> f32) -> (f32, f32) {
    let power = exp(if x > 0.0 { -x } else { x });
    let (large, small) = (1.0 / (1.0 + power), power / (1.0 + power));
    if x > 0.0 {
        (large, small)
    } else {
        (small, large)
    }
}

/// `2u = √(8/π) (x + 0.044715 x³)`, and its derivative.
#[inline(always)]
fn gelu_tanh_argument(x: f32) -> (f32, f32) {
    // √(8/π)
    const FACTOR: f32 = 1.595_769;
    const CUBIC: f32 = 0.044_715;
    // From here on σ is 0 or 1, and nothing overflows. A NaN stays.
    let x = x.clamp(-20.0, 20.0);
    let square = x * x;
    (
        FACTOR * x * (1.0 + CUBIC * square),
        FACTOR * (1.0 + 3.0 * CUBIC * square),
    )
}

/// The standard normal distribution: the probability `Φ(x)` to lie below `x`, and the density
/// `φ(x) = e^(-x²/2) / √(2π)`.
///
/// Coefficients: a minimax fit of `(1 + a) Φ(-a) e^(a²/2)` in `(a - 3) / (a + 3)` for `a` from 0 to
/// 14.5, where `Φ` ends in `f32`; its error is 1.1e-7 of the value.
#[inline(always)]
fn normal(x: f32, exp: impl Fn(f32) -> f32) -> (f32, f32) {
    const SERIES: [f32; 9] = [
        -3.427_233_6e-4,
        -2.855_04e-4,
        2.902_117_6e-3,
        1.118_314_5e-3,
        -0.022_702_86,
        0.045_172_14,
        -0.016_434_623,
        -0.096_527_15,
        0.486_055_82,
    ];
    // 1 / √(2π)
    const DENSITY_AT_0: f32 = 0.398_942_3;
    // Beyond, both are 0 or 1, and nothing overflows. A NaN stays.
    let a = x.clamp(-20.0, 20.0).abs();
    let power = exp(-0.5 * (a * a));
    let t = (a - 3.0) / (a + 3.0);
    let mut series = SERIES[0];
    for coefficient in &SERIES[1..] {
        series = series * t + coefficient;
    }
    let tail = power * series / (1.0 + a);
    let below = if x > 0.0 { 1.0 - tail } else { tail };
    (below, power * DENSITY_AT_0)
}

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

/// `gradient[i] *= activation'`: updates `gradient` in place. The derivative comes from `known`: the
/// outputs, or the inputs of the activations that those do not tell
/// ([`Activation::is_known_from_output`]). `known` and `gradient` have the same length `n`.
///
/// Launch: along x, a thread per element, or per four elements if `n` is a multiple of 4.
/// Cost: `12 n` bytes.
#[kernel]
pub fn activation_backward(activation: Activation, known: &[f32], gradient: PerThread<f32>) {
    let i = thread::index_1d() as usize;
    // SAFETY: lengths and addresses are the same for all threads, and so is what they convert.
    let vectors = unsafe { gradient.into_vectors::<F32x4>() };
    match (as_vectors::<F32x4>(known), vectors) {
        (Some(known), Ok(mut gradient)) => {
            if let Some(gradient) = gradient.get_mut()
                && let Some(known) = known.get(i)
            {
                *gradient = Vec4(activation.backward(known.0, gradient.0));
            }
        }
        (_, gradient) => {
            // SAFETY: as above.
            let mut gradient = unsafe { elements(gradient) };
            if let Some(gradient) = gradient.get_mut()
                && let Some(known) = known.get(i)
            {
                [*gradient] = activation.backward([*known], [*gradient]);
            }
        }
    }
}
