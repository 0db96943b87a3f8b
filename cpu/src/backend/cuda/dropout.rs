//! Launches the kernel of `gpu/src/dropout.rs`.

use gpu::dropout::{self, N_THREADS};

use super::super::operation::Operation;
use super::super::{DropoutOperations, Mask};
use super::{Buffer, CudaBackend};
use crate::Result;

impl DropoutOperations for CudaBackend {
    fn dropout(&self, mask: Mask, x: &Buffer<f32>, y: &mut Buffer<f32>, n: usize) -> Result<()> {
        let check = Operation("dropout");
        let x = check.argument("x", x, &[n])?;
        let y = check.argument_mut("y", y, &[n])?;
        let config = check.threads_of_quads(n, N_THREADS)?;
        // SAFETY: a thread per element or quad, and lengths that agree.
        unsafe { self.launch(config, dropout::apply_dropout { mask, x, y }) }
    }
}
