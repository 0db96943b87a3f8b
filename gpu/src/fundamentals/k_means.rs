//! The nearest centroid of each point.

use cuda_std::prelude::*;

use super::nearest_neighbours::{N_AT_ONCE, Terms, distances};

/// Threads of a block.
pub const N_THREADS: u32 = 256;

/// For each point the centroid at the smallest squared distance, the first of several, and that distance.
///
/// Shapes: `points` `[D, N]`, `centroids` `[D, K]` with a centroid at least, `clusters` and `squares` `[N]`, both
/// overwritten.
/// Launch: along x, a thread for each point, in blocks of [`N_THREADS`] threads.
/// Cost: `3 N K D` operations; `4 N D K / 8` bytes from the cache, `4 N (D + 2)` from memory.
#[kernel]
pub fn assign(
    points: &[f32],
    centroids: &[f32],
    n_coordinates: u32,
    mut clusters: PerThread<u32>,
    mut squares: PerThread<f32>,
) {
    let n_points = points.len() / n_coordinates as usize;
    let n_centroids = centroids.len() / n_coordinates as usize;
    // Threads without a point help with the tiles.
    let own = (thread::index_1d() as usize).min(n_points - 1);
    let (mut best, mut cluster) = (f32::INFINITY, 0);
    for first in (0..n_centroids).step_by(N_AT_ONCE) {
        // SAFETY: all threads of the block are here, as often as the others.
        let sums = unsafe {
            distances(
                Terms::Squares,
                (points, n_points, own),
                (centroids, n_centroids, first),
            )
        };
        let mut compare = |centroid: usize, sum: f32| {
            if centroid < n_centroids && sum < best {
                (best, cluster) = (sum, centroid as u32);
            }
        };
        // By name, since an array that is walked through would lie in local memory.
        let [a, b, c, d, e, f, g, h] = sums;
        compare(first, a);
        compare(first + 1, b);
        compare(first + 2, c);
        compare(first + 3, d);
        compare(first + 4, e);
        compare(first + 5, f);
        compare(first + 6, g);
        compare(first + 7, h);
    }
    if let (Some(cluster_of_point), Some(square)) = (clusters.get_mut(), squares.get_mut()) {
        *cluster_of_point = cluster;
        *square = best;
    }
}
