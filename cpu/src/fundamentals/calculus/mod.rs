//! Calculus: derivatives, integrals, equations.

pub mod differences;
pub mod dual;
pub mod integration;
pub mod newton;
pub mod ode;
pub mod rosenbrock;
pub mod tape;

use clap::Subcommand;

use super::Algorithm;

/// The subcommands of this group.
#[derive(Debug, Clone, Subcommand)]
pub enum Calculus {
    /// Differentiate by finite differences, and find the best step
    Differences(differences::Options),
    /// Differentiate in forward mode, by dual numbers
    Dual(dual::Options),
    /// Differentiate in reverse mode, on a tape that trains a network on XOR
    Tape(tape::Options),
    /// Integrate by trapezoid, Simpson, Gauss-Legendre and Monte Carlo
    Integration(integration::Options),
    /// Follow oscillators by Euler and Runge-Kutta
    Ode(ode::Options),
    /// Find a root by Newton's method
    Newton(newton::Options),
    /// Find a minimum by descent, momentum, Adam and BFGS, and draw their paths
    Rosenbrock(rosenbrock::Options),
}

impl Calculus {
    pub(super) fn algorithm(&self) -> &dyn Algorithm {
        match self {
            Calculus::Differences(options) => options,
            Calculus::Dual(options) => options,
            Calculus::Tape(options) => options,
            Calculus::Integration(options) => options,
            Calculus::Ode(options) => options,
            Calculus::Newton(options) => options,
            Calculus::Rosenbrock(options) => options,
        }
    }
}
