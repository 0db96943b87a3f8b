//! Pooling of images: what a device computes for it.
//!
//! B images of a batch with C channels of H x W pixels, each pooled to OH x OW.

use serde::{Deserialize, Serialize};

use super::{Memory, Window};
use crate::Result;

/// What becomes of the pixels below a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The largest; NaN counts as larger than any number. Padding never wins.
    Max,
    /// The mean, in which padding counts as zeros.
    Average,
}

/// The shapes of a pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolingShape {
    /// B.
    pub n_rows: usize,
    /// C.
    pub n_channels: usize,
    /// H and W.
    pub image: [usize; 2],
    /// Size, strides and padding.
    pub window: Window,
}

impl PoolingShape {
    /// OH and OW.
    ///
    /// # Errors
    ///
    /// If the window does not fit, see [`Window::output`].
    pub fn output(&self) -> Result<[usize; 2]> {
        self.window.output(self.image)
    }

    /// `[B, C, H, W]`.
    pub(super) fn input_shape(&self) -> [usize; 4] {
        [self.n_rows, self.n_channels, self.image[0], self.image[1]]
    }

    /// `[B, C, OH, OW]`.
    pub(super) fn output_shape(&self) -> Result<[usize; 4]> {
        let [n_rows, n_columns] = self.output()?;
        Ok([self.n_rows, self.n_channels, n_rows, n_columns])
    }
}

/// Each pixel of `y` is the maximum, or the mean, of those of `x` below the window at its place.
pub struct PoolingForward<'a, F> {
    /// Which of the two.
    pub pooling: Pooling,
    /// Input, `[B, C, H, W]`.
    pub x: &'a F,
    /// Output, `[B, C, OH, OW]`, overwritten.
    pub y: &'a mut F,
    /// All dimensions.
    pub shape: PoolingShape,
}

/// The gradient by the input: that of a maximum goes to the first pixel, in row-major order, that has
/// it (to the first NaN, if there is one); that of a mean goes to all pixels in equal parts.
pub struct PoolingBackward<'a, F> {
    /// Which of the two.
    pub pooling: Pooling,
    /// Input of the forward pass, `[B, C, H, W]`; a mean does not read it.
    pub x: &'a F,
    /// Gradient of the loss by the output, `[B, C, OH, OW]`.
    pub dy: &'a F,
    /// Gradient by the input, `[B, C, H, W]`, overwritten.
    pub dx: &'a mut F,
    /// All dimensions.
    pub shape: PoolingShape,
}

/// Pooling on a device.
pub trait PoolingOperations: Memory {
    /// See [`PoolingForward`].
    fn pooling_forward(&self, op: PoolingForward<'_, Self::Floats>) -> Result<()>;
    /// See [`PoolingBackward`].
    fn pooling_backward(&self, op: PoolingBackward<'_, Self::Floats>) -> Result<()>;
}
