//! Models by name. All take images, `[C, H, W]`, or rows of numbers, and give a logit for each class.

use super::{Architecture, Initializer};
use crate::backend::{Activation, Window};

/// One dense layer.
pub fn linear(input: &[usize], n_classes: usize, initializer: Initializer) -> Architecture {
    flattened(Architecture::new(input, initializer)).dense(n_classes)
}

/// A multilayer perceptron: dense layers with `hidden` outputs, each followed by the `activation`, and
/// a last one that gives a logit for each of `n_classes`. Without hidden layers it is linear.
pub fn mlp(
    input: &[usize],
    hidden: &[usize],
    n_classes: usize,
    activation: Activation,
    initializer: Initializer,
) -> Architecture {
    mlp_with_dropout(input, hidden, n_classes, activation, 0.0, initializer)
}

/// A [multilayer perceptron](mlp) with dropout behind each hidden layer, if its probability is not 0.
pub fn mlp_with_dropout(
    input: &[usize],
    hidden: &[usize],
    n_classes: usize,
    activation: Activation,
    dropout: f32,
    initializer: Initializer,
) -> Architecture {
    let mut model = flattened(Architecture::new(input, initializer));
    for &n_outputs in hidden {
        model = model.dense(n_outputs).activation(activation);
        model = with_dropout(model, dropout);
    }
    model.dense(n_classes)
}

/// After LeCun et al., "Gradient-based learning applied to document recognition" (1998), with maxima
/// and ReLU: two convolutions of 5 x 5, of 16 and 32 channels, each with pooling, and two dense layers.
pub fn lenet(input: &[usize], n_classes: usize, initializer: Initializer) -> Architecture {
    let mut model = Architecture::new(input, initializer);
    for n_channels in [16, 32] {
        model = model
            .conv2d(n_channels, Window::square(5))
            .activation(Activation::Relu)
            .max_pool2d(Window::square(2).stride(2));
    }
    model
        .flatten()
        .dense(128)
        .activation(Activation::Relu)
        .dense(n_classes)
}

/// A convolutional network for good results at low cost, about 6 million multiplications for an image
/// of 28 x 28 pixels: five convolutions in three stages, of 16, 32 and 64 channels, with batch
/// normalization, and two dense layers with dropout between them.
pub fn cnn(
    input: &[usize],
    n_classes: usize,
    dropout: f32,
    initializer: Initializer,
) -> Architecture {
    let mut model = Architecture::new(input, initializer);
    for (n_channels, side, n_convolutions) in [(16, 5, 1), (32, 3, 2), (64, 3, 2)] {
        for _ in 0..n_convolutions {
            // Padding keeps the image's size.
            model = model
                .conv2d(n_channels, Window::square(side).padding(side / 2))
                .batch_norm()
                .activation(Activation::Relu);
        }
        model = model.max_pool2d(Window::square(2).stride(2));
    }
    model = with_dropout(model.flatten(), dropout)
        .dense(128)
        .batch_norm()
        .activation(Activation::Relu);
    with_dropout(model, dropout).dense(n_classes)
}

/// Dense layers take rows of numbers.
fn flattened(model: Architecture) -> Architecture {
    match model.input.len() {
        1 => model,
        _ => model.flatten(),
    }
}

fn with_dropout(model: Architecture, probability: f32) -> Architecture {
    match probability {
        0.0 => model,
        _ => model.dropout(probability),
    }
}
