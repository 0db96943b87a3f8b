//! Jacobi's method: all eigenvalues and eigenvectors of a symmetric matrix.

use std::mem;

use cuda_launch::LaunchConfig;
use gpu::fundamentals::eigen::{self, Rotation};
use gpu::fundamentals::tournament;
use rayon::prelude::*;

use super::super::vectors::{self, add_multiple, dot, length};
use super::check_symmetric;
use crate::backend::CudaBackend;
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::fundamentals::harness;
use crate::{Error, Result};

/// More than any matrix needs: each sweep squares what is left beside the diagonal.
const MAX_SWEEPS: usize = 60;

/// `A = Vᵀ Λ V`.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigen {
    /// The eigenvalues, the largest first, `[n]`.
    pub values: Vec<f64>,
    /// Row `k` is the eigenvector of `values[k]`, of length 1: `[n, n]`.
    pub vectors: Vec<f64>,
    /// How many times each element was made 0.
    pub n_sweeps: usize,
}

impl Eigen {
    /// The largest `|A v - λ v|`, as a share of the length of `A`, `√(Σ a²)`.
    pub fn residual(&self, a: &[f64]) -> f64 {
        let n = self.values.len();
        let exponent = vectors::exponent(a);
        let mut a = a.to_vec();
        vectors::scale(&mut a, -exponent);
        let norm = length(&a).max(f64::MIN_POSITIVE);
        let pairs = self.vectors.chunks(n.max(1)).zip(&self.values);
        harness::largest(pairs.map(|(vector, value)| {
            let value = libm::scalbn(*value, -exponent);
            let products = a.chunks(n).map(|row| dot(row, vector));
            let differences = products.zip(vector).map(|(product, x)| product - value * x);
            differences.map(|d| d * d).sum::<f64>().sqrt() / norm
        }))
    }

    /// How far the eigenvectors are from lengths of 1 and from being orthogonal: the largest
    /// `|vᵢ · vⱼ - δᵢⱼ|`.
    pub fn orthogonality(&self) -> f64 {
        let rows = || self.vectors.chunks(self.values.len().max(1)).enumerate();
        harness::largest(rows().flat_map(|(i, v)| {
            let of_pairs = rows().skip(i);
            of_pairs.map(move |(j, w)| (dot(v, w) - if i == j { 1.0 } else { 0.0 }).abs())
        }))
    }

    /// What rounding may leave of both: in each of `n` rounds of a sweep all elements are rotated once, by
    /// six operations.
    pub fn limit(&self) -> f64 {
        6.0 * (self.values.len() * (self.n_sweeps + 1)) as f64 * f64::EPSILON
    }

    /// From the diagonal that has remained and the vectors, which have `n` of `stride` rows and columns.
    fn new(
        diagonal: impl Fn(usize) -> f64,
        vectors: &[f64],
        [n, stride]: [usize; 2],
        exponent: i32,
        n_sweeps: usize,
    ) -> Result<Eigen> {
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&i, &j| diagonal(j).total_cmp(&diagonal(i)));
        let mut values: Vec<f64> = order.iter().map(|&idx| diagonal(idx)).collect();
        vectors::scale(&mut values, exponent);
        if !values.iter().all(|value| value.is_finite()) {
            return Err(Error::Input(
                "an eigenvalue is beyond the largest number: divide the matrix by its largest element"
                    .to_owned(),
            ));
        }
        let rows = order.iter().map(|idx| &vectors[idx * stride..][..n]);
        Ok(Eigen {
            values,
            vectors: rows.flatten().copied().collect(),
            n_sweeps,
        })
    }
}

/// All eigenvalues and eigenvectors of a symmetric matrix `[n, n]`, rotation after rotation.
///
/// # Errors
///
/// [`Error::Input`] if it has not `n²` finite numbers, is not symmetric, or has an eigenvalue beyond the
/// largest number.
pub fn jacobi(a: &[f64], n: usize) -> Result<Eigen> {
    let (mut a, exponent) = scaled(a, n)?;
    let mut vectors = identity(n);
    let n_sweeps = until_diagonal(&a.clone(), n, || {
        for p in 0..n {
            for q in p + 1..n {
                let (pp, pq, qq) = (a[p * n + p], a[p * n + q], a[q * n + q]);
                let rotation = Rotation::new(pp, pq, qq);
                for k in 0..n {
                    let (kp, kq) = rotation.apply(a[k * n + p], a[k * n + q]);
                    a[k * n + p] = kp;
                    a[p * n + k] = kp;
                    a[k * n + q] = kq;
                    a[q * n + k] = kq;
                    let (vp, vq) = rotation.apply(vectors[p * n + k], vectors[q * n + k]);
                    vectors[p * n + k] = vp;
                    vectors[q * n + k] = vq;
                }
                let (pp, qq) = rotation.diagonal(pp, pq, qq);
                a[p * n + p] = pp;
                a[q * n + q] = qq;
                a[p * n + q] = 0.0;
                a[q * n + p] = 0.0;
            }
        }
        Ok(off_diagonal(&a, n))
    })?;
    Eigen::new(|k| a[k * n + k], &vectors, [n, n], exponent, n_sweeps)
}

/// The same, on all threads, with vectors: half as many rotations at a time as there are rows.
///
/// Rows and columns lie in the order of a tournament's seats (see [`tournament`]), so that seats that face
/// each other, `i` and `m - 1 - i`, are rotated, and vectors run along them. Of an odd number one more row
/// is all zeros.
///
/// # Errors
///
/// As [`jacobi`].
pub fn jacobi_with_threads(a: &[f64], n: usize) -> Result<Eigen> {
    let (a, exponent) = scaled(a, n)?;
    let m = n.next_multiple_of(2);
    let mut padded = vec![0.0; m * m];
    for (row, padded) in a.chunks(n.max(1)).zip(padded.chunks_mut(m.max(1))) {
        padded[..n].copy_from_slice(row);
    }
    let mut seats = Seats {
        m,
        matrix: padded.clone(),
        next_matrix: padded,
        vectors: identity(m),
        next_vectors: identity(m),
    };
    let n_sweeps = until_diagonal(&a, n, || {
        // After as many rounds everyone is back. In a scope, so that no round waits for a thread to begin it.
        rayon::scope(|_| (0..m - 1).for_each(|_| seats.round()));
        Ok(off_diagonal(&seats.matrix, m))
    })?;
    let diagonal = |k| seats.matrix[k * m + k];
    Eigen::new(diagonal, &seats.vectors, [n, m], exponent, n_sweeps)
}

/// Matrices in the order of the seats of a round, and where they are put in the order of the next one.
struct Seats {
    m: usize,
    matrix: Vec<f64>,
    next_matrix: Vec<f64>,
    vectors: Vec<f64>,
    next_vectors: Vec<f64>,
}

impl Seats {
    fn round(&mut self) {
        // What a thread takes has to pay for its waking.
        const ELEMENTS_PER_PART: usize = 1 << 14;
        let (m, half) = (self.m, self.m / 2);
        let a = &self.matrix;
        let of_pair = |i: usize| {
            let j = m - 1 - i;
            (a[i * m + i], a[i * m + j], a[j * m + j])
        };
        let rotations: Vec<Rotation> = (0..half)
            .map(of_pair)
            .map(|(pp, pq, qq)| Rotation::new(pp, pq, qq))
            .collect();
        let [cosines, sines]: [Vec<f64>; 2] = [
            rotations.iter().map(|rotation| rotation.cosine).collect(),
            rotations.iter().map(|rotation| rotation.sine).collect(),
        ];
        let next_rows = self.next_matrix.par_chunks_mut(m);
        let rows = next_rows.zip(self.next_vectors.par_chunks_mut(m));
        let rows = rows.enumerate().with_min_len(ELEMENTS_PER_PART.div_ceil(m));
        rows.for_each(|(seat, (row, vector))| {
            let from = match seat {
                0 => 0,
                last if last == m - 1 => 1,
                seat => seat + 1,
            };
            let partner = m - 1 - from;
            let rotation = rotations[from.min(partner)];
            let sine = if from < half {
                -rotation.sine
            } else {
                rotation.sine
            };
            harness::vectorized(
                #[inline(always)]
                || {
                    for (target, source) in [(&mut *row, a), (vector, &self.vectors)] {
                        target.copy_from_slice(&source[from * m..][..m]);
                        target.iter_mut().for_each(|x| *x *= rotation.cosine);
                        add_multiple(sine, &source[partner * m..][..m], target);
                    }
                    let (front, back) = row.split_at_mut(half);
                    let pairs = front.iter_mut().zip(back.iter_mut().rev());
                    for (((p, q), &cosine), &sine) in pairs.zip(&cosines).zip(&sines) {
                        (*p, *q) = Rotation { cosine, sine }.apply(*p, *q);
                    }
                },
            );
            row[1..].rotate_left(1);
        });
        let to = |seat| match seat {
            0 => 0,
            1 => m - 1,
            seat => seat - 1,
        };
        for (i, rotation) in rotations.iter().enumerate() {
            let (pp, pq, qq) = of_pair(i);
            let (p, q) = (to(i), to(m - 1 - i));
            let next = &mut self.next_matrix;
            (next[p * m + p], next[q * m + q]) = rotation.diagonal(pp, pq, qq);
            next[p * m + q] = 0.0;
            next[q * m + p] = 0.0;
        }
        mem::swap(&mut self.matrix, &mut self.next_matrix);
        mem::swap(&mut self.vectors, &mut self.next_vectors);
    }
}

/// The same, on a device: all rotations of a round at once.
///
/// # Errors
///
/// As [`jacobi`], and if the device fails.
pub fn jacobi_on_device(device: &CudaBackend, a: &[f64], n: usize) -> Result<Eigen> {
    let (a, exponent) = scaled(a, n)?;
    let check = Operation("jacobi");
    let n_rows = check.dimension("n", n)?;
    let mut rotations = device.zeroed(2 * tournament::n_pairs(n_rows) as usize)?;
    let mut matrix = device.upload(&a)?;
    let mut vectors = device.upload(&identity(n))?;
    let mut squares = device.zeroed::<f64>(1)?;
    let n_sweeps = until_diagonal(&a, n, || {
        for round in 0..tournament::n_rounds(n_rows) {
            launch_round(device, n, round, &mut rotations, &mut matrix, &mut vectors)?;
        }
        let arguments = eigen::off_diagonal {
            n: n_rows,
            a: check.argument("a", &matrix, &[n, n])?,
            result: check.argument_mut("result", &mut squares, &[1])?,
        };
        // SAFETY: one block.
        unsafe { device.launch(check.blocks(1, eigen::N_THREADS)?, arguments)? };
        Ok(device.download(&squares, 1)?[0].sqrt())
    })?;
    let a = device.download(&matrix, n * n)?;
    let vectors = device.download(&vectors, n * n)?;
    Eigen::new(|k| a[k * n + k], &vectors, [n, n], exponent, n_sweeps)
}

fn launch_round(
    device: &CudaBackend,
    n_rows: usize,
    round: u32,
    rotations: &mut Buffer<f64>,
    matrix: &mut Buffer<f64>,
    vectors: &mut Buffer<f64>,
) -> Result<()> {
    let check = Operation("jacobi_rotate");
    let n = check.dimension("n", n_rows)?;
    let n_pairs = tournament::n_pairs(n);
    let shape = [n_pairs as usize, 2];
    let arguments = eigen::jacobi_angles {
        n,
        round,
        a: check.argument("a", matrix, &[n_rows, n_rows])?,
        rotations: check.argument_mut("rotations", rotations, &shape)?,
    };
    let config = check.threads(n_pairs as usize, eigen::N_THREADS)?;
    // SAFETY: a thread for each pair.
    unsafe { device.launch(config, arguments)? };
    let config = |n_columns: u32| {
        let [width, height] = eigen::ROTATION_BLOCK;
        LaunchConfig {
            grid: [n_columns.div_ceil(width), n_pairs.div_ceil(height), 1],
            block: [width, height, 1],
            shared_bytes: 0,
        }
    };
    let arguments = eigen::jacobi_rotate {
        n,
        round,
        rotations: check.argument("rotations", rotations, &shape)?,
        a: check.argument_mut("a", matrix, &[n_rows, n_rows])?,
    };
    // SAFETY: a thread for each pair of pairs.
    unsafe { device.launch(config(n_pairs), arguments)? };
    let arguments = eigen::jacobi_rotate_vectors {
        n,
        round,
        rotations: check.argument("rotations", rotations, &shape)?,
        vectors: check.argument_mut("vectors", vectors, &[n_rows, n_rows])?,
    };
    // SAFETY: a thread for each column of each pair.
    unsafe { device.launch(config(n), arguments) }
}

/// The matrix multiplied by a power of two, and that power undone, if it is symmetric.
pub(super) fn scaled(a: &[f64], n: usize) -> Result<(Vec<f64>, i32)> {
    check_symmetric(a, n)?;
    let exponent = vectors::exponent(a);
    let mut a = a.to_vec();
    vectors::scale(&mut a, -exponent);
    Ok((a, exponent))
}

fn identity(n: usize) -> Vec<f64> {
    let mut identity = vec![0.0; n * n];
    identity.iter_mut().step_by(n + 1).for_each(|x| *x = 1.0);
    identity
}

/// `√(Σ a_ij²)` of what is beside the diagonal.
fn off_diagonal(a: &[f64], n: usize) -> f64 {
    let beside = a
        .iter()
        .enumerate()
        .filter(|(place, _)| place / n != place % n);
    beside.map(|(_, a)| a * a).sum::<f64>().sqrt()
}

/// Sweeps until rounding is all that is left beside the diagonal of `a`; `sweep` returns what is left.
fn until_diagonal(a: &[f64], n: usize, mut sweep: impl FnMut() -> Result<f64>) -> Result<usize> {
    let limit = f64::EPSILON * length(a);
    let mut left = off_diagonal(a, n);
    let mut n_sweeps = 0;
    while !(left <= limit) {
        if n_sweeps == MAX_SWEEPS {
            return Err(Error::Check(format!(
                "eigenvalues: {left:e} is left beside the diagonal after {MAX_SWEEPS} sweeps"
            )));
        }
        left = sweep()?;
        n_sweeps += 1;
    }
    Ok(n_sweeps)
}
