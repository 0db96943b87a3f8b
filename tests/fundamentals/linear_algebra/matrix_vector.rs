//! `matrix-vector`.

use cpu::fundamentals::linear_algebra::matrix_vector::{
    by_columns, by_lanes, by_rows, by_threads, largest_error, on_device,
};

use super::random;

const SHAPES: [[usize; 2]; 6] = [[1, 1], [3, 1], [1, 65], [17, 64], [100, 130], [8, 1000]];

#[test]
fn every_version_keeps_its_bound() {
    for [m, n] in SHAPES {
        let (a, x) = (random(m * n, m as u64), random(n, n as u64));
        for (version, f) in [
            ("rows", by_rows as fn(&[f32], &[f32], &mut [f32])),
            ("columns", by_columns),
            ("lanes", by_lanes),
            ("threads", by_threads),
        ] {
            let mut y = vec![f32::NAN; m];
            f(&a, &x, &mut y);
            assert!(largest_error(&a, &x, &y) <= 1.0, "{version}, {m} x {n}");
        }
    }
}

#[test]
fn a_device_keeps_it_too() {
    crate::device::on_device(|device| {
        for [m, n] in SHAPES {
            let (a, x) = (random(m * n, m as u64), random(n, n as u64));
            let y = on_device(device, &a, &x, m).unwrap();
            assert_eq!(y.len(), m);
            assert!(largest_error(&a, &x, &y) <= 1.0, "{m} x {n}");
        }
    });
}

#[test]
fn nan_and_infinity_stay_in_their_rows() {
    let a = [1.0, f32::NAN, 2.0, 3.0, f32::INFINITY, 1.0];
    for f in [by_rows, by_columns, by_lanes, by_threads] {
        let mut y = [0.0_f32; 3];
        f(&a, &[1.0, 1.0], &mut y);
        assert!(
            y[0].is_nan() && y[1] == 5.0 && y[2] == f32::INFINITY,
            "{y:?}"
        );
    }
}
