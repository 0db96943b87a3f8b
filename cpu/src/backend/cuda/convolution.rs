//! Launches the kernels of `gpu/src/convolution.rs`.

use gpu::convolution::{self, N_THREADS};

use super::super::operation::Operation;
use super::super::{
    ConvolutionBackwardInput, ConvolutionBackwardWeight, ConvolutionForward, ConvolutionOperations,
    ConvolutionShape,
};
use super::{Buffer, CudaBackend};
use crate::Result;

impl ConvolutionOperations for CudaBackend {
    fn convolution_forward(&self, op: ConvolutionForward<'_, Buffer<f32>>) -> Result<()> {
        forward(self, op)
    }

    fn convolution_backward_input(
        &self,
        op: ConvolutionBackwardInput<'_, Buffer<f32>>,
    ) -> Result<()> {
        backward_input(self, op)
    }

    fn convolution_backward_weight(
        &self,
        op: ConvolutionBackwardWeight<'_, Buffer<f32>>,
    ) -> Result<()> {
        backward_weight(self, op)
    }
}

fn forward(backend: &CudaBackend, op: ConvolutionForward<'_, Buffer<f32>>) -> Result<()> {
    let check = Operation("convolution_forward");
    let shapes = op.shape.buffer_shapes()?;
    let x = check.argument("x", op.x, &shapes.x)?;
    let weight = check.argument("weight", op.weight, &shapes.weight)?;
    let bias = check.argument("bias", op.bias, &shapes.bias)?;
    let y = check.argument_mut("y", op.y, &shapes.y)?;
    let config = check.threads(y.len(), N_THREADS)?;
    let arguments = convolution::convolution_forward_naive {
        x,
        weight,
        bias,
        activation: op.activation,
        y,
        shape: device_shape(check, op.shape)?,
    };
    // SAFETY: a thread per element of the output, and lengths that agree.
    unsafe { backend.launch(config, arguments) }
}

fn backward_input(
    backend: &CudaBackend,
    op: ConvolutionBackwardInput<'_, Buffer<f32>>,
) -> Result<()> {
    let check = Operation("convolution_backward_input");
    let shapes = op.shape.buffer_shapes()?;
    let dy = check.argument("dy", op.dy, &shapes.y)?;
    let weight = check.argument("weight", op.weight, &shapes.weight)?;
    let dx = check.argument_mut("dx", op.dx, &shapes.x)?;
    let config = check.threads(dx.len(), N_THREADS)?;
    let arguments = convolution::convolution_backward_input_naive {
        dy,
        weight,
        dx,
        shape: device_shape(check, op.shape)?,
    };
    // SAFETY: a thread per element of the output, and lengths that agree.
    unsafe { backend.launch(config, arguments) }
}

fn backward_weight(
    backend: &CudaBackend,
    op: ConvolutionBackwardWeight<'_, Buffer<f32>>,
) -> Result<()> {
    let check = Operation("convolution_backward_weight");
    let shapes = op.shape.buffer_shapes()?;
    let x = check.argument("x", op.x, &shapes.x)?;
    let dy = check.argument("dy", op.dy, &shapes.y)?;
    let dweight = check.argument_mut("dweight", op.dweight, &shapes.weight)?;
    let dbias = check.argument_mut("dbias", op.dbias, &shapes.bias)?;
    let shape = device_shape(check, op.shape)?;
    let config = check.threads(dweight.len(), N_THREADS)?;
    let arguments = convolution::convolution_backward_weight_naive {
        x,
        dy,
        dweight,
        shape,
    };
    // SAFETY: a thread per element of the output, and lengths that agree.
    unsafe { backend.launch(config, arguments)? };

    let config = check.blocks(dbias.len(), N_THREADS)?;
    let arguments = convolution::convolution_backward_bias { dy, dbias, shape };
    // SAFETY: a block per output, and lengths that agree.
    unsafe { backend.launch(config, arguments) }
}

/// The shapes as kernels take them.
fn device_shape(
    check: Operation,
    shape: ConvolutionShape,
) -> Result<convolution::ConvolutionShape> {
    let pair = |name, [rows, columns]: [usize; 2]| -> Result<[u32; 2]> {
        Ok([
            check.dimension(name, rows)?,
            check.dimension(name, columns)?,
        ])
    };
    // Kernels count pixels, and terms of a sum, in 32 bits.
    let output = shape.output()?;
    check.dimension("B OH OW", shape.n_rows * output[0] * output[1])?;
    check.dimension("B H W", shape.n_rows * shape.image[0] * shape.image[1])?;
    Ok(convolution::ConvolutionShape {
        n_rows: check.dimension("n_rows", shape.n_rows)?,
        n_channels: check.dimension("n_channels", shape.n_channels)?,
        image: pair("image", shape.image)?,
        n_outputs: check.dimension("n_outputs", shape.n_outputs)?,
        output: pair("output", output)?,
        window: pair("size of the window", shape.window.size)?,
        stride: pair("stride of the window", shape.window.stride)?,
        padding: pair("padding of the window", shape.window.padding)?,
    })
}
