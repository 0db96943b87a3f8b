//! k-means: `K` centroids such that the squared distances of all points from the nearest one have a small sum,
//! the *inertia*.
//!
//! **Lloyd's algorithm**: give each point to its nearest centroid, `3 N K D` operations; move each centroid
//! to the mean of its points, `N D`; until no point changes. Neither step lets the inertia grow, and there are
//! finitely many ways to divide the points, so that it ends: in a minimum, hardly ever in the least one, which
//! is NP-hard to find. Much depends on where it begins. **k-means++** takes a random point, and then again and
//! again one with a probability proportional to its squared distance from the nearest that it has: the inertia is
//! then expected within `8 (ln K + 2)` times the least, before a single step.
//!
//! All versions add a distance's terms in the same order and take the first of the nearest centroids, so that
//! they divide the points alike, bit by bit. A centroid's coordinate is the sum of its points' in their order, in
//! `f64`, with a thread for some of the coordinates: `N D` operations that are left to the CPU.
//!
//! **Caveats.** A centroid without points stays where it is. Where there are fewer distinct points than
//! clusters, each has a centroid of its own, and there are no more. Clusters that are long, or of
//! very different sizes, are cut where they should not be; and the coordinates' units decide which count.
//!
//! Source: Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information Theory 28 (1982);
//! Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.

use clap::Args;
use gpu::fundamentals::k_means;
use rayon::prelude::*;

use super::nearest_neighbours::{N_LANES, Terms, distances};
use super::samples::{self, Random};
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::backend::{CudaBackend, Memory};
use crate::fundamentals::data::{Columns, count};
use crate::fundamentals::{Algorithm, Harness, Work, harness};
use crate::{Error, Result};

/// Steps after which it is ended.
const MAX_STEPS: usize = 300;
/// Points that a thread takes at a time.
const N_PER_PART: usize = 64 * N_LANES;

/// The options of `k-means`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How many random points there are
    #[arg(long, value_name = "N", default_value_t = 1 << 18, value_parser = count)]
    points: usize,

    /// Coordinates of each
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = count)]
    dimensions: usize,

    /// Clusters that are looked for, and about which random points lie
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = count)]
    clusters: usize,

    #[command(flatten)]
    columns: Columns,
}

/// Points and centroids, coordinate by coordinate.
#[derive(Clone, Copy)]
pub struct Points<'a> {
    /// `[D, N]`.
    pub coordinates: &'a [f32],
    /// D, at least 1.
    pub n_dimensions: usize,
}

/// For each point its nearest centroid, and the squared distance from it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Assignment {
    /// The nearest centroid, the first of several.
    pub clusters: Vec<u32>,
    /// The squared distances.
    pub squares: Vec<f32>,
}

/// How points are given to centroids, `[D, K]`.
pub type Version = fn(Points, &[f32]) -> Assignment;

/// The versions for the CPU.
pub const VERSIONS: [(&str, Version); 3] = [
    ("plain", plain),
    ("SIMD", by_lanes),
    ("SIMD, threads", by_threads),
];

/// What Lloyd's algorithm ends with.
#[derive(Debug, Clone, PartialEq)]
pub struct Clustering {
    /// The centroids, `[D, K]`.
    pub centroids: Vec<f32>,
    /// Which points are whose.
    pub assignment: Assignment,
    /// The inertia before each step, and in the end.
    pub inertias: Vec<f64>,
}

impl Points<'_> {
    /// N.
    pub fn len(&self) -> usize {
        self.coordinates.len() / self.n_dimensions
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn point(&self, point: usize) -> Vec<f32> {
        let coordinates = self.coordinates.iter().skip(point).step_by(self.len());
        coordinates.copied().collect()
    }
}

impl Assignment {
    fn new(n_points: usize) -> Self {
        Assignment {
            clusters: vec![0; n_points],
            squares: vec![f32::INFINITY; n_points],
        }
    }

    /// The sum of the squared distances.
    pub fn inertia(&self) -> f64 {
        self.squares.iter().map(|&square| f64::from(square)).sum()
    }
}

/// Point after point, centroid after centroid.
pub fn plain(points: Points, centroids: &[f32]) -> Assignment {
    let (n_points, n_centroids) = (points.len(), centroids.len() / points.n_dimensions);
    let mut result = Assignment::new(n_points);
    for point in 0..n_points {
        for centroid in 0..n_centroids {
            let a = points.coordinates.iter().skip(point).step_by(n_points);
            let b = centroids.iter().skip(centroid).step_by(n_centroids);
            let square = a.zip(b).fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b));
            if square < result.squares[point] {
                result.squares[point] = square;
                result.clusters[point] = centroid as u32;
            }
        }
    }
    result
}

/// Many points at once, in the lanes of vectors.
pub fn by_lanes(points: Points, centroids: &[f32]) -> Assignment {
    let mut result = Assignment::new(points.len());
    assign(
        points,
        centroids,
        0,
        &mut result.clusters,
        &mut result.squares,
    );
    result
}

/// The same, on all threads.
pub fn by_threads(points: Points, centroids: &[f32]) -> Assignment {
    let mut result = Assignment::new(points.len());
    result
        .clusters
        .par_chunks_mut(N_PER_PART)
        .zip(result.squares.par_chunks_mut(N_PER_PART))
        .enumerate()
        .for_each(|(part, (clusters, squares))| {
            assign(points, centroids, part * N_PER_PART, clusters, squares);
        });
    result
}

/// Assigns the points from `first` on.
fn assign(
    points: Points,
    centroids: &[f32],
    first: usize,
    clusters: &mut [u32],
    squares: &mut [f32],
) {
    let n_centroids = centroids.len() / points.n_dimensions;
    harness::vectorized(
        #[inline(always)]
        || {
            let groups = clusters
                .chunks_mut(N_LANES)
                .zip(squares.chunks_mut(N_LANES));
            let mut sums = [0.0; N_LANES];
            for (group, (clusters, squares)) in groups.enumerate() {
                let first = first + group * N_LANES;
                for centroid in 0..n_centroids {
                    let own = |row: usize| centroids[row * n_centroids + centroid];
                    distances(
                        Terms::Squares,
                        points.coordinates,
                        points.len(),
                        first,
                        own,
                        &mut sums,
                    );
                    for ((cluster, square), &sum) in
                        clusters.iter_mut().zip(&mut *squares).zip(&sums)
                    {
                        if sum < *square {
                            (*cluster, *square) = (centroid as u32, sum);
                        }
                    }
                }
            }
        },
    );
}

/// The points on a device.
pub struct OnDevice<'a> {
    device: &'a CudaBackend,
    points: Buffer<f32>,
    shape: [usize; 2],
    clusters: Buffer<u32>,
    squares: Buffer<f32>,
}

impl<'a> OnDevice<'a> {
    /// Puts them there.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn new(device: &'a CudaBackend, points: Points) -> Result<Self> {
        Ok(OnDevice {
            device,
            points: device.upload_floats(points.coordinates)?,
            shape: [points.n_dimensions, points.len()],
            clusters: device.zeroed(points.len())?,
            squares: device.zeros(points.len())?,
        })
    }

    /// Assigns them to centroids.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn assign(&mut self, centroids: &[f32]) -> Result<Assignment> {
        let centroids = self.device.upload_floats(centroids)?;
        self.launch(&centroids)?;
        Ok(Assignment {
            clusters: self.device.download(&self.clusters, self.clusters.len())?,
            squares: self.device.download_floats(&self.squares)?,
        })
    }

    fn launch(&mut self, centroids: &Buffer<f32>) -> Result<()> {
        let check = Operation("assign");
        let [n_dimensions, n_points] = self.shape;
        let arguments = k_means::assign {
            points: check.argument("points", &self.points, &self.shape)?,
            centroids: centroids.slice(0..centroids.len()),
            n_coordinates: check.dimension("n_coordinates", n_dimensions)?,
            clusters: self.clusters.slice_mut(0..n_points),
            squares: self.squares.slice_mut(0..n_points),
        };
        let config = check.threads(n_points, k_means::N_THREADS)?;
        // SAFETY: a thread for each point.
        unsafe { self.device.launch(config, arguments) }
    }
}

/// Centroids to begin with, `[D, K]`, by k-means++: points, and fewer than `n_clusters` if fewer are distinct.
/// There must be a point.
pub fn k_means_plus_plus(points: Points, n_clusters: usize, random: &mut Random) -> Vec<f32> {
    let n_points = points.len();
    let mut chosen = vec![points.point(random.below(n_points))];
    let mut squares = vec![f32::INFINITY; n_points];
    while chosen.len() < n_clusters {
        let of_last = by_threads(points, &chosen[chosen.len() - 1]).squares;
        for (square, of_last) in squares.iter_mut().zip(of_last) {
            *square = square.min(of_last);
        }
        let total: f64 = squares.iter().map(|&square| f64::from(square)).sum();
        let place = random.uniform() * total;
        let mut sum = 0.0;
        let reached = squares.iter().position(|&square| {
            sum += f64::from(square);
            sum > place
        });
        // All points are chosen ones, if nothing is reached.
        match reached {
            Some(point) => chosen.push(points.point(point)),
            None => break,
        }
    }
    (0..points.n_dimensions)
        .flat_map(|row| chosen.iter().map(move |point| point[row]))
        .collect()
}

/// Moves centroids to the means of their points; one without points stays.
pub fn means(points: Points, clusters: &[u32], centroids: &mut [f32]) {
    let n_points = points.len();
    let n_centroids = centroids.len() / points.n_dimensions;
    let mut counts = vec![0_usize; n_centroids];
    for &cluster in clusters {
        counts[cluster as usize] += 1;
    }
    points
        .coordinates
        .par_chunks(n_points)
        .zip(centroids.par_chunks_mut(n_centroids))
        .for_each(|(coordinates, centroids)| {
            let mut sums = vec![0.0; n_centroids];
            for (&x, &cluster) in coordinates.iter().zip(clusters) {
                sums[cluster as usize] += f64::from(x);
            }
            for ((centroid, sum), &count) in centroids.iter_mut().zip(sums).zip(&counts) {
                if count > 0 {
                    *centroid = (sum / count as f64) as f32;
                }
            }
        });
}

/// Lloyd's algorithm, from these centroids on.
///
/// # Errors
///
/// Whatever `assign` fails with.
pub fn lloyd(
    points: Points,
    mut centroids: Vec<f32>,
    mut assign: impl FnMut(&[f32]) -> Result<Assignment>,
) -> Result<Clustering> {
    let mut assignment = assign(&centroids)?;
    let mut inertias = vec![assignment.inertia()];
    for _ in 0..MAX_STEPS {
        let before = assignment.clusters;
        means(points, &before, &mut centroids);
        assignment = assign(&centroids)?;
        inertias.push(assignment.inertia());
        if assignment.clusters == before {
            break;
        }
    }
    Ok(Clustering {
        centroids,
        assignment,
        inertias,
    })
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        /// The distance of the groups of random points.
        const DISTANCE: f64 = 2.0;
        let mut random = Random::new(harness.seed());
        let (coordinates, n_dimensions) = match self.columns.read()? {
            Some(columns) => (samples::coordinates(&columns)?, columns.len()),
            None => {
                let shape = [self.points, self.dimensions, self.clusters];
                let (points, _) = samples::groups(&mut random, shape, DISTANCE)?;
                (points, self.dimensions)
            }
        };
        let points = Points {
            coordinates: &coordinates,
            n_dimensions,
        };
        let n_points = points.len();
        if n_points < self.clusters {
            return Err(Error::Input(format!(
                "--clusters {}: there are only {n_points} points",
                self.clusters
            )));
        }
        let begin = k_means_plus_plus(points, self.clusters, &mut random);
        let n_clusters = begin.len() / n_dimensions;
        if n_clusters < self.clusters {
            harness.print(format_args!(
                "only {n_clusters} points are distinct: each is a cluster, and there are no more"
            ))?;
        }
        let clustering = lloyd(points, begin, |centroids| Ok(by_threads(points, centroids)))?;
        let Clustering {
            centroids,
            assignment,
            inertias,
        } = &clustering;
        let n_steps = inertias.len() - 1;
        harness.print(format_args!(
            "{n_points} points of {n_dimensions} coordinates in {n_clusters} clusters after {n_steps} steps; \
             the inertia fell from {:.6e} to {:.6e}",
            inertias[0], inertias[n_steps]
        ))?;
        print_sizes(harness, &assignment.clusters, n_clusters)?;

        let [n, k, d] = [n_points, n_clusters, n_dimensions].map(|count| count as f64);
        let mut timed = harness.table(Work {
            bytes: 4.0 * (n * (d + 2.0) + k * d),
            operations: 3.0 * n * k * d,
        });
        let mut results = Vec::new();
        for (version, assign) in VERSIONS {
            let version = format!("nearest centroids, {version}");
            let result = timed.host(&version, || assign(points, centroids));
            results.push((version, result));
        }
        if let Some(device) = harness.device() {
            let mut on_device = OnDevice::new(device, points)?;
            let on_device_centroids = device.upload_floats(centroids)?;
            timed.device("nearest centroids, GPU", device, || {
                on_device.launch(&on_device_centroids)
            })?;
            results.push(("GPU".to_owned(), on_device.assign(centroids)?));
        }
        // A difference rounds twice, and each of the sums once.
        let limit = (d + 2.0) * f64::from(f32::EPSILON);
        let error = distance_error(points, centroids, assignment);
        harness.check("distances from the nearest centroids", error, limit)?;
        for (what, result) in &results {
            let pairs = result.clusters.iter().zip(&assignment.clusters);
            let differ = pairs.filter(|(a, b)| a != b).count();
            harness.check(&format!("points elsewhere by {what}"), differ as f64, 0.0)?;
        }
        harness.print_table(timed)
    }
}

/// How many points the clusters have.
fn print_sizes(harness: &mut Harness, clusters: &[u32], n_clusters: usize) -> Result<()> {
    let mut counts = vec![0_usize; n_clusters];
    clusters
        .iter()
        .for_each(|&cluster| counts[cluster as usize] += 1);
    counts.sort_unstable();
    harness.print(format_args!(
        "the smallest has {} points, the middle one {}, the largest {}",
        counts[0],
        counts[n_clusters / 2],
        counts[n_clusters - 1]
    ))
}

/// The largest relative error of the squared distances, against the nearest centroids in `f64`. Of many
/// points every few are looked at.
pub fn distance_error(points: Points, centroids: &[f32], assignment: &Assignment) -> f64 {
    const MAX_POINTS: usize = 1 << 12;
    let n_points = points.len();
    let n_centroids = centroids.len() / points.n_dimensions;
    let every = n_points.div_ceil(MAX_POINTS).max(1);
    harness::largest((0..n_points).step_by(every).map(|point| {
        let own = points.point(point);
        let square = |centroid: usize| -> f64 {
            let others = centroids.iter().skip(centroid).step_by(n_centroids);
            let pairs = own.iter().zip(others);
            pairs
                .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
                .sum()
        };
        let exact = (0..n_centroids).map(square).fold(f64::INFINITY, f64::min);
        let error = (f64::from(assignment.squares[point]) - exact).abs();
        if error == 0.0 { 0.0 } else { error / exact }
    }))
}
