//! The fully connected layer: forward, and the gradients by its input, weight and bias.

use super::matrix::{Matrix, SharedColumns};
use super::product::Product;
use super::{Floats, GRANULARITY, HostBackend, Operation, activation};
use crate::Result;
use crate::backend::{DenseBackwardInput, DenseBackwardWeight, DenseForward, DenseSgdStep};

pub(super) fn forward(backend: &HostBackend, op: DenseForward<'_, Floats>) -> Result<()> {
    let check = Operation("dense_forward");
    let [n_rows, n_inputs, n_outputs] = [op.n_rows, op.n_inputs, op.n_outputs];
    let x = check.read("x", op.x, &[n_rows, n_inputs])?;
    let weight = check.read("weight", op.weight, &[n_inputs, n_outputs])?;
    let bias = check.read("bias", op.bias, &[n_outputs])?;
    let y = check.write("y", op.y, &[n_rows, n_outputs])?;

    let x = Matrix::new(x, n_rows, n_inputs);
    let weight = Matrix::new(weight, n_inputs, n_outputs);
    let y = SharedColumns::new(y, n_rows, n_outputs);
    let work = 2 * n_rows * n_inputs * n_outputs;
    backend.for_each_part(n_outputs, GRANULARITY, work, |columns| {
        // SAFETY: the parts are disjoint.
        let mut y = unsafe { y.block(columns.clone()) };
        let b = weight.columns(columns.clone());
        Product {
            c: &mut y,
            keep: 0.0,
            scale: 1.0,
            a: x,
            b,
        }
        .compute(backend.instructions);
        backend.vectorized(|| {
            for row in 0..n_rows {
                let y = y.row(row);
                for (y, bias) in y.iter_mut().zip(&bias[columns.clone()]) {
                    *y += bias;
                }
                activation::apply(op.activation, y);
            }
        });
    });
    Ok(())
}

pub(super) fn backward_input(
    backend: &HostBackend,
    op: DenseBackwardInput<'_, Floats>,
) -> Result<()> {
    let check = Operation("dense_backward_input");
    let [n_rows, n_inputs, n_outputs] = [op.n_rows, op.n_inputs, op.n_outputs];
    let dy = check.read("dy", op.dy, &[n_rows, n_outputs])?;
    let weight = check.read("weight", op.weight, &[n_inputs, n_outputs])?;
    let dx = check.write("dx", op.dx, &[n_rows, n_inputs])?;

    let dy = Matrix::new(dy, n_rows, n_outputs);
    let weight = Matrix::new(weight, n_inputs, n_outputs);
    let dx = SharedColumns::new(dx, n_rows, n_inputs);
    let work = 2 * n_rows * n_inputs * n_outputs;
    backend.for_each_part(n_inputs, GRANULARITY, work, |columns| {
        // SAFETY: the parts are disjoint.
        let mut dx = unsafe { dx.block(columns.clone()) };
        let b = weight.rows(columns).transposed();
        Product {
            c: &mut dx,
            keep: 0.0,
            scale: 1.0,
            a: dy,
            b,
        }
        .compute(backend.instructions);
    });
    Ok(())
}

pub(super) fn backward_weight(
    backend: &HostBackend,
    op: DenseBackwardWeight<'_, Floats>,
) -> Result<()> {
    let check = Operation("dense_backward_weight");
    let [n_rows, n_inputs, n_outputs] = [op.n_rows, op.n_inputs, op.n_outputs];
    add_gradients(
        backend,
        Gradients {
            x: check.read("x", op.x, &[n_rows, n_inputs])?,
            dy: check.read("dy", op.dy, &[n_rows, n_outputs])?,
            weight: check.write("dweight", op.dweight, &[n_inputs, n_outputs])?,
            bias: check.write("dbias", op.dbias, &[n_outputs])?,
            keep: 0.0,
            scale: 1.0,
        },
    );
    Ok(())
}

/// Adds the gradients to the parameters without ever writing them to memory.
pub(super) fn sgd_step(backend: &HostBackend, op: DenseSgdStep<'_, Floats>) -> Result<()> {
    let check = Operation("dense_sgd_step");
    let [n_rows, n_inputs, n_outputs] = [op.n_rows, op.n_inputs, op.n_outputs];
    check.read("dweight", op.dweight, &[n_inputs, n_outputs])?;
    check.read("dbias", op.dbias, &[n_outputs])?;
    add_gradients(
        backend,
        Gradients {
            x: check.read("x", op.x, &[n_rows, n_inputs])?,
            dy: check.read("dy", op.dy, &[n_rows, n_outputs])?,
            weight: check.write("weight", op.weight, &[n_inputs, n_outputs])?,
            bias: check.write("bias", op.bias, &[n_outputs])?,
            keep: 1.0 - op.learning_rate * op.weight_decay,
            scale: -op.learning_rate,
        },
    );
    Ok(())
}

/// `weight = keep · weight + scale · xᵀ · dy` and `bias = keep · bias + scale · Σ_rows dy`.
struct Gradients<'a> {
    /// `[B, K]`
    x: &'a [f32],
    /// `[B, N]`
    dy: &'a [f32],
    /// `[K, N]`
    weight: &'a mut [f32],
    /// `[N]`
    bias: &'a mut [f32],
    /// With 0, what weight and bias held before does not count, not even as NaN.
    keep: f32,
    scale: f32,
}

fn add_gradients(backend: &HostBackend, op: Gradients<'_>) {
    let Gradients { keep, scale, .. } = op;
    let n_outputs = op.bias.len();
    if n_outputs == 0 {
        return;
    }
    let (n_rows, n_inputs) = (op.dy.len() / n_outputs, op.weight.len() / n_outputs);
    let x = Matrix::new(op.x, n_rows, n_inputs);
    let dy = Matrix::new(op.dy, n_rows, n_outputs);
    let weight = SharedColumns::new(op.weight, n_inputs, n_outputs);
    let bias = SharedColumns::new(op.bias, 1, n_outputs);
    let work = 2 * n_rows * n_inputs * n_outputs;
    backend.for_each_part(n_outputs, GRANULARITY, work, |columns| {
        // SAFETY: the parts are disjoint.
        let (mut weight, mut bias) =
            unsafe { (weight.block(columns.clone()), bias.block(columns.clone())) };
        let dy = dy.columns(columns);
        let product = Product {
            c: &mut weight,
            keep,
            scale,
            a: x.transposed(),
            b: dy,
        };
        product.compute(backend.instructions);
        backend.vectorized(|| {
            let bias = bias.row(0);
            if keep == 0.0 {
                bias.fill(0.0);
            } else {
                bias.iter_mut().for_each(|bias| *bias *= keep);
            }
            for row in 0..n_rows {
                for (bias, dy) in bias.iter_mut().zip(dy.row(row)) {
                    *bias += scale * dy;
                }
            }
        });
    });
}
