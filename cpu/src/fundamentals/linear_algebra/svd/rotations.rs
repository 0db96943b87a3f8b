//! The rotations, pair after pair, on threads and on a device.

use gpu::fundamentals::eigen::Rotation;
use gpu::fundamentals::{svd, tournament};
use rayon::prelude::*;

use super::super::vectors::{self, check_matrix, dot, length};
use super::Svd;
use crate::backend::CudaBackend;
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::fundamentals::harness;
use crate::{Error, Result};

/// More than any matrix needs.
const MAX_SWEEPS: usize = 60;

/// Columns of a matrix that is at least as high as wide, each with the numbers of `V` that are rotated with
/// it.
struct Problem {
    shape: [usize; 2],
    is_transposed: bool,
    exponent: i32,
    /// `[n, m + n]`, column after column.
    columns: Vec<f64>,
}

impl Problem {
    fn new(a: &[f64], shape: [usize; 2]) -> Result<Problem> {
        check_matrix(a, shape)?;
        let [n_rows, n_columns] = shape;
        let is_transposed = n_rows < n_columns;
        let [m, n] = if is_transposed {
            [n_columns, n_rows]
        } else {
            shape
        };
        let exponent = vectors::exponent(a);
        let mut columns = vec![0.0; n * (m + n)];
        for (idx, column) in columns.chunks_mut((m + n).max(1)).enumerate() {
            for (row, number) in column[..m].iter_mut().enumerate() {
                *number = match is_transposed {
                    true => a[idx * n_columns + row],
                    false => a[row * n_columns + idx],
                };
            }
            vectors::scale(&mut column[..m], -exponent);
            column[m + idx] = 1.0;
        }
        Ok(Problem {
            shape: [m, n],
            is_transposed,
            exponent,
            columns,
        })
    }

    /// The size of the cosine of an angle at which two columns are orthogonal: their product has `m`
    /// roundings, and each of their numbers a few from the rotation before.
    fn limit(&self) -> f64 {
        (self.shape[0] + 8) as f64 * f64::EPSILON
    }

    /// From columns that are orthogonal.
    fn finish(self, n_sweeps: usize) -> Result<Svd> {
        let [m, n] = self.shape;
        let mut triples: Vec<(f64, &[f64], &[f64])> = self
            .columns
            .chunks((m + n).max(1))
            .map(|column| (length(&column[..m]), &column[..m], &column[m..]))
            .collect();
        triples.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut values: Vec<f64> = triples.iter().map(|triple| triple.0).collect();
        let scaled = triples.iter().flat_map(|&(value, u, _)| {
            u.iter()
                .map(move |u| if value > 0.0 { u / value } else { 0.0 })
        });
        let scaled = scaled.collect();
        let rotated = triples
            .iter()
            .flat_map(|triple| triple.2)
            .copied()
            .collect();
        vectors::scale(&mut values, self.exponent);
        if !values.iter().all(|value| value.is_finite()) {
            return Err(Error::Input(
                "a singular value is beyond the largest number: divide the matrix by its largest element"
                    .to_owned(),
            ));
        }
        let (left, right) = if self.is_transposed {
            (rotated, scaled)
        } else {
            (scaled, rotated)
        };
        Ok(Svd {
            values,
            left,
            right,
            n_sweeps,
        })
    }
}

/// Makes two columns orthogonal, whose first `m` numbers count, if they are not by `limit`; returns the
/// size of the cosine that they had.
#[inline(always)]
fn orthogonalize(p: &mut [f64], q: &mut [f64], m: usize, limit: f64) -> f64 {
    let (pp, pq, qq) = (
        dot(&p[..m], &p[..m]),
        dot(&p[..m], &q[..m]),
        dot(&q[..m], &q[..m]),
    );
    let cosine = svd::cosine(pp, pq, qq);
    if !(cosine <= limit) {
        let rotation = Rotation::new(pp, pq, qq);
        for (p, q) in p.iter_mut().zip(q) {
            (*p, *q) = rotation.apply(*p, *q);
        }
    }
    cosine
}

/// Sweeps until all columns are orthogonal; `sweep` returns the largest cosine that it found.
fn until_orthogonal(limit: f64, mut sweep: impl FnMut() -> Result<f64>) -> Result<usize> {
    for n_sweeps in 1..=MAX_SWEEPS {
        if sweep()? <= limit {
            return Ok(n_sweeps);
        }
    }
    Err(Error::Check(format!(
        "singular values: the columns are not orthogonal after {MAX_SWEEPS} sweeps"
    )))
}

impl Svd {
    /// Decomposes a matrix of this shape, `[M, N]`, pair after pair.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if it has not `M N` finite numbers, or a singular value is beyond the largest number.
    pub fn new(a: &[f64], shape: [usize; 2]) -> Result<Svd> {
        let mut problem = Problem::new(a, shape)?;
        let ([m, n], limit) = (problem.shape, problem.limit());
        let columns = &mut problem.columns;
        let n_sweeps = until_orthogonal(limit, || {
            let mut largest = 0.0_f64;
            for p in 0..n {
                for q in p + 1..n {
                    let (before, behind) = columns.split_at_mut(q * (m + n));
                    let (p, q) = (&mut before[p * (m + n)..][..m + n], &mut behind[..m + n]);
                    largest = largest.max(orthogonalize(p, q, m, limit));
                }
            }
            Ok(largest)
        })?;
        problem.finish(n_sweeps)
    }

    /// The same, on all threads, with vectors: half as many pairs at a time as there are columns.
    ///
    /// Columns sit in the order of a tournament (see [`tournament`]): those that face each other, `i` and
    /// `l - 1 - i`, are a pair, and all but the first one move on after a round. Of an odd number one more
    /// is all zeros.
    ///
    /// # Errors
    ///
    /// As [`Svd::new`].
    pub fn with_threads(a: &[f64], shape: [usize; 2]) -> Result<Svd> {
        // What a thread takes has to pay for its waking.
        const NUMBERS_PER_PART: usize = 1 << 13;
        let mut problem = Problem::new(a, shape)?;
        let ([m, n], limit) = (problem.shape, problem.limit());
        let mut padded = problem.columns.clone();
        padded.resize(n.next_multiple_of(2) * (m + n), 0.0);
        let mut seats: Vec<&mut [f64]> = padded.chunks_mut((m + n).max(1)).collect();
        let half = seats.len() / 2;
        let n_pairs_per_part = NUMBERS_PER_PART.div_ceil((m + n).max(1));
        // In a scope, so that no round waits for a thread to begin it.
        let mut sweep = || {
            let mut largest = 0.0_f64;
            for _ in 1..seats.len() {
                let (front, back) = seats.split_at_mut(half);
                let pairs = front.par_iter_mut().zip(back.par_iter_mut().rev());
                let cosines = pairs.with_min_len(n_pairs_per_part).map(|(p, q)| {
                    harness::vectorized(
                        #[inline(always)]
                        || orthogonalize(p, q, m, limit),
                    )
                });
                largest = largest.max(cosines.reduce(|| 0.0, f64::max));
                seats[1..].rotate_left(1);
            }
            // Everyone is back.
            largest
        };
        let n_sweeps = until_orthogonal(limit, || Ok(rayon::scope(|_| sweep())))?;
        padded.truncate(n * (m + n));
        problem.columns = padded;
        problem.finish(n_sweeps)
    }

    /// The same, on a device: all pairs of a round at once.
    ///
    /// # Errors
    ///
    /// As [`Svd::new`], and if the device fails.
    pub fn on_device(device: &CudaBackend, a: &[f64], shape: [usize; 2]) -> Result<Svd> {
        let mut problem = Problem::new(a, shape)?;
        let limit = problem.limit();
        let n_pairs = problem.shape[1].div_ceil(2);
        let mut columns = device.upload(&problem.columns)?;
        let n_sweeps = until_orthogonal(limit, || {
            let mut cosines = device.zeroed(n_pairs)?;
            launch_sweep(device, problem.shape, limit, &mut columns, &mut cosines)?;
            Ok(harness::largest(device.download(&cosines, n_pairs)?))
        })?;
        problem.columns = device.download(&columns, columns.len())?;
        problem.finish(n_sweeps)
    }
}

fn launch_sweep(
    device: &CudaBackend,
    [m, n]: [usize; 2],
    limit: f64,
    columns: &mut Buffer<f64>,
    cosines: &mut Buffer<f64>,
) -> Result<()> {
    let check = Operation("svd_rotate");
    let [n_rows, n_columns] = [check.dimension("rows", m)?, check.dimension("columns", n)?];
    for round in 0..tournament::n_rounds(n_columns) {
        let arguments = svd::svd_rotate {
            n_rows,
            n_columns,
            round,
            limit,
            columns: check.argument_mut("columns", columns, &[n, m + n])?,
            cosines: check.argument_mut("cosines", cosines, &[n.div_ceil(2)])?,
        };
        let config = check.blocks(n.div_ceil(2), svd::N_THREADS)?;
        // SAFETY: a block for each pair.
        unsafe { device.launch(config, arguments)? };
    }
    Ok(())
}
