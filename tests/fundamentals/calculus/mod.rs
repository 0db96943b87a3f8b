//! Calculus.

mod differences;
mod dual;
mod integration;
mod newton;
mod ode;
mod tape;
