//! Cholesky's factors.

use cpu::fundamentals::algorithms::cholesky::{factor, inverse_diagonal, solve};
use nalgebra::{DMatrix, DVector};

use super::random;

/// `x xᵀ` of a square of random numbers: positive definite.
fn definite(n: usize, seed: u64) -> DMatrix<f64> {
    let x = DMatrix::from_row_slice(n, n, &random(n * n, seed));
    &x * x.transpose() + DMatrix::identity(n, n) * 0.1
}

#[test]
fn factors_and_solutions_agree_with_another_crate() {
    for n in [1, 2, 3, 10, 33] {
        let a = definite(n, n as u64);
        let b = random(n, 99);
        let l = factor(a.as_slice(), n, 0.0).unwrap();
        let expected = a.clone().cholesky().unwrap();
        // The condition of these is below 2000; see the top of the file for the rest.
        let limit = 4.0 * (3.0 * n as f64 + 1.0) * f64::EPSILON * 2000.0;
        let expected_l = expected.l();
        let size = expected_l.amax();
        for (place, l) in l.iter().enumerate() {
            let error = (l - expected_l[(place / n, place % n)]).abs();
            assert!(error <= limit * size, "{n}: {error:e}");
        }
        let x = DVector::from_vec(solve(&l, &b));
        let expected_x = expected.solve(&DVector::from_vec(b));
        assert!(
            (&x - &expected_x).amax() <= limit * expected_x.amax(),
            "{n}"
        );
        let inverse = expected.inverse();
        for (idx, value) in inverse_diagonal(&l, n).into_iter().enumerate() {
            let error = (value - inverse[(idx, idx)]).abs();
            assert!(error <= limit * inverse.amax(), "{n}: {error:e}");
        }
    }
}

#[test]
fn the_column_at_fault_is_named() {
    // The third is the sum of the first two; of the others one is 0, one negative, one NaN.
    assert_eq!(
        factor(&[2.0, 0.0, 2.0, 0.0, 3.0, 3.0, 2.0, 3.0, 5.0], 3, 1e-15),
        Err(2)
    );
    assert_eq!(factor(&[1.0, 0.0, 0.0, 0.0], 2, 0.0), Err(1));
    assert_eq!(factor(&[-1.0], 1, 0.0), Err(0));
    assert_eq!(factor(&[f64::NAN], 1, 0.0), Err(0));
    assert_eq!(factor(&[], 0, 0.0), Ok(vec![]));
}
