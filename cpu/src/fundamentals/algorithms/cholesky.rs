//! Cholesky's factors: `a = l lᵀ` of a symmetric positive definite matrix, with `l` lower triangular.
//!
//! `lᵢⱼ = (aᵢⱼ - Σₖ lᵢₖ lⱼₖ) / lⱼⱼ` for `k < j < i`, and `lⱼⱼ² = aⱼⱼ - Σₖ lⱼₖ²`, the *pivot*: `N³/3` operations,
//! half of what elimination takes, and no rows have to be exchanged. Then `a x = b` is two triangular
//! systems, `l y = b` and `lᵀ x = y`. Column by column the steps wait for each other; at the sizes that a
//! regression has they take less time than a launch, so that there is no version for a device.
//!
//! **Caveats.** `(a + Δ) x = b` is solved exactly with `|Δᵢⱼ| ≤ 4 (3 N + 1) u √(aᵢᵢ aⱼⱼ)`: scaling rows and
//! columns alike changes nothing. If `a` holds the products of a table's columns, the pivot of column `j` is the
//! square of what the columns before it leave unexplained of it: 0 if it is a sum of multiples of them.
//!
//! Source: Higham, "Accuracy and Stability of Numerical Algorithms" (2002), chapter 10.

use crate::fundamentals::linear_algebra::vectors::dot;

/// The lower factor, row-major, of a matrix of which the lower triangle is read.
///
/// # Errors
///
/// The first column whose pivot is not above `limit` times its diagonal element.
pub fn factor(a: &[f64], n: usize, limit: f64) -> Result<Vec<f64>, usize> {
    let mut l = vec![0.0; n * n];
    for row in 0..n {
        for column in 0..=row {
            let explained = dot(&l[row * n..][..column], &l[column * n..][..column]);
            let rest = a[row * n + column] - explained;
            l[row * n + column] = if column < row {
                rest / l[column * n + column]
            } else if rest > limit * a[row * n + row] {
                rest.sqrt()
            } else {
                return Err(row);
            };
        }
    }
    Ok(l)
}

/// The solution of `l lᵀ x = b`.
pub fn solve(l: &[f64], b: &[f64]) -> Vec<f64> {
    let n = b.len();
    let mut x = b.to_vec();
    for row in 0..n {
        x[row] = (x[row] - dot(&l[row * n..][..row], &x[..row])) / l[row * n + row];
    }
    for row in (0..n).rev() {
        x[row] /= l[row * n + row];
        let (before, value) = (&l[row * n..][..row], x[row]);
        for (x, l) in x.iter_mut().zip(before) {
            *x -= l * value;
        }
    }
    x
}

/// The diagonal of the inverse of `l lᵀ`.
pub fn inverse_diagonal(l: &[f64], n: usize) -> Vec<f64> {
    let mut unit = vec![0.0; n];
    (0..n)
        .map(|row| {
            unit.fill(0.0);
            unit[row] = 1.0;
            solve(l, &unit)[row]
        })
        .collect()
}
