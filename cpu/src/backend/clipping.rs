//! Clipping of gradients: what a device computes for it.

use super::Memory;
use crate::Result;

/// `sum[0] = Σ values²`, or adds that to it. Nothing waits for the sum: [`ClipNorm`] reads it on the
/// device. It is infinite from a norm of about 1e19 on.
pub struct SumOfSquares<'a, F> {
    /// `[n]`.
    pub values: &'a F,
    /// Number of elements.
    pub n: usize,
    /// `[1]`, updated.
    pub sum: &'a mut F,
    /// Whether to add to what `sum` holds, or to overwrite it.
    pub adds: bool,
}

/// `values *= min(1, max_norm / (sqrt(sum_of_squares[0]) + 1e-6))`; a norm that is not a number makes
/// all of them such.
///
/// Source: PyTorch's `torch.nn.utils.clip_grad_norm_`.
pub struct ClipNorm<'a, F> {
    /// `[n]`, updated.
    pub values: &'a mut F,
    /// Number of elements.
    pub n: usize,
    /// Of all that is clipped together, `[1]`.
    pub sum_of_squares: &'a F,
    /// What the norm is to be at most.
    pub max_norm: f32,
}

/// Clipping on a device.
pub trait ClippingOperations: Memory {
    /// See [`SumOfSquares`].
    fn sum_of_squares(&self, op: SumOfSquares<'_, Self::Floats>) -> Result<()>;
    /// See [`ClipNorm`].
    fn clip_norm(&self, op: ClipNorm<'_, Self::Floats>) -> Result<()>;
    /// Brings the first `n` of `values` into `-limit..=limit`; NaN stays.
    fn clip_value(&self, values: &mut Self::Floats, n: usize, limit: f32) -> Result<()>;
}
