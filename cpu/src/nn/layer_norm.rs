//! Layer normalization.

use super::{Backward, Forward, Layer, Parameter};
use crate::backend::{Backend, LayerNormBackward, LayerNormForward};
use crate::{Error, Result};

/// Added to the variance before its root is taken, as in PyTorch.
pub(crate) const EPSILON: f32 = 1e-5;

/// `y = (x - mean) / √(variance + 1e-5) · weight + bias`, where mean and variance are taken over the
/// last dimensions, N values, and each of these has a weight and a bias.
///
/// Backward, with `σ = √(variance + 1e-5)`, `z = (x - mean) / σ` and `g = dy · weight`:
/// `dbias = Σ_rows dy`, `dweight = Σ_rows dy z`, and `dx = (g - Σ g / N - z Σ g z / N) / σ`.
///
/// | array            | shape                            |
/// |------------------|----------------------------------|
/// | `x`, `y`         | `[B, T, N]`, T rows in each of B |
/// | `weight`, `bias` | `[N]`, as the last dimensions    |
///
/// ```
/// use cpu::backend::{HostBackend, Memory};
/// use cpu::nn::{Forward, Layer, LayerNorm, Mode};
///
/// # fn main() -> cpu::Result<()> {
/// let backend = HostBackend::new(None)?;
/// let mut layer = LayerNorm::new(&backend, 1, 2, &[2])?;
/// let x = backend.upload_floats(&[3.0, 5.0, -1.0, -1.0])?;
/// let mut y = backend.zeros(4)?;
/// layer.forward(&backend, Forward { x: &x, y: &mut y, n_rows: 1, mode: Mode::Evaluation })?;
/// let y = backend.download_floats(&y)?;
/// assert!((y[0] + 1.0).abs() < 1e-5 && (y[1] - 1.0).abs() < 1e-5);
/// assert_eq!(y[2..], [0.0, 0.0]);
/// # Ok(())
/// # }
/// ```
pub struct LayerNorm<B: Backend> {
    n_repeats: usize,
    /// Weight and bias.
    parameters: [Parameter<B>; 2],
    /// Those of the last batch, for the backward pass, `[max_rows, T]`.
    mean: B::Floats,
    variance: B::Floats,
}

impl<B: Backend> LayerNorm<B> {
    /// A layer for up to `max_rows` rows, in each of which `n_repeats` arrays of `shape` are normalized
    /// by themselves. It begins with weights of 1 and biases of 0.
    ///
    /// # Errors
    ///
    /// If there is nothing to normalize.
    pub fn new(backend: &B, max_rows: usize, n_repeats: usize, shape: &[usize]) -> Result<Self> {
        let n: usize = shape.iter().product();
        if n == 0 || n_repeats == 0 {
            return Err(Error::Input(format!(
                "a layer normalization of {n_repeats} arrays of {shape:?} cannot be made: it needs at \
                 least one value"
            )));
        }
        let n_statistics = max_rows.saturating_mul(n_repeats);
        Ok(LayerNorm {
            n_repeats,
            parameters: [
                Parameter::new(backend, "weight", shape, &vec![1.0; n])?,
                Parameter::new(backend, "bias", shape, &vec![0.0; n])?,
            ],
            mean: backend.zeros(n_statistics)?,
            variance: backend.zeros(n_statistics)?,
        })
    }

    /// N.
    fn n_values(&self) -> usize {
        self.parameters[0].n()
    }
}

impl<B: Backend> Layer<B> for LayerNorm<B> {
    fn describe(&self) -> String {
        format!("layer_norm {:?}", self.parameters[0].shape)
    }

    fn n_inputs(&self) -> usize {
        self.n_repeats * self.n_values()
    }

    fn n_outputs(&self) -> usize {
        self.n_repeats * self.n_values()
    }

    fn forward(&mut self, backend: &B, pass: Forward<'_, B::Floats>) -> Result<()> {
        let n_values = self.n_values();
        let [weight, bias] = &self.parameters;
        backend.layer_norm_forward(LayerNormForward {
            x: pass.x,
            weight: &weight.value,
            bias: &bias.value,
            epsilon: EPSILON,
            mean: &mut self.mean,
            variance: &mut self.variance,
            y: pass.y,
            n_rows: pass.n_rows * self.n_repeats,
            n_values,
        })
    }

    fn backward(&mut self, backend: &B, pass: Backward<'_, B::Floats>) -> Result<()> {
        let n_values = self.n_values();
        let [weight, bias] = &mut self.parameters;
        backend.layer_norm_backward(LayerNormBackward {
            x: pass.x,
            dy: pass.dy,
            mean: &self.mean,
            variance: &self.variance,
            weight: &weight.value,
            epsilon: EPSILON,
            dweight: &mut weight.gradient,
            dbias: &mut bias.gradient,
            dx: pass.dx,
            n_rows: pass.n_rows * self.n_repeats,
            n_values,
        })
    }

    fn parameters(&self) -> &[Parameter<B>] {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut [Parameter<B>] {
        &mut self.parameters
    }
}
