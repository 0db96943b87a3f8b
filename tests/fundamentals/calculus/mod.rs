//! Calculus.

mod differences;
mod dual;
mod integration;
mod newton;
mod ode;
mod rosenbrock;
mod tape;
