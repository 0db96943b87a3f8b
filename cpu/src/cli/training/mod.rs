//! What is trained and how: the options for it, and what holds where they are left out.

pub mod choices;
mod refusals;

use std::str::FromStr;

use clap::Args;
use cpu::data::{self, batches};
use cpu::nn::{self, Adagrad, Adam, Architecture, Augmentation, Clipping, Rmsprop, Sgd, models};
use cpu::train::Recipe;
use cpu::{Error, Result};
use serde_json::{Map, Value, json};

use self::choices::{Activation, Initializer, Model, Optimizer, Schedule};
use super::arguments::{at_least_one, name, number_in};

/// Units of a layer: the weight between two such layers takes 1 GiB.
pub const MAX_LAYER: usize = 1 << 14;

/// What is trained and how.
#[derive(Debug, Args)]
pub struct Training {
    /// What to train
    #[arg(long, value_enum, default_value_t = Model::Mlp)]
    pub model: Model,

    /// Sizes of the hidden layers of an mlp, separated by commas [default: 128]
    #[arg(
        long, value_name = "N,...", value_delimiter = ',',
        value_parser = |text: &str| number_in(text, 1..=MAX_LAYER)
    )]
    hidden: Option<Vec<usize>>,

    /// Applied after each hidden layer of an mlp [default: relu]
    #[arg(long, value_enum)]
    activation: Option<Activation>,

    /// Share of the values behind hidden layers of an mlp or a cnn that each step of training drops
    /// [default: 0, of a cnn 0.3]
    #[arg(long, value_name = "SHARE", value_parser = share::<f32>)]
    dropout: Option<f32>,

    /// How weights are drawn [default: he-normal for relu, xavier-normal for the others]
    #[arg(long, value_enum)]
    init: Option<Initializer>,

    /// Images per step of the optimizer [default: 64, for a cnn or an mlp with adam 128]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    batch_size: Option<usize>,

    /// What updates the weights [default: sgd for linear and mlp, adam for lenet, adamw for cnn]
    #[arg(long, value_enum)]
    optimizer: Option<Optimizer>,

    /// Step size, the largest one of the schedule [default: 0.3 (1 - momentum) for sgd, 0.001 for adam,
    /// adamw and rmsprop, 0.01 for adagrad; 0.002 for an mlp with adam, 0.004 for a cnn with adamw]
    #[arg(long, value_name = "RATE", value_parser = positive)]
    learning_rate: Option<f32>,

    /// Share of the velocity that sgd or rmsprop keeps from step to step [default: 0]
    #[arg(long, value_name = "SHARE", value_parser = share::<f32>)]
    momentum: Option<f32>,

    /// Nesterov's momentum, for sgd with --momentum
    #[arg(long)]
    nesterov: bool,

    /// Share of the mean gradient that adam or adamw keeps from step to step [default: 0.9]
    #[arg(long, value_name = "SHARE", value_parser = share::<f64>)]
    beta1: Option<f64>,

    /// Share of the mean square that adam or adamw keeps from step to step [default: 0.999]
    #[arg(long, value_name = "SHARE", value_parser = share::<f64>)]
    beta2: Option<f64>,

    /// Share of the mean square that rmsprop keeps from step to step [default: 0.99]
    #[arg(long, value_name = "SHARE", value_parser = share::<f64>)]
    alpha: Option<f64>,

    /// Added to what adam, adamw, rmsprop or adagrad divides by [default: 1e-8, 1e-10 for adagrad]
    #[arg(long, value_name = "NUMBER", value_parser = positive)]
    epsilon: Option<f32>,

    /// L2 penalty; for adamw decoupled from the gradient [default: 0, for adamw 0.01; for a cnn with
    /// adamw 0.05, for an mlp with adam 1e-5]
    #[arg(long, value_name = "PENALTY", value_parser = not_negative)]
    weight_decay: Option<f32>,

    /// How the learning rate goes on from step to step [default: cosine, for a cnn one-cycle]
    #[arg(long, value_enum)]
    schedule: Option<Schedule>,

    /// Epochs after which --schedule step takes the next step [default: a third of all]
    #[arg(long, value_name = "EPOCHS", value_parser = at_least_one)]
    schedule_every: Option<usize>,

    /// What --schedule step and exponential multiply the learning rate by, in a step and in an epoch
    /// [default: 0.1 and 0.8]
    #[arg(long, value_name = "FACTOR", value_parser = factor)]
    schedule_factor: Option<f64>,

    /// Steps of the optimizer in which the learning rate rises to where the schedule begins
    #[arg(long, value_name = "STEPS", default_value_t = 0)]
    warm_up: u64,

    /// Largest norm of all gradients together; longer ones are shortened to it
    #[arg(long, value_name = "NORM", value_parser = positive, conflicts_with = "clip_value")]
    clip_norm: Option<f32>,

    /// Largest value of each gradient, of either sign
    #[arg(long, value_name = "VALUE", value_parser = positive)]
    clip_value: Option<f32>,

    /// Share of each target that is spread over all classes [default: 0.05 for mlp and cnn, 0 for linear and lenet]
    #[arg(long, value_name = "SHARE", value_parser = share::<f32>)]
    label_smoothing: Option<f32>,

    /// Distort the images anew in every step, by at most so much: pixels that they are shifted, degrees
    /// that they are turned, shares of their sides that they are stretched or sheared, and pixels that
    /// parts of them are moved; what is not named is 0 [without settings:
    /// shift=2,rotate=10,scale=0.1,shear=0.05,elastic=1.5]
    #[arg(
        long, value_name = "SETTING=NUMBER,...", num_args = 0..=1,
        default_missing_value = "shift=2,rotate=10,scale=0.1,shear=0.05,elastic=1.5"
    )]
    augment: Option<Augmentation>,

    /// Where all random numbers begin: the same seed gives the same result
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

impl Training {
    /// Epochs that suit the model.
    pub fn default_epochs(&self) -> usize {
        match self.model {
            Model::Linear | Model::Mlp => 15,
            Model::Lenet => 5,
            Model::Cnn => 20,
        }
    }

    /// No more than there are images.
    fn batch_size(&self, n_images: usize) -> usize {
        let default = match (self.model, self.optimizer_kind()) {
            (Model::Cnn, _) | (Model::Mlp, Optimizer::Adam) => 128,
            _ => 64,
        };
        self.batch_size.unwrap_or(default).min(n_images)
    }

    fn optimizer_kind(&self) -> Optimizer {
        self.optimizer.unwrap_or(match self.model {
            Model::Linear | Model::Mlp => Optimizer::Sgd,
            Model::Lenet => Optimizer::Adam,
            Model::Cnn => Optimizer::Adamw,
        })
    }

    fn schedule_kind(&self) -> Schedule {
        self.schedule.unwrap_or(match self.model {
            Model::Cnn => Schedule::OneCycle,
            _ => Schedule::Cosine,
        })
    }

    fn learning_rate(&self) -> f32 {
        self.learning_rate
            .unwrap_or(match (self.model, self.optimizer_kind()) {
                (_, Optimizer::Sgd) => 0.3 * (1.0 - self.momentum.unwrap_or(0.0)),
                (Model::Mlp, Optimizer::Adam) => 0.002,
                (Model::Cnn, Optimizer::Adamw) => 0.004,
                (_, Optimizer::Adam | Optimizer::Adamw | Optimizer::Rmsprop) => 0.001,
                (_, Optimizer::Adagrad) => 0.01,
            })
    }

    fn dropout(&self) -> f32 {
        let default = if self.model == Model::Cnn { 0.3 } else { 0.0 };
        self.dropout.unwrap_or(default)
    }

    fn label_smoothing(&self) -> f32 {
        self.label_smoothing.unwrap_or(match self.model {
            Model::Mlp | Model::Cnn => 0.05,
            Model::Linear | Model::Lenet => 0.0,
        })
    }

    fn hidden(&self) -> Vec<usize> {
        match self.model {
            Model::Mlp => self.hidden.clone().unwrap_or_else(|| vec![128]),
            Model::Linear | Model::Lenet | Model::Cnn => Vec::new(),
        }
    }

    fn activation(&self) -> Activation {
        self.activation.unwrap_or(Activation::Relu)
    }

    /// The initializer that was asked for, or the one that suits the activation.
    fn initializer(&self) -> Initializer {
        self.init.unwrap_or(match self.activation() {
            Activation::Sigmoid | Activation::Tanh => Initializer::XavierNormal,
            _ => Initializer::HeNormal,
        })
    }

    /// The model for images of `data`.
    ///
    /// # Errors
    ///
    /// If they are too small for it.
    pub fn architecture(&self, data: &data::Dataset) -> Result<Architecture> {
        let initializer = match self.initializer() {
            Initializer::XavierUniform => nn::Initializer::XavierUniform,
            Initializer::XavierNormal => nn::Initializer::XavierNormal,
            Initializer::HeUniform => nn::Initializer::HeUniform,
            Initializer::HeNormal => nn::Initializer::HeNormal,
        };
        let activation = self.activation().to_backend();
        let input = [1, data.size[0], data.size[1]];
        let n_classes = data.n_classes;
        let architecture = match self.model {
            Model::Linear => models::linear(&input, n_classes, initializer),
            Model::Mlp => models::mlp_with_dropout(
                &input,
                &self.hidden(),
                n_classes,
                activation,
                self.dropout(),
                initializer,
            ),
            Model::Lenet => models::lenet(&input, n_classes, initializer),
            Model::Cnn => models::cnn(&input, n_classes, self.dropout(), initializer),
        };
        let [height, width] = data.size;
        architecture.shapes().map_err(|error| {
            Error::Input(format!(
                "--model {} takes no images of {height} x {width} pixels: {error}",
                name(self.model)
            ))
        })?;
        Ok(architecture)
    }

    /// How a model is trained on so many images for so many epochs.
    ///
    /// # Errors
    ///
    /// If there is an option that is not for what was chosen.
    pub fn recipe(&self, n_images: usize, n_epochs: usize) -> Result<Recipe> {
        self.check()?;
        let batch_size = self.batch_size(n_images);
        let steps_per_epoch = batches(n_images, batch_size).len();
        let clipping = match (self.clip_norm, self.clip_value) {
            (Some(norm), _) => Some(Clipping::norm(norm)?),
            (None, Some(value)) => Some(Clipping::value(value)?),
            (None, None) => None,
        };
        Ok(Recipe {
            schedule: self.schedule(n_epochs, steps_per_epoch)?,
            n_epochs,
            clipping,
            label_smoothing: self.label_smoothing(),
            augmentation: self.augment,
            ..Recipe::new(self.optimizer()?, batch_size, self.seed)
        })
    }

    /// All of it by name, for files.
    pub fn settings(&self, n_images: usize) -> Map<String, Value> {
        let settings = json!({
            "hidden": self.hidden(),
            "activation": name(self.activation()),
            "dropout": self.dropout(),
            "init": name(self.initializer()),
            "batch_size": self.batch_size(n_images),
            "optimizer": name(self.optimizer_kind()),
            "learning_rate": self.learning_rate(),
            "momentum": self.momentum.unwrap_or(0.0),
            "weight_decay": self.weight_decay(),
            "schedule": name(self.schedule_kind()),
            "warm_up": self.warm_up,
            "label_smoothing": self.label_smoothing(),
            "clip_norm": self.clip_norm,
            "clip_value": self.clip_value,
            "augmentation": self.augment.map(|augmentation| augmentation.to_string()),
        });
        match settings {
            Value::Object(settings) => settings,
            _ => unreachable!("it is written as an object"),
        }
    }

    /// All of it in one line.
    pub fn describe(&self, n_images: usize) -> String {
        let mut text = format!(
            "{}, learning rate {:?}, {}",
            name(self.optimizer_kind()),
            self.learning_rate(),
            name(self.schedule_kind())
        );
        for (what, value) in [
            ("momentum", self.momentum.unwrap_or(0.0)),
            ("weight decay", self.weight_decay()),
            ("label smoothing", self.label_smoothing()),
            (
                "gradients clipped to a norm of",
                self.clip_norm.unwrap_or(0.0),
            ),
            ("gradients clipped to", self.clip_value.unwrap_or(0.0)),
        ] {
            if value != 0.0 {
                text += &format!(", {what} {value:?}");
            }
        }
        if let Some(augmentation) = &self.augment {
            text += &format!(", images distorted by {augmentation}");
        }
        text + &format!(
            ", batches of {}, weights {}, seed {}",
            self.batch_size(n_images),
            name(self.initializer()),
            self.seed
        )
    }

    fn weight_decay(&self) -> f32 {
        self.weight_decay
            .unwrap_or(match (self.model, self.optimizer_kind()) {
                (Model::Mlp, Optimizer::Adam) => 1e-5,
                (Model::Cnn, Optimizer::Adamw) => 0.05,
                (_, Optimizer::Adamw) => 0.01,
                _ => 0.0,
            })
    }

    fn optimizer(&self) -> Result<nn::Optimizer> {
        let rate = self.learning_rate();
        let decay = self.weight_decay();
        let betas = [self.beta1.unwrap_or(0.9), self.beta2.unwrap_or(0.999)];
        Ok(match self.optimizer_kind() {
            Optimizer::Sgd => {
                let sgd = Sgd::new(rate)?.weight_decay(decay)?;
                let momentum = self.momentum.unwrap_or(0.0);
                match self.nesterov {
                    true => sgd.nesterov(momentum)?.into(),
                    false => sgd.momentum(momentum)?.into(),
                }
            }
            Optimizer::Adam => Adam::new(rate)?
                .betas(betas[0], betas[1])?
                .epsilon(self.epsilon.unwrap_or(1e-8))?
                .weight_decay(decay)?
                .into(),
            Optimizer::Adamw => Adam::decoupled(rate)?
                .betas(betas[0], betas[1])?
                .epsilon(self.epsilon.unwrap_or(1e-8))?
                .weight_decay(decay)?
                .into(),
            Optimizer::Rmsprop => Rmsprop::new(rate)?
                .alpha(self.alpha.unwrap_or(0.99))?
                .epsilon(self.epsilon.unwrap_or(1e-8))?
                .momentum(self.momentum.unwrap_or(0.0))?
                .weight_decay(decay)?
                .into(),
            Optimizer::Adagrad => Adagrad::new(rate)?
                .epsilon(self.epsilon.unwrap_or(1e-10))?
                .weight_decay(decay)?
                .into(),
        })
    }

    fn schedule(&self, n_epochs: usize, steps_per_epoch: usize) -> Result<nn::Schedule> {
        let schedule = match self.schedule_kind() {
            Schedule::Constant => nn::Schedule::constant(),
            Schedule::Step => {
                let epochs = self.schedule_every.unwrap_or(n_epochs.div_ceil(3));
                let every = epochs.saturating_mul(steps_per_epoch) as u64;
                nn::Schedule::step(every, self.schedule_factor.unwrap_or(0.1))?
            }
            Schedule::Exponential => {
                let factor = self.schedule_factor.unwrap_or(0.8);
                nn::Schedule::exponential(factor.powf(1.0 / steps_per_epoch as f64))?
            }
            Schedule::Cosine => nn::Schedule::cosine(0.0)?,
            Schedule::OneCycle => nn::Schedule::one_cycle(),
        };
        Ok(schedule.warm_up(self.warm_up))
    }
}

/// Parses a positive number.
pub fn positive(text: &str) -> Result<f32, String> {
    real(text, "a positive number such as 0.1", |number| number > 0.0)
}

fn not_negative(text: &str) -> Result<f32, String> {
    real(text, "0 or a positive number such as 1e-4", |number| {
        number >= 0.0
    })
}

/// Parses a part of a whole that is not all of it.
fn share<F: FromStr + Copy + Into<f64>>(text: &str) -> Result<F, String> {
    real(
        text,
        "a number from 0 to below 1 such as 0.9",
        |share: F| (0.0..1.0).contains(&Into::<f64>::into(share)),
    )
}

fn factor(text: &str) -> Result<f64, String> {
    real(
        text,
        "a number above 0 and at most 1 such as 0.5",
        |factor| factor > 0.0 && factor <= 1.0,
    )
}

/// Parses a finite number that satisfies `is_valid`.
pub fn real<F: FromStr + Copy + Into<f64>>(
    text: &str,
    expected: &str,
    is_valid: impl Fn(F) -> bool,
) -> Result<F, String> {
    text.parse()
        .ok()
        .filter(|&number: &F| number.into().is_finite() && is_valid(number))
        .ok_or_else(|| format!("expected {expected}"))
}
