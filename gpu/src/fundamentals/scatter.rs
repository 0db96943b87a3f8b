//! What the rows of a table add up to, in `f64`.
//!
//! A table has N rows of D columns, whose sums are taken in P parts of the rows, one behind the other.

use cuda_std::phased::publish;
use cuda_std::phased_tile;
use cuda_std::prelude::*;

use super::write;

/// Columns that a block has to do with.
pub const N_COLUMNS: usize = 32;
/// Rows that a block takes at a time.
const N_ROWS: usize = 8;
/// Threads of a block of [`column_sums`](struct@column_sums), along x and y.
pub const SUMS_BLOCK: [u32; 2] = [N_COLUMNS as u32, N_ROWS as u32];
/// Threads of a block of [`column_products`](struct@column_products), along x and y; each has 2 x 2 pairs of
/// columns.
pub const PRODUCTS_BLOCK: [u32; 2] = [SIDE as u32, SIDE as u32];
const SIDE: usize = N_COLUMNS / 2;
/// Threads of a block of [`add_parts`](struct@add_parts).
pub const N_THREADS: u32 = 256;

/// The rows of this block's part: the grid has a part for each block along x.
#[inline(always)]
fn part(n_rows: usize) -> (usize, usize) {
    let n_of_part = n_rows.div_ceil(thread::grid_dim_x() as usize);
    let begin = n_rows.min(n_of_part * thread::block_idx_x() as usize);
    (begin, n_rows.min(begin + n_of_part))
}

/// The number at `idx`; where a slice ends, another.
#[inline(always)]
fn number_or(slice: &[f64], idx: usize, otherwise: f64) -> f64 {
    slice.get(idx).copied().unwrap_or(otherwise)
}

/// `sums[p, j] = Σ weights[i] table[i, j]` over the rows of part `p`.
///
/// Shapes: `table` `[N, D]`, `weights` `[N]`, or empty for weights of 1, `sums` `[P, D]`, overwritten.
/// Launch: blocks of [`SUMS_BLOCK`] threads; along x a block for each part, along y one for each
/// [`N_COLUMNS`] columns.
/// Cost: `8 N D` bytes, `2 N D` operations.
#[kernel]
pub fn column_sums(table: &[f64], weights: &[f64], n_columns: u32, mut sums: DisjointSlice<f64>) {
    let n_columns = n_columns as usize;
    let (begin, end) = part(table.len() / n_columns);
    // The remainders change nothing but what the compiler knows: that indices lie inside of the tile.
    let x = thread::thread_idx_x() as usize % N_COLUMNS;
    let y = thread::thread_idx_y() as usize % N_ROWS;
    let column = thread::block_idx_y() as usize * N_COLUMNS + x;
    let mut sum = 0.0;
    if column < n_columns {
        let mut row = begin + y;
        while row < end {
            let value = number_or(table, row * n_columns + column, 0.0);
            sum = value.mul_add(number_or(weights, row, 1.0), sum);
            row += N_ROWS;
        }
    }
    // SAFETY: made once by each thread.
    let s_sums = unsafe { phased_tile![f64; N_ROWS, N_COLUMNS] };
    let s_sums = s_sums.fill(|_| sum);
    // SAFETY: all threads of the block are here.
    let s_sums = unsafe { publish(s_sums) };
    if y == 0 && column < n_columns {
        let mut total = 0.0;
        for row in 0..N_ROWS {
            total += s_sums[(row, x)];
        }
        let place = thread::block_idx_x() as usize * n_columns + column;
        // SAFETY: the first row of threads of one block writes these columns of this part.
        unsafe { write(&mut sums, place, total) };
    }
}

/// `products[p, i, j] = Σ weights[r] (table[r, i] - means[i]) (table[r, j] - means[j])` over the rows `r` of
/// part `p`, where column `j` is of the same [`N_COLUMNS`] as `i` or of later ones; other entries stay as
/// they are.
///
/// Shapes: `table` `[N, D]`, `means` `[D]`, or empty for means of 0, `weights` `[N]`, or empty for weights
/// of 1, `products` `[P, D, D]`.
/// Launch: blocks of [`PRODUCTS_BLOCK`] threads; along x a block for each part, along y and z one for each
/// [`N_COLUMNS`] columns.
/// Cost: `8 N D` bytes for each [`N_COLUMNS`] columns; `N D (D + 1)` operations, and twice as many within
/// the same columns.
#[kernel]
pub fn column_products(
    table: &[f64],
    means: &[f64],
    weights: &[f64],
    n_columns: u32,
    mut products: DisjointSlice<f64>,
) {
    if thread::block_idx_z() < thread::block_idx_y() {
        return;
    }
    let n_columns = n_columns as usize;
    let (begin, end) = part(table.len() / n_columns);
    // The remainders change nothing but what the compiler knows: that indices lie inside of the tiles.
    let x = thread::thread_idx_x() as usize % SIDE;
    let y = thread::thread_idx_y() as usize % SIDE;
    let first_i = thread::block_idx_y() as usize * N_COLUMNS;
    let first_j = thread::block_idx_z() as usize * N_COLUMNS;
    let centered = |row: usize, column: usize| {
        if row < end && column < n_columns {
            number_or(table, row * n_columns + column, 0.0) - number_or(means, column, 0.0)
        } else {
            0.0
        }
    };
    let (mut sum_00, mut sum_01, mut sum_10, mut sum_11) = (0.0, 0.0, 0.0, 0.0);
    for start in (begin..end).step_by(N_ROWS) {
        // SAFETY: a barrier has been passed since the tiles of the step before were read.
        let (s_a, s_b) = unsafe {
            (
                phased_tile![f64; N_ROWS, N_COLUMNS],
                phased_tile![f64; N_ROWS, N_COLUMNS],
            )
        };
        let s_a = s_a.fill(|(row, column)| {
            let row = start + row;
            number_or(weights, row, 1.0) * centered(row, first_i + column)
        });
        let s_b = s_b.fill(|(row, column)| centered(start + row, first_j + column));
        // SAFETY: every thread of the block gets here, as often as the others.
        let (s_a, s_b) = unsafe { publish((s_a, s_b)) };
        for row in 0..N_ROWS {
            let (a_0, a_1) = (s_a[(row, y)], s_a[(row, y + SIDE)]);
            let (b_0, b_1) = (s_b[(row, x)], s_b[(row, x + SIDE)]);
            sum_00 = a_0.mul_add(b_0, sum_00);
            sum_01 = a_0.mul_add(b_1, sum_01);
            sum_10 = a_1.mul_add(b_0, sum_10);
            sum_11 = a_1.mul_add(b_1, sum_11);
        }
        // Lets all threads read the tiles before the next step fills them anew.
        thread::sync_threads();
    }
    let (i, j) = (first_i + y, first_j + x);
    let mut finish = |i: usize, j: usize, sum: f64| {
        if i < n_columns && j < n_columns {
            let place = (thread::block_idx_x() as usize * n_columns + i) * n_columns + j;
            // SAFETY: one thread of one block has this pair of columns of this part.
            unsafe { write(&mut products, place, sum) };
        }
    };
    finish(i, j, sum_00);
    finish(i, j + SIDE, sum_01);
    finish(i + SIDE, j, sum_10);
    finish(i + SIDE, j + SIDE, sum_11);
}

/// `y[i] = scale Σ parts[p, i]`, in the order of the parts: overwrites `y`.
///
/// Shapes: `parts` `[P, n]`, `y` `[n]`.
/// Launch: along x, a thread per element of `y`.
/// Cost: `8 (P + 1) n` bytes.
#[kernel]
pub fn add_parts(parts: &[f64], scale: f64, mut y: PerThread<f64>) {
    let n = y.len();
    if let Some(y) = y.get_mut() {
        let mut place = thread::index_1d() as usize;
        let mut sum = 0.0;
        while let Some(part) = parts.get(place) {
            sum += part;
            place += n;
        }
        *y = scale * sum;
    }
}
