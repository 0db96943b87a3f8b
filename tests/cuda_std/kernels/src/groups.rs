//! `cuda_std::groups`.

use cuda_std::groups::{Active, Block, Grid, GridBarrier, ReduceValue, Tile, Warp};
use cuda_std::prelude::*;
use cuda_std::warp::WarpReductionOp;
use cuda_std::{bf16, f16};

/// What a tile of `N` says of itself and does with words: 24 words for each thread. `rank` is what
/// shuffles and broadcasts take.
unsafe fn tile_words<const N: u32>(x: &[u32], rank: u32, words: *mut u32) {
    let tile = Tile::<N>::this();
    let x = x[thread::index() as usize];
    tile.sync();
    let values = [
        tile.size(),
        tile.rank(),
        tile.meta_rank(),
        tile.meta_size(),
        tile.shuffle(x, rank + tile.rank()),
        tile.broadcast(x, rank),
        tile.shuffle_up(x, rank).unwrap_or(u32::MAX),
        tile.shuffle_down(x, rank).unwrap_or(u32::MAX),
        tile.shuffle_xor(x, rank),
        tile.all(x > rank).into(),
        tile.any(x > rank).into(),
        tile.ballot(x > rank),
        tile.match_any(x / 4),
        tile.match_all(x / 4).into(),
        tile.reduce_add(x),
        tile.reduce_min(x),
        tile.reduce_max(x),
        tile.reduce_and(x),
        tile.reduce_or(x),
        tile.reduce_xor(x),
        tile.reduce(x, |a, b| a.wrapping_mul(b)),
        tile.inclusive_scan(x, |a, b| a.wrapping_add(b)),
        tile.exclusive_scan(x, 1, |a, b| a.wrapping_mul(b)),
        tile.mask().count_ones(),
    ];
    let words = words.add(values.len() * thread::index() as usize);
    for (i, value) in values.into_iter().enumerate() {
        *words.add(i) = value;
    }
}

macro_rules! tile_words {
    ($($name:ident: $n:literal;)*) => {$(
        /// `tile_words`.
        #[kernel]
        pub unsafe fn $name(x: &[u32], rank: u32, words: *mut u32) {
            tile_words::<$n>(x, rank, words);
        }
    )*};
}

tile_words! {
    groups_tile_1: 1;
    groups_tile_2: 2;
    groups_tile_4: 4;
    groups_tile_8: 8;
    groups_tile_16: 16;
    groups_tile_32: 32;
}

/// Reductions and scans of a type, in tiles of `N`: 11 values for each thread.
unsafe fn tile_values<const N: u32, T: ReduceValue>(x: &[T], values: *mut T) {
    let tile = Tile::<N>::this();
    let x = x[thread::index() as usize];
    let found = [
        tile.reduce_add(x),
        tile.reduce_min(x),
        tile.reduce_max(x),
        tile.reduce_and(x),
        tile.reduce_or(x),
        tile.reduce_xor(x),
        tile.inclusive_scan(x, |a, b| a.combine(b, WarpReductionOp::Add)),
        tile.exclusive_scan(x, x, |a, b| a.combine(b, WarpReductionOp::Max)),
        tile.shuffle_xor(x, 1),
        tile.shuffle_down((x, 1u32), 1).map_or(x, |pair| pair.0),
        // The value of the highest rank, found as half of a pair.
        tile.reduce((x, tile.rank()), |a, b| if a.1 > b.1 { a } else { b })
            .0,
    ];
    let values = values.add(found.len() * thread::index() as usize);
    for (i, value) in found.into_iter().enumerate() {
        *values.add(i) = value;
    }
}

macro_rules! tile_values {
    ($($small:ident, $large:ident: $ty:ty, $bits:ty;)*) => {$(
        /// `tile_values`, in tiles of 8.
        #[kernel]
        pub unsafe fn $small(x: &[$bits], values: *mut $bits) {
            let x = core::slice::from_raw_parts(x.as_ptr().cast::<$ty>(), x.len());
            tile_values::<8, $ty>(x, values.cast());
        }

        /// `tile_values`, in tiles of 32.
        #[kernel]
        pub unsafe fn $large(x: &[$bits], values: *mut $bits) {
            let x = core::slice::from_raw_parts(x.as_ptr().cast::<$ty>(), x.len());
            tile_values::<32, $ty>(x, values.cast());
        }
    )*};
}

tile_values! {
    groups_u8_8, groups_u8_32: u8, u8;
    groups_i8_8, groups_i8_32: i8, i8;
    groups_u16_8, groups_u16_32: u16, u16;
    groups_i16_8, groups_i16_32: i16, i16;
    groups_u32_8, groups_u32_32: u32, u32;
    groups_i32_8, groups_i32_32: i32, i32;
    groups_u64_8, groups_u64_32: u64, u64;
    groups_i64_8, groups_i64_32: i64, i64;
    groups_f16_8, groups_f16_32: f16, u16;
    groups_bf16_8, groups_bf16_32: bf16, u16;
    groups_f32_8, groups_f32_32: f32, f32;
    groups_f64_8, groups_f64_32: f64, f64;
}

/// What a block says of itself: 12 words for each thread.
#[kernel]
pub unsafe fn groups_block(x: &[u32], words: *mut u32) {
    let block = Block::this();
    let grid = Grid::this();
    let x = x[grid.rank() as usize];
    let [x_dim, y_dim, z_dim] = block.dims();
    let [x_idx, y_idx, z_idx] = block.thread_idx();
    block.sync();
    let values = [
        block.size(),
        block.rank(),
        x_dim,
        y_dim,
        z_dim,
        x_idx,
        y_idx,
        z_idx,
        block.all(x > 3).into(),
        block.any(x > 3).into(),
        block.count(x > 3),
        grid.block_rank() as u32,
    ];
    let words = words.add(values.len() * grid.rank() as usize);
    for (i, value) in values.into_iter().enumerate() {
        *words.add(i) = value;
    }
}

/// Tiles in different branches: those of odd number add, the others take the largest.
#[kernel]
pub unsafe fn groups_diverged(x: &[u32], words: *mut u32) {
    let tile = Tile::<4>::this();
    let x = x[thread::index() as usize];
    let value = if tile.meta_rank() % 2 == 1 {
        tile.reduce_add(x)
    } else {
        tile.reduce(x, |a, b| a.max(b))
    };
    *words.add(thread::index() as usize) = value;
}

/// The lanes that see a number above `limit` count themselves by one addition to `count`, and each
/// gets a number of its own: its place in `order`.
#[kernel]
pub unsafe fn groups_active(x: &[u32], limit: u32, count: *mut u32, order: *mut u32) {
    let x = x[thread::index() as usize];
    if x > limit {
        let active = Active::this();
        let mut start = 0;
        if active.is_first() {
            start = core::sync::atomic::AtomicU32::from_ptr(count)
                .fetch_add(active.size(), core::sync::atomic::Ordering::Relaxed);
        }
        active.sync();
        let place = active.broadcast_first(start) + active.rank();
        let is_whole = active.all(x > limit)
            && !active.any(x <= limit)
            && active.count(true) == active.size()
            && active.mask().count_ones() == active.size();
        *order.add(place as usize) = if is_whole { x } else { 0 };
    }
}

/// `steps` times: each thread's number becomes the sum of it and that of the thread half a grid away.
/// A barrier of the kernel's own serves if `own_barrier` is not 0.
#[kernel]
pub unsafe fn groups_grid(steps: u32, own_barrier: u32, even: *mut u32, odd: *mut u32) {
    static BARRIER: GridBarrier = GridBarrier::new();
    let grid = if own_barrier == 0 {
        Grid::this()
    } else {
        Grid::with_barrier(&BARRIER)
    };
    let (rank, size) = (grid.rank() as usize, grid.size() as usize);
    let (mut from, mut to) = (even, odd);
    for _ in 0..steps {
        *to.add(rank) = (*from.add(rank)).wrapping_add(*from.add((rank + size / 2) % size));
        grid.sync();
        (from, to) = (to, from);
    }
}

/// The second half of the warp waits elsewhere, and does not take part in a vote of the whole warp.
#[kernel]
pub unsafe fn groups_half_a_warp(words: *mut u32) {
    if Warp::this().rank() < 16 {
        *words.add(thread::index() as usize) = Warp::this().ballot(true);
    } else {
        Block::this().sync();
    }
}

/// The last block leaves before the others wait for it.
#[kernel]
pub unsafe fn groups_missing_block(words: *mut u32) {
    let grid = Grid::this();
    if grid.block_rank() + 1 == grid.n_blocks() {
        return;
    }
    grid.sync();
    *words.add(grid.rank() as usize) = 1;
}
