//! Math basics: numbers that round, and numbers that are drawn.

pub mod pi;
pub mod random;
pub mod softmax;
pub mod statistics;
pub mod sums;

use clap::Subcommand;

use super::Algorithm;

/// The subcommands of this group.
#[derive(Debug, Clone, Subcommand)]
pub enum Basics {
    /// Add up numbers naively, in pairs and with the errors of rounding beside them
    Sums(sums::Options),
    /// Take softmax and log-sum-exp of rows, wrongly and rightly
    Softmax(softmax::Options),
    /// Draw uniform and normal numbers, and test whether they are
    Random(random::Options),
    /// Compute mean and variance in one pass
    Statistics(statistics::Options),
    /// Estimate π by random points
    Pi(pi::Options),
}

impl Basics {
    pub(super) fn algorithm(&self) -> &dyn Algorithm {
        match self {
            Basics::Sums(options) => options,
            Basics::Softmax(options) => options,
            Basics::Random(options) => options,
            Basics::Statistics(options) => options,
            Basics::Pi(options) => options,
        }
    }
}
