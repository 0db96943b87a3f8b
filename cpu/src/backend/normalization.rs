//! Normalization of batches and of rows: what a device computes for it.
//!
//! Batches: B rows of C channels with S values each (the pixels of an image, or 1). Rows: B rows of N
//! values. `σ = √(variance + ε)`.

use super::operation::Operation;
use super::{Activation, Memory};
use crate::{Error, Result};

/// The shapes of a batch normalization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelShape {
    /// B.
    pub n_rows: usize,
    /// C.
    pub n_channels: usize,
    /// S.
    pub n_pixels: usize,
}

impl ChannelShape {
    /// `[B, C, S]`.
    pub(super) fn values(&self) -> [usize; 3] {
        [self.n_rows, self.n_channels, self.n_pixels]
    }

    /// `[C]`.
    pub(super) fn channels(&self) -> [usize; 1] {
        [self.n_channels]
    }

    /// B S, of which there must be at least 2 for a variance.
    pub(super) fn n_per_channel(&self, check: Operation) -> Result<usize> {
        let n = self.n_rows.saturating_mul(self.n_pixels);
        if n < 2 {
            return Err(Error::Input(format!(
                "{}: a batch of {} rows with {} values per channel has no variance, training needs \
                 at least 2 values per channel; take larger batches",
                check.0, self.n_rows, self.n_pixels
            )));
        }
        Ok(n)
    }
}

/// Normalizes each channel of a batch by its own mean and variance, `Σ (x - mean)² / (B S)`:
/// `y = activation((x - mean) / σ · weight + bias)`; and moves the running ones,
/// `running = (1 - momentum) running + momentum value`, where the value of the variance is
/// `Σ (x - mean)² / (B S - 1)`.
///
/// It is an error if `B S` is below 2.
///
/// Source: Ioffe and Szegedy, "Batch Normalization", 2015; the running statistics are those of
/// PyTorch's `BatchNorm2d`.
pub struct BatchNormTraining<'a, F> {
    /// Input, `[B, C, S]`.
    pub x: &'a F,
    /// `[C]`.
    pub weight: &'a F,
    /// `[C]`.
    pub bias: &'a F,
    /// ε.
    pub epsilon: f32,
    /// Share of the running statistics that is replaced.
    pub momentum: f32,
    /// Applied to each element of the sum.
    pub activation: Activation,
    /// `[C]`, overwritten.
    pub mean: &'a mut F,
    /// `[C]`, overwritten.
    pub variance: &'a mut F,
    /// `[C]`, updated.
    pub running_mean: &'a mut F,
    /// `[C]`, updated.
    pub running_variance: &'a mut F,
    /// Output, `[B, C, S]`, overwritten.
    pub y: &'a mut F,
    /// All dimensions.
    pub shape: ChannelShape,
}

/// Normalizes each channel by a mean and a variance that are given:
/// `y = activation((x - mean) / σ · weight + bias)`.
pub struct BatchNormEvaluation<'a, F> {
    /// Input, `[B, C, S]`.
    pub x: &'a F,
    /// `[C]`.
    pub mean: &'a F,
    /// `[C]`.
    pub variance: &'a F,
    /// `[C]`.
    pub weight: &'a F,
    /// `[C]`.
    pub bias: &'a F,
    /// ε.
    pub epsilon: f32,
    /// Applied to each element of the sum.
    pub activation: Activation,
    /// Output, `[B, C, S]`, overwritten.
    pub y: &'a mut F,
    /// All dimensions.
    pub shape: ChannelShape,
}

/// The gradients of [`BatchNormTraining`]: `dbias = Σ dy` and `dweight = Σ dy (x - mean) / σ` over the
/// elements of each channel, and, since mean and variance come from the same values,
/// `dx = weight / σ · (dy - dbias / (B S) - (x - mean) / σ · dweight / (B S))`.
pub struct BatchNormBackward<'a, F> {
    /// Input of the forward pass, `[B, C, S]`.
    pub x: &'a F,
    /// Gradient of the loss by the layer's sum (before its activation), `[B, C, S]`.
    pub dy: &'a F,
    /// That of the forward pass, `[C]`.
    pub mean: &'a F,
    /// That of the forward pass, `[C]`.
    pub variance: &'a F,
    /// `[C]`.
    pub weight: &'a F,
    /// ε.
    pub epsilon: f32,
    /// Gradient by the weight, `[C]`, overwritten.
    pub dweight: &'a mut F,
    /// Gradient by the bias, `[C]`, overwritten.
    pub dbias: &'a mut F,
    /// Gradient by the input, `[B, C, S]`, overwritten; `None` computes none.
    pub dx: Option<&'a mut F>,
    /// All dimensions.
    pub shape: ChannelShape,
}

/// Normalizes each row by its mean and variance, `Σ (x - mean)² / N`:
/// `y = (x - mean) / σ · weight + bias`.
///
/// Source: Ba, Kiros and Hinton, "Layer Normalization", 2016.
pub struct LayerNormForward<'a, F> {
    /// Input, `[B, N]`.
    pub x: &'a F,
    /// `[N]`.
    pub weight: &'a F,
    /// `[N]`.
    pub bias: &'a F,
    /// ε.
    pub epsilon: f32,
    /// `[B]`, overwritten.
    pub mean: &'a mut F,
    /// `[B]`, overwritten.
    pub variance: &'a mut F,
    /// Output, `[B, N]`, overwritten.
    pub y: &'a mut F,
    /// B.
    pub n_rows: usize,
    /// N, at least 1.
    pub n_values: usize,
}

/// The gradients of [`LayerNormForward`]: with `z = (x - mean) / σ`, `dbias = Σ dy` and
/// `dweight = Σ dy z` over the rows, and with `g = dy · weight`
/// `dx = (g - Σ g / N - z Σ g z / N) / σ`, the sums over each row.
pub struct LayerNormBackward<'a, F> {
    /// Input of the forward pass, `[B, N]`.
    pub x: &'a F,
    /// Gradient of the loss by the output, `[B, N]`.
    pub dy: &'a F,
    /// That of the forward pass, `[B]`.
    pub mean: &'a F,
    /// That of the forward pass, `[B]`.
    pub variance: &'a F,
    /// `[N]`.
    pub weight: &'a F,
    /// ε.
    pub epsilon: f32,
    /// Gradient by the weight, `[N]`, overwritten.
    pub dweight: &'a mut F,
    /// Gradient by the bias, `[N]`, overwritten.
    pub dbias: &'a mut F,
    /// Gradient by the input, `[B, N]`, overwritten; `None` computes none.
    pub dx: Option<&'a mut F>,
    /// B.
    pub n_rows: usize,
    /// N, at least 1.
    pub n_values: usize,
}

/// Normalization on a device.
pub trait NormalizationOperations: Memory {
    /// See [`BatchNormTraining`].
    fn batch_norm_training(&self, op: BatchNormTraining<'_, Self::Floats>) -> Result<()>;
    /// See [`BatchNormEvaluation`].
    fn batch_norm_evaluation(&self, op: BatchNormEvaluation<'_, Self::Floats>) -> Result<()>;
    /// See [`BatchNormBackward`].
    fn batch_norm_backward(&self, op: BatchNormBackward<'_, Self::Floats>) -> Result<()>;
    /// See [`LayerNormForward`].
    fn layer_norm_forward(&self, op: LayerNormForward<'_, Self::Floats>) -> Result<()>;
    /// See [`LayerNormBackward`].
    fn layer_norm_backward(&self, op: LayerNormBackward<'_, Self::Floats>) -> Result<()>;
}
