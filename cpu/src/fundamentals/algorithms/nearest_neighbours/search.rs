//! The search for neighbours.

use cuda_launch::LaunchConfig;
use gpu::fundamentals::nearest_neighbours::{self, MAX_NEIGHBOURS, Terms};
use rayon::prelude::*;

use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::backend::{CudaBackend, Memory};
use crate::fundamentals::harness;
use crate::{Error, Result};

/// Points whose distances are computed at once.
pub const N_LANES: usize = 64;

/// Points among which neighbours are looked for, and those whose neighbours they are.
pub struct Search<'a> {
    /// `[D, N]`; the coordinates lie coordinate by coordinate.
    pub points: &'a [f32],
    /// `[D, Q]`.
    pub queries: &'a [f32],
    /// D, at least 1.
    pub n_dimensions: usize,
    /// Of each query; at most [`MAX_NEIGHBOURS`].
    pub n_neighbours: usize,
    /// What distances are the sums of.
    pub terms: Terms,
}

/// A point near a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// The sum of the terms.
    pub distance: f32,
    /// Which point it is.
    pub point: u32,
}

/// How neighbours are found: those of each query, the nearest first.
pub type Version = fn(&Search) -> Vec<Vec<Neighbour>>;

/// The versions for the CPU.
pub const VERSIONS: [(&str, Version); 3] = [
    ("plain", plain),
    ("SIMD", by_lanes),
    ("SIMD, threads", by_threads),
];

impl Search<'_> {
    /// N.
    pub fn n_points(&self) -> usize {
        self.points.len() / self.n_dimensions
    }

    /// Q.
    pub fn n_queries(&self) -> usize {
        self.queries.len() / self.n_dimensions
    }

    /// The coordinates of a query, `[D]`.
    pub fn query(&self, query: usize) -> Vec<f32> {
        let coordinates = self.queries.iter().skip(query).step_by(self.n_queries());
        coordinates.copied().collect()
    }
}

/// All distances, in their order.
pub fn plain(search: &Search) -> Vec<Vec<Neighbour>> {
    let n_points = search.n_points();
    (0..search.n_queries())
        .map(|query| {
            let query = search.query(query);
            let mut all: Vec<Neighbour> = (0..n_points)
                .map(|point| {
                    let coordinates = search.points.iter().skip(point).step_by(n_points);
                    Neighbour {
                        distance: coordinates
                            .zip(&query)
                            .fold(0.0, |sum, (a, b)| search.terms.with(sum, a - b)),
                        point: point as u32,
                    }
                })
                .collect();
            all.sort_by(|a, b| a.distance.total_cmp(&b.distance));
            all.truncate(search.n_neighbours);
            all
        })
        .collect()
}

/// Query after query, with the distances of many points at once, of which the nearest so far are kept.
pub fn by_lanes(search: &Search) -> Vec<Vec<Neighbour>> {
    (0..search.n_queries())
        .map(|query| nearest(search, query))
        .collect()
}

/// The same, on all threads.
pub fn by_threads(search: &Search) -> Vec<Vec<Neighbour>> {
    (0..search.n_queries())
        .into_par_iter()
        .map(|query| nearest(search, query))
        .collect()
}

/// The nearest points of a query.
fn nearest(search: &Search, query: usize) -> Vec<Neighbour> {
    let query = search.query(query);
    let n_points = search.n_points();
    harness::vectorized(
        #[inline(always)]
        || {
            let mut best = Vec::with_capacity(search.n_neighbours + 1);
            let mut sums = [0.0; N_LANES];
            for first in (0..n_points).step_by(N_LANES) {
                let own = |row: usize| query[row];
                match search.terms {
                    Terms::Squares => {
                        distances(
                            Terms::Squares,
                            search.points,
                            n_points,
                            first,
                            own,
                            &mut sums,
                        );
                    }
                    Terms::Absolutes => {
                        distances(
                            Terms::Absolutes,
                            search.points,
                            n_points,
                            first,
                            own,
                            &mut sums,
                        );
                    }
                }
                for (point, &distance) in (first..n_points).zip(&sums) {
                    let point = point as u32;
                    insert(
                        &mut best,
                        search.n_neighbours,
                        Neighbour { distance, point },
                    );
                }
            }
            best
        },
    )
}

/// Keeps a neighbour, if it is one of the nearest so far; behind those at the same distance.
fn insert(best: &mut Vec<Neighbour>, n_neighbours: usize, neighbour: Neighbour) {
    if best.len() == n_neighbours {
        if best
            .last()
            .is_none_or(|worst| neighbour.distance >= worst.distance)
        {
            return;
        }
        best.pop();
    }
    let rank = best.partition_point(|other| other.distance <= neighbour.distance);
    best.insert(rank, neighbour);
}

/// The distances of up to [`N_LANES`] points of `[D, N]` from one whose coordinates are `own`.
#[inline(always)]
pub fn distances(
    terms: Terms,
    points: &[f32],
    n_points: usize,
    first: usize,
    own: impl Fn(usize) -> f32,
    sums: &mut [f32; N_LANES],
) {
    sums.fill(0.0);
    for (row, coordinates) in points.chunks_exact(n_points).enumerate() {
        let own = own(row);
        let coordinates = &coordinates[first..];
        match coordinates.first_chunk::<N_LANES>() {
            Some(coordinates) => {
                for (sum, x) in sums.iter_mut().zip(coordinates) {
                    *sum = terms.with(*sum, x - own);
                }
            }
            None => {
                for (sum, x) in sums.iter_mut().zip(coordinates) {
                    *sum = terms.with(*sum, x - own);
                }
            }
        }
    }
}

/// The search on a device.
pub struct OnDevice<'a> {
    device: &'a CudaBackend,
    points: Buffer<f32>,
    queries: Buffer<f32>,
    shape: [usize; 2],
    n_parts: usize,
    n_neighbours: usize,
    terms: Terms,
    nearest: Buffer<f32>,
    found: Buffer<u32>,
}

impl<'a> OnDevice<'a> {
    /// Puts it there.
    ///
    /// # Errors
    ///
    /// If there are more neighbours than [`MAX_NEIGHBOURS`], or the device fails.
    pub fn new(device: &'a CudaBackend, search: &Search) -> Result<Self> {
        // Threads enough for any device, whatever the number of queries, and points enough for each.
        const N_THREADS: usize = 1 << 17;
        const MIN_POINTS: usize = 256;
        if search.n_neighbours > MAX_NEIGHBOURS {
            return Err(Error::Input(format!(
                "{} neighbours: a device looks for at most {MAX_NEIGHBOURS}",
                search.n_neighbours
            )));
        }
        let (n_points, n_queries) = (search.n_points(), search.n_queries());
        let n_parts = N_THREADS
            .div_ceil(n_queries.max(1))
            .clamp(1, n_points.div_ceil(MIN_POINTS).clamp(1, 1 << 15));
        let n_found = n_parts * search.n_neighbours * n_queries;
        Ok(OnDevice {
            device,
            points: device.upload_floats(search.points)?,
            queries: device.upload_floats(search.queries)?,
            shape: [search.n_dimensions, n_queries],
            n_parts,
            n_neighbours: search.n_neighbours,
            terms: search.terms,
            nearest: device.zeros(n_found)?,
            found: device.zeroed(n_found)?,
        })
    }

    /// The nearest of each part of the points, and of those the nearest.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn find(&mut self) -> Result<Vec<Vec<Neighbour>>> {
        let check = Operation("find_nearest");
        let [n_dimensions, n_queries] = self.shape;
        let shape = [self.n_parts, self.n_neighbours, n_queries];
        let arguments = nearest_neighbours::find_nearest {
            queries: check.argument("queries", &self.queries, &self.shape)?,
            points: self.points.slice(0..self.points.len()),
            n_coordinates: check.dimension("n_coordinates", n_dimensions)?,
            n_neighbours: check.dimension("n_neighbours", self.n_neighbours)?,
            is_absolute: u32::from(self.terms == Terms::Absolutes),
            nearest: check.argument_mut("nearest", &mut self.nearest, &shape)?,
            found: check.argument_mut("found", &mut self.found, &shape)?,
        };
        let threads = check.threads(n_queries, nearest_neighbours::N_THREADS)?;
        let config = LaunchConfig {
            grid: [threads.grid[0], self.n_parts as u32, 1],
            ..threads
        };
        // SAFETY: a thread for each query, a block along y for each part, and few enough neighbours.
        unsafe { self.device.launch(config, arguments)? };
        let distances = self.device.download_floats(&self.nearest)?;
        let found = self.device.download(&self.found, self.found.len())?;
        let merge = |query: usize| {
            let places = (query..found.len()).step_by(n_queries);
            // A part with too few points has found nothing in the end.
            let mut all: Vec<Neighbour> = places
                .filter(|&place| found[place] != u32::MAX)
                .map(|place| Neighbour {
                    distance: distances[place],
                    point: found[place],
                })
                .collect();
            all.sort_by(|a, b| a.distance.total_cmp(&b.distance));
            all.truncate(self.n_neighbours);
            all
        };
        Ok((0..n_queries).map(merge).collect())
    }
}
