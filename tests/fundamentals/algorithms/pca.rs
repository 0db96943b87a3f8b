//! `pca`.

use cpu::fundamentals::algorithms::pca::{
    Components, components, covariance, left_out_error, left_out_limit,
};
use cpu::fundamentals::algorithms::scatter::{VERSIONS, plain};
use nalgebra::DMatrix;

use super::random;

fn of(table: &[f64], n_columns: usize) -> Components {
    components(&plain(table, n_columns)).unwrap().0
}

#[test]
fn it_agrees_with_eigenvalues_by_another_crate() {
    for [n, d] in [[2, 1], [2, 3], [5, 8], [40, 4], [300, 12]] {
        // Columns of different scales.
        let mut table = random(n * d, n as u64);
        for (idx, x) in table.iter_mut().enumerate() {
            *x = *x * (1.0 + (idx % d) as f64) + 10.0;
        }
        let rows = DMatrix::from_row_slice(n, d, &table);
        let means = rows.row_mean();
        let centered = DMatrix::from_fn(n, d, |i, j| rows[(i, j)] - means[j]);
        let degrees = n as f64 - 1.0;
        let reference = (centered.transpose() * &centered / degrees).symmetric_eigen();
        let value = |k: usize| reference.eigenvalues[k];
        let mut order: Vec<usize> = (0..d).collect();
        order.sort_by(|&a, &b| value(b).total_cmp(&value(a)));
        for (version, sum_up) in VERSIONS {
            let what = format!("{version}, {n} x {d}");
            let scatter = sum_up(&table, d);
            let (found, eigen) = components(&scatter).unwrap();
            assert!(
                eigen.residual(&covariance(&scatter)) <= eigen.limit(),
                "{what}"
            );
            let limit = left_out_limit(n, &eigen);
            let largest = found.variances[0];
            for (k, variance) in found.variances.iter().enumerate() {
                let error = (variance - value(order[k])).abs();
                assert!(error <= limit * largest, "{what}: variance {k}: {error:e}");
                // Of the directions without variance there is a whole plane.
                if k >= n - 1 {
                    continue;
                }
                // An eigenvector is off by the matrix' error divided by the distance of the eigenvalues.
                let others = found
                    .variances
                    .iter()
                    .enumerate()
                    .filter(|(other, _)| *other != k);
                let gap = others
                    .map(|(_, x)| (x - variance).abs())
                    .fold(largest, f64::min);
                let ours = &found.directions[k * d..][..d];
                let theirs = reference.eigenvectors.column(order[k]);
                let product: f64 = ours.iter().zip(theirs.iter()).map(|(a, b)| a * b).sum();
                assert!(
                    1.0 - product.abs() <= limit * largest / gap,
                    "{what}: direction {k}"
                );
            }
            for n_components in 0..=d {
                let error = left_out_error(&found, &table, n_components);
                assert!(
                    error <= limit,
                    "{what}, {n_components} components: {error:e}"
                );
            }
        }
    }
}

#[test]
fn a_line_and_an_ellipse() {
    // Along (3, 4): variances 25 · 2.5 and 0.
    let line: Vec<f64> = (-2..=2)
        .flat_map(|i| [3.0 * f64::from(i), 4.0 * f64::from(i)])
        .collect();
    let found = of(&line, 2);
    assert!(
        (found.variances[0] - 62.5).abs() < 1e-13 && found.variances[1] < 1e-13,
        "{found:?}"
    );
    assert!((found.directions[0] - 0.6).abs() < 1e-15 && (found.directions[1] - 0.8).abs() < 1e-15);
    // The ends of two axes, 1 and 3 long, about (1, 1).
    let found = of(&[2.0, 1.0, 0.0, 1.0, 1.0, 4.0, 1.0, -2.0], 2);
    assert_eq!(
        (&found.mean[..], &found.variances[..]),
        (&[1.0, 1.0][..], &[6.0, 2.0 / 3.0][..])
    );
    assert_eq!(found.directions, [0.0, 1.0, 1.0, 0.0]);
    assert_eq!(found.project(&[3.0, 5.0], 1), [4.0]);
    assert_eq!(found.restore(&[4.0]), [1.0, 5.0]);
}

#[test]
fn columns_that_are_constant_or_repeated_add_nothing() {
    let x = random(60, 3);
    let table: Vec<f64> = x.iter().flat_map(|&x| [x, 7.0, x]).collect();
    let found = of(&table, 3);
    let variance = of(&x, 1).variances[0];
    // The eigenvalues' rounding.
    assert!((found.variances[0] - 2.0 * variance).abs() < 1e-13);
    assert!(
        found.variances[1..]
            .iter()
            .all(|value| (0.0..1e-13).contains(value))
    );
    let half = 0.5_f64.sqrt();
    for (found, expected) in found.directions.iter().zip([half, 0.0, half]) {
        assert!((found - expected).abs() < 1e-13, "{found}");
    }
    // Points that are all the same.
    assert_eq!(of(&[1.5; 12], 3).variances, [0.0; 3]);
}

#[test]
fn what_has_no_components_is_refused() {
    for (table, complaint) in [
        (&[1.0, 2.0][..], "1 point varies in no direction"),
        (
            &[1.0, 2.0, 1.0, 1e200],
            "column 2: the squares of its numbers overflow",
        ),
    ] {
        let error = components(&plain(table, 2)).unwrap_err().to_string();
        assert!(error.contains(complaint), "{error}");
    }
}
