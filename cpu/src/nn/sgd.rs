//! Stochastic gradient descent.

use serde::{Deserialize, Serialize};

use super::optimizer::{check_learning_rate, check_momentum, check_weight_decay};
use super::{Parameter, Update};
use crate::Result;
use crate::backend::{Backend, SgdStep};

/// `g = gradient + weight_decay · parameter`, `velocity = momentum · velocity + g`,
/// `parameter -= learning_rate · velocity`; a momentum of 0 keeps no velocity.
///
/// ```
/// use cpu::backend::{HostBackend, Memory};
/// use cpu::nn::{Parameter, Sgd, Update};
///
/// # fn main() -> cpu::Result<()> {
/// let backend = HostBackend::new(None)?;
/// let mut parameter = Parameter::new(&backend, "weight", &[2], &[1.0, 2.0])?;
/// parameter.gradient = backend.upload_floats(&[4.0, -4.0])?;
/// let update = Update { learning_rate: 0.25, step: 1 };
/// Sgd::new(0.25)?.step(&backend, &mut parameter, update)?;
/// assert_eq!(backend.download_floats(&parameter.value)?, [0.0, 3.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sgd {
    learning_rate: f32,
    momentum: f32,
    is_nesterov: bool,
    weight_decay: f32,
}

impl Sgd {
    /// Plain gradient descent.
    ///
    /// # Errors
    ///
    /// If `learning_rate` is not a positive number.
    pub fn new(learning_rate: f32) -> Result<Self> {
        check_learning_rate(learning_rate)?;
        Ok(Sgd {
            learning_rate,
            momentum: 0.0,
            is_nesterov: false,
            weight_decay: 0.0,
        })
    }

    /// With a share of the velocity that is kept from step to step.
    ///
    /// # Errors
    ///
    /// If `momentum` is not in `0..1`.
    pub fn momentum(self, momentum: f32) -> Result<Self> {
        check_momentum(momentum)?;
        Ok(Sgd {
            momentum,
            is_nesterov: false,
            ..self
        })
    }

    /// With Nesterov's momentum: the step goes along `g + momentum · velocity`.
    ///
    /// # Errors
    ///
    /// If `momentum` is not in `0..1`.
    pub fn nesterov(self, momentum: f32) -> Result<Self> {
        check_momentum(momentum)?;
        Ok(Sgd {
            momentum,
            is_nesterov: true,
            ..self
        })
    }

    /// With an L2 penalty.
    ///
    /// # Errors
    ///
    /// If `weight_decay` is negative or not a number.
    pub fn weight_decay(self, weight_decay: f32) -> Result<Self> {
        check_weight_decay(weight_decay)?;
        Ok(Sgd {
            weight_decay,
            ..self
        })
    }

    pub(super) fn check(&self) -> Result<()> {
        Sgd::new(self.learning_rate)?
            .momentum(self.momentum)?
            .weight_decay(self.weight_decay)
            .map(|_| ())
    }

    /// The step size that it was made with.
    pub fn learning_rate(&self) -> f32 {
        self.learning_rate
    }

    /// Weight decay, if there is no momentum.
    pub(crate) fn plain(&self) -> Option<f32> {
        (self.momentum == 0.0).then_some(self.weight_decay)
    }

    pub(super) fn state_names(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 {
            &[]
        } else {
            &["momentum_buffer"]
        }
    }

    /// Updates one parameter by its gradient.
    pub fn step<B: Backend>(
        &self,
        backend: &B,
        parameter: &mut Parameter<B>,
        update: Update,
    ) -> Result<()> {
        let n = parameter.n();
        parameter.keep_state(backend, self.state_names().len(), 0.0)?;
        backend.sgd_step(SgdStep {
            parameter: &mut parameter.value,
            gradient: &parameter.gradient,
            velocity: parameter.optimizer_state.first_mut(),
            n,
            learning_rate: update.learning_rate,
            momentum: self.momentum,
            nesterov: self.is_nesterov,
            weight_decay: self.weight_decay,
        })
    }
}
