//! Adam and AdamW.

use serde::{Deserialize, Serialize};

use super::optimizer::{check_epsilon, check_learning_rate, check_share, check_weight_decay};
use super::{Parameter, Update};
use crate::Result;
use crate::backend::{AdamStep, Backend};

/// Steps along the mean of the gradients, over the root of the mean of their squares, as
/// [`AdamStep`] has it; `Adam::decoupled` is AdamW.
///
/// ```
/// use cpu::backend::{HostBackend, Memory};
/// use cpu::nn::{Adam, Parameter, Update};
///
/// # fn main() -> cpu::Result<()> {
/// let backend = HostBackend::new(None)?;
/// let mut parameter = Parameter::new(&backend, "weight", &[2], &[1.0, 2.0])?;
/// parameter.gradient = backend.upload_floats(&[1e-3, -500.0])?;
/// let update = Update { learning_rate: 0.5, step: 1 };
/// Adam::new(0.5)?.step(&backend, &mut parameter, update)?;
/// // The first step has the length of the learning rate, whatever the gradient's.
/// let values = backend.download_floats(&parameter.value)?;
/// assert!((values[0] - 0.5).abs() < 1e-5 && (values[1] - 2.5).abs() < 1e-5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Adam {
    learning_rate: f32,
    betas: [f64; 2],
    epsilon: f32,
    weight_decay: f32,
    is_decoupled: bool,
}

/// What PyTorch calls what is kept of a parameter.
pub(super) const STATE_NAMES: &[&str] = &["exp_avg", "exp_avg_sq"];

impl Adam {
    /// Adam with PyTorch's defaults: β 0.9 and 0.999, ε 1e-8, no weight decay.
    ///
    /// # Errors
    ///
    /// If `learning_rate` is not a positive number.
    pub fn new(learning_rate: f32) -> Result<Self> {
        check_learning_rate(learning_rate)?;
        Ok(Adam {
            learning_rate,
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            weight_decay: 0.0,
            is_decoupled: false,
        })
    }

    /// AdamW with PyTorch's defaults: as [`Adam::new`], and a weight decay of 0.01 that is decoupled
    /// from the gradient.
    ///
    /// # Errors
    ///
    /// If `learning_rate` is not a positive number.
    pub fn decoupled(learning_rate: f32) -> Result<Self> {
        Ok(Adam {
            weight_decay: 0.01,
            is_decoupled: true,
            ..Self::new(learning_rate)?
        })
    }

    /// With the shares of the two means that are kept from step to step. They are `f64` because
    /// `1 - β` counts, of which `f32` would keep half of the digits.
    ///
    /// # Errors
    ///
    /// If one of them is not in `0..1`.
    pub fn betas(self, beta1: f64, beta2: f64) -> Result<Self> {
        check_share("beta1", beta1)?;
        check_share("beta2", beta2)?;
        Ok(Adam {
            betas: [beta1, beta2],
            ..self
        })
    }

    /// With what is added to the root.
    ///
    /// # Errors
    ///
    /// If `epsilon` is not a positive number.
    pub fn epsilon(self, epsilon: f32) -> Result<Self> {
        check_epsilon(epsilon)?;
        Ok(Adam { epsilon, ..self })
    }

    /// With a weight decay: an L2 penalty, or decoupled where [`Adam::decoupled`] was called.
    ///
    /// # Errors
    ///
    /// If `weight_decay` is negative or not a number.
    pub fn weight_decay(self, weight_decay: f32) -> Result<Self> {
        check_weight_decay(weight_decay)?;
        Ok(Adam {
            weight_decay,
            ..self
        })
    }

    /// β and ε, if there is no weight decay.
    pub(crate) fn plain(&self) -> Option<([f64; 2], f32)> {
        (self.weight_decay == 0.0).then_some((self.betas, self.epsilon))
    }

    pub(super) fn check(&self) -> Result<()> {
        Adam::new(self.learning_rate)?
            .betas(self.betas[0], self.betas[1])?
            .epsilon(self.epsilon)?
            .weight_decay(self.weight_decay)
            .map(|_| ())
    }

    /// The step size that it was made with.
    pub fn learning_rate(&self) -> f32 {
        self.learning_rate
    }

    /// Updates one parameter by its gradient.
    pub fn step<B: Backend>(
        &self,
        backend: &B,
        parameter: &mut Parameter<B>,
        update: Update,
    ) -> Result<()> {
        let n = parameter.n();
        parameter.keep_state(backend, STATE_NAMES.len(), 0.0)?;
        let (first, second) = parameter.optimizer_state.split_at_mut(1);
        backend.adam_step(AdamStep {
            parameter: &mut parameter.value,
            gradient: &parameter.gradient,
            exp_avg: &mut first[0],
            exp_avg_sq: &mut second[0],
            n,
            learning_rate: update.learning_rate,
            betas: self.betas,
            epsilon: self.epsilon,
            weight_decay: self.weight_decay,
            is_decoupled: self.is_decoupled,
            step: update.step,
        })
    }
}
