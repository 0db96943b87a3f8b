//! A model that is a chain of layers.

use std::fmt;

use super::{Backward, Forward, Layer, Mode, NamedBuffer, Optimizer, Parameter, Step, Update};
use crate::backend::{AddMatrix, Backend};
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
    ties: Vec<Tie>,
}

/// Two layers that share a weight, by their places.
#[derive(Clone, Copy)]
struct Tie {
    layer: usize,
    /// Whose weight it is.
    owner: usize,
}

/// What ties are about.
const WEIGHT: &str = "weight";

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
            ties: Vec::new(),
        })
    }

    /// Lets a layer share the weight of another, both named as in [`Self::named_parameters`]: from now
    /// on it has none of its own. Backward passes add the gradients of both.
    ///
    /// # Errors
    ///
    /// If one of them does not exist, has no weight or shares one already, or the shapes differ.
    pub fn tie(&mut self, backend: &B, layer: &str, owner: &str) -> Result<()> {
        let refuse = |reason: String| {
            Err(Error::Input(format!(
                "layer {layer} cannot share the weight of layer {owner}: {reason}"
            )))
        };
        let mut found = [(0, &[][..]); 2];
        for (name, found) in [layer, owner].into_iter().zip(&mut found) {
            let Some(place) = self.layers.iter().position(|named| named.name == name) else {
                return refuse(format!("there is no layer {name} that computes anything"));
            };
            let parameters = self.layers[place].layer.parameters();
            let Some(weight) = parameters.iter().find(|p| p.name == WEIGHT) else {
                return refuse(format!("layer {name} has no weight"));
            };
            *found = (place, &weight.shape);
        }
        let [(layer_idx, shape), (owner_idx, owner_shape)] = found;
        if shape != owner_shape {
            return refuse(format!(
                "it needs one of {shape:?}, which has {owner_shape:?}"
            ));
        }
        let is_shared =
            |idx| self.is_tied(idx) || self.ties.iter().any(|tie| tie.owner == layer_idx);
        if layer_idx == owner_idx || is_shared(layer_idx) || is_shared(owner_idx) {
            return refuse("one of them shares it with a third, or with itself".to_owned());
        }
        self.ties.push(Tie {
            layer: layer_idx,
            owner: owner_idx,
        });
        self.share_weights(backend)
    }

    fn is_tied(&self, layer_idx: usize) -> bool {
        self.ties.iter().any(|tie| tie.layer == layer_idx)
    }

    /// Brings the weights to the layers that share them: [`Self::step`] does, and whoever changes
    /// parameters otherwise has to.
    pub fn share_weights(&mut self, backend: &B) -> Result<()> {
        self.each_tie(|tied, owner| {
            let [n_rows, n_columns] = tied.matrix();
            backend.add_matrix(AddMatrix {
                x: &owner.value,
                is_transposed: tied.is_transposed != owner.is_transposed,
                keep: 0.0,
                y: &mut tied.value,
                n_rows,
                n_columns,
            })
        })
    }

    /// Adds the gradients of those that share a weight to that of its owner.
    fn add_shared_gradients(&mut self, backend: &B) -> Result<()> {
        self.each_tie(|tied, owner| {
            let [n_rows, n_columns] = owner.matrix();
            backend.add_matrix(AddMatrix {
                x: &tied.gradient,
                is_transposed: tied.is_transposed != owner.is_transposed,
                keep: 1.0,
                y: &mut owner.gradient,
                n_rows,
                n_columns,
            })
        })
    }

    /// Calls `f` on the weights of each two layers that share one, the owner's last.
    fn each_tie(
        &mut self,
        mut f: impl FnMut(&mut Parameter<B>, &mut Parameter<B>) -> Result<()>,
    ) -> Result<()> {
        for tie in &self.ties {
            let layers = self.layers.get_disjoint_mut([tie.layer, tie.owner]);
            let [tied, owner] = layers
                .expect("they are two")
                .map(|named| named.layer.parameters_mut().iter_mut())
                .map(|mut parameters| parameters.find(|p| p.name == WEIGHT));
            if let (Some(tied), Some(owner)) = (tied, owner) {
                f(tied, owner)?;
            }
        }
        Ok(())
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

    /// The parameters of all layers, from the first to the last, with their names: `0.weight`. One that
    /// is shared comes once, by its owner's name.
    pub fn named_parameters(&self) -> impl Iterator<Item = (String, &Parameter<B>)> {
        let layers = self.layers.iter().enumerate();
        layers.flat_map(|(idx, named)| {
            let is_tied = self.is_tied(idx);
            let parameters = named.layer.parameters().iter();
            let own = parameters.filter(move |p| !(is_tied && p.name == WEIGHT));
            own.map(|p| (format!("{}.{}", named.name, p.name), p))
        })
    }

    /// The same without names.
    pub fn parameters(&self) -> impl Iterator<Item = &Parameter<B>> {
        self.layers.iter().enumerate().flat_map(|(idx, named)| {
            let is_tied = self.is_tied(idx);
            let parameters = named.layer.parameters().iter();
            parameters.filter(move |p| !(is_tied && p.name == WEIGHT))
        })
    }

    /// The same, to update them; then [`Self::share_weights`] has to be called.
    pub fn parameters_mut(&mut self) -> impl Iterator<Item = &mut Parameter<B>> {
        let ties = &self.ties;
        self.layers
            .iter_mut()
            .enumerate()
            .flat_map(move |(idx, named)| {
                let is_tied = ties.iter().any(|tie| tie.layer == idx);
                let parameters = named.layer.parameters_mut().iter_mut();
                parameters.filter(move |p| !(is_tied && p.name == WEIGHT))
            })
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
        self.each_backward(x, n_rows, step, |layer, pass| layer.backward(backend, pass))?;
        self.add_shared_gradients(backend)
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
        if !self.ties.is_empty() {
            // A weight is updated by the gradients of all who share it.
            self.backward(backend, x, n_rows, step)?;
            return self.step(backend, optimizer, update);
        }
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
            .try_for_each(|parameter| optimizer.step(backend, parameter, update))?;
        self.share_weights(backend)
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
