//! `svd`.

use cpu::Result;
use cpu::fundamentals::linear_algebra::svd::Svd;
use nalgebra::DMatrix;

use super::{hilbert, random_f64 as random};

/// Calls `test` with each way, the device's as well.
fn with_every_way(test: impl Fn(&str, &dyn Fn(&[f64], [usize; 2]) -> Result<Svd>)) {
    test("plain", &Svd::new);
    test("threads", &Svd::with_threads);
    crate::device::on_device(|device| {
        test("device", &|a, shape| Svd::on_device(device, a, shape));
    });
}

/// Checks a decomposition: of the right shape, in order, orthogonal, and that of this matrix.
fn check(name: &str, a: &[f64], [m, n]: [usize; 2], svd: &Svd) {
    let k = m.min(n);
    assert_eq!(svd.values.len(), k, "{name}");
    assert_eq!(
        [svd.left.len(), svd.right.len()],
        [k * m, k * n],
        "{name}, {m} x {n}"
    );
    assert!(svd.values.is_sorted_by(|a, b| a >= b), "{name}");
    assert!(svd.values.iter().all(|&value| value >= 0.0), "{name}");
    let (residual, orthogonality) = (svd.residual(a), svd.orthogonality());
    let limit = svd.limit();
    assert!(residual <= limit, "{name}, {m} x {n}: {residual} > {limit}");
    assert!(
        orthogonality <= limit,
        "{name}, {m} x {n}: {orthogonality} > {limit}"
    );
}

#[test]
fn singular_values_are_those_of_nalgebra() {
    with_every_way(|name, svd| {
        for shape in [
            [1, 1],
            [3, 1],
            [1, 4],
            [2, 2],
            [9, 4],
            [5, 12],
            [20, 11],
            [300, 3],
        ] {
            let [m, n] = shape;
            let a = random(m * n, (m + n) as u64);
            let result = svd(&a, shape).unwrap();
            check(name, &a, shape, &result);
            let matrix = DMatrix::from_row_slice(m, n, &a);
            let norm = matrix.norm();
            let mut expected: Vec<f64> = matrix.singular_values().iter().copied().collect();
            expected.sort_by(|a, b| b.total_cmp(a));
            for (value, expected) in result.values.iter().zip(expected) {
                // Weyl: both are singular values of a matrix as near as their residuals.
                let error = (value - expected).abs();
                let limit = 2.0 * result.limit() * norm;
                assert!(error <= limit, "{name}, {m} x {n}: {error} > {limit}");
            }
        }
    });
}

#[test]
fn the_bound_holds_for_small_ones() {
    for seed in 0..300 {
        for shape in [[1, 1], [2, 1], [2, 2], [3, 2], [3, 3]] {
            let a = random(shape[0] * shape[1], seed);
            check("plain", &a, shape, &Svd::new(&a, shape).unwrap());
            check("threads", &a, shape, &Svd::with_threads(&a, shape).unwrap());
        }
    }
}

#[test]
fn singular_values_that_are_known() {
    with_every_way(|name, svd| {
        type Case = (Vec<f64>, [usize; 2], Vec<f64>, usize);
        let cases: [Case; 8] = [
            (vec![], [0, 0], vec![], 0),
            (vec![], [0, 3], vec![], 0),
            (vec![], [3, 0], vec![], 0),
            (vec![-2.0], [1, 1], vec![2.0], 1),
            (vec![0.0; 6], [3, 2], vec![0.0, 0.0], 0),
            // A product of a column and a row.
            (vec![1.0; 12], [3, 4], vec![12.0_f64.sqrt(), 0.0, 0.0], 1),
            // A permutation: all the same.
            (
                vec![0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0],
                [3, 3],
                vec![1.0; 3],
                3,
            ),
            // Two rows are the same.
            (
                vec![3.0, 0.0, 0.0, 4.0, 3.0, 0.0],
                [3, 2],
                vec![18.0_f64.sqrt(), 4.0],
                2,
            ),
        ];
        for (a, shape, expected, rank) in cases {
            let result = svd(&a, shape).unwrap();
            check(name, &a, shape, &result);
            assert_eq!(result.rank(), rank, "{name}, {shape:?}");
            for (value, expected) in result.values.iter().zip(expected) {
                let error = (value - expected).abs();
                let limit = result.limit() * result.values[0];
                assert!(error <= limit, "{name}: {value}, {expected}");
            }
        }
    });
}

#[test]
fn small_singular_values_keep_their_digits() {
    with_every_way(|name, svd| {
        // Of the Hilbert matrix the squares of the last ones are lost beside the first one's; their product
        // is the determinant, which is known.
        let result = svd(&hilbert(6), [6, 6]).unwrap();
        check(name, &hilbert(6), [6, 6], &result);
        let determinant: f64 = result.values.iter().product();
        // The entries are rounded, which the condition, 1.5e7, multiplies.
        let error = determinant * 186_313_420_339_200_000.0 - 1.0;
        assert!(error.abs() <= 1.5e7 * 6.0 * f64::EPSILON, "{name}: {error}");
        // Columns of very different lengths.
        let a = [1.0, 1e-100, 0.0, -1.0, 1e-100, 0.0, 1.0, 0.0, 1e-30];
        let result = svd(&a, [3, 3]).unwrap();
        let expected = [3.0_f64.sqrt(), 1e-30 * (2.0 / 3.0_f64).sqrt()];
        for (value, expected) in result.values.iter().zip(expected) {
            let error = (value / expected - 1.0).abs();
            assert!(error <= result.limit(), "{name}: {value}, {expected}");
        }
        // Of two that are so much smaller than a third that their squares vanish.
        let a = [1.0, 0.0, 0.0, 0.0, 1e-160, 5e-161, 0.0, 3e-161, 1e-160];
        check(name, &a, [3, 3], &svd(&a, [3, 3]).unwrap());
    });
}

#[test]
fn sizes_do_not_count() {
    with_every_way(|name, svd| {
        let a = random(20, 3);
        let result = svd(&a, [5, 4]).unwrap();
        // Squares of these overflow or vanish.
        for power in [-900, 900] {
            let scale = 2.0_f64.powi(power);
            let scaled: Vec<f64> = a.iter().map(|a| a * scale).collect();
            let of_scaled = svd(&scaled, [5, 4]).unwrap();
            let expected: Vec<f64> = result.values.iter().map(|value| value * scale).collect();
            assert_eq!(of_scaled.values, expected, "{name}");
            assert_eq!(of_scaled.left, result.left, "{name}");
            assert_eq!(of_scaled.right, result.right, "{name}");
        }
    });
}

#[test]
fn a_matrix_that_lacks_rank() {
    with_every_way(|name, svd| {
        // Eight columns that are sums of three.
        let (m, n) = (15, 8);
        let (columns, factors) = (random(m * 3, 1), random(3 * n, 2));
        let element = |place: usize| {
            let (row, column) = (place / n, place % n);
            (0..3)
                .map(|k| columns[row * 3 + k] * factors[k * n + column])
                .sum()
        };
        let a: Vec<f64> = (0..m * n).map(element).collect();
        let result = svd(&a, [m, n]).unwrap();
        check(name, &a, [m, n], &result);
        assert_eq!(result.rank(), 3, "{name}: {:?}", result.values);
    });
}

#[test]
fn what_has_no_answer_is_refused() {
    with_every_way(|name, svd| {
        for (a, shape, complaint) in [
            (&[1.0, f64::NAN][..], [2, 1], "NaN"),
            (&[f64::NEG_INFINITY], [1, 1], "-inf"),
            (&[1.0, 2.0, 3.0], [2, 2], "expected 2 rows of 2"),
            (&[1.5e308; 4], [2, 2], "beyond the largest"),
        ] {
            let error = svd(a, shape).unwrap_err().to_string();
            assert!(error.contains(complaint), "{name}: {error}");
        }
    });
}
