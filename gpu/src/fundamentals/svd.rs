//! Singular values by one-sided Jacobi rotations: half as many pairs of columns at a time as there are
//! columns, a block each.

use cuda_std::prelude::*;

use super::block::{for_each_of_thread, sum};
use super::eigen::Rotation;
use super::tournament;

pub use super::block::N_THREADS;

/// Rotates the pairs of columns of a round until they are orthogonal. The first M numbers of a column are the
/// matrix's, and N more are rotated with them. `cosines` keeps the largest one of the angles that a pair had;
/// a pair with one of at most `limit` stays as it is.
///
/// Shapes: `columns` `[N, M + N]`, column after column, updated; `cosines` `[n_pairs]`, updated.
/// Launch: along x, a block of [`N_THREADS`] threads for each of the [`n_pairs`](tournament::n_pairs).
/// Cost: `16 M + 32 (M + N)` bytes for each pair, some of them from the cache; `12 M + 6 N` operations.
///
/// # Panics
///
/// If `columns` is shorter than its shape.
#[kernel]
pub fn svd_rotate(
    n_rows: u32,
    n_columns: u32,
    round: u32,
    limit: f64,
    mut columns: DisjointSlice<f64>,
    mut cosines: DisjointSlice<f64>,
) {
    let pair_idx = thread::block_idx_x();
    let (p, q) = tournament::pair(n_columns, round, pair_idx);
    if q >= n_columns {
        return;
    }
    let [m, n] = [n_rows as usize, n_columns as usize];
    assert!(columns.len() >= n * (m + n));
    let columns = columns.as_mut_ptr();
    // SAFETY: both columns are there.
    let (p, q) = unsafe {
        (
            columns.add(p as usize * (m + n)),
            columns.add(q as usize * (m + n)),
        )
    };
    let (mut pp, mut pq, mut qq) = (0.0, 0.0, 0.0);
    for_each_of_thread(0, m, |row| {
        // SAFETY: within the columns, of which this thread alone has these numbers.
        let (p, q) = unsafe { (p.add(row).read(), q.add(row).read()) };
        pp += p * p;
        pq += p * q;
        qq += q * q;
    });
    // SAFETY: the loop has ended for all threads of the block, and a block has `N_THREADS`.
    let (pp, pq, qq) = unsafe { (sum(pp), sum(pq), sum(qq)) };
    let cosine = cosine(pp, pq, qq);
    if thread::thread_idx_x() == 0 {
        // SAFETY: one thread of each block has that block's entry.
        if let Some(entry) = unsafe { cosines.get_mut(pair_idx as usize) } {
            *entry = entry.max(cosine);
        }
    }
    if cosine <= limit {
        return;
    }
    let rotation = Rotation::new(pp, pq, qq);
    for_each_of_thread(0, m + n, |row| {
        // SAFETY: within the columns, of which this thread alone has these numbers.
        unsafe {
            let (p, q) = (p.add(row), q.add(row));
            let (new_p, new_q) = rotation.apply(p.read(), q.read());
            p.write(new_p);
            q.write(new_q);
        }
    });
}

/// The size of the cosine of the angle between two vectors, from their products `p · p`, `p · q` and
/// `q · q`; 0 where one is shorter than `10⁻¹⁴⁶`, whose square has lost digits or all of itself.
#[inline(always)]
pub fn cosine(pp: f64, pq: f64, qq: f64) -> f64 {
    const SMALLEST: f64 = f64::MIN_POSITIVE / f64::EPSILON;
    if pp >= SMALLEST && qq >= SMALLEST {
        pq.abs() / (pp.sqrt() * qq.sqrt())
    } else {
        0.0
    }
}
