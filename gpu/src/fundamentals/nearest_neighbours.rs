//! Nearest neighbours, by the distances to all points.
//!
//! Points lie coordinate by coordinate: `[D, N]`, so that the threads of a warp, each with a point of its
//! own, read side by side.

use cuda_std::phased::publish;
use cuda_std::phased_tile;
use cuda_std::prelude::*;
use cuda_std::shared_tile;

use super::write;

/// Threads of a block.
pub const N_THREADS: u32 = 128;
/// Most neighbours of a point.
pub const MAX_NEIGHBOURS: usize = 32;
/// Points whose distances are computed at once.
pub const N_AT_ONCE: usize = 8;
/// Coordinates that a tile has.
const N_OF_TILE: usize = 64;

/// The terms that a distance is the sum of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terms {
    /// `(a - b)²`.
    Squares,
    /// `|a - b|`.
    Absolutes,
}

impl Terms {
    /// A sum with one more term.
    #[inline(always)]
    pub fn with(self, sum: f32, difference: f32) -> f32 {
        match self {
            Terms::Squares => difference * difference + sum,
            Terms::Absolutes => GpuFloat::abs(difference) + sum,
        }
    }
}

/// The distances of this thread's point, `own` of `[D, n_own]`, from [`N_AT_ONCE`] points, from `first` on, of
/// `others`: what lies behind their end is something else.
///
/// Shapes: `own_points` `[D, n_own]`, `others` `[D, n_others]`.
///
/// # Safety
///
/// - All threads of the block call it together, with the same `others` and the same `first`, and have
///   passed a barrier since they called it last: it ends with one.
#[inline(always)]
pub unsafe fn distances(
    terms: Terms,
    (own_points, n_own, own): (&[f32], usize, usize),
    (others, n_others, first): (&[f32], usize, usize),
) -> [f32; N_AT_ONCE] {
    let n_coordinates = others.len() / n_others;
    let mut sums = [0.0; N_AT_ONCE];
    for start in (0..n_coordinates).step_by(N_OF_TILE) {
        // SAFETY: a barrier has been passed since the tile was read.
        let s_others = unsafe { phased_tile![f32; N_OF_TILE, N_AT_ONCE] };
        let s_others = s_others.fill(|(row, column)| {
            let other = first + column;
            let place = (start + row) * n_others + other;
            let is_there = start + row < n_coordinates && other < n_others;
            others
                .get(place)
                .copied()
                .filter(|_| is_there)
                .unwrap_or(0.0)
        });
        // SAFETY: all threads of the block are here.
        let s_others = unsafe { publish(s_others) };
        let n_rows = N_OF_TILE.min(n_coordinates - start);
        for row in 0..n_rows {
            let own = own_points
                .get((start + row) * n_own + own)
                .copied()
                .unwrap_or(0.0);
            if let Some(others) = s_others.row(row) {
                for (sum, other) in sums.iter_mut().zip(others) {
                    *sum = terms.with(*sum, own - other);
                }
            }
        }
        // Lets all threads read the tile before it is filled anew.
        thread::sync_threads();
    }
    sums
}

/// Where a thread has its neighbour of this rank.
#[inline(always)]
fn place(rank: usize, thread_idx: usize) -> usize {
    rank * N_THREADS as usize + thread_idx
}

/// For each query the `n_neighbours` nearest of the points of each part, the nearest first; of those at the
/// same distance those of the lowest index. Parts are as many points, one behind the other, as blocks
/// along y take. Where a part has too few points there are infinite distances.
///
/// Shapes: `queries` `[D, Q]`, `points` `[D, N]`, `nearest` and `found` `[parts, n_neighbours, Q]`, both
/// overwritten: squared distances, or sums of absolute differences, and indices of points.
/// Launch: blocks of [`N_THREADS`] threads; along x a thread for each query, along y a block for each part.
/// `n_neighbours` is at most [`MAX_NEIGHBOURS`].
/// Cost: `3 Q N D` operations; `4 Q N D / 8` bytes from the cache.
#[kernel]
pub fn find_nearest(
    queries: &[f32],
    points: &[f32],
    n_coordinates: u32,
    n_neighbours: u32,
    is_absolute: u32,
    mut nearest: DisjointSlice<f32>,
    mut found: DisjointSlice<u32>,
) {
    let n_neighbours = (n_neighbours as usize).min(MAX_NEIGHBOURS);
    let (n_queries, n_points) = (
        queries.len() / n_coordinates as usize,
        points.len() / n_coordinates as usize,
    );
    let x = thread::thread_idx_x() as usize % N_THREADS as usize;
    let query = thread::index_1d() as usize;
    let n_of_part = n_points.div_ceil(thread::grid_dim_y() as usize);
    let begin = n_points.min(n_of_part * thread::block_idx_y() as usize);
    let end = n_points.min(begin + n_of_part);
    // A thread has a column of each: its neighbours so far, the nearest first.
    let s_nearest = shared_tile![f32; MAX_NEIGHBOURS * N_THREADS as usize]; // (neighbours, threads)
    let s_found = shared_tile![u32; MAX_NEIGHBOURS * N_THREADS as usize]; // (neighbours, threads)
    for rank in 0..n_neighbours {
        // SAFETY: a thread's own column.
        unsafe {
            s_nearest.write(place(rank, x), f32::INFINITY);
            s_found.write(place(rank, x), u32::MAX);
        }
    }
    let mut worst = f32::INFINITY;
    for first in (begin..end).step_by(N_AT_ONCE) {
        let own = (queries, n_queries, query.min(n_queries - 1));
        let others = (points, n_points, first);
        // SAFETY: all threads of the block are here, as often as the others.
        let sums = unsafe {
            match is_absolute {
                0 => distances(Terms::Squares, own, others),
                _ => distances(Terms::Absolutes, own, others),
            }
        };
        let mut insert = |point: usize, distance: f32| {
            if point >= end || !(distance < worst) {
                return;
            }
            let mut rank = n_neighbours - 1;
            while rank > 0 {
                // SAFETY: a thread's own column, which it has written.
                let before: f32 = unsafe { s_nearest.read(place(rank - 1, x)) };
                if !(distance < before) {
                    break;
                }
                // SAFETY: as above.
                unsafe {
                    s_nearest.write(place(rank, x), before);
                    s_found.write::<u32>(place(rank, x), s_found.read(place(rank - 1, x)));
                }
                rank -= 1;
            }
            // SAFETY: as above.
            unsafe {
                s_nearest.write(place(rank, x), distance);
                s_found.write(place(rank, x), point as u32);
                worst = s_nearest.read(place(n_neighbours - 1, x));
            }
        };
        // By name, since an array that is walked through would lie in local memory.
        let [a, b, c, d, e, f, g, h] = sums;
        insert(first, a);
        insert(first + 1, b);
        insert(first + 2, c);
        insert(first + 3, d);
        insert(first + 4, e);
        insert(first + 5, f);
        insert(first + 6, g);
        insert(first + 7, h);
    }
    if query < n_queries {
        for rank in 0..n_neighbours {
            let part = thread::block_idx_y() as usize;
            let output = (part * n_neighbours + rank) * n_queries + query;
            // SAFETY: a thread's own column, and entries of this query and this part, which no other has.
            unsafe {
                write(&mut nearest, output, s_nearest.read(place(rank, x)));
                write(&mut found, output, s_found.read(place(rank, x)));
            }
        }
    }
}
