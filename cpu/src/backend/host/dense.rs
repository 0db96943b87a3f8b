//! The fully connected layer: forward, and the gradients by its input, weight and bias.

use super::matrix::{Indices, Matrix, SharedColumns};
use super::product::Product;
use super::zeros::is_finite;
use super::{Floats, GRANULARITY, HostBackend, Operation, activation};
use crate::Result;
use crate::backend::{
    DenseBackwardInput, DenseBackwardWeight, DenseForward, DenseOperations, DenseSgdStep,
};

impl DenseOperations for HostBackend {
    fn dense_forward(&self, op: DenseForward<'_, Floats>) -> Result<()> {
        forward(self, op)
    }

    fn dense_backward_input(&self, op: DenseBackwardInput<'_, Floats>) -> Result<()> {
        backward_input(self, op)
    }

    fn dense_backward_weight(&self, op: DenseBackwardWeight<'_, Floats>) -> Result<()> {
        backward_weight(self, op)
    }

    fn dense_sgd_step(&self, op: DenseSgdStep<'_, Floats>) -> Result<()> {
        sgd_step(self, op)
    }
}

pub(super) fn forward(backend: &HostBackend, op: DenseForward<'_, Floats>) -> Result<()> {
    let check = Operation("dense_forward");
    let [n_rows, n_inputs, n_outputs] = [op.n_rows, op.n_inputs, op.n_outputs];
    let inputs = op.x.used_columns().of(n_rows, n_inputs);
    let x = check.read("x", op.x, &[n_rows, n_inputs])?;
    let weight = check.read("weight", op.weight, &[n_inputs, n_outputs])?;
    let bias = check.read("bias", op.bias, &[n_outputs])?;
    let y = check.write("y", op.y, &[n_rows, n_outputs])?;

    let x = Matrix::new(x, n_rows, n_inputs);
    let weight = Matrix::new(weight, n_inputs, n_outputs);
    let y = SharedColumns::new(y, n_rows, n_outputs);
    let work = 2 * n_rows * inputs.len() * n_outputs;
    backend.for_each_part(n_outputs, GRANULARITY, work, |columns| {
        // SAFETY: the parts are disjoint.
        let mut y = unsafe { y.block(columns.clone()) };
        let weight = weight.columns(columns.clone());
        // A loop, not `all`: what that calls would not be compiled for wide vectors.
        let may_leave_out = vectorized!(backend, {
            for inputs in inputs.gaps(n_inputs) {
                if !is_finite(weight, inputs) {
                    return false;
                }
            }
            true
        });
        let product = Product {
            c: &mut y,
            keep: 0.0,
            scale: 1.0,
            a: x,
            b: weight,
            rows: Indices::All(n_rows),
            terms: if may_leave_out {
                inputs
            } else {
                Indices::All(n_inputs)
            },
        };
        product.compute(backend.instructions);
        vectorized!(backend, {
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
        let product = Product {
            c: &mut dx,
            keep: 0.0,
            scale: 1.0,
            a: dy,
            b: weight.rows(columns).transposed(),
            rows: Indices::All(n_rows),
            terms: Indices::All(n_outputs),
        };
        product.compute(backend.instructions);
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
            inputs: op.x.used_columns().of(n_rows, n_inputs),
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
            inputs: op.x.used_columns().of(n_rows, n_inputs),
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
    /// Those that may hold anything but zeros.
    inputs: Indices<'a>,
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
    let Gradients {
        inputs,
        keep,
        scale,
        ..
    } = op;
    let n_outputs = op.bias.len();
    if n_outputs == 0 {
        return;
    }
    let (n_rows, n_inputs) = (op.dy.len() / n_outputs, op.weight.len() / n_outputs);
    let x = Matrix::new(op.x, n_rows, n_inputs);
    let dy = Matrix::new(op.dy, n_rows, n_outputs);
    let weight = SharedColumns::new(op.weight, n_inputs, n_outputs);
    let bias = SharedColumns::new(op.bias, 1, n_outputs);
    let work = 2 * n_rows * inputs.len() * n_outputs;
    backend.for_each_part(n_outputs, GRANULARITY, work, |columns| {
        // SAFETY: the parts are disjoint.
        let (mut weight, mut bias) =
            unsafe { (weight.block(columns.clone()), bias.block(columns.clone())) };
        let dy = dy.columns(columns);
        let may_leave_out = vectorized!(backend, { is_finite(dy, 0..n_rows) });
        let inputs = if may_leave_out {
            inputs
        } else {
            Indices::All(n_inputs)
        };
        if keep != 1.0 {
            for input in inputs.gaps(n_inputs).flatten() {
                multiply(weight.row(input), keep);
            }
        }
        let product = Product {
            c: &mut weight,
            keep,
            scale,
            a: x.transposed(),
            b: dy,
            rows: inputs,
            terms: Indices::All(n_rows),
        };
        product.compute(backend.instructions);
        vectorized!(backend, {
            let bias = bias.row(0);
            multiply(bias, keep);
            for row in 0..n_rows {
                for (bias, dy) in bias.iter_mut().zip(dy.row(row)) {
                    *bias += scale * dy;
                }
            }
        });
    });
}

/// With a `factor` of 0, what `values` held before does not count, not even as NaN.
#[inline(always)]
fn multiply(values: &mut [f32], factor: f32) {
    if factor == 0.0 {
        values.fill(0.0);
    } else {
        values.iter_mut().for_each(|value| *value *= factor);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use super::*;
    use crate::backend::{Activation, BatchOperations, GatherBatch, Memory};

    const N_ROWS: usize = 5;
    const N_INPUTS: usize = 40;
    const N_OUTPUTS: usize = 70;

    /// Rows whose inputs 3 to 11, 13 and 30 to 39 are zero, gathered.
    fn batch(backend: &HostBackend) -> Floats {
        let is_zero = |input| matches!(input, 3..=11 | 13 | 30..);
        let pixel = |i: usize| {
            if is_zero(i % N_INPUTS) {
                0
            } else {
                (i * i % 251) as u8
            }
        };
        let images: Vec<u8> = (0..N_ROWS * N_INPUTS).map(pixel).collect();
        let mut x = backend.zeros(N_ROWS * N_INPUTS).unwrap();
        let op = GatherBatch {
            images: &images,
            labels: &vec![0; N_ROWS],
            order: &vec![4, 0, 2, 1, 3],
            first_row: 0,
            n_rows: N_ROWS,
            n_pixels: N_INPUTS,
            scale: 1.0 / 255.0,
            x: &mut x,
            batch_labels: &mut vec![0; N_ROWS],
        };
        backend.gather_batch(op).unwrap();
        assert_eq!(x.used_columns().of(N_ROWS, N_INPUTS).len(), 20);
        x
    }

    fn floats(backend: &HostBackend, n: usize) -> Floats {
        let values: Vec<f32> = (0..n).map(|i| (i * i % 31) as f32 / 31.0 - 0.5).collect();
        backend.upload_floats(&values).unwrap()
    }

    /// `y`, `dweight` and `dbias`, and the parameters after a step.
    fn outputs(backend: &HostBackend, x: &Floats, weight: &Floats, dy: &Floats) -> Vec<Vec<f32>> {
        let (n_rows, n_inputs, n_outputs) = (N_ROWS, N_INPUTS, N_OUTPUTS);
        let mut bias = floats(backend, n_outputs);
        let mut weight = backend.upload_floats(weight).unwrap();
        let mut y = backend.zeros(n_rows * n_outputs).unwrap();
        // What the gradients held before does not count.
        let mut dweight = backend
            .upload_floats(&vec![f32::NAN; n_inputs * n_outputs])
            .unwrap();
        let mut dbias = backend.upload_floats(&vec![f32::NAN; n_outputs]).unwrap();
        let op = DenseForward {
            x,
            weight: &weight,
            bias: &bias,
            activation: Activation::Identity,
            y: &mut y,
            n_rows,
            n_inputs,
            n_outputs,
        };
        backend.dense_forward(op).unwrap();
        let (gradients, bias_gradients) = (&mut dweight, &mut dbias);
        let op = DenseBackwardWeight {
            x,
            dy,
            dweight: gradients,
            dbias: bias_gradients,
            n_rows,
            n_inputs,
            n_outputs,
        };
        backend.dense_backward_weight(op).unwrap();
        let mut outputs = vec![y.to_vec(), dweight.to_vec(), dbias.to_vec()];
        let op = DenseSgdStep {
            x,
            dy,
            weight: &mut weight,
            bias: &mut bias,
            dweight: &mut dweight,
            dbias: &mut dbias,
            n_rows,
            n_inputs,
            n_outputs,
            learning_rate: 0.5,
            weight_decay: 0.25,
        };
        backend.dense_sgd_step(op).unwrap();
        outputs.extend([weight.to_vec(), bias.to_vec()]);
        outputs
    }

    /// Inputs of zeros are left out of a batch that was gathered, not of one that was uploaded.
    fn check(change: impl Fn(&mut [f32], &mut [f32])) {
        let backend = HostBackend::new(NonZero::new(2)).unwrap();
        let gathered = batch(&backend);
        let uploaded = backend.upload_floats(&gathered).unwrap();
        let mut weight = floats(&backend, N_INPUTS * N_OUTPUTS);
        let mut dy = floats(&backend, N_ROWS * N_OUTPUTS);
        change(&mut weight, &mut dy);
        let actual = outputs(&backend, &gathered, &weight, &dy);
        let expected = outputs(&backend, &uploaded, &weight, &dy);
        for (output, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
            for (i, (actual, expected)) in actual.iter().zip(expected).enumerate() {
                // Adding zeros changes no sum; one panel holds all terms.
                let is_same = actual == expected || actual.is_nan() && expected.is_nan();
                assert!(
                    is_same,
                    "output {output}: [{i}] is {actual}, expected {expected}"
                );
            }
        }
    }

    #[test]
    fn leaving_out_inputs_of_zeros_changes_nothing() {
        check(|_, _| {});
    }

    #[test]
    fn zero_times_what_is_not_finite_is_not_left_out() {
        for special in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
            // A weight of an input of zeros, and one of another.
            check(|weight, _| weight[5 * N_OUTPUTS + 60] = special);
            check(|weight, _| weight[12 * N_OUTPUTS + 2] = special);
            check(|_, dy| dy[3 * N_OUTPUTS + 69] = special);
        }
    }
}
