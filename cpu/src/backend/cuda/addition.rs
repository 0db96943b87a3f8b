//! Launches the kernel of `gpu/src/addition.rs`.

use gpu::addition::{self, N_THREADS};

use super::super::operation::Operation;
use super::super::{AddMatrix, AdditionOperations};
use super::{Buffer, CudaBackend};
use crate::Result;

impl AdditionOperations for CudaBackend {
    fn add_matrix(&self, op: AddMatrix<'_, Buffer<f32>>) -> Result<()> {
        let check = Operation("add_matrix");
        let shape = [op.n_rows, op.n_columns];
        let x = check.argument("x", op.x, &shape)?;
        let y = check.argument_mut("y", op.y, &shape)?;
        let config = check.threads(y.len(), N_THREADS)?;
        let arguments = addition::add_matrix {
            x,
            n_columns: check.dimension("n_columns", op.n_columns)?,
            is_transposed: op.is_transposed.into(),
            keep: op.keep,
            y,
        };
        // SAFETY: a thread per element, and lengths that agree.
        unsafe { self.launch(config, arguments) }
    }
}
