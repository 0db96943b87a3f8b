//! Gathers a batch from the data set.

use super::matrix::SharedColumns;
use super::{GRANULARITY, HostBackend, Operation};
use crate::Result;
use crate::backend::{BatchOperations, GatherBatch};
use crate::simd::prefetch;

impl BatchOperations for HostBackend {
    fn gather_batch(&self, op: GatherBatch<'_, Self>) -> Result<()> {
        gather_batch(self, op)
    }
}

/// About what a pixel costs, in the units of the products' arithmetic.
const WORK_PER_PIXEL: usize = 8;

pub(super) fn gather_batch(backend: &HostBackend, op: GatherBatch<'_, HostBackend>) -> Result<()> {
    let check = Operation("gather_batch");
    let [n_rows, n_pixels] = [op.n_rows, op.n_pixels];
    let end = op.first_row.saturating_add(n_rows);
    let order = &check.read("order", op.order, &[end])?[op.first_row..];
    let images = check.read("images", op.images, &[op.labels.len(), n_pixels])?;
    let (x, used_columns) = op.x.with_used_columns();
    used_columns.forget();
    let x = check.write("x", x, &[n_rows, n_pixels])?;
    let batch_labels = check.write("batch_labels", op.batch_labels, &[n_rows])?;
    check.below("order", order, op.labels.len())?;
    // The next batch, if its images are there too.
    let next_order = &op.order[end..op.order.len().min(end + n_rows)];
    let next_order = match check.below("order", next_order, op.labels.len()) {
        Ok(()) => next_order,
        Err(_) => &[],
    };

    for (batch_label, &image) in batch_labels.iter_mut().zip(order) {
        *batch_label = op.labels[image as usize];
    }
    let x = SharedColumns::new(x, n_rows, n_pixels);
    let marks = SharedColumns::new(used_columns.marks(n_pixels), 1, n_pixels);
    let work = n_rows * n_pixels * WORK_PER_PIXEL;
    backend.for_each_part(n_pixels, GRANULARITY, work, |pixels| {
        // SAFETY: the parts are disjoint.
        let (mut x, mut marks) = unsafe { (x.block(pixels.clone()), marks.block(pixels.clone())) };
        vectorized!(backend, {
            let marks = marks.row(0);
            for (row, &image) in order.iter().enumerate() {
                if let Some(&next) = next_order.get(row) {
                    prefetch(&images[next as usize * n_pixels..][pixels.clone()]);
                }
                let bytes = &images[image as usize * n_pixels..][pixels.clone()];
                for (x, &byte) in x.row(row).iter_mut().zip(bytes) {
                    *x = op.scale * f32::from(byte);
                }
                for (mark, byte) in marks.iter_mut().zip(bytes) {
                    *mark |= byte;
                }
            }
        });
    });
    // An infinite scale makes NaN of zero.
    if op.scale.is_finite() {
        used_columns.note(n_rows);
    }
    Ok(())
}
