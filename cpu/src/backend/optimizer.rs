//! Optimizers: what a device computes for them.

use super::Memory;
use crate::Result;

/// One step of gradient descent with momentum and weight decay:
/// `g = gradient + weight_decay · parameter`, `velocity = momentum · velocity + g`,
/// `parameter -= learning_rate · velocity`; without a velocity `parameter -= learning_rate · g`.
///
/// Source: the update of PyTorch's `torch.optim.SGD` with dampening 0.
pub struct SgdStep<'a, F> {
    /// `[n]`, updated.
    pub parameter: &'a mut F,
    /// `[n]`.
    pub gradient: &'a F,
    /// `[n]`, updated; `None` where momentum is 0.
    pub velocity: Option<&'a mut F>,
    /// Number of elements.
    pub n: usize,
    /// Step size.
    pub learning_rate: f32,
    /// Share of the velocity that is kept.
    pub momentum: f32,
    /// L2 penalty.
    pub weight_decay: f32,
}

/// Steps of optimizers on a device.
pub trait OptimizerOperations: Memory {
    /// See [`SgdStep`].
    fn sgd_step(&self, op: SgdStep<'_, Self::Floats>) -> Result<()>;
}
