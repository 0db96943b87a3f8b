//! Launches the kernels of `gpu/src/convolution.rs`.

use gpu::convolution::{self, Divisors, MAX_ELEMENTS, MAX_SIDE, N_THREADS};
use gpu::dense::{self, LARGE, SMALL};

use super::super::operation::Operation;
use super::super::{
    ConvolutionBackwardInput, ConvolutionBackwardWeight, ConvolutionForward, ConvolutionOperations,
    ConvolutionShape,
};
use super::{Buffer, CudaBackend, DenseVersion};
use crate::{Error, Result};

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

/// Launches the small or the large kernel of a form with the same arguments, `n_parts` blocks for each
/// tile of the output.
macro_rules! launch_tiled {
    ($backend:expr, $check:expr, $version:expr, [$n_rows:expr, $n_columns:expr], $n_parts:expr,
     $small:ident | $large:ident { $($argument:tt)* }) => {{
        let tiling = if $version == DenseVersion::Large { LARGE } else { SMALL };
        let n_blocks = tiling.n_tiles($n_rows, $n_columns) * $n_parts;
        let config = $check.blocks(n_blocks, dense::N_THREADS)?;
        // SAFETY: a block per tile and part of the output, lengths that agree, and what `Shape` has seen.
        unsafe {
            if $version == DenseVersion::Large {
                $backend.launch(config, convolution::$large { $($argument)* })
            } else {
                $backend.launch(config, convolution::$small { $($argument)* })
            }
        }
    }};
}

fn forward(backend: &CudaBackend, op: ConvolutionForward<'_, Buffer<f32>>) -> Result<()> {
    let check = Operation("convolution_forward");
    let shapes = op.shape.buffer_shapes(check)?;
    let x = check.argument("x", op.x, &shapes.x)?;
    let weight = check.argument("weight", op.weight, &shapes.weight)?;
    let bias = check.argument("bias", op.bias, &shapes.bias)?;
    let y = check.argument_mut("y", op.y, &shapes.y)?;
    let activation = op.activation;
    let Shape { shape, divisors } = Shape::new(check, op.shape)?;
    let n_places = op.shape.n_rows * shapes.y[2] * shapes.y[3];
    match backend.dense_version(op.shape.n_outputs, n_places) {
        DenseVersion::Naive => {
            let config = check.threads(y.len(), N_THREADS)?;
            let arguments = convolution::convolution_forward_naive {
                x,
                weight,
                bias,
                activation,
                y,
                shape,
            };
            // SAFETY: a thread per element of the output, and lengths that agree.
            unsafe { backend.launch(config, arguments) }
        }
        version => launch_tiled!(
            backend,
            check,
            version,
            [op.shape.n_outputs, n_places],
            1,
            convolution_forward_small
                | convolution_forward_large {
                    x,
                    weight,
                    bias,
                    activation,
                    y,
                    shape,
                    divisors,
                }
        ),
    }
}

fn backward_input(
    backend: &CudaBackend,
    op: ConvolutionBackwardInput<'_, Buffer<f32>>,
) -> Result<()> {
    let check = Operation("convolution_backward_input");
    let shapes = op.shape.buffer_shapes(check)?;
    let dy = check.argument("dy", op.dy, &shapes.y)?;
    let weight = check.argument("weight", op.weight, &shapes.weight)?;
    let dx = check.argument_mut("dx", op.dx, &shapes.x)?;
    let Shape { shape, divisors } = Shape::new(check, op.shape)?;
    let n_pixels = op.shape.n_rows * shapes.x[2] * shapes.x[3];
    match backend.dense_version(op.shape.n_channels, n_pixels) {
        DenseVersion::Naive => {
            let config = check.threads(dx.len(), N_THREADS)?;
            let arguments = convolution::convolution_backward_input_naive {
                dy,
                weight,
                dx,
                shape,
            };
            // SAFETY: a thread per element of the output, and lengths that agree.
            unsafe { backend.launch(config, arguments) }
        }
        version => launch_tiled!(
            backend,
            check,
            version,
            [op.shape.n_channels, n_pixels],
            1,
            convolution_backward_input_small
                | convolution_backward_input_large {
                    dy,
                    weight,
                    dx,
                    shape,
                    divisors,
                }
        ),
    }
}

fn backward_weight(
    backend: &CudaBackend,
    op: ConvolutionBackwardWeight<'_, Buffer<f32>>,
) -> Result<()> {
    let check = Operation("convolution_backward_weight");
    let shapes = op.shape.buffer_shapes(check)?;
    let x = check.argument("x", op.x, &shapes.x)?;
    let dy = check.argument("dy", op.dy, &shapes.y)?;
    let dweight = check.argument_mut("dweight", op.dweight, &shapes.weight)?;
    let dbias = check.argument_mut("dbias", op.dbias, &shapes.bias)?;
    let Shape { shape, divisors } = Shape::new(check, op.shape)?;
    let [n_taps, n_outputs] = [op.shape.depth(), op.shape.n_outputs];
    let config = check.threads(dweight.len(), N_THREADS)?;
    match backend.dense_version(n_taps, n_outputs) {
        DenseVersion::Naive => {
            let arguments = convolution::convolution_backward_weight_naive {
                x,
                dy,
                dweight,
                shape,
            };
            // SAFETY: a thread per element of the output, and lengths that agree.
            unsafe { backend.launch(config, arguments)? };
        }
        version => {
            let n_places = op.shape.n_rows * shapes.y[2] * shapes.y[3];
            let cut = Cut::new(version, [n_taps, n_outputs], n_places);
            let part_depth = check.dimension("places of a part", cut.part_depth)?;
            let tiled = |parts| {
                launch_tiled!(
                    backend,
                    check,
                    version,
                    [n_taps, n_outputs],
                    cut.n_parts,
                    convolution_backward_weight_small
                        | convolution_backward_weight_large {
                            x,
                            dy,
                            parts,
                            part_depth,
                            shape,
                            divisors,
                        }
                )
            };
            if cut.n_parts == 1 {
                tiled(dweight)?;
            } else {
                let n = cut.n_parts * dweight.len();
                let mut scratch = backend.scratch();
                if scratch.parts.len() < n {
                    scratch.parts = backend.zeroed(n)?;
                }
                tiled(scratch.parts.slice_mut(0..n))?;
                let arguments = convolution::convolution_sum_parts {
                    parts: scratch.parts.slice(0..n),
                    dweight,
                };
                // SAFETY: a thread per element, and lengths that agree.
                unsafe { backend.launch(config, arguments)? };
            }
        }
    }

    let config = check.blocks(dbias.len(), N_THREADS)?;
    let arguments = convolution::convolution_backward_bias { dy, dbias, shape };
    // SAFETY: a block per output, and lengths that agree.
    unsafe { backend.launch(config, arguments) }
}

/// How the depth of a gradient by a weight is cut.
struct Cut {
    n_parts: usize,
    part_depth: usize,
}

impl Cut {
    /// Into as many parts as give a device enough blocks, by the shapes alone: an H100 has room for 4
    /// blocks of the small tiles on each of its 132 multiprocessors. A part has some tiles at least, so
    /// that adding the parts up costs little beside.
    fn new(version: DenseVersion, [n_taps, n_outputs]: [usize; 2], n_places: usize) -> Cut {
        const N_BLOCKS: usize = 512;
        const LEAST_DEPTH: usize = 128;
        let tiling = if version == DenseVersion::Large {
            LARGE
        } else {
            SMALL
        };
        let n_parts = (N_BLOCKS / tiling.n_tiles(n_taps, n_outputs).max(1))
            .min(n_places / LEAST_DEPTH)
            .max(1);
        let part_depth = n_places
            .div_ceil(n_parts)
            .next_multiple_of(tiling.depth)
            .max(tiling.depth);
        Cut {
            n_parts: n_places.div_ceil(part_depth).max(1),
            part_depth,
        }
    }
}

/// The shapes as kernels take them.
struct Shape {
    shape: convolution::ConvolutionShape,
    divisors: Divisors,
}

impl Shape {
    fn new(check: Operation, shape: ConvolutionShape) -> Result<Shape> {
        let at_most = |name: &str, largest: usize, n: usize| {
            if n <= largest {
                Ok(n as u32)
            } else {
                Err(Error::Device(format!(
                    "{}: {name} is {n}, a kernel takes at most {largest}",
                    check.0
                )))
            }
        };
        let pair = |name: &str, sides: [usize; 2]| -> Result<[u32; 2]> {
            Ok([
                at_most(name, MAX_SIDE as usize, sides[0])?,
                at_most(name, MAX_SIDE as usize, sides[1])?,
            ])
        };
        let shapes = shape.buffer_shapes(check)?;
        for (name, shape) in [
            ("the size of `x`", shapes.x),
            ("the size of `weight`", shapes.weight),
            ("the size of `y`", shapes.y),
        ] {
            at_most(name, MAX_ELEMENTS, shape.iter().product())?;
        }
        let shape = convolution::ConvolutionShape {
            n_rows: at_most("the number of rows", MAX_ELEMENTS, shape.n_rows)?,
            n_channels: at_most("the number of channels", MAX_ELEMENTS, shape.n_channels)?,
            image: pair("a side of the image", shape.image)?,
            n_outputs: at_most("the number of outputs", MAX_ELEMENTS, shape.n_outputs)?,
            output: pair("a side of the output", [shapes.y[2], shapes.y[3]])?,
            window: pair("a side of the window", shape.window.size)?,
            stride: pair("a stride of the window", shape.window.stride)?,
            padding: pair("a padding of the window", shape.window.padding)?,
        };
        Ok(Shape {
            shape,
            divisors: shape.divisors(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_whole_tiles_and_cover_the_depth_once() {
        for version in [DenseVersion::Small, DenseVersion::Large] {
            for output in [[25, 16], [400, 32], [1152, 128], [9, 1]] {
                for n_places in [0, 1, 127, 128, 1000, 36_864, 1_000_003] {
                    let Cut {
                        n_parts,
                        part_depth,
                    } = Cut::new(version, output, n_places);
                    let what = format!("{version:?}, {output:?}, {n_places}");
                    assert!(
                        part_depth.is_multiple_of(SMALL.depth.min(LARGE.depth)),
                        "{what}"
                    );
                    assert!(n_parts * part_depth >= n_places, "{what}");
                    assert!(
                        n_parts == 1 || (n_parts - 1) * part_depth < n_places,
                        "{what}"
                    );
                    assert!(n_parts <= 512, "{what}");
                }
            }
        }
    }
}
