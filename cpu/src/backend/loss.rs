//! Losses and predictions: what a device computes for them.
//!
//! B rows of a batch, C classes.

use super::Memory;
use crate::Result;

/// Mean over the batch of `-ln softmax(logits)[label]`, and its gradient.
///
/// Every `labels[i]` must be below `n_classes`; the data sets check this when they are read.
pub struct SoftmaxCrossEntropy<'a, B: Memory> {
    /// Logits, `[B, C]`.
    pub logits: &'a B::Floats,
    /// Classes, `[B]`.
    pub labels: &'a B::Bytes,
    /// Gradient `(softmax(logits) - one_hot(labels)) / B`, `[B, C]`, overwritten; `None` computes none.
    pub dlogits: Option<&'a mut B::Floats>,
    /// Where the loss and the count of correct predictions go.
    pub statistics: &'a mut B::Statistics,
    /// The slot of `statistics` to overwrite.
    pub step: usize,
    /// B, at least 1.
    pub n_rows: usize,
    /// C, at least 1.
    pub n_classes: usize,
}

/// Mean over all elements of `(y - target)²`, and its gradient.
pub struct MeanSquaredError<'a, B: Memory> {
    /// Predictions, `[n]`.
    pub y: &'a B::Floats,
    /// Targets, `[n]`.
    pub target: &'a B::Floats,
    /// Gradient `2 (y - target) / n`, `[n]`, overwritten; `None` computes none.
    pub dy: Option<&'a mut B::Floats>,
    /// Where the loss goes; the count of correct predictions is set to 0.
    pub statistics: &'a mut B::Statistics,
    /// The slot of `statistics` to overwrite.
    pub step: usize,
    /// Number of elements, at least 1.
    pub n: usize,
}

/// Losses and predictions on a device.
pub trait LossOperations: Memory {
    /// See [`SoftmaxCrossEntropy`].
    fn softmax_cross_entropy(&self, op: SoftmaxCrossEntropy<'_, Self>) -> Result<()>;
    /// See [`MeanSquaredError`].
    fn mean_squared_error(&self, op: MeanSquaredError<'_, Self>) -> Result<()>;
    /// The class of the largest logit in each of `n_rows` rows of `n_classes`; waits for the result.
    ///
    /// The first of equal ones counts, and a NaN counts as larger than any number.
    fn predictions(
        &self,
        logits: &Self::Floats,
        n_rows: usize,
        n_classes: usize,
    ) -> Result<Vec<u8>>;
}
