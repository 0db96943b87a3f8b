//! The nearest neighbours of points, and what class they make one guess.
//!
//! Of `N` points with known classes the `k` nearest to a new one are looked for, and it is given the class
//! that most of them have; of classes with as many that of the nearest. There is nothing to learn before,
//! and all of the work is in the search: `3 N D` operations for each new point, when all distances are
//! computed. That is exact, and for many coordinates hardly anything exact is better;
//! [`hnsw`](super::hnsw) finds most of the neighbours with far fewer distances.
//!
//! **Distances**: Euclid's, `√Σ (a - b)²`, whose root is not needed for an order; Manhattan, `Σ |a - b|`, for
//! which a coordinate far off counts less; and that of directions, `1 - cos`, which is half of the squared
//! distance of the points divided by their lengths, and is computed as such.
//!
//! `Σ (a - b)²` has a relative error of `(D + 2) u`; `|a|² - 2 a · b + |b|²`, a matrix product, takes fewer
//! operations, and cancels where points are near each other: just where it counts. All versions add a
//! distance's terms in the same order, and so find the same neighbours, bit by bit: of points at the same
//! distance those of the lowest index.
//!
//! **Caveats.** The coordinates' units decide which of them count. In many dimensions distances are all
//! alike. With one neighbour the error is at most twice the least possible, given points enough.
//!
//! Source: Cover and Hart, "Nearest neighbor pattern classification", IEEE Transactions on Information
//! Theory 13 (1967).

mod search;

use clap::{Args, ValueEnum};
use gpu::fundamentals::nearest_neighbours::MAX_NEIGHBOURS;

use super::samples::{self, Random};
use crate::fundamentals::data::{Columns, count};
use crate::fundamentals::{Algorithm, Harness, Work, harness};
use crate::{Error, Result};

pub use gpu::fundamentals::nearest_neighbours::Terms;
pub(super) use search::{N_LANES, distances};
pub use search::{Neighbour, OnDevice, Search, VERSIONS, Version, by_lanes, by_threads, plain};

/// What the help says of the columns of a file.
pub const TARGET: &str = "Of a CSV file the last of the --columns is the class, a number; the class of each \
                          fifth line is guessed.";

/// The options of `nearest-neighbours`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How many random points there are whose class is known
    #[arg(long, value_name = "N", default_value_t = 8192, value_parser = count)]
    points: usize,

    /// How many there are whose class is guessed
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = count)]
    queries: usize,

    /// Coordinates of each
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = count)]
    dimensions: usize,

    /// Classes of the random points
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = count)]
    classes: usize,

    /// Neighbours that are looked for
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=MAX_NEIGHBOURS as i64))]
    neighbours: u32,

    /// What is near
    #[arg(long, value_enum, default_value_t = Distance::Euclidean)]
    distance: Distance,

    #[command(flatten)]
    columns: Columns,
}

/// How far points are from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Distance {
    /// The root of the sum of the squared differences
    Euclidean,
    /// The sum of the absolute differences
    Manhattan,
    /// 1 minus the cosine of the angle
    Cosine,
}

/// The class that most neighbours have; of several that of the nearest.
pub fn vote(neighbours: &[Neighbour], classes: &[u32]) -> Option<u32> {
    let class = |neighbour: &Neighbour| classes[neighbour.point as usize];
    let votes = |of: u32| {
        neighbours
            .iter()
            .filter(|&other| class(other) == of)
            .count()
    };
    // The last of the greatest is returned: reversed, that is the nearest.
    neighbours
        .iter()
        .rev()
        .map(class)
        .max_by_key(|&of| votes(of))
}

/// Divides points by their lengths.
///
/// # Errors
///
/// [`Error::Input`] if one is all zeros, and has no direction.
pub fn directions(points: &mut [f32], n_dimensions: usize) -> Result<()> {
    let n_points = points.len() / n_dimensions;
    for point in 0..n_points {
        let squares = points.iter().skip(point).step_by(n_points);
        let length = squares.map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        if length == 0.0 {
            return Err(Error::Input(format!(
                "point {} is all zeros: it has no direction; leave it out, or take another --distance",
                point + 1
            )));
        }
        for x in points.iter_mut().skip(point).step_by(n_points) {
            *x = (f64::from(*x) / length) as f32;
        }
    }
    Ok(())
}

/// The data: points with their classes, and queries with theirs.
struct Data {
    points: Vec<f32>,
    classes: Vec<u32>,
    queries: Vec<f32>,
    expected: Vec<u32>,
    n_dimensions: usize,
}

impl Data {
    /// Each fifth of the points is a query.
    fn split(points: &[f32], classes: &[u32], n_dimensions: usize) -> Self {
        const EVERY: usize = 5;
        let n_points = classes.len();
        let is_query = |&point: &usize| point % EVERY == EVERY - 1;
        let choose = |of_queries: bool| {
            let chosen = move |point: &usize| is_query(point) == of_queries;
            let coordinates = (0..n_dimensions).flat_map(move |row| {
                let chosen = (0..n_points).filter(chosen);
                chosen.map(move |point| points[row * n_points + point])
            });
            let classes = (0..n_points).filter(chosen).map(|point| classes[point]);
            (coordinates.collect(), classes.collect())
        };
        let (points, of_points) = choose(false);
        let (queries, expected) = choose(true);
        Data {
            points,
            classes: of_points,
            queries,
            expected,
            n_dimensions,
        }
    }
}

impl Options {
    fn data(&self, harness: &Harness) -> Result<Data> {
        /// The distance of classes, which overlap a little.
        const DISTANCE: f64 = 0.5;
        if let Some(mut columns) = self.columns.read()? {
            let target = columns
                .pop()
                .filter(|_| !columns.is_empty())
                .ok_or_else(|| {
                    Error::Input(
                        "a table of one column: expected coordinates, and a class".to_owned(),
                    )
                })?;
            let mut names = target.clone();
            names.sort_by(f64::total_cmp);
            names.dedup();
            let class = |name: &f64| names.partition_point(|other| other < name) as u32;
            let classes: Vec<u32> = target.iter().map(class).collect();
            let points = samples::coordinates(&columns)?;
            return Ok(Data::split(&points, &classes, columns.len()));
        }
        let n_points = self.points.saturating_add(self.queries);
        let shape = [n_points, self.dimensions, self.classes];
        let mut random = Random::new(harness.seed());
        let (points, classes) = samples::groups(&mut random, shape, DISTANCE)?;
        let part = |range: std::ops::Range<usize>| -> Vec<f32> {
            let rows = points.chunks_exact(n_points);
            rows.flat_map(|row| &row[range.clone()]).copied().collect()
        };
        Ok(Data {
            points: part(0..self.points),
            classes: classes[..self.points].to_vec(),
            queries: part(self.points..n_points),
            expected: classes[self.points..].to_vec(),
            n_dimensions: self.dimensions,
        })
    }
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let mut data = self.data(harness)?;
        let (n_points, n_queries) = (data.classes.len(), data.expected.len());
        if n_points < self.neighbours as usize || n_queries == 0 {
            return Err(Error::Input(format!(
                "--neighbours {}: there are {n_points} points, and {n_queries} whose neighbours are looked for",
                self.neighbours
            )));
        }
        if self.distance == Distance::Cosine {
            directions(&mut data.points, data.n_dimensions)?;
            directions(&mut data.queries, data.n_dimensions)?;
        }
        let search = Search {
            points: &data.points,
            queries: &data.queries,
            n_dimensions: data.n_dimensions,
            n_neighbours: self.neighbours as usize,
            terms: match self.distance {
                Distance::Euclidean | Distance::Cosine => Terms::Squares,
                Distance::Manhattan => Terms::Absolutes,
            },
        };
        let [q, n, d] = [n_queries, n_points, data.n_dimensions].map(|count| count as f64);
        let mut timed = harness.table(Work {
            bytes: 4.0 * d * (n + q),
            operations: 3.0 * q * n * d,
        });
        let mut results = Vec::new();
        for (version, find) in VERSIONS {
            results.push((version, timed.host(version, || find(&search))));
        }
        if let Some(device) = harness.device() {
            let mut on_device = OnDevice::new(device, &search)?;
            let version = "GPU, a thread for each query";
            let found = timed.device(version, device, || on_device.find())?;
            results.push(("GPU", found));
        }

        let found = &results[0].1;
        let right = found
            .iter()
            .zip(&data.expected)
            .filter(|(neighbours, class)| vote(neighbours, &data.classes) == Some(**class))
            .count();
        harness.print(format_args!(
            "of {n_queries} points {right} ({:.2} %) have the class that most of their {} nearest of {n_points} have",
            100.0 * right as f64 / q,
            self.neighbours
        ))?;
        // A difference rounds twice, and each of the sums once.
        let limit = (d + 2.0) * f64::from(f32::EPSILON);
        harness.check("distances", distance_error(&search, found), limit)?;
        for (what, other) in &results[1..] {
            let differ = found.iter().zip(other).filter(|(a, b)| a != b).count();
            harness.check(
                &format!("queries with other neighbours by {what}"),
                differ as f64,
                0.0,
            )?;
        }
        harness.print_table(timed)
    }
}

/// The largest relative error of the distances of some queries' neighbours, against all distances in `f64`.
pub fn distance_error(search: &Search, found: &[Vec<Neighbour>]) -> f64 {
    const MAX_QUERIES: usize = 64;
    let (n_points, n_queries) = (search.n_points(), search.n_queries());
    let every = n_queries.div_ceil(MAX_QUERIES).max(1);
    harness::largest((0..n_queries).step_by(every).flat_map(|query| {
        let query_point = search.query(query);
        let mut all: Vec<f64> = (0..n_points)
            .map(|point| {
                let coordinates = search.points.iter().skip(point).step_by(n_points);
                let differences = coordinates
                    .zip(&query_point)
                    .map(|(&a, &b)| f64::from(a) - f64::from(b));
                match search.terms {
                    Terms::Squares => differences.map(|x| x * x).sum::<f64>(),
                    Terms::Absolutes => differences.map(f64::abs).sum(),
                }
            })
            .collect();
        all.sort_by(f64::total_cmp);
        let pairs = found[query].iter().zip(all);
        pairs
            .map(|(neighbour, exact)| {
                let error = (f64::from(neighbour.distance) - exact).abs();
                if error == 0.0 { 0.0 } else { error / exact }
            })
            .collect::<Vec<f64>>()
    }))
}
