//! Launches the kernels of `gpu/src/activation.rs`.

use gpu::activation::{self, Activation, N_THREADS};

use super::super::ActivationOperations;
use super::super::operation::Operation;
use super::{Buffer, CudaBackend};
use crate::Result;

impl ActivationOperations for CudaBackend {
    fn activation_forward(
        &self,
        activation: Activation,
        x: &Buffer<f32>,
        y: &mut Buffer<f32>,
        n: usize,
    ) -> Result<()> {
        forward(self, activation, x, y, n)
    }

    fn activation_backward(
        &self,
        activation: Activation,
        known: &Buffer<f32>,
        gradient: &mut Buffer<f32>,
        n: usize,
    ) -> Result<()> {
        backward(self, activation, known, gradient, n)
    }
}

pub(super) fn forward(
    backend: &CudaBackend,
    activation: Activation,
    x: &Buffer<f32>,
    y: &mut Buffer<f32>,
    n: usize,
) -> Result<()> {
    let check = Operation("activation_forward");
    let x = check.argument("x", x, &[n])?;
    let y = check.argument_mut("y", y, &[n])?;
    let config = check.threads_of_quads(n, N_THREADS)?;
    // SAFETY: a thread per element or quad, and lengths that agree.
    unsafe { backend.launch(config, activation::activation_forward { activation, x, y }) }
}

pub(super) fn backward(
    backend: &CudaBackend,
    activation: Activation,
    known: &Buffer<f32>,
    gradient: &mut Buffer<f32>,
    n: usize,
) -> Result<()> {
    let check = Operation("activation_backward");
    let known = check.argument("known", known, &[n])?;
    let gradient = check.argument_mut("gradient", gradient, &[n])?;
    let config = check.threads_of_quads(n, N_THREADS)?;
    let arguments = activation::activation_backward {
        activation,
        known,
        gradient,
    };
    // SAFETY: a thread per element or quad, and lengths that agree.
    unsafe { backend.launch(config, arguments) }
}
