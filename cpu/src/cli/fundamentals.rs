//! The subcommands for the fundamentals, and `list`, which shows them.

use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand};
use cpu::fundamentals::{self, Fundamental, Harness};
use cpu::{Error, Result};

use super::arguments::Device;
use super::device;
use super::output::print;

/// An algorithm, and what all of them take.
#[derive(Debug)]
pub struct Arguments {
    fundamental: Fundamental,
    shared: Shared,
}

/// What all of them take.
#[derive(Debug, Args)]
struct Shared {
    #[command(flatten)]
    device: Device,

    /// Where all random numbers begin: the same seed gives the same numbers
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// How long each version is timed, in milliseconds, at least once
    #[arg(
        long, value_name = "MS", default_value_t = 200, value_parser = clap::value_parser!(u64).range(..=60_000)
    )]
    patience: u64,
}

// The algorithms know only their own options: each subcommand gets the shared ones beside them.
impl Subcommand for Arguments {
    fn augment_subcommands(command: Command) -> Command {
        let ours = Fundamental::augment_subcommands(Command::new(""))
            .mut_subcommands(|command| Shared::augment_args(command).hide(true));
        command.subcommands(ours.get_subcommands().cloned())
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        Fundamental::has_subcommand(name)
    }
}

impl FromArgMatches for Arguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let fundamental = Fundamental::from_arg_matches(matches)?;
        let (_, options) = matches.subcommand().expect("one was found");
        Ok(Arguments {
            fundamental,
            shared: Shared::from_arg_matches(options)?,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Runs an algorithm.
pub fn run(arguments: &Arguments) -> Result<()> {
    let Shared {
        device,
        seed,
        patience,
    } = &arguments.shared;
    let patience = Duration::from_millis(*patience);
    if let Some(n_threads) = device.threads() {
        rayon::ThreadPoolBuilder::new()
            .num_threads(n_threads.get())
            .build_global()
            .map_err(|e| Error::Device(format!("cpu: threads could not be started: {e}")))?;
    }
    device::beside_cpu(device, |cuda| {
        let mut harness = Harness::new(cuda, *seed, patience, |line| print(line));
        arguments.fundamental.algorithm().run(&mut harness)
    })
}

/// Prints all of them, by their groups.
pub fn list() -> Result<()> {
    for (title, group) in fundamentals::groups() {
        print(format_args!("{title}"))?;
        for command in group.get_subcommands() {
            let about = command
                .get_about()
                .map_or(String::new(), |about| about.to_string());
            print(format_args!("  {:<22}{about}", command.get_name()))?;
        }
        print("")?;
    }
    print("each is a subcommand of this program, and takes --help")
}
