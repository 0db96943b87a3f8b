//! Augmentation of images: what a device computes for it.
//!
//! B images of a batch, of H x W pixels.

use super::Memory;
use crate::Result;

pub use gpu::augmentation::Distortion;

/// Distorts every image of a batch in its own way, see [`gpu::augmentation`] for the formulas; what is
/// drawn follows from the seed, the step and the image's place in the batch.
pub struct Augment<'a, F> {
    /// `[B, H, W]`.
    pub images: &'a F,
    /// `[B, H, W]`, overwritten.
    pub distorted: &'a mut F,
    /// B.
    pub n_rows: usize,
    /// H and W.
    pub size: [usize; 2],
    /// How far images are distorted at most; finite numbers that are not negative.
    pub distortion: Distortion,
    /// Of the whole training.
    pub seed: u64,
    /// Number of the step.
    pub step: u64,
}

/// Augmentation on a device.
pub trait AugmentationOperations: Memory {
    /// See [`Augment`].
    fn augment(&self, op: Augment<'_, Self::Floats>) -> Result<()>;
}
