//! Networks: layers, losses, optimizers, initializers and the model that strings layers together.
//!
//! Forward and backward are written by hand, a layer at a time, over the operations of a
//! [`Backend`]. B is the number of rows of a batch, K of inputs, N of outputs, C of classes.
//!
//! ```
//! use cpu::backend::{Activation, HostBackend, Memory};
//! use cpu::nn::{Dense, Initializer, Mode, Sequential, random_generator};
//!
//! # fn main() -> cpu::Result<()> {
//! let backend = HostBackend::new(None)?;
//! let mut random = random_generator(1);
//! let mut dense = |n_inputs, n_outputs, activation| {
//!     Dense::new(&backend, n_inputs, n_outputs, activation, Initializer::HeNormal, &mut random)
//! };
//! let hidden = dense(784, 128, Activation::Relu)?;
//! let logits = dense(128, 10, Activation::Identity)?;
//! let mut model = Sequential::new(&backend, 64, vec![Box::new(hidden), Box::new(logits)])?;
//!
//! let x = backend.zeros(64 * 784)?;
//! let y = model.forward(&backend, &x, 64, Mode::Evaluation)?;
//! assert_eq!(backend.download_floats(y)?, [0.0; 64 * 10]);
//! # Ok(())
//! # }
//! ```

mod activation;
mod adagrad;
mod adam;
mod architecture;
mod augmentation;
pub(crate) mod batch_norm;
mod clipping;
mod conv2d;
mod dense;
mod dropout;
mod elementwise_loss;
mod embedding;
mod initializer;
pub(crate) mod layer_norm;
pub mod models;
mod optimizer;
mod parameter;
mod pool2d;
mod rmsprop;
mod schedule;
mod sequential;
mod sgd;
mod softmax;
mod softmax_cross_entropy;

pub use activation::ActivationLayer;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use architecture::{Architecture, LayerKind, Tie};
pub use augmentation::Augmentation;
pub use batch_norm::BatchNorm;
pub use clipping::Clipping;
pub use conv2d::Conv2d;
pub use dense::Dense;
pub use dropout::Dropout;
pub use elementwise_loss::ElementwiseLoss;
pub use embedding::Embedding;
pub use initializer::{Initializer, random_generator};
pub use layer_norm::LayerNorm;
pub use optimizer::{Optimizer, Update};
pub use parameter::{NamedBuffer, Parameter};
pub use pool2d::Pool2d;
pub use rmsprop::Rmsprop;
pub use schedule::Schedule;
pub use sequential::{NamedLayer, Sequential};
pub use sgd::Sgd;
pub use softmax::Softmax;
pub use softmax_cross_entropy::SoftmaxCrossEntropy;

use crate::Result;
use crate::backend::Backend;

/// A step of training: what a layer draws at random follows from these numbers and its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Of the whole training.
    pub seed: u64,
    /// Number of the step, from 0.
    pub index: u64,
}

/// What a forward pass is for: some layers compute something else while they are trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// To use the model.
    Evaluation,
    /// To train it; a backward pass follows.
    Training(Step),
}

/// What a layer's forward pass reads and writes.
pub struct Forward<'a, F> {
    /// Input, `[B, n_inputs]`.
    pub x: &'a F,
    /// Output, `[B, n_outputs]`, overwritten.
    pub y: &'a mut F,
    /// B.
    pub n_rows: usize,
    /// What the pass is for.
    pub mode: Mode,
}

/// What a layer's backward pass reads and writes.
pub struct Backward<'a, F> {
    /// Input of the forward pass, `[B, n_inputs]`.
    pub x: &'a F,
    /// Output of the forward pass, `[B, n_outputs]`.
    pub y: &'a F,
    /// Gradient of the loss by the output, `[B, n_outputs]`; the layer may use it as scratch space.
    pub dy: &'a mut F,
    /// Gradient of the loss by the input, `[B, n_inputs]`, overwritten; `None` computes none.
    pub dx: Option<&'a mut F>,
    /// B.
    pub n_rows: usize,
    /// The step of the forward pass.
    pub step: Step,
}

/// What a loss reads and writes, besides what it compares with.
pub struct LossPass<'a, B: Backend> {
    /// The model's output.
    pub y: &'a B::Floats,
    /// Gradient of the loss by `y`, overwritten; `None` computes none.
    pub dy: Option<&'a mut B::Floats>,
    /// Where the loss goes.
    pub statistics: &'a mut B::Statistics,
    /// The slot of `statistics` to overwrite.
    pub step: usize,
    /// B.
    pub n_rows: usize,
}

/// A layer of a [`Sequential`] model.
pub trait Layer<B: Backend> {
    /// What the layer is, in a few words: `dense 784 -> 128, relu`.
    fn describe(&self) -> String;
    /// Values that a row of the input has.
    fn n_inputs(&self) -> usize;
    /// Values that a row of the output has.
    fn n_outputs(&self) -> usize;
    /// Computes the output.
    fn forward(&mut self, backend: &B, pass: Forward<'_, B::Floats>) -> Result<()>;
    /// Computes the gradients by the parameters, overwriting those of the last pass, and by the
    /// input.
    fn backward(&mut self, backend: &B, pass: Backward<'_, B::Floats>) -> Result<()>;
    /// Computes the gradient by the input and updates the parameters. What the gradients by the
    /// parameters hold afterwards has no meaning: a layer may not need them in memory.
    fn backward_and_step(
        &mut self,
        backend: &B,
        pass: Backward<'_, B::Floats>,
        optimizer: &Optimizer,
        update: Update,
    ) -> Result<()> {
        self.backward(backend, pass)?;
        self.parameters_mut()
            .iter_mut()
            .try_for_each(|parameter| optimizer.step(backend, parameter, update))
    }
    /// What is trained.
    fn parameters(&self) -> &[Parameter<B>] {
        &[]
    }
    /// What is trained, to update it.
    fn parameters_mut(&mut self) -> &mut [Parameter<B>] {
        &mut []
    }
    /// What is kept with the parameters and not trained, such as running means.
    fn buffers(&self) -> &[NamedBuffer<B>] {
        &[]
    }
    /// The same, to overwrite it.
    fn buffers_mut(&mut self) -> &mut [NamedBuffer<B>] {
        &mut []
    }
}
