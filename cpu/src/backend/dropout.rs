//! Dropout: what a device computes for it.

use super::Memory;
use crate::Result;

pub use gpu::dropout::Mask;

/// Dropout on a device.
pub trait DropoutOperations: Memory {
    /// `y[i] = x[i] · factor[i]` for `i < n`, with the factors of the mask: 0 for values that are left
    /// out, and for the others what makes up for them. Every device computes the same mask.
    ///
    /// The gradient by `x` is the same operation on that by `y`.
    ///
    /// Source: Srivastava et al., "Dropout", 2014; scaled while training, as PyTorch does it.
    fn dropout(&self, mask: Mask, x: &Self::Floats, y: &mut Self::Floats, n: usize) -> Result<()>;
}
