//! Activation functions.

use cpu::backend::Activation;

use crate::buffers::{generator, input, output, read, uniform};
use crate::compare::{Output, SMALLEST_NORMAL, UNIT, wide};
use crate::dense::{ACTIVATIONS, N_ACTIVATION_ROUNDINGS};
use crate::devices::devices;
use crate::reference;

/// Lengths around a vector, a warp and a block.
pub const LENGTHS: [usize; 16] = [
    0, 1, 2, 3, 4, 5, 7, 8, 31, 255, 256, 257, 1021, 1023, 1024, 1028,
];

const SPECIAL: [f32; 14] = [
    f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    0.0,
    -0.0,
    1e-40,
    -1e-40,
    1e-8,
    -1e-8,
    88.9,
    -88.9,
    3e38,
    -3e38,
    -103.5,
];

#[test]
fn activation_forward() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, n) in LENGTHS.into_iter().enumerate() {
            let random = &mut generator(idx as u64);
            let mut x = uniform(random, n, if idx % 2 == 0 { 3.0 } else { 30.0 });
            x.iter_mut()
                .zip(SPECIAL)
                .for_each(|(x, special)| *x = special);
            for activation in ACTIVATIONS {
                let name = format!("activation_forward, {activation:?}, {n}");
                let mut y = output(backend, &vec![f32::NAN; n])?;
                backend.activation_forward(activation, &input(backend, &x)?, &mut y, n)?;
                let expected: Vec<f64> = wide(&x)
                    .into_iter()
                    .map(|x| reference::activation(activation, x))
                    .collect();
                let limit = expected
                    .iter()
                    .map(|y| N_ACTIVATION_ROUNDINGS * UNIT * y.abs() + SMALLEST_NORMAL)
                    .collect();
                let actual = read(backend, &name, &y)?;
                outputs.push(Output::new(name, actual, expected, limit));
            }
        }
        Ok(outputs)
    });
}

#[test]
fn activation_backward() {
    on_each!(devices(), |backend| {
        let mut outputs = Vec::new();
        for (idx, n) in LENGTHS.into_iter().enumerate() {
            for activation in ACTIVATIONS {
                let name = format!("activation_backward, {activation:?}, {n}");
                let random = &mut generator(idx as u64);
                // What activations give: -1 to 1, or anything for those that are piecewise linear.
                let mut y = uniform(random, n, 1.0);
                let mut gradient = uniform(random, n, 5.0);
                let is_piecewise_linear =
                    matches!(activation, Activation::Identity | Activation::Relu);
                if is_piecewise_linear {
                    y.iter_mut()
                        .zip(SPECIAL)
                        .for_each(|(y, special)| *y = special);
                }
                let specials = SPECIAL.into_iter().rev();
                gradient
                    .iter_mut()
                    .zip(specials)
                    .for_each(|(g, special)| *g = special);
                let mut buffer = output(backend, &gradient)?;
                backend.activation_backward(activation, &input(backend, &y)?, &mut buffer, n)?;
                let (y, gradient) = (wide(&y), wide(&gradient));
                let expected = y
                    .iter()
                    .zip(&gradient)
                    .map(|(&y, &g)| reference::activation_backward(activation, y, g))
                    .collect();
                // Two of the derivatives are 0 or 1. The others are at most 1, and rounded four times at
                // most.
                let limit = gradient
                    .iter()
                    .map(|gradient| {
                        if is_piecewise_linear {
                            0.0
                        } else {
                            4.0 * UNIT * gradient.abs() + SMALLEST_NORMAL
                        }
                    })
                    .collect();
                let actual = read(backend, &name, &buffer)?;
                outputs.push(Output::new(name, actual, expected, limit));
            }
        }
        Ok(outputs)
    });
}
