//! Launches the kernels of `gpu/src/optimizer.rs`.

use gpu::optimizer::{self, N_THREADS};

use super::super::operation::Operation;
use super::super::{OptimizerOperations, SgdStep};
use super::{Buffer, CudaBackend};
use crate::Result;

impl OptimizerOperations for CudaBackend {
    fn sgd_step(&self, op: SgdStep<'_, Buffer<f32>>) -> Result<()> {
        sgd_step(self, op)
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
        weight_decay: op.weight_decay,
    };
    // SAFETY: a thread per element or quad, and lengths that agree.
    unsafe { backend.launch(config, arguments) }
}
