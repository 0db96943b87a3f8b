//! Math basics: numbers that round, and numbers that are drawn.

pub mod sums;

use clap::Subcommand;

use super::Algorithm;

/// The subcommands of this group.
#[derive(Debug, Clone, Subcommand)]
pub enum Basics {
    /// Add up numbers naively, in pairs and with the errors of rounding beside them
    Sums(sums::Options),
}

impl Basics {
    pub(super) fn algorithm(&self) -> &dyn Algorithm {
        match self {
            Basics::Sums(options) => options,
        }
    }
}
