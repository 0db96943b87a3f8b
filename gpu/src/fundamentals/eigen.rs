//! Eigenvalues of symmetric matrices: the power iteration, and Jacobi's rotations, of which those of a round
//! of a [`tournament`] have no element in common.

use cuda_std::prelude::*;
use cuda_std::warp::{WARP_SIZE, lane_id};

use super::block::{for_each_of_thread, sum};
use super::{tournament, write};
use crate::reduce::{for_each_of_lane, warp_reduce};

pub use super::block::N_THREADS;

/// Threads along x and y of the blocks that rotate.
pub const ROTATION_BLOCK: [u32; 2] = [32, 8];

/// A rotation of the plane of two rows, and of two columns, of a symmetric matrix: `p' = c p - s q`,
/// `q' = s p + c q`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rotation {
    /// `c`.
    pub cosine: f64,
    /// `s`.
    pub sine: f64,
}

impl Rotation {
    /// The one that makes `a_pq` 0, by the smaller one of the two angles: `t = tan φ` solves `t² + 2 τ t = 1`
    /// with `τ = (a_qq - a_pp) / (2 a_pq)` (Golub and Van Loan, section 8.5.2).
    #[inline(always)]
    pub fn new(pp: f64, pq: f64, qq: f64) -> Rotation {
        if pq == 0.0 {
            return Rotation {
                cosine: 1.0,
                sine: 0.0,
            };
        }
        let tau = (qq - pp) / (2.0 * pq);
        let tangent = 1.0_f64.copysign(tau) / (tau.abs() + (1.0 + tau * tau).sqrt());
        let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
        Rotation {
            cosine,
            sine: tangent * cosine,
        }
    }

    /// Both numbers, rotated.
    #[inline(always)]
    pub fn apply(self, p: f64, q: f64) -> (f64, f64) {
        (
            self.cosine * p - self.sine * q,
            self.sine * p + self.cosine * q,
        )
    }

    /// What becomes of `a_pp` and `a_qq`, when `a_pq` becomes 0: `a_pp - t a_pq` and `a_qq + t a_pq`.
    #[inline(always)]
    pub fn diagonal(self, pp: f64, pq: f64, qq: f64) -> (f64, f64) {
        let change = self.sine / self.cosine * pq;
        (pp - change, qq + change)
    }
}

/// The rotations of a round, each of which makes one element 0.
///
/// Shapes: `a` `[n, n]`; `rotations` `[n_pairs, 2]`, cosines and sines, overwritten.
/// Launch: along x, a thread for each of the [`n_pairs`](tournament::n_pairs), in blocks of [`N_THREADS`].
/// Cost: `40` bytes and `12` operations for each pair.
///
/// # Panics
///
/// If `a` is shorter than its shape.
#[kernel]
pub fn jacobi_angles(n: u32, round: u32, a: &[f64], mut rotations: DisjointSlice<f64>) {
    let pair_idx = thread::index_1d();
    if pair_idx >= tournament::n_pairs(n) {
        return;
    }
    let (p, q) = tournament::pair(n, round, pair_idx);
    let mut rotation = Rotation {
        cosine: 1.0,
        sine: 0.0,
    };
    if q < n {
        let [n, p, q] = [n as usize, p as usize, q as usize];
        rotation = Rotation::new(a[p * n + p], a[p * n + q], a[q * n + q]);
    }
    let begin = 2 * pair_idx as usize;
    // SAFETY: this thread alone has the two numbers of its pair.
    unsafe {
        write(&mut rotations, begin, rotation.cosine);
        write(&mut rotations, begin + 1, rotation.sine);
    }
}

/// The rotations of a round at once: `a = Jᵀ a J`. Each pair of pairs has four elements of its own above the
/// diagonal, and the same four below it.
///
/// Shapes: `rotations` `[n_pairs, 2]`; `a` `[n, n]`, updated.
/// Launch: blocks of [`ROTATION_BLOCK`], a thread for each pair of pairs.
/// Cost: `12 n²` bytes, `3 n²` operations.
///
/// # Panics
///
/// If `a` or `rotations` is shorter than its shape.
#[kernel]
pub fn jacobi_rotate(n: u32, round: u32, rotations: &[f64], mut a: DisjointSlice<f64>) {
    let i = thread::block_idx_y() * thread::block_dim_y() + thread::thread_idx_y();
    let j = thread::block_idx_x() * thread::block_dim_x() + thread::thread_idx_x();
    let n_pairs = tournament::n_pairs(n);
    if i > j || j >= n_pairs {
        return;
    }
    assert!(a.len() >= n as usize * n as usize);
    let a = a.as_mut_ptr();
    // Of what lies behind the matrix nothing is read or written.
    let place = |row: u32, column: u32| {
        // SAFETY: within the matrix.
        (row < n && column < n)
            .then(|| unsafe { a.add(row as usize * n as usize + column as usize) })
    };
    // SAFETY: of this thread alone, which has the elements of these two pairs.
    let read = |row, column| place(row, column).map_or(0.0, |place| unsafe { place.read() });
    let write = |row, column, value: f64| {
        if let Some(place) = place(row, column) {
            // SAFETY: of this thread alone, as above.
            unsafe { place.write(value) };
        }
        if let Some(place) = place(column, row) {
            // SAFETY: the same element of a symmetric matrix, and this thread's alone as well.
            unsafe { place.write(value) };
        }
    };
    let rotation = |pair_idx: u32| Rotation {
        cosine: rotations[2 * pair_idx as usize],
        sine: rotations[2 * pair_idx as usize + 1],
    };
    let of_rows = rotation(i);
    let (p, q) = tournament::pair(n, round, i);
    if i == j {
        let (pp, pq, qq) = (read(p, p), read(p, q), read(q, q));
        let (new_pp, new_qq) = of_rows.diagonal(pp, pq, qq);
        write(p, p, new_pp);
        write(p, q, 0.0);
        write(q, q, new_qq);
        return;
    }
    let of_columns = rotation(j);
    let (r, s) = tournament::pair(n, round, j);
    let (pr, ps) = of_columns.apply(read(p, r), read(p, s));
    let (qr, qs) = of_columns.apply(read(q, r), read(q, s));
    let (pr, qr) = of_rows.apply(pr, qr);
    let (ps, qs) = of_rows.apply(ps, qs);
    write(p, r, pr);
    write(p, s, ps);
    write(q, r, qr);
    write(q, s, qs);
}

/// The same rotations of the eigenvectors, which are rows.
///
/// Shapes: `rotations` `[n_pairs, 2]`; `vectors` `[n, n]`, updated.
/// Launch: blocks of [`ROTATION_BLOCK`], a thread for each column, along x, of each pair, along y.
/// Cost: `16 n²` bytes, `3 n²` operations.
///
/// # Panics
///
/// If `vectors` or `rotations` is shorter than its shape.
#[kernel]
pub fn jacobi_rotate_vectors(
    n: u32,
    round: u32,
    rotations: &[f64],
    mut vectors: DisjointSlice<f64>,
) {
    let pair_idx = thread::block_idx_y() * thread::block_dim_y() + thread::thread_idx_y();
    let column = thread::block_idx_x() * thread::block_dim_x() + thread::thread_idx_x();
    if pair_idx >= tournament::n_pairs(n) || column >= n {
        return;
    }
    let (p, q) = tournament::pair(n, round, pair_idx);
    if q == n {
        return;
    }
    let rotation = Rotation {
        cosine: rotations[2 * pair_idx as usize],
        sine: rotations[2 * pair_idx as usize + 1],
    };
    let [n, p, q, column] = [n, p, q, column].map(|idx| idx as usize);
    assert!(vectors.len() >= n * n);
    // SAFETY: within the matrix; this thread alone has this column of these rows.
    unsafe {
        let p = vectors.as_mut_ptr().add(p * n + column);
        let q = vectors.as_mut_ptr().add(q * n + column);
        let (new_p, new_q) = rotation.apply(p.read(), q.read());
        p.write(new_p);
        q.write(new_q);
    }
}

/// `Σ a_ij²` beside the diagonal: overwrites `result[0]`.
///
/// Shapes: `a` `[n, n]`, `result` `[1]`.
/// Launch: one block of [`N_THREADS`] threads.
/// Cost: `8 n²` bytes, `2 n²` operations.
#[kernel]
pub fn off_diagonal(n: u32, a: &[f64], mut result: DisjointSlice<f64>) {
    let n = n as usize;
    let mut own = 0.0;
    for_each_of_thread(0, a.len(), |place| {
        if place / n != place % n {
            own += a[place] * a[place];
        }
    });
    // SAFETY: the loop has ended for all threads of the block, and a block has `N_THREADS`.
    let total = unsafe { sum(own) };
    if thread::thread_idx_x() == 0 {
        // SAFETY: one thread writes it.
        unsafe { write(&mut result, 0, total) };
    }
}

/// The first half of a step of the power iteration: `y = a x`, overwrites `y`.
///
/// Shapes: `a` `[n, n]`, `x` and `y` `[n]`.
/// Launch: along x, a warp for each row, in blocks of [`N_THREADS`] threads.
/// Cost: `8 n²` bytes, and as many of `x` from the cache; `2 n²` operations.
///
/// # Panics
///
/// If `a` is shorter than its shape.
#[kernel]
pub fn power_product(a: &[f64], x: &[f64], mut y: DisjointSlice<f64>) {
    let n = x.len();
    let row_idx = (thread::index_1d() / WARP_SIZE) as usize;
    if row_idx >= y.len() {
        return;
    }
    let row = &a[row_idx * n..][..n];
    let mut sum = 0.0;
    for_each_of_lane(n, |idx| sum = row[idx].mul_add(x[idx], sum));
    // SAFETY: the whole warp works on this row.
    let sum = unsafe { warp_reduce(sum, |a, b| a + b) };
    if lane_id() == 0 {
        // SAFETY: one lane of each warp writes that warp's entry.
        unsafe { write(&mut y, row_idx, sum) };
    }
}

/// The second half: `λ = x · y`, the residual `|y - λ x|`, and `x = y / |y|`, which stays if `y` is 0.
/// Overwrites `result` by `λ` and the residual.
///
/// Shapes: `x` and `y` `[n]`, `result` `[2]`.
/// Launch: one block of [`N_THREADS`] threads.
/// Cost: `40 n` bytes, `8 n` operations.
///
/// # Panics
///
/// If `x` is shorter than `y`.
#[kernel]
pub fn power_normalize(y: &[f64], mut x: DisjointSlice<f64>, mut result: DisjointSlice<f64>) {
    let n = y.len();
    assert!(x.len() >= n);
    let x = x.as_mut_ptr();
    let (mut product, mut squares) = (0.0, 0.0);
    for_each_of_thread(0, n, |idx| {
        // SAFETY: there are `n`, and only this thread writes this one.
        product += unsafe { x.add(idx).read() } * y[idx];
        squares += y[idx] * y[idx];
    });
    // SAFETY: the loop has ended for all threads of the block, and a block has `N_THREADS`.
    let (value, length) = unsafe { (sum(product), sum(squares).sqrt()) };
    let mut own = 0.0;
    for_each_of_thread(0, n, |idx| {
        // SAFETY: as above.
        let x = unsafe { &mut *x.add(idx) };
        let difference = y[idx] - value * *x;
        own += difference * difference;
        if length > 0.0 {
            *x = y[idx] / length;
        }
    });
    // SAFETY: the loop has ended for all threads of the block, and a block has `N_THREADS`.
    let residual = unsafe { sum(own) }.sqrt();
    if thread::thread_idx_x() == 0 {
        // SAFETY: one thread writes them.
        unsafe {
            write(&mut result, 0, value);
            write(&mut result, 1, residual);
        }
    }
}
