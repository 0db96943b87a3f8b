//! The fundamentals of mathematics and deep learning, each in a file of its own: a plain version to read,
//! versions for vectors and threads, and one for a GPU, whose kernel has the same name in
//! `gpu/src/fundamentals/`.
//!
//! Each file begins with the mathematics. What it computes are public functions; [`Algorithm::run`] is
//! what the program's subcommand of that name does: it makes or reads the data, computes, checks the
//! result against a closed form or another crate, and times the versions side by side.

pub mod algorithms;
pub mod basics;
pub mod calculus;
mod data;
pub mod hardware;
mod harness;
pub mod linear_algebra;

use clap::{Command, Subcommand};

pub use harness::{Device, Harness, Place, Record, Table, Work};

use crate::Result;

/// What a subcommand does.
pub trait Algorithm {
    /// Computes, checks, times, and prints all of it.
    ///
    /// # Errors
    ///
    /// If the options or the data are wrong, a check fails, or a device does.
    fn run(&self, harness: &mut Harness) -> Result<()>;
}

/// An algorithm and its options, as the command line has them.
#[derive(Debug, Clone, Subcommand)]
pub enum Fundamental {
    /// Math basics
    #[command(flatten)]
    Basics(basics::Basics),
    /// Linear algebra
    #[command(flatten)]
    LinearAlgebra(linear_algebra::LinearAlgebra),
    /// Calculus
    #[command(flatten)]
    Calculus(calculus::Calculus),
    /// Algorithms
    #[command(flatten)]
    Algorithms(algorithms::Algorithms),
    /// Hardware acceleration
    #[command(flatten)]
    Hardware(hardware::Hardware),
}

impl Fundamental {
    /// The algorithm with its options.
    pub fn algorithm(&self) -> &dyn Algorithm {
        match self {
            Fundamental::Basics(basics) => basics.algorithm(),
            Fundamental::LinearAlgebra(algebra) => algebra.algorithm(),
            Fundamental::Calculus(calculus) => calculus.algorithm(),
            Fundamental::Algorithms(algorithms) => algorithms.algorithm(),
            Fundamental::Hardware(hardware) => hardware.algorithm(),
        }
    }
}

/// The groups, each with its title and its subcommands.
pub fn groups() -> [(&'static str, Command); 5] {
    fn of<T: Subcommand>() -> Command {
        T::augment_subcommands(Command::new("group"))
    }
    [
        ("Math basics", of::<basics::Basics>()),
        ("Linear algebra", of::<linear_algebra::LinearAlgebra>()),
        ("Calculus", of::<calculus::Calculus>()),
        ("Algorithms", of::<algorithms::Algorithms>()),
        ("Hardware acceleration", of::<hardware::Hardware>()),
    ]
}
