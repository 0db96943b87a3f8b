//! Eigenvalues of symmetric matrices, `A v = λ v`: the largest one by the power iteration, all by Jacobi's
//! rotations.
//!
//! A symmetric matrix of `N` rows has `N` real eigenvalues and orthogonal eigenvectors.
//!
//! **Power iteration.** `x ← A x / |A x|` multiplies the part of `x` along each eigenvector by its
//! eigenvalue, so that the one of the largest size remains: the other parts shrink by `|λ₂ / λ₁|` each
//! time, which is slow where the two are near, and does not end where they are opposite. `λ = x · A x` is
//! then off by the square of what is wrong with `x`. `2 N²` operations for each step, and as fast as memory
//! is.
//!
//! **Jacobi.** A rotation of the plane of rows `p` and `q`, and of the same columns, keeps the eigenvalues;
//! at the right angle it makes `a_pq` 0, and the sum of the squares beside the diagonal smaller by
//! `2 a_pq²`. Later rotations make that element something again, but less: after about `log N` sweeps over
//! all elements each further one squares what is left. What remains is the diagonal, and the product of the
//! rotations is the eigenvectors. `6 N³` operations for each sweep. Rotations of different rows have
//! nothing to do with each other: in `N - 1` rounds of `N / 2` pairs, as in a tournament, all can be done
//! at a time.
//!
//! **Caveats.** An eigenvalue is off by a few `N u |A|`, which says nothing of small ones beside large
//! ones; an eigenvector by as much divided by the distance to the next eigenvalue, so that those of equal
//! eigenvalues are any orthogonal ones. A vector's sign is arbitrary. QR iterations on a tridiagonal matrix
//! take a fraction of the operations; Jacobi is simpler, and easily parallel.
//!
//! Source: Golub and Van Loan, "Matrix Computations" (2013), sections 8.2 and 8.5.

mod jacobi;
mod power;

use clap::Args;
use rand::RngExt;

pub use jacobi::{Eigen, jacobi, jacobi_on_device, jacobi_with_threads};
pub use power::{
    Dominant, power_iteration, power_iteration_on_device, power_iteration_with_threads,
};

use super::vectors::{check_matrix, dot, first_of, length, show};
use crate::fundamentals::data::{Columns, count, rows, size};
use crate::fundamentals::{Algorithm, Harness, Work, harness};
use crate::{Error, Result};

/// The options of `eigen`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Rows of the matrix, which has the eigenvalues 1, -1/2, 1/3, -1/4, ...
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = size)]
    n: usize,

    /// Steps of the power iteration, at most
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = count)]
    iterations: usize,

    // A symmetric matrix.
    #[command(flatten)]
    columns: Columns,
}

/// # Errors
///
/// [`Error::Input`] if a matrix has not `n²` finite numbers, or `a_ij` and `a_ji` differ by more than
/// rounding has left of sums of `n` numbers.
fn check_symmetric(a: &[f64], n: usize) -> Result<()> {
    check_matrix(a, [n, n])?;
    let largest = a.iter().fold(0.0_f64, |max, a| max.max(a.abs()));
    // Divided first, so that nothing overflows.
    let unit = n as f64 * f64::EPSILON;
    for row in 0..n {
        for column in 0..row {
            let (below, above) = (a[row * n + column], a[column * n + row]);
            if !((below / 2.0 - above / 2.0).abs() <= unit * largest / 2.0) {
                return Err(Error::Input(format!(
                    "the matrix is not symmetric: row {} has {below} in column {}, and {above} the other way \
                     round; take (A + Aᵀ) / 2",
                    row + 1,
                    column + 1
                )));
            }
        }
    }
    Ok(())
}

/// A symmetric matrix with these eigenvalues: a diagonal, reflected by two random directions.
fn with_eigenvalues(values: &[f64], mut random: impl FnMut() -> f64) -> Vec<f64> {
    let n = values.len();
    let mut a = vec![0.0; n * n];
    for (idx, value) in values.iter().enumerate() {
        a[idx * n + idx] = *value;
    }
    for _ in 0..2 {
        let v: Vec<f64> = (0..n).map(|_| random()).collect();
        let size = length(&v);
        let v: Vec<f64> = v.into_iter().map(|v| v / size).collect();
        let product: Vec<f64> = a.chunks(n).map(|row| dot(row, &v)).collect();
        let factor = 4.0 * dot(&v, &product);
        // (I - 2 v vᵀ) A (I - 2 v vᵀ)
        for (row, a) in a.chunks_mut(n).enumerate() {
            for (column, a) in a.iter_mut().enumerate() {
                *a -= 2.0 * (v[row] * product[column] + product[row] * v[column]);
                *a += factor * (v[row] * v[column]);
            }
        }
    }
    a
}

/// A matrix of as many rows as columns, of a file.
fn from_columns(columns: &[Vec<f64>]) -> Result<(Vec<f64>, usize)> {
    let n = columns.len();
    if columns[0].len() != n {
        return Err(Error::Input(format!(
            "a matrix of {} rows and {n} columns: expected as many rows as columns",
            columns[0].len()
        )));
    }
    // Row by row, which is the same of a symmetric matrix only.
    Ok((rows(columns).collect(), n))
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let mut random = harness.random();
        let mut number = || random.random_range(-1.0..1.0);
        let (a, n, known) = match self.columns.read()? {
            Some(columns) => {
                let (a, n) = from_columns(&columns)?;
                (a, n, None)
            }
            None => {
                let mut values: Vec<f64> = (0..self.n)
                    .map(|k| if k % 2 == 0 { 1.0 } else { -1.0 } / (k + 1) as f64)
                    .collect();
                let a = with_eigenvalues(&values, &mut number);
                values.sort_by(|a, b| b.total_cmp(a));
                (a, self.n, Some(values))
            }
        };
        let begin: Vec<f64> = (0..n).map(|_| number()).collect();

        let plain = jacobi(&a, n)?;
        let n_numbers = (n * n) as f64;
        let mut table = harness.table(Work {
            bytes: 8.0 * 2.0 * n_numbers,
            operations: 6.0 * n_numbers * n as f64 * plain.n_sweeps.max(1) as f64,
        });
        harness.print(format_args!(
            "N = {n}, Jacobi, sweeps: {}, eigenvalues: {}",
            plain.n_sweeps,
            first_of(&plain.values)
        ))?;
        let mut results = vec![
            (
                "plain",
                table.host("Jacobi, one by one, plain", || jacobi(&a, n))?,
            ),
            (
                "threads",
                table.host("Jacobi, in rounds, SIMD, threads", || {
                    jacobi_with_threads(&a, n)
                })?,
            ),
        ];
        if let Some(device) = harness.device() {
            let result = table.device("Jacobi, in rounds, GPU", device, || {
                jacobi_on_device(device, &a, n)
            })?;
            results.push(("GPU", result));
        }
        for (what, eigen) in &results {
            let limit = eigen.limit();
            harness.check(&format!("|A v - λ v|, {what}"), eigen.residual(&a), limit)?;
            harness.check(&format!("|V Vᵀ - I|, {what}"), eigen.orthogonality(), limit)?;
            if let Some(known) = &known {
                let errors = eigen.values.iter().zip(known).map(|(a, b)| (a - b).abs());
                let error = harness::largest(errors);
                harness.check(&format!("eigenvalues, {what}"), error, limit)?;
            }
        }
        harness.print_table(table)?;
        harness.print("")?;
        self.run_power(harness, &a, &begin, &plain)
    }
}

impl Options {
    fn run_power(
        &self,
        harness: &mut Harness,
        a: &[f64],
        begin: &[f64],
        eigen: &Eigen,
    ) -> Result<()> {
        let n = begin.len();
        let plain = match power_iteration(a, n, begin, self.iterations) {
            Ok(plain) => plain,
            // A property of the matrix, not a mistake.
            Err(error) => return harness.print(error),
        };
        harness.print(format_args!(
            "power iteration, steps: {}, eigenvalue: {}",
            plain.n_iterations,
            show(plain.value)
        ))?;
        let n_iterations = plain.n_iterations as f64;
        let mut table = harness.table(Work {
            bytes: 8.0 * (n * n) as f64 * n_iterations,
            operations: 2.0 * (n * n) as f64 * n_iterations,
        });
        let mut results = vec![
            (
                "plain",
                table.host("power iteration, plain", || {
                    power_iteration(a, n, begin, self.iterations)
                })?,
            ),
            (
                "threads",
                table.host("power iteration, SIMD, threads", || {
                    power_iteration_with_threads(a, n, begin, self.iterations)
                })?,
            ),
        ];
        if let Some(device) = harness.device() {
            let result = table.device("power iteration, GPU", device, || {
                power_iteration_on_device(device, a, n, begin, self.iterations)
            })?;
            results.push(("GPU", result));
        }
        for (what, dominant) in results {
            let differences = eigen.values.iter().map(|v| (v - dominant.value).abs());
            let error = differences.fold(f64::INFINITY, f64::min);
            // An eigenvalue is as near as the residual says; both are rounded, by a share of `|A|`, which
            // is at most `√n` times the largest.
            let rounding = (n as f64).sqrt() * eigen.limit();
            let limit = (dominant.residual + rounding) * dominant.value.abs();
            harness.check(&format!("power iteration, {what}"), error, limit)?;
        }
        harness.print_table(table)
    }
}
