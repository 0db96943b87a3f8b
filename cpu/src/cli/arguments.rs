//! Arguments that several subcommands share, checked while they are parsed.

use std::num::NonZero;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use cpu::data;
use cpu::{Error, Result};
use ptx_sim::{Profile, ProfileOutput};

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

/// Parses a whole number in `range`.
pub fn number_in(text: &str, range: RangeInclusive<usize>) -> Result<usize, String> {
    let expected = match *range.end() {
        usize::MAX => format!("expected a whole number, at least {}", range.start()),
        end => format!("expected a whole number from {} to {end}", range.start()),
    };
    text.parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or(expected)
}
