//! The loss of classification.

use super::LossPass;
use crate::Result;
use crate::backend::{self, Backend};

/// Mean over the batch of `-ln softmax(y)[label]`.
///
/// Backward: `dy = (softmax(y) - one_hot(label)) / B`. Softmax is part of the loss: the model ends
/// with logits, `[B, C]`. The statistics get the sum of the rows' losses.
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
}

impl SoftmaxCrossEntropy {
    /// For logits of `n_classes` classes.
    pub fn new(n_classes: usize) -> Self {
        SoftmaxCrossEntropy { n_classes }
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
        })
    }
}
