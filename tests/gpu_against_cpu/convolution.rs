//! Convolutions.

use cpu::Result;
use cpu::backend::{
    Activation, Backend, ConvolutionBackwardInput, ConvolutionBackwardWeight, ConvolutionForward,
    ConvolutionShape, Window,
};
use rand::RngExt;

use crate::buffers::{generator, input, output, read, uniform};
use crate::compare::{Output, UNIT, absolute, wide};
use crate::dense::{ACTIVATIONS, N_ACTIVATION_ROUNDINGS, sum_limit};
use crate::devices::{Device, devices, devices_and_versions};
use crate::reference::{self, convolution};

fn shape(
    [n_rows, n_channels, height, width, n_outputs]: [usize; 5],
    size: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
) -> ConvolutionShape {
    ConvolutionShape {
        n_rows,
        n_channels,
        image: [height, width],
        n_outputs,
        window: Window {
            size,
            stride,
            padding,
        },
    }
}

/// B, C, H, W, O; size, stride and padding of the window.
fn shapes() -> Vec<ConvolutionShape> {
    let mut shapes = vec![
        // Nothing to do, and next to nothing.
        shape([0, 2, 4, 5, 3], [3, 2], [1, 1], [0, 0]),
        shape([1, 1, 1, 1, 1], [1, 1], [1, 1], [0, 0]),
        shape([2, 1, 3, 3, 1], [3, 3], [1, 1], [2, 2]),
        // A window of one pixel, which is a matrix product.
        shape([3, 7, 5, 3, 9], [1, 1], [1, 1], [0, 0]),
        shape([2, 3, 7, 5, 5], [1, 1], [2, 3], [0, 0]),
        // Each side, stride and padding by itself.
        shape([3, 2, 7, 11, 5], [3, 5], [1, 1], [0, 0]),
        shape([2, 3, 7, 5, 3], [5, 2], [1, 1], [4, 1]),
        shape([3, 3, 8, 5, 7], [3, 3], [2, 1], [1, 1]),
        shape([1, 5, 9, 13, 2], [2, 3], [3, 2], [0, 2]),
        shape([3, 1, 13, 10, 6], [4, 4], [3, 3], [2, 1]),
        // Strides that pass over pixels.
        shape([2, 2, 9, 8, 3], [1, 2], [3, 3], [0, 1]),
        // Rows of the output that are whole vectors, and images that are.
        shape([2, 4, 6, 10, 8], [3, 3], [1, 1], [0, 0]),
        shape([4, 3, 4, 4, 12], [3, 3], [1, 1], [1, 1]),
        // Around the tiles of a device, in outputs, depth and places, and around the vectors of the CPU
        // in rows.
        shape([15, 1, 3, 3, 31], [3, 3], [1, 1], [1, 1]),
        shape([16, 1, 4, 3, 32], [3, 2], [1, 1], [0, 0]),
        shape([17, 1, 3, 3, 33], [2, 2], [1, 1], [0, 0]),
        shape([33, 11, 2, 2, 8], [2, 2], [1, 1], [0, 1]),
        shape([1, 32, 3, 2, 17], [3, 2], [1, 1], [1, 0]),
        // Several tiles in each direction.
        shape([5, 6, 4, 4, 35], [2, 3], [1, 1], [0, 1]),
        shape([1, 130, 3, 3, 2], [2, 2], [1, 1], [0, 0]),
        shape([3, 1, 8, 9, 130], [2, 3], [1, 1], [0, 0]),
    ];
    let mut random = generator(1);
    for _ in 0..4 {
        let mut draw = |range: std::ops::RangeInclusive<usize>| random.random_range(range);
        let size = [draw(1..=4), draw(1..=4)];
        shapes.push(shape(
            [
                draw(1..=9),
                draw(1..=4),
                draw(4..=7),
                draw(4..=7),
                draw(1..=9),
            ],
            size,
            [draw(1..=3), draw(1..=3)],
            size.map(|side| draw(0..=side - 1)),
        ));
    }
    shapes
}

/// A device may compute a sum over places in as many parts as this, and add these: roundings beyond one
/// for each term.
const N_PARTS: usize = 64;

/// `x`, `weight`, `bias` and `dy` of a convolution.
struct Data {
    x: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    dy: Vec<f32>,
}

impl Data {
    fn draw(shape: ConvolutionShape, seed: u64) -> Data {
        let random = &mut generator(seed);
        let [height, width] = shape.image;
        let n_pixels: usize = convolution::output(shape).iter().product();
        Data {
            x: uniform(
                random,
                shape.n_rows * shape.n_channels * height * width,
                1.0,
            ),
            weight: uniform(random, shape.depth() * shape.n_outputs, 0.5),
            bias: uniform(random, shape.n_outputs, 2.0),
            dy: uniform(random, shape.n_rows * shape.n_outputs * n_pixels, 1.0),
        }
    }

    fn forward<B: Backend>(
        &self,
        backend: &B,
        shape: ConvolutionShape,
        activation: Activation,
    ) -> Result<Output> {
        let name = format!("convolution_forward, {activation:?}, {shape:?}");
        let mut y = output(backend, &vec![f32::NAN; self.dy.len()])?;
        backend.convolution_forward(ConvolutionForward {
            x: &input(backend, &self.x)?,
            weight: &input(backend, &self.weight)?,
            bias: &input(backend, &self.bias)?,
            activation,
            y: &mut y,
            shape,
        })?;
        let [x, weight, bias] = [&self.x, &self.weight, &self.bias].map(|values| wide(values));
        let expected: Vec<f64> = convolution::forward(shape, &x, &weight, &bias)
            .into_iter()
            .map(|sum| reference::activation(activation, sum))
            .collect();
        let magnitudes =
            convolution::forward(shape, &absolute(&x), &absolute(&weight), &absolute(&bias));
        // No activation is steeper than 1, so the sum's error does not grow.
        let limit = sum_limit(shape.depth(), magnitudes)
            .into_iter()
            .zip(&expected)
            .map(|(limit, expected)| limit + N_ACTIVATION_ROUNDINGS * UNIT * expected.abs())
            .collect();
        let actual = read(backend, &name, &y)?;
        Ok(Output::new(name, actual, expected, limit))
    }

    fn backward_input<B: Backend>(&self, backend: &B, shape: ConvolutionShape) -> Result<Output> {
        let name = format!("convolution_backward_input, {shape:?}");
        let mut dx = output(backend, &vec![f32::NAN; self.x.len()])?;
        backend.convolution_backward_input(ConvolutionBackwardInput {
            dy: &input(backend, &self.dy)?,
            weight: &input(backend, &self.weight)?,
            dx: &mut dx,
            shape,
        })?;
        let [dy, weight] = [&self.dy, &self.weight].map(|values| wide(values));
        let expected = convolution::backward_input(shape, &dy, &weight);
        let magnitudes = convolution::backward_input(shape, &absolute(&dy), &absolute(&weight));
        let actual = read(backend, &name, &dx)?;
        let depth = shape.n_outputs * shape.window.size.iter().product::<usize>();
        Ok(Output::new(
            name,
            actual,
            expected,
            sum_limit(depth, magnitudes),
        ))
    }

    fn backward_weight<B: Backend>(
        &self,
        backend: &B,
        shape: ConvolutionShape,
    ) -> Result<[Output; 2]> {
        let name = format!("convolution_backward_weight, {shape:?}");
        let mut dweight = output(backend, &vec![f32::NAN; self.weight.len()])?;
        let mut dbias = output(backend, &vec![f32::NAN; shape.n_outputs])?;
        backend.convolution_backward_weight(ConvolutionBackwardWeight {
            x: &input(backend, &self.x)?,
            dy: &input(backend, &self.dy)?,
            dweight: &mut dweight,
            dbias: &mut dbias,
            shape,
        })?;
        let [x, dy] = [&self.x, &self.dy].map(|values| wide(values));
        let depth = N_PARTS + self.dy.len() / shape.n_outputs;
        let expected = convolution::backward_weight(shape, &x, &dy);
        let magnitudes = convolution::backward_weight(shape, &absolute(&x), &absolute(&dy));
        let actual = read(backend, &name, &dweight)?;
        let weight_output =
            Output::new(name.clone(), actual, expected, sum_limit(depth, magnitudes));

        let name = format!("{name}, bias");
        let expected = convolution::backward_bias(shape, &dy);
        let magnitudes = convolution::backward_bias(shape, &absolute(&dy));
        let actual = read(backend, &name, &dbias)?;
        let bias_output = Output::new(name, actual, expected, sum_limit(depth, magnitudes));
        Ok([weight_output, bias_output])
    }
}

#[test]
fn convolution_forward() {
    on_each!(devices_and_versions(), |backend| {
        let mut outputs = Vec::new();
        for (idx, shape) in shapes().into_iter().enumerate() {
            let data = Data::draw(shape, idx as u64);
            outputs.push(data.forward(backend, shape, ACTIVATIONS[idx % ACTIVATIONS.len()])?);
        }
        Ok(outputs)
    });
}

#[test]
fn convolution_backward_input() {
    on_each!(devices_and_versions(), |backend| {
        let mut outputs = Vec::new();
        for (idx, shape) in shapes().into_iter().enumerate() {
            outputs.push(Data::draw(shape, idx as u64).backward_input(backend, shape)?);
        }
        Ok(outputs)
    });
}

#[test]
fn convolution_backward_weight() {
    on_each!(devices_and_versions(), |backend| {
        let mut outputs = Vec::new();
        for (idx, shape) in shapes().into_iter().enumerate() {
            outputs.extend(Data::draw(shape, idx as u64).backward_weight(backend, shape)?);
        }
        Ok(outputs)
    });
}

/// NaN and infinities reach what they should and nothing else, zeros of the padding included, and
/// neither huge nor tiny numbers get lost.
#[test]
fn convolution_with_special_values() {
    on_each!(devices_and_versions(), |backend| {
        let mut outputs = Vec::new();
        for shape in [
            shape([2, 1, 4, 3, 2], [3, 3], [1, 1], [1, 1]),
            shape([1, 2, 5, 7, 3], [2, 3], [2, 3], [0, 1]),
        ] {
            let specials = [f32::NAN, f32::INFINITY, 1e18];
            for (idx, special) in specials.into_iter().enumerate() {
                let clean = Data::draw(shape, idx as u64);
                // In the middle, and at the last.
                let positions = |n: usize| [n / 2, n - 1];
                for position in 0..2 {
                    let mut data = Data::draw(shape, idx as u64);
                    data.x[positions(clean.x.len())[position]] = special;
                    outputs.push(data.forward(backend, shape, Activation::Relu)?);
                    outputs.extend(data.backward_weight(backend, shape)?);
                    let mut data = Data::draw(shape, idx as u64);
                    data.weight[positions(clean.weight.len())[position]] = special;
                    outputs.push(data.forward(backend, shape, Activation::Tanh)?);
                    outputs.push(data.backward_input(backend, shape)?);
                    let mut data = Data::draw(shape, idx as u64);
                    data.dy[positions(clean.dy.len())[position]] = special;
                    outputs.push(data.backward_input(backend, shape)?);
                    outputs.extend(data.backward_weight(backend, shape)?);
                }
            }
        }
        Ok(outputs)
    });
}

/// The error of a buffer that is too short, of a window that does not fit, and of no channels, is the
/// same on every device.
#[test]
fn wrong_convolutions_are_refused() {
    fn errors<B: Backend>(backend: &B) -> Result<Vec<String>> {
        // One image of 2x3 pixels to two outputs of one pixel.
        let right = shape([1, 1, 2, 3, 2], [2, 3], [1, 1], [0, 0]);
        let (five, twelve) = (backend.zeros(5)?, backend.zeros(12)?);
        let (mut one, mut other) = (backend.zeros(1)?, backend.zeros(12)?);
        let forward = |shape, y: &mut B::Floats| {
            backend.convolution_forward(ConvolutionForward {
                x: &twelve,
                weight: &twelve,
                bias: &five,
                activation: Activation::Identity,
                y,
                shape,
            })
        };
        let mut narrow = right;
        narrow.window.size = [2, 4];
        let mut silent = right;
        silent.n_outputs = 0;
        let results = [
            forward(right, &mut one),
            forward(narrow, &mut other),
            forward(silent, &mut other),
            backend.convolution_backward_input(ConvolutionBackwardInput {
                dy: &five,
                weight: &five,
                dx: &mut other,
                shape: right,
            }),
            backend.convolution_backward_weight(ConvolutionBackwardWeight {
                x: &twelve,
                dy: &five,
                dweight: &mut other,
                dbias: &mut one,
                shape: right,
            }),
        ];
        Ok(results
            .into_iter()
            .map(|result| result.unwrap_err().to_string())
            .collect())
    }
    let expected = [
        "convolution_forward: `y` holds 1 elements, its shape needs 2",
        "a window of 2x4 does not fit onto an image of 2x3 pixels",
        "convolution_forward: `n_outputs` is 0, it must be at least 1",
        "convolution_backward_input: `weight` holds 5 elements, its shape needs 12",
        "convolution_backward_weight: `dbias` holds 1 elements, its shape needs 2",
    ];
    for (name, device) in devices() {
        let errors = match &device {
            Device::Host(backend) => errors(backend),
            Device::Cuda(backend) => errors(&**backend),
        };
        assert_eq!(errors.unwrap(), expected, "{name}");
    }
}
