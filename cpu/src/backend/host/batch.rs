//! Gathers a batch from the data set.

use super::matrix::SharedColumns;
use super::{HostBackend, Operation};
use crate::Result;
use crate::backend::GatherBatch;

/// About what a pixel costs, in the units of the products' arithmetic.
const WORK_PER_PIXEL: usize = 8;

pub(super) fn gather_batch(backend: &HostBackend, op: GatherBatch<'_, HostBackend>) -> Result<()> {
    let check = Operation("gather_batch");
    let [n_rows, n_pixels] = [op.n_rows, op.n_pixels];
    let end = op.first_row.saturating_add(n_rows);
    let order = &check.read("order", op.order, &[end])?[op.first_row..];
    let images = check.read("images", op.images, &[op.labels.len(), n_pixels])?;
    let x = check.write("x", op.x, &[n_rows, n_pixels])?;
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
    // Rows of one matrix are the columns of a matrix that has a single row.
    let x = SharedColumns::new(x, 1, n_rows * n_pixels);
    backend.for_each_part(n_rows, 1, n_rows * n_pixels * WORK_PER_PIXEL, |rows| {
        // SAFETY: the parts are disjoint, and so are the pixels of their rows.
        let mut x = unsafe { x.block(rows.start * n_pixels..rows.end * n_pixels) };
        backend.vectorized(|| {
            let mut x = x.row(0);
            for row in rows {
                let image = order[row];
                if let Some(&next) = next_order.get(row) {
                    prefetch(&images[next as usize * n_pixels..][..n_pixels]);
                }
                let (row, rest) = x.split_at_mut(n_pixels);
                for (x, &byte) in row.iter_mut().zip(&images[image as usize * n_pixels..]) {
                    *x = op.scale * f32::from(byte);
                }
                x = rest;
            }
        });
    });
    Ok(())
}

/// Asks for bytes that will be read soon.
#[inline(always)]
fn prefetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(64) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: SSE is part of the architecture, and a prefetch has no effect that can be seen.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
}
