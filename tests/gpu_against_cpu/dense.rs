//! Dense layers.

use cpu::Result;
use cpu::backend::{
    Activation, Backend, DenseBackwardInput, DenseBackwardWeight, DenseForward, DenseSgdStep,
};
use gpu::dense::{LARGE, SMALL};
use rand::RngExt;

use crate::buffers::{generator, input, output, read, uniform};
use crate::compare::{Output, SMALLEST_NORMAL, UNIT, absolute, wide};
use crate::devices::{devices, devices_and_versions};
use crate::reference::{self, DenseShape};

/// Those that layers apply to their own sums.
pub const ACTIVATIONS: [Activation; 5] = [
    Activation::Identity,
    Activation::Relu,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::LEAKY_RELU,
];

/// Each size once in each dimension, beside others that differ from it and from each other; shapes
/// that fill several tiles; random ones.
fn dense_shapes() -> Vec<DenseShape> {
    let shape = |[n_rows, n_inputs, n_outputs]: [usize; 3]| DenseShape {
        n_rows,
        n_inputs,
        n_outputs,
    };
    let mut shapes = Vec::new();
    let around = |size: usize| [size - 1, size, size + 1];
    let mut sizes = vec![0, 1, 2, 4, 8, 13, 61];
    sizes.extend(around(SMALL.side));
    sizes.extend(around(LARGE.side));
    sizes.extend(around(LARGE.depth));
    for size in sizes {
        shapes.extend([[size, 7, 12], [12, size, 7], [7, 12, size]].map(shape));
    }
    shapes.extend(
        [
            [64, 100, 10],
            [33, 65, 129],
            [129, 33, 65],
            [65, 129, 33],
            [36, 132, 260],
            [132, 260, 36],
            [260, 36, 132],
        ]
        .map(shape),
    );
    let mut random = generator(1);
    for _ in 0..8 {
        shapes.push(shape([0; 3].map(|_| random.random_range(1..=100))));
    }
    shapes
}

/// The error of a sum of `depth` products, given the sum of the products' magnitudes: each step
/// rounds what has been added so far, in whatever order, and a few steps go for the bias and for the
/// sums of slices. Products below the smallest normal number are rounded absolutely.
pub fn sum_limit(depth: usize, magnitudes: Vec<f64>) -> Vec<f64> {
    let n_roundings = (depth + 8) as f64;
    magnitudes
        .into_iter()
        .map(|magnitude| n_roundings * (UNIT * magnitude + SMALLEST_NORMAL * UNIT))
        .collect()
}

/// The error of an activation itself, in roundings of its value: those of two exponentials' worth of
/// arithmetic, and a division.
pub const N_ACTIVATION_ROUNDINGS: f64 = 16.0;

/// `x`, `weight`, `bias` and `dy` of a dense layer.
struct DenseData {
    x: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    dy: Vec<f32>,
}

impl DenseData {
    fn draw(shape: DenseShape, seed: u64) -> DenseData {
        let random = &mut generator(seed);
        DenseData {
            x: uniform(random, shape.n_rows * shape.n_inputs, 1.0),
            weight: uniform(random, shape.n_inputs * shape.n_outputs, 0.5),
            bias: uniform(random, shape.n_outputs, 2.0),
            dy: uniform(random, shape.n_rows * shape.n_outputs, 1.0),
        }
    }

    fn forward<B: Backend>(
        &self,
        backend: &B,
        shape: DenseShape,
        activation: Activation,
    ) -> Result<Output> {
        let name = format!("dense_forward, {activation:?}, {shape:?}");
        let DenseShape {
            n_rows,
            n_inputs,
            n_outputs,
        } = shape;
        let mut y = output(backend, &vec![f32::NAN; n_rows * n_outputs])?;
        backend.dense_forward(DenseForward {
            x: &input(backend, &self.x)?,
            weight: &input(backend, &self.weight)?,
            bias: &input(backend, &self.bias)?,
            activation,
            y: &mut y,
            n_rows,
            n_inputs,
            n_outputs,
        })?;
        let [x, weight, bias] = [&self.x, &self.weight, &self.bias].map(|values| wide(values));
        let expected: Vec<f64> = reference::dense_forward(shape, &x, &weight, &bias)
            .into_iter()
            .map(|sum| reference::activation(activation, sum))
            .collect();
        let magnitudes =
            reference::dense_forward(shape, &absolute(&x), &absolute(&weight), &absolute(&bias));
        // No activation is steeper than 1, so the sum's error does not grow.
        let limit = sum_limit(n_inputs, magnitudes)
            .into_iter()
            .zip(&expected)
            .map(|(limit, expected)| limit + N_ACTIVATION_ROUNDINGS * UNIT * expected.abs())
            .collect();
        let actual = read(backend, &name, &y)?;
        Ok(Output::new(name, actual, expected, limit))
    }

    fn backward_input<B: Backend>(&self, backend: &B, shape: DenseShape) -> Result<Output> {
        let name = format!("dense_backward_input, {shape:?}");
        let DenseShape {
            n_rows,
            n_inputs,
            n_outputs,
        } = shape;
        let mut dx = output(backend, &vec![f32::NAN; n_rows * n_inputs])?;
        backend.dense_backward_input(DenseBackwardInput {
            dy: &input(backend, &self.dy)?,
            weight: &input(backend, &self.weight)?,
            dx: &mut dx,
            n_rows,
            n_inputs,
            n_outputs,
        })?;
        let [dy, weight] = [&self.dy, &self.weight].map(|values| wide(values));
        let expected = reference::dense_backward_input(shape, &dy, &weight);
        let magnitudes = reference::dense_backward_input(shape, &absolute(&dy), &absolute(&weight));
        let actual = read(backend, &name, &dx)?;
        let limit = sum_limit(n_outputs, magnitudes);
        Ok(Output::new(name, actual, expected, limit))
    }

    fn backward_weight<B: Backend>(&self, backend: &B, shape: DenseShape) -> Result<[Output; 2]> {
        let name = format!("dense_backward_weight, {shape:?}");
        let DenseShape {
            n_rows,
            n_inputs,
            n_outputs,
        } = shape;
        let mut dweight = output(backend, &vec![f32::NAN; n_inputs * n_outputs])?;
        let mut dbias = output(backend, &vec![f32::NAN; n_outputs])?;
        backend.dense_backward_weight(DenseBackwardWeight {
            x: &input(backend, &self.x)?,
            dy: &input(backend, &self.dy)?,
            dweight: &mut dweight,
            dbias: &mut dbias,
            n_rows,
            n_inputs,
            n_outputs,
        })?;
        let [x, dy] = [&self.x, &self.dy].map(|values| wide(values));
        let expected = reference::dense_backward_weight(shape, &x, &dy);
        let magnitudes = reference::dense_backward_weight(shape, &absolute(&x), &absolute(&dy));
        let actual = read(backend, &name, &dweight)?;
        let weight_output = Output::new(
            name.clone(),
            actual,
            expected,
            sum_limit(n_rows, magnitudes),
        );

        let name = format!("{name}, bias");
        let expected = reference::dense_backward_bias(shape, &dy);
        let magnitudes = reference::dense_backward_bias(shape, &absolute(&dy));
        let actual = read(backend, &name, &dbias)?;
        let bias_output = Output::new(name, actual, expected, sum_limit(n_rows, magnitudes));
        Ok([weight_output, bias_output])
    }

    fn sgd_step<B: Backend>(&self, backend: &B, shape: DenseShape) -> Result<[Output; 2]> {
        let name = format!("dense_sgd_step, {shape:?}");
        let DenseShape {
            n_rows,
            n_inputs,
            n_outputs,
        } = shape;
        let (learning_rate, weight_decay) = (0.5, 0.25);
        let mut weight = output(backend, &self.weight)?;
        let mut bias = output(backend, &self.bias)?;
        backend.dense_sgd_step(DenseSgdStep {
            x: &input(backend, &self.x)?,
            dy: &input(backend, &self.dy)?,
            weight: &mut weight,
            bias: &mut bias,
            dweight: &mut backend.zeros(n_inputs * n_outputs)?,
            dbias: &mut backend.zeros(n_outputs)?,
            n_rows,
            n_inputs,
            n_outputs,
            learning_rate,
            weight_decay,
        })?;
        let sgd = reference::Sgd {
            learning_rate: learning_rate.into(),
            momentum: 0.0,
            nesterov: false,
            weight_decay: weight_decay.into(),
        };
        let [x, dy] = [&self.x, &self.dy].map(|values| wide(values));
        let (absolute_x, absolute_dy) = (absolute(&x), absolute(&dy));
        let output = |name: &str, buffer, parameter: &[f32], gradient: Vec<f64>, magnitudes| {
            let mut expected = wide(parameter);
            reference::sgd_step(sgd, &mut expected, &gradient, None);
            // The gradient's error, and four roundings of what it is added to.
            let limit = sum_limit(n_rows, magnitudes)
                .into_iter()
                .zip(parameter)
                .map(|(limit, parameter)| limit + 4.0 * UNIT * f64::from(parameter.abs()))
                .collect();
            let actual = read(backend, name, buffer)?;
            Ok(Output::new(name.to_owned(), actual, expected, limit))
        };
        Ok([
            output(
                &name,
                &weight,
                &self.weight,
                reference::dense_backward_weight(shape, &x, &dy),
                reference::dense_backward_weight(shape, &absolute_x, &absolute_dy),
            )?,
            output(
                &format!("{name}, bias"),
                &bias,
                &self.bias,
                reference::dense_backward_bias(shape, &dy),
                reference::dense_backward_bias(shape, &absolute_dy),
            )?,
        ])
    }
}

#[test]
fn dense_forward() {
    on_each!(devices_and_versions(), |backend| {
        let mut outputs = Vec::new();
        for (idx, shape) in dense_shapes().into_iter().enumerate() {
            let data = DenseData::draw(shape, idx as u64);
            outputs.push(data.forward(backend, shape, ACTIVATIONS[idx % ACTIVATIONS.len()])?);
        }
        Ok(outputs)
    });
}

#[test]
fn dense_backward_input() {
    on_each!(devices_and_versions(), |backend| {
        let mut outputs = Vec::new();
        for (idx, shape) in dense_shapes().into_iter().enumerate() {
            let data = DenseData::draw(shape, idx as u64);
            outputs.push(data.backward_input(backend, shape)?);
        }
        Ok(outputs)
    });
}

#[test]
fn dense_backward_weight() {
    on_each!(devices_and_versions(), |backend| {
        let mut outputs = Vec::new();
        for (idx, shape) in dense_shapes().into_iter().enumerate() {
            let data = DenseData::draw(shape, idx as u64);
            outputs.extend(data.backward_weight(backend, shape)?);
        }
        Ok(outputs)
    });
}

#[test]
fn dense_sgd_step() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, shape) in dense_shapes().into_iter().enumerate() {
            let data = DenseData::draw(shape, idx as u64);
            outputs.extend(data.sgd_step(backend, shape)?);
        }
        Ok(outputs)
    });
}

/// NaN and infinities reach what they should and nothing else, and neither huge nor tiny numbers
/// get lost.
#[test]
fn dense_with_special_values() {
    on_each!(devices_and_versions(), |backend| {
        let mut outputs = Vec::new();
        // Rows that begin at 16 bytes, and rows that do not.
        for shape in [[6, 12, 8], [6, 11, 7]] {
            let [n_rows, n_inputs, n_outputs] = shape;
            let shape = DenseShape {
                n_rows,
                n_inputs,
                n_outputs,
            };
            let mut data = DenseData::draw(shape, 1);
            let set = |row: &mut [f32], values: [f32; 4]| row[..4].copy_from_slice(&values);
            let mut rows = data.x.chunks_exact_mut(n_inputs);
            set(rows.next().unwrap(), [1.0, f32::NAN, 0.0, -0.0]);
            set(rows.next().unwrap(), [f32::INFINITY, 1.0, -1.0, 0.0]);
            set(
                rows.next().unwrap(),
                [f32::INFINITY, f32::NEG_INFINITY, 0.0, 1.0],
            );
            set(rows.next().unwrap(), [1e18, -1e18, 3e17, 0.5]);
            rows.next().unwrap().iter_mut().for_each(|x| *x *= 1e-30);
            let mut rows = data.dy.chunks_exact_mut(n_outputs);
            set(rows.next().unwrap(), [-0.0, 1.0, f32::NAN, 0.0]);
            set(rows.next().unwrap(), [1.0, 0.0, 2.0, f32::NEG_INFINITY]);
            set(rows.nth(1).unwrap(), [-1e18, 1e18, 2e17, 0.25]);
            data.weight
                .iter_mut()
                .step_by(5)
                .for_each(|weight| *weight = 0.0);
            for activation in ACTIVATIONS {
                outputs.push(data.forward(backend, shape, activation)?);
            }
            outputs.push(data.backward_input(backend, shape)?);
            outputs.extend(data.backward_weight(backend, shape)?);
        }
        Ok(outputs)
    });
}
