//! Dense layers: matrix products in the forms that forward and backward need, and bias gradients.
//!
//! Layers: B rows, K inputs, N outputs. Each of the three products has an output of R rows and C
//! columns and adds up along a depth of D:
//!
//! | kernel                  | output            | = first      | · second       | R | C | D |
//! |-------------------------|-------------------|--------------|----------------|---|---|---|
//! | `dense_forward`         | `y[B, N]`         | `x[B, K]`    | `weight[K, N]` | B | N | K |
//! | `dense_backward_input`  | `dx[B, K]`        | `dy[B, N]`   | `weight[K, N]ᵀ`| B | K | N |
//! | `dense_backward_weight` | `dweight[K, N]`   | `x[B, K]ᵀ`   | `dy[B, N]`     | K | N | B |
//!
//! The versions, each with one idea more:
//!
//! 1. [`dense_naive`](struct@dense_naive): a thread per element of the output, straight from global memory.
//! 2. `..._small`: a block computes a tile of the output ([`SMALL`]) from tiles of the operands in
//!    shared memory, a thread 4 x 4 elements in registers, with loads of 16 bytes and two stages, so
//!    that the next tiles are on their way while these are multiplied. Four groups of threads share
//!    the depth, so that even the few tiles of a small batch fill the machine's lanes.
//! 3. `..._large`: the same with tiles of [`LARGE`] and 8 x 8 elements per thread, which reads
//!    shared memory half as often for each multiplication.
//!
//! Every sum is added in an order that depends on the shapes alone. A kernel panics if an operand is
//! shorter than its shape.

pub(crate) mod product;

use cuda_std::prelude::*;
use cuda_std::shared_tile;
use cuda_std::warp::WARP_SIZE;

use crate::activation::Activation;
use product::{Matrix, Output, Share, product};

/// Threads of a block.
pub const N_THREADS: u32 = 256;

/// How a product is cut into tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiling {
    /// Rows, and columns, of the tile of the output that a block computes.
    pub side: usize,
    /// Depth of the tiles that lie in shared memory at a time.
    pub depth: usize,
    /// A thread computes `4 n_quads` x `4 n_quads` elements, as `n_quads` x `n_quads` squares of 4 x 4.
    pub(crate) n_quads: usize,
}

/// For outputs of few tiles.
pub const SMALL: Tiling = Tiling {
    side: 32,
    depth: 32,
    n_quads: 1,
};

/// For outputs that are large in both directions.
pub const LARGE: Tiling = Tiling {
    side: 128,
    depth: 16,
    n_quads: 2,
};

impl Tiling {
    /// Tiles of an output, and so the blocks that compute it.
    pub const fn n_tiles(self, n_rows: usize, n_columns: usize) -> usize {
        n_rows.div_ceil(self.side) * n_columns.div_ceil(self.side)
    }

    /// Groups of threads that share the depth of a tile.
    const fn n_slices(self) -> usize {
        let n_threads_of_tile = (self.side / (4 * self.n_quads)) * (self.side / (4 * self.n_quads));
        N_THREADS as usize / n_threads_of_tile
    }

    /// Elements of one operand's tile.
    const fn n_elements(self) -> usize {
        self.side * self.depth
    }

    /// Elements of shared memory: two operands, two stages.
    pub(crate) const fn n_shared(self) -> usize {
        4 * self.n_elements()
    }
}

/// Product 1: `output[i, j] = activation(Σ_d first(i, d) · second(d, j) + bias[j])`, one thread per
/// element; overwrites `output`.
///
/// Shapes: `output` `[R, C]`, `bias` `[C]` or empty for none; `first` `[R, D]`, or `[D, R]` if
/// `first_transposed` is not 0; `second` `[D, C]`, or `[C, D]` if `second_transposed` is not 0.
/// Launch: a thread per element of the output, along x.
/// Cost: `2 R C D` FLOP; `8 R C D` bytes, most of them from the caches.
///
/// # Panics
///
/// If an operand is shorter than its shape.
#[kernel]
pub fn dense_naive(
    first: &[f32],
    first_transposed: u32,
    second: &[f32],
    second_transposed: u32,
    bias: &[f32],
    activation: Activation,
    mut output: PerThread<f32>,
    n_columns: u32,
    depth: u32,
) {
    let n_columns = n_columns as usize;
    let depth = depth as usize;
    let n_rows = output.len() / n_columns;
    let Some(output) = output.get_mut() else {
        return;
    };
    let i = thread::index_1d() as usize / n_columns;
    let j = thread::index_1d() as usize % n_columns;
    let mut sum = 0.0;
    for d in 0..depth {
        let first = if first_transposed != 0 {
            first[d * n_rows + i]
        } else {
            first[i * depth + d]
        };
        let second = if second_transposed != 0 {
            second[j * depth + d]
        } else {
            second[d * n_columns + j]
        };
        sum = first.mul_add(second, sum);
    }
    [*output] = activation.forward([sum + bias.get(j).copied().unwrap_or(0.0)]);
}

macro_rules! products {
    ($($tiling:ident: $forward:ident, $backward_input:ident, $backward_weight:ident;)*) => {$(
        /// `y = activation(x · weight + bias)`: overwrites `y`.
        ///
        #[doc = concat!("Shapes: `x` `[B, K]`, `weight` `[K, N]`, `bias` `[N]`, `y` `[B, N]`, tiles of [`", stringify!($tiling), "`].")]
        /// Launch: [`N_THREADS`] threads in each of [`Tiling::n_tiles`]`(B, N)` blocks, both along x.
        /// Cost: `2 B N K` FLOP; each tile of `y` reads its rows of `x` and columns of `weight`.
        #[kernel]
        pub fn $forward(
            x: &[f32],
            weight: &[f32],
            bias: &[f32],
            activation: Activation,
            y: DisjointSlice<f32>,
            n_rows: u32,
            n_inputs: u32,
            n_outputs: u32,
        ) {
            let s_tiles = shared_tile![f32; $tiling.n_shared()]; // (stage, operand, depth, side)
            // SAFETY: the launch's shape, and shared memory of this kernel's own.
            unsafe {
                product::<true, false, { $tiling.n_quads }, { $tiling.n_shared() }>(
                    $tiling,
                    s_tiles,
                    Matrix::new(x, n_rows, n_inputs),
                    Matrix::new(weight, n_inputs, n_outputs),
                    Output::new(y, n_outputs as usize),
                    Share {
                        tile_idx: thread::block_idx_x() as usize,
                        output: [n_rows, n_outputs].map(|n| n as usize),
                        depth: 0..n_inputs as usize,
                    },
                    |_, column, sums| {
                        activation.forward(core::array::from_fn(|lane| {
                            sums[lane] + bias.get(column + lane).copied().unwrap_or(0.0)
                        }))
                    },
                );
            }
        }

        /// `dx = dy · weightᵀ`: overwrites `dx`.
        ///
        #[doc = concat!("Shapes: `dy` `[B, N]`, `weight` `[K, N]`, `dx` `[B, K]`, tiles of [`", stringify!($tiling), "`].")]
        /// Launch: [`N_THREADS`] threads in each of [`Tiling::n_tiles`]`(B, K)` blocks, both along x.
        /// Cost: `2 B N K` FLOP; each tile of `dx` reads its rows of `dy` and of `weight`.
        #[kernel]
        pub fn $backward_input(
            dy: &[f32],
            weight: &[f32],
            dx: DisjointSlice<f32>,
            n_rows: u32,
            n_inputs: u32,
            n_outputs: u32,
        ) {
            let s_tiles = shared_tile![f32; $tiling.n_shared()]; // (stage, operand, depth, side)
            // SAFETY: the launch's shape, and shared memory of this kernel's own.
            unsafe {
                product::<true, true, { $tiling.n_quads }, { $tiling.n_shared() }>(
                    $tiling,
                    s_tiles,
                    Matrix::new(dy, n_rows, n_outputs),
                    Matrix::new(weight, n_inputs, n_outputs),
                    Output::new(dx, n_inputs as usize),
                    Share {
                        tile_idx: thread::block_idx_x() as usize,
                        output: [n_rows, n_inputs].map(|n| n as usize),
                        depth: 0..n_outputs as usize,
                    },
                    |_, _, sums| sums,
                );
            }
        }

        /// `dweight = xᵀ · dy`: overwrites `dweight`.
        ///
        #[doc = concat!("Shapes: `x` `[B, K]`, `dy` `[B, N]`, `dweight` `[K, N]`, tiles of [`", stringify!($tiling), "`].")]
        /// Launch: [`N_THREADS`] threads in each of [`Tiling::n_tiles`]`(K, N)` blocks, both along x.
        /// Cost: `2 B N K` FLOP; each tile of `dweight` reads its columns of `x` and of `dy`.
        #[kernel]
        pub fn $backward_weight(
            x: &[f32],
            dy: &[f32],
            dweight: DisjointSlice<f32>,
            n_rows: u32,
            n_inputs: u32,
            n_outputs: u32,
        ) {
            let s_tiles = shared_tile![f32; $tiling.n_shared()]; // (stage, operand, depth, side)
            // SAFETY: the launch's shape, and shared memory of this kernel's own.
            unsafe {
                product::<false, false, { $tiling.n_quads }, { $tiling.n_shared() }>(
                    $tiling,
                    s_tiles,
                    Matrix::new(x, n_rows, n_inputs),
                    Matrix::new(dy, n_rows, n_outputs),
                    Output::new(dweight, n_outputs as usize),
                    Share {
                        tile_idx: thread::block_idx_x() as usize,
                        output: [n_inputs, n_outputs].map(|n| n as usize),
                        depth: 0..n_rows as usize,
                    },
                    |_, _, sums| sums,
                );
            }
        }
    )*};
}

products! {
    SMALL: dense_forward_small, dense_backward_input_small, dense_backward_weight_small;
    LARGE: dense_forward_large, dense_backward_input_large, dense_backward_weight_large;
}

/// Columns that a block of [`dense_backward_bias`](struct@dense_backward_bias) sums, one for each lane
/// of a warp.
pub const N_BIAS_COLUMNS: usize = WARP_SIZE as usize;
const N_BIAS_WARPS: usize = (N_THREADS / WARP_SIZE) as usize;

/// `dbias[j] = Σ_i dy[i, j]`: overwrites `dbias`.
///
/// Shapes: `dy` `[B, N]`, `dbias` `[N]`.
/// Launch: along x, [`N_THREADS`] threads in each of `N /` [`N_BIAS_COLUMNS`] blocks, rounded up. A
/// lane sums a column; the warps share the rows and are added in order.
/// Cost: `4 B N` bytes.
///
/// # Panics
///
/// If `dy` is shorter than its shape.
#[kernel]
pub fn dense_backward_bias(dy: &[f32], mut dbias: DisjointSlice<f32>, n_rows: u32) {
    let s_sums = shared_tile![f32; N_THREADS as usize]; // (warps, columns)
    let thread_idx = thread::thread_idx_x() as usize;
    let (warp_idx, lane_idx) = (thread_idx / N_BIAS_COLUMNS, thread_idx % N_BIAS_COLUMNS);
    let n_columns = dbias.len();
    let column = thread::block_idx_x() as usize * N_BIAS_COLUMNS + lane_idx;
    let mut sum = 0.0;
    if column < n_columns {
        // One look at the bounds for all rows: the iterator knows where they end.
        let dy = &dy[..n_rows as usize * n_columns];
        let own = dy.get(warp_idx * n_columns + column..).unwrap_or(&[]);
        for dy in own.iter().step_by(N_BIAS_WARPS * n_columns) {
            sum += dy;
        }
    }
    // SAFETY: each thread writes an element of its own.
    unsafe { s_sums.write(thread_idx, sum) };
    // Makes the warps' sums visible to the first warp.
    thread::sync_threads();
    if warp_idx == 0 {
        for other_idx in 1..N_BIAS_WARPS {
            // SAFETY: written before the barrier, and by no one after it.
            sum += unsafe { s_sums.read::<f32>(other_idx * N_BIAS_COLUMNS + lane_idx) };
        }
        // SAFETY: one lane of one warp has this column.
        if let Some(dbias) = unsafe { dbias.get_mut(column) } {
            *dbias = sum;
        }
    }
}
