//! What a model is made of, without its numbers: it can be written to a file, and built on any device.

use rand::rngs::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::sequential::NamedLayer;
use super::{
    ActivationLayer, BatchNorm, Conv2d, Dense, Dropout, Embedding, Initializer, Layer, LayerNorm,
    Pool2d, Sequential, Softmax, dropout, pool2d,
};
use crate::backend::{Activation, Backend, MAX_ENTRIES, Pooling, Window};
use crate::{Error, Result};

/// The shape of what goes into a model, and its layers. All other shapes follow.
///
/// The layers are PyTorch's: an activation is a layer of its own, and so counts in the names of the
/// parameters. When the model is built, a dense layer and the activation behind it become one.
///
/// ```
/// use cpu::backend::{Activation, HostBackend};
/// use cpu::nn::{Architecture, Initializer, random_generator};
///
/// # fn main() -> cpu::Result<()> {
/// let architecture = Architecture::new(&[1, 28, 28], Initializer::HeNormal)
///     .flatten()
///     .dense(128)
///     .activation(Activation::Relu)
///     .dense(10);
/// assert_eq!(architecture.output()?, [10]);
/// let backend = HostBackend::new(None)?;
/// let model = architecture.build(&backend, 64, &mut random_generator(1))?;
/// let names: Vec<String> = model.named_parameters().map(|(name, _)| name).collect();
/// assert_eq!(names, ["1.weight", "1.bias", "3.weight", "3.bias"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Architecture {
    /// Dimensions of one input: `[C, H, W]` for an image, `[n]` for a row of numbers.
    pub input: Vec<usize>,
    /// From the first to the last.
    pub layers: Vec<LayerKind>,
    /// How weights are drawn.
    pub initializer: Initializer,
    /// Layers that share a weight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ties: Vec<Tie>,
}

/// Two layers that share a weight, by their places among all layers, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tie {
    /// The one without a weight of its own.
    pub layer: usize,
    /// The one whose weight it is.
    pub owner: usize,
}

/// A layer of an [`Architecture`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LayerKind {
    /// `[C, H, W]` to `[C H W]`.
    Flatten,
    /// See [`Dense`].
    Dense {
        /// N.
        n_outputs: usize,
    },
    /// See [`Conv2d`].
    Conv2d {
        /// O.
        n_outputs: usize,
        /// What it sums over.
        window: Window,
    },
    /// See [`Pool2d`].
    Pool2d {
        /// The largest or the mean.
        pooling: Pooling,
        /// Size, strides and padding.
        window: Window,
    },
    /// See [`Dropout`].
    Dropout {
        /// That a value is left out.
        probability: f32,
    },
    /// See [`BatchNorm`]: of `[C, ...]`, so `[n]` has n channels.
    BatchNorm,
    /// See [`LayerNorm`].
    LayerNorm {
        /// How many of the last dimensions are normalized together.
        n_dimensions: usize,
    },
    /// See [`Embedding`].
    Embedding {
        /// V.
        n_entries: usize,
        /// D.
        n_values: usize,
    },
    /// See [`Softmax`]: over the last dimension.
    Softmax,
    /// See [`ActivationLayer`].
    Activation {
        /// Which.
        #[serde(with = "super::activation::by_name")]
        activation: Activation,
    },
}

impl Architecture {
    /// A model without layers.
    pub fn new(input: &[usize], initializer: Initializer) -> Self {
        Architecture {
            input: input.to_vec(),
            layers: Vec::new(),
            initializer,
            ties: Vec::new(),
        }
    }

    /// With one more layer.
    pub fn layer(mut self, layer: LayerKind) -> Self {
        self.layers.push(layer);
        self
    }

    /// `[C, H, W]` to `[C H W]`.
    pub fn flatten(self) -> Self {
        self.layer(LayerKind::Flatten)
    }

    /// A fully connected layer with so many outputs.
    pub fn dense(self, n_outputs: usize) -> Self {
        self.layer(LayerKind::Dense { n_outputs })
    }

    /// A convolution of images to so many channels.
    pub fn conv2d(self, n_outputs: usize, window: Window) -> Self {
        self.layer(LayerKind::Conv2d { n_outputs, window })
    }

    /// An activation of each value.
    pub fn activation(self, activation: Activation) -> Self {
        self.layer(LayerKind::Activation { activation })
    }

    /// The largest pixel below each place of a window.
    pub fn max_pool2d(self, window: Window) -> Self {
        self.layer(LayerKind::Pool2d {
            pooling: Pooling::Max,
            window,
        })
    }

    /// The mean of the pixels below each place of a window.
    pub fn avg_pool2d(self, window: Window) -> Self {
        self.layer(LayerKind::Pool2d {
            pooling: Pooling::Average,
            window,
        })
    }

    /// Leaves out values with this probability while the model is trained.
    pub fn dropout(self, probability: f32) -> Self {
        self.layer(LayerKind::Dropout { probability })
    }

    /// Normalizes each channel over the batch.
    pub fn batch_norm(self) -> Self {
        self.layer(LayerKind::BatchNorm)
    }

    /// Normalizes over so many of the last dimensions.
    pub fn layer_norm(self, n_dimensions: usize) -> Self {
        self.layer(LayerKind::LayerNorm { n_dimensions })
    }

    /// A row of `n_values` for each index below `n_entries`.
    pub fn embedding(self, n_entries: usize, n_values: usize) -> Self {
        self.layer(LayerKind::Embedding {
            n_entries,
            n_values,
        })
    }

    /// Softmax over the last dimension.
    pub fn softmax(self) -> Self {
        self.layer(LayerKind::Softmax)
    }

    /// Lets a layer share the weight of another, both by their places from 0: the last dense layer that
    /// of an embedding, say. The two have to have the same shape.
    pub fn tie(mut self, layer: usize, owner: usize) -> Self {
        self.ties.push(Tie { layer, owner });
        self
    }

    /// The layer whose weight a layer uses: its own, or the one that it is tied to.
    pub fn weight_owner(&self, layer: usize) -> usize {
        let mut ties = self.ties.iter();
        ties.find(|tie| tie.layer == layer)
            .map_or(layer, |tie| tie.owner)
    }

    /// What comes out of each layer.
    ///
    /// # Errors
    ///
    /// If a layer does not take what the one before it gives; the error names it.
    pub fn shapes(&self) -> Result<Vec<Vec<usize>>> {
        check_elements(&self.input).map_err(|reason| {
            Error::Input(format!("the input's shape {:?} {reason}", self.input))
        })?;
        let mut shape = self.input.clone();
        let mut shapes = Vec::with_capacity(self.layers.len());
        for (index, layer) in self.layers.iter().enumerate() {
            let name = |reason: String| {
                Error::Input(format!("layer {index} ({}): {reason}", layer.name()))
            };
            shape = layer.output(&shape, index == 0).map_err(name)?;
            check_elements(&shape)
                .map_err(|reason| name(format!("its output's shape {shape:?} {reason}")))?;
            shapes.push(shape.clone());
        }
        Ok(shapes)
    }

    /// What comes out of the model.
    ///
    /// # Errors
    ///
    /// If there is no layer, or one does not take what the one before it gives.
    pub fn output(&self) -> Result<Vec<usize>> {
        let no_layer = || Error::Input("a model needs at least one layer".to_owned());
        self.shapes()?.pop().ok_or_else(no_layer)
    }

    /// Names and shapes of all parameters and of what layers keep beside them, as files have them. A
    /// weight that is shared is there once.
    ///
    /// # Errors
    ///
    /// If there is no layer, one does not take what the one before it gives, or layers that are to share
    /// a weight cannot.
    pub fn tensors(&self) -> Result<Vec<(String, Vec<usize>)>> {
        let shapes = self.shapes()?;
        self.check_ties(&shapes)?;
        let inputs = std::iter::once(&self.input).chain(&shapes);
        let of_layer = |(index, (layer, input)): (usize, (&LayerKind, &Vec<usize>))| {
            let is_tied = self.weight_owner(index) != index;
            let named = move |(name, shape)| (format!("{index}.{name}"), shape);
            let own = layer.tensors(input).into_iter();
            own.filter(move |(name, _)| !(is_tied && *name == "weight"))
                .map(named)
        };
        Ok(self
            .layers
            .iter()
            .zip(inputs)
            .enumerate()
            .flat_map(of_layer)
            .collect())
    }

    /// What [`Sequential::tie`] will demand, of a model that is not built. `shapes` is what layers give.
    fn check_ties(&self, shapes: &[Vec<usize>]) -> Result<()> {
        let inputs: Vec<_> = std::iter::once(&self.input).chain(shapes).collect();
        let weight = |index: usize| {
            let tensors = self.layers.get(index)?.tensors(inputs[index]);
            tensors.into_iter().find(|(name, _)| *name == "weight")
        };
        for &Tie { layer, owner } in &self.ties {
            let ties = || self.ties.iter().map(|tie| tie.layer);
            let is_of_two = !ties().any(|tied| tied == owner)
                && ties().filter(|&tied| tied == layer).count() == 1;
            if weight(layer).is_none() || weight(layer) != weight(owner) || !is_of_two {
                return Err(Error::Input(format!(
                    "layer {layer} cannot share the weight of layer {owner}: both need one of the same \
                     shape, and no other may share theirs with a third"
                )));
            }
        }
        Ok(())
    }

    /// The model on a device, for batches of up to `max_rows`, with weights that are drawn.
    ///
    /// # Errors
    ///
    /// If there is no layer, one does not take what the one before it gives, layers that are to share a
    /// weight cannot, or the device has no memory for it.
    pub fn build<B: Backend + 'static>(
        &self,
        backend: &B,
        max_rows: usize,
        random: &mut ChaCha8Rng,
    ) -> Result<Sequential<B>> {
        let shapes = self.shapes()?;
        let inputs = std::iter::once(&self.input).chain(&shapes);
        let mut layers = Vec::new();
        let mut places = self.layers.iter().zip(inputs).enumerate().peekable();
        while let Some((index, (layer, input))) = places.next() {
            let n_inputs = input.iter().product();
            // What can apply the activation that follows itself, does.
            let mut fused = Activation::Identity;
            if layer.applies_activation()
                && let Some((_, (LayerKind::Activation { activation }, _))) = places.peek()
                && activation.is_known_from_output()
            {
                fused = *activation;
                places.next();
            }
            let layer: Box<dyn Layer<B>> = match *layer {
                // The values lie in this order already.
                LayerKind::Flatten => continue,
                LayerKind::Dense { n_outputs } => Box::new(Dense::new(
                    backend,
                    n_inputs,
                    n_outputs,
                    fused,
                    self.initializer,
                    random,
                )?),
                LayerKind::Conv2d { n_outputs, window } => Box::new(Conv2d::new(
                    backend,
                    image(input).map_err(Error::Input)?,
                    n_outputs,
                    window,
                    fused,
                    self.initializer,
                    random,
                )?),
                LayerKind::Pool2d { pooling, window } => {
                    let [n_channels, height, width] = image(input).map_err(Error::Input)?;
                    Box::new(Pool2d::new(pooling, n_channels, [height, width], window)?)
                }
                LayerKind::Dropout { probability } => {
                    Box::new(Dropout::new(probability, n_inputs, index as u64)?)
                }
                LayerKind::BatchNorm => {
                    let n_pixels = n_inputs / input[0];
                    Box::new(BatchNorm::new(backend, input[0], n_pixels, fused)?)
                }
                LayerKind::LayerNorm { n_dimensions } => {
                    let (repeats, shape) = input.split_at(input.len() - n_dimensions);
                    let n_repeats = repeats.iter().product();
                    Box::new(LayerNorm::new(backend, max_rows, n_repeats, shape)?)
                }
                LayerKind::Embedding {
                    n_entries,
                    n_values,
                } => Box::new(Embedding::new(
                    backend, n_inputs, n_entries, n_values, random,
                )?),
                LayerKind::Softmax => {
                    let n_values = input[input.len() - 1];
                    Box::new(Softmax::new(n_inputs / n_values, n_values)?)
                }
                LayerKind::Activation { activation } => {
                    Box::new(ActivationLayer::new(activation, n_inputs))
                }
            };
            layers.push(NamedLayer {
                name: index.to_string(),
                layer,
            });
        }
        let mut model = Sequential::named(backend, max_rows, layers)?;
        for tie in &self.ties {
            model.tie(backend, &tie.layer.to_string(), &tie.owner.to_string())?;
        }
        Ok(model)
    }
}

impl LayerKind {
    /// What it is called in errors.
    fn name(&self) -> &'static str {
        match self {
            LayerKind::Flatten => "flatten",
            LayerKind::Dense { .. } => "dense",
            LayerKind::Conv2d { .. } => "conv2d",
            LayerKind::Pool2d { pooling, .. } => pool2d::name(*pooling),
            LayerKind::Dropout { .. } => "dropout",
            LayerKind::BatchNorm => "batch_norm",
            LayerKind::LayerNorm { .. } => "layer_norm",
            LayerKind::Embedding { .. } => "embedding",
            LayerKind::Softmax => "softmax",
            LayerKind::Activation { activation } => super::activation::name(*activation),
        }
    }

    /// Whether it is built together with an activation behind it.
    fn applies_activation(&self) -> bool {
        matches!(
            self,
            LayerKind::Dense { .. } | LayerKind::Conv2d { .. } | LayerKind::BatchNorm
        )
    }

    /// Its parameters, then what it keeps beside them.
    fn tensors(&self, input: &[usize]) -> Vec<(&'static str, Vec<usize>)> {
        match *self {
            LayerKind::Flatten
            | LayerKind::Pool2d { .. }
            | LayerKind::Dropout { .. }
            | LayerKind::Softmax
            | LayerKind::Activation { .. } => Vec::new(),
            LayerKind::Dense { n_outputs } => {
                let n_inputs = input.iter().product();
                vec![
                    ("weight", vec![n_outputs, n_inputs]),
                    ("bias", vec![n_outputs]),
                ]
            }
            LayerKind::Conv2d { n_outputs, window } => {
                let [height, width] = window.size;
                vec![
                    ("weight", vec![n_outputs, input[0], height, width]),
                    ("bias", vec![n_outputs]),
                ]
            }
            LayerKind::BatchNorm => ["weight", "bias", "running_mean", "running_var"]
                .map(|name| (name, vec![input[0]]))
                .to_vec(),
            LayerKind::LayerNorm { n_dimensions } => {
                let shape = &input[input.len() - n_dimensions..];
                vec![("weight", shape.to_vec()), ("bias", shape.to_vec())]
            }
            LayerKind::Embedding {
                n_entries,
                n_values,
            } => vec![("weight", vec![n_entries, n_values])],
        }
    }

    /// The shape of its output, or what it takes instead of `input`.
    fn output(&self, input: &[usize], is_first: bool) -> Result<Vec<usize>, String> {
        match *self {
            LayerKind::Flatten => Ok(vec![input.iter().product()]),
            LayerKind::Dense { n_outputs } => match input {
                [_] => Ok(vec![n_outputs]),
                _ => Err(format!(
                    "it takes rows of numbers, [n], and got {input:?}; put a flatten before it"
                )),
            },
            LayerKind::Conv2d { n_outputs, window } => {
                let [_, height, width] = image(input)?;
                let output = window.output([height, width]).map_err(|e| e.to_string())?;
                Ok(vec![n_outputs, output[0], output[1]])
            }
            LayerKind::Pool2d { window, .. } => {
                let [n_channels, height, width] = image(input)?;
                let output = window.output([height, width]).map_err(|e| e.to_string())?;
                Ok(vec![n_channels, output[0], output[1]])
            }
            LayerKind::Dropout { probability } => {
                dropout::check(probability)?;
                Ok(input.to_vec())
            }
            LayerKind::LayerNorm { n_dimensions } => {
                if !(1..=input.len()).contains(&n_dimensions) {
                    return Err(format!(
                        "it normalizes over {n_dimensions} dimensions, and got {input:?}; it needs 1 \
                         to {}",
                        input.len()
                    ));
                }
                Ok(input.to_vec())
            }
            LayerKind::Embedding {
                n_entries,
                n_values,
            } => {
                if !is_first {
                    return Err(
                        "it has no gradient by its indices, and must be the first layer".to_owned(),
                    );
                }
                if !(1..=MAX_ENTRIES).contains(&n_entries) {
                    return Err(format!(
                        "it has {n_entries} entries, it needs 1 to {MAX_ENTRIES}"
                    ));
                }
                Ok([input, &[n_values]].concat())
            }
            LayerKind::BatchNorm | LayerKind::Softmax | LayerKind::Activation { .. } => {
                Ok(input.to_vec())
            }
        }
    }
}

/// The shape of an image.
fn image(shape: &[usize]) -> Result<[usize; 3], String> {
    shape
        .try_into()
        .map_err(|_| format!("it takes images, [C, H, W], and got {shape:?}"))
}

/// A model cannot have empty arrays between its layers, nor larger ones than a device has room for.
fn check_elements(shape: &[usize]) -> Result<(), String> {
    const LARGEST: usize = 1 << 24;
    if shape.is_empty() {
        return Err("has no dimension, it needs at least one".to_owned());
    }
    // A product that overflows saturates, and is then too large.
    match shape.iter().fold(1_usize, |n, &d| n.saturating_mul(d)) {
        0 => Err("has a dimension of 0, each must be at least 1".to_owned()),
        1..=LARGEST => Ok(()),
        _ => Err(format!("has more than {LARGEST} elements")),
    }
}

#[cfg(test)]
mod tests;
