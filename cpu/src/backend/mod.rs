//! Where the numbers are computed: one trait, implemented by [`host`] (the CPU) and [`cuda`].
//!
//! The operations are those of the kernels in `gpu/src/`, file for file. Every matrix is dense and
//! row-major. A buffer has a length and no shape: an operation says what shapes it reads it as, and
//! a buffer may be longer than the operation needs (the last batch of an epoch is short).
//!
//! Dimensions, the same letters everywhere: B rows of a batch, K inputs and N outputs of a layer,
//! C classes.

pub mod cuda;
pub mod host;
mod operation;

use crate::Result;

pub use cuda::CudaBackend;
pub use gpu::activation::Activation;
pub use host::HostBackend;

/// `y[B, N] = activation(x[B, K] · weight[K, N] + bias[N])`.
pub struct DenseForward<'a, F> {
    /// Input, `[B, K]`.
    pub x: &'a F,
    /// Weight, `[K, N]`.
    pub weight: &'a F,
    /// Bias, `[N]`.
    pub bias: &'a F,
    /// Applied to each element of the sum.
    pub activation: Activation,
    /// Output, `[B, N]`, overwritten.
    pub y: &'a mut F,
    /// B.
    pub n_rows: usize,
    /// K.
    pub n_inputs: usize,
    /// N.
    pub n_outputs: usize,
}

/// `dx[B, K] = dy[B, N] · weight[K, N]ᵀ`.
pub struct DenseBackwardInput<'a, F> {
    /// Gradient of the loss by the layer's sum (before its activation), `[B, N]`.
    pub dy: &'a F,
    /// Weight, `[K, N]`.
    pub weight: &'a F,
    /// Gradient by the input, `[B, K]`, overwritten.
    pub dx: &'a mut F,
    /// B.
    pub n_rows: usize,
    /// K.
    pub n_inputs: usize,
    /// N.
    pub n_outputs: usize,
}

/// `dweight[K, N] = x[B, K]ᵀ · dy[B, N]` and `dbias[N] = Σ_rows dy[B, N]`.
pub struct DenseBackwardWeight<'a, F> {
    /// Input of the forward pass, `[B, K]`.
    pub x: &'a F,
    /// Gradient of the loss by the layer's sum (before its activation), `[B, N]`.
    pub dy: &'a F,
    /// Gradient by the weight, `[K, N]`, overwritten.
    pub dweight: &'a mut F,
    /// Gradient by the bias, `[N]`, overwritten.
    pub dbias: &'a mut F,
    /// B.
    pub n_rows: usize,
    /// K.
    pub n_inputs: usize,
    /// N.
    pub n_outputs: usize,
}

/// Mean over the batch of `-ln softmax(logits)[label]`, and its gradient.
///
/// Every `labels[i]` must be below `n_classes`; the data sets check this when they are read.
pub struct SoftmaxCrossEntropy<'a, B: Backend> {
    /// Logits, `[B, C]`.
    pub logits: &'a B::Floats,
    /// Classes, `[B]`.
    pub labels: &'a B::Bytes,
    /// Gradient `(softmax(logits) - one_hot(labels)) / B`, `[B, C]`, overwritten; `None` computes none.
    pub dlogits: Option<&'a mut B::Floats>,
    /// Where the loss and the count of correct predictions go.
    pub statistics: &'a mut B::Statistics,
    /// The slot of `statistics` to overwrite.
    pub step: usize,
    /// B, at least 1.
    pub n_rows: usize,
    /// C, at least 1.
    pub n_classes: usize,
}

/// Mean over all elements of `(y - target)²`, and its gradient.
pub struct MeanSquaredError<'a, B: Backend> {
    /// Predictions, `[n]`.
    pub y: &'a B::Floats,
    /// Targets, `[n]`.
    pub target: &'a B::Floats,
    /// Gradient `2 (y - target) / n`, `[n]`, overwritten; `None` computes none.
    pub dy: Option<&'a mut B::Floats>,
    /// Where the loss goes; the count of correct predictions is set to 0.
    pub statistics: &'a mut B::Statistics,
    /// The slot of `statistics` to overwrite.
    pub step: usize,
    /// Number of elements, at least 1.
    pub n: usize,
}

/// One step of gradient descent with momentum and weight decay:
/// `g = gradient + weight_decay · parameter`, `velocity = momentum · velocity + g`,
/// `parameter -= learning_rate · velocity`; without a velocity `parameter -= learning_rate · g`.
///
/// Source: the update of PyTorch's `torch.optim.SGD` with dampening 0.
pub struct SgdStep<'a, F> {
    /// `[n]`, updated.
    pub parameter: &'a mut F,
    /// `[n]`.
    pub gradient: &'a F,
    /// `[n]`, updated; `None` where momentum is 0.
    pub velocity: Option<&'a mut F>,
    /// Number of elements.
    pub n: usize,
    /// Step size.
    pub learning_rate: f32,
    /// Share of the velocity that is kept.
    pub momentum: f32,
    /// L2 penalty.
    pub weight_decay: f32,
}

/// A step of plain gradient descent on a dense layer, from what its backward pass reads:
/// [`DenseBackwardWeight`] and an [`SgdStep`] without a velocity, for weight and bias.
pub struct DenseSgdStep<'a, F> {
    /// Input of the forward pass, `[B, K]`.
    pub x: &'a F,
    /// Gradient of the loss by the layer's sum (before its activation), `[B, N]`.
    pub dy: &'a F,
    /// Weight, `[K, N]`, updated.
    pub weight: &'a mut F,
    /// Bias, `[N]`, updated.
    pub bias: &'a mut F,
    /// Room for the gradient by the weight, `[K, N]`; what it holds afterwards has no meaning.
    pub dweight: &'a mut F,
    /// Room for the gradient by the bias, `[N]`; what it holds afterwards has no meaning.
    pub dbias: &'a mut F,
    /// B.
    pub n_rows: usize,
    /// K.
    pub n_inputs: usize,
    /// N.
    pub n_outputs: usize,
    /// Step size.
    pub learning_rate: f32,
    /// L2 penalty.
    pub weight_decay: f32,
}

/// Gathers rows `order[first_row .. first_row + n_rows]` of a data set:
/// `x[i, j] = scale · images[order[first_row + i], j]`, `batch_labels[i] = labels[order[first_row + i]]`.
pub struct GatherBatch<'a, B: Backend> {
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

/// What a step of training or evaluation measured, one entry per slot.
#[derive(Debug, Clone, PartialEq)]
pub struct StepStatistics {
    /// Sum of the per-row losses for cross-entropy; the mean for the mean squared error.
    pub loss: Vec<f32>,
    /// Rows whose prediction (see [`Backend::predictions`]) is the label.
    pub n_correct: Vec<u32>,
}

/// A device that holds buffers and computes on them.
///
/// Operations may run later than the call that asks for them: an error can come back from any
/// later call, and from [`Backend::synchronize`] at the latest. Operations take effect in the order
/// of the calls.
pub trait Backend: Sized {
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
    /// Copies the statistics to the host; waits for all that was asked for before.
    fn read_statistics(&self, statistics: &Self::Statistics) -> Result<StepStatistics>;
    /// Waits until everything that was asked for is done.
    fn synchronize(&self) -> Result<()>;

    /// See [`DenseForward`].
    fn dense_forward(&self, op: DenseForward<'_, Self::Floats>) -> Result<()>;
    /// See [`DenseBackwardInput`].
    fn dense_backward_input(&self, op: DenseBackwardInput<'_, Self::Floats>) -> Result<()>;
    /// See [`DenseBackwardWeight`].
    fn dense_backward_weight(&self, op: DenseBackwardWeight<'_, Self::Floats>) -> Result<()>;
    /// `y[i] = activation(x[i])` for `i < n`. Every activation of NaN is NaN.
    fn activation_forward(
        &self,
        activation: Activation,
        x: &Self::Floats,
        y: &mut Self::Floats,
        n: usize,
    ) -> Result<()>;
    /// `gradient[i] *= activation'(x[i])` for `i < n`, from the output `y[i] = activation(x[i])`.
    ///
    /// ReLU sets the gradient to 0 where `y[i] <= 0` and leaves it as it is elsewhere: a NaN in `y`
    /// lets it pass, as in PyTorch.
    fn activation_backward(
        &self,
        activation: Activation,
        y: &Self::Floats,
        gradient: &mut Self::Floats,
        n: usize,
    ) -> Result<()>;
    /// See [`SoftmaxCrossEntropy`].
    fn softmax_cross_entropy(&self, op: SoftmaxCrossEntropy<'_, Self>) -> Result<()>;
    /// See [`MeanSquaredError`].
    fn mean_squared_error(&self, op: MeanSquaredError<'_, Self>) -> Result<()>;
    /// See [`SgdStep`].
    fn sgd_step(&self, op: SgdStep<'_, Self::Floats>) -> Result<()>;
    /// See [`DenseSgdStep`]. A device that needs no gradients in memory for it does it in one pass.
    fn dense_sgd_step(&self, op: DenseSgdStep<'_, Self::Floats>) -> Result<()> {
        let DenseSgdStep {
            n_rows,
            n_inputs,
            n_outputs,
            learning_rate,
            weight_decay,
            ..
        } = op;
        self.dense_backward_weight(DenseBackwardWeight {
            x: op.x,
            dy: op.dy,
            dweight: &mut *op.dweight,
            dbias: &mut *op.dbias,
            n_rows,
            n_inputs,
            n_outputs,
        })?;
        for (parameter, gradient, n) in [
            (op.weight, op.dweight, n_inputs * n_outputs),
            (op.bias, op.dbias, n_outputs),
        ] {
            self.sgd_step(SgdStep {
                parameter,
                gradient,
                velocity: None,
                n,
                learning_rate,
                momentum: 0.0,
                weight_decay,
            })?;
        }
        Ok(())
    }
    /// See [`GatherBatch`].
    fn gather_batch(&self, op: GatherBatch<'_, Self>) -> Result<()>;
    /// The class of the largest logit in each of `n_rows` rows of `n_classes`; waits for the result.
    ///
    /// The first of equal ones counts, and a NaN counts as larger than any number.
    fn predictions(
        &self,
        logits: &Self::Floats,
        n_rows: usize,
        n_classes: usize,
    ) -> Result<Vec<u8>>;
}
