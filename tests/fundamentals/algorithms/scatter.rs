//! The scatter of a table's rows.

use cpu::fundamentals::algorithms::scatter::{OnDevice, Scatter, VERSIONS, plain};
use nalgebra::DMatrix;

use super::random;

const SHAPES: [[usize; 2]; 7] = [
    [1, 1],
    [2, 3],
    [5, 8],
    [63, 9],
    [64, 17],
    [257, 2],
    [1000, 33],
];

/// Compares with sums by another crate: each sum rounds once for each row, and so does the mean.
fn check(what: &str, table: &[f64], [n, d]: [usize; 2], scatter: &Scatter) {
    let unit = n as f64 * f64::EPSILON;
    let rows = DMatrix::from_row_slice(n, d, table);
    let means = rows.row_mean();
    let centered = DMatrix::from_fn(n, d, |i, j| rows[(i, j)] - means[j]);
    let expected = centered.transpose() * &centered;
    assert_eq!(scatter.n_rows, n, "{what}");
    for i in 0..d {
        let error = (scatter.means[i] - means[i]).abs();
        assert!(
            error <= unit * rows.column(i).amax(),
            "{what}: mean {i}: {error:e}"
        );
        for j in 0..d {
            let error = (scatter.products[i * d + j] - expected[(i, j)]).abs();
            // A mean that is off by `u |x|` counts by its square.
            let size = (expected[(i, i)] * expected[(j, j)]).sqrt();
            let of_means = n as f64 * unit * unit * rows.column(i).amax() * rows.column(j).amax();
            assert!(
                error <= unit * size + of_means,
                "{what}: {i}, {j}: {error:e}"
            );
        }
    }
}

#[test]
fn every_version_keeps_its_bound() {
    for shape in SHAPES {
        let [n, d] = shape;
        for offset in [0.0, 1e6] {
            let table: Vec<f64> = random(n * d, n as u64).iter().map(|x| x + offset).collect();
            for (version, sum_up) in VERSIONS {
                let what = format!("{version}, {n} x {d} at {offset}");
                check(&what, &table, shape, &sum_up(&table, d));
            }
        }
    }
}

#[test]
fn a_guess_that_is_far_off_costs_no_digits() {
    // The first row of each thousand, of which the mean is guessed, is far from all others.
    let (n, d) = (64_000, 2);
    let mut table = random(n * d, 4);
    for row in table.chunks_exact_mut(1000 * d) {
        row[0] += 1e6;
    }
    let expected = plain(&table, d);
    for (version, sum_up) in &VERSIONS[1..] {
        let difference = sum_up(&table, d).difference(&expected);
        // The sums in lanes and parts round a few dozen times, and not a thousand times that.
        assert!(
            difference <= 100.0 * f64::EPSILON,
            "{version}: {difference:e}"
        );
    }
}

#[test]
fn a_device_keeps_it_too() {
    crate::device::on_device(|device| {
        for shape in [[1, 1], [5, 8], [67, 33], [300, 2]] {
            let [n, d] = shape;
            let table: Vec<f64> = random(n * d, n as u64).iter().map(|x| x + 1e3).collect();
            let scatter = OnDevice::new(device, &table, d).unwrap().scatter().unwrap();
            check(&format!("{n} x {d} on the device"), &table, shape, &scatter);
        }
    });
}

#[test]
fn a_known_scatter() {
    let scatter = Scatter {
        n_rows: 4,
        means: vec![2.5, 1.0],
        products: vec![5.0, 6.0, 6.0, 8.0],
    };
    let table = [1.0, -1.0, 2.0, 1.0, 3.0, 1.0, 4.0, 3.0];
    for (version, sum_up) in VERSIONS {
        assert_eq!(sum_up(&table, 2), scatter, "{version}");
    }
}

#[test]
fn nan_stays_in_its_column() {
    let mut table = random(30, 1);
    table[4] = f64::NAN;
    for (version, sum_up) in VERSIONS {
        let scatter = sum_up(&table, 3);
        for (place, value) in scatter.products.iter().enumerate() {
            let is_of_it = place / 3 == 1 || place % 3 == 1;
            assert_eq!(value.is_nan(), is_of_it, "{version}: {place}");
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let table = random(3000, 5);
    let [one, three] = [1, 3].map(|n_threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n_threads)
            .build()
            .unwrap();
        pool.install(|| VERSIONS[2].1(&table, 3))
    });
    assert_eq!(one, three);
    assert_ne!(
        one.products,
        plain(&table, 3).products,
        "another order of the sums"
    );
}
