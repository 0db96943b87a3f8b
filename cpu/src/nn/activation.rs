//! Activations as layers of their own. [`Dense`](super::Dense) can also apply one itself, which
//! saves a pass over its output.

use super::{Backward, Forward, Layer};
use crate::Result;
use crate::backend::{Activation, Backend};

/// `y = activation(x)`, element by element; backward `dx = dy ∘ activation'`.
///
/// `x` and `y` are `[B, n]`.
///
/// ```
/// use cpu::backend::{Activation, HostBackend, Memory};
/// use cpu::nn::{ActivationLayer, Forward, Layer, Mode};
///
/// # fn main() -> cpu::Result<()> {
/// let backend = HostBackend::new(None)?;
/// let x = backend.upload_floats(&[-1.0, 2.0])?;
/// let mut y = backend.zeros(2)?;
/// let mut layer = ActivationLayer::new(Activation::Relu, 2);
/// layer.forward(&backend, Forward { x: &x, y: &mut y, n_rows: 1, mode: Mode::Evaluation })?;
/// assert_eq!(backend.download_floats(&y)?, [0.0, 2.0]);
/// # Ok(())
/// # }
/// ```
pub struct ActivationLayer {
    activation: Activation,
    n: usize,
}

impl ActivationLayer {
    /// An activation of rows of `n` values.
    pub fn new(activation: Activation, n: usize) -> Self {
        ActivationLayer { activation, n }
    }
}

pub(super) fn name(activation: Activation) -> &'static str {
    match activation {
        Activation::Identity => "identity",
        Activation::Relu => "relu",
        Activation::Sigmoid => "sigmoid",
        Activation::Tanh => "tanh",
    }
}

/// Files call activations by their names.
pub(super) mod by_name {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    use super::name;
    use crate::backend::Activation;

    const ALL: [Activation; 4] = [
        Activation::Identity,
        Activation::Relu,
        Activation::Sigmoid,
        Activation::Tanh,
    ];

    pub fn serialize<S: Serializer>(
        activation: &Activation,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(name(*activation))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Activation, D::Error> {
        let text = String::deserialize(deserializer)?;
        let found = ALL.into_iter().find(|&activation| name(activation) == text);
        found.ok_or_else(|| D::Error::custom(format!("there is no activation `{text}`")))
    }
}

impl<B: Backend> Layer<B> for ActivationLayer {
    fn describe(&self) -> String {
        name(self.activation).to_owned()
    }

    fn n_inputs(&self) -> usize {
        self.n
    }

    fn n_outputs(&self) -> usize {
        self.n
    }

    fn forward(&mut self, backend: &B, pass: Forward<'_, B::Floats>) -> Result<()> {
        backend.activation_forward(self.activation, pass.x, pass.y, pass.n_rows * self.n)
    }

    fn backward(&mut self, backend: &B, pass: Backward<'_, B::Floats>) -> Result<()> {
        let n = pass.n_rows * self.n;
        backend.activation_backward(self.activation, pass.y, pass.dy, n)?;
        match pass.dx {
            Some(dx) => backend.activation_forward(Activation::Identity, pass.dy, dx, n),
            None => Ok(()),
        }
    }
}
