//! The scatter of a table's rows about their mean: `S = Σ (x - m)(x - m)ᵀ` with `m = Σ x / N`.
//!
//! It is `N - 1` times the covariance, and all that least squares needs to know of a table:
//! [`linear_regression`](super::linear_regression), [`ridge`](super::ridge) and [`pca`](super::pca) begin with
//! it, and Newton's method for [`logistic_regression`](super::logistic_regression) with a sum of the same
//! kind. Of `N D` numbers each is used `D` times, in `N D (D + 1)` operations: few columns are read as fast
//! as memory is, many as fast as one multiplies.
//!
//! In one pass, with a guess `c` of the mean: `S = Σ (x - c)(x - c)ᵀ - N d dᵀ` with `d = Σ (x - c) / N`, and the
//! mean is `c + d`. The guess is the mean of a few rows from all over the table; where a column's mean is farther
//! from it than the column's deviation, the table is read once more about the mean that was found, so that `N d dᵀ`
//! is always the smaller part. The products are added up in registers, 8 x 8 pairs of columns over 64 rows. Each
//! thread has a part of the rows and a matrix of its own, and the parts are added up in their order, whatever the
//! number of threads. On a device, where a block has a part of the rows and 32 x 32 pairs of columns, the mean
//! comes first.
//!
//! **Caveats.** `|Ŝᵢⱼ - Sᵢⱼ| ≤ N u √(Sᵢᵢ Sⱼⱼ)` with the mean taken off first, and at most twice that in one pass, since
//! `N d² ≤ S`; `Σ x xᵀ - N m mᵀ`, where the guess is 0, loses as many digits more as `m²` is larger than the
//! variance, as in [`statistics`](crate::fundamentals::basics::statistics). Merging parts that have means of their
//! own would lose by their rounding itself, not only by its square. Squares overflow beyond 10¹⁵⁴.
//!
//! Source: Chan, Golub and LeVeque, "Algorithms for computing the sample variance", The American
//! Statistician 37 (1983).

mod device;
mod rows;

use rayon::prelude::*;

use crate::fundamentals::{Work, harness};

pub(super) use device::DeviceSums;
pub use device::OnDevice;
pub(super) use rows::{N_ROWS, Weigh, Weights, add_products};

/// Rows of which the first guess of the mean is made.
const N_GUESSED: usize = 64;
/// Most parts of the rows for threads.
const MAX_PARTS: usize = 64;
/// Most numbers that the matrices of all parts have.
const MAX_NUMBERS: usize = 1 << 24;

/// What the rows of a table add up to.
#[derive(Debug, Clone, PartialEq)]
pub struct Scatter {
    /// N.
    pub n_rows: usize,
    /// The mean of each column, `[D]`.
    pub means: Vec<f64>,
    /// `Σ (x - m)(x - m)ᵀ`, `[D, D]`.
    pub products: Vec<f64>,
}

impl Scatter {
    /// `Σ (x - m)²` of a column.
    pub fn squares(&self, column: usize) -> f64 {
        self.products[column * (self.means.len() + 1)]
    }

    /// By how much another scatter's products differ at most, as a share of `√(Sᵢᵢ Sⱼⱼ)`.
    pub fn difference(&self, other: &Scatter) -> f64 {
        let n = self.means.len();
        let pairs = self.products.iter().zip(&other.products).enumerate();
        harness::largest(pairs.map(|(place, (a, b))| {
            let size = (self.squares(place / n) * self.squares(place % n)).sqrt();
            if a == b { 0.0 } else { (a - b).abs() / size }
        }))
    }

    /// Whether a column is constant, but for what the rounding of its mean, `N u |m|`, leaves of it.
    pub fn is_constant(&self, column: usize) -> bool {
        let n = self.n_rows as f64;
        self.squares(column) <= n * (n * f64::EPSILON * self.means[column]).powi(2)
    }
}

/// How a table `[N, D]` of so many columns D is summed up; there must be a row.
pub type Version = fn(&[f64], usize) -> Scatter;

/// The versions for the CPU.
pub const VERSIONS: [(&str, Version); 3] = [
    ("plain", plain),
    ("SIMD", by_lanes),
    ("SIMD, threads", by_threads),
];

/// What any version has to read and compute.
pub fn work(n_rows: usize, n_columns: usize) -> Work {
    let [n, d] = [n_rows, n_columns].map(|count| count as f64);
    Work {
        bytes: 8.0 * n * d,
        operations: n * d * (d + 1.0),
    }
}

/// Pair of columns after pair of columns, as the formula has it.
pub fn plain(table: &[f64], n_columns: usize) -> Scatter {
    let column = |idx: usize| table.iter().skip(idx).step_by(n_columns);
    let n_rows = table.len() / n_columns;
    let means: Vec<f64> = (0..n_columns)
        .map(|idx| column(idx).sum::<f64>() / n_rows as f64)
        .collect();
    let product = |i: usize, j: usize| -> f64 {
        let pairs = column(i).zip(column(j));
        pairs.map(|(a, b)| (a - means[i]) * (b - means[j])).sum()
    };
    let products = (0..n_columns * n_columns)
        .map(|place| product(place / n_columns, place % n_columns))
        .collect();
    Scatter {
        n_rows,
        means,
        products,
    }
}

/// Row after row, in the lanes of vectors.
pub fn by_lanes(table: &[f64], n_columns: usize) -> Scatter {
    about_means(table, n_columns, |center| sums_about(center, table))
}

/// The same, on all threads: a part of the rows for each.
pub fn by_threads(table: &[f64], n_columns: usize) -> Scatter {
    let n_rows = n_rows_of_part(table.len() / n_columns, n_columns);
    about_means(table, n_columns, |center| {
        let parts = table.par_chunks(n_rows * n_columns);
        let parts: Vec<Vec<f64>> = parts.map(|rows| sums_about(center, rows)).collect();
        add_parts(&parts)
    })
}

/// `Σ (x - c)`, and behind it `Σ (x - c)(x - c)ᵀ`.
fn sums_about(center: &[f64], rows: &[f64]) -> Vec<f64> {
    let n = center.len();
    let mut sums = vec![0.0; n + n * n];
    let (deviations, products) = sums.split_at_mut(n);
    add_products(rows, center, None, deviations, products);
    sums
}

/// How many rows a thread takes at a time: not depending on the number of threads, so that sums do not either.
pub(super) fn n_rows_of_part(n_rows: usize, n_columns: usize) -> usize {
    let n_parts = (MAX_NUMBERS / (n_columns * n_columns)).clamp(1, MAX_PARTS);
    n_rows.div_ceil(n_parts).max(1)
}

/// The scatter, from what gives [`sums_about`] a center.
fn about_means(
    table: &[f64],
    n_columns: usize,
    sums_about: impl Fn(&[f64]) -> Vec<f64>,
) -> Scatter {
    let n_rows = table.len() / n_columns;
    let shifted = |center: &[f64]| {
        let mut deviations = sums_about(center);
        let mut products = deviations.split_off(n_columns);
        mirror(&mut products, n_columns);
        deviations.iter_mut().for_each(|d| *d /= n_rows as f64);
        for (products, a) in products.chunks_exact_mut(n_columns).zip(&deviations) {
            for (product, b) in products.iter_mut().zip(&deviations) {
                *product -= n_rows as f64 * a * b;
            }
        }
        let means = center.iter().zip(&deviations).map(|(c, d)| c + d);
        let scatter = Scatter {
            n_rows,
            means: means.collect(),
            products,
        };
        (scatter, deviations)
    };
    let (scatter, deviations) = shifted(&guess(table, n_columns));
    let is_far = |(column, d): (usize, &f64)| n_rows as f64 * d * d > scatter.squares(column);
    match deviations.iter().enumerate().any(is_far) {
        true => shifted(&scatter.means).0,
        false => scatter,
    }
}

/// The mean of some rows, evenly spread; exactly what is in all of them where they are the same.
fn guess(table: &[f64], n_columns: usize) -> Vec<f64> {
    let n_rows = table.len() / n_columns;
    let stride = n_rows.div_ceil(N_GUESSED);
    let rows = || table.chunks_exact(n_columns).step_by(stride);
    let first = &table[..n_columns];
    let mut sums = vec![0.0; n_columns];
    for row in rows() {
        for ((sum, x), first) in sums.iter_mut().zip(row).zip(first) {
            *sum += x - first;
        }
    }
    let n = rows().len() as f64;
    let means = first.iter().zip(sums).map(|(first, sum)| first + sum / n);
    means.collect()
}

/// Copies what is above the diagonal to below it.
pub fn mirror(matrix: &mut [f64], n: usize) {
    for row in 1..n {
        for column in 0..row {
            matrix[row * n + column] = matrix[column * n + row];
        }
    }
}

/// The sums of parts, in their order.
pub fn add_parts(parts: &[Vec<f64>]) -> Vec<f64> {
    let (first, rest) = parts.split_first().expect("there is a row");
    let mut sums = first.clone();
    for part in rest {
        for (sum, value) in sums.iter_mut().zip(part) {
            *sum += value;
        }
    }
    sums
}
