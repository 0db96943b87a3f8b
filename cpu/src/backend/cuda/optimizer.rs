//! Launches the kernels of `gpu/src/optimizer.rs`.

use cuda_std::kernel::DeviceSliceMut;
use gpu::optimizer::{self, N_THREADS};

use super::super::operation::Operation;
use super::super::{AdagradStep, AdamStep, OptimizerOperations, RmspropStep, SgdStep};
use super::buffer::no_output;
use super::{Buffer, CudaBackend};
use crate::Result;

impl OptimizerOperations for CudaBackend {
    fn sgd_step(&self, op: SgdStep<'_, Buffer<f32>>) -> Result<()> {
        sgd_step(self, op)
    }

    fn adam_step(&self, op: AdamStep<'_, Buffer<f32>>) -> Result<()> {
        adam_step(self, op)
    }

    fn rmsprop_step(&self, op: RmspropStep<'_, Buffer<f32>>) -> Result<()> {
        rmsprop_step(self, op)
    }

    fn adagrad_step(&self, op: AdagradStep<'_, Buffer<f32>>) -> Result<()> {
        adagrad_step(self, op)
    }
}

pub(super) fn sgd_step(backend: &CudaBackend, op: SgdStep<'_, Buffer<f32>>) -> Result<()> {
    let check = Operation("sgd_step");
    let parameter = check.argument_mut("parameter", op.parameter, &[op.n])?;
    let gradient = check.argument("gradient", op.gradient, &[op.n])?;
    let config = check.threads_of_quads(op.n, N_THREADS)?;
    let Some(velocity) = op.velocity else {
        let arguments = optimizer::sgd {
            parameter,
            gradient,
            learning_rate: op.learning_rate,
            weight_decay: op.weight_decay,
        };
        // SAFETY: a thread per element or quad, and lengths that agree.
        return unsafe { backend.launch(config, arguments) };
    };
    let arguments = optimizer::sgd_momentum {
        parameter,
        gradient,
        velocity: check.argument_mut("velocity", velocity, &[op.n])?,
        learning_rate: op.learning_rate,
        momentum: op.momentum,
        nesterov: op.nesterov,
        weight_decay: op.weight_decay,
    };
    // SAFETY: a thread per element or quad, and lengths that agree.
    unsafe { backend.launch(config, arguments) }
}

fn adam_step(backend: &CudaBackend, op: AdamStep<'_, Buffer<f32>>) -> Result<()> {
    let check = Operation("adam_step");
    let scalars = op.scalars();
    let arguments = optimizer::adam {
        parameter: check.argument_mut("parameter", op.parameter, &[op.n])?,
        gradient: check.argument("gradient", op.gradient, &[op.n])?,
        exp_avg: check.argument_mut("exp_avg", op.exp_avg, &[op.n])?,
        exp_avg_sq: check.argument_mut("exp_avg_sq", op.exp_avg_sq, &[op.n])?,
        scalars,
    };
    let config = check.threads_of_quads(op.n, N_THREADS)?;
    // SAFETY: a thread per element or quad, and lengths that agree.
    unsafe { backend.launch(config, arguments) }
}

fn rmsprop_step(backend: &CudaBackend, op: RmspropStep<'_, Buffer<f32>>) -> Result<()> {
    let check = Operation("rmsprop_step");
    let n = op.n;
    let scalars = op.scalars();
    let arguments = optimizer::rmsprop {
        parameter: check.argument_mut("parameter", op.parameter, &[n])?,
        gradient: check.argument("gradient", op.gradient, &[n])?,
        square_avg: check.argument_mut("square_avg", op.square_avg, &[n])?,
        velocity: optional(check, "velocity", op.velocity, n)?,
        grad_avg: optional(check, "grad_avg", op.grad_avg, n)?,
        scalars,
    };
    let config = check.threads_of_quads(n, N_THREADS)?;
    // SAFETY: a thread per element or quad, and lengths that agree or are 0 where they may be.
    unsafe { backend.launch(config, arguments) }
}

fn adagrad_step(backend: &CudaBackend, op: AdagradStep<'_, Buffer<f32>>) -> Result<()> {
    let check = Operation("adagrad_step");
    let arguments = optimizer::adagrad {
        parameter: check.argument_mut("parameter", op.parameter, &[op.n])?,
        gradient: check.argument("gradient", op.gradient, &[op.n])?,
        sum: check.argument_mut("sum", op.sum, &[op.n])?,
        learning_rate: op.learning_rate,
        weight_decay: op.weight_decay,
        epsilon: op.epsilon,
    };
    let config = check.threads_of_quads(op.n, N_THREADS)?;
    // SAFETY: a thread per element or quad, and lengths that agree.
    unsafe { backend.launch(config, arguments) }
}

/// An array that a step may be without.
fn optional<'a>(
    check: Operation,
    name: &'static str,
    buffer: Option<&'a mut Buffer<f32>>,
    n: usize,
) -> Result<DeviceSliceMut<'a, f32>> {
    match buffer {
        Some(buffer) => check.argument_mut(name, buffer, &[n]),
        None => Ok(no_output()),
    }
}
