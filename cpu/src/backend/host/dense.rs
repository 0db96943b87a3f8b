//! The fully connected layer: forward, and the gradients by its input, weight and bias.

use super::matrix::{Matrix, SharedColumns};
use super::product::Product;
use super::{Floats, GRANULARITY, HostBackend, Operation, activation};
use crate::Result;
use crate::backend::{DenseBackwardInput, DenseBackwardWeight, DenseForward};

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
    let x = check.read("x", op.x, &[n_rows, n_inputs])?;
    let dy = check.read("dy", op.dy, &[n_rows, n_outputs])?;
    let dweight = check.write("dweight", op.dweight, &[n_inputs, n_outputs])?;
    let dbias = check.write("dbias", op.dbias, &[n_outputs])?;

    let x = Matrix::new(x, n_rows, n_inputs);
    let dy_matrix = Matrix::new(dy, n_rows, n_outputs);
    let dweight = SharedColumns::new(dweight, n_inputs, n_outputs);
    let dbias = SharedColumns::new(dbias, 1, n_outputs);
    let work = 2 * n_rows * n_inputs * n_outputs;
    backend.for_each_part(n_outputs, GRANULARITY, work, |columns| {
        // SAFETY: the parts are disjoint.
        let (mut dweight, mut dbias) =
            unsafe { (dweight.block(columns.clone()), dbias.block(columns.clone())) };
        let (a, b) = (x.transposed(), dy_matrix.columns(columns.clone()));
        Product {
            c: &mut dweight,
            keep: 0.0,
            scale: 1.0,
            a,
            b,
        }
        .compute(backend.instructions);
        backend.vectorized(|| {
            let dbias = dbias.row(0);
            dbias.fill(0.0);
            for row in 0..n_rows {
                let dy = &dy[row * n_outputs..][columns.clone()];
                for (dbias, dy) in dbias.iter_mut().zip(dy) {
                    *dbias += dy;
                }
            }
        });
    });
    Ok(())
}
