//! `reduction`.

use cpu::fundamentals::hardware::reduction::{
    by_iterator, by_loop, by_threads, by_vectors, longest_of_blocks, longest_of_vectors, on_device,
    tree_on_device,
};

use crate::device::on_device as with_device;

type Sum = fn(&[f32]) -> f32;

const SIZES: [usize; 10] = [0, 1, 15, 16, 63, 64, 65, 257, 1000, 200_001];
const WAYS: [(&str, Sum); 4] = [
    ("loop", by_loop),
    ("iterator", by_iterator),
    ("vectors", by_vectors),
    ("threads", by_threads),
];

/// Numbers between -1 and 1.
fn random(n: usize) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(n as u64);
    (0..n).map(|_| 2.0 * random.f32() - 1.0).collect()
}

/// The error of a sum as a share of its bound `d u Σ |x|`, and of the result's own rounding.
fn error(values: &[f32], sum: f32, longest: usize) -> f64 {
    let exact: f64 = values.iter().map(|&x| f64::from(x)).sum();
    let sizes: f64 = values.iter().map(|&x| f64::from(x.abs())).sum();
    let error = (f64::from(sum) - exact).abs();
    let bound = 2.0_f64.powi(-24) * (longest as f64 * sizes + exact.abs());
    if error == 0.0 { 0.0 } else { error / bound }
}

#[test]
fn every_way_keeps_its_bound() {
    for n in SIZES {
        let values = random(n);
        for (name, sum) in WAYS {
            let longest = match name {
                "vectors" => longest_of_vectors(n).min(n),
                // Both levels of it.
                "threads" => 2 * longest_of_vectors(n.min(1 << 16)),
                _ => n,
            };
            let error = error(&values, sum(&values), longest);
            assert!(error <= 1.0, "{name} of {n}: {error}");
        }
    }
}

#[test]
fn whole_numbers_are_added_exactly() {
    // All sums on the way stay below 2²⁴, which no order rounds.
    let values: Vec<f32> = (0..5000).map(|x| x as f32).collect();
    for (name, sum) in WAYS {
        for n in [0_usize, 1, 17, 64, 79, 80, 1023, 5000] {
            let expected = (n * n.saturating_sub(1) / 2) as f32;
            assert_eq!(sum(&values[..n]), expected, "{name} of {n}");
        }
    }
}

#[test]
fn infinity_and_nan_stay_what_they_are() {
    let mut values = vec![1.0; 100];
    values[70] = f32::INFINITY;
    for (name, sum) in WAYS {
        assert_eq!(sum(&values), f32::INFINITY, "{name}");
        assert!(sum(&[f32::INFINITY, f32::NEG_INFINITY]).is_nan(), "{name}");
        assert!(sum(&[1.0, f32::NAN]).is_nan(), "{name}");
    }
}

#[test]
fn a_device_keeps_its_bound_too() {
    with_device(|device| {
        for n in SIZES {
            let values = random(n.min(70_001));
            let n = values.len();
            for (name, sum, most) in [
                ("tree", tree_on_device(device, &values), usize::MAX),
                ("many", on_device(device, &values), 1024),
            ] {
                let n_blocks = n.div_ceil(256).clamp(1, most);
                let longest = longest_of_blocks(n, n_blocks) + longest_of_blocks(n_blocks, 1);
                let error = error(&values, sum.unwrap(), longest);
                assert!(error <= 1.0, "{name} of {n}: {error}");
            }
        }
        assert!(on_device(device, &[1.0, f32::NAN]).unwrap().is_nan());
    });
}
