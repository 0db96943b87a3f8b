//! The loss of classification.

use super::LossPass;
use crate::backend::{self, Backend};
use crate::{Error, Result};

/// Mean over the batch of `-Σ_j t[j] ln softmax(y)[j]`, with the target `t = one_hot(label)`, or
/// `t = (1 - s) one_hot(label) + s / C` with label smoothing `s`.
///
/// Backward: `dy = (softmax(y) - t) / B`. Softmax is part of the loss: the model ends with logits,
/// `[B, C]`. The statistics get the sum of the rows' losses, not their mean, and the number of rows
/// whose largest logit is that of the label.
///
/// ```
/// use cpu::backend::{HostBackend, Memory};
/// use cpu::nn::{LossPass, SoftmaxCrossEntropy};
///
/// # fn main() -> cpu::Result<()> {
/// let backend = HostBackend::new(None)?;
/// let y = backend.upload_floats(&[0.0, 0.0])?;
/// let labels = backend.upload_bytes(&[1])?;
/// let mut dy = backend.zeros(2)?;
/// let mut statistics = backend.statistics(1)?;
/// let pass =
///     LossPass { y: &y, dy: Some(&mut dy), statistics: &mut statistics, step: 0, n_rows: 1 };
/// SoftmaxCrossEntropy::new(2).compute(&backend, &labels, pass)?;
/// assert_eq!(backend.download_floats(&dy)?, [0.5, -0.5]);
/// assert_eq!(backend.read_statistics(&statistics)?.loss, [2.0_f32.ln()]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SoftmaxCrossEntropy {
    n_classes: usize,
    label_smoothing: f32,
}

impl SoftmaxCrossEntropy {
    /// For logits of `n_classes` classes.
    pub fn new(n_classes: usize) -> Self {
        SoftmaxCrossEntropy {
            n_classes,
            label_smoothing: 0.0,
        }
    }

    /// With targets of which a share goes to all classes alike.
    ///
    /// # Errors
    ///
    /// If `share` is not in `0..1`.
    pub fn label_smoothing(self, share: f32) -> Result<Self> {
        if !(0.0..1.0).contains(&share) {
            return Err(Error::Input(format!(
                "the label smoothing is {share}, it must be at least 0 and below 1, such as 0.1"
            )));
        }
        Ok(SoftmaxCrossEntropy {
            label_smoothing: share,
            ..self
        })
    }

    /// Computes the loss against `labels`, `[B]`, and its gradient if that is asked for.
    pub fn compute<B: Backend>(
        &self,
        backend: &B,
        labels: &B::Bytes,
        pass: LossPass<'_, B>,
    ) -> Result<()> {
        backend.softmax_cross_entropy(backend::SoftmaxCrossEntropy {
            logits: pass.y,
            labels,
            dlogits: pass.dy,
            statistics: pass.statistics,
            step: pass.step,
            n_rows: pass.n_rows,
            n_classes: self.n_classes,
            label_smoothing: self.label_smoothing,
        })
    }
}
