//! A network that learns the density of a two-dimensional normal distribution: what a device computes
//! for it beyond the ordinary operations of networks.
//!
//! B points of a step, n parameters. [`gpu::gaussian`] has the formulas.

use gpu::gaussian::{Course, Descent};

use super::operation::Operation;
use super::{Activation, Memory};
use crate::{Error, Result};

pub use gpu::gaussian::{Density, SmallNetwork};

/// The points of a step, uniform in the square from -3 to 3, and the density at each as a share of its
/// largest value. What is drawn follows from the seed, the step and the point's place in the batch, and
/// is the same on every device.
pub struct DrawPoints<'a, F> {
    /// What is learned.
    pub density: Density,
    /// Of the whole training.
    pub seed: u64,
    /// Number of the step, from 0.
    pub step: u64,
    /// `[B, 2]`, overwritten.
    pub x: &'a mut F,
    /// `[B]`, overwritten.
    pub target: &'a mut F,
    /// B.
    pub n_rows: usize,
}

/// What [`TrainNetwork`] updates the parameters by.
pub enum SmallOptimizer<'a, F> {
    /// Gradient descent: `parameter -= learning_rate · gradient`.
    Sgd,
    /// Adam without weight decay, as [`AdamStep`](super::AdamStep) has it.
    Adam {
        /// `[n]`, updated; zeros before step 0.
        exp_avg: &'a mut F,
        /// `[n]`, updated; zeros before step 0.
        exp_avg_sq: &'a mut F,
        /// β₁ and β₂, from 0 to below 1.
        betas: [f64; 2],
        /// β₁ and β₂ to the power of the steps that are done, each a product as the steps make it:
        /// `[1, 1]` before step 0.
        powers: [f64; 2],
        /// ε
        epsilon: f32,
    },
}

/// Steps of training a small network, all in one go: each draws the points that [`DrawPoints`] draws, and
/// does with them what the ordinary operations do: forward, mean squared error, backward, optimizer.
pub struct TrainNetwork<'a, F> {
    /// What is trained.
    pub network: SmallNetwork,
    /// Behind each hidden layer; one that [`Activation::is_known_from_output`].
    pub activation: Activation,
    /// Of each layer with K inputs and N outputs the weight, `[K, N]`, then the bias, `[N]`; updated.
    pub parameters: &'a mut F,
    /// What updates them.
    pub optimizer: SmallOptimizer<'a, F>,
    /// Room for the gradient, `[n]`; what it holds has no meaning.
    pub gradient: &'a mut F,
    /// The mean of the steps' losses, `[1]`, overwritten.
    pub loss: &'a mut F,
    /// What is learned.
    pub density: Density,
    /// Of the whole training.
    pub seed: u64,
    /// Number of the first step, from 0.
    pub first_step: u64,
    /// Number of steps, at least 1.
    pub n_steps: u64,
    /// B, at least 1.
    pub n_rows: usize,
    /// Step size.
    pub learning_rate: f32,
}

impl<F> TrainNetwork<'_, F> {
    /// What all devices check and compute first.
    pub(super) fn course(&self, check: Operation) -> Result<Course> {
        check.at_least_one("n_rows", self.n_rows)?;
        check.at_least_one("n_steps", usize::from(self.n_steps > 0))?;
        if !self.activation.is_known_from_output() {
            return Err(Error::Input(format!(
                "{}: the output of {:?} does not tell its derivative, so the ordinary operations have to \
                 train the network",
                check.0, self.activation
            )));
        }
        let (betas, powers, epsilon) = match self.optimizer {
            SmallOptimizer::Sgd => ([0.0; 2], [0.0; 2], 1.0),
            SmallOptimizer::Adam {
                betas,
                powers,
                epsilon,
                ..
            } => (betas, powers, epsilon),
        };
        let n_rows = u32::try_from(self.n_rows);
        Ok(Course {
            network: self.network,
            seed: self.seed,
            first_step: self.first_step,
            n_steps: self.n_steps,
            descent: Descent {
                learning_rate: self.learning_rate.into(),
                betas,
                powers,
                epsilon: epsilon.into(),
            },
            density: self.density,
            n_rows: n_rows.map_err(|_| {
                Error::Device(format!(
                    "{}: `n_rows` is {}, at most {} points are drawn for a step",
                    check.0,
                    self.n_rows,
                    u32::MAX
                ))
            })?,
            activation: self.activation,
        })
    }
}

/// Learning a density on a device.
pub trait GaussianOperations: Memory {
    /// See [`DrawPoints`].
    fn draw_points(&self, op: DrawPoints<'_, Self::Floats>) -> Result<()>;
    /// See [`TrainNetwork`].
    fn train_network(&self, op: TrainNetwork<'_, Self::Floats>) -> Result<()>;
}
