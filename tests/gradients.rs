//! Gradients, in two steps: those of the reference against central differences of its own forward
//! pass, both in `f64`, and those of the CPU's layers, losses and models against the reference's.

#[path = "gradients/convolution.rs"]
mod convolution;
#[path = "gradients/layers.rs"]
mod layers;
mod reference;

use std::num::NonZero;

use cpu::backend::{Activation, Backend, HostBackend, LossFunction, Memory};
use cpu::nn::{
    ActivationLayer, Backward, Dense, ElementwiseLoss, Forward, Layer, LossPass, Mode, Optimizer,
    Sequential, Sgd, SoftmaxCrossEntropy, Step, Update,
};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use reference::DenseShape;

/// Those that layers apply to their own sums.
const ACTIVATIONS: [Activation; 5] = [
    Activation::Identity,
    Activation::Relu,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::LEAKY_RELU,
];

/// The others.
const ACTIVATIONS_OF_INPUTS: [Activation; 4] = [
    Activation::LeakyRelu(-0.5),
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Silu,
];

const STEP: Step = Step { seed: 1, index: 0 };

const UPDATE: Update = Update {
    learning_rate: 0.25,
    step: 1,
};

/// Values that `f32` holds, so that both sides begin with the same.
fn draw(n: usize, random: &mut ChaCha8Rng) -> Vec<f64> {
    (0..n)
        .map(|_| f64::from(random.random_range(-1.0_f32..1.0)))
        .collect()
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

/// The gradient of `f` at `x`, by central differences.
fn differences(x: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let step = 1e-6;
    let mut x = x.to_vec();
    (0..x.len())
        .map(|index| {
            let middle = x[index];
            x[index] = middle + step;
            let above = f(&x);
            x[index] = middle - step;
            let below = f(&x);
            x[index] = middle;
            (above - below) / (2.0 * step)
        })
        .collect()
}

/// Fails unless `|actual - expected| <= limit · (1 + |expected|)` for each element.
fn assert_close(what: &str, actual: &[f64], expected: &[f64], limit: f64) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (index, (&actual, &expected)) in actual.iter().zip(expected).enumerate() {
        let error = (actual - expected).abs();
        if !(error <= limit * (1.0 + expected.abs())) {
            panic!("{what}: [{index}] is {actual:e}, expected {expected:e}, an error of {error:e}");
        }
    }
}

/// Central differences with a step of 1e-6 have a truncation error of about 1e-12 and lose ten of
/// the sixteen digits to cancellation; functions here are of the order of 1 to 100.
const DIFFERENCE_LIMIT: f64 = 1e-7;

/// Sums of up to 100 terms of the order of 1, with a rounding of 6e-8 for each, through up to three
/// layers.
const SINGLE_LIMIT: f64 = 2e-5;

fn weighted_sum(weights: &[f64], values: &[f64]) -> f64 {
    weights
        .iter()
        .zip(values)
        .map(|(weight, value)| weight * value)
        .sum()
}

/// A dense layer of the reference with its activation.
#[derive(Clone)]
struct ReferenceDense {
    shape: DenseShape,
    activation: Activation,
    weight: Vec<f64>,
    bias: Vec<f64>,
}

struct ReferenceGradients {
    dx: Vec<f64>,
    dweight: Vec<f64>,
    dbias: Vec<f64>,
}

impl ReferenceDense {
    fn draw(shape: DenseShape, activation: Activation, random: &mut ChaCha8Rng) -> Self {
        let weight = draw(shape.n_inputs * shape.n_outputs, random);
        let bias = draw(shape.n_outputs, random);
        ReferenceDense {
            shape,
            activation,
            weight,
            bias,
        }
    }

    fn forward(&self, x: &[f64]) -> Vec<f64> {
        let sums = reference::dense_forward(self.shape, x, &self.weight, &self.bias);
        sums.into_iter()
            .map(|sum| reference::activation(self.activation, sum))
            .collect()
    }

    fn backward(&self, x: &[f64], y: &[f64], dy: &[f64]) -> ReferenceGradients {
        let backward = |(&y, &dy)| reference::activation_backward(self.activation, y, dy);
        let dsum: Vec<f64> = y.iter().zip(dy).map(backward).collect();
        ReferenceGradients {
            dx: reference::dense_backward_input(self.shape, &dsum, &self.weight),
            dweight: reference::dense_backward_weight(self.shape, x, &dsum),
            dbias: reference::dense_backward_bias(self.shape, &dsum),
        }
    }

    fn on<B: Backend>(&self, backend: &B) -> Dense<B> {
        let (weight, bias) = (narrow(&self.weight), narrow(&self.bias));
        let DenseShape {
            n_inputs,
            n_outputs,
            ..
        } = self.shape;
        Dense::with_values(
            backend,
            n_inputs,
            n_outputs,
            self.activation,
            &weight,
            &bias,
        )
        .unwrap()
    }
}

fn download(backend: &HostBackend, buffer: &<HostBackend as Memory>::Floats) -> Vec<f64> {
    backend
        .download_floats(buffer)
        .unwrap()
        .into_iter()
        .map(f64::from)
        .collect()
}

fn upload(backend: &HostBackend, values: &[f64]) -> <HostBackend as Memory>::Floats {
    backend.upload_floats(&narrow(values)).unwrap()
}

fn backend() -> HostBackend {
    HostBackend::new(NonZero::new(2)).unwrap()
}

#[test]
fn dense_layers() {
    let backend = backend();
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let shapes = [(1, 1, 1), (3, 5, 2), (7, 13, 17), (2, 33, 19), (17, 3, 31)];
    for (n_rows, n_inputs, n_outputs) in shapes {
        for activation in ACTIVATIONS {
            let shape = DenseShape {
                n_rows,
                n_inputs,
                n_outputs,
            };
            let what = |name: &str| format!("{shape:?}, {activation:?}: {name}");
            let layer = ReferenceDense::draw(shape, activation, &mut random);
            let x = draw(n_rows * n_inputs, &mut random);
            let dy = draw(n_rows * n_outputs, &mut random);
            let y = layer.forward(&x);
            let expected = layer.backward(&x, &y, &dy);

            let by_x = differences(&x, |x| weighted_sum(&dy, &layer.forward(x)));
            assert_close(&what("reference dx"), &expected.dx, &by_x, DIFFERENCE_LIMIT);
            let by_weight = differences(&layer.weight, |weight| {
                let layer = ReferenceDense {
                    weight: weight.to_vec(),
                    ..layer.clone()
                };
                weighted_sum(&dy, &layer.forward(&x))
            });
            let reference = &expected.dweight;
            assert_close(
                &what("reference dweight"),
                reference,
                &by_weight,
                DIFFERENCE_LIMIT,
            );
            let by_bias = differences(&layer.bias, |bias| {
                let layer = ReferenceDense {
                    bias: bias.to_vec(),
                    ..layer.clone()
                };
                weighted_sum(&dy, &layer.forward(&x))
            });
            assert_close(
                &what("reference dbias"),
                &expected.dbias,
                &by_bias,
                DIFFERENCE_LIMIT,
            );

            let mut layer = layer.on(&backend);
            let mut device_y = backend.zeros(y.len()).unwrap();
            let (x, mut dy) = (upload(&backend, &x), upload(&backend, &dy));
            let mut dx = backend.zeros(n_rows * n_inputs).unwrap();
            let pass = Forward {
                x: &x,
                y: &mut device_y,
                n_rows,
                mode: Mode::Training(STEP),
            };
            layer.forward(&backend, pass).unwrap();
            let (y_actual, dx_given) = (&device_y, Some(&mut dx));
            let pass = Backward {
                x: &x,
                y: y_actual,
                dy: &mut dy,
                dx: dx_given,
                n_rows,
                step: STEP,
            };
            layer.backward(&backend, pass).unwrap();
            assert_close(&what("y"), &download(&backend, &device_y), &y, SINGLE_LIMIT);
            assert_close(
                &what("dx"),
                &download(&backend, &dx),
                &expected.dx,
                SINGLE_LIMIT,
            );
            for (parameter, expected) in layer
                .parameters()
                .iter()
                .zip([&expected.dweight, &expected.dbias])
            {
                let actual = download(&backend, &parameter.gradient);
                assert_close(&what(parameter.name), &actual, expected, SINGLE_LIMIT);
            }
        }
    }
}

#[test]
fn activation_layers() {
    let backend = backend();
    let mut random = ChaCha8Rng::seed_from_u64(2);
    for activation in ACTIVATIONS.into_iter().chain(ACTIVATIONS_OF_INPUTS) {
        let (n_rows, n) = (5, 13);
        let what = |name: &str| format!("{activation:?}: {name}");
        let (x, dy) = (draw(n_rows * n, &mut random), draw(n_rows * n, &mut random));
        let forward = |x: &[f64]| -> Vec<f64> {
            x.iter()
                .map(|&x| reference::activation(activation, x))
                .collect()
        };
        let y = forward(&x);
        let backward = |(&known, &dy)| reference::activation_backward(activation, known, dy);
        let known = if activation.is_known_from_output() {
            &y
        } else {
            &x
        };
        let expected: Vec<f64> = known.iter().zip(&dy).map(backward).collect();
        let by_x = differences(&x, |x| weighted_sum(&dy, &forward(x)));
        assert_close(&what("reference dx"), &expected, &by_x, DIFFERENCE_LIMIT);

        let mut layer = ActivationLayer::new(activation, n);
        let (x, mut dy) = (upload(&backend, &x), upload(&backend, &dy));
        let mut device_y = backend.zeros(n_rows * n).unwrap();
        let mut dx = backend.zeros(n_rows * n).unwrap();
        layer
            .forward(
                &backend,
                Forward {
                    x: &x,
                    y: &mut device_y,
                    n_rows,
                    mode: Mode::Training(STEP),
                },
            )
            .unwrap();
        let pass = Backward {
            x: &x,
            y: &device_y,
            dy: &mut dy,
            dx: Some(&mut dx),
            n_rows,
            step: STEP,
        };
        layer.backward(&backend, pass).unwrap();
        assert_close(&what("y"), &download(&backend, &device_y), &y, SINGLE_LIMIT);
        assert_close(
            &what("dx"),
            &download(&backend, &dx),
            &expected,
            SINGLE_LIMIT,
        );
    }
}

#[test]
fn softmax_cross_entropy() {
    let backend = backend();
    let mut random = ChaCha8Rng::seed_from_u64(3);
    for (n_rows, n_classes) in [(1, 1), (1, 2), (7, 10), (64, 10), (3, 37)] {
        let what = |name: &str| format!("[{n_rows}, {n_classes}]: {name}");
        let logits: Vec<f64> = draw(n_rows * n_classes, &mut random)
            .iter()
            .map(|&x| 4.0 * x)
            .collect();
        let labels: Vec<u8> = (0..n_rows)
            .map(|_| random.random_range(0..n_classes) as u8)
            .collect();
        let label_smoothing = if n_rows == 7 { 0.25 } else { 0.0 };
        let reference = |logits: &[f64]| {
            reference::softmax_cross_entropy(logits, &labels, n_classes, label_smoothing)
        };
        let expected = reference(&logits);
        let by_logits = differences(&logits, |logits| {
            reference(logits).losses.iter().sum::<f64>() / n_rows as f64
        });
        assert_close(
            &what("reference dlogits"),
            &expected.dlogits,
            &by_logits,
            DIFFERENCE_LIMIT,
        );

        let y = upload(&backend, &logits);
        let labels = backend.upload_bytes(&labels).unwrap();
        let mut dy = backend.zeros(logits.len()).unwrap();
        let mut statistics = backend.statistics(1).unwrap();
        let (gradient, statistics_given) = (Some(&mut dy), &mut statistics);
        let pass = LossPass {
            y: &y,
            dy: gradient,
            statistics: statistics_given,
            step: 0,
            n_rows,
        };
        SoftmaxCrossEntropy::new(n_classes)
            .label_smoothing(label_smoothing as f32)
            .unwrap()
            .compute(&backend, &labels, pass)
            .unwrap();
        assert_close(
            &what("dy"),
            &download(&backend, &dy),
            &expected.dlogits,
            SINGLE_LIMIT,
        );
        let loss = f64::from(backend.read_statistics(&statistics).unwrap().loss[0]);
        assert_close(
            &what("loss"),
            &[loss],
            &[expected.losses.iter().sum()],
            SINGLE_LIMIT,
        );
    }
}

#[test]
fn elementwise_losses() {
    let backend = backend();
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let delta = 0.5_f32;
    let losses = |n| {
        [
            (
                LossFunction::SquaredError,
                ElementwiseLoss::mean_squared_error(n),
            ),
            (LossFunction::AbsoluteError, ElementwiseLoss::l1(n)),
            (
                LossFunction::Huber(delta),
                ElementwiseLoss::huber(n, delta).unwrap(),
            ),
            (
                LossFunction::BinaryCrossEntropy,
                ElementwiseLoss::binary_cross_entropy(n),
            ),
        ]
    };
    let shapes = [(1, 1), (5, 3), (64, 10)];
    let each =
        |shape: (usize, usize)| losses(shape.1).map(|(function, loss)| (shape, function, loss));
    for ((n_rows, n_outputs), function, layer) in shapes.into_iter().flat_map(each) {
        let what = |name: &str| format!("{function:?} [{n_rows}, {n_outputs}]: {name}");
        let n = n_rows * n_outputs;
        let (y, target) = (draw(n, &mut random), draw(n, &mut random));
        let reference = |y: &[f64]| reference::elementwise_loss(function, y, &target);
        let (loss, expected) = reference(&y);
        let by_y = differences(&y, |y| reference(y).0);
        assert_close(&what("reference dy"), &expected, &by_y, DIFFERENCE_LIMIT);

        let (y, target) = (upload(&backend, &y), upload(&backend, &target));
        let mut dy = backend.zeros(n).unwrap();
        let mut statistics = backend.statistics(1).unwrap();
        let (gradient, statistics_given) = (Some(&mut dy), &mut statistics);
        let pass = LossPass {
            y: &y,
            dy: gradient,
            statistics: statistics_given,
            step: 0,
            n_rows,
        };
        layer.compute(&backend, &target, pass).unwrap();
        assert_close(
            &what("dy"),
            &download(&backend, &dy),
            &expected,
            SINGLE_LIMIT,
        );
        let actual = f64::from(backend.read_statistics(&statistics).unwrap().loss[0]);
        assert_close(&what("loss"), &[actual], &[loss], SINGLE_LIMIT);
    }
}

/// Dense layers with fused activations, a separate activation behind the second of them, and
/// cross-entropy behind the last.
struct ReferenceModel {
    layers: [ReferenceDense; 3],
    separate: Activation,
    labels: Vec<u8>,
}

impl ReferenceModel {
    /// Inputs of all dense layers, and the logits.
    fn forward(&self, x: &[f64]) -> Vec<Vec<f64>> {
        let mut values = vec![x.to_vec()];
        for (index, layer) in self.layers.iter().enumerate() {
            let mut y = layer.forward(&values[index]);
            if index == 1 {
                y.iter_mut()
                    .for_each(|y| *y = reference::activation(self.separate, *y));
            }
            values.push(y);
        }
        values
    }

    fn cross_entropy(&self, logits: &[f64]) -> reference::CrossEntropy {
        let n_classes = self.layers[2].shape.n_outputs;
        reference::softmax_cross_entropy(logits, &self.labels, n_classes, 0.0)
    }

    fn loss(&self, x: &[f64]) -> f64 {
        let losses = self.cross_entropy(&self.forward(x)[3]).losses;
        losses.iter().sum::<f64>() / losses.len() as f64
    }

    /// Gradients by weight and bias of each layer.
    fn gradients(&self, x: &[f64]) -> Vec<Vec<f64>> {
        let values = self.forward(x);
        let mut dy = self.cross_entropy(&values[3]).dlogits;
        let mut gradients = Vec::new();
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let mut y = values[index + 1].clone();
            if index == 1 {
                for (dy, y) in dy.iter_mut().zip(&y) {
                    *dy = reference::activation_backward(self.separate, *y, *dy);
                }
                y = layer.forward(&values[index]);
            }
            let of_layer = layer.backward(&values[index], &y, &dy);
            gradients.splice(0..0, [of_layer.dweight, of_layer.dbias]);
            dy = of_layer.dx;
        }
        gradients
    }
}

fn reference_model(random: &mut ChaCha8Rng, n_rows: usize) -> ReferenceModel {
    let mut layer = |n_inputs, n_outputs, activation| {
        ReferenceDense::draw(
            DenseShape {
                n_rows,
                n_inputs,
                n_outputs,
            },
            activation,
            random,
        )
    };
    ReferenceModel {
        layers: [
            layer(11, 17, Activation::Relu),
            layer(17, 13, Activation::Sigmoid),
            layer(13, 10, Activation::Identity),
        ],
        separate: Activation::Tanh,
        labels: (0..n_rows).map(|row| (row * 7 % 10) as u8).collect(),
    }
}

/// The same model on the device.
fn device_model(backend: &HostBackend, model: &ReferenceModel) -> Sequential<HostBackend> {
    let [first, second, third] = &model.layers;
    let layers: Vec<Box<dyn Layer<HostBackend>>> = vec![
        Box::new(first.on(backend)),
        Box::new(second.on(backend)),
        Box::new(ActivationLayer::new(model.separate, second.shape.n_outputs)),
        Box::new(third.on(backend)),
    ];
    // Room for more rows than the batch has: the last batch of an epoch is short.
    Sequential::new(backend, first.shape.n_rows + 3, layers).unwrap()
}

/// Runs the model forward, and sets the gradient by its output.
fn forward_and_loss(
    backend: &HostBackend,
    model: &mut Sequential<HostBackend>,
    x: &<HostBackend as Memory>::Floats,
    labels: &[u8],
) {
    let n_rows = labels.len();
    let labels = backend.upload_bytes(labels).unwrap();
    let mut statistics = backend.statistics(1).unwrap();
    model
        .forward(backend, x, n_rows, Mode::Training(STEP))
        .unwrap();
    let (y, dy) = model.output_and_gradient();
    let pass = LossPass {
        y,
        dy: Some(dy),
        statistics: &mut statistics,
        step: 0,
        n_rows,
    };
    SoftmaxCrossEntropy::new(10)
        .compute(backend, &labels, pass)
        .unwrap();
}

#[test]
fn a_whole_model() {
    let backend = backend();
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let n_rows = 9;
    let model = reference_model(&mut random, n_rows);
    let x = draw(n_rows * 11, &mut random);
    let expected = model.gradients(&x);

    for index in 0..3 {
        for (is_bias, name) in [(false, "weight"), (true, "bias")] {
            let layer = &model.layers[index];
            let values = if is_bias { &layer.bias } else { &layer.weight };
            let by_differences = differences(values, |values| {
                let mut layers = model.layers.clone();
                let layer = &mut layers[index];
                *(if is_bias {
                    &mut layer.bias
                } else {
                    &mut layer.weight
                }) = values.to_vec();
                ReferenceModel {
                    layers,
                    labels: model.labels.clone(),
                    ..model
                }
                .loss(&x)
            });
            let reference = &expected[2 * index + usize::from(is_bias)];
            let what = format!("reference, layer {index}, {name}");
            assert_close(&what, reference, &by_differences, DIFFERENCE_LIMIT);
        }
    }

    let mut on_device = device_model(&backend, &model);
    let x = upload(&backend, &x);
    forward_and_loss(&backend, &mut on_device, &x, &model.labels);
    on_device.backward(&backend, &x, n_rows, STEP).unwrap();
    assert_eq!(on_device.parameters().count(), expected.len());
    for (index, (parameter, expected)) in on_device.parameters().zip(&expected).enumerate() {
        let what = format!("layer {}, {}", index / 2, parameter.name);
        let actual = download(&backend, &parameter.gradient);
        assert_close(&what, &actual, expected, SINGLE_LIMIT);
    }
}

#[test]
fn backward_and_step_in_one_gives_what_they_give_one_after_the_other() {
    let backend = backend();
    let mut random = ChaCha8Rng::seed_from_u64(6);
    let n_rows = 9;
    let model = reference_model(&mut random, n_rows);
    let x = upload(&backend, &draw(n_rows * 11, &mut random));
    let plain = Sgd::new(0.25).unwrap();
    for optimizer in [
        plain,
        plain.weight_decay(0.125).unwrap(),
        plain.momentum(0.5).unwrap(),
        plain.momentum(0.5).unwrap().weight_decay(0.125).unwrap(),
    ] {
        let optimizer = Optimizer::from(optimizer);
        let mut apart = device_model(&backend, &model);
        let mut in_one = device_model(&backend, &model);
        for _ in 0..3 {
            forward_and_loss(&backend, &mut apart, &x, &model.labels);
            apart.backward(&backend, &x, n_rows, STEP).unwrap();
            apart.step(&backend, &optimizer, UPDATE).unwrap();
            forward_and_loss(&backend, &mut in_one, &x, &model.labels);
            in_one
                .backward_and_step(&backend, &x, n_rows, STEP, &optimizer, UPDATE)
                .unwrap();
        }
        for (index, (apart, in_one)) in apart.parameters().zip(in_one.parameters()).enumerate() {
            let what = format!("{optimizer:?}, parameter {index}");
            let (apart, in_one) = (
                download(&backend, &apart.value),
                download(&backend, &in_one.value),
            );
            // They round at different places.
            assert_close(&what, &in_one, &apart, SINGLE_LIMIT);
        }
    }
}
