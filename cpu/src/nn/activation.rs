//! Activations as layers of their own. [`Dense`](super::Dense) can also apply one itself, which
//! saves a pass over its output.

use super::{Backward, Forward, Layer};
use crate::backend::{Activation, Backend};
use crate::{Error, Result};

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
        Activation::LeakyRelu(_) => "leaky_relu",
        Activation::Gelu => "gelu",
        Activation::GeluTanh => "gelu_tanh",
        Activation::Silu => "silu",
    }
}

/// The name, with a slope that is not the usual one: `leaky_relu(0.2)`.
pub(super) fn name_and_slope(activation: Activation) -> String {
    match activation {
        Activation::LeakyRelu(slope) if activation != Activation::LEAKY_RELU => {
            format!("{}({slope})", name(activation))
        }
        _ => name(activation).to_owned(),
    }
}

/// A layer that applies an activation to its own sum keeps the output alone.
pub(super) fn check_fused(layer: &str, activation: Activation) -> Result<()> {
    if activation.is_known_from_output() {
        return Ok(());
    }
    Err(Error::Input(format!(
        "a {layer} layer cannot apply {} itself: its output does not tell the derivative; put the \
         activation behind it, as a layer of its own",
        name_and_slope(activation)
    )))
}

/// Files call activations by their names.
pub(super) mod by_name {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    use super::{name, name_and_slope};
    use crate::backend::Activation;

    const ALL: [Activation; 8] = [
        Activation::Identity,
        Activation::Relu,
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::LEAKY_RELU,
        Activation::Gelu,
        Activation::GeluTanh,
        Activation::Silu,
    ];

    pub fn serialize<S: Serializer>(
        activation: &Activation,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&name_and_slope(*activation))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Activation, D::Error> {
        let text = String::deserialize(deserializer)?;
        let by_name = || ALL.into_iter().find(|&activation| name(activation) == text);
        let with_slope = || {
            let slope = text.strip_prefix("leaky_relu(")?.strip_suffix(')')?;
            let slope = slope.parse().ok().filter(|slope: &f32| slope.is_finite());
            slope.map(Activation::LeakyRelu)
        };
        let found = by_name().or_else(with_slope);
        found.ok_or_else(|| D::Error::custom(format!("there is no activation `{text}`")))
    }
}

impl<B: Backend> Layer<B> for ActivationLayer {
    fn describe(&self) -> String {
        name_and_slope(self.activation)
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
        let known = if self.activation.is_known_from_output() {
            pass.y
        } else {
            pass.x
        };
        backend.activation_backward(self.activation, known, pass.dy, n)?;
        match pass.dx {
            Some(dx) => backend.activation_forward(Activation::Identity, pass.dy, dx, n),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_are_found_by_their_names() {
        #[derive(serde::Serialize, serde::Deserialize)]
        struct Text(#[serde(with = "by_name")] Activation);

        for (activation, name) in [
            (Activation::Identity, "identity"),
            (Activation::GeluTanh, "gelu_tanh"),
            (Activation::LEAKY_RELU, "leaky_relu"),
            (Activation::LeakyRelu(0.2), "leaky_relu(0.2)"),
        ] {
            let text = serde_json::to_string(&Text(activation)).unwrap();
            assert_eq!(text, format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<Text>(&text).unwrap().0, activation);
        }
        for name in [
            "",
            "Relu",
            "leaky_relu()",
            "leaky_relu(inf)",
            "leaky_relu(0.2",
        ] {
            assert!(
                serde_json::from_str::<Text>(&format!("\"{name}\"")).is_err(),
                "{name}"
            );
        }
    }
}
