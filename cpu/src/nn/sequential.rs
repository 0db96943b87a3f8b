//! A model that is a chain of layers.

use std::fmt;

use super::{Backward, Forward, Layer, Mode, NamedBuffer, Optimizer, Parameter, Step, Update};
use crate::backend::Backend;
use crate::{Error, Result};

/// Layers one after the other, with the buffers that lie between them.
///
/// The buffers are made once, for the largest batch. The module's page has an example.
pub struct Sequential<B: Backend> {
    layers: Vec<NamedLayer<B>>,
    /// Output of each layer, `[max_rows, n_outputs]`.
    outputs: Vec<B::Floats>,
    /// Gradient of the loss by each layer's output, `[max_rows, n_outputs]`.
    gradients: Vec<B::Floats>,
    max_rows: usize,
}

/// A layer, and what its parameters' names begin with.
pub struct NamedLayer<B: Backend> {
    /// In PyTorch's manner: the place among all layers, `0`, `1`, ...
    pub name: String,
    /// The layer itself.
    pub layer: Box<dyn Layer<B>>,
}

impl<B: Backend> Sequential<B> {
    /// A model for batches of up to `max_rows`, whose layers are named by their places.
    ///
    /// # Errors
    ///
    /// If there is no layer, or one does not take what the one before it gives.
    pub fn new(backend: &B, max_rows: usize, layers: Vec<Box<dyn Layer<B>>>) -> Result<Self> {
        let name = |(index, layer): (usize, _)| NamedLayer {
            name: index.to_string(),
            layer,
        };
        Self::named(
            backend,
            max_rows,
            layers.into_iter().enumerate().map(name).collect(),
        )
    }

    /// A model for batches of up to `max_rows`.
    ///
    /// # Errors
    ///
    /// If there is no layer, or one does not take what the one before it gives.
    pub fn named(backend: &B, max_rows: usize, layers: Vec<NamedLayer<B>>) -> Result<Self> {
        if layers.is_empty() {
            return Err(Error::Input("a model needs at least one layer".to_owned()));
        }
        for pair in layers.windows(2) {
            let (before, after) = (&pair[0], &pair[1]);
            let (n_outputs, n_inputs) = (before.layer.n_outputs(), after.layer.n_inputs());
            if n_outputs != n_inputs {
                return Err(Error::Input(format!(
                    "layer {} ({}) gives {n_outputs} values, layer {} ({}) takes {n_inputs}",
                    before.name,
                    before.layer.describe(),
                    after.name,
                    after.layer.describe()
                )));
            }
        }
        let buffers = || -> Result<Vec<B::Floats>> {
            layers
                .iter()
                .map(|named| backend.zeros(max_rows * named.layer.n_outputs()))
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
        self.layers[0].layer.n_inputs()
    }

    /// Values that a row of the output has.
    pub fn n_outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].layer.n_outputs()
    }

    /// Rows that the largest batch may have.
    pub fn max_rows(&self) -> usize {
        self.max_rows
    }

    /// The parameters of all layers, from the first to the last, with their names: `0.weight`.
    pub fn named_parameters(&self) -> impl Iterator<Item = (String, &Parameter<B>)> {
        self.layers.iter().flat_map(|named| {
            let name = |p: &Parameter<B>| format!("{}.{}", named.name, p.name);
            named.layer.parameters().iter().map(move |p| (name(p), p))
        })
    }

    /// The parameters of all layers, from the first to the last.
    pub fn parameters(&self) -> impl Iterator<Item = &Parameter<B>> {
        self.layers
            .iter()
            .flat_map(|named| named.layer.parameters())
    }

    /// The parameters of all layers, from the first to the last.
    pub fn parameters_mut(&mut self) -> impl Iterator<Item = &mut Parameter<B>> {
        self.layers
            .iter_mut()
            .flat_map(|named| named.layer.parameters_mut())
    }

    /// What the layers keep beside their parameters, with names: `1.running_mean`.
    pub fn named_buffers(&self) -> impl Iterator<Item = (String, &NamedBuffer<B>)> {
        self.layers.iter().flat_map(|named| {
            let name = |b: &NamedBuffer<B>| format!("{}.{}", named.name, b.name);
            named.layer.buffers().iter().map(move |b| (name(b), b))
        })
    }

    /// What the layers keep beside their parameters, in the same order.
    pub fn buffers_mut(&mut self) -> impl Iterator<Item = &mut NamedBuffer<B>> {
        self.layers
            .iter_mut()
            .flat_map(|named| named.layer.buffers_mut())
    }

    /// Number of values that are trained.
    pub fn n_parameters(&self) -> usize {
        self.parameters().map(Parameter::n).sum()
    }

    /// What each layer gave in the last forward pass, `[n_rows, n_outputs]`, with its name, what it is
    /// and its `n_outputs`.
    pub fn activations(&self) -> impl Iterator<Item = (&str, String, usize, &B::Floats)> {
        let describe = |(named, output)| {
            let NamedLayer { name, layer }: &NamedLayer<B> = named;
            (name.as_str(), layer.describe(), layer.n_outputs(), output)
        };
        self.layers.iter().zip(&self.outputs).map(describe)
    }

    /// Computes the output, `[n_rows, n_outputs]`, for `x`, `[n_rows, n_inputs]`.
    ///
    /// # Errors
    ///
    /// If the batch is larger than the largest that the model was made for.
    pub fn forward(
        &mut self,
        backend: &B,
        x: &B::Floats,
        n_rows: usize,
        mode: Mode,
    ) -> Result<&B::Floats> {
        if n_rows > self.max_rows {
            return Err(Error::Shape {
                operation: "forward",
                buffer: "outputs",
                expected: n_rows * self.n_outputs(),
                actual: self.max_rows * self.n_outputs(),
            });
        }
        for (index, named) in self.layers.iter_mut().enumerate() {
            let (before, after) = self.outputs.split_at_mut(index);
            let x = before.last().unwrap_or(x);
            named.layer.forward(
                backend,
                Forward {
                    x,
                    y: &mut after[0],
                    n_rows,
                    mode,
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

    /// Computes the gradients by all parameters, after [`Self::forward`] with the same `x` and `step`,
    /// and after the loss has set the gradient by the output.
    pub fn backward(
        &mut self,
        backend: &B,
        x: &B::Floats,
        n_rows: usize,
        step: Step,
    ) -> Result<()> {
        self.each_backward(x, n_rows, step, |layer, pass| layer.backward(backend, pass))
    }

    /// [`Self::backward`] and [`Self::step`] in one, a layer at a time. What the gradients by the
    /// parameters hold afterwards has no meaning.
    pub fn backward_and_step(
        &mut self,
        backend: &B,
        x: &B::Floats,
        n_rows: usize,
        step: Step,
        optimizer: &Optimizer,
        update: Update,
    ) -> Result<()> {
        self.each_backward(x, n_rows, step, |layer, pass| {
            layer.backward_and_step(backend, pass, optimizer, update)
        })
    }

    /// Calls `f` on each layer, from the last to the first. The first computes no gradient by `x`.
    fn each_backward(
        &mut self,
        x: &B::Floats,
        n_rows: usize,
        step: Step,
        mut f: impl FnMut(&mut dyn Layer<B>, Backward<'_, B::Floats>) -> Result<()>,
    ) -> Result<()> {
        for (index, named) in self.layers.iter_mut().enumerate().rev() {
            let (before, after) = self.gradients.split_at_mut(index);
            let x = if index == 0 {
                x
            } else {
                &self.outputs[index - 1]
            };
            let y = &self.outputs[index];
            let (dy, dx) = (&mut after[0], before.last_mut());
            f(
                named.layer.as_mut(),
                Backward {
                    x,
                    y,
                    dy,
                    dx,
                    n_rows,
                    step,
                },
            )?;
        }
        Ok(())
    }

    /// Updates all parameters by their gradients.
    pub fn step(&mut self, backend: &B, optimizer: &Optimizer, update: Update) -> Result<()> {
        self.parameters_mut()
            .try_for_each(|parameter| optimizer.step(backend, parameter, update))
    }
}

/// A line per layer.
impl<B: Backend> fmt::Display for Sequential<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let descriptions: Vec<String> = self
            .layers
            .iter()
            .map(|named| named.layer.describe())
            .collect();
        f.write_str(&descriptions.join("\n"))
    }
}
