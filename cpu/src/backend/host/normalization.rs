//! Normalization of batches and of rows, forward and backward.
//!
//! A channel's values are read two or three times in a row, and so from the cache all but the first
//! time. Sums are taken in several lanes, so that they become vector code, and those of planes and
//! rows are added up in `f64`.

mod layer;

use std::ops::Range;

use super::activation::apply;
use super::matrix::{ColumnBlock, Matrix, SharedColumns};
use super::{Floats, GRANULARITY, HostBackend, Operation};
use crate::Result;
use crate::backend::{
    Activation, BatchNormBackward, BatchNormEvaluation, BatchNormTraining, ChannelShape,
    LayerNormBackward, LayerNormForward, NormalizationOperations,
};
use crate::simd::sum;

/// About what a value costs, in the units of the products' arithmetic.
const WORK_PER_VALUE: usize = 16;

impl NormalizationOperations for HostBackend {
    fn batch_norm_training(&self, op: BatchNormTraining<'_, Floats>) -> Result<()> {
        let check = Operation("batch_norm_training");
        let shape = op.shape;
        let n = shape.n_per_channel(check)?;
        let channels = shape.channels();
        let weight = check.read("weight", op.weight, &channels)?;
        let bias = check.read("bias", op.bias, &channels)?;
        let y = check.write("y", op.y, &shape.values())?;
        let x = check.read("x", op.x, &shape.values())?;
        let mean = check.write("mean", op.mean, &channels)?;
        let variance = check.write("variance", op.variance, &channels)?;
        let running_mean = check.write("running_mean", op.running_mean, &channels)?;
        let running_variance = check.write("running_variance", op.running_variance, &channels)?;

        let x = Channels::new(x, shape);
        let y = SharedColumns::new(y, shape.n_rows, shape.n_channels * shape.n_pixels);
        let row = |values| SharedColumns::new(values, 1, shape.n_channels);
        let (mean, variance) = (row(mean), row(variance));
        let (running_mean, running_variance) = (row(running_mean), row(running_variance));
        let keep = 1.0 - op.momentum;
        let unbiased = op.momentum * (n as f32 / (n - 1) as f32);
        self.for_each_part(shape.n_channels, x.granularity(), x.work(), |part| {
            // SAFETY: the parts are disjoint.
            let [
                mut mean,
                mut variance,
                mut running_mean,
                mut running_variance,
            ] = unsafe {
                [&mean, &variance, &running_mean, &running_variance]
                    .map(|values| values.block(part.clone()))
            };
            // SAFETY: as above.
            let mut y = unsafe { y.block(x.columns(part.clone())) };
            vectorized!(self, {
                for own in x.groups(part.len()) {
                    let group = part.start + own.start..part.start + own.end;
                    let mean = &mut mean.row(0)[own.clone()];
                    let variance = &mut variance.row(0)[own.clone()];
                    x.statistics(group.clone(), mean, variance);
                    let running = running_mean.row(0)[own.clone()].iter_mut();
                    for (running, mean) in running.zip(&*mean) {
                        *running = keep * *running + op.momentum * mean;
                    }
                    let running = running_variance.row(0)[own.clone()].iter_mut();
                    for (running, variance) in running.zip(&*variance) {
                        *running = keep * *running + unbiased * variance;
                    }
                    let numbers = Numbers {
                        mean,
                        variance,
                        weight: &weight[group.clone()],
                        bias: &bias[group.clone()],
                        epsilon: op.epsilon,
                    };
                    x.normalize(group, numbers, op.activation, &mut y, x.columns(own));
                }
            });
        });
        Ok(())
    }

    fn batch_norm_evaluation(&self, op: BatchNormEvaluation<'_, Floats>) -> Result<()> {
        let check = Operation("batch_norm_evaluation");
        let shape = op.shape;
        let channels = shape.channels();
        let x = check.read("x", op.x, &shape.values())?;
        let mean = check.read("mean", op.mean, &channels)?;
        let variance = check.read("variance", op.variance, &channels)?;
        let weight = check.read("weight", op.weight, &channels)?;
        let bias = check.read("bias", op.bias, &channels)?;
        let y = check.write("y", op.y, &shape.values())?;

        let x = Channels::new(x, shape);
        let y = SharedColumns::new(y, shape.n_rows, shape.n_channels * shape.n_pixels);
        self.for_each_part(shape.n_channels, x.granularity(), x.work(), |part| {
            // SAFETY: the parts are disjoint.
            let mut y = unsafe { y.block(x.columns(part.clone())) };
            vectorized!(self, {
                for own in x.groups(part.len()) {
                    let group = part.start + own.start..part.start + own.end;
                    let numbers = Numbers {
                        mean: &mean[group.clone()],
                        variance: &variance[group.clone()],
                        weight: &weight[group.clone()],
                        bias: &bias[group.clone()],
                        epsilon: op.epsilon,
                    };
                    x.normalize(group, numbers, op.activation, &mut y, x.columns(own));
                }
            });
        });
        Ok(())
    }

    fn batch_norm_backward(&self, op: BatchNormBackward<'_, Floats>) -> Result<()> {
        let check = Operation("batch_norm_backward");
        let shape = op.shape;
        shape.n_per_channel(check)?;
        let channels = shape.channels();
        let x = check.read("x", op.x, &shape.values())?;
        let dy = check.read("dy", op.dy, &shape.values())?;
        let mean = check.read("mean", op.mean, &channels)?;
        let variance = check.read("variance", op.variance, &channels)?;
        let weight = check.read("weight", op.weight, &channels)?;
        let dweight = check.write("dweight", op.dweight, &channels)?;
        let dbias = check.write("dbias", op.dbias, &channels)?;
        let dx = match op.dx {
            Some(dx) => Some(check.write("dx", dx, &shape.values())?),
            None => None,
        };

        let (x, dy) = (Channels::new(x, shape), Channels::new(dy, shape));
        let n_columns = shape.n_channels * shape.n_pixels;
        let dx = dx.map(|dx| SharedColumns::new(dx, shape.n_rows, n_columns));
        let row = |values| SharedColumns::new(values, 1, shape.n_channels);
        let (dweight, dbias) = (row(dweight), row(dbias));
        self.for_each_part(shape.n_channels, x.granularity(), x.work(), |part| {
            // SAFETY: the parts are disjoint.
            let (mut dweight, mut dbias) =
                unsafe { (dweight.block(part.clone()), dbias.block(part.clone())) };
            let columns = x.columns(part.clone());
            // SAFETY: as above.
            let mut dx = dx.as_ref().map(|dx| unsafe { dx.block(columns) });
            vectorized!(self, {
                for own in x.groups(part.len()) {
                    let group = part.start + own.start..part.start + own.end;
                    let dweight = &mut dweight.row(0)[own.clone()];
                    let dbias = &mut dbias.row(0)[own.clone()];
                    let mean = &mean[group.clone()];
                    x.gradient_sums(dy, group.clone(), mean, dweight, dbias);
                    for (dweight, variance) in dweight.iter_mut().zip(&variance[group.clone()]) {
                        *dweight *= inverse_deviation(*variance, op.epsilon);
                    }
                    let Some(dx) = &mut dx else { continue };
                    let numbers = Numbers {
                        mean,
                        variance: &variance[group.clone()],
                        weight: &weight[group.clone()],
                        bias: dbias,
                        epsilon: op.epsilon,
                    };
                    x.backward(dy, group, numbers, dweight, dx, x.columns(own));
                }
            });
        });
        Ok(())
    }

    fn layer_norm_forward(&self, op: LayerNormForward<'_, Floats>) -> Result<()> {
        layer::forward(self, op)
    }

    fn layer_norm_backward(&self, op: LayerNormBackward<'_, Floats>) -> Result<()> {
        layer::backward(self, op)
    }
}

/// `1 / √(variance + ε)`
#[inline(always)]
fn inverse_deviation(variance: f32, epsilon: f32) -> f32 {
    1.0 / (variance + epsilon).sqrt()
}

/// Mean and mean square deviation of `n` values, which lie in several slices.
#[inline(always)]
fn moments<'a>(slices: &(impl Iterator<Item = &'a [f32]> + Clone), n: usize) -> (f32, f32) {
    let mut total = 0.0;
    for x in slices.clone() {
        total += sum(
            x,
            x,
            #[inline(always)]
            |x, _| x,
        );
    }
    let center = (total / n as f64) as f32;
    let (mut deviation, mut square) = (0.0, 0.0);
    for x in slices.clone() {
        deviation += sum(
            x,
            x,
            #[inline(always)]
            |x, _| x - center,
        );
        square += sum(
            x,
            x,
            #[inline(always)]
            |x, _| (x - center) * (x - center),
        );
    }
    // What rounding has left out of the center.
    let rest = deviation / n as f64;
    let variance = (square - rest * deviation) / n as f64;
    ((f64::from(center) + rest) as f32, variance as f32)
}

/// What belongs to the channels of a group, one of each for each channel.
#[derive(Clone, Copy)]
struct Numbers<'a> {
    mean: &'a [f32],
    variance: &'a [f32],
    weight: &'a [f32],
    /// In a backward pass the gradient by it.
    bias: &'a [f32],
    epsilon: f32,
}

impl Numbers<'_> {
    /// What the gradient by an input is multiplied by, what is taken from it before, and how much of
    /// the deviation.
    #[inline(always)]
    fn gradient_factors(self, channel: usize, dweight: f32, inverse_n: f32) -> (f32, f32, f32) {
        let inverse_deviation = inverse_deviation(self.variance[channel], self.epsilon);
        (
            self.weight[channel] * inverse_deviation,
            self.bias[channel] * inverse_n,
            dweight * inverse_deviation * inverse_n,
        )
    }
}

/// A batch, `[B, C, S]`, which is worked on by groups of channels: where each has a single value in a
/// row, these lie side by side and a group is many channels; elsewhere it is one.
#[derive(Clone, Copy)]
struct Channels<'a> {
    rows: Matrix<'a>,
    shape: ChannelShape,
}

impl<'a> Channels<'a> {
    fn new(values: &'a [f32], shape: ChannelShape) -> Self {
        let n_columns = shape.n_channels * shape.n_pixels;
        Channels {
            rows: Matrix::new(values, shape.n_rows, n_columns),
            shape,
        }
    }

    fn are_single_values(self) -> bool {
        self.shape.n_pixels == 1
    }

    fn granularity(self) -> usize {
        if self.are_single_values() {
            GRANULARITY
        } else {
            1
        }
    }

    fn work(self) -> usize {
        self.shape.values().iter().product::<usize>() * WORK_PER_VALUE
    }

    /// Where the channels lie in a row.
    fn columns(self, channels: Range<usize>) -> Range<usize> {
        channels.start * self.shape.n_pixels..channels.end * self.shape.n_pixels
    }

    /// The groups of `n` channels.
    fn groups(self, n: usize) -> impl Iterator<Item = Range<usize>> {
        let n_per_group = if self.are_single_values() { n } else { 1 };
        let n_groups = if n == 0 { 0 } else { n / n_per_group };
        (0..n_groups).map(move |group| group * n_per_group..(group + 1) * n_per_group)
    }

    /// The group's part of each row.
    #[inline(always)]
    fn slices(self, group: Range<usize>) -> impl Iterator<Item = &'a [f32]> + Clone {
        let columns = self.columns(group);
        (0..self.shape.n_rows).map(
            #[inline(always)]
            move |row| &self.rows.row(row)[columns.clone()],
        )
    }

    /// Overwrites mean and variance of the group's channels.
    #[inline(always)]
    fn statistics(self, group: Range<usize>, mean: &mut [f32], variance: &mut [f32]) {
        if !self.are_single_values() {
            let n = self.shape.n_rows * self.shape.n_pixels;
            (mean[0], variance[0]) = moments(&self.slices(group), n);
            return;
        }
        let inverse_n = 1.0 / self.shape.n_rows as f32;
        mean.fill(0.0);
        variance.fill(0.0);
        for x in self.slices(group.clone()) {
            for (mean, x) in mean.iter_mut().zip(x) {
                *mean += x;
            }
        }
        mean.iter_mut().for_each(|mean| *mean *= inverse_n);
        for x in self.slices(group) {
            for ((variance, mean), x) in variance.iter_mut().zip(&*mean).zip(x) {
                *variance += (x - mean) * (x - mean);
            }
        }
        variance
            .iter_mut()
            .for_each(|variance| *variance *= inverse_n);
    }

    /// Overwrites the group's `columns` of `y`.
    #[inline(always)]
    fn normalize(
        self,
        group: Range<usize>,
        numbers: Numbers<'_>,
        activation: Activation,
        y: &mut ColumnBlock<'_>,
        columns: Range<usize>,
    ) {
        let Numbers {
            mean,
            variance,
            weight,
            bias,
            epsilon,
        } = numbers;
        for (row, x) in self.slices(group).enumerate() {
            let y = &mut y.row(row)[columns.clone()];
            if self.are_single_values() {
                let places = y.iter_mut().zip(x).zip(mean.iter().zip(variance));
                for (((y, x), (mean, variance)), (weight, bias)) in
                    places.zip(weight.iter().zip(bias))
                {
                    let scale = inverse_deviation(*variance, epsilon) * weight;
                    *y = (x - mean) * scale + bias;
                }
            } else {
                let (mean, bias) = (mean[0], bias[0]);
                let scale = inverse_deviation(variance[0], epsilon) * weight[0];
                for (y, x) in y.iter_mut().zip(x) {
                    *y = (x - mean) * scale + bias;
                }
            }
            apply(activation, y);
        }
    }

    /// Overwrites `dbias` with `Σ dy` and `dweight` with `Σ dy (x - mean)`.
    #[inline(always)]
    fn gradient_sums(
        self,
        dy: Channels<'_>,
        group: Range<usize>,
        mean: &[f32],
        dweight: &mut [f32],
        dbias: &mut [f32],
    ) {
        let slices = self.slices(group.clone()).zip(dy.slices(group));
        if !self.are_single_values() {
            let (mut by_bias, mut by_deviation) = (0.0, 0.0);
            let center = mean[0];
            for (x, dy) in slices {
                by_bias += sum(
                    dy,
                    dy,
                    #[inline(always)]
                    |dy, _| dy,
                );
                by_deviation += sum(
                    x,
                    dy,
                    #[inline(always)]
                    |x, dy| dy * (x - center),
                );
            }
            (dbias[0], dweight[0]) = (by_bias as f32, by_deviation as f32);
            return;
        }
        dbias.fill(0.0);
        dweight.fill(0.0);
        for (x, dy) in slices {
            let sums = dbias.iter_mut().zip(dweight.iter_mut()).zip(mean);
            for ((x, dy), ((dbias, dweight), mean)) in x.iter().zip(dy).zip(sums) {
                *dbias += dy;
                *dweight += dy * (x - mean);
            }
        }
    }

    /// Overwrites the group's `columns` of `dx`.
    #[inline(always)]
    fn backward(
        self,
        dy: Channels<'_>,
        group: Range<usize>,
        numbers: Numbers<'_>,
        dweight: &[f32],
        dx: &mut ColumnBlock<'_>,
        columns: Range<usize>,
    ) {
        let inverse_n = 1.0 / (self.shape.n_rows * self.shape.n_pixels) as f32;
        let mean = numbers.mean;
        let slices = self.slices(group.clone()).zip(dy.slices(group));
        for (row, (x, dy)) in slices.enumerate() {
            let dx = &mut dx.row(row)[columns.clone()];
            let values = dx.iter_mut().zip(x.iter().zip(dy));
            if self.are_single_values() {
                for (channel, (dx, (x, dy))) in values.enumerate() {
                    let (by_value, by_mean, by_deviation) =
                        numbers.gradient_factors(channel, dweight[channel], inverse_n);
                    *dx = by_value * ((dy - by_mean) - (x - mean[channel]) * by_deviation);
                }
            } else {
                let (by_value, by_mean, by_deviation) =
                    numbers.gradient_factors(0, dweight[0], inverse_n);
                let mean = mean[0];
                for (dx, (x, dy)) in values {
                    *dx = by_value * ((dy - by_mean) - (x - mean) * by_deviation);
                }
            }
        }
    }
}
