//! What updates parameters.

use serde::{Deserialize, Serialize};

use super::{Parameter, Sgd};
use crate::Result;
use crate::backend::Backend;

/// One of the optimizers, with its settings. What it remembers of a parameter lies with the parameter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd(Sgd),
}

/// What a step of an optimizer depends on besides its settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Update {
    /// Step size, as the schedule has it.
    pub learning_rate: f32,
    /// Number of the step, from 1.
    pub step: u64,
}

impl Optimizer {
    /// The step size that it was made with, which schedules begin from.
    pub fn learning_rate(&self) -> f32 {
        match self {
            Optimizer::Sgd(sgd) => sgd.learning_rate(),
        }
    }

    /// What PyTorch calls the arrays that it remembers of each parameter, in their order.
    pub fn state_names(&self) -> &'static [&'static str] {
        match self {
            Optimizer::Sgd(sgd) => sgd.state_names(),
        }
    }

    /// Checks what a file may hold and the optimizers' own functions would not have made.
    ///
    /// # Errors
    ///
    /// [`Error::Input`](crate::Error::Input) if a setting is out of its range.
    pub fn check(&self) -> Result<()> {
        match self {
            Optimizer::Sgd(sgd) => sgd.check(),
        }
    }

    /// Updates one parameter by its gradient.
    pub fn step<B: Backend>(
        &self,
        backend: &B,
        parameter: &mut Parameter<B>,
        update: Update,
    ) -> Result<()> {
        match self {
            Optimizer::Sgd(sgd) => sgd.step(backend, parameter, update),
        }
    }

    /// The weight decay, if a step is `parameter -= learning_rate · (gradient + weight_decay · parameter)`.
    pub(super) fn plain(&self) -> Option<f32> {
        match self {
            Optimizer::Sgd(sgd) => sgd.plain(),
        }
    }
}

impl From<Sgd> for Optimizer {
    fn from(sgd: Sgd) -> Self {
        Optimizer::Sgd(sgd)
    }
}
