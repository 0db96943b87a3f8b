//! The scatter of a table's rows about their mean: `S = Σ (x - m)(x - m)ᵀ` with `m = Σ x / N`.
//!
//! It is `N - 1` times the covariance, and all that least squares needs to know of a table:
//! [`linear_regression`](super::linear_regression), [`ridge`](super::ridge) and [`pca`](super::pca) begin with
//! it, and Newton's method for [`logistic_regression`](super::logistic_regression) with a sum of the same
//! kind. Of `N D` numbers each is used `D` times, in `N D (D + 1)` operations: few columns are read as fast
//! as memory is, many as fast as one multiplies.
//!
//! Rows come four at a time, so that an element of `S` is fetched once for four products; each thread has
//! a part of the rows and a matrix of its own, and the parts are added up in their order, whatever the
//! number of threads.
//!
//! **Caveats.** `|Ŝᵢⱼ - Sᵢⱼ| ≤ N u √(Sᵢᵢ Sⱼⱼ)` with the mean taken off first; `Σ x xᵀ - N m mᵀ` in one pass loses
//! as many digits more as `m²` is larger than the variance, as in
//! [`statistics`](crate::fundamentals::basics::statistics). Squares overflow beyond 10¹⁵⁴.
//!
//! Source: Chan, Golub and LeVeque, "Algorithms for computing the sample variance", The American
//! Statistician 37 (1983).

use rayon::prelude::*;

use crate::fundamentals::{Work, harness};

/// Rows whose products are added at once.
const N_ROWS: usize = 4;
/// Columns at the least that begin together, for vectors.
const N_LANES: usize = 8;
/// Parts of the rows for threads: so many whatever the number of threads, so that sums are the same.
const N_PARTS: usize = 64;

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
    let mut means = vec![0.0; n_columns];
    add_rows(table, &mut means);
    finish(table, means, |means| {
        let mut products = vec![0.0; n_columns * n_columns];
        add_products(table, |_| 1.0, means, &mut products);
        products
    })
}

/// The same, on all threads: a part of the rows for each.
pub fn by_threads(table: &[f64], n_columns: usize) -> Scatter {
    let n_rows = (table.len() / n_columns).div_ceil(N_PARTS).max(1);
    let parts = |f: &(dyn Fn(&[f64]) -> Vec<f64> + Sync)| -> Vec<f64> {
        let parts: Vec<Vec<f64>> = table.par_chunks(n_rows * n_columns).map(f).collect();
        add_parts(&parts)
    };
    let means = parts(&|rows| {
        let mut sums = vec![0.0; n_columns];
        add_rows(rows, &mut sums);
        sums
    });
    finish(table, means, |means| {
        parts(&|rows| {
            let mut products = vec![0.0; n_columns * n_columns];
            add_products(rows, |_| 1.0, means, &mut products);
            products
        })
    })
}

/// The scatter, from the columns' sums and from what the products are, above the diagonal, about means.
fn finish(table: &[f64], mut sums: Vec<f64>, products: impl FnOnce(&[f64]) -> Vec<f64>) -> Scatter {
    let n_columns = sums.len();
    let n_rows = table.len() / n_columns;
    sums.iter_mut().for_each(|sum| *sum /= n_rows as f64);
    let mut products = products(&sums);
    mirror(&mut products, n_columns);
    Scatter {
        n_rows,
        means: sums,
        products,
    }
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

/// `sums += Σ x`, over the rows.
fn add_rows(rows: &[f64], sums: &mut [f64]) {
    harness::vectorized(
        #[inline(always)]
        || {
            for row in rows.chunks_exact(sums.len()) {
                for (sum, x) in sums.iter_mut().zip(row) {
                    *sum += x;
                }
            }
        },
    );
}

/// `products += Σ weight (x - c)(x - c)ᵀ` over the rows, above the diagonal and on it; what is below it is
/// something else.
pub fn add_products(
    rows: &[f64],
    weight: impl Fn(usize) -> f64,
    center: &[f64],
    products: &mut [f64],
) {
    let n = center.len();
    harness::vectorized(
        #[inline(always)]
        || {
            // Rows that are missing in the last four stay 0.
            let mut centered = [(); N_ROWS].map(|()| vec![0.0; n]);
            for (group, rows) in rows.chunks(N_ROWS * n).enumerate() {
                let mut weights = [0.0; N_ROWS];
                for (idx, row) in rows.chunks_exact(n).enumerate() {
                    weights[idx] = weight(group * N_ROWS + idx);
                    for ((y, x), c) in centered[idx].iter_mut().zip(row).zip(center) {
                        *y = x - c;
                    }
                }
                let [a, b, c, d] = &centered;
                for (idx, products) in products.chunks_exact_mut(n).enumerate() {
                    let first = idx / N_LANES * N_LANES;
                    let factors = [
                        weights[0] * a[idx],
                        weights[1] * b[idx],
                        weights[2] * c[idx],
                        weights[3] * d[idx],
                    ];
                    let rows = a[first..].iter().zip(&b[first..]);
                    let rows = rows.zip(&c[first..]).zip(&d[first..]);
                    for (product, (((a, b), c), d)) in products[first..].iter_mut().zip(rows) {
                        *product +=
                            (factors[0] * a + factors[1] * b) + (factors[2] * c + factors[3] * d);
                    }
                }
            }
        },
    );
}
