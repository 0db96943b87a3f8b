//! Convolutions.

use cpu::backend::{Activation, ConvolutionShape, Memory, Window};
use cpu::nn::{Backward, Conv2d, Forward, Layer, Mode};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use super::reference::{self, convolution};
use super::{
    DIFFERENCE_LIMIT, SINGLE_LIMIT, STEP, assert_close, backend, differences, download, draw,
    narrow, upload, weighted_sum,
};

/// B, C, H, W and O; size, stride and padding of the window.
const SHAPES: [([usize; 5], [[usize; 2]; 3]); 5] = [
    ([1, 1, 1, 1, 1], [[1, 1], [1, 1], [0, 0]]),
    ([3, 2, 5, 4, 3], [[3, 2], [1, 1], [0, 0]]),
    ([2, 3, 4, 5, 2], [[3, 3], [1, 1], [1, 1]]),
    ([2, 1, 7, 6, 5], [[2, 3], [2, 1], [1, 0]]),
    ([1, 2, 6, 7, 3], [[2, 2], [3, 2], [0, 1]]),
];

#[test]
fn convolution_layers() {
    let backend = backend();
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for ([n_rows, n_channels, height, width, n_outputs], [size, stride, padding]) in SHAPES {
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
        for activation in [Activation::Identity, Activation::Sigmoid, Activation::Relu] {
            let what = |name: &str| format!("{shape:?}, {activation:?}: {name}");
            let x = draw(n_rows * n_channels * height * width, &mut random);
            let weight = draw(shape.depth() * n_outputs, &mut random);
            let bias = draw(n_outputs, &mut random);
            let forward = |x: &[f64], weight: &[f64], bias: &[f64]| -> Vec<f64> {
                let sums = convolution::forward(shape, x, weight, bias);
                sums.into_iter()
                    .map(|sum| reference::activation(activation, sum))
                    .collect()
            };
            let y = forward(&x, &weight, &bias);
            let dy = draw(y.len(), &mut random);
            let backward = |(&y, &dy)| reference::activation_backward(activation, y, dy);
            let dsum: Vec<f64> = y.iter().zip(&dy).map(backward).collect();
            let dx = convolution::backward_input(shape, &dsum, &weight);
            let dweight = convolution::backward_weight(shape, &x, &dsum);
            let dbias = convolution::backward_bias(shape, &dsum);

            let by_x = differences(&x, |x| weighted_sum(&dy, &forward(x, &weight, &bias)));
            assert_close(&what("reference dx"), &dx, &by_x, DIFFERENCE_LIMIT);
            let by_weight = differences(&weight, |weight| {
                weighted_sum(&dy, &forward(&x, weight, &bias))
            });
            assert_close(
                &what("reference dweight"),
                &dweight,
                &by_weight,
                DIFFERENCE_LIMIT,
            );
            let by_bias = differences(&bias, |bias| weighted_sum(&dy, &forward(&x, &weight, bias)));
            assert_close(&what("reference dbias"), &dbias, &by_bias, DIFFERENCE_LIMIT);

            // A layer takes its weight as PyTorch has it, outputs first.
            let depth = shape.depth();
            let outputs_first: Vec<f64> = (0..weight.len())
                .map(|idx| weight[idx % depth * n_outputs + idx / depth])
                .collect();
            let mut layer = Conv2d::with_values(
                &backend,
                [n_channels, height, width],
                n_outputs,
                window,
                activation,
                &narrow(&outputs_first),
                &narrow(&bias),
            )
            .unwrap();
            let mut device_y = backend.zeros(y.len()).unwrap();
            let mut device_dx = backend.zeros(x.len()).unwrap();
            let (x, mut dy) = (upload(&backend, &x), upload(&backend, &dy));
            let pass = Forward {
                x: &x,
                y: &mut device_y,
                n_rows,
                mode: Mode::Training(STEP),
            };
            layer.forward(&backend, pass).unwrap();
            let pass = Backward {
                x: &x,
                y: &device_y,
                dy: &mut dy,
                dx: Some(&mut device_dx),
                n_rows,
                step: STEP,
            };
            layer.backward(&backend, pass).unwrap();
            assert_close(&what("y"), &download(&backend, &device_y), &y, SINGLE_LIMIT);
            assert_close(
                &what("dx"),
                &download(&backend, &device_dx),
                &dx,
                SINGLE_LIMIT,
            );
            for (parameter, expected) in layer.parameters().iter().zip([&dweight, &dbias]) {
                let actual = download(&backend, &parameter.gradient);
                assert_close(&what(parameter.name), &actual, expected, SINGLE_LIMIT);
            }
        }
    }
}
