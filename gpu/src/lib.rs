//! The kernels, one file per family; `cpu/src/backend/` has the same files on the host's side.
//!
//! On the device each `#[kernel]` is an entry point; on the host it is the typed signature of its
//! launch. Constants say what the launcher needs: threads of a block, sizes of tiles.
//!
//! All matrices are dense and row-major. A kernel computes with whatever shape it is given, and
//! reads and writes 16 bytes at once where rows and buffers are aligned for it.
#![no_std]

pub mod activation;
pub mod addition;
pub mod augmentation;
pub mod batch;
pub mod clipping;
pub mod convolution;
pub mod dense;
pub mod dropout;
pub mod embedding;
pub mod fundamentals;
pub mod gaussian;
pub mod loss;
pub mod matmul;
pub mod normalization;
pub mod optimizer;
pub mod pooling;
mod reduce;
pub mod scan;
pub mod softmax;
pub mod sum;

use cuda_std::output::PerThread;
use cuda_std::vector::F32x4;

/// The single elements again, where not all buffers of a kernel could be read as vectors.
///
/// # Safety
///
/// - All threads of the launch call it, or none does.
#[inline(always)]
unsafe fn elements(output: Result<PerThread<F32x4>, PerThread<f32>>) -> PerThread<f32> {
    // SAFETY: all threads convert their handle.
    output.map_or_else(
        |elements| elements,
        |vectors| unsafe { vectors.into_elements() },
    )
}
