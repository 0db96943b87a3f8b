//! Linear equations by Gaussian elimination with pivots: `P A = L U`.
//!
//! Column after column, the rows below the diagonal lose a multiple of the diagonal's row, so that zeros
//! are left of what becomes `U`; the multiples are `L`, with ones on its diagonal. `A x = b` is then `L y =
//! P b` from the top and `U x = y` from the bottom. `2/3 N³` operations for the factors, `2 N²` for each
//! right-hand side; the determinant is the product of `U`'s diagonal, times -1 for each swap.
//!
//! **Pivots.** Before each column the row with its largest element is swapped up, so that no multiple is
//! larger than 1. Without that a small number on the diagonal makes everything else vanish beside its
//! multiples: `[[1e-20, 1], [1, 1]]` is solved wrongly in every digit.
//!
//! **Caveats.** The computed `x` solves equations that are next to the given ones, `(A + E) x = b` with
//! `|E| ≤ 3 N u |L| |U|` (Higham, theorem 9.4): its residual is small whatever the matrix. Its error is
//! not: that may be as many times larger as the matrix's condition says. A column without a pivot is an
//! error here; rounding hides most singular matrices, which then have a condition of about `10¹⁶`. Elements
//! may grow by `2ᴺ⁻¹` in the worst case, and hardly ever do.
//!
//! One column at a time leaves all to the memory: `16/3 N³` bytes, of the device's, or of the CPU's caches while
//! the matrix is in them. With threads it is done 32 columns at a time, which takes a 32nd of that.
//!
//! Source: Higham, "Accuracy and Stability of Numerical Algorithms" (2002), chapter 9.

use clap::Args;
use cuda_launch::LaunchConfig;
use gpu::fundamentals::lu;
use rand::RngExt;
use rayon::prelude::*;

use super::vectors::{add_multiple, check_matrix, dot, first_of};
use crate::backend::CudaBackend;
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::fundamentals::data::{Columns, rows, size};
use crate::fundamentals::{Algorithm, Harness, Work, harness};
use crate::{Error, Result};

/// Columns that are eliminated before the others lose their multiples.
const PANEL: usize = 32;

/// The options of `lu`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Equations, and unknowns
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = size)]
    n: usize,

    #[command(flatten)]
    columns: Columns,
}

/// A matrix as a product: the rows swapped, `L` below the diagonal, `U` on and above it.
#[derive(Debug, Clone, PartialEq)]
pub struct Lu {
    n: usize,
    factors: Vec<f64>,
    /// The row that row `k` was swapped with.
    pivots: Vec<usize>,
}

impl Lu {
    /// Factors a matrix `[n, n]`.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if it has not `n²` finite numbers, if a column has no pivot, or if numbers grow
    /// beyond the largest.
    pub fn new(a: &[f64], n: usize) -> Result<Lu> {
        Lu::by(a, n, |factors, n, k| {
            let (above, below) = factors.split_at_mut((k + 1) * n);
            for row in below.chunks_mut(n) {
                take_multiple(&above[k * n..], row, k);
            }
        })
    }

    /// The same with vectors and threads, `PANEL` columns at a time: first these columns alone, then what
    /// they take from the others, while a row is in the nearest cache. Each element loses the same multiples
    /// in the same order.
    ///
    /// # Errors
    ///
    /// As [`Lu::new`].
    pub fn with_threads(a: &[f64], n: usize) -> Result<Lu> {
        // What a thread takes has to pay for its waking.
        const ELEMENTS_PER_PART: usize = 1 << 12;
        // In a scope, so that no step waits for a thread to begin it.
        let eliminate = |factors: &mut [f64], n: usize, k: usize| {
            let (begin, end) = (k / PANEL * PANEL, (k / PANEL * PANEL + PANEL).min(n));
            let (above, below) = factors.split_at_mut((k + 1) * n);
            for row in below.chunks_mut(n) {
                take_multiple(&above[k * n..][..end], &mut row[..end], k);
            }
            if k + 1 < end {
                return;
            }
            for row_idx in begin + 1..end {
                let (above, row) = above.split_at_mut(row_idx * n);
                take_panel(above, &mut row[..n], [begin, row_idx], end);
            }
            let n_rows = ELEMENTS_PER_PART.div_ceil(n);
            below.par_chunks_mut(n_rows * n).for_each(|rows| {
                harness::vectorized(
                    #[inline(always)]
                    || {
                        for row in rows.chunks_mut(n) {
                            take_panel(above, row, [begin, end], end);
                        }
                    },
                );
            });
        };
        rayon::scope(|_| Lu::by(a, n, eliminate))
    }

    /// `update` takes column `k`'s multiples of row `k` from the rows below; of columns that come later it may do
    /// so later.
    fn by(a: &[f64], n: usize, update: impl Fn(&mut [f64], usize, usize)) -> Result<Lu> {
        check_matrix(a, [n, n])?;
        let mut factors = a.to_vec();
        let mut pivots = Vec::with_capacity(n);
        for k in 0..n {
            let mut largest = (0.0, None);
            for row in k..n {
                let size = factors[row * n + k].abs();
                if size > largest.0 {
                    largest = (size, Some(row));
                }
            }
            let Some(pivot) = largest.1 else {
                return Err(no_pivot(&factors, k));
            };
            pivots.push(pivot);
            for column in 0..n {
                factors.swap(k * n + column, pivot * n + column);
            }
            update(&mut factors, n, k);
        }
        Lu { n, factors, pivots }.if_finite()
    }

    /// The same, on a device.
    ///
    /// # Errors
    ///
    /// As [`Lu::new`], and if the device fails.
    pub fn on_device(device: &CudaBackend, a: &[f64], n: usize) -> Result<Lu> {
        check_matrix(a, [n, n])?;
        let mut factors = device.upload(a)?;
        let mut pivots = device.zeroed(n)?;
        launch(device, n, &mut factors, &mut pivots)?;
        let pivots = device.download(&pivots, n)?;
        let factors = device.download(&factors, n * n)?;
        if let Some(column) = pivots.iter().position(|&pivot| pivot == lu::NO_PIVOT) {
            return Err(no_pivot(&factors, column));
        }
        let pivots = pivots.into_iter().map(|pivot| pivot as usize).collect();
        Lu { n, factors, pivots }.if_finite()
    }

    fn if_finite(self) -> Result<Lu> {
        match self.factors.iter().all(|factor| factor.is_finite()) {
            true => Ok(self),
            false => Err(overflow()),
        }
    }

    /// Solves the equations for a right-hand side `[n]`.
    ///
    /// # Panics
    ///
    /// If `b` has not `n` numbers.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let n = self.n;
        assert_eq!(b.len(), n, "one number for each equation");
        let mut x = b.to_vec();
        for (k, &pivot) in self.pivots.iter().enumerate() {
            x.swap(k, pivot);
        }
        for row in 0..n {
            let known = dot(&self.factors[row * n..][..row], &x[..row]);
            x[row] -= known;
        }
        for row in (0..n).rev() {
            let factors = &self.factors[row * n..][..n];
            let known = dot(&factors[row + 1..], &x[row + 1..]);
            x[row] = (x[row] - known) / factors[row];
        }
        x
    }

    /// The matrix's determinant; see [`Lu::log_determinant`] for one that overflows.
    pub fn determinant(&self) -> f64 {
        self.diagonal()
            .fold(self.sign(), |product, factor| product * factor)
    }

    /// The sign of the determinant, and the logarithm of its size, which does not overflow.
    pub fn log_determinant(&self) -> (f64, f64) {
        let sign = self.diagonal().map(f64::signum).product::<f64>();
        (
            self.sign() * sign,
            self.diagonal().map(|u| u.abs().ln()).sum(),
        )
    }

    fn diagonal(&self) -> impl Iterator<Item = f64> {
        self.factors.iter().copied().step_by(self.n + 1)
    }

    /// -1 if the number of swaps is odd.
    fn sign(&self) -> f64 {
        let swaps = (0..).zip(&self.pivots).filter(|(k, pivot)| k != *pivot);
        if swaps.count() % 2 == 0 { 1.0 } else { -1.0 }
    }

    /// The largest residual of a solution, as a share of the bound at the top.
    pub fn residual(&self, a: &[f64], x: &[f64], b: &[f64]) -> f64 {
        let n = self.n;
        // |U| |x|, then |L| times that, and the rows back where they were.
        let u_x: Vec<f64> = (0..n)
            .map(|row| sizes(&self.factors[row * n + row..][..n - row], &x[row..]))
            .collect();
        let mut bound: Vec<f64> = (0..n)
            .map(|row| sizes(&self.factors[row * n..][..row], &u_x[..row]) + u_x[row])
            .collect();
        for (k, &pivot) in self.pivots.iter().enumerate().rev() {
            bound.swap(k, pivot);
        }
        let rows = a.chunks(n.max(1)).zip(b).zip(bound);
        harness::largest(rows.map(|((row, b), bound)| {
            let residual = (b - dot(row, x)).abs();
            // The residual's own dot product rounds as well.
            let bound = 3.0 * n as f64 * f64::EPSILON / 2.0 * (bound + sizes(row, x) + b.abs());
            if residual == 0.0 {
                0.0
            } else {
                residual / bound
            }
        }))
    }
}

/// Takes the multiples of the pivots' rows `begin..end`, which are kept in `row`, from its columns from `from` on;
/// four at a time, so that its elements are loaded and stored once for all four.
#[inline(always)]
fn take_panel(pivots: &[f64], row: &mut [f64], [begin, end]: [usize; 2], from: usize) {
    let n = row.len();
    let (factors, elements) = row.split_at_mut(from);
    let pivot = |k: usize| &pivots[k * n + from..][..n - from];
    let factors = &factors[begin..end];
    let (quads, rest) = factors.as_chunks::<4>();
    for (idx, &[a, b, c, d]) in quads.iter().enumerate() {
        let k = begin + 4 * idx;
        let pivots = pivot(k).iter().zip(pivot(k + 1)).zip(pivot(k + 2));
        let pivots = pivots.zip(pivot(k + 3));
        for (element, (((p, q), r), s)) in elements.iter_mut().zip(pivots) {
            *element = *element - a * p - b * q - c * r - d * s;
        }
    }
    for (idx, factor) in rest.iter().enumerate() {
        add_multiple(-factor, pivot(end - rest.len() + idx), elements);
    }
}

/// Takes the multiple of `pivot` from `row` that makes its column `k` 0, and keeps the multiple there.
#[inline(always)]
fn take_multiple(pivot: &[f64], row: &mut [f64], k: usize) {
    let factor = row[k] / pivot[k];
    row[k] = factor;
    for (element, above) in row[k + 1..].iter_mut().zip(&pivot[k + 1..]) {
        *element -= factor * above;
    }
}

fn sizes(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a * b).abs()).sum()
}

/// What is wrong if column `k` has no element but zeros, or NaN, which an overflow has left.
fn no_pivot(factors: &[f64], k: usize) -> Error {
    if !factors.iter().all(|factor| factor.is_finite()) {
        return overflow();
    }
    Error::Input(format!(
        "the matrix is singular: column {} has no pivot, it depends on those before it",
        k + 1
    ))
}

fn overflow() -> Error {
    Error::Input(
        "numbers of the elimination grow beyond the largest one: divide the matrix by its largest element"
            .to_owned(),
    )
}

/// The matrix and the right-hand side, the last column.
fn from_columns(mut columns: Vec<Vec<f64>>) -> Result<(Vec<f64>, Vec<f64>)> {
    let b = columns.pop().unwrap_or_default();
    let n = b.len();
    if columns.len() != n {
        return Err(Error::Input(format!(
            "{n} lines of {} columns: expected an equation on each line, with one column for each unknown and \
             the right-hand side in the last one",
            columns.len() + 1
        )));
    }
    Ok((rows(&columns).collect(), b))
}

fn launch(
    device: &CudaBackend,
    n: usize,
    a: &mut Buffer<f64>,
    pivots: &mut Buffer<u32>,
) -> Result<()> {
    let check = Operation("lu");
    let n_columns = check.dimension("n", n)?;
    for k in 0..n_columns {
        let arguments = lu::lu_pivot {
            n: n_columns,
            k,
            a: check.argument_mut("a", a, &[n, n])?,
            pivots: check.argument_mut("pivots", pivots, &[n])?,
        };
        // SAFETY: one block.
        unsafe { device.launch(check.blocks(1, lu::N_THREADS)?, arguments)? };
        let n_left = n_columns - k - 1;
        let [width, height] = lu::UPDATE_BLOCK;
        let config = LaunchConfig {
            grid: [n_left.div_ceil(width), n_left.div_ceil(height), 1],
            block: [width, height, 1],
            shared_bytes: 0,
        };
        let arguments = lu::lu_update {
            n: n_columns,
            k,
            a: check.argument_mut("a", a, &[n, n])?,
        };
        // SAFETY: a thread for each element beyond `k`; without any there is no launch.
        unsafe { device.launch(config, arguments)? };
    }
    Ok(())
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let (a, b) = match self.columns.read()? {
            Some(columns) => from_columns(columns)?,
            None => {
                let mut random = harness.random();
                let mut numbers = |n: usize| -> Vec<f64> {
                    (0..n).map(|_| random.random_range(-1.0..1.0)).collect()
                };
                (numbers(self.n * self.n), numbers(self.n))
            }
        };
        let n = b.len();
        let n_numbers = (n * n) as f64;
        let mut table = harness.table(Work {
            bytes: 16.0 * n_numbers,
            operations: 2.0 / 3.0 * n_numbers * n as f64,
        });
        let mut results = vec![
            ("plain", table.host("row by row, plain", || Lu::new(&a, n))?),
            (
                "threads",
                table.host("32 columns at a time, SIMD, threads", || {
                    Lu::with_threads(&a, n)
                })?,
            ),
        ];
        if let Some(device) = harness.device() {
            // Each run begins with the matrix, so that copying it is timed, too.
            table.device("GPU, column by column", device, || {
                let mut factors = device.upload(&a)?;
                launch(device, n, &mut factors, &mut device.zeroed(n)?)
            })?;
            results.push(("GPU", Lu::on_device(device, &a, n)?));
        }
        let plain = &results[0].1;
        let (sign, logarithm) = plain.log_determinant();
        harness.print(format_args!(
            "N = {n}: x = {}; the determinant is {}e^{logarithm:.6}",
            first_of(&plain.solve(&b)),
            if sign < 0.0 { "-" } else { "" },
        ))?;
        for (what, lu) in results {
            let x = lu.solve(&b);
            harness.check(
                &format!("residual as a share of its bound, {what}"),
                lu.residual(&a, &x, &b),
                1.0,
            )?;
        }
        harness.print_table(table)
    }
}
