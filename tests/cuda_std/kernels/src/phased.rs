//! `cuda_std::phased`.

use cuda_std::groups::{Block, Tile};
use cuda_std::phased::{publish, reuse};
use cuda_std::phased_tile;
use cuda_std::prelude::*;
use cuda_std::vector::F32x4;

/// The sum of each block's 256 numbers, as a tree. Any number of threads.
#[kernel]
pub unsafe fn phased_sum(x: &[f32], sums: *mut f32) {
    let start = 256 * thread::block_idx_x() as usize;
    let mut tile = phased_tile![f32; 256].fill(|i| x.get(start + i).copied().unwrap_or(0.0));
    let mut n = 128;
    while n > 0 {
        let read = tile.publish();
        // Each thread's own elements among the first n take what is n behind them: which another
        // thread owns, so that reading and writing are two phases.
        let mut upper = [0.0; 256];
        let block = Block::this();
        let mut i = block.rank() as usize;
        while i < n {
            upper[i] = read[i + n];
            i += block.size() as usize;
        }
        tile = read.reuse();
        tile.update(|i, element| {
            if i < n {
                *element += upper[i];
            }
        });
        n /= 2;
    }
    let tile = tile.publish();
    if Block::this().rank() == 0 {
        *sums.add(thread::block_idx_x() as usize) = tile[0];
    }
}

/// The sum of each block's numbers: warps by shuffles, their sums by a tile. Blocks of 256 threads.
#[kernel]
pub fn phased_block_sum(x: &[f32], mut sums: DisjointSlice<f32>) {
    let block = Block::this();
    if block.size() != 256 {
        return;
    }
    let warp = Tile::<32>::this();
    let x = x.get(thread::index_1d() as usize).copied().unwrap_or(0.0);
    // SAFETY: every thread of the block gets here, once; the block is 8 whole warps.
    let sums_of_warps = unsafe {
        let sum = warp.reduce_add(x);
        phased_tile![f32; 256].fill(|_| sum).publish()
    };
    if block.rank() == 0 {
        let sum = sums_of_warps.elements().iter().step_by(32).sum();
        // SAFETY: one thread of each block.
        if let Some(place) = unsafe { sums.get_mut(thread::block_idx_x() as usize) } {
            *place = sum;
        }
    }
}

/// The transpose of a matrix of `n_rows` times `n_columns`. Launch: blocks of any shape, one for each
/// 32 × 32 elements.
#[kernel]
pub fn phased_transpose(n_rows: u32, n_columns: u32, x: &[f32], mut y: DisjointSlice<f32>) {
    let (n_rows, n_columns) = (n_rows as usize, n_columns as usize);
    let first_row = 32 * thread::block_idx_y() as usize;
    let first_column = 32 * thread::block_idx_x() as usize;
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
    let block = Block::this();
    let mut i = block.rank() as usize;
    while i < 32 * 32 {
        let (column, row) = (i / 32, i % 32);
        if first_row + row < n_rows && first_column + column < n_columns {
            let place = (first_column + column) * n_rows + first_row + row;
            // SAFETY: each element of the transpose belongs to one tile, and in it to one thread.
            if let Some(y) = unsafe { y.get_mut(place) } {
                *y = tile[(row, column)];
            }
        }
        i += block.size() as usize;
    }
}

/// `y[i] = x[i - 1] + 2 x[i] + x[i + 1]`, `steps` times, blocks on their own: what is beyond a block's
/// 64 elements is 0.
#[kernel]
pub unsafe fn phased_stencil(steps: u32, x: &[i32], y: *mut i32) {
    let start = 64 * thread::block_idx_x() as usize;
    let mut current = phased_tile![i32; 66].fill(|i| {
        if i == 0 || i == 65 {
            0
        } else {
            x[start + i - 1]
        }
    });
    let mut next = phased_tile![i32; 66].fill(|_| 0);
    for _ in 0..steps {
        let read = current.publish();
        next.update(|i, element| {
            *element = if i == 0 || i == 65 {
                0
            } else {
                read[i - 1]
                    .wrapping_add(read[i].wrapping_mul(2))
                    .wrapping_add(read[i + 1])
            };
        });
        current = next;
        next = read.reuse();
    }
    let tile = current.publish();
    let block = Block::this();
    let mut i = block.rank() as usize;
    while i < 64 {
        *y.add(start + i) = tile[i + 1];
        i += block.size() as usize;
    }
}

/// Two tiles behind one barrier, one of vectors, and back: `y[i] = a[63 - i] + b[i ^ 1]`, then the same
/// with what came out as `a`.
#[kernel]
pub unsafe fn phased_pair(a: &[f32], b: &[F32x4], y: *mut f32) {
    let a = phased_tile![f32; 64].fill(|i| a[i]);
    let b = phased_tile![F32x4; 16].fill(|i| b[i]);
    let (a, b) = publish((a, b));
    let t = thread::thread_idx_x() as usize;
    let found = a[63 - t] + b[(t ^ 1) / 4].0[(t ^ 1) % 4];
    let (mut a, b) = reuse((a, b));
    a.fill(|i| if i == t { found } else { f32::NAN });
    let (a, b) = publish((a, b));
    *y.add(t) = a[63 - t] + b[(t ^ 1) / 4].0[(t ^ 1) % 4];
}

/// Sums of rows, read as arrays.
#[kernel]
pub unsafe fn phased_rows(x: &[u16], sums: *mut u32) {
    let tile = phased_tile![u16; 8, 5]
        .fill(|(row, column)| x[row * 5 + column])
        .publish();
    let mut row = 0;
    while let Some(elements) = tile.row(row) {
        *sums.add(row) = elements.iter().map(|&x| u32::from(x)).sum();
        row += 1;
    }
    *sums.add(8) = (row == 8
        && tile.get((7, 4)).is_some()
        && tile.get((8, 0)).is_none()
        && tile.get((0, 5)).is_none()) as u32;
}

/// Reads past the end: traps.
#[kernel]
pub unsafe fn phased_past_the_end(i: u32, y: *mut u32) {
    let tile = phased_tile![u32; 64].fill(|i| i as u32).publish();
    *y.add(thread::index() as usize) = tile[i as usize];
}

/// One thread of the block does not publish: what [`Writable::publish`] forbids.
///
/// [`Writable::publish`]: cuda_std::phased::Writable::publish
#[kernel]
pub unsafe fn phased_thread_missing(y: *mut u32) {
    let tile = phased_tile![u32; 64].fill(|i| i as u32);
    if thread::thread_idx_x() != 5 {
        let tile = tile.publish();
        *y.add(thread::index() as usize) = tile[63 - thread::thread_idx_x() as usize];
    }
}

/// The tile's place is evaluated twice, and its memory written while others still read: what
/// [`phased_tile!`] forbids.
#[kernel]
pub unsafe fn phased_evaluated_twice(y: *mut u32) {
    for step in 0..2 {
        let tile = phased_tile![u32; 64].fill(|i| i as u32 + step).publish();
        *y.add(thread::index() as usize) = tile[63 - thread::thread_idx_x() as usize];
    }
}
