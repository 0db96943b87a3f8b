//! Pooling.

use cpu::backend::{Pooling, PoolingBackward, PoolingForward, PoolingShape, Window};
use rand::RngExt;

use crate::buffers::{generator, input, output, read, uniform};
use crate::compare::{Output, absolute, wide};
use crate::dense::sum_limit;
use crate::devices::devices;
use crate::reference;

/// The shapes of the usual networks, small; windows that overlap, leave gaps, lie on padding, cover
/// the whole image or stop short of its edge; images of one pixel; no images; several blocks.
fn shapes() -> Vec<PoolingShape> {
    let squares_of_two = Window::square(2).stride(2);
    let rectangle = Window {
        size: [3, 2],
        stride: [1, 3],
        padding: [2, 0],
    };
    [
        (2, 3, [24, 24], squares_of_two),
        (3, 5, [8, 8], squares_of_two),
        (2, 1, [7, 7], squares_of_two),
        (1, 2, [2, 3], squares_of_two),
        (1, 3, [5, 20], squares_of_two),
        (0, 3, [4, 4], squares_of_two),
        (3, 0, [4, 4], squares_of_two),
        (1, 1, [1, 1], Window::square(1)),
        (2, 2, [9, 11], Window::square(2)),
        (1, 2, [13, 17], Window::square(3).stride(2).padding(1)),
        (2, 1, [6, 5], Window::square(3).padding(1)),
        (1, 3, [10, 10], Window::square(2).stride(3)),
        (
            2,
            2,
            [7, 5],
            Window {
                size: [7, 5],
                ..Window::square(1)
            },
        ),
        (1, 1, [1, 2], Window::square(5).padding(4)),
        (2, 3, [6, 11], rectangle),
    ]
    .map(|(n_rows, n_channels, image, window)| PoolingShape {
        n_rows,
        n_channels,
        image,
        window,
    })
    .to_vec()
}

/// Few different numbers, so that many windows have several largest; NaN, infinities and both zeros
/// among them.
fn pixels(seed: u64, n: usize) -> Vec<f32> {
    let random = &mut generator(seed);
    let mut x: Vec<f32> = (0..n)
        .map(|_| random.random_range(-3..3) as f32 * 0.25)
        .collect();
    let special = [
        f32::NAN,
        f32::NEG_INFINITY,
        f32::INFINITY,
        -0.0,
        f32::NEG_INFINITY,
    ];
    for special in special {
        if n > 50 {
            x[random.random_range(0..n)] = special;
        }
    }
    x
}

fn n_pixels(shape: PoolingShape, [n_rows, n_columns]: [usize; 2]) -> usize {
    shape.n_rows * shape.n_channels * n_rows * n_columns
}

#[test]
fn pooling_forward() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, shape) in shapes().into_iter().enumerate() {
            for pooling in [Pooling::Max, Pooling::Average] {
                let name = format!("pooling_forward, {pooling:?}, {shape:?}");
                let x = pixels(idx as u64, n_pixels(shape, shape.image));
                let mut y = output(backend, &vec![f32::NAN; n_pixels(shape, shape.output()?)])?;
                backend.pooling_forward(PoolingForward {
                    pooling,
                    x: &input(backend, &x)?,
                    y: &mut y,
                    shape,
                })?;
                let x = wide(&x);
                let expected = reference::pooling_forward(pooling, shape, &x);
                let limit = match pooling {
                    Pooling::Max => vec![0.0; expected.len()],
                    Pooling::Average => {
                        let n = shape.window.size[0] * shape.window.size[1];
                        sum_limit(n, reference::pooling_forward(pooling, shape, &absolute(&x)))
                    }
                };
                let actual = read(backend, &name, &y)?;
                outputs.push(Output::new(name, actual, expected, limit));
            }
        }
        Ok(outputs)
    });
}

#[test]
fn pooling_backward() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, shape) in shapes().into_iter().enumerate() {
            for pooling in [Pooling::Max, Pooling::Average] {
                let name = format!("pooling_backward, {pooling:?}, {shape:?}");
                let x = pixels(idx as u64, n_pixels(shape, shape.image));
                let n_outputs = n_pixels(shape, shape.output()?);
                let dy = uniform(&mut generator(idx as u64 + 100), n_outputs, 2.0);
                let mut dx = output(backend, &vec![f32::NAN; x.len()])?;
                backend.pooling_backward(PoolingBackward {
                    pooling,
                    x: &input(backend, &x)?,
                    dy: &input(backend, &dy)?,
                    dx: &mut dx,
                    shape,
                })?;
                let (x, dy) = (wide(&x), wide(&dy));
                let expected = reference::pooling_backward(pooling, shape, &x, &dy);
                // A pixel adds up the gradients of the places at which the window covers it.
                let n = shape.window.size[0] * shape.window.size[1];
                let magnitudes = reference::pooling_backward(pooling, shape, &x, &absolute(&dy));
                let actual = read(backend, &name, &dx)?;
                outputs.push(Output::new(
                    name,
                    actual,
                    expected,
                    sum_limit(n, magnitudes),
                ));
            }
        }
        Ok(outputs)
    });
}
