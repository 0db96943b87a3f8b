//! Losses and predictions: what a device computes for them.
//!
//! B rows of a batch, C classes.

use super::Memory;
use crate::Result;

pub use gpu::loss::LossFunction;

/// Mean over the batch of `-Σ_j t[j] ln softmax(logits)[j]`, and its gradient, with the targets
/// `t[j] = (1 - s) [j = label] + s / C`: `-ln softmax(logits)[label]` without label smoothing `s`.
///
/// Source of the smoothing: Szegedy et al., "Rethinking the inception architecture for computer
/// vision" (2016), as PyTorch's `cross_entropy` has it.
///
/// Every `labels[i]` must be below `n_classes`; the data sets check this when they are read.
pub struct SoftmaxCrossEntropy<'a, B: Memory> {
    /// Logits, `[B, C]`.
    pub logits: &'a B::Floats,
    /// Classes, `[B]`.
    pub labels: &'a B::Bytes,
    /// Gradient `(softmax(logits) - t) / B`, `[B, C]`, overwritten; `None` computes none.
    pub dlogits: Option<&'a mut B::Floats>,
    /// Where the sum of the rows' losses and the count of correct predictions go.
    pub statistics: &'a mut B::Statistics,
    /// The slot of `statistics` to overwrite.
    pub step: usize,
    /// B, at least 1.
    pub n_rows: usize,
    /// C, at least 1.
    pub n_classes: usize,
    /// Share of each target that goes to all classes alike, from 0 to 1.
    pub label_smoothing: f32,
}

/// Mean over all elements of a loss `l` of each by itself, and its gradient.
pub struct ElementwiseLoss<'a, B: Memory> {
    /// The loss of an element.
    pub function: LossFunction,
    /// Predictions, `[n]`.
    pub y: &'a B::Floats,
    /// Targets, `[n]`.
    pub target: &'a B::Floats,
    /// Gradient `l'(y, target) / n`, `[n]`, overwritten; `None` computes none.
    pub dy: Option<&'a mut B::Floats>,
    /// Where the mean goes; the count of correct predictions is set to 0.
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
    /// See [`ElementwiseLoss`].
    fn elementwise_loss(&self, op: ElementwiseLoss<'_, Self>) -> Result<()>;
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
