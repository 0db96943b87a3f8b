//! Launches the kernels of `gpu/src/dense.rs`.

use cuda_std::kernel::{DeviceSlice, DeviceSliceMut};
use gpu::activation::Activation;
use gpu::dense::{self, LARGE, N_BIAS_COLUMNS, N_THREADS, SMALL, Tiling};

use super::super::operation::Operation;
use super::super::{DenseBackwardInput, DenseBackwardWeight, DenseForward, DenseOperations};
use super::buffer::no_input;
use super::{Buffer, CudaBackend};
use crate::Result;

impl DenseOperations for CudaBackend {
    fn dense_forward(&self, op: DenseForward<'_, Buffer<f32>>) -> Result<()> {
        forward(self, op)
    }

    fn dense_backward_input(&self, op: DenseBackwardInput<'_, Buffer<f32>>) -> Result<()> {
        backward_input(self, op)
    }

    fn dense_backward_weight(&self, op: DenseBackwardWeight<'_, Buffer<f32>>) -> Result<()> {
        backward_weight(self, op)
    }
}

/// The versions of the matrix product, see [`gpu::dense`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DenseVersion {
    /// A thread per element.
    Naive,
    /// Tiles of [`SMALL`].
    Small,
    /// Tiles of [`LARGE`].
    Large,
}

impl DenseVersion {
    /// The fastest for an output of this shape.
    ///
    /// A large tile keeps a multiprocessor busy about twice as well as small ones do. So it pays as
    /// soon as half of the multiprocessors have one, unless so much of it lies past the edges that it
    /// computes more than twice as many elements. The number is that of an H100; it is a constant so
    /// that all devices add in the same order.
    pub(super) fn of_output(n_rows: usize, n_columns: usize) -> DenseVersion {
        const N_LARGE_TILES: usize = 64;
        let n_computed = |tiling: Tiling| tiling.n_tiles(n_rows, n_columns) * tiling.side.pow(2);
        if LARGE.n_tiles(n_rows, n_columns) >= N_LARGE_TILES
            && n_computed(LARGE) <= 2 * n_computed(SMALL)
        {
            DenseVersion::Large
        } else {
            DenseVersion::Small
        }
    }
}

/// A product for the naive version.
struct NaiveProduct<'a> {
    first: DeviceSlice<'a, f32>,
    first_transposed: bool,
    second: DeviceSlice<'a, f32>,
    second_transposed: bool,
    bias: Option<DeviceSlice<'a, f32>>,
    activation: Activation,
    output: DeviceSliceMut<'a, f32>,
    n_columns: u32,
    depth: u32,
}

impl NaiveProduct<'_> {
    fn launch(self, backend: &CudaBackend, check: Operation) -> Result<()> {
        let config = check.threads(self.output.len(), N_THREADS)?;
        let arguments = dense::dense_naive {
            first: self.first,
            first_transposed: self.first_transposed.into(),
            second: self.second,
            second_transposed: self.second_transposed.into(),
            bias: self.bias.unwrap_or_else(no_input),
            activation: self.activation,
            output: self.output,
            n_columns: self.n_columns,
            depth: self.depth,
        };
        // SAFETY: a thread per element of the output, and lengths that agree.
        unsafe { backend.launch(config, arguments) }
    }
}

/// Launches the small or the large kernel of a form with the same arguments.
macro_rules! launch_tiled {
    ($backend:expr, $check:expr, $version:expr, [$n_rows:expr, $n_columns:expr],
     $small:ident | $large:ident { $($argument:tt)* }) => {{
        let tiling = if $version == DenseVersion::Large { LARGE } else { SMALL };
        let config = $check.blocks(tiling.n_tiles($n_rows, $n_columns), N_THREADS)?;
        // SAFETY: a block per tile of the output, and lengths that agree.
        unsafe {
            if $version == DenseVersion::Large {
                $backend.launch(config, dense::$large { $($argument)* })
            } else {
                $backend.launch(config, dense::$small { $($argument)* })
            }
        }
    }};
}

pub(super) fn forward(backend: &CudaBackend, op: DenseForward<'_, Buffer<f32>>) -> Result<()> {
    let check = Operation("dense_forward");
    let [n_rows, n_inputs, n_outputs] = [op.n_rows, op.n_inputs, op.n_outputs];
    let x = check.argument("x", op.x, &[n_rows, n_inputs])?;
    let weight = check.argument("weight", op.weight, &[n_inputs, n_outputs])?;
    let bias = check.argument("bias", op.bias, &[n_outputs])?;
    let y = check.argument_mut("y", op.y, &[n_rows, n_outputs])?;
    let shape = Shape::new(check, n_rows, n_inputs, n_outputs)?;
    let activation = op.activation;
    match backend.dense_version(n_rows, n_outputs) {
        DenseVersion::Naive => NaiveProduct {
            first: x,
            first_transposed: false,
            second: weight,
            second_transposed: false,
            bias: Some(bias),
            activation,
            output: y,
            n_columns: shape.n_outputs,
            depth: shape.n_inputs,
        }
        .launch(backend, check),
        version => launch_tiled!(
            backend,
            check,
            version,
            [n_rows, n_outputs],
            dense_forward_small
                | dense_forward_large {
                    x,
                    weight,
                    bias,
                    activation,
                    y,
                    n_rows: shape.n_rows,
                    n_inputs: shape.n_inputs,
                    n_outputs: shape.n_outputs,
                }
        ),
    }
}

pub(super) fn backward_input(
    backend: &CudaBackend,
    op: DenseBackwardInput<'_, Buffer<f32>>,
) -> Result<()> {
    let check = Operation("dense_backward_input");
    let [n_rows, n_inputs, n_outputs] = [op.n_rows, op.n_inputs, op.n_outputs];
    let dy = check.argument("dy", op.dy, &[n_rows, n_outputs])?;
    let weight = check.argument("weight", op.weight, &[n_inputs, n_outputs])?;
    let dx = check.argument_mut("dx", op.dx, &[n_rows, n_inputs])?;
    let shape = Shape::new(check, n_rows, n_inputs, n_outputs)?;
    match backend.dense_version(n_rows, n_inputs) {
        DenseVersion::Naive => NaiveProduct {
            first: dy,
            first_transposed: false,
            second: weight,
            second_transposed: true,
            bias: None,
            activation: Activation::Identity,
            output: dx,
            n_columns: shape.n_inputs,
            depth: shape.n_outputs,
        }
        .launch(backend, check),
        version => launch_tiled!(
            backend,
            check,
            version,
            [n_rows, n_inputs],
            dense_backward_input_small
                | dense_backward_input_large {
                    dy,
                    weight,
                    dx,
                    n_rows: shape.n_rows,
                    n_inputs: shape.n_inputs,
                    n_outputs: shape.n_outputs,
                }
        ),
    }
}

pub(super) fn backward_weight(
    backend: &CudaBackend,
    op: DenseBackwardWeight<'_, Buffer<f32>>,
) -> Result<()> {
    let check = Operation("dense_backward_weight");
    let [n_rows, n_inputs, n_outputs] = [op.n_rows, op.n_inputs, op.n_outputs];
    let x = check.argument("x", op.x, &[n_rows, n_inputs])?;
    let dy = check.argument("dy", op.dy, &[n_rows, n_outputs])?;
    let dweight = check.argument_mut("dweight", op.dweight, &[n_inputs, n_outputs])?;
    let dbias = check.argument_mut("dbias", op.dbias, &[n_outputs])?;
    let shape = Shape::new(check, n_rows, n_inputs, n_outputs)?;
    match backend.dense_version(n_inputs, n_outputs) {
        DenseVersion::Naive => NaiveProduct {
            first: x,
            first_transposed: true,
            second: dy,
            second_transposed: false,
            bias: None,
            activation: Activation::Identity,
            output: dweight,
            n_columns: shape.n_outputs,
            depth: shape.n_rows,
        }
        .launch(backend, check)?,
        version => launch_tiled!(
            backend,
            check,
            version,
            [n_inputs, n_outputs],
            dense_backward_weight_small
                | dense_backward_weight_large {
                    x,
                    dy,
                    dweight,
                    n_rows: shape.n_rows,
                    n_inputs: shape.n_inputs,
                    n_outputs: shape.n_outputs,
                }
        )?,
    }

    let config = check.blocks(n_outputs.div_ceil(N_BIAS_COLUMNS), N_THREADS)?;
    let arguments = dense::dense_backward_bias {
        dy,
        dbias,
        n_rows: shape.n_rows,
    };
    // SAFETY: a block for as many columns as it sums, and lengths that agree.
    unsafe { backend.launch(config, arguments) }
}

/// The dimensions as kernels take them.
struct Shape {
    n_rows: u32,
    n_inputs: u32,
    n_outputs: u32,
}

impl Shape {
    fn new(check: Operation, n_rows: usize, n_inputs: usize, n_outputs: usize) -> Result<Shape> {
        Ok(Shape {
            n_rows: check.dimension("n_rows", n_rows)?,
            n_inputs: check.dimension("n_inputs", n_inputs)?,
            n_outputs: check.dimension("n_outputs", n_outputs)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::DenseVersion;

    #[test]
    fn large_tiles_are_for_outputs_that_have_many_of_them() {
        for (n_rows, n_columns, expected) in [
            (0, 5, DenseVersion::Small),
            (64, 128, DenseVersion::Small),
            (784, 512, DenseVersion::Small),
            (1024, 1023, DenseVersion::Large),
            (60_000, 10, DenseVersion::Small),
            (60_000, 65, DenseVersion::Large),
            (128 * 63, 128, DenseVersion::Small),
        ] {
            let version = DenseVersion::of_output(n_rows, n_columns);
            assert_eq!(version, expected, "{n_rows} x {n_columns}");
        }
    }
}
