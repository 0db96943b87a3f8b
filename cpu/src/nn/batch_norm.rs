//! Batch normalization.

use super::{Backward, Forward, Layer, Mode, NamedBuffer, Parameter};
use crate::backend::{
    Activation, Backend, BatchNormBackward, BatchNormEvaluation, BatchNormTraining, ChannelShape,
};
use crate::{Error, Result};

/// Added to the variance before its root is taken, as in PyTorch.
pub(crate) const EPSILON: f32 = 1e-5;
/// Share of the running statistics that a step replaces, as in PyTorch.
const MOMENTUM: f32 = 0.1;

/// `y = activation((x - mean) / √(variance + 1e-5) · weight + bias)`, with a mean, a variance, a weight
/// and a bias for each channel.
///
/// While a model is trained, mean and variance are those of the batch, and the running ones go a tenth
/// of the way to them; otherwise they are the running ones. This is PyTorch's `BatchNorm1d` (S is 1)
/// and `BatchNorm2d` (S is H W).
///
/// Backward, with `ds = dy ∘ activation'`, `σ = √(variance + 1e-5)`, `z = (x - mean) / σ` and
/// `n = B S`: `dbias = Σ ds`, `dweight = Σ ds z`, and
/// `dx = weight / σ · (ds - dbias / n - z · dweight / n)`.
///
/// | array                         | shape       |
/// |-------------------------------|-------------|
/// | `x`, `y`                      | `[B, C, S]` |
/// | `weight`, `bias`              | `[C]`       |
/// | `running_mean`, `running_var` | `[C]`       |
///
/// ```
/// use cpu::backend::{Activation, HostBackend, Memory};
/// use cpu::nn::{BatchNorm, Forward, Layer, Mode, Step};
///
/// # fn main() -> cpu::Result<()> {
/// let backend = HostBackend::new(None)?;
/// let mut layer = BatchNorm::new(&backend, 1, 1, Activation::Identity)?;
/// let x = backend.upload_floats(&[3.0, 5.0])?;
/// let mut y = backend.zeros(2)?;
/// let mode = Mode::Training(Step { seed: 1, index: 0 });
/// layer.forward(&backend, Forward { x: &x, y: &mut y, n_rows: 2, mode })?;
/// let y = backend.download_floats(&y)?;
/// assert!((y[0] + 1.0).abs() < 1e-5 && (y[1] - 1.0).abs() < 1e-5);
/// let [running_mean, running_variance] = layer.buffers() else { unreachable!() };
/// assert_eq!(backend.download_floats(&running_mean.value)?, [0.4]); // 0.9 · 0 + 0.1 · 4
/// assert_eq!(backend.download_floats(&running_variance.value)?, [1.1]); // 0.9 · 1 + 0.1 · 2
/// # Ok(())
/// # }
/// ```
pub struct BatchNorm<B: Backend> {
    n_channels: usize,
    n_pixels: usize,
    activation: Activation,
    /// Weight and bias.
    parameters: [Parameter<B>; 2],
    /// Running mean and running variance.
    buffers: [NamedBuffer<B>; 2],
    /// Those of the last batch, for the backward pass.
    mean: B::Floats,
    variance: B::Floats,
}

impl<B: Backend> BatchNorm<B> {
    /// A layer for rows of `n_channels` channels of `n_pixels` values each. It begins with weights of
    /// 1, biases and running means of 0 and running variances of 1.
    ///
    /// # Errors
    ///
    /// If there is nothing to normalize, or the output does not tell the activation's derivative
    /// ([`Activation::is_known_from_output`]).
    pub fn new(
        backend: &B,
        n_channels: usize,
        n_pixels: usize,
        activation: Activation,
    ) -> Result<Self> {
        if n_channels == 0 || n_pixels == 0 {
            return Err(Error::Input(format!(
                "a batch normalization of {n_channels} channels of {n_pixels} values cannot be made: \
                 it needs at least one of each"
            )));
        }
        super::activation::check_fused("batch normalization", activation)?;
        let (zeros, ones) = (vec![0.0; n_channels], vec![1.0; n_channels]);
        let buffer = |name, values: &[f32]| {
            Ok(NamedBuffer {
                name,
                shape: vec![n_channels],
                value: backend.upload_floats(values)?,
            })
        };
        Ok(BatchNorm {
            n_channels,
            n_pixels,
            activation,
            parameters: [
                Parameter::new(backend, "weight", &[n_channels], &ones)?,
                Parameter::new(backend, "bias", &[n_channels], &zeros)?,
            ],
            buffers: [
                buffer("running_mean", &zeros)?,
                buffer("running_var", &ones)?,
            ],
            mean: backend.zeros(n_channels)?,
            variance: backend.zeros(n_channels)?,
        })
    }

    fn shape(&self, n_rows: usize) -> ChannelShape {
        ChannelShape {
            n_rows,
            n_channels: self.n_channels,
            n_pixels: self.n_pixels,
        }
    }
}

impl<B: Backend> Layer<B> for BatchNorm<B> {
    fn describe(&self) -> String {
        let name = format!("batch_norm {}", self.n_channels);
        match self.activation {
            Activation::Identity => name,
            activation => {
                format!("{name}, {}", super::activation::name_and_slope(activation))
            }
        }
    }

    fn n_inputs(&self) -> usize {
        self.n_channels * self.n_pixels
    }

    fn n_outputs(&self) -> usize {
        self.n_channels * self.n_pixels
    }

    fn forward(&mut self, backend: &B, pass: Forward<'_, B::Floats>) -> Result<()> {
        let shape = self.shape(pass.n_rows);
        let [weight, bias] = &self.parameters;
        let [running_mean, running_variance] = &mut self.buffers;
        match pass.mode {
            Mode::Training(_) => backend.batch_norm_training(BatchNormTraining {
                x: pass.x,
                weight: &weight.value,
                bias: &bias.value,
                epsilon: EPSILON,
                momentum: MOMENTUM,
                activation: self.activation,
                mean: &mut self.mean,
                variance: &mut self.variance,
                running_mean: &mut running_mean.value,
                running_variance: &mut running_variance.value,
                y: pass.y,
                shape,
            }),
            Mode::Evaluation => backend.batch_norm_evaluation(BatchNormEvaluation {
                x: pass.x,
                mean: &running_mean.value,
                variance: &running_variance.value,
                weight: &weight.value,
                bias: &bias.value,
                epsilon: EPSILON,
                activation: self.activation,
                y: pass.y,
                shape,
            }),
        }
    }

    fn backward(&mut self, backend: &B, pass: Backward<'_, B::Floats>) -> Result<()> {
        let shape = self.shape(pass.n_rows);
        if self.activation != Activation::Identity {
            let n = pass.n_rows * self.n_channels * self.n_pixels;
            backend.activation_backward(self.activation, pass.y, pass.dy, n)?;
        }
        let [weight, bias] = &mut self.parameters;
        backend.batch_norm_backward(BatchNormBackward {
            x: pass.x,
            dy: pass.dy,
            mean: &self.mean,
            variance: &self.variance,
            weight: &weight.value,
            epsilon: EPSILON,
            dweight: &mut weight.gradient,
            dbias: &mut bias.gradient,
            dx: pass.dx,
            shape,
        })
    }

    fn parameters(&self) -> &[Parameter<B>] {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut [Parameter<B>] {
        &mut self.parameters
    }

    fn buffers(&self) -> &[NamedBuffer<B>] {
        &self.buffers
    }

    fn buffers_mut(&mut self) -> &mut [NamedBuffer<B>] {
        &mut self.buffers
    }
}
