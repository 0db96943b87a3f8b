//! Sums of matrices, one of them transposed if need be: what layers need that share a weight.

use cuda_std::prelude::*;

/// Threads of a block.
pub const N_THREADS: u32 = 256;

/// `y = keep y + x`, or `y = keep y + xᵀ` if `is_transposed` is not 0: updates `y`, and with a `keep` of
/// 0 overwrites it, whatever it held.
///
/// Shapes: `y` `[R, C]`; `x` `[R, C]`, or `[C, R]` if it is transposed.
/// Launch: along x, a thread per element.
/// Cost: `12 R C` bytes, `8 R C` if `keep` is 0; a transposed `x` is read column by column, from the
/// caches.
///
/// # Panics
///
/// If `x` is shorter than its shape.
#[kernel]
pub fn add_matrix(x: &[f32], n_columns: u32, is_transposed: u32, keep: f32, mut y: PerThread<f32>) {
    let i = thread::index_1d() as usize;
    let n_columns = n_columns as usize;
    let n = y.len();
    let Some(y) = y.get_mut() else { return };
    let x = if is_transposed != 0 {
        x[i % n_columns * (n / n_columns) + i / n_columns]
    } else {
        x[i]
    };
    *y = if keep == 0.0 { x } else { keep * *y + x };
}
