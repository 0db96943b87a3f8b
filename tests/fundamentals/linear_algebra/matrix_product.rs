//! `matrix-product`.

use std::num::NonZero;

use cpu::backend::HostBackend;
use cpu::fundamentals::linear_algebra::matrix_product::{
    LEVELS, Shape, blocked, by_dot_products, by_level, by_rows, largest_error,
};

use super::random;

const SHAPES: [Shape; 5] = [
    [1, 1, 1],
    [2, 3, 5],
    [33, 20, 70],
    [64, 64, 64],
    [1, 129, 40],
];

fn operands([m, k, n]: Shape) -> (Vec<f32>, Vec<f32>) {
    (random(m * k, m as u64), random(k * n, n as u64))
}

#[test]
fn every_version_keeps_its_bound() {
    let host = HostBackend::new(NonZero::new(2)).unwrap();
    for shape in SHAPES {
        let (a, b) = operands(shape);
        let plain = |f: fn(&[f32], &[f32], &mut [f32], Shape)| {
            let mut c = vec![f32::NAN; shape[0] * shape[2]];
            f(&a, &b, &mut c, shape);
            c
        };
        for (version, c) in [
            ("dot products", plain(by_dot_products)),
            ("rows", plain(by_rows)),
            ("blocked", blocked(&host, &a, &b, shape).unwrap()),
        ] {
            assert_eq!(c.len(), shape[0] * shape[2]);
            assert!(
                largest_error(&a, &b, &c, shape) <= 1.0,
                "{version}, {shape:?}"
            );
        }
    }
}

#[test]
fn every_level_keeps_it_too() {
    crate::device::on_device(|device| {
        for shape in SHAPES {
            let (a, b) = operands(shape);
            for (level, (name, _)) in LEVELS.into_iter().enumerate() {
                let c = by_level(device, level, &a, &b, shape).unwrap();
                assert_eq!(c.len(), shape[0] * shape[2]);
                assert!(largest_error(&a, &b, &c, shape) <= 1.0, "{name}, {shape:?}");
            }
        }
    });
}

#[test]
fn a_known_product() {
    let mut c = [0.0; 4];
    for f in [by_dot_products, by_rows] {
        f(
            &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            &[1.0, 0.0, 0.0, 1.0, 2.0, -1.0],
            &mut c,
            [2, 3, 2],
        );
        assert_eq!(c, [7.0, -1.0, 16.0, -1.0]);
    }
}
