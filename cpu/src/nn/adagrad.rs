//! Adagrad.

use serde::{Deserialize, Serialize};

use super::optimizer::{check_epsilon, check_learning_rate, check_weight_decay};
use super::{Parameter, Update};
use crate::backend::{AdagradStep, Backend};
use crate::{Error, Result};

/// Steps along the gradient over the root of the sum of its squares, as [`AdagradStep`] has it, with
/// the learning rate divided by `1 + (step - 1) · learning_rate_decay`.
///
/// ```
/// use cpu::backend::{HostBackend, Memory};
/// use cpu::nn::{Adagrad, Parameter, Update};
///
/// # fn main() -> cpu::Result<()> {
/// let backend = HostBackend::new(None)?;
/// let mut parameter = Parameter::new(&backend, "weight", &[2], &[1.0, 2.0])?;
/// parameter.gradient = backend.upload_floats(&[3.0, -0.5])?;
/// let update = Update { learning_rate: 0.5, step: 1 };
/// Adagrad::new(0.5)?.step(&backend, &mut parameter, update)?;
/// assert_eq!(backend.download_floats(&parameter.value)?, [0.5, 2.5]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Adagrad {
    learning_rate: f32,
    learning_rate_decay: f32,
    initial_accumulator: f32,
    epsilon: f32,
    weight_decay: f32,
}

/// What PyTorch calls what is kept of a parameter.
pub(super) const STATE_NAMES: &[&str] = &["sum"];

impl Adagrad {
    /// Adagrad with PyTorch's defaults: ε 1e-10, sums that begin at 0, no decay of the learning rate,
    /// no weight decay.
    ///
    /// # Errors
    ///
    /// If `learning_rate` is not a positive number.
    pub fn new(learning_rate: f32) -> Result<Self> {
        check_learning_rate(learning_rate)?;
        Ok(Adagrad {
            learning_rate,
            learning_rate_decay: 0.0,
            initial_accumulator: 0.0,
            epsilon: 1e-10,
            weight_decay: 0.0,
        })
    }

    /// With a learning rate that falls from step to step.
    ///
    /// # Errors
    ///
    /// If `decay` is negative or not a number.
    pub fn learning_rate_decay(self, decay: f32) -> Result<Self> {
        check_not_negative("the decay of the learning rate", decay)?;
        Ok(Adagrad {
            learning_rate_decay: decay,
            ..self
        })
    }

    /// With sums that begin at `value`.
    ///
    /// # Errors
    ///
    /// If `value` is negative or not a number.
    pub fn initial_accumulator(self, value: f32) -> Result<Self> {
        check_not_negative("the initial accumulator", value)?;
        Ok(Adagrad {
            initial_accumulator: value,
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
        Ok(Adagrad { epsilon, ..self })
    }

    /// With an L2 penalty.
    ///
    /// # Errors
    ///
    /// If `weight_decay` is negative or not a number.
    pub fn weight_decay(self, weight_decay: f32) -> Result<Self> {
        check_weight_decay(weight_decay)?;
        Ok(Adagrad {
            weight_decay,
            ..self
        })
    }

    pub(super) fn check(&self) -> Result<()> {
        Adagrad::new(self.learning_rate)?
            .learning_rate_decay(self.learning_rate_decay)?
            .initial_accumulator(self.initial_accumulator)?
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
        parameter.keep_state(backend, STATE_NAMES.len(), self.initial_accumulator)?;
        let n_steps_before = update.step.saturating_sub(1) as f64;
        let decay = 1.0 + n_steps_before * f64::from(self.learning_rate_decay);
        backend.adagrad_step(AdagradStep {
            parameter: &mut parameter.value,
            gradient: &parameter.gradient,
            sum: &mut parameter.optimizer_state[0],
            n,
            learning_rate: (f64::from(update.learning_rate) / decay) as f32,
            epsilon: self.epsilon,
            weight_decay: self.weight_decay,
        })
    }
}

fn check_not_negative(what: &str, value: f32) -> Result<()> {
    if !(value >= 0.0 && value.is_finite()) {
        return Err(Error::Input(format!(
            "{what} is {value}, it must be 0 or a positive number such as 0.01"
        )));
    }
    Ok(())
}
