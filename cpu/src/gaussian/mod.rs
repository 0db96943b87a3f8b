//! A network that learns the density of a two-dimensional normal distribution from random points.
//!
//! ```
//! use cpu::backend::{Activation, HostBackend};
//! use cpu::gaussian::{Normal, Recipe, Trainer};
//! use cpu::nn::{Schedule, Sgd};
//!
//! # fn main() -> cpu::Result<()> {
//! let backend = HostBackend::new(None)?;
//! let recipe = Recipe {
//!     normal: Normal::standard(),
//!     hidden: vec![8, 8],
//!     activation: Activation::Relu,
//!     optimizer: Sgd::new(0.2)?.into(),
//!     schedule: Schedule::cosine(0.0)?.warm_up(2_000),
//!     batch_size: 16,
//!     n_steps: 20_000,
//!     seed: 1,
//! };
//! let mut trainer = Trainer::new(&backend, recipe)?;
//! trainer.train_until(&backend, 20_000)?;
//! let errors = trainer.errors(&backend)?;
//! assert!(errors.mean_squared < 2e-4, "{errors:?}");
//! # Ok(())
//! # }
//! ```

mod normal;

use crate::backend::{Activation, Backend, DrawPoints, SmallNetwork, SmallOptimizer, TrainNetwork};
use crate::nn::{
    Architecture, ElementwiseLoss, Initializer, LossPass, Mode, Optimizer, Schedule, Sequential,
    Step, Update, models, random_generator,
};
use crate::{Error, Result};

pub use normal::Normal;

/// Points are drawn from the square from minus to plus this.
pub const EXTENT: f64 = gpu::gaussian::EXTENT as f64;
/// Points along each axis of the grid on which errors are taken, from one edge of the square to the
/// other.
pub const GRID: usize = 101;
/// Rows that the network computes at a time when it is not trained.
const EVALUATION_BATCH: usize = 1024;
/// Steps whose learning rate is the same, at most. With so many, what leads from step to step costs
/// nothing, on the CPU, or between launches, on a GPU.
const MAX_STEPS_PER_RATE: u64 = 1000;
/// Learning rates that a training has at least, if it has as many steps.
const MIN_RATES: u64 = 500;
/// Points of a step up to which all steps go through [`TrainNetwork`]: it uses one thread of the CPU, or
/// one block of a GPU.
const MAX_SMALL_BATCH: usize = 256;

/// What is learned, by what and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// What is learned.
    pub normal: Normal,
    /// Units of the hidden layers.
    pub hidden: Vec<usize>,
    /// Behind each of them.
    pub activation: Activation,
    /// What updates the weights.
    pub optimizer: Optimizer,
    /// How the learning rate goes on, in stairs: it is the same for a thousand steps, or for a
    /// five-hundredth of all if that is less.
    pub schedule: Schedule,
    /// Points of a step.
    pub batch_size: usize,
    /// Steps of the whole training, which the schedule needs to know.
    pub n_steps: u64,
    /// Of weights and points.
    pub seed: u64,
}

/// A training that is under way.
///
/// Networks up to two hidden layers of 64 units, or as many in up to six layers, are trained by
/// [`TrainNetwork`], with gradient descent or Adam, an activation that is known from its output, and up to
/// 256 points a step; all others by the ordinary operations.
///
/// The network learns the density divided by its largest value, so that neither weights nor learning
/// rates depend on the covariance. Losses and errors are those of the density itself.
pub struct Trainer<B: Backend> {
    recipe: Recipe,
    model: Sequential<B>,
    way: Way<B>,
    /// The points of the grid, in batches, with their numbers.
    grid: Vec<(B::Floats, usize)>,
    step: u64,
}

/// How steps are done.
enum Way<B: Backend> {
    Small(Small<B>),
    Layers {
        /// `[B, 2]`
        x: B::Floats,
        /// `[B]`
        target: B::Floats,
        statistics: B::Statistics,
    },
}

struct Small<B: Backend> {
    network: SmallNetwork,
    parameters: B::Floats,
    gradient: B::Floats,
    loss: B::Floats,
    adam: Option<SmallAdam<B>>,
}

struct SmallAdam<B: Backend> {
    means: [B::Floats; 2],
    betas: [f64; 2],
    /// β₁ and β₂ to the power of the steps that are done.
    powers: [f64; 2],
    epsilon: f32,
}

/// How far the network is from the density, on the grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Errors {
    /// Mean of the squares.
    pub mean_squared: f64,
    /// The largest one.
    pub largest: f64,
}

impl Recipe {
    /// The network, without its weights, which are drawn as suits the activation.
    pub fn architecture(&self) -> Architecture {
        let initializer = match self.activation {
            Activation::Sigmoid | Activation::Tanh => Initializer::XavierNormal,
            _ => Initializer::HeNormal,
        };
        models::mlp(&[2], &self.hidden, 1, self.activation, initializer)
    }

    /// Steps whose learning rate is the same.
    fn steps_per_rate(&self) -> u64 {
        (self.n_steps / MIN_RATES).clamp(1, MAX_STEPS_PER_RATE)
    }

    /// What [`TrainNetwork`] would need; `None` if it does not take the training.
    fn small<B: Backend>(&self, backend: &B, model: &Sequential<B>) -> Result<Option<Small<B>>> {
        let Some(network) = SmallNetwork::new(&self.hidden) else {
            return Ok(None);
        };
        if !self.activation.is_known_from_output() || self.batch_size > MAX_SMALL_BATCH {
            return Ok(None);
        }
        let n = network.n_parameters();
        let adam = match &self.optimizer {
            Optimizer::Sgd(sgd) if sgd.plain() == Some(0.0) => None,
            Optimizer::Adam(adam) => match adam.plain() {
                None => return Ok(None),
                Some((betas, epsilon)) => Some(SmallAdam {
                    means: [backend.zeros(n)?, backend.zeros(n)?],
                    betas,
                    powers: [1.0; 2],
                    epsilon,
                }),
            },
            _ => return Ok(None),
        };
        let mut parameters = Vec::with_capacity(n);
        for parameter in model.parameters() {
            parameters.extend(backend.download_floats(&parameter.value)?);
        }
        Ok(Some(Small {
            network,
            parameters: backend.upload_floats(&parameters)?,
            gradient: backend.zeros(n)?,
            loss: backend.zeros(1)?,
            adam,
        }))
    }
}

impl<B: Backend + 'static> Trainer<B> {
    /// Draws the weights.
    ///
    /// # Errors
    ///
    /// If a batch has no points, a layer no units, or the device no memory for them.
    pub fn new(backend: &B, recipe: Recipe) -> Result<Self> {
        if recipe.batch_size == 0 {
            return Err(Error::Input(
                "a batch has 0 points, it must have at least 1".to_owned(),
            ));
        }
        let max_rows = recipe.batch_size.max(EVALUATION_BATCH);
        let random = &mut random_generator(recipe.seed);
        let model = recipe.architecture().build(backend, max_rows, random)?;
        let way = match recipe.small(backend, &model)? {
            Some(small) => Way::Small(small),
            None => Way::Layers {
                x: backend.zeros(2 * recipe.batch_size)?,
                target: backend.zeros(recipe.batch_size)?,
                statistics: backend.statistics(MAX_STEPS_PER_RATE as usize)?,
            },
        };
        let points: Vec<f32> = grid()
            .flatten()
            .map(|coordinate| coordinate as f32)
            .collect();
        let upload = |points: &[f32]| Ok((backend.upload_floats(points)?, points.len() / 2));
        let grid = points.chunks(2 * EVALUATION_BATCH).map(upload);
        Ok(Trainer {
            grid: grid.collect::<Result<_>>()?,
            recipe,
            model,
            way,
            step: 0,
        })
    }

    /// The network, with the weights that it had when errors or values were last asked for.
    pub fn model(&self) -> &Sequential<B> {
        &self.model
    }

    /// Whether steps go through [`TrainNetwork`].
    pub fn is_small(&self) -> bool {
        matches!(self.way, Way::Small(_))
    }

    /// Steps that are done.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Trains until so many steps are done, and returns the mean of the losses since the call before: of
    /// each step the mean squared error of the density at the step's points. `None` if there is no step
    /// to do.
    ///
    /// # Errors
    ///
    /// If the loss is no number any more, or the device fails.
    pub fn train_until(&mut self, backend: &B, end: u64) -> Result<Option<f64>> {
        let begin = self.step;
        if end <= begin {
            return Ok(None);
        }
        let mut sum = 0.0;
        while self.step < end {
            let n_same = self.recipe.steps_per_rate();
            let first_of_rate = self.step / n_same * n_same;
            let n_steps = (first_of_rate + n_same).min(end) - self.step;
            let learning_rate = self.recipe.schedule.rate(
                self.recipe.optimizer.learning_rate(),
                first_of_rate,
                self.recipe.n_steps,
            );
            sum += self.steps(backend, n_steps, learning_rate)?;
            self.step += n_steps;
        }
        let loss = self.recipe.normal.peak().powi(2) * sum / (end - begin) as f64;
        if !loss.is_finite() {
            return Err(Error::Training(format!(
                "the loss is {loss} after {end} iterations; try a smaller learning rate"
            )));
        }
        Ok(Some(loss))
    }

    /// Does some steps, and returns the sum of their losses.
    fn steps(&mut self, backend: &B, n_steps: u64, learning_rate: f32) -> Result<f64> {
        let Recipe {
            activation,
            batch_size: n_rows,
            seed,
            optimizer,
            ..
        } = self.recipe;
        let density = self.recipe.normal.on_devices();
        match &mut self.way {
            Way::Small(small) => {
                let optimizer = match &mut small.adam {
                    None => SmallOptimizer::Sgd,
                    Some(adam) => {
                        let powers = adam.powers;
                        // As the device does it: where launches begin changes no bit.
                        for _ in 0..n_steps {
                            for (power, beta) in adam.powers.iter_mut().zip(adam.betas) {
                                *power *= beta;
                            }
                        }
                        let [exp_avg, exp_avg_sq] = &mut adam.means;
                        SmallOptimizer::Adam {
                            exp_avg,
                            exp_avg_sq,
                            betas: adam.betas,
                            powers,
                            epsilon: adam.epsilon,
                        }
                    }
                };
                backend.train_network(TrainNetwork {
                    network: small.network,
                    activation,
                    parameters: &mut small.parameters,
                    optimizer,
                    gradient: &mut small.gradient,
                    loss: &mut small.loss,
                    density,
                    seed,
                    first_step: self.step,
                    n_steps,
                    n_rows,
                    learning_rate,
                })?;
                let loss = backend.download_floats(&small.loss)?;
                Ok(n_steps as f64 * f64::from(loss[0]))
            }
            Way::Layers {
                x,
                target,
                statistics,
            } => {
                let loss = ElementwiseLoss::mean_squared_error(1);
                for idx in 0..n_steps {
                    let index = self.step + idx;
                    let step = Step { seed, index };
                    backend.draw_points(DrawPoints {
                        density,
                        seed,
                        step: index,
                        x,
                        target,
                        n_rows,
                    })?;
                    let model = &mut self.model;
                    model.forward(backend, x, n_rows, Mode::Training(step))?;
                    let (y, dy) = model.output_and_gradient();
                    let pass = LossPass {
                        y,
                        dy: Some(dy),
                        statistics,
                        step: idx as usize,
                        n_rows,
                    };
                    loss.compute(backend, target, pass)?;
                    let update = Update {
                        learning_rate,
                        step: index + 1,
                    };
                    model.backward_and_step(backend, x, n_rows, step, &optimizer, update)?;
                }
                let losses = backend.read_statistics(statistics)?.loss;
                let losses = losses[..n_steps as usize].iter();
                Ok(losses.map(|&loss| f64::from(loss)).sum())
            }
        }
    }

    /// What the network has learned: the density on the [`grid`].
    pub fn values(&mut self, backend: &B) -> Result<Vec<f64>> {
        if let Way::Small(small) = &self.way {
            let parameters = backend.download_floats(&small.parameters)?;
            let mut rest = &parameters[..];
            for parameter in self.model.parameters_mut() {
                let (values, behind) = rest.split_at(parameter.n());
                parameter.value = backend.upload_floats(values)?;
                rest = behind;
            }
        }
        let peak = self.recipe.normal.peak();
        let mut values = Vec::with_capacity(GRID * GRID);
        for (x, n_rows) in &self.grid {
            let y = self.model.forward(backend, x, *n_rows, Mode::Evaluation)?;
            let y = backend.download_floats(y)?;
            values.extend(y[..*n_rows].iter().map(|&share| peak * f64::from(share)));
        }
        Ok(values)
    }

    /// How far the network is from the density.
    pub fn errors(&mut self, backend: &B) -> Result<Errors> {
        let learned = self.values(backend)?;
        Ok(Errors::of(&self.recipe.normal.values(), &learned))
    }
}

impl Errors {
    /// Of what was learned from what it should be, on the [`grid`].
    pub fn of(target: &[f64], learned: &[f64]) -> Errors {
        let differences = target.iter().zip(learned).map(|(t, l)| (t - l).abs());
        let (mut squares, mut largest) = (0.0, 0.0);
        for difference in differences {
            squares += difference * difference;
            // What is no number is larger than all.
            if difference > largest || difference.is_nan() {
                largest = difference;
            }
        }
        Errors {
            mean_squared: squares / target.len() as f64,
            largest,
        }
    }
}

/// The points `[x, y]` of the grid: rows from the top, y = [`EXTENT`], downwards, each from the left to the
/// right.
pub fn grid() -> impl Iterator<Item = [f64; 2]> {
    let coordinate = |idx: usize| EXTENT * (2.0 * idx as f64 / (GRID - 1) as f64 - 1.0);
    (0..GRID)
        .flat_map(move |row| (0..GRID).map(move |column| [coordinate(column), -coordinate(row)]))
}
