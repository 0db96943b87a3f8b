//! Embeddings: what a device computes for them.
//!
//! P positions (B rows of T indices), a table of V rows with D values each. Indices come as floats,
//! which are whole numbers below V.

use super::Memory;
use crate::{Error, Result};

/// Entries that a table may have: as many whole numbers as a float holds.
pub const MAX_ENTRIES: usize = 1 << 24;

/// `y[p, d] = table[x[p], d]`.
///
/// An index that is no whole number below V is an error on the CPU. On a CUDA device the kernel stops
/// there, which is an error of the next operation that waits.
pub struct EmbeddingForward<'a, F> {
    /// Indices, `[P]`.
    pub x: &'a F,
    /// `[V, D]`.
    pub table: &'a F,
    /// Output, `[P, D]`, overwritten.
    pub y: &'a mut F,
    /// All dimensions.
    pub shape: EmbeddingShape,
}

/// `dtable[v, d] = Σ dy[p, d]` over the positions whose index is `v`.
pub struct EmbeddingBackward<'a, F> {
    /// Indices of the forward pass, `[P]`.
    pub x: &'a F,
    /// Gradient of the loss by the output, `[P, D]`.
    pub dy: &'a F,
    /// Gradient by the table, `[V, D]`, overwritten.
    pub dtable: &'a mut F,
    /// All dimensions.
    pub shape: EmbeddingShape,
}

/// The shapes of an embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddingShape {
    /// P.
    pub n_positions: usize,
    /// V, at least 1 and at most [`MAX_ENTRIES`].
    pub n_entries: usize,
    /// D, at least 1.
    pub n_values: usize,
}

impl EmbeddingShape {
    /// # Errors
    ///
    /// If the table is empty or has too many entries.
    pub(crate) fn check(&self) -> Result<()> {
        let EmbeddingShape {
            n_entries,
            n_values,
            ..
        } = *self;
        if !(1..=MAX_ENTRIES).contains(&n_entries) || n_values == 0 {
            return Err(Error::Input(format!(
                "an embedding with {n_entries} entries of {n_values} values cannot be made: it needs \
                 1 to {MAX_ENTRIES} entries of at least 1 value"
            )));
        }
        Ok(())
    }

    /// `[P, D]`.
    pub(super) fn output(&self) -> [usize; 2] {
        [self.n_positions, self.n_values]
    }

    /// `[V, D]`.
    pub(super) fn table(&self) -> [usize; 2] {
        [self.n_entries, self.n_values]
    }
}

/// Embeddings on a device.
pub trait EmbeddingOperations: Memory {
    /// See [`EmbeddingForward`].
    fn embedding_forward(&self, op: EmbeddingForward<'_, Self::Floats>) -> Result<()>;
    /// See [`EmbeddingBackward`].
    fn embedding_backward(&self, op: EmbeddingBackward<'_, Self::Floats>) -> Result<()>;
}
