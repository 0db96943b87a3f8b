//! Launches the kernels of `gpu/src/loss.rs`.

use cuda_std::kernel::DeviceSlice;
use cust::context::Context;
use cust::error::CudaResult;
use cust::stream::Stream;
use gpu::loss::{self, MAX_BLOCKS, N_ROWS_PER_BLOCK, N_THREADS};

use super::super::operation::Operation;
use super::super::{ElementwiseLoss, LossOperations, SoftmaxCrossEntropy};
use super::buffer::{no_input, no_output};
use super::{Buffer, CudaBackend, Statistics};
use crate::Result;

impl LossOperations for CudaBackend {
    fn softmax_cross_entropy(&self, op: SoftmaxCrossEntropy<'_, Self>) -> Result<()> {
        softmax_cross_entropy(self, op)
    }

    fn elementwise_loss(&self, op: ElementwiseLoss<'_, Self>) -> Result<()> {
        elementwise_loss(self, op)
    }

    fn predictions(
        &self,
        logits: &Buffer<f32>,
        n_rows: usize,
        n_classes: usize,
    ) -> Result<Vec<u8>> {
        predictions(self, logits, n_rows, n_classes)
    }
}

/// What the kernels leave for each other, allocated once.
pub(super) struct Scratch {
    /// A sum for each block.
    pub(super) block_sums: Buffer<f32>,
    /// A count for each block.
    block_n_correct: Buffer<u32>,
    /// The classes of the largest batch so far.
    classes: Buffer<u32>,
    /// Parts of a gradient by a convolution's weight, of the largest so far.
    pub(super) parts: Buffer<f32>,
}

impl Scratch {
    pub(super) fn new(context: &Context, stream: &Stream) -> CudaResult<Self> {
        Ok(Scratch {
            block_sums: Buffer::zeroed(context, stream, MAX_BLOCKS as usize)?,
            block_n_correct: Buffer::zeroed(context, stream, MAX_BLOCKS as usize)?,
            classes: Buffer::zeroed(context, stream, 0)?,
            parts: Buffer::zeroed(context, stream, 0)?,
        })
    }
}

pub(super) fn softmax_cross_entropy(
    backend: &CudaBackend,
    op: SoftmaxCrossEntropy<'_, CudaBackend>,
) -> Result<()> {
    let check = Operation("softmax_cross_entropy");
    let [n_rows, n_classes] = [op.n_rows, op.n_classes];
    check.at_least_one("n_rows", n_rows)?;
    check.at_least_one("n_classes", n_classes)?;
    let logits = check.argument("logits", op.logits, &[n_rows, n_classes])?;
    let labels = check.argument("labels", op.labels, &[n_rows])?;
    let dlogits = match op.dlogits {
        Some(dlogits) => check.argument_mut("dlogits", dlogits, &[n_rows, n_classes])?,
        None => no_output(),
    };
    check_slot(check, op.statistics, op.step)?;

    let mut scratch = backend.scratch();
    let scratch = &mut *scratch;
    let n_blocks = n_rows.div_ceil(N_ROWS_PER_BLOCK).min(MAX_BLOCKS as usize);
    let arguments = loss::softmax_cross_entropy {
        logits,
        labels,
        n_classes: check.dimension("n_classes", n_classes)?,
        label_smoothing: op.label_smoothing,
        dlogits,
        block_loss: scratch.block_sums.slice_mut(0..n_blocks),
        block_n_correct: scratch.block_n_correct.slice_mut(0..n_blocks),
    };
    // SAFETY: at most so many blocks, a sum and a count for each, and lengths that agree.
    unsafe { backend.launch(check.blocks(n_blocks, N_THREADS)?, arguments)? };
    let sums = BlockSums {
        loss: scratch.block_sums.slice(0..n_blocks),
        n_correct: scratch.block_n_correct.slice(0..n_blocks),
        scale: 1.0,
    };
    sums.add_up(backend, check, op.statistics, op.step)
}

pub(super) fn elementwise_loss(
    backend: &CudaBackend,
    op: ElementwiseLoss<'_, CudaBackend>,
) -> Result<()> {
    let check = Operation("elementwise_loss");
    check.at_least_one("n", op.n)?;
    let y = check.argument("y", op.y, &[op.n])?;
    let target = check.argument("target", op.target, &[op.n])?;
    let dy = match op.dy {
        Some(dy) => check.argument_mut("dy", dy, &[op.n])?,
        None => no_output(),
    };
    check_slot(check, op.statistics, op.step)?;

    let mut scratch = backend.scratch();
    let n_blocks = op.n.div_ceil(N_THREADS as usize).min(MAX_BLOCKS as usize);
    let arguments = loss::elementwise_loss {
        function: op.function,
        y,
        target,
        dy,
        block_loss: scratch.block_sums.slice_mut(0..n_blocks),
    };
    // SAFETY: at most so many blocks, a sum for each, and lengths that agree.
    unsafe { backend.launch(check.blocks(n_blocks, N_THREADS)?, arguments)? };
    let sums = BlockSums {
        loss: scratch.block_sums.slice(0..n_blocks),
        n_correct: no_input(),
        scale: 1.0 / op.n as f32,
    };
    sums.add_up(backend, check, op.statistics, op.step)
}

pub(super) fn predictions(
    backend: &CudaBackend,
    logits: &Buffer<f32>,
    n_rows: usize,
    n_classes: usize,
) -> Result<Vec<u8>> {
    let check = Operation("predictions");
    check.at_least_one("n_classes", n_classes)?;
    let logits = check.argument("logits", logits, &[n_rows, n_classes])?;

    let mut scratch = backend.scratch();
    if scratch.classes.len() < n_rows {
        scratch.classes = backend.zeroed(n_rows)?;
    }
    let n_blocks = n_rows.div_ceil(N_ROWS_PER_BLOCK).min(MAX_BLOCKS as usize);
    let arguments = loss::predictions {
        logits,
        n_classes: check.dimension("n_classes", n_classes)?,
        classes: scratch.classes.slice_mut(0..n_rows),
    };
    // SAFETY: blocks of so many threads, and lengths that agree.
    unsafe { backend.launch(check.blocks(n_blocks, N_THREADS)?, arguments)? };
    let classes = backend.download(&scratch.classes, n_rows)?;
    check.below("predictions", &classes, 256)?;
    Ok(classes.into_iter().map(|class| class as u8).collect())
}

/// What a loss kernel left, a sum for each block.
struct BlockSums<'a> {
    loss: DeviceSlice<'a, f32>,
    n_correct: DeviceSlice<'a, u32>,
    scale: f32,
}

impl BlockSums<'_> {
    fn add_up(
        self,
        backend: &CudaBackend,
        check: Operation,
        statistics: &mut Statistics,
        step: usize,
    ) -> Result<()> {
        let arguments = loss::sum_statistics {
            block_loss: self.loss,
            block_n_correct: self.n_correct,
            scale: self.scale,
            loss: statistics.loss.slice_mut(step..step + 1),
            n_correct: statistics.n_correct.slice_mut(step..step + 1),
        };
        // SAFETY: one block.
        unsafe { backend.launch(check.blocks(1, N_THREADS)?, arguments) }
    }
}

fn check_slot(check: Operation, statistics: &Statistics, step: usize) -> Result<()> {
    let n_steps = step.saturating_add(1);
    check.n_elements("statistics", statistics.loss.len(), &[n_steps])?;
    Ok(())
}
