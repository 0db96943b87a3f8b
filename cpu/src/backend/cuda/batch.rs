//! Launches the kernel of `gpu/src/batch.rs`.

use gpu::batch::{self, N_THREADS};

use super::super::operation::Operation;
use super::super::{BatchOperations, GatherBatch};
use super::CudaBackend;
use crate::Result;

impl BatchOperations for CudaBackend {
    fn gather_batch(&self, op: GatherBatch<'_, Self>) -> Result<()> {
        gather_batch(self, op)
    }
}

pub(super) fn gather_batch(backend: &CudaBackend, op: GatherBatch<'_, CudaBackend>) -> Result<()> {
    let check = Operation("gather_batch");
    let [n_rows, n_pixels] = [op.n_rows, op.n_pixels];
    let end = op.first_row.saturating_add(n_rows);
    check.n_elements("order", op.order.len(), &[end])?;
    let images = check.argument("images", op.images, &[op.labels.len(), n_pixels])?;
    let x = check.argument_mut("x", op.x, &[n_rows, n_pixels])?;
    let batch_labels = check.argument_mut("batch_labels", op.batch_labels, &[n_rows])?;

    let n_per_thread = if n_pixels.is_multiple_of(4) { 4 } else { 1 };
    let config = check.threads(x.len().div_ceil(n_per_thread).max(n_rows), N_THREADS)?;
    let arguments = batch::gather_batch {
        images,
        labels: op.labels.slice(0..op.labels.len()),
        order: op.order.slice(op.first_row..end),
        n_pixels: check.dimension("n_pixels", n_pixels)?,
        scale: op.scale,
        x,
        batch_labels,
    };
    // SAFETY: a thread per element or quad and per label, and lengths that agree.
    unsafe { backend.launch(config, arguments) }
}
