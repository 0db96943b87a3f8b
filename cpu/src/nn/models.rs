//! Models by name.

use super::{Architecture, Initializer};
use crate::backend::Activation;

/// A multilayer perceptron: dense layers with `hidden` outputs, each followed by the `activation`, and
/// a last one that gives a logit for each of `n_classes`. Without hidden layers it is linear.
pub fn mlp(
    input: &[usize],
    hidden: &[usize],
    n_classes: usize,
    activation: Activation,
    initializer: Initializer,
) -> Architecture {
    let mut model = Architecture::new(input, initializer);
    if input.len() > 1 {
        model = model.flatten();
    }
    for &n_outputs in hidden {
        model = model.dense(n_outputs).activation(activation);
    }
    model.dense(n_classes)
}
