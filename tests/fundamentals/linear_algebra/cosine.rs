//! `cosine`.

use std::num::NonZero;

use cpu::backend::HostBackend;
use cpu::fundamentals::linear_algebra::cosine::{largest_error, on_device, on_host, pairs};

use super::random;

const SHAPES: [[usize; 2]; 5] = [[1, 1], [2, 3], [7, 64], [33, 100], [130, 31]];

fn limit(n_dimensions: usize) -> f64 {
    // Dot product, squares and quotients round once for each dimension, at a size of at most 1.
    f64::from(f32::EPSILON) * (2.0 * n_dimensions as f64 + 4.0)
}

#[test]
fn pairs_and_products_agree_with_the_formula() {
    let host = HostBackend::new(NonZero::new(2)).unwrap();
    for [n_vectors, n_dimensions] in SHAPES {
        let x = random(n_vectors * n_dimensions, n_vectors as u64);
        let mut s = vec![0.0; n_vectors * n_vectors];
        pairs(&x, n_dimensions, &mut s);
        let product = on_host(&host, &x, n_dimensions).unwrap();
        for s in [s, product] {
            assert_eq!(s.len(), n_vectors * n_vectors);
            assert!(largest_error(&x, n_dimensions, &s) <= limit(n_dimensions));
        }
    }
}

#[test]
fn a_device_agrees_with_it_too() {
    crate::device::on_device(|device| {
        for [n_vectors, n_dimensions] in SHAPES {
            let x = random(n_vectors * n_dimensions, n_vectors as u64);
            let s = on_device(device, &x, n_dimensions).unwrap();
            assert_eq!(s.len(), n_vectors * n_vectors);
            assert!(largest_error(&x, n_dimensions, &s) <= limit(n_dimensions));
        }
    });
}

#[test]
fn lengths_do_not_count_but_zeros_do() {
    let mut s = vec![0.0_f32; 9];
    pairs(&[3.0, 4.0, 3e-10, 4e-10, -4e10, 3e10], 2, &mut s);
    for (s, expected) in s.iter().zip([1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0]) {
        assert!((s - expected).abs() < 3e-7, "{s}");
    }
    pairs(&[0.0, 0.0, 1.0, 0.0, 0.0, 1.0], 2, &mut s);
    assert!(s[0].is_nan() && s[1].is_nan() && s[4] == 1.0);
}
