//! Every operation once more, in `f64` and as its definition reads: what all devices are tested
//! against. It shares no code with any of them.
//!
//! B rows, K inputs and N outputs of a layer; matrices are row-major.

// Each test file takes what it needs.
#![allow(dead_code, unused_imports)]

mod augmentation;
pub mod convolution;
mod embedding;
pub mod gaussian;
mod loss;
mod normalization;
mod optimizer;
mod pooling;
mod softmax;

use cpu::backend::Activation;

pub use augmentation::augment;
pub use embedding::{embedding_backward, embedding_forward};
pub use loss::*;
pub use normalization::Normalization;
pub use optimizer::*;
pub use pooling::{pooling_backward, pooling_forward};
pub use softmax::{softmax_backward, softmax_forward};

/// Sizes of a dense layer: B, K and N.
#[derive(Debug, Clone, Copy)]
pub struct DenseShape {
    pub n_rows: usize,
    pub n_inputs: usize,
    pub n_outputs: usize,
}

/// `Σ_k first(i, k) · second(k, j)` for all `i` and `j`.
fn product(
    [n_rows, n_columns, depth]: [usize; 3],
    first: impl Fn(usize, usize) -> f64,
    second: impl Fn(usize, usize) -> f64,
) -> Vec<f64> {
    let mut output = Vec::with_capacity(n_rows * n_columns);
    for i in 0..n_rows {
        for j in 0..n_columns {
            output.push((0..depth).map(|k| first(i, k) * second(k, j)).sum());
        }
    }
    output
}

/// `x[B, K] · weight[K, N] + bias[N]`.
pub fn dense_forward(shape: DenseShape, x: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let DenseShape {
        n_rows,
        n_inputs,
        n_outputs,
    } = shape;
    let mut y = product(
        [n_rows, n_outputs, n_inputs],
        |i, k| x[i * n_inputs + k],
        |k, j| weight[k * n_outputs + j],
    );
    for (idx, y) in y.iter_mut().enumerate() {
        *y += bias[idx % n_outputs];
    }
    y
}

/// `dy[B, N] · weight[K, N]ᵀ`.
pub fn dense_backward_input(shape: DenseShape, dy: &[f64], weight: &[f64]) -> Vec<f64> {
    let DenseShape {
        n_rows,
        n_inputs,
        n_outputs,
    } = shape;
    product(
        [n_rows, n_inputs, n_outputs],
        |i, k| dy[i * n_outputs + k],
        |k, j| weight[j * n_outputs + k],
    )
}

/// `x[B, K]ᵀ · dy[B, N]`.
pub fn dense_backward_weight(shape: DenseShape, x: &[f64], dy: &[f64]) -> Vec<f64> {
    let DenseShape {
        n_rows,
        n_inputs,
        n_outputs,
    } = shape;
    product(
        [n_inputs, n_outputs, n_rows],
        |i, k| x[k * n_inputs + i],
        |k, j| dy[k * n_outputs + j],
    )
}

/// `Σ_rows dy[B, N]`.
pub fn dense_backward_bias(shape: DenseShape, dy: &[f64]) -> Vec<f64> {
    let column = |j| dy.iter().skip(j).step_by(shape.n_outputs);
    (0..shape.n_outputs).map(|j| column(j).sum()).collect()
}

/// The activation's value.
pub fn activation(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Identity => x,
        Activation::Relu if x <= 0.0 => 0.0,
        Activation::Relu => x,
        Activation::Sigmoid => sigmoid(x),
        Activation::Tanh => x.tanh(),
        Activation::LeakyRelu(_) if x > 0.0 => x,
        Activation::LeakyRelu(slope) => f64::from(slope) * x,
        Activation::Gelu => x * normal_distribution(x),
        Activation::GeluTanh => x * sigmoid(gelu_exponent(x)),
        Activation::Silu => x * sigmoid(x),
    }
}

/// The gradient by the activation's input, from the gradient by its value and from what tells the
/// derivative: the value, or the input of those that it does not tell.
pub fn activation_backward(activation: Activation, known: f64, gradient: f64) -> f64 {
    match activation {
        Activation::Identity => gradient,
        Activation::Relu if known <= 0.0 => 0.0,
        Activation::Relu => gradient,
        Activation::Sigmoid => gradient * known * (1.0 - known),
        Activation::Tanh => gradient * (1.0 - known * known),
        Activation::LeakyRelu(_) if known > 0.0 => gradient,
        Activation::LeakyRelu(slope) => f64::from(slope) * gradient,
        Activation::Gelu | Activation::GeluTanh | Activation::Silu => {
            let [value, change] = derivative_terms(activation, known);
            gradient * (value + change)
        }
    }
}

/// The derivative of `x f(x)`: `f(x)` and `x f'(x)`.
pub fn derivative_terms(activation: Activation, x: f64) -> [f64; 2] {
    let sigmoid_and_slope = |u: f64| (sigmoid(u), sigmoid(u) * sigmoid(-u));
    let (factor, slope) = match activation {
        Activation::Gelu => {
            let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
            (normal_distribution(x), density)
        }
        Activation::GeluTanh => {
            let (factor, slope) = sigmoid_and_slope(gelu_exponent(x));
            let change = (8.0 / std::f64::consts::PI).sqrt() * (1.0 + 3.0 * 0.044715 * x * x);
            // Where the slope is 0, a change that is infinite does not count.
            (factor, if slope == 0.0 { 0.0 } else { slope * change })
        }
        Activation::Silu => sigmoid_and_slope(x),
        _ => panic!("{activation:?} is no product with its input"),
    };
    [factor, x * slope]
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `Φ(x)`.
fn normal_distribution(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

/// `2u` of `(1 + tanh u) / 2`, which is the sigmoid of it.
pub fn gelu_exponent(x: f64) -> f64 {
    (8.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x)
}
