//! Dense layers: what a device computes for them.
//!
//! B rows of a batch, K inputs and N outputs of a layer.

use super::{Activation, Memory, OptimizerOperations, SgdStep};
use crate::Result;

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

/// Dense layers on a device.
pub trait DenseOperations: Memory + OptimizerOperations {
    /// See [`DenseForward`].
    fn dense_forward(&self, op: DenseForward<'_, Self::Floats>) -> Result<()>;
    /// See [`DenseBackwardInput`].
    fn dense_backward_input(&self, op: DenseBackwardInput<'_, Self::Floats>) -> Result<()>;
    /// See [`DenseBackwardWeight`].
    fn dense_backward_weight(&self, op: DenseBackwardWeight<'_, Self::Floats>) -> Result<()>;
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
                nesterov: false,
                weight_decay,
            })?;
        }
        Ok(())
    }
}
