//! `linear-regression`.

use cpu::fundamentals::algorithms::linear_regression::{
    Linear, backward_error, backward_limit, fit,
};
use cpu::fundamentals::algorithms::scatter::{VERSIONS, plain};
use nalgebra::{DMatrix, DVector};

use super::random;

fn fit_plain(table: &[f64], n_columns: usize) -> Result<Linear, String> {
    fit(&plain(table, n_columns), 0.0).map_err(|error| error.to_string())
}

#[test]
fn it_agrees_with_least_squares_by_another_crate() {
    for [n, d] in [[2, 1], [3, 2], [40, 5], [200, 12]] {
        for offset in [0.0, 1e4] {
            let mut table = random(n * (d + 1), n as u64);
            for (idx, x) in table.iter_mut().enumerate() {
                // Columns of very different scales.
                *x = (*x + offset) * 10.0_f64.powi((idx % (d + 1)) as i32 % 5);
            }
            let rows = DMatrix::from_row_slice(n, d + 1, &table);
            // About the means, and scaled: what a QR decomposition gets for a fair comparison.
            let means = rows.row_mean();
            let x = DMatrix::from_fn(n, d, |i, j| rows[(i, j)] - means[j]);
            let y = DVector::from_fn(n, |i, _| rows[(i, d)] - means[d]);
            let expected = x.clone().svd(true, true).solve(&y, 0.0).unwrap();
            let scaled = DMatrix::from_fn(n, d, |i, j| x[(i, j)] / x.column(j).norm());
            let values = scaled.singular_values();
            let condition = values.max() / values.min();
            for (version, sum_up) in VERSIONS {
                let linear = fit(&sum_up(&table, d + 1), 0.0).unwrap();
                let what = format!("{version}, {n} x {d} at {offset}");
                let error = backward_error(&table, &linear, 0.0);
                assert!(error <= backward_limit(n, d + 1), "{what}: {error:e}");
                // The condition squared, of the scatter with its rounding; the offset's rounding in the
                // means leaves `u 10⁴` of it.
                let limit =
                    condition * condition * backward_limit(n, d + 1) * (1.0 + offset * 1e-3);
                let size = (0..d)
                    .map(|j| expected[j].abs() * x.column(j).norm())
                    .sum::<f64>()
                    + y.norm();
                for (j, w) in linear.weights.iter().enumerate() {
                    let error = (w - expected[j]).abs() * x.column(j).norm() / size;
                    assert!(
                        error <= limit,
                        "{what}: weight {j}: {error:e}, not {limit:e}"
                    );
                }
            }
        }
    }
}

#[test]
fn exact_ones_are_found() {
    // y = 3 a - 2 b + 1, with as many samples as parameters, and with duplicates.
    let samples = [[1.0, 0.0, 4.0], [0.0, 1.0, -1.0], [2.0, 2.0, 3.0]];
    for n_copies in [1, 3] {
        let linear = fit_plain(&samples.repeat(n_copies).concat(), 3).unwrap();
        for (found, expected) in linear
            .weights
            .iter()
            .chain([&linear.bias])
            .zip([3.0, -2.0, 1.0])
        {
            assert!((found - expected).abs() < 1e-14, "{linear:?}");
        }
    }
    // A straight line by hand: x̄ = 3, ȳ = 2, Sxy = 10, Sxx = 16, whose root is exact.
    let table = [1.0, 1.0, 1.0, 0.5, 5.0, 2.5, 5.0, 4.0];
    let linear = fit_plain(&table, 2).unwrap();
    let found = (linear.weights[0], linear.bias, linear.variances[0]);
    assert_eq!(found, (0.625, 0.125, 0.0625));
    // A target that is always the same.
    let linear = fit_plain(&[1.0, 7.0, 2.0, 7.0, 4.0, 7.0], 2).unwrap();
    assert_eq!((linear.weights[0], linear.bias), (0.0, 7.0));
}

#[test]
fn what_is_not_determined_is_refused() {
    let mut collinear = random(60, 3);
    for row in collinear.chunks_exact_mut(4) {
        row[2] = 0.3 * row[0] - 1e3 * row[1] + 7.0;
    }
    let mut constant = random(60, 4);
    constant
        .iter_mut()
        .skip(1)
        .step_by(4)
        .for_each(|x| *x = 0.1);
    let mut huge = random(60, 5);
    huge[8] = 1e200;
    for (table, complaint) in [
        (&collinear, "column 3 is constant, or a sum"),
        (&constant, "column 2 is constant, or a sum"),
        (&huge, "column 1: the squares of its numbers overflow"),
        (&random(4, 6), "1 samples do not determine"),
        (&random(12, 6), "at least 4 do"),
    ] {
        let error = fit_plain(table, 4).unwrap_err();
        assert!(error.contains(complaint), "{error}");
    }
}
