//! Softmax as a layer. Classifiers are trained without it:
//! [`SoftmaxCrossEntropy`](super::SoftmaxCrossEntropy) takes logits.

use super::{Backward, Forward, Layer};
use crate::backend::{Backend, SoftmaxBackward, SoftmaxForward};
use crate::{Error, Result};

/// `y = e^x / Σ e^x`, the sum over the last dimension; backward `dx = y (dy - Σ y dy)`.
///
/// `x` and `y` are `[B, T, N]`, T rows of N values in each of B.
///
/// ```
/// use cpu::backend::{HostBackend, Memory};
/// use cpu::nn::{Forward, Layer, Mode, Softmax};
///
/// # fn main() -> cpu::Result<()> {
/// let backend = HostBackend::new(None)?;
/// let x = backend.upload_floats(&[2.0, 2.0, -500.0, 500.0])?;
/// let mut y = backend.zeros(4)?;
/// let mut layer = Softmax::new(2, 2)?;
/// layer.forward(&backend, Forward { x: &x, y: &mut y, n_rows: 1, mode: Mode::Evaluation })?;
/// assert_eq!(backend.download_floats(&y)?, [0.5, 0.5, 0.0, 1.0]);
/// # Ok(())
/// # }
/// ```
pub struct Softmax {
    n_repeats: usize,
    n_values: usize,
}

impl Softmax {
    /// A softmax over `n_repeats` times `n_values` values in each row.
    ///
    /// # Errors
    ///
    /// If there are none.
    pub fn new(n_repeats: usize, n_values: usize) -> Result<Self> {
        if n_repeats == 0 || n_values == 0 {
            return Err(Error::Input(format!(
                "a softmax over {n_repeats} times {n_values} values cannot be made: it needs at least \
                 one value"
            )));
        }
        Ok(Softmax {
            n_repeats,
            n_values,
        })
    }
}

impl<B: Backend> Layer<B> for Softmax {
    fn describe(&self) -> String {
        format!("softmax {}", self.n_values)
    }

    fn n_inputs(&self) -> usize {
        self.n_repeats * self.n_values
    }

    fn n_outputs(&self) -> usize {
        self.n_repeats * self.n_values
    }

    fn forward(&mut self, backend: &B, pass: Forward<'_, B::Floats>) -> Result<()> {
        backend.softmax_forward(SoftmaxForward {
            x: pass.x,
            y: pass.y,
            n_rows: pass.n_rows * self.n_repeats,
            n_values: self.n_values,
        })
    }

    fn backward(&mut self, backend: &B, pass: Backward<'_, B::Floats>) -> Result<()> {
        let Some(dx) = pass.dx else { return Ok(()) };
        backend.softmax_backward(SoftmaxBackward {
            y: pass.y,
            dy: pass.dy,
            dx,
            n_rows: pass.n_rows * self.n_repeats,
            n_values: self.n_values,
        })
    }
}
