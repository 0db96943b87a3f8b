//! Launches the kernels of `gpu/src/clipping.rs`.

use gpu::clipping::{self, MAX_BLOCKS, N_THREADS};

use super::super::operation::Operation;
use super::super::{ClipNorm, ClippingOperations, SumOfSquares};
use super::{Buffer, CudaBackend};
use crate::Result;

impl ClippingOperations for CudaBackend {
    fn sum_of_squares(&self, op: SumOfSquares<'_, Buffer<f32>>) -> Result<()> {
        sum_of_squares(self, op)
    }

    fn clip_norm(&self, op: ClipNorm<'_, Buffer<f32>>) -> Result<()> {
        clip_norm(self, op)
    }

    fn clip_value(&self, values: &mut Buffer<f32>, n: usize, limit: f32) -> Result<()> {
        clip_value(self, values, n, limit)
    }
}

fn sum_of_squares(backend: &CudaBackend, op: SumOfSquares<'_, Buffer<f32>>) -> Result<()> {
    let check = Operation("sum_of_squares");
    let values = check.argument("values", op.values, &[op.n])?;
    check.n_elements("sum", op.sum.len(), &[1])?;
    let config = check.threads_of_quads(op.n, N_THREADS)?;
    let n_blocks = (config.grid[0] as usize).min(MAX_BLOCKS as usize);

    let mut scratch = backend.scratch();
    let arguments = clipping::sum_of_squares {
        values,
        block_sums: scratch.block_sums.slice_mut(0..n_blocks),
    };
    // SAFETY: at most so many blocks, and a sum for each.
    unsafe { backend.launch(check.blocks(n_blocks, N_THREADS)?, arguments)? };
    let arguments = clipping::add_block_sums {
        block_sums: scratch.block_sums.slice(0..n_blocks),
        adds: op.adds,
        sum: op.sum.slice_mut(0..1),
    };
    // SAFETY: one block.
    unsafe { backend.launch(check.blocks(1, N_THREADS)?, arguments) }
}

fn clip_norm(backend: &CudaBackend, op: ClipNorm<'_, Buffer<f32>>) -> Result<()> {
    let check = Operation("clip_norm");
    let arguments = clipping::clip_norm {
        values: check.argument_mut("values", op.values, &[op.n])?,
        sum_of_squares: check.argument("sum_of_squares", op.sum_of_squares, &[1])?,
        max_norm: op.max_norm,
    };
    let config = check.threads_of_quads(op.n, N_THREADS)?;
    // SAFETY: a thread per element or quad.
    unsafe { backend.launch(config, arguments) }
}

fn clip_value(backend: &CudaBackend, values: &mut Buffer<f32>, n: usize, limit: f32) -> Result<()> {
    let check = Operation("clip_value");
    let arguments = clipping::clip_value {
        values: check.argument_mut("values", values, &[n])?,
        limit,
    };
    let config = check.threads_of_quads(n, N_THREADS)?;
    // SAFETY: a thread per element or quad.
    unsafe { backend.launch(config, arguments) }
}
