//! Losses of regression, and of classes that do not exclude each other.

use super::LossPass;
use crate::backend::{self, Backend, LossFunction};
use crate::{Error, Result};

/// Mean over all elements of a loss `l(y, target)` of each by itself; backward
/// `dy = l'(y, target) / (B N)`.
///
/// | loss                 | `l`                                                | `l'`            |
/// |----------------------|----------------------------------------------------|-----------------|
/// | mean squared error   | `d²` with `d = y - target`                         | `2 d`           |
/// | L1                   | `abs(d)`                                           | `sign(d)`       |
/// | Huber                | `d² / 2` up to `delta`, then `delta (abs(d) - delta / 2)` | `d` up to `±delta` |
/// | binary cross-entropy | `-target ln σ(y) - (1 - target) ln(1 - σ(y))`      | `σ(y) - target` |
///
/// `y` and `target` are `[B, N]`. The statistics get the mean, and 0 for the count of correct
/// predictions. Binary cross-entropy takes logits, as the sigmoid `σ` is part of it, and targets from
/// 0 to 1.
///
/// ```
/// use cpu::backend::{HostBackend, Memory};
/// use cpu::nn::{ElementwiseLoss, LossPass};
///
/// # fn main() -> cpu::Result<()> {
/// let backend = HostBackend::new(None)?;
/// let y = backend.upload_floats(&[1.0, 5.0])?;
/// let target = backend.upload_floats(&[2.0, 2.0])?;
/// let mut dy = backend.zeros(2)?;
/// let mut statistics = backend.statistics(1)?;
/// let pass =
///     LossPass { y: &y, dy: Some(&mut dy), statistics: &mut statistics, step: 0, n_rows: 1 };
/// ElementwiseLoss::mean_squared_error(2).compute(&backend, &target, pass)?;
/// assert_eq!(backend.download_floats(&dy)?, [-1.0, 3.0]);
/// assert_eq!(backend.read_statistics(&statistics)?.loss, [5.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ElementwiseLoss {
    function: LossFunction,
    n_outputs: usize,
}

impl ElementwiseLoss {
    fn new(function: LossFunction, n_outputs: usize) -> Self {
        ElementwiseLoss {
            function,
            n_outputs,
        }
    }

    /// The mean squared error of rows of `n_outputs` values.
    pub fn mean_squared_error(n_outputs: usize) -> Self {
        Self::new(LossFunction::SquaredError, n_outputs)
    }

    /// The mean absolute error of rows of `n_outputs` values.
    pub fn l1(n_outputs: usize) -> Self {
        Self::new(LossFunction::AbsoluteError, n_outputs)
    }

    /// Huber's loss of rows of `n_outputs` values: a square near the target, and a line from a distance
    /// of `delta` on.
    ///
    /// # Errors
    ///
    /// If `delta` is not a positive number.
    pub fn huber(n_outputs: usize, delta: f32) -> Result<Self> {
        if !(delta > 0.0 && delta.is_finite()) {
            return Err(Error::Input(format!(
                "the delta of Huber's loss is {delta}, it must be a positive number such as 1"
            )));
        }
        Ok(Self::new(LossFunction::Huber(delta), n_outputs))
    }

    /// Binary cross-entropy of rows of `n_outputs` logits.
    pub fn binary_cross_entropy(n_outputs: usize) -> Self {
        Self::new(LossFunction::BinaryCrossEntropy, n_outputs)
    }

    /// Computes the loss against `target`, `[B, N]`, and its gradient if that is asked for.
    pub fn compute<B: Backend>(
        &self,
        backend: &B,
        target: &B::Floats,
        pass: LossPass<'_, B>,
    ) -> Result<()> {
        backend.elementwise_loss(backend::ElementwiseLoss {
            function: self.function,
            y: pass.y,
            target,
            dy: pass.dy,
            statistics: pass.statistics,
            step: pass.step,
            n: pass.n_rows * self.n_outputs,
        })
    }
}
