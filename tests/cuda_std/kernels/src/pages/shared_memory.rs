//! A sum, a transpose and a stencil through shared memory, without a pointer.

use cuda_std::groups::Block;
use cuda_std::phased_tile;
use cuda_std::prelude::*;

/// The sum of each block's 256 numbers. Launch: blocks of 256 threads.
#[kernel]
pub fn sum_blocks(x: &[f32], mut sums: DisjointSlice<f32>) {
    let rank = Block::this().rank() as usize;
    let block_start = 256 * thread::block_idx_x() as usize;
    // SAFETY: evaluated once.
    let tile = unsafe { phased_tile![f32; 256] };
    let mut tile = tile.fill(|i| x.get(block_start + i).copied().unwrap_or(0.0));
    let mut n = 128;
    while n > 0 {
        // SAFETY: every thread of the block gets here, eight times.
        let read = unsafe { tile.publish() };
        let upper = if rank < n { read[rank + n] } else { 0.0 };
        // SAFETY: as above.
        tile = unsafe { read.reuse() };
        tile.update(|_, element| *element += upper);
        n /= 2;
    }
    if rank == 0 {
        tile.update(|i, sum| {
            // SAFETY: one thread of each block; of its elements, one.
            if let (0, Some(place)) = (i, unsafe { sums.get_mut(thread::block_idx_x() as usize) }) {
                *place = *sum;
            }
        });
    }
}

/// The transpose of a matrix of `n_rows` times `n_columns`: both are read and written row by row.
/// Launch: a block of 32 × 8 threads for each 32 × 32 elements.
#[kernel]
pub fn transpose(n_rows: u32, n_columns: u32, x: &[f32], mut y: DisjointSlice<f32>) {
    let (n_rows, n_columns) = (n_rows as usize, n_columns as usize);
    let first_row = 32 * thread::block_idx_y() as usize;
    let first_column = 32 * thread::block_idx_x() as usize;
    // A pitch of 33: the 32 elements of a column lie in 32 banks.
    // SAFETY: evaluated once.
    let tile = unsafe { phased_tile![f32; 32, 32; pitch 33] };
    let tile = tile.fill(|(row, column)| {
        let (row, column) = (first_row + row, first_column + column);
        if row < n_rows && column < n_columns {
            x[row * n_columns + column]
        } else {
            0.0
        }
    });
    // SAFETY: every thread of the block gets here.
    let tile = unsafe { tile.publish() };
    let row = thread::thread_idx_x() as usize;
    for column in (thread::thread_idx_y() as usize..32).step_by(8) {
        if first_row + row < n_rows && first_column + column < n_columns {
            let place = (first_column + column) * n_rows + first_row + row;
            // SAFETY: an element of the transpose belongs to one block, and in it to one thread.
            if let Some(y) = unsafe { y.get_mut(place) } {
                *y = tile[(row, column)];
            }
        }
    }
}

/// `y[i]` is the mean of the seven numbers around `x[i]`; beyond the ends are zeros. Launch: blocks of
/// 256 threads.
#[kernel]
pub fn smooth(x: &[f32], mut y: PerThread<f32>) {
    let block_start = 256 * thread::block_idx_x() as usize;
    // SAFETY: evaluated once.
    let tile = unsafe { phased_tile![f32; 256 + 6] };
    let tile = tile.fill(|i| match (block_start + i).checked_sub(3) {
        Some(i) => x.get(i).copied().unwrap_or(0.0),
        None => 0.0,
    });
    // SAFETY: every thread of the block gets here.
    let tile = unsafe { tile.publish() };
    if let Some(y) = y.get_mut() {
        let first = thread::thread_idx_x() as usize;
        *y = tile.elements()[first..first + 7].iter().sum::<f32>() / 7.0;
    }
}
