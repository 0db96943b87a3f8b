//! Convolutions of images.

use super::{Floats, HostBackend, Operation, activation};
use crate::Result;
use crate::backend::{
    ConvolutionBackwardInput, ConvolutionBackwardWeight, ConvolutionForward, ConvolutionOperations,
    ConvolutionShape,
};

/// Calls `f` with the index of the output, the pixel (`None` in the padding) and the weight of every
/// term.
fn each_term(
    shape: ConvolutionShape,
    mut f: impl FnMut(usize, Option<usize>, usize),
) -> Result<()> {
    let [height, width] = shape.output()?;
    let [window_height, window_width] = shape.window.size;
    let (stride, padding) = (shape.window.stride, shape.window.padding);
    for b in 0..shape.n_rows {
        for o in 0..shape.n_outputs {
            for i in 0..height {
                for j in 0..width {
                    for c in 0..shape.n_channels {
                        for k in 0..window_height {
                            for l in 0..window_width {
                                let row = (i * stride[0] + k).wrapping_sub(padding[0]);
                                let column = (j * stride[1] + l).wrapping_sub(padding[1]);
                                let is_inside = row < shape.image[0] && column < shape.image[1];
                                let channel = b * shape.n_channels + c;
                                let pixel = is_inside.then(|| {
                                    (channel * shape.image[0] + row) * shape.image[1] + column
                                });
                                let output = ((b * shape.n_outputs + o) * height + i) * width + j;
                                let tap = (c * window_height + k) * window_width + l;
                                f(output, pixel, tap * shape.n_outputs + o);
                            }
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

impl ConvolutionOperations for HostBackend {
    fn convolution_forward(&self, op: ConvolutionForward<'_, Floats>) -> Result<()> {
        let check = Operation("convolution_forward");
        let shapes = op.shape.buffer_shapes()?;
        let x = check.read("x", op.x, &shapes.x)?;
        let weight = check.read("weight", op.weight, &shapes.weight)?;
        let bias = check.read("bias", op.bias, &shapes.bias)?;
        let y = check.write("y", op.y, &shapes.y)?;
        let n_pixels = shapes.y[2] * shapes.y[3];
        for (idx, y) in y.iter_mut().enumerate() {
            *y = bias[idx / n_pixels % op.shape.n_outputs];
        }
        each_term(op.shape, |output, pixel, tap| {
            y[output] += weight[tap] * pixel.map_or(0.0, |pixel| x[pixel]);
        })?;
        activation::apply(op.activation, y);
        Ok(())
    }

    fn convolution_backward_input(&self, op: ConvolutionBackwardInput<'_, Floats>) -> Result<()> {
        let check = Operation("convolution_backward_input");
        let shapes = op.shape.buffer_shapes()?;
        let dy = check.read("dy", op.dy, &shapes.y)?;
        let weight = check.read("weight", op.weight, &shapes.weight)?;
        let dx = check.write("dx", op.dx, &shapes.x)?;
        dx.fill(0.0);
        each_term(op.shape, |output, pixel, tap| {
            if let Some(pixel) = pixel {
                dx[pixel] += weight[tap] * dy[output];
            }
        })
    }

    fn convolution_backward_weight(&self, op: ConvolutionBackwardWeight<'_, Floats>) -> Result<()> {
        let check = Operation("convolution_backward_weight");
        let shapes = op.shape.buffer_shapes()?;
        let x = check.read("x", op.x, &shapes.x)?;
        let dy = check.read("dy", op.dy, &shapes.y)?;
        let dweight = check.write("dweight", op.dweight, &shapes.weight)?;
        let dbias = check.write("dbias", op.dbias, &shapes.bias)?;
        dweight.fill(0.0);
        each_term(op.shape, |output, pixel, tap| {
            dweight[tap] += dy[output] * pixel.map_or(0.0, |pixel| x[pixel]);
        })?;
        dbias.fill(0.0);
        let n_pixels = shapes.y[2] * shapes.y[3];
        for (idx, dy) in dy.iter().enumerate() {
            dbias[idx / n_pixels % op.shape.n_outputs] += dy;
        }
        Ok(())
    }
}
