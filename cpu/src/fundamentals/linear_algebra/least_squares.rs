//! Least squares by QR: the `x` with the smallest `|A x - b|`, by Householder's reflections.
//!
//! With `M` equations for `N ≤ M` unknowns there is an `x` that misses all of them by as little as can be;
//! the residual `b - A x` is then orthogonal to all columns of `A`. `A = Q R` with an orthogonal `Q`, which
//! changes no lengths, and a triangular `R`: so it is the `x` that solves `R x = Qᵀ b` in its first `N`
//! rows.
//!
//! A reflection `I - 2 v vᵀ / |v|²` with `v = x + sign(x₁) |x| e₁` turns a column `x` into a multiple of
//! `e₁`; the sign is the one with which nothing cancels. Column after column that makes `R`, and all
//! reflections together are `Qᵀ`: `2 N² (M - N/3)` operations. Matrices are stored column by column here,
//! since both steps of a reflection, `s = v · y` and `y -= s v`, run along columns.
//!
//! **Caveats.** The obvious way, `AᵀA x = Aᵀ b`, squares the condition: with columns that are equal to
//! eight digits nothing is left of 16. A column that depends on those before it leaves 0 on `R`'s diagonal,
//! up to rounding, that is `M u` times the column's length; this is refused here. The result is that of a
//! matrix whose columns differ from those of `A` by `c M N u` of their lengths (Higham, theorem 20.3).
//! Squares of large numbers overflow: each column is first multiplied by a power of two, which rounds
//! nothing.
//!
//! A constant is a column of ones.
//!
//! Source: Golub and Van Loan, "Matrix Computations" (2013), sections 5.1 to 5.3.

use clap::Args;
use gpu::fundamentals::least_squares;
use rand::RngExt;
use rayon::prelude::*;

use super::vectors::{self, add_multiple, dot, first_of, length};
use crate::backend::CudaBackend;
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::fundamentals::data::{Columns, size};
use crate::fundamentals::{Algorithm, Harness, Work, harness};
use crate::{Error, Result};

/// The options of `least-squares`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Equations
    #[arg(long, value_name = "N", default_value_t = 2048, value_parser = size)]
    rows: usize,

    /// Unknowns, at most as many as equations
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = size)]
    unknowns: usize,

    // The last one is what the others are to give.
    #[command(flatten)]
    columns: Columns,
}

/// `N` columns and the right-hand side, each of `M` numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Equations {
    n_rows: usize,
    /// `[N + 1, M]`, each column multiplied by its power of two.
    numbers: Vec<f64>,
    /// `[N + 1]`: the columns were `2ᵉ` times what they are now.
    exponents: Vec<i32>,
}

impl Equations {
    /// From columns of one length, the last of which is the right-hand side.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if lengths differ, there are no unknowns, fewer equations than unknowns, or something
    /// that is not finite.
    pub fn new(columns: &[Vec<f64>]) -> Result<Equations> {
        let n_unknowns = columns.len().saturating_sub(1);
        let n_rows = columns.first().map_or(0, Vec::len);
        if n_unknowns == 0 || n_rows < n_unknowns {
            return Err(Error::Input(format!(
                "{n_rows} equations for {n_unknowns} unknowns: expected at least one unknown, and at \
                 least as many equations"
            )));
        }
        if let Some(column) = columns.iter().find(|column| column.len() != n_rows) {
            return Err(Error::Input(format!(
                "columns of {n_rows} and of {} numbers: expected the same number in each",
                column.len()
            )));
        }
        let mut numbers = columns.concat();
        vectors::refuse_what_is_not_finite("the equations", &numbers)?;
        let scaled = numbers.chunks_mut(n_rows).map(|column| {
            let exponent = vectors::exponent(column);
            vectors::scale(column, -exponent);
            exponent
        });
        let exponents = scaled.collect();
        Ok(Equations {
            n_rows,
            numbers,
            exponents,
        })
    }

    fn n_unknowns(&self) -> usize {
        self.exponents.len() - 1
    }

    fn column(&self, idx: usize) -> &[f64] {
        &self.numbers[idx * self.n_rows..][..self.n_rows]
    }

    /// Solves them column after column.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if a column depends on those before it, or a result is beyond the largest number.
    pub fn solve(&self) -> Result<Vec<f64>> {
        self.solve_by(|v, scale, columns| {
            for y in columns.chunks_mut(self.n_rows) {
                let y = &mut y[self.n_rows - v.len()..];
                let product: f64 = v.iter().zip(&*y).map(|(v, y)| v * y).sum();
                add_multiple(-scale * product, v, y);
            }
        })
    }

    /// The same, on all threads, with vectors: a column each.
    ///
    /// # Errors
    ///
    /// As [`Equations::solve`].
    pub fn solve_with_threads(&self) -> Result<Vec<f64>> {
        self.solve_by(|v, scale, columns| {
            let columns = columns.par_chunks_mut(self.n_rows).with_min_len(4);
            columns.for_each(|y| {
                harness::vectorized(
                    #[inline(always)]
                    || {
                        let y = &mut y[self.n_rows - v.len()..];
                        add_multiple(-scale * dot(v, y), v, y);
                    },
                );
            });
        })
    }

    /// `reflect` takes the vector of a reflection, its scale, and the columns to be reflected, of whose rows
    /// the last ones are meant.
    fn solve_by(&self, reflect: impl Fn(&[f64], f64, &mut [f64])) -> Result<Vec<f64>> {
        let m = self.n_rows;
        let mut numbers = self.numbers.clone();
        let mut diagonal = Vec::new();
        for k in 0..self.n_unknowns() {
            let (done, rest) = numbers.split_at_mut((k + 1) * m);
            let v = &mut done[k * m + k..];
            let squares: f64 = v.iter().map(|x| x * x).sum();
            let length = squares.sqrt().copysign(v[0]);
            let squared = 2.0 * (squares + v[0] * length);
            v[0] += length;
            diagonal.push(-length);
            if squared > 0.0 {
                reflect(v, 2.0 / squared, rest);
            }
        }
        self.back_substitute(&numbers, &diagonal)
    }

    /// The same, on a device.
    ///
    /// # Errors
    ///
    /// As [`Equations::solve`], and if the device fails.
    pub fn solve_on_device(&self, device: &CudaBackend) -> Result<Vec<f64>> {
        let n = self.n_unknowns();
        let mut numbers = device.upload(&self.numbers)?;
        let mut diagonal = device.zeroed(n)?;
        launch(device, self.n_rows, &mut numbers, &mut diagonal)?;
        let numbers = device.download(&numbers, numbers.len())?;
        self.back_substitute(&numbers, &device.download(&diagonal, n)?)
    }

    /// Solves `R x = Qᵀ b`, with `R`'s diagonal beside what is above it, and undoes the scales.
    fn back_substitute(&self, numbers: &[f64], diagonal: &[f64]) -> Result<Vec<f64>> {
        let (m, n) = (self.n_rows, self.n_unknowns());
        let mut x = numbers[n * m..][..n].to_vec();
        for column in (0..n).rev() {
            // What rounding leaves where there should be nothing.
            let limit = m as f64 * f64::EPSILON * length(self.column(column));
            if !(diagonal[column].abs() > limit) {
                return Err(Error::Input(format!(
                    "column {} depends on the columns before it, so that there is no one solution; leave \
                     it out",
                    column + 1
                )));
            }
            x[column] /= diagonal[column];
            let value = x[column];
            add_multiple(-value, &numbers[column * m..], &mut x[..column]);
        }
        for (idx, x) in x.iter_mut().enumerate() {
            *x = libm::scalbn(*x, self.exponents[n] - self.exponents[idx]);
            if !x.is_finite() {
                return Err(Error::Input(format!(
                    "unknown {} is beyond the largest number: multiply its column by a large one",
                    idx + 1
                )));
            }
        }
        Ok(x)
    }

    /// How far the residual of a solution is from being orthogonal to the columns: the largest product with
    /// one of them, as a share of both lengths' and of what rounding may leave.
    pub fn error(&self, x: &[f64]) -> f64 {
        let (m, n) = (self.n_rows, self.n_unknowns());
        let mut residual = self.column(n).to_vec();
        let mut sizes = length(&residual);
        for (idx, x) in x.iter().enumerate() {
            let x = libm::scalbn(*x, self.exponents[idx] - self.exponents[n]);
            add_multiple(-x, self.column(idx), &mut residual);
            sizes += x.abs() * length(self.column(idx));
        }
        // `N` reflections, whose sums have `M` terms, each with a few roundings more.
        let unit = f64::EPSILON * ((m + 8) * n) as f64;
        harness::largest((0..n).map(|idx| {
            let column = self.column(idx);
            let product = dot(column, &residual).abs();
            if product == 0.0 {
                0.0
            } else {
                product / (unit * length(column) * sizes)
            }
        }))
    }
}

fn launch(
    device: &CudaBackend,
    n_rows: usize,
    numbers: &mut Buffer<f64>,
    diagonal: &mut Buffer<f64>,
) -> Result<()> {
    let check = Operation("least_squares");
    let n = diagonal.len();
    let m = check.dimension("n_rows", n_rows)?;
    let mut scales = device.zeroed(n)?;
    for column in 0..n {
        let k = check.dimension("k", column)?;
        let arguments = least_squares::make_reflection {
            n_rows: m,
            k,
            a: check.argument_mut("a", numbers, &[n + 1, n_rows])?,
            diagonal: check.argument_mut("diagonal", diagonal, &[n])?,
            scales: check.argument_mut("scales", &mut scales, &[n])?,
        };
        // SAFETY: one block.
        unsafe { device.launch(check.blocks(1, least_squares::N_THREADS)?, arguments)? };
        let arguments = least_squares::reflect_columns {
            n_rows: m,
            k,
            scales: check.argument("scales", &scales, &[n])?,
            a: check.argument_mut("a", numbers, &[n + 1, n_rows])?,
        };
        let config = check.blocks(n - column, least_squares::N_THREADS)?;
        // SAFETY: a block for each column behind this one, with the right-hand side.
        unsafe { device.launch(config, arguments)? };
    }
    Ok(())
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let columns = match self.columns.read()? {
            Some(columns) => columns,
            None => {
                let mut random = harness.random();
                let mut column = |_| -> Vec<f64> {
                    let numbers = (0..self.rows).map(|_| random.random_range(-1.0..1.0));
                    numbers.collect()
                };
                (0..=self.unknowns).map(&mut column).collect()
            }
        };
        let equations = Equations::new(&columns)?;
        let (m, n) = (equations.n_rows as f64, equations.n_unknowns() as f64);
        let mut table = harness.table(Work {
            bytes: 8.0 * m * (n + 1.0),
            operations: 2.0 * n * n * (m - n / 3.0),
        });
        let mut results = vec![
            (
                "plain",
                table.host("column by column, plain", || equations.solve())?,
            ),
            (
                "threads",
                table.host("SIMD, threads", || equations.solve_with_threads())?,
            ),
        ];
        if let Some(device) = harness.device() {
            // Each run begins with the matrix, so that copying it is timed, too.
            table.device("GPU, column by column", device, || {
                let mut numbers = device.upload(&equations.numbers)?;
                let mut diagonal = device.zeroed(equations.n_unknowns())?;
                launch(device, equations.n_rows, &mut numbers, &mut diagonal)
            })?;
            results.push(("GPU", equations.solve_on_device(device)?));
        }
        harness.print(format_args!(
            "M = {m}, N = {n}: x = {}",
            first_of(&results[0].1)
        ))?;
        for (what, x) in results {
            harness.check(
                &format!("residual times columns, as a share of its bound, {what}"),
                equations.error(&x),
                1.0,
            )?;
        }
        harness.print_table(table)
    }
}
