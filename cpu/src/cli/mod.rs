//! The command line: what the subcommands share, and which one was meant.

mod arguments;
mod bench;
mod device;
mod devices;
mod evaluate;
mod export;
mod fundamentals;
mod gaussian;
mod inspect;
mod metrics;
mod mnist;
mod output;
mod picture;
mod predict;
mod report;
mod saving;
mod serve;
mod sim;
mod training;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cpu::Error;

/// Trains neural networks on CUDA kernels that are written in Rust, or on the CPU.
#[derive(Debug, Parser)]
#[command(name = "cpu", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a network on handwritten digits and report its accuracy
    Mnist(mnist::Arguments),
    /// Learn the density of a two-dimensional Gaussian from random points
    Gaussian(gaussian::Arguments),
    /// Say what a model takes images for
    Predict(predict::Arguments),
    /// Measure a model on a data set
    Evaluate(evaluate::Arguments),
    /// Write a model as an ONNX file, for other programs
    Export(export::Arguments),
    /// Show what is in a model's file
    Inspect(inspect::Arguments),
    /// Open a page to draw on, which shows what a model makes of it
    Serve(serve::Arguments),
    /// Time the program's own training
    #[command(subcommand)]
    Bench(Bench),
    /// Show the fundamentals: algorithms of mathematics and deep learning, each a subcommand
    List,
    #[command(flatten)]
    Fundamental(fundamentals::Arguments),
    /// Show what there is to run on, and why something is missing
    Devices,
    /// Run a kernel of a PTX file in the simulator: check it, count what it does
    Sim(sim::Arguments),
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// Time epochs of training on handwritten digits, without evaluation
    Mnist(bench::Arguments),
}

/// Does what the command line asks for.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Neither help nor a complaint can be shown to somebody who has gone.
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    let result = match cli.command {
        Command::Mnist(arguments) => mnist::run(&arguments),
        Command::Gaussian(arguments) => gaussian::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Bench(Bench::Mnist(arguments)) => bench::run(&arguments),
        Command::List => fundamentals::list(),
        Command::Fundamental(arguments) => fundamentals::run(&arguments),
        Command::Devices => devices::run(),
        Command::Sim(arguments) => sim::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = match &error {
                Error::OutputClosed => Ok(()),
                Error::Interrupted(what) => writeln!(io::stderr(), "\n{what}"),
                error => writeln!(io::stderr(), "error: {error}"),
            };
            ExitCode::from(error.exit_code())
        }
    }
}
