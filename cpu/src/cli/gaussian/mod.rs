//! `gaussian`: a network learns the density of a two-dimensional normal distribution.

mod font;
mod pictures;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use cpu::backend::Backend;
use cpu::gaussian::{EXTENT, Errors, GRID, Normal, Recipe, Trainer};
use cpu::nn::{self, Adagrad, Adam, Rmsprop, Schedule, Sgd};
use cpu::{Error, Result};
use serde::Serialize;

use self::pictures::Film;
use super::arguments::{self, at_least_one, name, number_in};
use super::device::{self, Chosen, Task};
use super::metrics::Metrics;
use super::mnist::describe;
use super::output::print;
use super::report::make_folder;
use super::saving::{catch_interrupts, is_interrupted};
use super::training::choices::{Activation, Optimizer};
use super::training::{MAX_LAYER, positive, real};

/// Points of a step: far more than are of use.
const MAX_BATCH: usize = 1 << 20;
/// Lines of the table.
const N_LINES: u64 = 20;
/// Pictures without `--picture-every`.
const N_PICTURES: u64 = 40;
/// Pictures at most: more would rather fill the disk by mistake.
const MAX_PICTURES: u64 = 10_000;
/// The longest that training goes on before it looks whether somebody has pressed Ctrl-C, in iterations.
const PATIENCE: u64 = 1000;

/// What `gaussian` takes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Mean of the distribution
    #[arg(
        long, value_name = "X,Y", default_value = "0,0", allow_hyphen_values = true,
        value_parser = numbers::<2>
    )]
    mean: [f64; 2],

    /// Covariance of the distribution, which has to be positive definite
    #[arg(
        long, value_name = "XX,XY,YY", default_value = "1,0,1", allow_hyphen_values = true,
        value_parser = numbers::<3>
    )]
    covariance: [f64; 3],

    /// Sizes of the hidden layers, separated by commas
    #[arg(
        long, value_name = "N,...", value_delimiter = ',', default_value = "8,8",
        value_parser = |text: &str| number_in(text, 1..=MAX_LAYER)
    )]
    hidden: Vec<usize>,

    /// Applied after each hidden layer
    #[arg(long, value_enum, default_value_t = Activation::Relu)]
    activation: Activation,

    /// What updates the weights
    #[arg(long, value_enum, default_value_t = Optimizer::Sgd)]
    optimizer: Optimizer,

    /// Step size, the largest one: it rises to it in a tenth of all iterations, and then falls to 0 along
    /// half a cosine [default: 0.2 for sgd, 0.001 for adam, adamw and rmsprop, 0.01 for adagrad]
    #[arg(long, value_name = "RATE", value_parser = positive)]
    learning_rate: Option<f32>,

    /// Random points per iteration
    #[arg(
        long, value_name = "N", default_value_t = 16,
        value_parser = |text: &str| number_in(text, 1..=MAX_BATCH)
    )]
    batch_size: usize,

    /// Steps of the optimizer, each with new points
    #[arg(long, value_name = "N", default_value_t = 500_000, value_parser = at_least_one)]
    iterations: usize,

    /// Where all random numbers begin: the same seed gives the same result
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    #[command(flatten)]
    device: arguments::Device,

    /// Write pictures to this folder: target, learned and difference side by side, and learning.gif
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Iterations from one picture to the next [default: a fortieth of all]
    #[arg(long, value_name = "K", value_parser = at_least_one, requires = "out")]
    picture_every: Option<usize>,

    /// Write what was measured to this file, a JSON object per line
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
}

/// Trains, draws, reports.
pub fn run(arguments: &Arguments) -> Result<()> {
    let recipe = arguments.recipe()?;
    let metrics = arguments
        .metrics
        .as_deref()
        .map(Metrics::create)
        .transpose()?;
    let film = match &arguments.out {
        None => None,
        Some(folder) => {
            let n_pictures = recipe.n_steps / arguments.picture_every();
            if n_pictures > MAX_PICTURES {
                return Err(Error::Input(format!(
                    "--picture-every {} would make {n_pictures} pictures, at most {MAX_PICTURES} are \
                     made: take a larger number",
                    arguments.picture_every()
                )));
            }
            make_folder(folder)?;
            Some(Film::new(folder, recipe.normal, recipe.n_steps)?)
        }
    };
    let run = Run {
        arguments,
        recipe,
        metrics,
        film,
    };
    device::run(&arguments.device, run)
}

struct Run<'a> {
    arguments: &'a Arguments,
    recipe: Recipe,
    metrics: Option<Metrics>,
    film: Option<Film>,
}

/// A line of the metrics.
#[derive(Serialize)]
struct Line {
    iteration: u64,
    /// The mean since the line before.
    loss: f64,
    seconds: f64,
}

/// The last line of the metrics.
#[derive(Serialize)]
struct Summary<'a> {
    done: bool,
    command: &'static str,
    device: &'a str,
    threads: Option<usize>,
    mean: [f64; 2],
    covariance: [f64; 3],
    hidden: &'a [usize],
    parameters: usize,
    activation: String,
    optimizer: String,
    learning_rate: f32,
    batch_size: usize,
    iterations: u64,
    seed: u64,
    mean_squared_error: f64,
    largest_error: f64,
    /// Training alone.
    train_seconds: f64,
}

impl Task for Run<'_> {
    fn run<B: Backend + 'static>(self, backend: &B, device: &Chosen) -> Result<()> {
        let Run {
            arguments,
            recipe,
            mut metrics,
            mut film,
        } = self;
        let n_iterations = recipe.n_steps;
        let learning_rate = recipe.optimizer.learning_rate();
        let normal = recipe.normal;
        let mut trainer = Trainer::new(backend, recipe.clone())?;
        arguments.introduce(&trainer, learning_rate, device)?;
        catch_interrupts()?;
        if let Some(film) = &mut film {
            film.add(0, &trainer.values(backend)?, FRAME)?;
        }

        print("\n  iteration        loss  seconds  iterations/s")?;
        let picture_every = arguments.picture_every();
        let line_every = n_iterations.div_ceil(N_LINES);
        let mut duration = Duration::ZERO;
        // What comes into the next line: iterations, the sum of their losses, and their time.
        let (mut n_done, mut sum, mut spent) = (0, 0.0, Duration::ZERO);
        while trainer.step() < n_iterations {
            let step = trainer.step();
            let end = [next(step, line_every), step + PATIENCE, n_iterations];
            let end = match &film {
                None => end.into_iter().min(),
                Some(_) => end.into_iter().chain([next(step, picture_every)]).min(),
            };
            let end = end.unwrap_or(n_iterations);
            let start = Instant::now();
            let loss = trainer.train_until(backend, end)?.unwrap_or(0.0);
            spent += start.elapsed();
            n_done += end - step;
            sum += (end - step) as f64 * loss;
            let is_last = end == n_iterations;
            if end % line_every == 0 || is_last {
                let loss = sum / n_done as f64;
                print(format_args!(
                    "{end:>11}  {loss:>10.3e}  {:>7.2}  {:>12.0}",
                    spent.as_secs_f64(),
                    n_done as f64 / spent.as_secs_f64()
                ))?;
                if let Some(metrics) = &mut metrics {
                    metrics.write(&Line {
                        iteration: end,
                        loss,
                        seconds: spent.as_secs_f64(),
                    })?;
                }
                duration += spent;
                (n_done, sum, spent) = (0, 0.0, Duration::ZERO);
            }
            if let Some(film) = &mut film
                && (end % picture_every == 0 || is_last)
            {
                let delay = if is_last { LAST_FRAME } else { FRAME };
                film.add(end, &trainer.values(backend)?, delay)?;
            }
            if is_interrupted() && !is_last {
                if let Some(film) = film {
                    film.finish()?;
                }
                return Err(Error::Interrupted(format!(
                    "stopped after iteration {end} of {n_iterations}"
                )));
            }
        }

        let errors = Errors::of(&normal.values(), &trainer.values(backend)?);
        let seconds = duration.as_secs_f64();
        print(format_args!(
            "\nmean squared error {:.3e}, largest error {:.3e} on {GRID} x {GRID} points\n\
             {n_iterations} iterations in {seconds:.2} s, {:.0} per second",
            errors.mean_squared,
            errors.largest,
            n_iterations as f64 / seconds,
        ))?;
        if let (Some(film), Some(folder)) = (film, &arguments.out) {
            film.finish()?;
            print(format_args!("pictures in {}", folder.display()))?;
        }
        if let Some(mut metrics) = metrics {
            metrics.write(&Summary {
                done: true,
                command: "gaussian",
                device: device.name,
                threads: device.threads,
                mean: normal.mean(),
                covariance: normal.covariance(),
                hidden: &arguments.hidden,
                parameters: trainer.model().n_parameters(),
                activation: name(arguments.activation),
                optimizer: name(arguments.optimizer),
                learning_rate,
                batch_size: arguments.batch_size,
                iterations: n_iterations,
                seed: arguments.seed,
                mean_squared_error: errors.mean_squared,
                largest_error: errors.largest,
                train_seconds: seconds,
            })?;
            metrics.finish()?;
        }
        Ok(())
    }
}

/// How long a picture is shown in the film, in hundredths of a second.
const FRAME: u16 = 12;
/// The same for the last one.
const LAST_FRAME: u16 = 300;

/// The next multiple of `every`.
fn next(step: u64, every: u64) -> u64 {
    (step / every + 1).saturating_mul(every)
}

impl Arguments {
    fn recipe(&self) -> Result<Recipe> {
        let normal = Normal::new(self.mean, self.covariance)?;
        let n_steps = self.iterations as u64;
        let rate = |default| self.learning_rate.unwrap_or(default);
        let optimizer: nn::Optimizer = match self.optimizer {
            Optimizer::Sgd => Sgd::new(rate(0.2))?.into(),
            Optimizer::Adam => Adam::new(rate(0.001))?.into(),
            Optimizer::Adamw => Adam::decoupled(rate(0.001))?.into(),
            Optimizer::Rmsprop => Rmsprop::new(rate(0.001))?.into(),
            Optimizer::Adagrad => Adagrad::new(rate(0.01))?.into(),
        };
        Ok(Recipe {
            normal,
            hidden: self.hidden.clone(),
            activation: self.activation.to_backend(),
            optimizer,
            // Without the rise, gradient descent at its best rate kills the units of some seeds at once.
            schedule: Schedule::cosine(0.0)?.warm_up(n_steps / 10),
            batch_size: self.batch_size,
            n_steps,
            seed: self.seed,
        })
    }

    fn picture_every(&self) -> u64 {
        let default = (self.iterations as u64).div_ceil(N_PICTURES);
        self.picture_every.map_or(default, |every| every as u64)
    }

    /// Prints what is about to be done.
    fn introduce<B: Backend + 'static>(
        &self,
        trainer: &Trainer<B>,
        learning_rate: f32,
        device: &Chosen,
    ) -> Result<()> {
        let ([x, y], [xx, xy, yy]) = (self.mean, self.covariance);
        let model = trainer.model();
        let way = if trainer.is_small() {
            "all steps in one go"
        } else {
            "layer by layer"
        };
        describe(&[
            (
                "density",
                format!(
                    "mean ({x}, {y}), covariance ({xx}, {xy}; {xy}, {yy}), learned from points in \
                     [-{EXTENT}, {EXTENT}]²"
                ),
            ),
            (
                "model",
                format!("{} parameters\n{model}", model.n_parameters()),
            ),
            (
                "training",
                format!(
                    "{}, learning rate {learning_rate:?}, cosine after a warm-up, batches of {}, seed {}; \
                     {way}",
                    name(self.optimizer),
                    self.batch_size,
                    self.seed
                ),
            ),
            ("device", format!("{}: {}", device.name, device.description)),
        ])
    }
}

/// Parses `N` finite numbers, separated by commas.
fn numbers<const N: usize>(text: &str) -> Result<[f64; N], String> {
    let expected = || format!("expected {N} numbers, separated by commas");
    let parse = |part: &str| real(part.trim(), "a number", |_: f64| true);
    let numbers: Result<Vec<f64>, String> = text.split(',').map(parse).collect();
    numbers
        .ok()
        .and_then(|numbers| numbers.try_into().ok())
        .ok_or_else(expected)
}
