//! Rows by tiles of a warp, and a whole matrix by a grid.

use cuda_std::groups::{Block, Grid, Tile};
use cuda_std::prelude::*;

/// Divides each row of `n_columns` numbers by its length: 8 threads to a row.
/// Launch: blocks of a multiple of 8 threads, 8 threads for each row.
#[kernel]
pub fn normalize_rows(n_columns: u32, x: &[f32], mut y: DisjointSlice<f32>) {
    let tile = Tile::<8>::this();
    let n_columns = n_columns as usize;
    let row_start = thread::index_1d() as usize / 8 * n_columns;
    let own = |i: usize| row_start + i * 8 + tile.rank() as usize;
    let n_own = (n_columns + 7 - tile.rank() as usize) / 8;

    let mut squares = 0.0;
    for i in 0..n_own {
        squares += x.get(own(i)).map_or(0.0, |x| x * x);
    }
    // SAFETY: every thread of the tile gets here, however many elements it has, and blocks are whole
    // tiles.
    let squares = unsafe { tile.reduce_add(squares) };
    for i in 0..n_own {
        // SAFETY: an element belongs to one row, and in it to one thread.
        if let Some(y) = unsafe { y.get_mut(own(i)) } {
            *y = x[own(i)] / GpuFloat::sqrt(squares);
        }
    }
}

/// For each element the number of elements before it that are not 0: a scan of warps, then one of
/// their sums. Launch: one block of at most 1024 threads, a multiple of 32.
#[kernel]
pub fn places(x: &[u32], mut y: PerThread<u32>) {
    let (block, warp) = (Block::this(), Tile::<32>::this());
    let is_set = x.get(block.rank() as usize).is_some_and(|x| *x != 0);
    // SAFETY: every thread of the block gets to each of these calls, once; the block is whole warps.
    unsafe {
        let before = warp.exclusive_scan(u32::from(is_set), 0, |a, b| a + b);
        let of_warp = warp.reduce_add(u32::from(is_set));
        let sums = cuda_std::phased_tile![u32; 1024]
            .fill(|_| of_warp)
            .publish();
        let first_lanes = 32 * warp.rank();
        let sum = if warp.rank() < warp.meta_rank() {
            sums[first_lanes as usize]
        } else {
            0
        };
        let before_warp = warp.reduce_add(sum);
        if let Some(y) = y.get_mut() {
            *y = before_warp + before;
        }
    }
}

/// Heat that spreads in a rod, `n_steps` times: `y[i] = (x[i - 1] + 2 x[i] + x[i + 1]) / 4`, and back.
/// The ends keep what they have. Launch: cooperative, one thread for each of the elements.
///
/// # Safety
/// - `x` and `y` point to an element for each thread of the grid.
/// - The launch is cooperative.
#[kernel]
pub unsafe fn spread(n_steps: u32, x: *mut f32, y: *mut f32) {
    let grid = Grid::this();
    let (i, n) = (grid.rank() as usize, grid.size() as usize);
    let (mut from, mut to) = (x, y);
    for _ in 0..n_steps {
        // SAFETY: the pointers hold an element for each thread. Every thread writes its own, and the
        // grid's barrier stands between that and the others' reads, and the next writes.
        unsafe {
            let here = *from.add(i);
            *to.add(i) = if i == 0 || i == n - 1 {
                here
            } else {
                0.25 * (*from.add(i - 1) + *from.add(i + 1)) + 0.5 * here
            };
            grid.sync();
        }
        (from, to) = (to, from);
    }
}
