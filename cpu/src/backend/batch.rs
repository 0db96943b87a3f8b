//! Batches: what a device computes to gather them.
//!
//! B rows of a batch.

use super::Memory;
use crate::Result;

/// Gathers rows `order[first_row .. first_row + n_rows]` of a data set:
/// `x[i, j] = scale · images[order[first_row + i], j]`, `batch_labels[i] = labels[order[first_row + i]]`.
pub struct GatherBatch<'a, B: Memory> {
    /// All images, `[n_images, n_pixels]`.
    pub images: &'a B::Bytes,
    /// All labels, `[n_images]`.
    pub labels: &'a B::Bytes,
    /// The order in which the epoch visits the images; every entry is below `n_images`.
    pub order: &'a B::Indices,
    /// Where in `order` this batch begins.
    pub first_row: usize,
    /// B.
    pub n_rows: usize,
    /// Pixels of an image.
    pub n_pixels: usize,
    /// What a byte is multiplied by.
    pub scale: f32,
    /// `[B, n_pixels]`, overwritten.
    pub x: &'a mut B::Floats,
    /// `[B]`, overwritten.
    pub batch_labels: &'a mut B::Bytes,
}

/// Batches on a device.
pub trait BatchOperations: Memory {
    /// See [`GatherBatch`].
    fn gather_batch(&self, op: GatherBatch<'_, Self>) -> Result<()>;
}
