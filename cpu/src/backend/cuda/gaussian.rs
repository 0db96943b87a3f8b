//! Launches the kernels of `gpu/src/gaussian.rs`.

use gpu::gaussian::{self, N_INPUTS, N_POINTS, N_THREADS};

use super::super::operation::Operation;
use super::super::{DrawPoints, GaussianOperations, SmallOptimizer, TrainNetwork};
use super::buffer::no_output;
use super::{Buffer, CudaBackend};
use crate::Result;

impl GaussianOperations for CudaBackend {
    fn draw_points(&self, op: DrawPoints<'_, Buffer<f32>>) -> Result<()> {
        draw_points(self, op)
    }

    fn train_network(&self, op: TrainNetwork<'_, Buffer<f32>>) -> Result<()> {
        train_network(self, op)
    }
}

fn draw_points(backend: &CudaBackend, op: DrawPoints<'_, Buffer<f32>>) -> Result<()> {
    let check = Operation("draw_points");
    let arguments = gaussian::draw_points {
        density: op.density,
        seed: op.seed,
        step: op.step,
        x: check.argument_mut("x", op.x, &[op.n_rows, N_INPUTS])?,
        target: check.argument_mut("target", op.target, &[op.n_rows])?,
    };
    // SAFETY: a thread per point, and lengths that agree.
    unsafe { backend.launch(check.threads(op.n_rows, N_THREADS)?, arguments) }
}

fn train_network(backend: &CudaBackend, op: TrainNetwork<'_, Buffer<f32>>) -> Result<()> {
    let check = Operation("train_network");
    let course = op.course(check)?;
    let n = op.network.n_parameters();
    let (exp_avg, exp_avg_sq) = match op.optimizer {
        SmallOptimizer::Sgd => (no_output(), no_output()),
        SmallOptimizer::Adam {
            exp_avg,
            exp_avg_sq,
            ..
        } => (
            check.argument_mut("exp_avg", exp_avg, &[n])?,
            check.argument_mut("exp_avg_sq", exp_avg_sq, &[n])?,
        ),
    };
    let gradient = check.argument_mut("gradient", op.gradient, &[n])?;
    let arguments = gaussian::train_network {
        course,
        parameters: check.argument_mut("parameters", op.parameters, &[n])?,
        exp_avg,
        exp_avg_sq,
        gradient: match op.n_rows {
            ..=N_POINTS => no_output(),
            _ => gradient,
        },
        loss: check.argument_mut("loss", op.loss, &[1])?,
    };
    // SAFETY: one block, lengths that agree, and an activation whose output tells its derivative.
    unsafe { backend.launch(check.blocks(1, N_THREADS)?, arguments) }
}
