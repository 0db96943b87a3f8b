//! Convolutions of images: what a device computes for them.
//!
//! B images of a batch with C channels of H x W pixels, O output channels of OH x OW pixels, a window
//! of KH x KW. As in PyTorch the window is not mirrored: these are cross-correlations.

use super::operation::Operation;
use super::{Activation, Memory, Window};
use crate::Result;

/// The shapes of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvolutionShape {
    /// B.
    pub n_rows: usize,
    /// C.
    pub n_channels: usize,
    /// H and W.
    pub image: [usize; 2],
    /// O.
    pub n_outputs: usize,
    /// KH and KW, strides and padding.
    pub window: Window,
}

impl ConvolutionShape {
    /// OH and OW.
    ///
    /// # Errors
    ///
    /// If the window does not fit, see [`Window::output`].
    pub fn output(&self) -> Result<[usize; 2]> {
        self.window.output(self.image)
    }

    /// Terms of a sum: `C KH KW`.
    pub fn depth(&self) -> usize {
        self.n_channels * self.window.size[0] * self.window.size[1]
    }

    /// The shapes of all buffers.
    ///
    /// # Errors
    ///
    /// If the window does not fit, or there is no channel.
    pub(super) fn buffer_shapes(&self, check: Operation) -> Result<BufferShapes> {
        let ConvolutionShape {
            n_rows,
            n_channels,
            image,
            n_outputs,
            window,
        } = *self;
        check.at_least_one("n_channels", n_channels)?;
        check.at_least_one("n_outputs", n_outputs)?;
        let output = self.output()?;
        Ok(BufferShapes {
            x: [n_rows, n_channels, image[0], image[1]],
            weight: [n_channels, window.size[0], window.size[1], n_outputs],
            bias: [n_outputs],
            y: [n_rows, n_outputs, output[0], output[1]],
        })
    }
}

/// The shapes of a convolution's buffers, and of the gradients by them.
pub(super) struct BufferShapes {
    /// `[B, C, H, W]`.
    pub(super) x: [usize; 4],
    /// `[C, KH, KW, O]`.
    pub(super) weight: [usize; 4],
    /// `[O]`.
    pub(super) bias: [usize; 1],
    /// `[B, O, OH, OW]`.
    pub(super) y: [usize; 4],
}

/// `y[b, o, i, j] = activation(bias[o] + Σ_{c, k, l} weight[c, k, l, o] · x[b, c, i s₀ + k - p₀, j s₁ + l - p₁])`
/// with strides `s` and padding `p`; `x` is 0 in the padding.
pub struct ConvolutionForward<'a, F> {
    /// Input, `[B, C, H, W]`.
    pub x: &'a F,
    /// Weight, `[C, KH, KW, O]`.
    pub weight: &'a F,
    /// Bias, `[O]`.
    pub bias: &'a F,
    /// Applied to each element of the sum.
    pub activation: Activation,
    /// Output, `[B, O, OH, OW]`, overwritten.
    pub y: &'a mut F,
    /// All dimensions.
    pub shape: ConvolutionShape,
}

/// The gradient by the input, `dx[b, c, h, w] = Σ_{o, k, l} weight[c, k, l, o] · dy[b, o, (h + p₀ - k) / s₀, (w + p₁ - l) / s₁]`;
/// `dy` is 0 if that is no place of the window.
pub struct ConvolutionBackwardInput<'a, F> {
    /// Gradient of the loss by the layer's sum (before its activation), `[B, O, OH, OW]`.
    pub dy: &'a F,
    /// Weight, `[C, KH, KW, O]`.
    pub weight: &'a F,
    /// Gradient by the input, `[B, C, H, W]`, overwritten.
    pub dx: &'a mut F,
    /// All dimensions.
    pub shape: ConvolutionShape,
}

/// `dweight[c, k, l, o] = Σ_{b, i, j} dy[b, o, i, j] · x[b, c, i s₀ + k - p₀, j s₁ + l - p₁]` and
/// `dbias[o] = Σ_{b, i, j} dy[b, o, i, j]`.
pub struct ConvolutionBackwardWeight<'a, F> {
    /// Input of the forward pass, `[B, C, H, W]`.
    pub x: &'a F,
    /// Gradient of the loss by the layer's sum (before its activation), `[B, O, OH, OW]`.
    pub dy: &'a F,
    /// Gradient by the weight, `[C, KH, KW, O]`, overwritten.
    pub dweight: &'a mut F,
    /// Gradient by the bias, `[O]`, overwritten.
    pub dbias: &'a mut F,
    /// All dimensions.
    pub shape: ConvolutionShape,
}

/// Convolutions on a device.
pub trait ConvolutionOperations: Memory {
    /// See [`ConvolutionForward`].
    fn convolution_forward(&self, op: ConvolutionForward<'_, Self::Floats>) -> Result<()>;
    /// See [`ConvolutionBackwardInput`].
    fn convolution_backward_input(
        &self,
        op: ConvolutionBackwardInput<'_, Self::Floats>,
    ) -> Result<()>;
    /// See [`ConvolutionBackwardWeight`].
    fn convolution_backward_weight(
        &self,
        op: ConvolutionBackwardWeight<'_, Self::Floats>,
    ) -> Result<()>;
}
