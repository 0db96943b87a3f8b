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
    /// `gradient[i] *= activation'(x[i])` for `i < n`, from the output `y[i] = activation(x[i])`.
    ///
    /// ReLU sets the gradient to 0 where `y[i] <= 0` and leaves it as it is elsewhere: a NaN in `y`
    /// lets it pass, as in PyTorch.
    fn activation_backward(
        &self,
        activation: Activation,
        y: &Self::Floats,
        gradient: &mut Self::Floats,
        n: usize,
    ) -> Result<()>;
}
