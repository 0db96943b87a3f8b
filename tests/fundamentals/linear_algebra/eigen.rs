//! `eigen`.

use cpu::Result;
use cpu::fundamentals::linear_algebra::eigen::{
    Dominant, Eigen, jacobi, jacobi_on_device, jacobi_with_threads, power_iteration,
    power_iteration_on_device, power_iteration_with_threads,
};
use nalgebra::{DMatrix, SymmetricEigen};

use super::{hilbert, random_f64 as random};

/// A symmetric matrix of numbers between -1 and 1.
fn symmetric(n: usize) -> Vec<f64> {
    let a = random(n * n, n as u64);
    let element = |place: usize| (a[place] + a[place % n * n + place / n]) / 2.0;
    (0..n * n).map(element).collect()
}

fn diagonal(values: &[f64]) -> Vec<f64> {
    let n = values.len();
    let element = |place: usize| match place / n == place % n {
        true => values[place / n],
        false => 0.0,
    };
    (0..n * n).map(element).collect()
}

/// Calls `test` with each way to all eigenvalues, the device's as well.
fn with_every_jacobi(test: impl Fn(&str, &dyn Fn(&[f64], usize) -> Result<Eigen>)) {
    test("plain", &jacobi);
    test("threads", &jacobi_with_threads);
    crate::device::on_device(|device| {
        test("device", &|a, n| jacobi_on_device(device, a, n));
    });
}

type Power<'a> = &'a dyn Fn(&[f64], usize, &[f64], usize) -> Result<Dominant>;

/// Calls `test` with each way to iterate, the device's as well.
fn with_every_power(test: impl Fn(&str, Power)) {
    test("plain", &power_iteration);
    test("threads", &power_iteration_with_threads);
    crate::device::on_device(|device| {
        test("device", &|a, n, begin, max| {
            power_iteration_on_device(device, a, n, begin, max)
        });
    });
}

/// Checks a decomposition: of the right shape, in order, orthogonal, and that of this matrix.
fn check(name: &str, a: &[f64], eigen: &Eigen) {
    let n = eigen.values.len();
    assert_eq!([n * n, n * n], [a.len(), eigen.vectors.len()], "{name}");
    assert!(eigen.values.is_sorted_by(|a, b| a >= b), "{name}");
    let (residual, orthogonality) = (eigen.residual(a), eigen.orthogonality());
    let limit = eigen.limit();
    assert!(residual <= limit, "{name}, {n}: {residual} > {limit}");
    assert!(
        orthogonality <= limit,
        "{name}, {n}: {orthogonality} > {limit}"
    );
}

#[test]
fn eigenvalues_are_those_of_nalgebra() {
    with_every_jacobi(|name, jacobi| {
        for n in [1, 2, 3, 8, 15] {
            for a in [symmetric(n), hilbert(n)] {
                let eigen = jacobi(&a, n).unwrap();
                check(name, &a, &eigen);
                let matrix = DMatrix::from_row_slice(n, n, &a);
                let norm = matrix.norm();
                let mut expected: Vec<f64> = SymmetricEigen::new(matrix)
                    .eigenvalues
                    .iter()
                    .copied()
                    .collect();
                expected.sort_by(|a, b| b.total_cmp(a));
                for (value, expected) in eigen.values.iter().zip(expected) {
                    // Weyl: both are eigenvalues of a matrix as near as their residuals.
                    let error = (value - expected).abs();
                    assert!(error <= 2.0 * eigen.limit() * norm, "{name}, {n}: {error}");
                }
            }
        }
    });
}

#[test]
fn the_bound_holds_for_small_ones() {
    for seed in 0..300 {
        let [p, q, r] = random(3, seed)[..] else {
            unreachable!("three numbers")
        };
        let a = [p, q, q, r];
        check("plain", &a, &jacobi(&a, 2).unwrap());
        check("threads", &a, &jacobi_with_threads(&a, 2).unwrap());
    }
}

#[test]
fn eigenvalues_that_are_known() {
    with_every_jacobi(|name, jacobi| {
        let cases: [(Vec<f64>, &[f64]); 7] = [
            (vec![], &[]),
            (vec![-3.0], &[-3.0]),
            (vec![0.0; 9], &[0.0; 3]),
            (diagonal(&[1.0, 1.0, 1.0, 1.0]), &[1.0; 4]),
            (diagonal(&[1.0, 1e-200, 1e200]), &[1e200, 1.0, 1e-200]),
            // One direction, and all that are orthogonal to it.
            (vec![1.0; 25], &[5.0, 0.0, 0.0, 0.0, 0.0]),
            (vec![2.0, 1.0, 1.0, 2.0], &[3.0, 1.0]),
        ];
        for (a, expected) in cases {
            let eigen = jacobi(&a, expected.len()).unwrap();
            check(name, &a, &eigen);
            let norm = a.iter().fold(0.0_f64, |max, a| max.max(a.abs())) * expected.len() as f64;
            for (value, expected) in eigen.values.iter().zip(expected) {
                let error = (value - expected).abs();
                assert!(error <= eigen.limit() * norm, "{name}: {value}, {expected}");
            }
        }
    });
}

#[test]
fn sizes_do_not_count() {
    with_every_jacobi(|name, jacobi| {
        let a = symmetric(6);
        let eigen = jacobi(&a, 6).unwrap();
        // Squares of these overflow or vanish.
        for power in [-900, 900] {
            let scale = 2.0_f64.powi(power);
            let scaled: Vec<f64> = a.iter().map(|a| a * scale).collect();
            let of_scaled = jacobi(&scaled, 6).unwrap();
            let expected: Vec<f64> = eigen.values.iter().map(|value| value * scale).collect();
            assert_eq!(of_scaled.values, expected, "{name}");
            assert_eq!(of_scaled.vectors, eigen.vectors, "{name}");
        }
        let error = jacobi(&[1.5e308; 4], 2).unwrap_err().to_string();
        assert!(error.contains("beyond the largest"), "{name}: {error}");
    });
}

#[test]
fn the_number_of_threads_changes_no_bits() {
    let a = symmetric(31);
    let with = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads);
        let pool = pool.build().unwrap();
        pool.install(|| jacobi_with_threads(&a, 31).unwrap())
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn the_power_iteration_finds_the_largest() {
    with_every_power(|name, power| {
        for (a, expected) in [
            (vec![-3.0], -3.0),
            (diagonal(&[1.0, -4.0, 3.0]), -4.0),
            (vec![2.0, 1.0, 1.0, 2.0], 3.0),
            (vec![1e200; 9], 3e200),
            (vec![0.0; 9], 0.0),
            // As many vectors as one wants, and one value.
            (diagonal(&[2.0; 40]), 2.0),
        ] {
            let n = a.len().isqrt();
            let dominant = power(&a, n, &random(n, 1), 2000).unwrap();
            let error = (dominant.value - expected).abs();
            // As far as the residual says, and its rounding.
            let limit = (dominant.residual + n as f64 * f64::EPSILON) * expected.abs();
            assert!(error <= limit, "{name}: {} for {expected}", dominant.value);
            assert!(dominant.residual <= 1e-12, "{name}");
        }
        let a = hilbert(10);
        let largest = jacobi(&a, 10).unwrap().values[0];
        let dominant = power(&a, 10, &[1.0; 10], 2000).unwrap();
        assert!((dominant.value - largest).abs() <= 2e-12 * largest);
        assert!(dominant.n_iterations < 100, "{name}");
    });
}

#[test]
fn what_has_no_answer_is_refused() {
    with_every_jacobi(|name, jacobi| {
        for (a, n, complaint) in [
            (&[1.0, f64::NAN, f64::NAN, 1.0][..], 2, "NaN"),
            (&[f64::INFINITY], 1, "inf"),
            (&[1.0, 2.0, 3.0, 4.0], 2, "not symmetric: row 2 has 3"),
            (&[1.0, 2.0], 2, "expected 2 rows of 2"),
        ] {
            let error = jacobi(a, n).unwrap_err().to_string();
            assert!(error.contains(complaint), "{name}: {error}");
        }
    });
    with_every_power(|name, power| {
        for (a, begin, complaint) in [
            (&[][..], &[][..], "at least one row"),
            (&[1.0, 0.0, 0.0, -1.0], &[1.0, 1.0], "nearly the same size"),
            (&[1.0, 0.0, 0.0, 1.0], &[0.0, 0.0], "not all of them 0"),
            (&[1.0, 0.0, 0.0, 1.0], &[1.0], "expected 2"),
            (&[1.0], &[f64::NAN], "NaN"),
            (&[f64::NAN], &[1.0], "NaN"),
        ] {
            let n = a.len().isqrt();
            let error = power(a, n, begin, 50).unwrap_err().to_string();
            assert!(error.contains(complaint), "{name}: {error}");
        }
    });
}
