//! Launches the kernel of `gpu/src/augmentation.rs`.

use gpu::augmentation::{self, N_THREADS};

use super::super::operation::Operation;
use super::super::{Augment, AugmentationOperations};
use super::{Buffer, CudaBackend};
use crate::Result;

impl AugmentationOperations for CudaBackend {
    fn augment(&self, op: Augment<'_, Buffer<f32>>) -> Result<()> {
        augment(self, op)
    }
}

pub(super) fn augment(backend: &CudaBackend, op: Augment<'_, Buffer<f32>>) -> Result<()> {
    let check = Operation("augment");
    let [height, width] = op.size;
    let images = check.argument("images", op.images, &[op.n_rows, height, width])?;
    let distorted = check.argument_mut("distorted", op.distorted, &[op.n_rows, height, width])?;
    // A pixel's index is counted in 32 bits.
    check.dimension("size", height.saturating_mul(width))?;
    let size = [
        check.dimension("size", height)?,
        check.dimension("size", width)?,
    ];
    let arguments = augmentation::augment {
        images,
        size,
        distortion: op.distortion,
        seed: op.seed,
        step: op.step,
        distorted,
    };
    // SAFETY: a block per image, and lengths that agree.
    unsafe { backend.launch(check.blocks(op.n_rows, N_THREADS)?, arguments) }
}
