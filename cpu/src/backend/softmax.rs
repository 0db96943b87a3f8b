//! Softmax over rows: what a device computes for it.
//!
//! B rows of N values.

use super::Memory;
use crate::Result;

/// `y = e^x / Σ e^x`, the sum over each row. A row with a NaN, or whose largest value is infinite,
/// becomes NaN.
pub struct SoftmaxForward<'a, F> {
    /// Input, `[B, N]`.
    pub x: &'a F,
    /// Output, `[B, N]`, overwritten.
    pub y: &'a mut F,
    /// B.
    pub n_rows: usize,
    /// N, at least 1.
    pub n_values: usize,
}

/// `dx = y (dy - Σ y dy)`, the sum over each row.
pub struct SoftmaxBackward<'a, F> {
    /// Output of the forward pass, `[B, N]`.
    pub y: &'a F,
    /// Gradient of the loss by the output, `[B, N]`.
    pub dy: &'a F,
    /// Gradient by the input, `[B, N]`, overwritten.
    pub dx: &'a mut F,
    /// B.
    pub n_rows: usize,
    /// N, at least 1.
    pub n_values: usize,
}

/// Softmax on a device.
pub trait SoftmaxOperations: Memory {
    /// See [`SoftmaxForward`].
    fn softmax_forward(&self, op: SoftmaxForward<'_, Self::Floats>) -> Result<()>;
    /// See [`SoftmaxBackward`].
    fn softmax_backward(&self, op: SoftmaxBackward<'_, Self::Floats>) -> Result<()>;
}
