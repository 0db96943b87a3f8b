//! Layers whose gradients are checked against central differences of the reference's forward pass.

use cpu::backend::{Activation, HostBackend, Mask, Memory, Pooling, PoolingShape, Window};
use cpu::nn::{
    Backward, BatchNorm, Dropout, Embedding, Forward, Layer, LayerNorm, Mode, Pool2d, Softmax,
};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use super::reference::{self, Normalization};
use super::{
    SINGLE_LIMIT, STEP, assert_close, backend, differences, download, draw, upload, weighted_sum,
};

const EPSILON: f64 = 1e-5;

/// A layer beside what it should compute.
struct Case<'a> {
    what: &'a str,
    layer: &'a mut dyn Layer<HostBackend>,
    n_rows: usize,
    x: Vec<f64>,
    has_gradient_by_input: bool,
}

impl Case<'_> {
    /// Compares the output and all gradients with those of `forward(x, parameters)`.
    fn check(self, forward: impl Fn(&[f64], &[Vec<f64>]) -> Vec<f64>) {
        let Case {
            what,
            layer,
            n_rows,
            x,
            has_gradient_by_input,
        } = self;
        let backend = backend();
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut parameters = Vec::new();
        for parameter in layer.parameters_mut() {
            let values = draw(parameter.n(), &mut random);
            parameter.value = upload(&backend, &values);
            parameters.push(values);
        }
        let expected = forward(&x, &parameters);
        let dy = draw(expected.len(), &mut random);

        let device_x = upload(&backend, &x);
        let mut y = backend.zeros(expected.len()).unwrap();
        let pass = Forward {
            x: &device_x,
            y: &mut y,
            n_rows,
            mode: Mode::Training(STEP),
        };
        layer.forward(&backend, pass).unwrap();
        assert_close(
            &format!("{what}: y"),
            &download(&backend, &y),
            &expected,
            SINGLE_LIMIT,
        );

        let mut device_dy = upload(&backend, &dy);
        let mut dx = backend.zeros(x.len()).unwrap();
        let pass = Backward {
            x: &device_x,
            y: &y,
            dy: &mut device_dy,
            dx: has_gradient_by_input.then_some(&mut dx),
            n_rows,
            step: STEP,
        };
        layer.backward(&backend, pass).unwrap();
        if has_gradient_by_input {
            let by_x = differences(&x, |x| weighted_sum(&dy, &forward(x, &parameters)));
            assert_close(
                &format!("{what}: dx"),
                &download(&backend, &dx),
                &by_x,
                SINGLE_LIMIT,
            );
        }
        for (idx, parameter) in layer.parameters().iter().enumerate() {
            let by_parameter = differences(&parameters[idx], |values| {
                let mut parameters = parameters.clone();
                parameters[idx] = values.to_vec();
                weighted_sum(&dy, &forward(&x, &parameters))
            });
            assert_close(
                &format!("{what}: {}", parameter.name),
                &download(&backend, &parameter.gradient),
                &by_parameter,
                SINGLE_LIMIT,
            );
        }
    }
}

#[test]
fn pooling_layers() {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    for window in [
        Window::square(2).stride(2),
        Window::square(3).stride(2).padding(1),
        Window::square(3),
    ] {
        for pooling in [Pooling::Max, Pooling::Average] {
            let (n_rows, n_channels, image) = (3, 2, [6, 7]);
            let shape = PoolingShape {
                n_rows,
                n_channels,
                image,
                window,
            };
            let case = Case {
                what: &format!("{pooling:?}, {window}"),
                layer: &mut Pool2d::new(pooling, n_channels, image, window).unwrap(),
                n_rows,
                x: draw(n_rows * n_channels * 42, &mut random),
                has_gradient_by_input: true,
            };
            case.check(|x, _| reference::pooling_forward(pooling, shape, x));
        }
    }
}

#[test]
fn dropout_layers() {
    let mut random = ChaCha8Rng::seed_from_u64(12);
    for (probability, number) in [(0.0, 0), (0.3, 0), (0.3, 5), (1.0, 1)] {
        let (n_rows, n) = (3, 7);
        let mask = Mask::new(probability, STEP.seed, (number + 1) << 40 | STEP.index);
        let factors: Vec<f64> = (0..6)
            .flat_map(|quad_idx| mask.factors(quad_idx))
            .map(f64::from)
            .collect();
        let case = Case {
            what: &format!("dropout {probability}"),
            layer: &mut Dropout::new(probability, n, number).unwrap(),
            n_rows,
            x: draw(n_rows * n, &mut random),
            has_gradient_by_input: true,
        };
        case.check(|x, _| {
            x.iter()
                .zip(&factors)
                .map(|(x, factor)| x * factor)
                .collect()
        });
    }
}

fn normalized(normalization: &Normalization, x: &[f64], parameters: &[Vec<f64>]) -> Vec<f64> {
    let (mean, variance) = normalization.moments(x);
    let z = normalization.normalized(x, &mean, &variance, EPSILON);
    normalization.scaled(&z, &parameters[0], &parameters[1])
}

#[test]
fn batch_normalizations() {
    let mut random = ChaCha8Rng::seed_from_u64(13);
    for (n_rows, n_channels, n_pixels) in [(9, 5, 1), (3, 4, 6), (2, 3, 25)] {
        for activation in [
            Activation::Identity,
            Activation::Relu,
            Activation::LEAKY_RELU,
            Activation::Sigmoid,
        ] {
            let layer = BatchNorm::new(&backend(), n_channels, n_pixels, activation);
            let normalization = Normalization::of_batch([n_rows, n_channels, n_pixels]);
            let case = Case {
                what: &format!("[{n_rows}, {n_channels}, {n_pixels}], {activation:?}"),
                layer: &mut layer.unwrap(),
                n_rows,
                x: draw(n_rows * n_channels * n_pixels, &mut random),
                has_gradient_by_input: true,
            };
            case.check(|x, parameters| {
                let y = normalized(&normalization, x, parameters);
                y.into_iter()
                    .map(|y| reference::activation(activation, y))
                    .collect()
            });
        }
    }
}

#[test]
fn layer_normalizations() {
    let mut random = ChaCha8Rng::seed_from_u64(14);
    for (n_rows, n_repeats, shape) in [(5, 1, &[13][..]), (2, 3, &[8]), (3, 2, &[3, 5])] {
        let n: usize = shape.iter().product();
        let normalization = Normalization::of_rows([n_rows * n_repeats, n]);
        let case = Case {
            what: &format!("{n_rows} of {n_repeats} of {shape:?}"),
            layer: &mut LayerNorm::new(&backend(), n_rows, n_repeats, shape).unwrap(),
            n_rows,
            x: draw(n_rows * n_repeats * n, &mut random),
            has_gradient_by_input: true,
        };
        case.check(|x, parameters| normalized(&normalization, x, parameters));
    }
}

#[test]
fn embeddings() {
    let mut random = ChaCha8Rng::seed_from_u64(15);
    let (n_rows, n_indices, n_entries, n_values) = (3, 4, 7, 5);
    let layer = Embedding::new(&backend(), n_indices, n_entries, n_values, &mut random);
    let case = Case {
        what: "embedding",
        layer: &mut layer.unwrap(),
        n_rows,
        x: (0..n_rows * n_indices)
            .map(|i| (i * i % n_entries) as f64)
            .collect(),
        has_gradient_by_input: false,
    };
    case.check(|x, parameters| reference::embedding_forward(x, &parameters[0], n_values));
}

#[test]
fn softmax_layers() {
    let mut random = ChaCha8Rng::seed_from_u64(16);
    for (n_rows, n_repeats, n_values) in [(4, 1, 10), (2, 3, 5), (3, 1, 1)] {
        let case = Case {
            what: &format!("softmax, {n_rows} of {n_repeats} of {n_values}"),
            layer: &mut Softmax::new(n_repeats, n_values).unwrap(),
            n_rows,
            x: draw(n_rows * n_repeats * n_values, &mut random),
            has_gradient_by_input: true,
        };
        case.check(|x, _| reference::softmax_forward(x, n_values));
    }
}
