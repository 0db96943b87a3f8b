//! A model that is a chain of layers.

use std::fmt;

use rand::rngs::ChaCha8Rng;

use super::{Backward, Dense, Forward, Initializer, Layer, Parameter, Sgd};
use crate::backend::{Activation, Backend};
use crate::{Error, Result};

/// Layers one after the other, with the buffers that lie between them.
///
/// The buffers are made once, for the largest batch. The module's page has an example.
pub struct Sequential<B: Backend> {
    layers: Vec<Box<dyn Layer<B>>>,
    /// Output of each layer, `[max_rows, n_outputs]`.
    outputs: Vec<B::Floats>,
    /// Gradient of the loss by each layer's output, `[max_rows, n_outputs]`.
    gradients: Vec<B::Floats>,
    max_rows: usize,
}

impl<B: Backend> Sequential<B> {
    /// A model for batches of up to `max_rows`.
    ///
    /// # Errors
    ///
    /// If there is no layer, or one does not take what the one before it gives.
    pub fn new(backend: &B, max_rows: usize, layers: Vec<Box<dyn Layer<B>>>) -> Result<Self> {
        if layers.is_empty() {
            return Err(Error::Input("a model needs at least one layer".to_owned()));
        }
        for (index, pair) in layers.windows(2).enumerate() {
            let (n_outputs, n_inputs) = (pair[0].n_outputs(), pair[1].n_inputs());
            if n_outputs != n_inputs {
                return Err(Error::Input(format!(
                    "layer {} ({}) gives {n_outputs} values, layer {} ({}) takes {n_inputs}",
                    index + 1,
                    pair[0].describe(),
                    index + 2,
                    pair[1].describe()
                )));
            }
        }
        let buffers = || -> Result<Vec<B::Floats>> {
            layers
                .iter()
                .map(|layer| backend.zeros(max_rows * layer.n_outputs()))
                .collect()
        };
        Ok(Sequential {
            outputs: buffers()?,
            gradients: buffers()?,
            layers,
            max_rows,
        })
    }

    /// Values that a row of the input has.
    pub fn n_inputs(&self) -> usize {
        self.layers[0].n_inputs()
    }

    /// Values that a row of the output has.
    pub fn n_outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].n_outputs()
    }

    /// Rows that the largest batch may have.
    pub fn max_rows(&self) -> usize {
        self.max_rows
    }

    /// The parameters of all layers, from the first to the last.
    pub fn parameters(&self) -> impl Iterator<Item = &Parameter<B>> {
        self.layers.iter().flat_map(|layer| layer.parameters())
    }

    /// The parameters of all layers, from the first to the last.
    pub fn parameters_mut(&mut self) -> impl Iterator<Item = &mut Parameter<B>> {
        self.layers
            .iter_mut()
            .flat_map(|layer| layer.parameters_mut())
    }

    /// Number of values that are trained.
    pub fn n_parameters(&self) -> usize {
        self.parameters().map(Parameter::n).sum()
    }

    /// Computes the output, `[n_rows, n_outputs]`, for `x`, `[n_rows, n_inputs]`.
    ///
    /// # Errors
    ///
    /// If the batch is larger than the largest that the model was made for.
    pub fn forward(&mut self, backend: &B, x: &B::Floats, n_rows: usize) -> Result<&B::Floats> {
        if n_rows > self.max_rows {
            return Err(Error::Shape {
                operation: "forward",
                buffer: "outputs",
                expected: n_rows * self.n_outputs(),
                actual: self.max_rows * self.n_outputs(),
            });
        }
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let (before, after) = self.outputs.split_at_mut(index);
            let x = before.last().unwrap_or(x);
            layer.forward(
                backend,
                Forward {
                    x,
                    y: &mut after[0],
                    n_rows,
                },
            )?;
        }
        Ok(&self.outputs[self.layers.len() - 1])
    }

    /// The output of the last forward pass, and where the loss puts the gradient by it.
    pub fn output_and_gradient(&mut self) -> (&B::Floats, &mut B::Floats) {
        let last = self.layers.len() - 1;
        (&self.outputs[last], &mut self.gradients[last])
    }

    /// Computes the gradients by all parameters, after [`Self::forward`] with the same `x` and
    /// after the loss has set the gradient by the output.
    pub fn backward(&mut self, backend: &B, x: &B::Floats, n_rows: usize) -> Result<()> {
        self.each_backward(x, n_rows, |layer, pass| layer.backward(backend, pass))
    }

    /// [`Self::backward`] and [`Self::step`] in one, a layer at a time. What the gradients by the
    /// parameters hold afterwards has no meaning.
    pub fn backward_and_step(
        &mut self,
        backend: &B,
        x: &B::Floats,
        n_rows: usize,
        optimizer: &Sgd,
    ) -> Result<()> {
        self.each_backward(x, n_rows, |layer, pass| {
            layer.backward_and_step(backend, pass, optimizer)
        })
    }

    /// Calls `f` on each layer, from the last to the first. The first computes no gradient by `x`.
    fn each_backward(
        &mut self,
        x: &B::Floats,
        n_rows: usize,
        mut f: impl FnMut(&mut dyn Layer<B>, Backward<'_, B::Floats>) -> Result<()>,
    ) -> Result<()> {
        for (index, layer) in self.layers.iter_mut().enumerate().rev() {
            let (before, after) = self.gradients.split_at_mut(index);
            let x = if index == 0 {
                x
            } else {
                &self.outputs[index - 1]
            };
            let y = &self.outputs[index];
            let (dy, dx) = (&mut after[0], before.last_mut());
            f(
                layer.as_mut(),
                Backward {
                    x,
                    y,
                    dy,
                    dx,
                    n_rows,
                },
            )?;
        }
        Ok(())
    }

    /// Updates all parameters by their gradients.
    pub fn step(&mut self, backend: &B, optimizer: &Sgd) -> Result<()> {
        self.parameters_mut()
            .try_for_each(|parameter| optimizer.step(backend, parameter))
    }
}

/// The layers of a multilayer perceptron: dense layers between consecutive `sizes`, each but the
/// last with the `activation`.
///
/// # Errors
///
/// If one of the sizes is 0 or a weight does not fit into memory.
pub fn mlp<B: Backend + 'static>(
    backend: &B,
    sizes: &[usize],
    activation: Activation,
    initializer: Initializer,
    random: &mut ChaCha8Rng,
) -> Result<Vec<Box<dyn Layer<B>>>> {
    let mut layers: Vec<Box<dyn Layer<B>>> = Vec::new();
    for (index, pair) in sizes.windows(2).enumerate() {
        let is_last = index + 2 == sizes.len();
        let activation = if is_last {
            Activation::Identity
        } else {
            activation
        };
        let layer = Dense::new(backend, pair[0], pair[1], activation, initializer, random)?;
        layers.push(Box::new(layer));
    }
    Ok(layers)
}

/// A line per layer.
impl<B: Backend> fmt::Display for Sequential<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let descriptions: Vec<String> = self.layers.iter().map(|layer| layer.describe()).collect();
        f.write_str(&descriptions.join("\n"))
    }
}
