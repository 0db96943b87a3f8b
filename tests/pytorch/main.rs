//! What PyTorch computes, and what this project does: update rules step by step, losses and layers
//! with their gradients, schedules, metrics.
//!
//! The numbers are in the files beside this one, which `make.py` wrote, in double precision. The
//! reference, against which the other tests compare all devices, has to agree to 1e-12, the CPU, in
//! single precision, to 1e-5.

mod data;
mod layers;
mod losses;
mod metrics;
mod optimizers;
#[path = "../reference/mod.rs"]
mod reference;
mod training;

use std::num::NonZero;

use cpu::backend::HostBackend;

fn backend() -> HostBackend {
    HostBackend::new(NonZero::new(2)).unwrap()
}
