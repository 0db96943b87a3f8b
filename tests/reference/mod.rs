//! Every operation once more, in `f64` and as its definition reads: what all devices are tested
//! against. It shares no code with any of them.
//!
//! B rows, K inputs and N outputs of a layer; matrices are row-major.

// Each test file takes what it needs.
#![allow(dead_code, unused_imports)]

pub mod convolution;
mod loss;
mod optimizer;
mod pooling;

use cpu::backend::Activation;

pub use loss::*;
pub use optimizer::*;
pub use pooling::{pooling_backward, pooling_forward};

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
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::Tanh => x.tanh(),
    }
}

/// The gradient by the activation's input, from its value `y` and the gradient by that.
pub fn activation_backward(activation: Activation, y: f64, gradient: f64) -> f64 {
    match activation {
        Activation::Identity => gradient,
        Activation::Relu if y <= 0.0 => 0.0,
        Activation::Relu => gradient,
        Activation::Sigmoid => gradient * y * (1.0 - y),
        Activation::Tanh => gradient * (1.0 - y * y),
    }
}
