//! Launches the kernels of `gpu/src/softmax.rs`.

use gpu::softmax::{self, N_THREADS};

use super::super::operation::Operation;
use super::super::{SoftmaxBackward, SoftmaxForward, SoftmaxOperations};
use super::{Buffer, CudaBackend};
use crate::Result;

impl SoftmaxOperations for CudaBackend {
    fn softmax_forward(&self, op: SoftmaxForward<'_, Buffer<f32>>) -> Result<()> {
        let check = Operation("softmax_forward");
        let shape = [op.n_rows, op.n_values];
        check.at_least_one("n_values", op.n_values)?;
        let arguments = softmax::softmax_forward {
            x: check.argument("x", op.x, &shape)?,
            n_values: check.dimension("n_values", op.n_values)?,
            y: check.argument_mut("y", op.y, &shape)?,
        };
        // SAFETY: a warp per row, and lengths that agree.
        unsafe { self.launch(check.warps(op.n_rows, N_THREADS)?, arguments) }
    }

    fn softmax_backward(&self, op: SoftmaxBackward<'_, Buffer<f32>>) -> Result<()> {
        let check = Operation("softmax_backward");
        let shape = [op.n_rows, op.n_values];
        check.at_least_one("n_values", op.n_values)?;
        let arguments = softmax::softmax_backward {
            y: check.argument("y", op.y, &shape)?,
            dy: check.argument("dy", op.dy, &shape)?,
            n_values: check.dimension("n_values", op.n_values)?,
            dx: check.argument_mut("dx", op.dx, &shape)?,
        };
        // SAFETY: a warp per row, and lengths that agree.
        unsafe { self.launch(check.warps(op.n_rows, N_THREADS)?, arguments) }
    }
}
