//! Every operation once more, in `f64` and as its definition reads: what all devices are tested
//! against. It shares no code with any of them.
//!
//! B rows, K inputs and N outputs of a layer, C classes; matrices are row-major.

// Each test file takes what it needs.
#![allow(dead_code, unused_imports)]

pub mod convolution;
mod optimizer;
mod pooling;

use cpu::backend::Activation;

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

/// What softmax with cross-entropy gives.
pub struct CrossEntropy {
    /// `-ln softmax(logits)[label]` of each row.
    pub losses: Vec<f64>,
    /// Gradient of the rows' mean by the logits, `[B, C]`.
    pub dlogits: Vec<f64>,
}

/// Softmax with cross-entropy of `logits[B, C]`.
pub fn softmax_cross_entropy(logits: &[f64], labels: &[u8], n_classes: usize) -> CrossEntropy {
    let mut losses = Vec::new();
    let mut dlogits = Vec::new();
    for (row, &label) in logits.chunks_exact(n_classes).zip(labels) {
        // `f64::max` would pass over a NaN.
        let largest = row.iter().fold(f64::NEG_INFINITY, |largest, &logit| {
            if logit > largest || logit.is_nan() {
                logit
            } else {
                largest
            }
        });
        let sum: f64 = row.iter().map(|logit| (logit - largest).exp()).sum();
        losses.push(sum.ln() - (row[usize::from(label)] - largest));
        for (class, logit) in row.iter().enumerate() {
            let target = f64::from(u8::from(class == usize::from(label)));
            let probability = (logit - largest).exp() / sum;
            dlogits.push((probability - target) / labels.len() as f64);
        }
    }
    CrossEntropy { losses, dlogits }
}

/// The first of the largest logits of each row, NaN being larger than any number.
pub fn predictions(logits: &[f64], n_classes: usize) -> Vec<u8> {
    let is_larger = |a: f64, b: f64| a > b || (a.is_nan() && !b.is_nan());
    logits
        .chunks_exact(n_classes)
        .map(|row| {
            let is_best = |&class: &usize| {
                let beats_earlier = row[..class]
                    .iter()
                    .all(|&other| is_larger(row[class], other));
                let beaten = row[class..]
                    .iter()
                    .any(|&other| is_larger(other, row[class]));
                beats_earlier && !beaten
            };
            (0..n_classes).find(is_best).unwrap() as u8
        })
        .collect()
}

/// Mean of `(y - target)²`, and its gradient by `y`.
pub fn mean_squared_error(y: &[f64], target: &[f64]) -> (f64, Vec<f64>) {
    let n = y.len() as f64;
    let differences = || y.iter().zip(target).map(|(y, target)| y - target);
    let loss = differences()
        .map(|difference| difference * difference)
        .sum::<f64>()
        / n;
    (
        loss,
        differences()
            .map(|difference| 2.0 * difference / n)
            .collect(),
    )
}
