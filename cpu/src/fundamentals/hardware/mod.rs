//! Hardware acceleration: what a machine can do, and how near to it code comes.

pub mod machine;

use clap::Subcommand;

use super::Algorithm;

/// The subcommands of this group.
#[derive(Debug, Clone, Subcommand)]
pub enum Hardware {
    /// Measure this machine's memory bandwidth and its operations a second
    Machine(machine::Options),
}

impl Hardware {
    pub(super) fn algorithm(&self) -> &dyn Algorithm {
        match self {
            Hardware::Machine(options) => options,
        }
    }
}
