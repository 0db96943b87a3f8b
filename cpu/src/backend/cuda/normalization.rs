//! Launches the kernels of `gpu/src/normalization.rs`.

use cuda_launch::LaunchConfig;
use gpu::normalization::{self, N_COLUMNS, N_THREADS};

use super::super::operation::Operation;
use super::super::{
    BatchNormBackward, BatchNormEvaluation, BatchNormTraining, ChannelShape, LayerNormBackward,
    LayerNormForward, NormalizationOperations,
};
use super::{Buffer, CudaBackend};
use crate::Result;

impl NormalizationOperations for CudaBackend {
    fn batch_norm_training(&self, op: BatchNormTraining<'_, Buffer<f32>>) -> Result<()> {
        let check = Operation("batch_norm_training");
        let shape = op.shape;
        shape.n_per_channel(check)?;
        // So that an error leaves the running statistics as they were.
        check.n_elements("weight", op.weight.len(), &shape.channels())?;
        check.n_elements("bias", op.bias.len(), &shape.channels())?;
        check.n_elements("y", op.y.len(), &shape.values())?;
        let statistics = normalization::batch_norm_statistics {
            x: check.argument("x", op.x, &shape.values())?,
            momentum: op.momentum,
            n_pixels: check.dimension("n_pixels", shape.n_pixels)?,
            mean: check.argument_mut("mean", op.mean, &shape.channels())?,
            variance: check.argument_mut("variance", op.variance, &shape.channels())?,
            running_mean: check.argument_mut("running_mean", op.running_mean, &shape.channels())?,
            running_variance: check.argument_mut(
                "running_variance",
                op.running_variance,
                &shape.channels(),
            )?,
        };
        check.dimension("elements", op.x.len())?;
        // SAFETY: a block per channel, and lengths that agree.
        unsafe { self.launch(check.blocks(shape.n_channels, N_THREADS)?, statistics)? };
        forward(
            self,
            check,
            BatchNormEvaluation {
                x: op.x,
                mean: op.mean,
                variance: op.variance,
                weight: op.weight,
                bias: op.bias,
                epsilon: op.epsilon,
                activation: op.activation,
                y: op.y,
                shape,
            },
        )
    }

    fn batch_norm_evaluation(&self, op: BatchNormEvaluation<'_, Buffer<f32>>) -> Result<()> {
        forward(self, Operation("batch_norm_evaluation"), op)
    }

    fn batch_norm_backward(&self, op: BatchNormBackward<'_, Buffer<f32>>) -> Result<()> {
        let check = Operation("batch_norm_backward");
        let shape = op.shape;
        shape.n_per_channel(check)?;
        let x = check.argument("x", op.x, &shape.values())?;
        let dy = check.argument("dy", op.dy, &shape.values())?;
        let mean = check.argument("mean", op.mean, &shape.channels())?;
        let variance = check.argument("variance", op.variance, &shape.channels())?;
        let weight = check.argument("weight", op.weight, &shape.channels())?;
        let n_pixels = check.dimension("n_pixels", shape.n_pixels)?;
        let elements = elements(check, shape)?;
        let parameters = normalization::batch_norm_backward_parameters {
            x,
            dy,
            mean,
            variance,
            epsilon: op.epsilon,
            n_pixels,
            dweight: check.argument_mut("dweight", op.dweight, &shape.channels())?,
            dbias: check.argument_mut("dbias", op.dbias, &shape.channels())?,
        };
        // SAFETY: a block per channel, and lengths that agree.
        unsafe { self.launch(check.blocks(shape.n_channels, N_THREADS)?, parameters)? };
        let Some(dx) = op.dx else { return Ok(()) };
        let input = normalization::batch_norm_backward_input {
            x,
            dy,
            mean,
            variance,
            weight,
            dweight: check.argument("dweight", op.dweight, &shape.channels())?,
            dbias: check.argument("dbias", op.dbias, &shape.channels())?,
            epsilon: op.epsilon,
            n_pixels,
            dx: check.argument_mut("dx", dx, &shape.values())?,
        };
        // SAFETY: a thread per element or quad, and lengths that agree.
        unsafe { self.launch(elements, input) }
    }

    fn layer_norm_forward(&self, op: LayerNormForward<'_, Buffer<f32>>) -> Result<()> {
        let check = Operation("layer_norm_forward");
        let [n_rows, n_values] = [op.n_rows, op.n_values];
        check.at_least_one("n_values", n_values)?;
        let arguments = normalization::layer_norm_forward {
            x: check.argument("x", op.x, &[n_rows, n_values])?,
            weight: check.argument("weight", op.weight, &[n_values])?,
            bias: check.argument("bias", op.bias, &[n_values])?,
            epsilon: op.epsilon,
            y: check.argument_mut("y", op.y, &[n_rows, n_values])?,
            mean: check.argument_mut("mean", op.mean, &[n_rows])?,
            variance: check.argument_mut("variance", op.variance, &[n_rows])?,
        };
        let config = check.warps(n_rows, N_THREADS)?;
        // SAFETY: a warp per row, and lengths that agree.
        unsafe { self.launch(config, arguments) }
    }

    fn layer_norm_backward(&self, op: LayerNormBackward<'_, Buffer<f32>>) -> Result<()> {
        let check = Operation("layer_norm_backward");
        let [n_rows, n_values] = [op.n_rows, op.n_values];
        check.at_least_one("n_values", n_values)?;
        let x = check.argument("x", op.x, &[n_rows, n_values])?;
        let dy = check.argument("dy", op.dy, &[n_rows, n_values])?;
        let mean = check.argument("mean", op.mean, &[n_rows])?;
        let variance = check.argument("variance", op.variance, &[n_rows])?;
        let weight = check.argument("weight", op.weight, &[n_values])?;
        let parameters = normalization::layer_norm_backward_parameters {
            x,
            dy,
            mean,
            variance,
            epsilon: op.epsilon,
            dweight: check.argument_mut("dweight", op.dweight, &[n_values])?,
            dbias: check.argument_mut("dbias", op.dbias, &[n_values])?,
        };
        let config = check.blocks(n_values.div_ceil(N_COLUMNS), N_THREADS)?;
        // SAFETY: a block for as many columns as it sums, and lengths that agree.
        unsafe { self.launch(config, parameters)? };
        let Some(dx) = op.dx else { return Ok(()) };
        let input = normalization::layer_norm_backward_input {
            x,
            dy,
            weight,
            mean,
            variance,
            epsilon: op.epsilon,
            dx: check.argument_mut("dx", dx, &[n_rows, n_values])?,
        };
        let config = check.warps(n_rows, N_THREADS)?;
        // SAFETY: a warp per row, and lengths that agree.
        unsafe { self.launch(config, input) }
    }
}

fn forward(
    backend: &CudaBackend,
    check: Operation,
    op: BatchNormEvaluation<'_, Buffer<f32>>,
) -> Result<()> {
    let shape = op.shape;
    let arguments = normalization::batch_norm_forward {
        x: check.argument("x", op.x, &shape.values())?,
        mean: check.argument("mean", op.mean, &shape.channels())?,
        variance: check.argument("variance", op.variance, &shape.channels())?,
        weight: check.argument("weight", op.weight, &shape.channels())?,
        bias: check.argument("bias", op.bias, &shape.channels())?,
        epsilon: op.epsilon,
        activation: op.activation,
        n_pixels: check.dimension("n_pixels", shape.n_pixels)?,
        y: check.argument_mut("y", op.y, &shape.values())?,
    };
    // SAFETY: a thread per element or quad, and lengths that agree.
    unsafe { backend.launch(elements(check, shape)?, arguments) }
}

/// A thread per element, or per four where these belong to one channel.
fn elements(check: Operation, shape: ChannelShape) -> Result<LaunchConfig> {
    let n = shape.values().iter().product::<usize>();
    check.dimension("elements", n)?;
    let n_per_thread = if shape.n_pixels.is_multiple_of(4) {
        4
    } else {
        1
    };
    check.threads(n / n_per_thread, N_THREADS)
}
