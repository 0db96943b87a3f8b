//! Optimizers: what a device computes for them.
//!
//! The update rules are those of PyTorch's `torch.optim` of the same names, and so are the names of
//! the arrays that a rule keeps from step to step. What depends on the step's number alone is
//! computed in double precision, once for all elements.

use gpu::optimizer::{AdamScalars, RmspropScalars};

use super::Memory;
use crate::Result;

/// One step of gradient descent with momentum and weight decay:
/// `g = gradient + weight_decay · parameter`, `velocity = momentum · velocity + g`,
/// `parameter -= learning_rate · velocity`, or with Nesterov's momentum
/// `parameter -= learning_rate · (g + momentum · velocity)`; without a velocity
/// `parameter -= learning_rate · g`.
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
    /// Whether the step looks ahead along the velocity; without a velocity it has no meaning.
    pub nesterov: bool,
    /// L2 penalty.
    pub weight_decay: f32,
}

/// One step of Adam: with `g = gradient + weight_decay · parameter`,
/// `exp_avg = β₁ · exp_avg + (1 - β₁) · g`, `exp_avg_sq = β₂ · exp_avg_sq + (1 - β₂) · g²`,
/// `parameter -= learning_rate · m / (sqrt(v) + ε)` with `m = exp_avg / (1 - β₁^step)` and
/// `v = exp_avg_sq / (1 - β₂^step)`.
///
/// AdamW takes the decay from the parameter instead of adding it to the gradient: `g = gradient`, and
/// first `parameter *= 1 - learning_rate · weight_decay`.
///
/// Sources: Kingma and Ba, "Adam: a method for stochastic optimization" (2015); Loshchilov and Hutter,
/// "Decoupled weight decay regularization" (2019); PyTorch's `torch.optim.Adam` and `AdamW`.
pub struct AdamStep<'a, F> {
    /// `[n]`, updated.
    pub parameter: &'a mut F,
    /// `[n]`.
    pub gradient: &'a F,
    /// Mean of the gradients, `[n]`, updated; zeros before the first step.
    pub exp_avg: &'a mut F,
    /// Mean of their squares, `[n]`, updated; zeros before the first step.
    pub exp_avg_sq: &'a mut F,
    /// Number of elements.
    pub n: usize,
    /// Step size.
    pub learning_rate: f32,
    /// β₁ and β₂, from 0 to below 1.
    pub betas: [f64; 2],
    /// ε
    pub epsilon: f32,
    /// L2 penalty.
    pub weight_decay: f32,
    /// Whether the decay is AdamW's.
    pub is_decoupled: bool,
    /// Number of the step, from 1.
    pub step: u64,
}

impl<F> AdamStep<'_, F> {
    /// What is the same for all elements.
    pub(super) fn scalars(&self) -> AdamScalars {
        let learning_rate = f64::from(self.learning_rate);
        let weight_decay = f64::from(self.weight_decay);
        let [beta1, beta2] = self.betas;
        // The `libm` crate's, since the platform's own differ in the last bit.
        let [correction1, correction2] = self
            .betas
            .map(|beta| 1.0 - libm::pow(beta, self.step as f64));
        let (parameter_factor, weight_decay) = if self.is_decoupled {
            (1.0 - learning_rate * weight_decay, 0.0)
        } else {
            (1.0, weight_decay)
        };
        AdamScalars {
            parameter_factor: parameter_factor as f32,
            weight_decay: weight_decay as f32,
            beta1: beta1 as f32,
            one_minus_beta1: (1.0 - beta1) as f32,
            beta2: beta2 as f32,
            one_minus_beta2: (1.0 - beta2) as f32,
            step_size: (learning_rate / correction1) as f32,
            root_correction: (1.0 / correction2.sqrt()) as f32,
            epsilon: self.epsilon,
        }
    }
}

/// One step of RMSprop: with `g = gradient + weight_decay · parameter`,
/// `square_avg = α · square_avg + (1 - α) · g²`, `grad_avg = α · grad_avg + (1 - α) · g`,
/// `velocity = momentum · velocity + g / (sqrt(square_avg - grad_avg²) + ε)`,
/// `parameter -= learning_rate · velocity`.
///
/// Without a `grad_avg` it counts as 0, without a velocity the momentum does. Where rounding has made
/// `square_avg - grad_avg²` negative it counts as 0, while PyTorch goes on with NaN.
///
/// Sources: Tieleman and Hinton, lecture 6.5 of "Neural networks for machine learning" (2012); Graves,
/// "Generating sequences with recurrent neural networks" (2013); PyTorch's `torch.optim.RMSprop`.
pub struct RmspropStep<'a, F> {
    /// `[n]`, updated.
    pub parameter: &'a mut F,
    /// `[n]`.
    pub gradient: &'a F,
    /// Mean of the squares of the gradients, `[n]`, updated; zeros before the first step.
    pub square_avg: &'a mut F,
    /// `[n]`, updated, zeros before the first step; `None` where momentum is 0.
    pub velocity: Option<&'a mut F>,
    /// Mean of the gradients, `[n]`, updated, zeros before the first step; `None` where the step is
    /// not centered.
    pub grad_avg: Option<&'a mut F>,
    /// Number of elements.
    pub n: usize,
    /// Step size.
    pub learning_rate: f32,
    /// α, from 0 to below 1.
    pub alpha: f64,
    /// ε
    pub epsilon: f32,
    /// Share of the velocity that is kept.
    pub momentum: f32,
    /// L2 penalty.
    pub weight_decay: f32,
}

impl<F> RmspropStep<'_, F> {
    /// What is the same for all elements.
    pub(super) fn scalars(&self) -> RmspropScalars {
        RmspropScalars {
            learning_rate: self.learning_rate,
            weight_decay: self.weight_decay,
            alpha: self.alpha as f32,
            one_minus_alpha: (1.0 - self.alpha) as f32,
            epsilon: self.epsilon,
            momentum: if self.velocity.is_some() {
                self.momentum
            } else {
                0.0
            },
        }
    }
}

/// One step of Adagrad: with `g = gradient + weight_decay · parameter`, `sum += g²`,
/// `parameter -= learning_rate · g / (sqrt(sum) + ε)`.
///
/// Sources: Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic
/// optimization" (2011); PyTorch's `torch.optim.Adagrad`.
pub struct AdagradStep<'a, F> {
    /// `[n]`, updated.
    pub parameter: &'a mut F,
    /// `[n]`.
    pub gradient: &'a F,
    /// Sum of the squares of the gradients, `[n]`, updated.
    pub sum: &'a mut F,
    /// Number of elements.
    pub n: usize,
    /// Step size, with its decay.
    pub learning_rate: f32,
    /// ε
    pub epsilon: f32,
    /// L2 penalty.
    pub weight_decay: f32,
}

/// Steps of optimizers on a device.
pub trait OptimizerOperations: Memory {
    /// See [`SgdStep`].
    fn sgd_step(&self, op: SgdStep<'_, Self::Floats>) -> Result<()>;
    /// See [`AdamStep`].
    fn adam_step(&self, op: AdamStep<'_, Self::Floats>) -> Result<()>;
    /// See [`RmspropStep`].
    fn rmsprop_step(&self, op: RmspropStep<'_, Self::Floats>) -> Result<()>;
    /// See [`AdagradStep`].
    fn adagrad_step(&self, op: AdagradStep<'_, Self::Floats>) -> Result<()>;
}
