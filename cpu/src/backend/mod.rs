//! Where the numbers are computed: one trait, implemented by [`host`] (the CPU) and [`cuda`].
//!
//! The operations are those of the kernels in `gpu/src/`, file for file. Every matrix is dense and
//! row-major. A buffer has a length and no shape: an operation says what shapes it reads it as, and
//! a buffer may be longer than the operation needs (the last batch of an epoch is short).
//!
//! Dimensions, the same letters everywhere: B rows of a batch, K inputs and N outputs of a layer,
//! C classes.

mod activation;
mod addition;
mod augmentation;
mod batch;
mod clipping;
mod convolution;
pub mod cuda;
mod dense;
mod dropout;
mod embedding;
mod gaussian;
pub mod host;
mod loss;
mod normalization;
pub(crate) mod operation;
mod optimizer;
mod pooling;
mod softmax;
mod window;

use crate::Result;

pub use activation::{Activation, ActivationOperations};
pub use addition::{AddMatrix, AdditionOperations};
pub use augmentation::{Augment, AugmentationOperations, Distortion};
pub use batch::{BatchOperations, GatherBatch};
pub use clipping::{ClipNorm, ClippingOperations, SumOfSquares};
pub use convolution::{
    ConvolutionBackwardInput, ConvolutionBackwardWeight, ConvolutionForward, ConvolutionOperations,
    ConvolutionShape,
};
pub use cuda::CudaBackend;
pub use dense::{
    DenseBackwardInput, DenseBackwardWeight, DenseForward, DenseOperations, DenseSgdStep,
};
pub use dropout::{DropoutOperations, Mask};
pub use embedding::{
    EmbeddingBackward, EmbeddingForward, EmbeddingOperations, EmbeddingShape, MAX_ENTRIES,
};
pub use gaussian::{
    Density, DrawPoints, GaussianOperations, SmallNetwork, SmallOptimizer, TrainNetwork,
};
pub use host::HostBackend;
pub use loss::{ElementwiseLoss, LossFunction, LossOperations, SoftmaxCrossEntropy};
pub use normalization::{
    BatchNormBackward, BatchNormEvaluation, BatchNormTraining, ChannelShape, LayerNormBackward,
    LayerNormForward, NormalizationOperations,
};
pub use optimizer::{AdagradStep, AdamStep, OptimizerOperations, RmspropStep, SgdStep};
pub use pooling::{Pooling, PoolingBackward, PoolingForward, PoolingOperations, PoolingShape};
pub use softmax::{SoftmaxBackward, SoftmaxForward, SoftmaxOperations};
pub use window::Window;

/// What a step of training or evaluation measured, one entry per slot.
#[derive(Debug, Clone, PartialEq)]
pub struct StepStatistics {
    /// Sum of the rows' losses for cross-entropy; the mean over all elements for losses of elements.
    pub loss: Vec<f32>,
    /// Rows whose prediction (see [`LossOperations::predictions`]) is the label.
    pub n_correct: Vec<u32>,
}

/// A device that holds buffers; what it computes on them is said by the traits of [`Backend`].
///
/// Operations may run later than the call that asks for them: an error can come back from any
/// later call, and from [`Memory::synchronize`] at the latest. Operations take effect in the order
/// of the calls.
pub trait Memory: Sized {
    /// A buffer of `f32`.
    type Floats;
    /// A buffer of `u8`.
    type Bytes;
    /// A buffer of `u32`.
    type Indices;
    /// Losses and counts, a slot per step, that stay on the device until they are read.
    type Statistics;

    /// A buffer of zeros.
    fn zeros(&self, n: usize) -> Result<Self::Floats>;
    /// Copies to a new buffer.
    fn upload_floats(&self, values: &[f32]) -> Result<Self::Floats>;
    /// Copies to a new buffer.
    fn upload_bytes(&self, values: &[u8]) -> Result<Self::Bytes>;
    /// Copies to a new buffer.
    fn upload_indices(&self, values: &[u32]) -> Result<Self::Indices>;
    /// Overwrites `buffer`, which has the length of `values`.
    fn write_indices(&self, buffer: &mut Self::Indices, values: &[u32]) -> Result<()>;
    /// Copies the whole buffer to the host; waits for all that was asked for before.
    fn download_floats(&self, buffer: &Self::Floats) -> Result<Vec<f32>>;
    /// Copies the whole buffer to the host; waits for all that was asked for before.
    fn download_bytes(&self, buffer: &Self::Bytes) -> Result<Vec<u8>>;
    /// Statistics of `n_steps` slots, all zero.
    fn statistics(&self, n_steps: usize) -> Result<Self::Statistics>;
    /// Statistics that continue with what was read before.
    fn upload_statistics(&self, values: &StepStatistics) -> Result<Self::Statistics>;
    /// Copies the statistics to the host; waits for all that was asked for before.
    fn read_statistics(&self, statistics: &Self::Statistics) -> Result<StepStatistics>;
    /// Waits until everything that was asked for is done.
    fn synchronize(&self) -> Result<()>;
}

/// A device that computes everything that a network needs: one trait for each family of operations.
pub trait Backend:
    Memory
    + DenseOperations
    + ConvolutionOperations
    + ActivationOperations
    + PoolingOperations
    + DropoutOperations
    + NormalizationOperations
    + EmbeddingOperations
    + SoftmaxOperations
    + LossOperations
    + OptimizerOperations
    + ClippingOperations
    + BatchOperations
    + AdditionOperations
    + AugmentationOperations
    + GaussianOperations
{
}

impl<B> Backend for B where
    B: Memory
        + DenseOperations
        + ConvolutionOperations
        + ActivationOperations
        + PoolingOperations
        + DropoutOperations
        + NormalizationOperations
        + EmbeddingOperations
        + SoftmaxOperations
        + LossOperations
        + OptimizerOperations
        + ClippingOperations
        + BatchOperations
        + AdditionOperations
        + AugmentationOperations
        + GaussianOperations
{
}
