//! Normalization of batches and of rows.

use cpu::Result;
use cpu::backend::{
    Activation, Backend, BatchNormBackward, BatchNormEvaluation, BatchNormTraining, ChannelShape,
    LayerNormBackward, LayerNormForward,
};

use crate::buffers::{generator, input, output, read, uniform};
use crate::compare::{Output, UNIT, wide};
use crate::devices::devices;
use crate::reference::{self, Normalization};

const EPSILON: f32 = 1e-5;

/// B, C and S: single values and planes, whole quads and others, around a block's threads; one value
/// of two; no channels.
const BATCHES: [[usize; 3]; 13] = [
    [2, 1, 1],
    [1, 1, 2],
    [5, 3, 1],
    [64, 7, 1],
    [7, 33, 1],
    [3, 0, 4],
    [3, 5, 4],
    [2, 17, 49],
    [3, 2, 36],
    [4, 2, 257],
    [1, 2, 1021],
    [2, 3, 1028],
    [300, 2, 3],
];

/// B and N: around a warp's lanes, a block's warps and its columns.
const ROWS: [[usize; 2]; 10] = [
    [0, 5],
    [1, 1],
    [3, 2],
    [5, 31],
    [8, 32],
    [9, 33],
    [17, 7],
    [2, 257],
    [70, 13],
    [1, 1021],
];

/// Values of a few units around a mean that is not 0.
fn values(seed: u64, n: usize) -> Vec<f32> {
    let mean = [0.5, -2.0, 30.0][seed as usize % 3];
    let mut x = uniform(&mut generator(seed), n, 2.0);
    x.iter_mut().for_each(|x| *x += mean);
    x
}

/// Normalized values, and how large their errors may be.
struct Normalized {
    z: Vec<f64>,
    /// `√(variance + ε)` of each group.
    deviation: Vec<f64>,
    /// Of each element of `z`, in units of a rounding.
    n_roundings: Vec<f64>,
    /// Of the deviations, relative.
    n_roundings_of_deviation: Vec<f64>,
}

impl Normalized {
    /// `n_terms` of a sum went into the mean and the variance; 0 if these are given.
    fn new(
        normalization: &Normalization,
        x: &[f64],
        mean: &[f64],
        variance: &[f64],
        n_terms: f64,
    ) -> Normalized {
        let epsilon = f64::from(EPSILON);
        let z = normalization.normalized(x, mean, variance, epsilon);
        let deviation: Vec<f64> = variance.iter().map(|v| (v + epsilon).sqrt()).collect();
        // How many deviations the largest value is: what the differences from the mean lose.
        let mut condition = vec![1.0_f64; normalization.n_groups];
        for (x, &group) in x.iter().zip(&normalization.groups) {
            condition[group] = condition[group].max(1.0 + x.abs() / deviation[group]);
        }
        // Half of the variance's: its sum, its terms, the root and the quotient.
        let n_roundings_of_deviation: Vec<f64> = condition
            .iter()
            .map(|condition| 0.5 * n_terms + 2.0 * condition + 8.0)
            .collect();
        let n_roundings = z
            .iter()
            .zip(&normalization.groups)
            .map(|(z, &group)| {
                condition[group] * (n_terms + 4.0) + z.abs() * n_roundings_of_deviation[group]
            })
            .collect();
        Normalized {
            z,
            deviation,
            n_roundings,
            n_roundings_of_deviation,
        }
    }

    /// The error of `z · weight + bias`.
    fn scaled_limit(
        &self,
        normalization: &Normalization,
        weight: &[f64],
        bias: &[f64],
    ) -> Vec<f64> {
        self.z
            .iter()
            .zip(&self.n_roundings)
            .zip(&normalization.weights)
            .map(|((z, n_roundings), &idx)| {
                let weight = weight[idx].abs();
                UNIT * (weight * n_roundings + 4.0 * (weight * z.abs() + bias[idx].abs()))
            })
            .collect()
    }

    /// The errors of the gradients by input, weight and bias.
    fn gradient_limits(
        &self,
        normalization: &Normalization,
        weight: &[f64],
        dy: &[f64],
    ) -> [Vec<f64>; 3] {
        let n = normalization.n_per_group();
        let n_of_weight = dy.len() as f64 / normalization.n_weights as f64;
        let dy = || dy.iter().map(|dy| dy.abs());
        let by_z = || {
            let weights = normalization.weights.iter().map(|&idx| weight[idx].abs());
            dy().zip(weights).map(|(dy, weight)| dy * weight)
        };
        let means = normalization.group_sums(by_z());
        let projections = normalization.group_sums(by_z().zip(&self.z).map(|(g, z)| g * z.abs()));
        let errors = normalization.group_sums(by_z().zip(&self.n_roundings).map(|(g, n)| g * n));
        let dx = by_z()
            .zip(self.z.iter().zip(&self.n_roundings))
            .zip(&normalization.groups)
            .map(|((g, (z, n_roundings)), &group)| {
                let [mean, projection, error] =
                    [&means, &projections, &errors].map(|sums| sums[group] / n);
                let magnitude = g + mean + z.abs() * projection;
                let n_of_terms = n + 8.0 + self.n_roundings_of_deviation[group];
                let limit = n_of_terms * magnitude + n_roundings * projection + z.abs() * error;
                UNIT * limit / self.deviation[group]
            })
            .collect();
        let of_z = self.z.iter().zip(&self.n_roundings);
        let dweight = normalization.weight_sums(dy().zip(of_z).map(|(dy, (z, n_roundings))| {
            UNIT * dy * (n_roundings + (n_of_weight + 8.0) * z.abs())
        }));
        let dbias = normalization.weight_sums(dy().map(|dy| UNIT * (n_of_weight + 8.0) * dy));
        [dx, dweight, dbias]
    }
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

/// Mean and variance, with limits.
fn moments_outputs<B: Backend>(
    backend: &B,
    name: &str,
    normalization: &Normalization,
    x: &[f64],
    buffers: [&B::Floats; 2],
) -> Result<[Output; 2]> {
    let (mean, variance) = normalization.moments(x);
    let n = normalization.n_per_group();
    let magnitudes = normalization.group_sums(x.iter().map(|x| x.abs()));
    let mean_limit: Vec<f64> = magnitudes
        .iter()
        .map(|magnitude| (n + 8.0) * UNIT * magnitude / n)
        .collect();
    let variance_limit = variance
        .iter()
        .zip(&magnitudes)
        .map(|(variance, magnitude)| {
            // Each deviation is rounded as the value is.
            let of_terms = 4.0 * variance.sqrt() * (magnitude / n + variance.sqrt());
            UNIT * ((n + 8.0) * variance + of_terms)
        })
        .collect();
    let [mean_buffer, variance_buffer] = buffers;
    let mean_name = format!("{name}, mean");
    let variance_name = format!("{name}, variance");
    Ok([
        Output::new(
            mean_name.clone(),
            read(backend, &mean_name, mean_buffer)?,
            mean,
            mean_limit,
        ),
        Output::new(
            variance_name.clone(),
            read(backend, &variance_name, variance_buffer)?,
            variance,
            variance_limit,
        ),
    ])
}

#[test]
fn batch_norm_training() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, shape) in BATCHES.into_iter().enumerate() {
            let name = format!("batch_norm_training, {shape:?}");
            let [n_rows, n_channels, n_pixels] = shape;
            let random = &mut generator(idx as u64);
            let x = values(idx as u64, n_rows * n_channels * n_pixels);
            let [weight, bias, running] = [1.5, 1.0, 2.0].map(|s| uniform(random, n_channels, s));
            let activation = [Activation::Identity, Activation::Relu][idx % 2];
            let momentum = 0.1;
            let filled = vec![f32::NAN; n_channels];
            let [mut mean, mut variance] = [output(backend, &filled)?, output(backend, &filled)?];
            let [mut running_mean, mut running_variance] =
                [output(backend, &running)?, output(backend, &running)?];
            let mut y = output(backend, &vec![f32::NAN; x.len()])?;
            backend.batch_norm_training(BatchNormTraining {
                x: &input(backend, &x)?,
                weight: &input(backend, &weight)?,
                bias: &input(backend, &bias)?,
                epsilon: EPSILON,
                momentum,
                activation,
                mean: &mut mean,
                variance: &mut variance,
                running_mean: &mut running_mean,
                running_variance: &mut running_variance,
                y: &mut y,
                shape: ChannelShape {
                    n_rows,
                    n_channels,
                    n_pixels,
                },
            })?;
            let normalization = Normalization::of_batch(shape);
            let x = wide(&x);
            let buffers = [&mean, &variance];
            let moments = moments_outputs(backend, &name, &normalization, &x, buffers)?;
            let n = (n_rows * n_pixels) as f64;
            let momentum = f64::from(momentum);
            for (what, buffer, moment, unbiased) in [
                ("running mean", &running_mean, &moments[0], 1.0),
                (
                    "running variance",
                    &running_variance,
                    &moments[1],
                    n / (n - 1.0),
                ),
            ] {
                let name = format!("{name}, {what}");
                let pairs = || running.iter().zip(&moment.expected);
                let expected = pairs().map(|(running, moment)| {
                    (1.0 - momentum) * f64::from(*running) + momentum * unbiased * moment
                });
                let limit = pairs()
                    .zip(&moment.limit)
                    .map(|((running, moment), limit)| {
                        let magnitude = f64::from(running.abs()) + unbiased * moment.abs();
                        momentum * unbiased * limit + 4.0 * UNIT * magnitude
                    });
                let (expected, limit) = (expected.collect(), limit.collect());
                let actual = read(backend, &name, buffer)?;
                outputs.push(Output::new(name, actual, expected, limit));
            }
            let [mean, variance] = [0, 1].map(|idx: usize| &moments[idx].expected);
            let normalized = Normalized::new(&normalization, &x, mean, variance, n);
            let (weight, bias) = (wide(&weight), wide(&bias));
            let limit = normalized.scaled_limit(&normalization, &weight, &bias);
            let expected = normalization
                .scaled(&normalized.z, &weight, &bias)
                .into_iter()
                .map(|y| reference::activation(activation, y))
                .collect();
            let actual = read(backend, &name, &y)?;
            outputs.push(Output::new(name, actual, expected, limit));
            outputs.extend(moments);
        }
        Ok(outputs)
    });
}

#[test]
fn batch_norm_evaluation() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, shape) in BATCHES.into_iter().chain([[0, 3, 4]]).enumerate() {
            let name = format!("batch_norm_evaluation, {shape:?}");
            let [n_rows, n_channels, n_pixels] = shape;
            let random = &mut generator(idx as u64);
            let mut x = values(idx as u64, n_rows * n_channels * n_pixels);
            if idx == 0 {
                x[1] = f32::INFINITY;
            }
            let [weight, bias, mean, mut variance] =
                [1.5, 1.0, 2.0, 2.0].map(|scale| uniform(random, n_channels, scale));
            variance
                .iter_mut()
                .for_each(|variance| *variance = variance.abs());
            let activation = [Activation::Identity, Activation::Relu][idx % 2];
            let mut y = output(backend, &vec![f32::NAN; x.len()])?;
            backend.batch_norm_evaluation(BatchNormEvaluation {
                x: &input(backend, &x)?,
                mean: &input(backend, &mean)?,
                variance: &input(backend, &variance)?,
                weight: &input(backend, &weight)?,
                bias: &input(backend, &bias)?,
                epsilon: EPSILON,
                activation,
                y: &mut y,
                shape: ChannelShape {
                    n_rows,
                    n_channels,
                    n_pixels,
                },
            })?;
            let normalization = Normalization::of_batch(shape);
            let [x, mean, variance] = [&x, &mean, &variance].map(|values| wide(values));
            let normalized = Normalized::new(&normalization, &x, &mean, &variance, 0.0);
            let (weight, bias) = (wide(&weight), wide(&bias));
            let expected = normalization
                .scaled(&normalized.z, &weight, &bias)
                .into_iter()
                .map(|y| reference::activation(activation, y))
                .collect();
            let limit = normalized.scaled_limit(&normalization, &weight, &bias);
            let actual = read(backend, &name, &y)?;
            outputs.push(Output::new(name, actual, expected, limit));
        }
        Ok(outputs)
    });
}

/// What backward passes read, and what they should give.
struct GradientData {
    x: Vec<f32>,
    dy: Vec<f32>,
    weight: Vec<f32>,
    mean: Vec<f32>,
    variance: Vec<f32>,
    /// By input, weight and bias.
    expected: [Vec<f64>; 3],
    limits: [Vec<f64>; 3],
}

impl GradientData {
    fn draw(normalization: &Normalization, seed: u64) -> GradientData {
        let random = &mut generator(seed);
        let n = normalization.groups.len();
        let x = values(seed, n);
        let dy = uniform(random, n, 2.0);
        let weight = uniform(random, normalization.n_weights, 1.5);
        let wide_x = wide(&x);
        let (mean, variance) = normalization.moments(&wide_x);
        let (mean, variance) = (narrow(&mean), narrow(&variance));
        // They are given, rounded: what they are of does not matter.
        let normalized =
            Normalized::new(normalization, &wide_x, &wide(&mean), &wide(&variance), 0.0);
        let (wide_weight, wide_dy) = (wide(&weight), wide(&dy));
        let gradients =
            normalization.backward(&normalized.z, &normalized.deviation, &wide_weight, &wide_dy);
        GradientData {
            limits: normalized.gradient_limits(normalization, &wide_weight, &wide_dy),
            expected: [gradients.dx, gradients.dweight, gradients.dbias],
            x,
            dy,
            weight,
            mean,
            variance,
        }
    }

    fn outputs<B: Backend>(
        self,
        backend: &B,
        name: &str,
        [dx, dweight, dbias]: [&B::Floats; 3],
    ) -> Result<Vec<Output>> {
        let buffers = [("input", dx), ("weight", dweight), ("bias", dbias)];
        let expected = self.expected.into_iter().zip(self.limits);
        buffers
            .into_iter()
            .zip(expected)
            .map(|((by, buffer), (expected, limit))| {
                let name = format!("{name}, by {by}");
                let actual = read(backend, &name, buffer)?;
                Ok(Output::new(name, actual, expected, limit))
            })
            .collect()
    }
}

#[test]
fn batch_norm_backward() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, shape) in BATCHES.into_iter().enumerate() {
            let name = format!("batch_norm_backward, {shape:?}");
            let [n_rows, n_channels, n_pixels] = shape;
            let data = GradientData::draw(&Normalization::of_batch(shape), idx as u64);
            let filled = |n| output(backend, &vec![f32::NAN; n]);
            let (mut dweight, mut dbias) = (filled(n_channels)?, filled(n_channels)?);
            let mut dx = filled(data.x.len())?;
            for is_asked_for in [false, true] {
                backend.batch_norm_backward(BatchNormBackward {
                    x: &input(backend, &data.x)?,
                    dy: &input(backend, &data.dy)?,
                    mean: &input(backend, &data.mean)?,
                    variance: &input(backend, &data.variance)?,
                    weight: &input(backend, &data.weight)?,
                    epsilon: EPSILON,
                    dweight: &mut dweight,
                    dbias: &mut dbias,
                    dx: is_asked_for.then_some(&mut dx),
                    shape: ChannelShape {
                        n_rows,
                        n_channels,
                        n_pixels,
                    },
                })?;
            }
            outputs.extend(data.outputs(backend, &name, [&dx, &dweight, &dbias])?);
        }
        Ok(outputs)
    });
}

#[test]
fn layer_norm_forward() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, shape) in ROWS.into_iter().enumerate() {
            let name = format!("layer_norm_forward, {shape:?}");
            let [n_rows, n_values] = shape;
            let random = &mut generator(idx as u64);
            let x = values(idx as u64, n_rows * n_values);
            let [weight, bias] = [1.5, 1.0].map(|scale| uniform(random, n_values, scale));
            let filled = |n| output(backend, &vec![f32::NAN; n]);
            let (mut mean, mut variance) = (filled(n_rows)?, filled(n_rows)?);
            let mut y = filled(x.len())?;
            backend.layer_norm_forward(LayerNormForward {
                x: &input(backend, &x)?,
                weight: &input(backend, &weight)?,
                bias: &input(backend, &bias)?,
                epsilon: EPSILON,
                mean: &mut mean,
                variance: &mut variance,
                y: &mut y,
                n_rows,
                n_values,
            })?;
            let normalization = Normalization::of_rows(shape);
            let [x, weight, bias] = [&x, &weight, &bias].map(|values| wide(values));
            let buffers = [&mean, &variance];
            let moments = moments_outputs(backend, &name, &normalization, &x, buffers)?;
            let [mean, variance] = [0, 1].map(|idx: usize| &moments[idx].expected);
            let normalized = Normalized::new(&normalization, &x, mean, variance, n_values as f64);
            let expected = normalization.scaled(&normalized.z, &weight, &bias);
            let limit = normalized.scaled_limit(&normalization, &weight, &bias);
            let actual = read(backend, &name, &y)?;
            outputs.push(Output::new(name, actual, expected, limit));
            outputs.extend(moments);
        }
        Ok(outputs)
    });
}

#[test]
fn layer_norm_backward() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, shape) in ROWS.into_iter().enumerate() {
            let name = format!("layer_norm_backward, {shape:?}");
            let [n_rows, n_values] = shape;
            let data = GradientData::draw(&Normalization::of_rows(shape), idx as u64);
            let filled = |n| output(backend, &vec![f32::NAN; n]);
            let (mut dweight, mut dbias) = (filled(n_values)?, filled(n_values)?);
            let mut dx = filled(data.x.len())?;
            for is_asked_for in [false, true] {
                backend.layer_norm_backward(LayerNormBackward {
                    x: &input(backend, &data.x)?,
                    dy: &input(backend, &data.dy)?,
                    mean: &input(backend, &data.mean)?,
                    variance: &input(backend, &data.variance)?,
                    weight: &input(backend, &data.weight)?,
                    epsilon: EPSILON,
                    dweight: &mut dweight,
                    dbias: &mut dbias,
                    dx: is_asked_for.then_some(&mut dx),
                    n_rows,
                    n_values,
                })?;
            }
            outputs.extend(data.outputs(backend, &name, [&dx, &dweight, &dbias])?);
        }
        Ok(outputs)
    });
}
