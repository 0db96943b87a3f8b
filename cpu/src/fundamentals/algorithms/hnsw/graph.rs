//! The graph: how vectors are linked, and how the links are followed.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use crate::fundamentals::harness;
use crate::simd::sum_of_lanes;
use crate::{Error, Result};

/// Twice what the first step of adding them up takes.
const N_LANES: usize = 16;
/// Most numbers of all vectors.
const MAX_NUMBERS: usize = 1 << 31;

/// A vector that was found; nearer ones come first, and of the same distance those of smaller numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// The square of its distance.
    pub distance: f32,
    /// Its number.
    pub idx: u32,
}

impl Eq for Found {}

impl Ord for Found {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_distance = self.distance.total_cmp(&other.distance);
        by_distance.then(self.idx.cmp(&other.idx))
    }
}

impl PartialOrd for Found {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// `Σ (a - b)²`, in lanes.
#[inline(always)]
fn distance(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; N_LANES];
    let (a_chunks, a_rest) = a.as_chunks::<N_LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<N_LANES>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += (a - b) * (a - b);
        }
    }
    let of_rest = a_rest.iter().zip(b_rest).map(|(a, b)| (a - b) * (a - b));
    of_rest.fold(sum_of_lanes(sums), |sum, square| sum + square)
}

/// How a graph is built.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    /// Links that a vector begins with; it may get as many on the upper levels, and twice as many on the
    /// lowest.
    pub n_neighbours: usize,
    /// How many of the nearest are looked for, to choose from.
    pub ef: usize,
    /// Where the vectors' levels are drawn from.
    pub seed: u64,
}

/// Vectors and their links.
pub struct Graph {
    n_dimensions: usize,
    n_neighbours: usize,
    vectors: Vec<f32>,
    /// For each vector, on each of its levels from 0 on, whom it is linked to.
    links: Vec<Vec<Vec<u32>>>,
    /// A vector on the highest level.
    entry: u32,
}

/// What a search needs to remember; to be used again by the next one.
#[derive(Default)]
pub struct Scratch {
    /// The number of the search that met a vector last.
    met: Vec<u32>,
    search: u32,
    neighbours: Vec<Found>,
    /// How many distances have been computed.
    pub n_distances: u64,
}

impl Scratch {
    fn begin(&mut self, n_vectors: usize) {
        self.met.resize(n_vectors, 0);
        self.search = self.search.checked_add(1).unwrap_or_else(|| {
            self.met.fill(0);
            1
        });
    }

    /// Whether this search meets the vector for the first time.
    fn meets(&mut self, idx: u32) -> bool {
        let met = &mut self.met[idx as usize];
        let is_new = *met != self.search;
        *met = self.search;
        is_new
    }
}

impl Graph {
    /// Links `vectors`, `[N, n_dimensions]`, one after the other.
    ///
    /// # Errors
    ///
    /// If there are no vectors or dimensions, or numbers that are not finite, or one of the recipe's numbers
    /// is too small.
    pub fn build(vectors: Vec<f32>, n_dimensions: usize, recipe: Recipe) -> Result<Graph> {
        let Recipe {
            n_neighbours,
            ef,
            seed,
        } = recipe;
        let refuse = |what: String| Err(Error::Input(what));
        if vectors.is_empty() || n_dimensions == 0 || !vectors.len().is_multiple_of(n_dimensions) {
            return refuse(format!(
                "{} numbers are no vectors of {n_dimensions} dimensions: expected a multiple of it, \
                 and at least one vector of one dimension",
                vectors.len()
            ));
        }
        let n_vectors = vectors.len() / n_dimensions;
        if vectors.len() > MAX_NUMBERS {
            return refuse(format!(
                "{n_vectors} vectors of {n_dimensions} numbers: at most 2^31 numbers are taken"
            ));
        }
        if let Some(place) = vectors.iter().position(|x| !x.is_finite()) {
            return refuse(format!(
                "vector {} has a number that is not finite: it is as far from all others as from itself",
                place / n_dimensions + 1
            ));
        }
        if n_neighbours < 2 || ef == 0 {
            return refuse(format!(
                "{n_neighbours} neighbours, the best of {ef}: a graph needs at least 2, and 1 to choose from"
            ));
        }
        let mut graph = Graph {
            n_dimensions,
            n_neighbours,
            vectors,
            links: Vec::with_capacity(n_vectors),
            entry: 0,
        };
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut scratch = Scratch::default();
        for idx in 0..n_vectors {
            // A level has 1 / n_neighbours of the vectors of the one below.
            let uniform = 1.0 - random.random::<f64>();
            let level = (-libm::log(uniform) / libm::log(n_neighbours as f64)) as usize;
            graph.insert(idx as u32, level, ef, &mut scratch);
        }
        graph.reach_all(ef, &mut scratch);
        Ok(graph)
    }

    /// How many vectors there are.
    pub fn n_vectors(&self) -> usize {
        self.links.len()
    }

    /// The vector where searches begin.
    pub fn entry(&self) -> u32 {
        self.entry
    }

    /// The links of a vector, on each of its levels.
    pub fn links(&self, idx: u32) -> &[Vec<u32>] {
        &self.links[idx as usize]
    }

    fn vector(&self, idx: u32) -> &[f32] {
        &self.vectors[idx as usize * self.n_dimensions..][..self.n_dimensions]
    }

    /// The `k` nearest vectors, or all if there are fewer, from the nearest on, as far as links lead to
    /// them: the more of the nearest are kept in mind on the way, `ef`, the more of them are found, and all
    /// if that is the number of vectors. A `query` has as many numbers as the vectors.
    pub fn search(&self, query: &[f32], k: usize, ef: usize, scratch: &mut Scratch) -> Vec<Found> {
        let mut begin = self.descend(query, 0, scratch);
        // From here all are reached; from where the upper levels lead to, perhaps not.
        begin.push(self.found(query, self.entry));
        let mut found = self.search_level(query, &begin, ef.max(k), 0, scratch);
        found.truncate(k);
        found
    }

    fn found(&self, query: &[f32], idx: u32) -> Found {
        Found {
            distance: distance(query, self.vector(idx)),
            idx,
        }
    }

    /// The nearest on the level above `level`, on the way down from the entry, always to the nearest.
    fn descend(&self, query: &[f32], level: usize, scratch: &mut Scratch) -> Vec<Found> {
        let n_levels = self.links[self.entry as usize].len();
        let begin = vec![self.found(query, self.entry)];
        (level + 1..n_levels).rev().fold(begin, |begin, level| {
            self.search_level(query, &begin, 1, level, scratch)
        })
    }

    /// The `ef` nearest of a level that links lead to from where it begins, the nearest first: algorithm 2
    /// of the paper.
    fn search_level(
        &self,
        query: &[f32],
        begin: &[Found],
        ef: usize,
        level: usize,
        scratch: &mut Scratch,
    ) -> Vec<Found> {
        scratch.begin(self.n_vectors());
        let mut to_visit = BinaryHeap::new();
        // The furthest on top.
        let mut best = BinaryHeap::new();
        for &found in begin {
            if scratch.meets(found.idx) {
                to_visit.push(Reverse(found));
                best.push(found);
            }
        }
        while best.len() > ef {
            best.pop();
        }
        while let Some(Reverse(nearest)) = to_visit.pop() {
            if best.len() == ef && best.peek().is_some_and(|furthest| nearest > *furthest) {
                break;
            }
            let mut neighbours = std::mem::take(&mut scratch.neighbours);
            neighbours.clear();
            let links = &self.links[nearest.idx as usize][level];
            harness::vectorized(
                #[inline(always)]
                || {
                    let new = links.iter().filter(|&&idx| scratch.meets(idx));
                    neighbours.extend(new.map(|&idx| self.found(query, idx)));
                },
            );
            scratch.n_distances += neighbours.len() as u64;
            for &found in &neighbours {
                if best.len() == ef {
                    if best.peek().is_some_and(|furthest| found > *furthest) {
                        continue;
                    }
                    best.pop();
                }
                best.push(found);
                to_visit.push(Reverse(found));
            }
            scratch.neighbours = neighbours;
        }
        best.into_sorted_vec()
    }

    /// Links a vector to some of those before it, and them to it: algorithm 1.
    fn insert(&mut self, idx: u32, level: usize, ef: usize, scratch: &mut Scratch) {
        self.links.push(vec![Vec::new(); level + 1]);
        if idx == 0 {
            return;
        }
        let query = self.vector(idx).to_vec();
        let n_levels = self.links[self.entry as usize].len();
        let mut begin = self.descend(&query, level, scratch);
        for level in (0..n_levels.min(level + 1)).rev() {
            begin = self.search_level(&query, &begin, ef, level, scratch);
            let chosen = self.choose(&begin, self.n_neighbours);
            for &neighbour in &chosen {
                self.link(neighbour, idx, level);
            }
            self.links[idx as usize][level] = chosen;
        }
        if level >= n_levels {
            self.entry = idx;
        }
    }

    /// Some of those that were found, which are in order: algorithm 4. One that is nearer to another one
    /// than to the query is reached by that one; it is taken if there is room left.
    fn choose(&self, found: &[Found], n: usize) -> Vec<u32> {
        let (mut chosen, mut others) = (Vec::with_capacity(n), Vec::new());
        harness::vectorized(
            #[inline(always)]
            || {
                for &Found { distance, idx } in found {
                    let vector = self.vector(idx);
                    let is_apart = |&chosen: &u32| self.found(vector, chosen).distance > distance;
                    match chosen.len() < n && chosen.iter().all(is_apart) {
                        true => chosen.push(idx),
                        false => others.push(idx),
                    }
                }
            },
        );
        let n_left = n - chosen.len();
        chosen.extend(others.into_iter().take(n_left));
        chosen
    }

    /// Links two; of more links than a vector may have, those to keep are chosen anew.
    fn link(&mut self, from: u32, to: u32, level: usize) {
        let most = match level {
            0 => 2 * self.n_neighbours,
            _ => self.n_neighbours,
        };
        let links = &mut self.links[from as usize][level];
        links.push(to);
        if links.len() > most {
            let links = &self.links[from as usize][level];
            let to_found = |&idx: &u32| self.found(self.vector(from), idx);
            let mut found: Vec<Found> = links.iter().map(to_found).collect();
            found.sort_unstable();
            self.links[from as usize][level] = self.choose(&found, most);
        }
    }

    /// Adds links on the lowest level, one for each vector at most, until from the entry they lead to all.
    /// Without them, a vector would be lost when all that are linked to it have found others to link to.
    fn reach_all(&mut self, ef: usize, scratch: &mut Scratch) {
        let mut is_reached = vec![false; self.n_vectors()];
        let mut has_link_added = vec![false; self.n_vectors()];
        self.reach(self.entry, &mut is_reached);
        // One that is reached, and has no link added.
        let mut last = self.entry;
        for idx in 0..self.n_vectors() as u32 {
            if is_reached[idx as usize] {
                continue;
            }
            let nearest = self.search(self.vector(idx), ef, ef, scratch);
            let mut nearest = nearest.into_iter().map(|found| found.idx);
            let from = nearest
                .find(|&from| is_reached[from as usize] && !has_link_added[from as usize])
                .unwrap_or(last);
            self.links[from as usize][0].push(idx);
            has_link_added[from as usize] = true;
            last = idx;
            self.reach(idx, &mut is_reached);
        }
    }

    /// Marks whatever the lowest level's links lead to.
    fn reach(&self, begin: u32, is_reached: &mut [bool]) {
        let mut to_visit = vec![begin];
        is_reached[begin as usize] = true;
        while let Some(idx) = to_visit.pop() {
            for &next in &self.links[idx as usize][0] {
                if !std::mem::replace(&mut is_reached[next as usize], true) {
                    to_visit.push(next);
                }
            }
        }
    }
}
