//! Singular values by one-sided Jacobi rotations: `A = U Σ Vᵀ = Σ σₖ uₖ vₖᵀ`.
//!
//! Every matrix is a sum of `min(M, N)` products of a column and a row, orthogonal ones of length 1, with
//! weights `σ₁ ≥ σ₂ ≥ ... ≥ 0`. The first `k` of them are the nearest matrix of rank `k`; how many are not
//! 0 is the rank; `σ₁ / σ_N` is the condition; `σ²` are the eigenvalues of `AᵀA`.
//!
//! Two columns of `A` are made orthogonal by a rotation of their plane, the one that makes `p · q` 0 in
//! `AᵀA`, and all rotations together are `V`. When all pairs are orthogonal, the columns are `A V = U Σ`:
//! their lengths are the singular values. A sweep over all pairs squares how far they are from it, once
//! they are near. `N²/2 (8 M + 6 N)` operations for each sweep. A matrix that is wider than high is
//! transposed first. Pairs of different columns have nothing to do with each other: in `N - 1` rounds of
//! `N / 2` pairs all can be done at a time.
//!
//! **Caveats.** `AᵀA` itself, with the squares, would lose all singular values below `√u σ₁`; the rotations
//! of `A` get each to a few `M N u` of the largest, and of a matrix whose columns are badly scaled even to
//! that share of itself, down to `10⁻¹⁴⁶` of the largest. Of a singular value of 0 the vector in `U` is
//! what rounding makes of it, and 0 where nothing is left.
//!
//! Source: Golub and Van Loan, "Matrix Computations" (2013), section 8.6; Hestenes, "Inversion of
//! matrices by biorthogonalization", 1958.

mod rotations;

use clap::Args;
use rand::RngExt;

use super::vectors::{self, dot, first_of, length};
use crate::Result;
use crate::fundamentals::data::{Columns, rows, size};
use crate::fundamentals::{Algorithm, Harness, Work, harness};

/// The options of `svd`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Rows of the matrix, which has the singular values 1, 1/2, 1/3, ...
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = size)]
    rows: usize,

    /// Numbers of each
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = size)]
    dimensions: usize,

    #[command(flatten)]
    columns: Columns,
}

/// `A = Σ σₖ uₖ vₖᵀ`, with `K = min(M, N)` of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Svd {
    /// The singular values, the largest first: `[K]`.
    pub values: Vec<f64>,
    /// Row `k` is `uₖ`: `[K, M]`.
    pub left: Vec<f64>,
    /// Row `k` is `vₖ`: `[K, N]`.
    pub right: Vec<f64>,
    /// How many times all pairs of columns were looked at.
    pub n_sweeps: usize,
}

impl Svd {
    /// How far the sum is from the matrix, as a share of it: `|A - Σ σ u vᵀ| / |A|`.
    pub fn residual(&self, a: &[f64]) -> f64 {
        let k = self.values.len().max(1);
        let (m, n) = (self.left.len() / k, self.right.len() / k);
        let exponent = vectors::exponent(a);
        let mut rest = a.to_vec();
        vectors::scale(&mut rest, -exponent);
        let norm = length(&rest).max(f64::MIN_POSITIVE);
        for (idx, value) in self.values.iter().enumerate() {
            let value = libm::scalbn(*value, -exponent);
            let (left, right) = (&self.left[idx * m..][..m], &self.right[idx * n..][..n]);
            for (row, u) in rest.chunks_mut(n).zip(left) {
                vectors::add_multiple(-value * u, right, row);
            }
        }
        length(&rest) / norm
    }

    /// How far the vectors on both sides are from lengths of 1 and from being orthogonal: the largest
    /// `|uᵢ · uⱼ - δᵢⱼ|`, of singular values that are more than rounding, and `|vᵢ · vⱼ - δᵢⱼ|`.
    pub fn orthogonality(&self) -> f64 {
        let k = self.values.len().max(1);
        let (m, n) = (self.left.len() / k, self.right.len() / k);
        let rank = self.rank();
        // Of a wide matrix the vectors on the right are the ones that are lengths' quotients.
        let [left, right] = if m >= n { [rank, k] } else { [k, rank] };
        let left = self.left.chunks(m.max(1)).take(left);
        let right = self.right.chunks(n.max(1)).take(right);
        harness::largest([left.collect(), right.collect()].map(largest_product))
    }

    /// How many singular values are more than rounding, which leaves `max(M, N) u σ₁`.
    pub fn rank(&self) -> usize {
        let k = self.values.len().max(1);
        let largest = self.values.first().copied().unwrap_or(0.0);
        let limit = (self.left.len().max(self.right.len()) / k) as f64 * f64::EPSILON * largest;
        self.values.iter().filter(|&&value| value > limit).count()
    }

    /// What rounding may leave of both: in each of `N` rounds of a sweep all numbers are rotated once, by six
    /// operations, and products of columns have `M` terms.
    pub fn limit(&self) -> f64 {
        let k = self.values.len();
        let n_terms = (self.left.len().max(self.right.len()) / k.max(1)) as f64;
        (6.0 * (k * (self.n_sweeps + 1)) as f64 + 2.0 * n_terms) * f64::EPSILON
    }
}

/// The largest `|xᵢ · xⱼ - δᵢⱼ|`.
fn largest_product(vectors: Vec<&[f64]>) -> f64 {
    let pairs = (0..vectors.len()).flat_map(|i| (i..vectors.len()).map(move |j| (i, j)));
    harness::largest(pairs.map(|(i, j)| {
        let expected = if i == j { 1.0 } else { 0.0 };
        (dot(vectors[i], vectors[j]) - expected).abs()
    }))
}

/// A matrix with these singular values: a diagonal, reflected by a random direction on each side.
fn with_values([m, n]: [usize; 2], values: &[f64], mut random: impl FnMut() -> f64) -> Vec<f64> {
    let mut unit = |n: usize| -> Vec<f64> {
        let v: Vec<f64> = (0..n).map(|_| random()).collect();
        let size = length(&v);
        v.into_iter().map(|v| v / size).collect()
    };
    let (u, v) = (unit(m), unit(n));
    // (I - 2 u uᵀ) D (I - 2 v vᵀ)
    let product: f64 = (values.iter().zip(&u).zip(&v))
        .map(|((d, u), v)| d * u * v)
        .sum();
    let value = |k: usize| values.get(k).copied().unwrap_or(0.0);
    let element = |place: usize| {
        let (row, column) = (place / n, place % n);
        let diagonal = if row == column { values[row] } else { 0.0 };
        let of_rows = u[row] * (u[..m.min(n)].get(column).map_or(0.0, |u| u * value(column)));
        let of_columns = v[column] * (v.get(row).map_or(0.0, |v| v * value(row)));
        diagonal - 2.0 * of_rows - 2.0 * of_columns + 4.0 * product * u[row] * v[column]
    };
    (0..m * n).map(element).collect()
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let (a, shape, known) = match self.columns.read()? {
            Some(columns) => {
                let shape = [columns[0].len(), columns.len()];
                (rows(&columns).collect(), shape, None)
            }
            None => {
                let shape = [self.rows, self.dimensions];
                let n_values = self.rows.min(self.dimensions);
                let values: Vec<f64> = (0..n_values).map(|k| 1.0 / (k + 1) as f64).collect();
                let mut random = harness.random();
                let a = with_values(shape, &values, || random.random_range(-1.0..1.0));
                (a, shape, Some(values))
            }
        };
        let plain = Svd::new(&a, shape)?;
        let [n, m] = [shape[0].min(shape[1]), shape[0].max(shape[1])].map(|n| n as f64);
        let mut table = harness.table(Work {
            bytes: 8.0 * (2.0 * m * n + n * n),
            operations: plain.n_sweeps as f64 * n * n / 2.0 * (8.0 * m + 6.0 * n),
        });
        harness.print(format_args!(
            "M = {}, N = {}, sweeps: {}, rank {}, singular values: {}",
            shape[0],
            shape[1],
            plain.n_sweeps,
            plain.rank(),
            first_of(&plain.values)
        ))?;
        let mut results = vec![
            (
                "plain",
                table.host("pair by pair, plain", || Svd::new(&a, shape))?,
            ),
            (
                "threads",
                table.host("in rounds, SIMD, threads", || Svd::with_threads(&a, shape))?,
            ),
        ];
        if let Some(device) = harness.device() {
            let result = table.device("in rounds, GPU", device, || {
                Svd::on_device(device, &a, shape)
            })?;
            results.push(("GPU", result));
        }
        for (what, svd) in &results {
            let limit = svd.limit();
            harness.check(&format!("|A - U Σ Vᵀ|, {what}"), svd.residual(&a), limit)?;
            harness.check(
                &format!("|UᵀU - I| and |VᵀV - I|, {what}"),
                svd.orthogonality(),
                limit,
            )?;
            if let Some(known) = &known {
                let errors = svd.values.iter().zip(known).map(|(a, b)| (a - b).abs());
                let error = harness::largest(errors);
                harness.check(&format!("singular values, {what}"), error, limit)?;
            }
        }
        harness.print_table(table)
    }
}
