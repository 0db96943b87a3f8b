//! `lu`.

use cpu::Result;
use cpu::fundamentals::linear_algebra::lu::Lu;
use nalgebra::{DMatrix, DVector};

use super::{hilbert, random_f64 as random};

type Way = fn(&[f64], usize) -> Result<Lu>;

const WAYS: [(&str, Way); 2] = [("plain", Lu::new), ("threads", Lu::with_threads)];

/// Calls `test` with each way, the device's as well.
fn with_every_way(test: impl Fn(&str, &dyn Fn(&[f64], usize) -> Result<Lu>)) {
    for (name, way) in WAYS {
        test(name, &way);
    }
    crate::device::on_device(|device| {
        test("device", &|a, n| Lu::on_device(device, a, n));
    });
}

#[test]
fn residuals_keep_their_bound() {
    with_every_way(|name, lu| {
        for n in [1, 2, 3, 17, 40] {
            for a in [random(n * n, n as u64), hilbert(n.min(10))] {
                let n = a.len().isqrt();
                let b = random(n, 7);
                let factors = lu(&a, n).unwrap();
                let share = factors.residual(&a, &factors.solve(&b), &b);
                assert!(share <= 1.0, "{name}, {n}: {share}");
            }
        }
    });
}

#[test]
fn the_bound_holds_for_small_ones() {
    for seed in 0..500 {
        for n in 1..4 {
            let (a, b) = (random(n * n, seed), random(n, seed + 1000));
            let factors = Lu::new(&a, n).unwrap();
            let share = factors.residual(&a, &factors.solve(&b), &b);
            assert!(share <= 1.0, "{n}, {seed}: {share}");
        }
    }
}

#[test]
fn solutions_are_those_of_nalgebra() {
    with_every_way(|name, lu| {
        for n in [1, 5, 31] {
            let (a, b) = (random(n * n, 5), random(n, 6));
            let x = lu(&a, n).unwrap().solve(&b);
            let matrix = DMatrix::from_row_slice(n, n, &a);
            let expected = matrix
                .clone()
                .lu()
                .solve(&DVector::from_row_slice(&b))
                .unwrap();
            let condition = matrix.norm() * matrix.try_inverse().unwrap().norm();
            // Both are off by their residuals, times the condition.
            let limit = 6.0 * n as f64 * f64::EPSILON * condition * expected.norm();
            let error = (DVector::from_vec(x) - expected).norm();
            assert!(error <= limit, "{name}, {n}: {error}, at most {limit}");
        }
    });
}

#[test]
fn known_solutions_and_determinants() {
    with_every_way(|name, lu| {
        // Without pivots the first one is wrong in every digit.
        let factors = lu(&[1e-20, 1.0, 1.0, 1.0], 2).unwrap();
        assert_eq!(factors.solve(&[1.0, 2.0]), [1.0, 1.0], "{name}");
        let factors = lu(&[0.0, 2.0, 3.0, 0.0], 2).unwrap();
        assert_eq!(factors.solve(&[4.0, 9.0]), [3.0, 2.0], "{name}");
        assert_eq!(factors.determinant(), -6.0, "{name}");
        // Vandermonde's, of 1, 2, 3 and 4: the product of their differences.
        let a: Vec<f64> = (0..16)
            .map(|place| f64::from(place / 4 + 1).powi(place % 4))
            .collect();
        let determinant = lu(&a, 4).unwrap().determinant();
        assert!((determinant - 12.0).abs() < 1e-12, "{name}: {determinant}");
        // The last column doubles from row to row: the most that pivots can let grow.
        let n = 20;
        let wilkinson: Vec<f64> = (0..n * n)
            .map(|place| match (place / n, place % n) {
                (row, column) if row == column || column == n - 1 => 1.0,
                (row, column) if row > column => -1.0,
                _ => 0.0,
            })
            .collect();
        let factors = lu(&wilkinson, n).unwrap();
        assert_eq!(factors.determinant(), 2.0_f64.powi(n as i32 - 1), "{name}");
        let (sign, logarithm) = factors.log_determinant();
        // As many roundings as there are factors.
        let expected = 2.0_f64.ln() * (n - 1) as f64;
        assert!(sign == 1.0 && (logarithm - expected).abs() <= n as f64 * f64::EPSILON * expected);
        assert_eq!(
            lu(&[0.0, 2.0, 3.0, 0.0], 2).unwrap().log_determinant().0,
            -1.0
        );
    });
}

#[test]
fn what_has_no_solution_is_refused() {
    with_every_way(|name, lu| {
        for (a, n, complaint) in [
            (&[0.0][..], 1, "column 1 has no pivot"),
            (&[1.0, 2.0, 2.0, 4.0], 2, "column 2 has no pivot"),
            (&[0.0; 9], 3, "column 1 has no pivot"),
            (
                &[1.5e308, 1.5e308, -1.5e308, 1.5e308],
                2,
                "beyond the largest",
            ),
            (&[1.0, 2.0, 3.0], 2, "expected 2 rows of 2"),
            (&[1.0, f64::NAN, 0.0, 1.0], 2, "NaN"),
            (&[f64::INFINITY], 1, "inf"),
        ] {
            let error = lu(a, n).unwrap_err().to_string();
            assert!(error.contains(complaint), "{name}: {error}");
        }
        assert!(lu(&[], 0).unwrap().solve(&[]).is_empty(), "{name}");
    });
}

#[test]
fn threads_and_the_plain_loop_have_the_same_bits() {
    // A panel has 32 columns.
    for n in [31, 32, 33, 63, 70, 131] {
        let a = random(n * n, 3);
        assert_eq!(Lu::new(&a, n).unwrap(), Lu::with_threads(&a, n).unwrap());
    }
}
