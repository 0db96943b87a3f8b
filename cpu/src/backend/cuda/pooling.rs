//! Launches the kernels of `gpu/src/pooling.rs`.

use gpu::pooling::{self, N_THREADS, Sizes};

use super::super::operation::Operation;
use super::super::{Pooling, PoolingBackward, PoolingForward, PoolingOperations, PoolingShape};
use super::{Buffer, CudaBackend};
use crate::Result;

impl PoolingOperations for CudaBackend {
    fn pooling_forward(&self, op: PoolingForward<'_, Buffer<f32>>) -> Result<()> {
        let check = Operation("pooling_forward");
        let x = check.argument("x", op.x, &op.shape.input_shape())?;
        let y = check.argument_mut("y", op.y, &op.shape.output_shape()?)?;
        let config = check.threads(y.len(), N_THREADS)?;
        let sizes = sizes(check, op.shape)?;
        // SAFETY: a thread per pixel of the output, and lengths that agree.
        unsafe {
            match op.pooling {
                Pooling::Max => self.launch(config, pooling::max_pooling_forward { x, y, sizes }),
                Pooling::Average => {
                    self.launch(config, pooling::average_pooling_forward { x, y, sizes })
                }
            }
        }
    }

    fn pooling_backward(&self, op: PoolingBackward<'_, Buffer<f32>>) -> Result<()> {
        let check = Operation("pooling_backward");
        let x = check.argument("x", op.x, &op.shape.input_shape())?;
        let dy = check.argument("dy", op.dy, &op.shape.output_shape()?)?;
        let dx = check.argument_mut("dx", op.dx, &op.shape.input_shape())?;
        let config = check.threads(dx.len(), N_THREADS)?;
        let sizes = sizes(check, op.shape)?;
        // SAFETY: a thread per pixel of the input, and lengths that agree.
        unsafe {
            match op.pooling {
                Pooling::Max => {
                    self.launch(config, pooling::max_pooling_backward { x, dy, dx, sizes })
                }
                Pooling::Average => {
                    self.launch(config, pooling::average_pooling_backward { dy, dx, sizes })
                }
            }
        }
    }
}

fn sizes(check: Operation, shape: PoolingShape) -> Result<Sizes> {
    let window = shape.window;
    // Kernels count rows of the padded image in 32 bits, and no window that fits has more.
    for (n, padding) in shape.image.into_iter().zip(window.padding) {
        check.dimension("padded image", n.saturating_add(2 * padding))?;
    }
    let both = |name, [rows, columns]: [usize; 2]| {
        Ok([
            check.dimension(name, rows)?,
            check.dimension(name, columns)?,
        ])
    };
    Ok(Sizes {
        image: both("image", shape.image)?,
        output: both("output", shape.output()?)?,
        window: both("window", window.size)?,
        stride: both("stride", window.stride)?,
        padding: both("padding", window.padding)?,
    })
}
