//! Arguments that several subcommands share, checked while they are parsed.

use std::num::NonZero;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use cpu::backend;
use cpu::data;
use cpu::nn::{self, Architecture, Augmentation, Sgd, models};
use cpu::train::Recipe;
use cpu::{Error, Result};
use ptx_sim::{Profile, ProfileOutput};
use serde_json::{Map, Value, json};

/// What is trained and how.
#[derive(Debug, Args)]
pub struct Training {
    /// Images per step of the optimizer
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = at_least_one)]
    pub batch_size: usize,

    /// Sizes of the hidden layers, separated by commas
    #[arg(
        long, value_name = "N,...", default_value = "128", value_delimiter = ',',
        value_parser = |text: &str| number_in(text, 1..=MAX_LAYER)
    )]
    pub hidden: Vec<usize>,

    /// Applied after each hidden layer
    #[arg(long, value_enum, default_value_t = Activation::Relu)]
    pub activation: Activation,

    /// How weights are drawn [default: he-normal for relu, xavier-normal for the others]
    #[arg(long, value_enum)]
    pub init: Option<Initializer>,

    /// What updates the weights
    #[arg(long, value_enum, default_value_t = Optimizer::Sgd)]
    pub optimizer: Optimizer,

    /// Step size; a tenth of the default suits a momentum of 0.9
    #[arg(long, value_name = "RATE", default_value_t = 0.3, value_parser = learning_rate)]
    pub learning_rate: f32,

    /// Share of the velocity that is kept from step to step, 0 for none
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = momentum)]
    pub momentum: f32,

    /// L2 penalty
    #[arg(long, value_name = "PENALTY", default_value_t = 0.0, value_parser = weight_decay)]
    pub weight_decay: f32,

    /// Distort the images anew in every step, by at most so much: pixels that they are shifted, degrees
    /// that they are turned, shares of their sides that they are stretched or sheared, and pixels that
    /// parts of them are moved; what is not named is 0 [without settings:
    /// shift=2,rotate=10,scale=0.1,shear=0.1,elastic=3]
    #[arg(
        long, value_name = "SETTING=NUMBER,...", num_args = 0..=1,
        default_missing_value = "shift=2,rotate=10,scale=0.1,shear=0.1,elastic=3"
    )]
    pub augment: Option<Augmentation>,

    /// Where all random numbers begin: the same seed gives the same result
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// Where the images come from.
#[derive(Debug, Args)]
pub struct Data {
    /// What to train on: auto (MNIST if it is there or can be downloaded, else digits), mnist, digits
    /// (which the program draws), or a folder in MNIST's layout such as Fashion-MNIST or EMNIST
    #[arg(long, value_name = "NAME|DIR", default_value = "auto", value_parser = dataset)]
    pub dataset: data::Choice,

    /// Folder with the four files of MNIST, or others of their format, plain or gzip
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Train on this many images only
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub train_limit: Option<usize>,
}

/// What computes.
#[derive(Debug, Args)]
pub struct Device {
    /// What to compute on
    #[arg(long = "device", value_enum, default_value_t = DeviceChoice::Auto)]
    pub choice: DeviceChoice,

    /// Threads on the CPU [default: one per core]
    #[arg(long, value_name = "N", value_parser = |text: &str| number_in(text, 1..=MAX_THREADS))]
    pub threads: Option<usize>,

    #[command(flatten)]
    pub counters: Counters,
}

/// Whether and how the simulator counts what kernels do.
#[derive(Debug, Args)]
pub struct Counters {
    /// Count what kernels do on the simulated device, and print it: table, lines (also the source,
    /// line by line) or json, and behind a colon a file to write it to
    #[arg(
        long = "profile", value_name = "FORMAT[:FILE]", num_args = 0..=1, require_equals = true,
        default_missing_value = "table"
    )]
    output: Option<ProfileOutput>,

    /// Where the paths of source files begin that --profile=lines shows, or a folder below [default:
    /// the current one; of a PTX file, its own]
    #[arg(long, value_name = "DIR")]
    source_root: Option<PathBuf>,
}

/// What `--activation` takes.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Activation {
    /// max(x, 0)
    Relu,
    /// 1 / (1 + exp(-x))
    Sigmoid,
    /// Hyperbolic tangent
    Tanh,
}

/// What `--init` takes.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Initializer {
    /// Uniform within ±sqrt(6 / (inputs + outputs))
    XavierUniform,
    /// Normal with variance 2 / (inputs + outputs)
    XavierNormal,
    /// Uniform within ±sqrt(6 / inputs)
    HeUniform,
    /// Normal with variance 2 / inputs
    HeNormal,
}

/// What `--optimizer` takes.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Optimizer {
    /// Stochastic gradient descent, with momentum and weight decay if they are not 0
    Sgd,
}

/// What `--device` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeviceChoice {
    /// The first CUDA device if there is one, else the CPU
    Auto,
    /// The CPU
    Cpu,
    /// The first CUDA device
    Cuda,
    /// A CUDA device in software: slow, but it checks the kernels
    Sim,
}

/// Units of a layer: the weight between two such layers takes 1 GiB.
const MAX_LAYER: usize = 1 << 14;
/// More threads than any machine that this was tried on has cores.
const MAX_THREADS: usize = 1024;

/// What `--help` says below the options of a command that loads data.
pub const DATA_HELP: &str = "\
MNIST is looked for in --data DIR (and then nowhere else), $MNIST_DIR, data/mnist and the user's \
cache folder, into which it is downloaded if it is in none of them. $MNIST_MIRROR names a mirror to \
take in place of the known ones.

--dataset DIR reads train-images-idx3-ubyte and the other three files as MNIST has them, plain or \
gzip, and the names of the classes from classes.txt, a line each, if it is there. Of a folder with \
several data sets, as EMNIST's, DIR/emnist-letters takes emnist-letters-train-images-idx3-ubyte and \
so on.";

impl Training {
    /// The optimizer, with its state still empty.
    pub fn optimizer(&self) -> Result<nn::Optimizer> {
        Ok(match self.optimizer {
            Optimizer::Sgd => Sgd::new(self.learning_rate)?
                .momentum(self.momentum)?
                .weight_decay(self.weight_decay)?
                .into(),
        })
    }

    /// How a model is trained.
    pub fn recipe(&self, batch_size: usize) -> Result<Recipe> {
        Ok(Recipe {
            augmentation: self.augment,
            ..Recipe::new(self.optimizer()?, batch_size, self.seed)
        })
    }

    /// The model for images of `data`.
    pub fn architecture(&self, data: &data::Dataset) -> Architecture {
        let activation = match self.activation {
            Activation::Relu => backend::Activation::Relu,
            Activation::Sigmoid => backend::Activation::Sigmoid,
            Activation::Tanh => backend::Activation::Tanh,
        };
        let initializer = match self.initializer() {
            Initializer::XavierUniform => nn::Initializer::XavierUniform,
            Initializer::XavierNormal => nn::Initializer::XavierNormal,
            Initializer::HeUniform => nn::Initializer::HeUniform,
            Initializer::HeNormal => nn::Initializer::HeNormal,
        };
        let input = [1, data.size[0], data.size[1]];
        models::mlp(
            &input,
            &self.hidden,
            data.n_classes,
            activation,
            initializer,
        )
    }

    /// The initializer that was asked for, or the one that suits the activation.
    pub fn initializer(&self) -> Initializer {
        self.init.unwrap_or(match self.activation {
            Activation::Relu => Initializer::HeNormal,
            Activation::Sigmoid | Activation::Tanh => Initializer::XavierNormal,
        })
    }

    /// All of it by name, for files.
    pub fn settings(&self) -> Map<String, Value> {
        let settings = json!({
            "hidden": self.hidden,
            "activation": name(self.activation),
            "init": name(self.initializer()),
            "batch_size": self.batch_size,
            "optimizer": name(self.optimizer),
            "learning_rate": self.learning_rate,
            "momentum": self.momentum,
            "weight_decay": self.weight_decay,
            "augmentation": self.augment.map(|augmentation| augmentation.to_string()),
        });
        match settings {
            Value::Object(settings) => settings,
            _ => unreachable!("it is written as an object"),
        }
    }

    /// All of it in one line.
    pub fn describe(&self) -> String {
        let mut text = format!(
            "{}, learning rate {:?}",
            name(self.optimizer),
            self.learning_rate
        );
        if self.momentum != 0.0 {
            text += &format!(", momentum {:?}", self.momentum);
        }
        if self.weight_decay != 0.0 {
            text += &format!(", weight decay {:?}", self.weight_decay);
        }
        if let Some(augmentation) = &self.augment {
            text += &format!(", images distorted by {augmentation}");
        }
        text + &format!(
            ", batches of {}, weights {}, seed {}",
            self.batch_size,
            name(self.initializer()),
            self.seed
        )
    }
}

impl Data {
    /// Loads the images.
    pub fn load(&self, test_limit: Option<usize>) -> Result<data::Splits> {
        let request = data::Request {
            choice: self.dataset.clone(),
            folder: self.data.as_deref(),
            train_limit: self.train_limit,
            test_limit,
        };
        data::load(&request, &mut super::output::report)
    }
}

impl Counters {
    /// Whether anything is counted.
    pub fn are_asked_for(&self) -> bool {
        self.output.is_some()
    }

    /// Prints the counters or writes them to their file, if they were asked for. `root` is where source
    /// files are looked for if nobody says it.
    pub fn write(&self, root: &Path, profile: impl FnOnce() -> Profile) -> Result<()> {
        let Some(output) = &self.output else {
            return Ok(());
        };
        let root = self.source_root.as_deref().unwrap_or(root);
        match output.write(profile(), root).map_err(Error::Io)? {
            Some(text) => super::output::print(format_args!("\n{}", text.trim_end())),
            None => Ok(()),
        }
    }
}

impl Device {
    /// Threads on the CPU, if their number was asked for.
    pub fn threads(&self) -> Option<NonZero<usize>> {
        self.threads.and_then(NonZero::new)
    }
}

/// What the command line calls a value.
pub fn name(value: impl ValueEnum) -> String {
    value
        .to_possible_value()
        .expect("no value is hidden")
        .get_name()
        .to_owned()
}

fn dataset(text: &str) -> Result<data::Choice, String> {
    match text {
        "" => Err("expected auto, mnist, digits or a folder".to_owned()),
        "auto" => Ok(data::Choice::Auto),
        "mnist" => Ok(data::Choice::Mnist),
        "digits" => Ok(data::Choice::Digits),
        folder => Ok(data::Choice::Folder(folder.into())),
    }
}

/// Parses a number of things of which there must be one.
pub fn at_least_one(text: &str) -> Result<usize, String> {
    number_in(text, 1..=usize::MAX)
}

fn number_in(text: &str, range: RangeInclusive<usize>) -> Result<usize, String> {
    let expected = match *range.end() {
        usize::MAX => format!("expected a whole number, at least {}", range.start()),
        end => format!("expected a whole number from {} to {end}", range.start()),
    };
    text.parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or(expected)
}

fn learning_rate(text: &str) -> Result<f32, String> {
    real(text, "a positive number such as 0.1", |rate| rate > 0.0)
}

fn momentum(text: &str) -> Result<f32, String> {
    real(text, "a number from 0 to below 1 such as 0.9", |momentum| {
        (0.0..1.0).contains(&momentum)
    })
}

fn weight_decay(text: &str) -> Result<f32, String> {
    real(text, "0 or a positive number such as 1e-4", |decay| {
        decay >= 0.0
    })
}

/// Parses a finite number that satisfies `is_valid`.
fn real(text: &str, expected: &str, is_valid: impl Fn(f32) -> bool) -> Result<f32, String> {
    text.parse()
        .ok()
        .filter(|&number: &f32| number.is_finite() && is_valid(number))
        .ok_or_else(|| format!("expected {expected}"))
}
