//! Hardware acceleration: what a machine can do, and how near to it code comes.

pub mod machine;
pub mod reduction;
pub mod roofline;

use clap::Subcommand;

use super::Algorithm;

/// The subcommands of this group.
#[derive(Debug, Clone, Subcommand)]
pub enum Hardware {
    /// Measure this machine's memory bandwidth and its operations a second
    Machine(machine::Options),
    /// Add up numbers as a loop, an iterator, vectors, threads, and on a GPU
    Reduction(reduction::Options),
    /// Draw how near every algorithm comes to what this machine can do
    Roofline(roofline::Options),
}

impl Hardware {
    pub(super) fn algorithm(&self) -> &dyn Algorithm {
        match self {
            Hardware::Machine(options) => options,
            Hardware::Reduction(options) => options,
            Hardware::Roofline(options) => options,
        }
    }
}
