//! The loss of regression.

use super::LossPass;
use crate::Result;
use crate::backend::{self, Backend};

/// Mean over all elements of `(y - target)²`.
///
/// Backward: `dy = 2 (y - target) / (B N)`. `y` and `target` are `[B, N]`. The statistics get the
/// mean.
///
/// ```
/// use cpu::backend::{HostBackend, Memory};
/// use cpu::nn::{LossPass, MeanSquaredError};
///
/// # fn main() -> cpu::Result<()> {
/// let backend = HostBackend::new(None)?;
/// let y = backend.upload_floats(&[1.0, 5.0])?;
/// let target = backend.upload_floats(&[2.0, 2.0])?;
/// let mut dy = backend.zeros(2)?;
/// let mut statistics = backend.statistics(1)?;
/// let pass =
///     LossPass { y: &y, dy: Some(&mut dy), statistics: &mut statistics, step: 0, n_rows: 1 };
/// MeanSquaredError::new(2).compute(&backend, &target, pass)?;
/// assert_eq!(backend.download_floats(&dy)?, [-1.0, 3.0]);
/// assert_eq!(backend.read_statistics(&statistics)?.loss, [5.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct MeanSquaredError {
    n_outputs: usize,
}

impl MeanSquaredError {
    /// For rows of `n_outputs` values.
    pub fn new(n_outputs: usize) -> Self {
        MeanSquaredError { n_outputs }
    }

    /// Computes the loss against `target`, `[B, N]`, and its gradient if that is asked for.
    pub fn compute<B: Backend>(
        &self,
        backend: &B,
        target: &B::Floats,
        pass: LossPass<'_, B>,
    ) -> Result<()> {
        backend.mean_squared_error(backend::MeanSquaredError {
            y: pass.y,
            target,
            dy: pass.dy,
            statistics: pass.statistics,
            step: pass.step,
            n: pass.n_rows * self.n_outputs,
        })
    }
}
