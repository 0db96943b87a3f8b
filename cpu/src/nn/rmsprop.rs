//! RMSprop.

use serde::{Deserialize, Serialize};

use super::optimizer::{
    check_epsilon, check_learning_rate, check_momentum, check_share, check_weight_decay,
};
use super::{Parameter, Update};
use crate::Result;
use crate::backend::{Backend, RmspropStep};

/// Steps along the gradient over the root of the mean of its squares, as [`RmspropStep`] has it.
///
/// ```
/// use cpu::backend::{HostBackend, Memory};
/// use cpu::nn::{Parameter, Rmsprop, Update};
///
/// # fn main() -> cpu::Result<()> {
/// let backend = HostBackend::new(None)?;
/// let mut parameter = Parameter::new(&backend, "weight", &[2], &[1.0, 2.0])?;
/// parameter.gradient = backend.upload_floats(&[3.0, -0.5])?;
/// let update = Update { learning_rate: 0.25, step: 1 };
/// Rmsprop::new(0.25)?.alpha(0.75)?.step(&backend, &mut parameter, update)?;
/// // The mean of the squares is a quarter of the square.
/// let values = backend.download_floats(&parameter.value)?;
/// assert!((values[0] - 0.5).abs() < 1e-5 && (values[1] - 2.5).abs() < 1e-5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rmsprop {
    learning_rate: f32,
    alpha: f64,
    epsilon: f32,
    momentum: f32,
    is_centered: bool,
    weight_decay: f32,
}

impl Rmsprop {
    /// RMSprop with PyTorch's defaults: α 0.99, ε 1e-8, no momentum, not centered, no weight decay.
    ///
    /// # Errors
    ///
    /// If `learning_rate` is not a positive number.
    pub fn new(learning_rate: f32) -> Result<Self> {
        check_learning_rate(learning_rate)?;
        Ok(Rmsprop {
            learning_rate,
            alpha: 0.99,
            epsilon: 1e-8,
            momentum: 0.0,
            is_centered: false,
            weight_decay: 0.0,
        })
    }

    /// With the share of the mean that is kept from step to step.
    ///
    /// # Errors
    ///
    /// If `alpha` is not in `0..1`.
    pub fn alpha(self, alpha: f64) -> Result<Self> {
        check_share("alpha", alpha)?;
        Ok(Rmsprop { alpha, ..self })
    }

    /// With what is added to the root.
    ///
    /// # Errors
    ///
    /// If `epsilon` is not a positive number.
    pub fn epsilon(self, epsilon: f32) -> Result<Self> {
        check_epsilon(epsilon)?;
        Ok(Rmsprop { epsilon, ..self })
    }

    /// With a share of the velocity that is kept from step to step.
    ///
    /// # Errors
    ///
    /// If `momentum` is not in `0..1`.
    pub fn momentum(self, momentum: f32) -> Result<Self> {
        check_momentum(momentum)?;
        Ok(Rmsprop { momentum, ..self })
    }

    /// Over the deviation of the gradients from their mean.
    pub fn centered(self) -> Self {
        Rmsprop {
            is_centered: true,
            ..self
        }
    }

    /// With an L2 penalty.
    ///
    /// # Errors
    ///
    /// If `weight_decay` is negative or not a number.
    pub fn weight_decay(self, weight_decay: f32) -> Result<Self> {
        check_weight_decay(weight_decay)?;
        Ok(Rmsprop {
            weight_decay,
            ..self
        })
    }

    pub(super) fn check(&self) -> Result<()> {
        Rmsprop::new(self.learning_rate)?
            .alpha(self.alpha)?
            .epsilon(self.epsilon)?
            .momentum(self.momentum)?
            .weight_decay(self.weight_decay)
            .map(|_| ())
    }

    /// The step size that it was made with.
    pub fn learning_rate(&self) -> f32 {
        self.learning_rate
    }

    /// What PyTorch calls what is kept of a parameter.
    pub(super) fn state_names(&self) -> &'static [&'static str] {
        match (self.momentum != 0.0, self.is_centered) {
            (false, false) => &["square_avg"],
            (true, false) => &["square_avg", "momentum_buffer"],
            (false, true) => &["square_avg", "grad_avg"],
            (true, true) => &["square_avg", "momentum_buffer", "grad_avg"],
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
        let mut state = parameter.optimizer_state.iter_mut();
        let square_avg = state.next().expect("it has just been made");
        let velocity = if self.momentum != 0.0 {
            state.next()
        } else {
            None
        };
        let grad_avg = state.next();
        backend.rmsprop_step(RmspropStep {
            parameter: &mut parameter.value,
            gradient: &parameter.gradient,
            square_avg,
            velocity,
            grad_avg,
            n,
            learning_rate: update.learning_rate,
            alpha: self.alpha,
            epsilon: self.epsilon,
            momentum: self.momentum,
            weight_decay: self.weight_decay,
        })
    }
}
