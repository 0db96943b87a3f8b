//! Activations, forward and backward, over loops that the compiler turns into vector code.

use gpu::activation::{
    gelu, gelu_derivative, gelu_tanh, gelu_tanh_derivative, silu, silu_derivative,
};

use super::{Floats, HostBackend, Operation};
use crate::Result;
use crate::backend::{Activation, ActivationOperations};
use crate::simd::{exp, split_exponential};

impl ActivationOperations for HostBackend {
    fn activation_forward(
        &self,
        activation: Activation,
        x: &Floats,
        y: &mut Floats,
        n: usize,
    ) -> Result<()> {
        forward(self, activation, x, y, n)
    }

    fn activation_backward(
        &self,
        activation: Activation,
        known: &Floats,
        gradient: &mut Floats,
        n: usize,
    ) -> Result<()> {
        backward(self, activation, known, gradient, n)
    }
}

/// About what an element costs, in the units of the products' arithmetic.
const WORK_PER_ELEMENT: usize = 8;

pub(super) fn forward(
    backend: &HostBackend,
    activation: Activation,
    x: &Floats,
    y: &mut Floats,
    n: usize,
) -> Result<()> {
    let check = Operation("activation_forward");
    let x = check.read("x", x, &[n])?;
    let y = check.write("y", y, &[n])?;
    backend.for_each_chunk(
        y,
        WORK_PER_ELEMENT,
        #[inline(always)]
        |begin, y| {
            y.copy_from_slice(&x[begin..][..y.len()]);
            apply(activation, y);
        },
    );
    Ok(())
}

pub(super) fn backward(
    backend: &HostBackend,
    activation: Activation,
    known: &Floats,
    gradient: &mut Floats,
    n: usize,
) -> Result<()> {
    let check = Operation("activation_backward");
    let known = check.read("known", known, &[n])?;
    let gradient = check.write("gradient", gradient, &[n])?;
    backend.for_each_chunk(
        gradient,
        WORK_PER_ELEMENT,
        #[inline(always)]
        |begin, gradient| {
            apply_derivative(activation, &known[begin..], gradient);
        },
    );
    Ok(())
}

/// `values[i] = activation(values[i])`.
#[inline(always)]
pub(super) fn apply(activation: Activation, values: &mut [f32]) {
    let values = values.iter_mut();
    match activation {
        Activation::Identity => {}
        // `f32::max` would turn NaN into 0.
        Activation::Relu => values.for_each(|x| *x = if *x <= 0.0 { 0.0 } else { *x }),
        Activation::Sigmoid => values.for_each(|x| *x = sigmoid(*x)),
        Activation::Tanh => values.for_each(|x| *x = tanh(*x)),
        Activation::LeakyRelu(slope) => {
            values.for_each(|x| *x = if *x > 0.0 { *x } else { slope * *x });
        }
        Activation::Gelu => values.for_each(|x| *x = gelu(*x, exp)),
        Activation::GeluTanh => values.for_each(|x| *x = gelu_tanh(*x, exp)),
        Activation::Silu => values.for_each(|x| *x = silu(*x, exp)),
    }
}

/// `gradient[i] *= activation'`, in terms of what is known: the output, or the input of the
/// activations that it does not tell.
#[inline(always)]
pub(super) fn apply_derivative(activation: Activation, known: &[f32], gradient: &mut [f32]) {
    let pairs = gradient.iter_mut().zip(known);
    match activation {
        Activation::Identity => {}
        Activation::Relu => pairs.for_each(|(g, &y)| *g = if y <= 0.0 { 0.0 } else { *g }),
        Activation::Sigmoid => pairs.for_each(|(g, &y)| *g *= y * (1.0 - y)),
        Activation::Tanh => pairs.for_each(|(g, &y)| *g *= 1.0 - y * y),
        Activation::LeakyRelu(slope) => {
            pairs.for_each(|(g, &y)| *g = if y > 0.0 { *g } else { slope * *g });
        }
        Activation::Gelu => pairs.for_each(|(g, &x)| *g *= gelu_derivative(x, exp)),
        Activation::GeluTanh => pairs.for_each(|(g, &x)| *g *= gelu_tanh_derivative(x, exp)),
        Activation::Silu => pairs.for_each(|(g, &x)| *g *= silu_derivative(x, exp)),
    }
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `(e^2x - 1) / (e^2x + 1)`, which keeps small `x` exact.
#[inline(always)]
fn tanh(x: f32) -> f32 {
    // Beyond 10 the result rounds to 1, and e^2x would overflow later.
    let x = x.clamp(-10.0, 10.0);
    let (power_of_two, remainder) = split_exponential(2.0 * x);
    let numerator = power_of_two * remainder + (power_of_two - 1.0);
    numerator / (numerator + 2.0)
}
