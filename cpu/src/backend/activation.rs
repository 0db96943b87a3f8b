//! Activation functions: what a device computes for them.

use super::Memory;
use crate::Result;

pub use gpu::activation::Activation;

/// Activation functions on a device.
pub trait ActivationOperations: Memory {
    /// `y[i] = activation(x[i])` for `i < n`. Every activation of NaN is NaN.
    fn activation_forward(
        &self,
        activation: Activation,
        x: &Self::Floats,
        y: &mut Self::Floats,
        n: usize,
    ) -> Result<()>;
    /// `gradient[i] *= activation'(x[i])` for `i < n`.
    ///
    /// `known` holds the output, `activation(x[i])`, for the activations that it tells the derivative
    /// of ([`Activation::is_known_from_output`]), and the input, `x[i]`, for the others.
    ///
    /// ReLU sets the gradient to 0 where its output is not above 0 and leaves it as it is elsewhere: a
    /// NaN there lets it pass, as in PyTorch.
    fn activation_backward(
        &self,
        activation: Activation,
        known: &Self::Floats,
        gradient: &mut Self::Floats,
        n: usize,
    ) -> Result<()>;
}
