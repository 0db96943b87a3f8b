//! The nearest of many vectors, nearly always: a hierarchical navigable small world.
//!
//! To find the nearest of `N` vectors for certain, all distances have to be computed: `3 N D` operations
//! for a query. A graph that links each vector to some near ones is searched from link to link, always on
//! from the nearest that is known and not yet visited, until none is left that is nearer than the `ef`
//! nearest so far. That ends near the query if there are long links to come close by, and short ones to
//! arrive:
//!
//!  - **levels**: on the lowest are all vectors, on each other one of `M` of those below, drawn at random:
//!    `⌊-ln u / ln M⌋` is the highest of a vector. A search goes down from the top, where links are long;
//!  - **choice of links**: a new vector is linked to `M` of the `ef` nearest that a search for it finds;
//!    one that is nearer to another chosen one than to the new vector comes last. So links lead to all
//!    sides, and out of clusters;
//!  - links go both ways, and a vector that gets more than `M`, or `2 M` on the lowest level, chooses again.
//!
//! A search computes about `ef M` distances and grows with `log N`. Here two things are added to the paper:
//! vectors which no links lead to any more in the end, as happens with many equal ones, are given one; and
//! searches begin on the lowest level from the entry, too. So `ef = N` finds exactly the nearest.
//!
//! **Recall** is the share of the `k` nearest that are found; one that is as near as the last of them, but
//! for rounding, counts, so that equal vectors may stand for each other.
//!
//! **Not on a device**: a search is a chain of steps, each of which depends on the distances of the one
//! before and goes where the memory's lines are cold; what is parallel in it are a dozen distances. What a
//! device is good at is all distances of many queries, by [`nearest_neighbours`], with which this is
//! compared.
//!
//! **Caveats.** Vectors are linked one after the other, so that the same seed gives the same graph; threads
//! are for queries. In many dimensions, where all distances are alike, `ef` has to grow with `N`. Squares
//! of distances overflow from `1.8 · 10¹⁹` on.
//!
//! Source: Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using
//! Hierarchical Navigable Small World graphs", IEEE TPAMI 42 (2020).

mod graph;

use std::time::Duration;

use clap::Args;
use gpu::fundamentals::nearest_neighbours::{MAX_NEIGHBOURS, Terms};
use rand::RngExt;
use rayon::prelude::*;

pub use graph::{Found, Graph, Recipe, Scratch};

use super::nearest_neighbours::{self, Neighbour, OnDevice, Search};
use crate::fundamentals::data::{Columns, count, rows};
use crate::fundamentals::{Algorithm, Harness, Work, harness};
use crate::{Error, Result};

/// The options of `hnsw`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How many random vectors there are
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = count)]
    vectors: usize,

    /// Numbers of each
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = count)]
    dimensions: usize,

    /// How many queries there are: random vectors, too, or the first ones of the CSV file
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = count)]
    queries: usize,

    /// How many of the nearest are looked for
    #[arg(short, long, value_name = "N", default_value_t = 10, value_parser = count)]
    k: usize,

    /// M, the links that a vector begins with
    #[arg(long, value_name = "M", default_value_t = 16, value_parser = clap::value_parser!(u32).range(2..=1024))]
    neighbours: u32,

    /// Of how many near ones they are chosen
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = count)]
    ef_construction: usize,

    /// How many near ones a search keeps in mind
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = count)]
    ef_search: usize,

    #[command(flatten)]
    columns: Columns,
}

/// What a graph finds for each of `queries`, and how many distances that took.
pub fn search_all(
    graph: &Graph,
    queries: &[f32],
    n_dimensions: usize,
    [k, ef]: [usize; 2],
) -> (Vec<Vec<Found>>, u64) {
    let mut scratch = Scratch::default();
    let queries = queries.chunks_exact(n_dimensions);
    let found = queries
        .map(|query| graph.search(query, k, ef, &mut scratch))
        .collect();
    (found, scratch.n_distances)
}

/// The same, on all threads.
pub fn search_all_threads(
    graph: &Graph,
    queries: &[f32],
    n_dimensions: usize,
    [k, ef]: [usize; 2],
) -> Vec<Vec<Found>> {
    queries
        .par_chunks_exact(n_dimensions)
        .map_init(Scratch::default, |scratch, query| {
            graph.search(query, k, ef, scratch)
        })
        .collect()
}

/// The share of those that are to be found which are found: of each query as many as are not further away
/// than the last that is to be. Both have the nearest first.
pub fn recall(found: &[Vec<Found>], expected: &[Vec<Neighbour>], n_dimensions: usize) -> f64 {
    // The same terms are added up in different orders; all of them are positive.
    let rounding = 1.0 + 2.0 * f32::EPSILON * (n_dimensions as f32 + 2.0);
    let (mut n_found, mut n_expected) = (0, 0);
    for (found, expected) in found.iter().zip(expected) {
        let Some(last) = expected.last() else {
            continue;
        };
        let is_near = |found: &&Found| found.distance <= last.distance * rounding;
        n_found += found.iter().take(expected.len()).filter(is_near).count();
        n_expected += expected.len();
    }
    n_found as f64 / n_expected.max(1) as f64
}

/// Vectors as [`Search`] takes them: coordinate by coordinate.
pub fn transposed(vectors: &[f32], n_dimensions: usize) -> Vec<f32> {
    let coordinate = |d: usize| vectors.iter().skip(d).step_by(n_dimensions).copied();
    (0..n_dimensions).flat_map(coordinate).collect()
}

impl Options {
    /// Vectors, queries, and how many dimensions they have.
    fn read(&self, harness: &Harness) -> Result<(Vec<f32>, Vec<f32>, usize)> {
        const MAX_NUMBERS: usize = 1 << 31;
        const LARGEST: f32 = 1e15;
        if let Some(columns) = self.columns.read()? {
            // A line of the file is a vector.
            let vectors: Vec<f32> = rows(&columns).map(|x| x as f32).collect();
            let n_dimensions = columns.len();
            if let Some(place) = vectors.iter().position(|x| x.abs() > LARGEST) {
                return Err(Error::Input(format!(
                    "vector {}: a number beyond ±{LARGEST:e}, and squares of such distances overflow; \
                     take another unit",
                    place / n_dimensions + 1
                )));
            }
            let n_queries = self.queries.min(columns[0].len());
            let queries = vectors[..n_queries * n_dimensions].to_vec();
            return Ok((vectors, queries, n_dimensions));
        }
        let n = self
            .vectors
            .max(self.queries)
            .saturating_mul(self.dimensions);
        if n > MAX_NUMBERS {
            return Err(Error::Input(format!(
                "--vectors {} --queries {} --dimensions {}: at most 2^31 numbers are taken",
                self.vectors, self.queries, self.dimensions
            )));
        }
        let mut random = harness.random();
        let mut numbers = |n_vectors: usize| -> Vec<f32> {
            let n = n_vectors * self.dimensions;
            (0..n).map(|_| random.random_range(-1.0..1.0)).collect()
        };
        Ok((
            numbers(self.vectors),
            numbers(self.queries),
            self.dimensions,
        ))
    }
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let (vectors, queries, n_dimensions) = self.read(harness)?;
        let (n_vectors, n_queries) = (vectors.len() / n_dimensions, queries.len() / n_dimensions);
        let k = self.k;

        let n_distances = n_vectors as f64 * n_queries as f64;
        let mut table = harness.table(work(n_distances, n_vectors, n_queries, n_dimensions));
        let all_distances = Search {
            points: &transposed(&vectors, n_dimensions),
            queries: &transposed(&queries, n_dimensions),
            n_dimensions,
            n_neighbours: k.min(n_vectors),
            terms: Terms::Squares,
        };
        let mut exact = Vec::new();
        for (version, find) in nearest_neighbours::VERSIONS {
            exact = table.host(&format!("all distances, {version}"), || {
                find(&all_distances)
            });
        }
        let device = harness
            .device()
            .filter(|_| all_distances.n_neighbours <= MAX_NEIGHBOURS);
        if let Some(device) = device {
            let mut search = OnDevice::new(device, &all_distances)?;
            let found = table.device("all distances, GPU", device, || search.find())?;
            let n_other = found.iter().zip(&exact).filter(|(a, b)| a != b).count();
            harness.check("queries with other neighbours, GPU", n_other as f64, 0.0)?;
        }

        let recipe = Recipe {
            n_neighbours: self.neighbours as usize,
            ef: self.ef_construction,
            seed: harness.seed(),
        };
        let (graph, seconds) = harness::median_seconds(Duration::ZERO, || {
            Graph::build(vectors.clone(), n_dimensions, recipe)
        })?;
        let n_links: usize = (0..n_vectors as u32)
            .map(|idx| graph.links(idx)[0].len())
            .sum();
        harness.print(format_args!(
            "a graph of {n_vectors} vectors in {n_dimensions} dimensions, made in {seconds:.2} s: {} levels, {:.1} links each on the lowest",
            graph.links(graph.entry()).len(),
            n_links as f64 / n_vectors as f64
        ))?;
        harness.print(format_args!(
            "{:>8}{:>12}{:>22}{:>22}",
            "ef", "recall", "distances / query", "queries / s, 1 thread"
        ))?;
        for ef in [10, 20, 50, 100, 200, 500]
            .into_iter()
            .filter(|&ef| ef < n_vectors)
        {
            let ((found, n_distances), seconds) = harness::median_seconds(Duration::ZERO, || {
                Ok(search_all(&graph, &queries, n_dimensions, [k, ef]))
            })?;
            harness.print(format_args!(
                "{ef:>8}{:>12.4}{:>22.0}{:>22.0}",
                recall(&found, &exact, n_dimensions),
                n_distances as f64 / n_queries as f64,
                n_queries as f64 / seconds
            ))?;
        }
        const MAX_EXACT: usize = 20;
        let n_exact = n_queries.min(MAX_EXACT);
        let some = &queries[..n_exact * n_dimensions];
        let (found, _) = search_all(&graph, some, n_dimensions, [k, n_vectors]);
        harness.check(
            "what is not found with ef as large as possible",
            1.0 - recall(&found, &exact[..n_exact], n_dimensions),
            0.0,
        )?;

        let options = [k, self.ef_search];
        let (one, n_distances) = search_all(&graph, &queries, n_dimensions, options);
        let mut searches =
            harness.table(work(n_distances as f64, n_vectors, n_queries, n_dimensions));
        searches.host(&format!("graph, ef {}", self.ef_search), || {
            search_all(&graph, &queries, n_dimensions, options)
        });
        let by_threads = searches.host(&format!("graph, ef {}, threads", self.ef_search), || {
            search_all_threads(&graph, &queries, n_dimensions, options)
        });
        let n_other = by_threads.iter().zip(&one).filter(|(a, b)| a != b).count();
        harness.check(
            "queries with other neighbours, threads",
            n_other as f64,
            0.0,
        )?;
        harness.print_table(table)?;
        harness.print_table(searches)
    }
}

/// Computing so many distances, for which each vector and each query has to be read at least once, unless
/// there are fewer distances than vectors.
fn work(n_distances: f64, n_vectors: usize, n_queries: usize, n_dimensions: usize) -> Work {
    let n_read = n_distances.min(n_vectors as f64) + n_queries as f64;
    Work {
        bytes: 4.0 * n_read * n_dimensions as f64,
        operations: 3.0 * n_distances * n_dimensions as f64,
    }
}
