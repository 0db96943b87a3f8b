//! Sums of matrices: what a device computes for layers that share a weight.

use super::Memory;
use crate::Result;

/// `y = keep y + x`, or `y = keep y + xᵀ`; with a `keep` of 0 it does not matter what `y` held.
pub struct AddMatrix<'a, F> {
    /// `[R, C]`, or `[C, R]` if it is transposed.
    pub x: &'a F,
    /// Whether the transpose of `x` is added.
    pub is_transposed: bool,
    /// What `y` is multiplied by.
    pub keep: f32,
    /// `[R, C]`, updated.
    pub y: &'a mut F,
    /// R.
    pub n_rows: usize,
    /// C.
    pub n_columns: usize,
}

/// Sums of matrices on a device.
pub trait AdditionOperations: Memory {
    /// See [`AddMatrix`].
    fn add_matrix(&self, op: AddMatrix<'_, Self::Floats>) -> Result<()>;
}
