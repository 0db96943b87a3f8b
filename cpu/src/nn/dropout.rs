//! Dropout.

use super::{Backward, Forward, Layer, Mode, Step};
use crate::backend::{Activation, Backend, Mask};
use crate::{Error, Result};

/// While a model is trained, leaves each value out with a probability `p`, and multiplies the others
/// by `1 / (1 - p)`; otherwise `y = x`.
///
/// Backward: the same on the gradients. Which values those are follows from the seed, the number of
/// the step and that of the layer alone: nothing is kept, and every device leaves out the same.
///
/// `x` and `y` are `[B, n]`.
///
/// ```
/// use cpu::backend::{HostBackend, Memory};
/// use cpu::nn::{Dropout, Forward, Layer, Mode, Step};
///
/// # fn main() -> cpu::Result<()> {
/// let backend = HostBackend::new(None)?;
/// let x = backend.upload_floats(&[1.0; 8])?;
/// let mut y = backend.zeros(8)?;
/// let mut layer = Dropout::new(0.5, 8, 0)?;
/// let mode = Mode::Training(Step { seed: 1, index: 0 });
/// layer.forward(&backend, Forward { x: &x, y: &mut y, n_rows: 1, mode })?;
/// assert_eq!(backend.download_floats(&y)?, [2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0]);
/// let mode = Mode::Evaluation;
/// layer.forward(&backend, Forward { x: &x, y: &mut y, n_rows: 1, mode })?;
/// assert_eq!(backend.download_floats(&y)?, [1.0; 8]);
/// # Ok(())
/// # }
/// ```
pub struct Dropout {
    probability: f32,
    n: usize,
    number: u64,
}

impl Dropout {
    /// Dropout of rows of `n` values. Layers of a model have different `number`s, below 2²⁴, so that
    /// they leave out different values.
    ///
    /// # Errors
    ///
    /// If the probability is not one.
    pub fn new(probability: f32, n: usize, number: u64) -> Result<Self> {
        check(probability).map_err(|reason| Error::Input(format!("dropout: {reason}")))?;
        Ok(Dropout {
            probability,
            n,
            number,
        })
    }

    fn mask(&self, step: Step) -> Mask {
        // Streams without a layer's number are left to others who draw from the same seed.
        let stream = (self.number + 1) << 40 | step.index;
        Mask::new(self.probability, step.seed, stream)
    }
}

pub(super) fn check(probability: f32) -> Result<(), String> {
    if (0.0..=1.0).contains(&probability) {
        return Ok(());
    }
    Err(format!(
        "its probability must be from 0 to 1, it is {probability}"
    ))
}

impl<B: Backend> Layer<B> for Dropout {
    fn describe(&self) -> String {
        format!("dropout {}", self.probability)
    }

    fn n_inputs(&self) -> usize {
        self.n
    }

    fn n_outputs(&self) -> usize {
        self.n
    }

    fn forward(&mut self, backend: &B, pass: Forward<'_, B::Floats>) -> Result<()> {
        let n = pass.n_rows * self.n;
        match pass.mode {
            Mode::Training(step) => backend.dropout(self.mask(step), pass.x, pass.y, n),
            Mode::Evaluation => backend.activation_forward(Activation::Identity, pass.x, pass.y, n),
        }
    }

    fn backward(&mut self, backend: &B, pass: Backward<'_, B::Floats>) -> Result<()> {
        let Some(dx) = pass.dx else { return Ok(()) };
        backend.dropout(self.mask(pass.step), pass.dy, dx, pass.n_rows * self.n)
    }
}
