//! Launches the kernels of `gpu/src/embedding.rs`.

use gpu::embedding::{self, N_THREADS};

use super::super::operation::Operation;
use super::super::{EmbeddingBackward, EmbeddingForward, EmbeddingOperations};
use super::{Buffer, CudaBackend};
use crate::Result;

impl EmbeddingOperations for CudaBackend {
    fn embedding_forward(&self, op: EmbeddingForward<'_, Buffer<f32>>) -> Result<()> {
        let check = Operation("embedding_forward");
        let shape = op.shape;
        shape.check()?;
        let arguments = embedding::embedding_forward {
            x: check.argument("x", op.x, &[shape.n_positions])?,
            table: check.argument("table", op.table, &shape.table())?,
            n_values: check.dimension("n_values", shape.n_values)?,
            y: check.argument_mut("y", op.y, &shape.output())?,
        };
        let n = shape.n_positions * shape.n_values;
        check.dimension("elements", n)?;
        let n_per_thread = if shape.n_values.is_multiple_of(4) {
            4
        } else {
            1
        };
        let config = check.threads(n / n_per_thread, N_THREADS)?;
        // SAFETY: a thread per element or quad, and lengths that agree.
        unsafe { self.launch(config, arguments) }
    }

    fn embedding_backward(&self, op: EmbeddingBackward<'_, Buffer<f32>>) -> Result<()> {
        let check = Operation("embedding_backward");
        let shape = op.shape;
        shape.check()?;
        let arguments = embedding::embedding_backward {
            x: check.argument("x", op.x, &[shape.n_positions])?,
            dy: check.argument("dy", op.dy, &shape.output())?,
            n_values: check.dimension("n_values", shape.n_values)?,
            dtable: check.argument_mut("dtable", op.dtable, &shape.table())?,
        };
        let config = check.threads(shape.n_entries * shape.n_values, N_THREADS)?;
        // SAFETY: a thread per element, and lengths that agree.
        unsafe { self.launch(config, arguments) }
    }
}
