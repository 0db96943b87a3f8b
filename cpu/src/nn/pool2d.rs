//! Pooling layers.

use super::{Backward, Forward, Layer};
use crate::Result;
use crate::backend::{Backend, Pooling, PoolingBackward, PoolingForward, PoolingShape, Window};

/// Each pixel of `y` is the largest (`MaxPool2d`), or the mean (`AvgPool2d`), of the pixels of `x`
/// below a window at its place. NaN counts as larger than any number; padding never wins, and counts
/// as zeros in a mean.
///
/// Backward: the gradient goes to the first of the largest pixels, or to all in equal parts.
///
/// | array | shape            |
/// |-------|------------------|
/// | `x`   | `[B, C, H, W]`   |
/// | `y`   | `[B, C, OH, OW]` |
///
/// ```
/// use cpu::backend::{HostBackend, Memory, Pooling, Window};
/// use cpu::nn::{Forward, Layer, Mode, Pool2d};
///
/// # fn main() -> cpu::Result<()> {
/// let backend = HostBackend::new(None)?;
/// let x = backend.upload_floats(&[
///     1.0, 2.0, 0.0, 4.0, //
///     3.0, 6.0, 4.0, 0.0,
/// ])?;
/// let mut y = backend.zeros(2)?;
/// for (pooling, expected) in [(Pooling::Max, [6.0, 4.0]), (Pooling::Average, [3.0, 2.0])] {
///     let mut layer = Pool2d::new(pooling, 1, [2, 4], Window::square(2).stride(2))?;
///     layer.forward(&backend, Forward { x: &x, y: &mut y, n_rows: 1, mode: Mode::Evaluation })?;
///     assert_eq!(backend.download_floats(&y)?, expected);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Pool2d {
    pooling: Pooling,
    n_channels: usize,
    image: [usize; 2],
    output: [usize; 2],
    window: Window,
}

impl Pool2d {
    /// A pooling of images of `n_channels` channels of `image`, rows and columns.
    ///
    /// # Errors
    ///
    /// If the window does not fit onto the image.
    pub fn new(
        pooling: Pooling,
        n_channels: usize,
        image: [usize; 2],
        window: Window,
    ) -> Result<Self> {
        Ok(Pool2d {
            pooling,
            n_channels,
            image,
            output: window.output(image)?,
            window,
        })
    }

    fn shape(&self, n_rows: usize) -> PoolingShape {
        PoolingShape {
            n_rows,
            n_channels: self.n_channels,
            image: self.image,
            window: self.window,
        }
    }
}

pub(super) fn name(pooling: Pooling) -> &'static str {
    match pooling {
        Pooling::Max => "max_pool2d",
        Pooling::Average => "avg_pool2d",
    }
}

impl<B: Backend> Layer<B> for Pool2d {
    fn describe(&self) -> String {
        let (name, n) = (name(self.pooling), self.n_channels);
        let ([height, width], [output_height, output_width]) = (self.image, self.output);
        format!(
            "{name} {n}x{height}x{width} -> {n}x{output_height}x{output_width}, {}",
            self.window
        )
    }

    fn n_inputs(&self) -> usize {
        self.n_channels * self.image[0] * self.image[1]
    }

    fn n_outputs(&self) -> usize {
        self.n_channels * self.output[0] * self.output[1]
    }

    fn forward(&mut self, backend: &B, pass: Forward<'_, B::Floats>) -> Result<()> {
        backend.pooling_forward(PoolingForward {
            pooling: self.pooling,
            x: pass.x,
            y: pass.y,
            shape: self.shape(pass.n_rows),
        })
    }

    fn backward(&mut self, backend: &B, pass: Backward<'_, B::Floats>) -> Result<()> {
        let Some(dx) = pass.dx else { return Ok(()) };
        backend.pooling_backward(PoolingBackward {
            pooling: self.pooling,
            x: pass.x,
            dy: pass.dy,
            dx,
            shape: self.shape(pass.n_rows),
        })
    }
}
