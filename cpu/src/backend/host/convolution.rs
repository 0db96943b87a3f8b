//! Convolutions of images: a vector holds the same element of as many images as it has lanes.
//!
//! So any window, stride and padding is computed by the same loops, none of which knows of lanes, and
//! nothing is computed at the edges of an image but what belongs there. Blocks of images are brought
//! into that order, and back, on the way.

mod backward_input;
mod backward_weight;
mod forward;
mod lanes;
mod tile;

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::matrix::SharedColumns;
use super::{Floats, HostBackend, Operation};
use crate::Result;
use crate::backend::{
    ConvolutionBackwardInput, ConvolutionBackwardWeight, ConvolutionForward, ConvolutionOperations,
    ConvolutionShape,
};
use backward_input::BackwardInput;
use backward_weight::BackwardWeight;
use forward::Forward;
use lanes::Lanes;

/// Channels that a part computes at least: those of the largest tile.
const GROUP: usize = tile::ROWS;

impl ConvolutionOperations for HostBackend {
    fn convolution_forward(&self, op: ConvolutionForward<'_, Floats>) -> Result<()> {
        let check = Operation("convolution_forward");
        let shapes = op.shape.buffer_shapes(check)?;
        let x = check.read("x", op.x, &shapes.x)?;
        let weight = check.read("weight", op.weight, &shapes.weight)?;
        let bias = check.read("bias", op.bias, &shapes.bias)?;
        let y = check.write("y", op.y, &shapes.y)?;
        let geometry = Geometry::new(op.shape)?;
        let n_lanes = self.n_lanes();
        let n = y.len();
        let y = SharedColumns::new(y, 1, n);
        let n_units = geometry.n_units(n_lanes, geometry.n_outputs);
        let n_scratch = n_floats(&forward::n_scratch(&geometry, n_lanes));
        self.scratch.reserve(self.n_threads(), n_scratch)?;
        self.for_each_part(n_units, 1, geometry.work(), |units| {
            self.scratch.with(n_scratch, |scratch| {
                self.instructions.dispatch(Forward {
                    geometry,
                    x,
                    weight,
                    bias,
                    activation: op.activation,
                    y: &y,
                    units,
                    scratch,
                });
            });
        });
        Ok(())
    }

    fn convolution_backward_input(&self, op: ConvolutionBackwardInput<'_, Floats>) -> Result<()> {
        let check = Operation("convolution_backward_input");
        let shapes = op.shape.buffer_shapes(check)?;
        let dy = check.read("dy", op.dy, &shapes.y)?;
        let weight = check.read("weight", op.weight, &shapes.weight)?;
        let dx = check.write("dx", op.dx, &shapes.x)?;
        let geometry = Geometry::new(op.shape)?;
        let n_lanes = self.n_lanes();
        let n = dx.len();
        let shared = SharedColumns::new(dx, 1, n);
        let n_units = geometry.n_units(n_lanes, geometry.n_channels);
        let n_scratch = n_floats(&backward_input::n_scratch(&geometry, n_lanes));
        self.scratch.reserve(self.n_threads(), n_scratch)?;
        self.for_each_part(n_units, 1, geometry.work(), |units| {
            self.scratch.with(n_scratch, |scratch| {
                self.instructions.dispatch(BackwardInput {
                    geometry,
                    dy,
                    weight,
                    dx: &shared,
                    units,
                    scratch,
                });
            });
        });
        if !weight.iter().all(|weight| weight.is_finite()) {
            geometry.add_taps_beyond(weight, dx);
        }
        Ok(())
    }

    fn convolution_backward_weight(&self, op: ConvolutionBackwardWeight<'_, Floats>) -> Result<()> {
        let check = Operation("convolution_backward_weight");
        let shapes = op.shape.buffer_shapes(check)?;
        let x = check.read("x", op.x, &shapes.x)?;
        let dy = check.read("dy", op.dy, &shapes.y)?;
        let dweight = check.write("dweight", op.dweight, &shapes.weight)?;
        let dbias = check.write("dbias", op.dbias, &shapes.bias)?;
        let geometry = Geometry::new(op.shape)?;
        let n_lanes = self.n_lanes();
        let n_outputs = geometry.n_outputs;
        let dweight = SharedColumns::new(dweight, op.shape.depth(), n_outputs);
        let dbias = SharedColumns::new(dbias, 1, n_outputs);
        let n_scratch = n_floats(&backward_weight::n_scratch(&geometry, n_lanes));
        self.scratch.reserve(self.n_threads(), n_scratch)?;
        self.for_each_part(n_outputs, GROUP, geometry.work(), |outputs| {
            // SAFETY: the parts are disjoint.
            let (mut dweight, mut dbias) =
                unsafe { (dweight.block(outputs.clone()), dbias.block(outputs.clone())) };
            self.scratch.with(n_scratch, |scratch| {
                self.instructions.dispatch(BackwardWeight {
                    geometry,
                    x,
                    dy,
                    dweight: &mut dweight,
                    dbias: &mut dbias,
                    outputs,
                    scratch,
                });
            });
        });
        Ok(())
    }
}

/// The shapes of a convolution, and what follows from them.
#[derive(Clone, Copy)]
struct Geometry {
    n_rows: usize,
    n_channels: usize,
    n_outputs: usize,
    image: [usize; 2],
    output: [usize; 2],
    window: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
}

impl Geometry {
    fn new(shape: ConvolutionShape) -> Result<Geometry> {
        Ok(Geometry {
            n_rows: shape.n_rows,
            n_channels: shape.n_channels,
            n_outputs: shape.n_outputs,
            image: shape.image,
            output: shape.output()?,
            window: shape.window.size,
            stride: shape.window.stride,
            padding: shape.window.padding,
        })
    }

    /// Taps of the window.
    #[inline(always)]
    fn n_taps(&self) -> usize {
        self.window[0] * self.window[1]
    }

    /// Places of the window on an image: pixels of an output.
    #[inline(always)]
    fn n_places(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Elements of an input.
    #[inline(always)]
    fn n_inputs(&self) -> usize {
        self.n_channels * self.image[0] * self.image[1]
    }

    /// Rows and columns of a padded image.
    #[inline(always)]
    fn padded(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.image[axis] + 2 * self.padding[axis])
    }

    /// Pixels of a padded image.
    #[inline(always)]
    fn n_padded(&self) -> usize {
        let [n_rows, n_columns] = self.padded();
        n_rows * n_columns
    }

    /// Where a place of the window begins on a padded image.
    #[inline(always)]
    fn start_of(&self, place: usize) -> usize {
        let (i, j) = (place / self.output[1], place % self.output[1]);
        i * self.stride[0] * self.padded()[1] + j * self.stride[1]
    }

    /// Where a tap of `[C, KH, KW]` lies on padded images, from where the window's place begins.
    #[inline(always)]
    fn tap_offset(&self, tap: usize) -> usize {
        let (channel, tap) = (tap / self.n_taps(), tap % self.n_taps());
        let (k, l) = (tap / self.window[1], tap % self.window[1]);
        channel * self.n_padded() + k * self.padded()[1] + l
    }

    /// Arithmetic operations, without those of the activation.
    fn work(&self) -> usize {
        2 * self.n_rows * self.n_outputs * self.n_places() * self.n_channels * self.n_taps()
    }

    /// Pairs of a block of images and a group of channels.
    fn n_units(&self, n_lanes: usize, n_channels: usize) -> usize {
        self.n_rows.div_ceil(n_lanes) * n_channels.div_ceil(GROUP)
    }

    /// The blocks of some units, and the channels of each that are among them.
    #[inline(always)]
    fn blocks_of(
        &self,
        units: Range<usize>,
        n_channels: usize,
    ) -> impl Iterator<Item = (usize, Range<usize>)> {
        let n_groups = n_channels.div_ceil(GROUP).max(1);
        let blocks = units.start / n_groups..units.end.div_ceil(n_groups);
        blocks.map(move |block| {
            let group = |unit: usize| {
                let group = unit.saturating_sub(block * n_groups).min(n_groups);
                n_channels.min(group * GROUP)
            };
            (block, group(units.start)..group(units.end))
        })
    }

    /// All channels that are among some units.
    #[inline(always)]
    fn channels_of(&self, units: &Range<usize>, n_channels: usize) -> Range<usize> {
        let mut channels = n_channels..0;
        for (_, of_block) in self.blocks_of(units.clone(), n_channels) {
            channels = channels.start.min(of_block.start)..channels.end.max(of_block.end);
        }
        channels
    }

    /// The images of a block, of `n_elements` each.
    #[inline(always)]
    fn lanes(&self, block: usize, n_lanes: usize, n_elements: usize) -> Lanes {
        Lanes {
            n: n_lanes,
            n_rows: (self.n_rows - block * n_lanes).min(n_lanes),
            stride: n_elements,
        }
    }

    /// Adds to the gradient by the input what the taps add that reach a pixel from no place, for weights
    /// that are not all finite: zero times infinity is NaN.
    fn add_taps_beyond(&self, weight: &[f32], dx: &mut [f32]) {
        let [n_rows, n_columns] = self.image;
        let reaches = |axis: usize, pixel: usize, tap: usize| {
            (pixel + self.padding[axis])
                .checked_sub(tap)
                .is_some_and(|start| {
                    start.is_multiple_of(self.stride[axis])
                        && start / self.stride[axis] < self.output[axis]
                })
        };
        for (index, dx) in dx.iter_mut().enumerate() {
            let (row, column) = (index / n_columns % n_rows, index % n_columns);
            let channel = index / (n_rows * n_columns) % self.n_channels;
            for tap in 0..self.n_taps() {
                let (k, l) = (tap / self.window[1], tap % self.window[1]);
                if !(reaches(0, row, k) && reaches(1, column, l)) {
                    let weights = &weight[(channel * self.n_taps() + tap) * self.n_outputs..];
                    for weight in &weights[..self.n_outputs] {
                        *dx += 0.0 * weight;
                    }
                }
            }
        }
    }
}

/// Lanes of the widest vectors.
struct NumberOfLanes;

impl WithSimd for NumberOfLanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

impl HostBackend {
    fn n_lanes(&self) -> usize {
        self.instructions.dispatch(NumberOfLanes)
    }
}

/// Floats of scratch space for parts of these lengths.
fn n_floats(lengths: &[usize]) -> usize {
    lengths
        .iter()
        .map(|n| n.next_multiple_of(super::GRANULARITY))
        .sum()
}

/// Parts of these lengths, each aligned for vectors.
#[inline(always)]
fn split_scratch<const N: usize>(mut scratch: &mut [f32], lengths: [usize; N]) -> [&mut [f32]; N] {
    lengths.map(|n| {
        let (part, rest) =
            std::mem::take(&mut scratch).split_at_mut(n.next_multiple_of(super::GRANULARITY));
        scratch = rest;
        &mut part[..n]
    })
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use super::super::instruction_sets;
    use super::*;
    use crate::backend::{Activation, Memory, Window};

    /// Small integers, whose products and sums have no rounding error in `f32`.
    fn values(n: usize, seed: usize) -> Vec<f32> {
        (seed..seed + n)
            .map(|i| (i * i % 23) as f32 - 11.0)
            .collect()
    }

    /// The indices of all terms: in `y`, in `x` and in the weight. In the padding there is none.
    fn terms(shape: ConvolutionShape) -> Vec<[usize; 3]> {
        let [n_rows, n_columns] = shape.output().unwrap();
        let [height, width] = shape.image;
        let Window {
            size,
            stride,
            padding,
        } = shape.window;
        let mut terms = Vec::new();
        for y in 0..shape.n_rows * shape.n_outputs * n_rows * n_columns {
            let (place, output) = (y % (n_rows * n_columns), y / (n_rows * n_columns));
            let (i, j) = (place / n_columns, place % n_columns);
            let (b, o) = (output / shape.n_outputs, output % shape.n_outputs);
            for tap in 0..shape.depth() {
                let (c, k, l) = (
                    tap / (size[0] * size[1]),
                    tap / size[1] % size[0],
                    tap % size[1],
                );
                let row = (i * stride[0] + k).wrapping_sub(padding[0]);
                let column = (j * stride[1] + l).wrapping_sub(padding[1]);
                if row < height && column < width {
                    let x = ((b * shape.n_channels + c) * height + row) * width + column;
                    terms.push([y, x, tap * shape.n_outputs + o]);
                }
            }
        }
        terms
    }

    fn check(backend: &HostBackend, shape: ConvolutionShape) {
        let shapes = shape.buffer_shapes(Operation("test")).unwrap();
        let [x, weight, y] =
            [shapes.x, shapes.weight, shapes.y].map(|shape| shape.iter().product::<usize>());
        let (x, weight, dy) = (values(x, 0), values(weight, 5), values(y, 9));
        let bias = values(shape.n_outputs, 2);
        let n_places = shapes.y[2] * shapes.y[3];
        let output_of = |y: usize| y / n_places % shape.n_outputs;
        let mut expected_y: Vec<f32> = (0..y).map(|y| bias[output_of(y)]).collect();
        let mut expected_dx = vec![0.0; x.len()];
        let mut expected_dweight = vec![0.0; weight.len()];
        for [y, pixel, tap] in terms(shape) {
            expected_y[y] += weight[tap] * x[pixel];
            expected_dx[pixel] += weight[tap] * dy[y];
            expected_dweight[tap] += x[pixel] * dy[y];
        }
        let mut expected_dbias = vec![0.0; bias.len()];
        for (y, dy) in dy.iter().enumerate() {
            expected_dbias[output_of(y)] += dy;
        }

        let upload = |values: &[f32]| backend.upload_floats(values).unwrap();
        let anything = |n: usize| upload(&vec![f32::NAN; n]);
        let (mut y, mut dx) = (anything(y), anything(x.len()));
        let (mut dweight, mut dbias) = (anything(weight.len()), anything(bias.len()));
        let (x, weight, bias, dy) = (upload(&x), upload(&weight), upload(&bias), upload(&dy));
        let forward = ConvolutionForward {
            x: &x,
            weight: &weight,
            bias: &bias,
            activation: Activation::Identity,
            y: &mut y,
            shape,
        };
        backend.convolution_forward(forward).unwrap();
        let backward_input = ConvolutionBackwardInput {
            dy: &dy,
            weight: &weight,
            dx: &mut dx,
            shape,
        };
        backend.convolution_backward_input(backward_input).unwrap();
        let backward_weight = ConvolutionBackwardWeight {
            x: &x,
            dy: &dy,
            dweight: &mut dweight,
            dbias: &mut dbias,
            shape,
        };
        backend
            .convolution_backward_weight(backward_weight)
            .unwrap();
        for (name, actual, expected) in [
            ("y", y, expected_y),
            ("dx", dx, expected_dx),
            ("dweight", dweight, expected_dweight),
            ("dbias", dbias, expected_dbias),
        ] {
            assert_eq!(
                *actual,
                *expected,
                "{name} of {shape:?}, {:?}, {} threads",
                backend.instructions,
                backend.n_threads()
            );
        }
    }

    #[test]
    fn convolutions_are_exact_where_rounding_is_not_at_work() {
        for instructions in instruction_sets() {
            for n_threads in 1..=3 {
                let backend = HostBackend {
                    instructions,
                    ..HostBackend::new(NonZero::new(n_threads)).unwrap()
                };
                for ([n_rows, n_channels, height, width, n_outputs], size, stride, padding) in [
                    // Fewer images than lanes, as many, and more; tiles of 8, 4, 2 and 1.
                    ([1, 1, 5, 5, 15], [3, 3], [1, 1], [0, 0]),
                    ([4, 15, 3, 4, 9], [2, 1], [1, 1], [1, 0]),
                    ([16, 3, 4, 5, 8], [1, 3], [1, 1], [0, 2]),
                    ([19, 2, 5, 4, 3], [2, 2], [2, 1], [1, 1]),
                    ([35, 9, 3, 3, 17], [3, 3], [1, 1], [1, 1]),
                    // Bands of more and of fewer places than there are; strides that pass over pixels.
                    ([2, 3, 13, 12, 5], [5, 5], [1, 1], [0, 0]),
                    ([3, 2, 4, 70, 2], [2, 2], [1, 5], [0, 1]),
                    ([5, 1, 11, 9, 4], [4, 3], [3, 2], [2, 1]),
                ] {
                    let window = Window {
                        size,
                        stride,
                        padding,
                    };
                    let shape = ConvolutionShape {
                        n_rows,
                        n_channels,
                        image: [height, width],
                        n_outputs,
                        window,
                    };
                    check(&backend, shape);
                }
            }
        }
    }
}
