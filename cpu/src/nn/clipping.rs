//! Gradients that are kept from growing too large.

use serde::{Deserialize, Serialize};

use super::Sequential;
use crate::backend::{Backend, ClipNorm, SumOfSquares};
use crate::{Error, Result};

/// What becomes of gradients between the backward pass and the optimizer's step.
///
/// Sources: PyTorch's `clip_grad_norm_` and `clip_grad_value_`; Pascanu, Mikolov and Bengio, "On the
/// difficulty of training recurrent neural networks" (2013).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "limit", rename_all = "snake_case")]
pub enum Clipping {
    /// Multiplies all gradients by `min(1, limit / (norm + 1e-6))`, where `norm` is the Euclidean norm
    /// of all of them together.
    Norm(f32),
    /// Brings each element into `-limit..=limit`.
    Value(f32),
}

impl Clipping {
    /// By the norm of all gradients.
    ///
    /// # Errors
    ///
    /// If `limit` is not a positive number.
    pub fn norm(limit: f32) -> Result<Self> {
        check_limit("norm", limit)?;
        Ok(Clipping::Norm(limit))
    }

    /// By the value of each element.
    ///
    /// # Errors
    ///
    /// If `limit` is not a positive number.
    pub fn value(limit: f32) -> Result<Self> {
        check_limit("value", limit)?;
        Ok(Clipping::Value(limit))
    }

    /// Whether it is one that could have been made here: of a file, that is not certain.
    ///
    /// # Errors
    ///
    /// See [`Clipping::norm`] and [`Clipping::value`].
    pub fn check(&self) -> Result<()> {
        match *self {
            Clipping::Norm(limit) => Self::norm(limit),
            Clipping::Value(limit) => Self::value(limit),
        }
        .map(|_| ())
    }

    /// Clips the gradients by all parameters of `model`, which its backward pass has computed.
    ///
    /// `sum_of_squares` has one element; that of the gradients is in it afterwards, from before they
    /// were clipped, if this is by their norm. Nothing waits for the device.
    pub fn clip<B: Backend>(
        &self,
        backend: &B,
        model: &mut Sequential<B>,
        sum_of_squares: &mut B::Floats,
    ) -> Result<()> {
        match *self {
            Clipping::Norm(max_norm) => {
                for (idx, parameter) in model.parameters().enumerate() {
                    backend.sum_of_squares(SumOfSquares {
                        values: &parameter.gradient,
                        n: parameter.n(),
                        sum: sum_of_squares,
                        adds: idx > 0,
                    })?;
                }
                for parameter in model.parameters_mut() {
                    let n = parameter.n();
                    backend.clip_norm(ClipNorm {
                        values: &mut parameter.gradient,
                        n,
                        sum_of_squares,
                        max_norm,
                    })?;
                }
            }
            Clipping::Value(limit) => {
                for parameter in model.parameters_mut() {
                    let n = parameter.n();
                    backend.clip_value(&mut parameter.gradient, n, limit)?;
                }
            }
        }
        Ok(())
    }
}

fn check_limit(what: &str, limit: f32) -> Result<()> {
    if !(limit > 0.0 && limit.is_finite()) {
        return Err(Error::Input(format!(
            "gradients are to be clipped to a {what} of {limit}, it must be a positive number such \
             as 1"
        )));
    }
    Ok(())
}
