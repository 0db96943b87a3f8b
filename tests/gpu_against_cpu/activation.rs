//! Activation functions.

use cpu::backend::Activation;

use crate::buffers::{generator, input, output, read, uniform};
use crate::compare::{Output, SMALLEST_NORMAL, UNIT, wide};
use crate::dense::N_ACTIVATION_ROUNDINGS;
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

const ACTIVATIONS: [Activation; 9] = [
    Activation::Identity,
    Activation::Relu,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::LEAKY_RELU,
    Activation::LeakyRelu(-0.5),
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Silu,
];

/// Errors of an activation in roundings of its value: its own, and those of the exponent of what it
/// falls off like, which become relative ones.
fn n_roundings(activation: Activation, x: f64) -> f64 {
    let exponent = match activation {
        Activation::Gelu => 0.5 * x * x,
        Activation::GeluTanh => 4.0 * reference::gelu_exponent(x).abs(),
        _ => 0.0,
    };
    // Beyond, the value is 0.
    N_ACTIVATION_ROUNDINGS + exponent.min(512.0)
}

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
                let (expected, limit) = wide(&x)
                    .into_iter()
                    .map(|x| {
                        let y = reference::activation(activation, x);
                        let limit = n_roundings(activation, x) * UNIT * y.abs();
                        (y, limit + SMALLEST_NORMAL)
                    })
                    .unzip();
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
                let is_curved = matches!(activation, Activation::Sigmoid | Activation::Tanh);
                // What these two give: -1 to 1; anything where the input is asked for, or either.
                let mut known = uniform(random, n, if is_curved { 1.0 } else { 9.0 });
                let mut gradient = uniform(random, n, 5.0);
                if !is_curved {
                    known
                        .iter_mut()
                        .zip(SPECIAL)
                        .for_each(|(known, special)| *known = special);
                }
                let specials = SPECIAL.into_iter().rev();
                gradient
                    .iter_mut()
                    .zip(specials)
                    .for_each(|(g, special)| *g = special);
                let mut buffer = output(backend, &gradient)?;
                backend.activation_backward(
                    activation,
                    &input(backend, &known)?,
                    &mut buffer,
                    n,
                )?;
                let (expected, limit) = wide(&known)
                    .into_iter()
                    .zip(wide(&gradient))
                    .map(|(known, gradient)| {
                        let expected = reference::activation_backward(activation, known, gradient);
                        (expected, backward_limit(activation, known, gradient))
                    })
                    .unzip();
                let actual = read(backend, &name, &buffer)?;
                outputs.push(Output::new(name, actual, expected, limit));
            }
        }
        Ok(outputs)
    });
}

fn backward_limit(activation: Activation, known: f64, gradient: f64) -> f64 {
    let gradient = gradient.abs();
    match activation {
        Activation::Identity | Activation::Relu => 0.0,
        // One of the two derivatives is 1, the other one is multiplied once.
        Activation::LeakyRelu(_) => UNIT * gradient + SMALLEST_NORMAL,
        // These derivatives are at most 1, and rounded four times at most.
        Activation::Sigmoid | Activation::Tanh => 4.0 * UNIT * gradient + SMALLEST_NORMAL,
        Activation::Gelu | Activation::GeluTanh | Activation::Silu => {
            let [value, change] = reference::derivative_terms(activation, known).map(f64::abs);
            // Twice: for the two factors of the second term.
            let n_roundings = 2.0 * n_roundings(activation, known);
            gradient * (n_roundings * UNIT * (value + change) + SMALLEST_NORMAL) + SMALLEST_NORMAL
        }
    }
}
