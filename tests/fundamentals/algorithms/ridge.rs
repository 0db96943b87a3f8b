//! `ridge`.

use cpu::fundamentals::algorithms::linear_regression::{backward_error, backward_limit, fit};
use cpu::fundamentals::algorithms::ridge::degrees_of_freedom;
use cpu::fundamentals::algorithms::scatter::{VERSIONS, plain};
use nalgebra::{DMatrix, DVector};

use super::random;

#[test]
fn it_agrees_with_singular_values_by_another_crate() {
    // Fewer samples than features, too.
    for [n, d] in [[1, 1], [5, 3], [4, 9], [60, 8]] {
        let table = random(n * (d + 1), n as u64);
        let rows = DMatrix::from_row_slice(n, d + 1, &table);
        let means = rows.row_mean();
        let x = DMatrix::from_fn(n, d, |i, j| rows[(i, j)] - means[j]);
        let y = DVector::from_fn(n, |i, _| rows[(i, d)] - means[d]);
        let svd = x.clone().svd(true, true);
        let (u, v) = (svd.u.unwrap(), svd.v_t.unwrap().transpose());
        for penalty in [1e-3, 1.0, 1e3] {
            // Σ v σ / (σ² + λ) (u · y).
            let shrunk = svd.singular_values.map(|s| s / (s * s + penalty));
            let expected = &v * shrunk.component_mul(&(u.transpose() * &y));
            let degrees: f64 = svd
                .singular_values
                .iter()
                .map(|s| s * s / (s * s + penalty))
                .sum();
            let largest = svd.singular_values.max().powi(2);
            let condition = 1.0 + largest / penalty;
            for (version, sum_up) in VERSIONS {
                let linear = fit(&sum_up(&table, d + 1), penalty).unwrap();
                let what = format!("{version}, {n} x {d}, {penalty}");
                let error = backward_error(&table, &linear, penalty);
                assert!(error <= backward_limit(n, d + 1), "{what}: {error:e}");
                // The equations' rounding times their condition, for weights of this length and y.
                let limit = 10.0 * condition * backward_limit(n, d + 1);
                let size = expected.norm() + y.norm() / (largest + penalty).sqrt();
                let found = DVector::from_vec(linear.weights.clone());
                let error = (found - &expected).norm();
                assert!(error <= limit * size, "{what}: {error:e}, not {limit:e}");
                let error = (degrees_of_freedom(&linear, penalty) - degrees).abs();
                assert!(error <= limit * d as f64, "{what}: {error:e} of {degrees}");
            }
        }
    }
}

#[test]
fn known_weights() {
    // Sxx = 16 and Sxy = 10: the weight is 10 / (16 + 9).
    let table = [1.0, 1.0, 1.0, 0.5, 5.0, 2.5, 5.0, 4.0];
    let linear = fit(&plain(&table, 2), 9.0).unwrap();
    assert!((linear.weights[0] - 0.4).abs() < 1e-15);
    assert!((linear.bias - 0.8).abs() < 1e-15);
    assert!((degrees_of_freedom(&linear, 9.0) - 16.0 / 25.0).abs() < 1e-15);
}

#[test]
fn repeated_and_constant_columns_share_and_get_nothing() {
    let x = random(40, 7);
    let table: Vec<f64> = x.iter().flat_map(|&x| [x, x, 0.1, 3.0 * x + 1.0]).collect();
    let linear = fit(&plain(&table, 4), 1e-6).unwrap();
    // Of the condition, Sxx / λ = 10⁷, times the rounding; and what λ takes away.
    for (found, expected) in linear.weights.iter().zip([1.5, 1.5, 0.0]) {
        assert!((found - expected).abs() < 1e-6, "{linear:?}");
    }
    // A penalty that is lost in the rounding decides nothing.
    let error = fit(&plain(&table, 4), 1e-18).unwrap_err().to_string();
    assert!(error.contains("column 2"), "{error}");
}
