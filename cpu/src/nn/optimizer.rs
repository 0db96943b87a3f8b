//! What updates parameters.

use serde::{Deserialize, Serialize};

use super::{Adagrad, Adam, Parameter, Rmsprop, Sgd, adagrad, adam};
use crate::backend::Backend;
use crate::{Error, Result};

/// One of the optimizers, with its settings. What it remembers of a parameter lies with the parameter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd(Sgd),
    /// Adam and AdamW.
    Adam(Adam),
    /// RMSprop.
    Rmsprop(Rmsprop),
    /// Adagrad.
    Adagrad(Adagrad),
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
            Optimizer::Adam(adam) => adam.learning_rate(),
            Optimizer::Rmsprop(rmsprop) => rmsprop.learning_rate(),
            Optimizer::Adagrad(adagrad) => adagrad.learning_rate(),
        }
    }

    /// What PyTorch calls the arrays that it remembers of each parameter, in their order.
    pub fn state_names(&self) -> &'static [&'static str] {
        match self {
            Optimizer::Sgd(sgd) => sgd.state_names(),
            Optimizer::Adam(_) => adam::STATE_NAMES,
            Optimizer::Rmsprop(rmsprop) => rmsprop.state_names(),
            Optimizer::Adagrad(_) => adagrad::STATE_NAMES,
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
            Optimizer::Adam(adam) => adam.check(),
            Optimizer::Rmsprop(rmsprop) => rmsprop.check(),
            Optimizer::Adagrad(adagrad) => adagrad.check(),
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
            Optimizer::Adam(adam) => adam.step(backend, parameter, update),
            Optimizer::Rmsprop(rmsprop) => rmsprop.step(backend, parameter, update),
            Optimizer::Adagrad(adagrad) => adagrad.step(backend, parameter, update),
        }
    }

    /// The weight decay, if a step is `parameter -= learning_rate · (gradient + weight_decay · parameter)`.
    pub(super) fn plain(&self) -> Option<f32> {
        match self {
            Optimizer::Sgd(sgd) => sgd.plain(),
            Optimizer::Adam(_) | Optimizer::Rmsprop(_) | Optimizer::Adagrad(_) => None,
        }
    }
}

impl From<Sgd> for Optimizer {
    fn from(sgd: Sgd) -> Self {
        Optimizer::Sgd(sgd)
    }
}

impl From<Adam> for Optimizer {
    fn from(adam: Adam) -> Self {
        Optimizer::Adam(adam)
    }
}

impl From<Rmsprop> for Optimizer {
    fn from(rmsprop: Rmsprop) -> Self {
        Optimizer::Rmsprop(rmsprop)
    }
}

impl From<Adagrad> for Optimizer {
    fn from(adagrad: Adagrad) -> Self {
        Optimizer::Adagrad(adagrad)
    }
}

pub(super) fn check_learning_rate(learning_rate: f32) -> Result<()> {
    if !(learning_rate > 0.0 && learning_rate.is_finite()) {
        return Err(Error::Input(format!(
            "the learning rate is {learning_rate}, it must be a positive number such as 0.01"
        )));
    }
    Ok(())
}

pub(super) fn check_momentum(momentum: f32) -> Result<()> {
    if !(0.0..1.0).contains(&momentum) {
        return Err(Error::Input(format!(
            "the momentum is {momentum}, it must be at least 0 and below 1, such as 0.9"
        )));
    }
    Ok(())
}

pub(super) fn check_weight_decay(weight_decay: f32) -> Result<()> {
    if !(weight_decay >= 0.0 && weight_decay.is_finite()) {
        return Err(Error::Input(format!(
            "the weight decay is {weight_decay}, it must be 0 or a positive number such as 1e-4"
        )));
    }
    Ok(())
}

/// Without it, a gradient that has always been 0 would be divided by 0.
pub(super) fn check_epsilon(epsilon: f32) -> Result<()> {
    if !(epsilon > 0.0 && epsilon.is_finite()) {
        return Err(Error::Input(format!(
            "epsilon is {epsilon}, it must be a positive number such as 1e-8"
        )));
    }
    Ok(())
}

/// What a mean over the steps keeps of itself.
pub(super) fn check_share(name: &str, share: f64) -> Result<()> {
    if !(0.0..1.0).contains(&share) {
        return Err(Error::Input(format!(
            "{name} is {share}, it must be at least 0 and below 1, such as 0.99"
        )));
    }
    Ok(())
}
