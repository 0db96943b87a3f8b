//! `statistics`.

use cpu::fundamentals::basics::statistics::{
    Moments, mean_and_variance, naive, two_passes, welford, welford_device, welford_lanes,
    welford_threads,
};

use crate::device::on_device;

type Way = fn(&[f32]) -> Moments;

const WAYS: [(&str, Way); 3] = [
    ("one loop", welford),
    ("SIMD", welford_lanes),
    ("threads", welford_threads),
];

/// Numbers uniform in an interval of length 2 that begins at `offset`, with their mean and variance.
fn numbers(n: usize, offset: f32) -> (Vec<f32>, f64, f64) {
    let mut random = fastrand::Rng::with_seed(n as u64);
    let values: Vec<f32> = (0..n).map(|_| offset + 2.0 * random.f32()).collect();
    let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n as f64;
    let squares: f64 = values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum();
    (values, mean, squares / (n as f64 - 1.0))
}

fn check(what: &str, moments: Moments, (values, mean, variance): &(Vec<f32>, f64, f64)) {
    let (n, unit) = (values.len() as f64, 2.0_f64.powi(-24));
    assert_eq!(f64::from(moments.count), n, "{what}");
    let [m, v] = mean_and_variance(moments).map(f64::from);
    // Each update rounds the mean once, by at most a unit of its size.
    assert!(
        (m - mean).abs() <= n * unit * mean.abs(),
        "{what}: {m}, not {mean}"
    );
    let condition = (1.0 + mean * mean / variance).sqrt();
    // Random errors grow by `√n`; beyond eight times that is one of 10¹³ sums.
    let limit = n.min(8.0 * n.sqrt()) * condition * unit * variance;
    assert!((v - variance).abs() <= limit, "{what}: {v}, not {variance}");
}

#[test]
fn every_way_keeps_its_bound() {
    for (n, offset) in [
        (2, 0.0),
        (63, -1.0),
        (64, 5.0),
        (1000, 100.0),
        (150_001, 1000.0),
    ] {
        let numbers = numbers(n, offset);
        for (what, moments) in WAYS {
            check(&format!("{what} of {n}"), moments(&numbers.0), &numbers);
        }
    }
}

#[test]
fn a_device_keeps_it_too() {
    on_device(|device| {
        for (n, offset) in [(2, 0.0), (255, 5.0), (40_000, 1000.0)] {
            let numbers = numbers(n, offset);
            let moments = welford_device(device, &numbers.0).unwrap();
            check(&format!("{n} on the device"), moments, &numbers);
        }
        let nothing = welford_device(device, &[]).unwrap();
        assert_eq!(nothing, Moments::default());
    });
}

#[test]
fn the_textbook_formula_cancels() {
    let (values, _, variance) = numbers(10_000, 4096.0);
    let [_, naive] = naive(&values).map(f64::from);
    assert!(
        (naive - variance).abs() > variance,
        "{naive} is not bad enough"
    );
    let [_, two_passes] = two_passes(&values).map(f64::from);
    // The mean is rounded in each addition, and its error counts by its square.
    let [naive, two_passes] = [naive, two_passes].map(|result| (result - variance).abs());
    assert!(two_passes < 0.5 * naive, "{two_passes}, and naive {naive}");
}

#[test]
fn nothing_one_number_equal_numbers_and_nan() {
    for (what, moments) in WAYS {
        assert_eq!(moments(&[]), Moments::default(), "{what}");
        assert_eq!(mean_and_variance(moments(&[3.5])), [3.5, 0.0], "{what}");
        assert_eq!(
            mean_and_variance(moments(&[3.5; 1000])),
            [3.5, 0.0],
            "{what}"
        );
        for values in [[1.0, f32::NAN], [1.0, f32::INFINITY]] {
            let [_, variance] = mean_and_variance(moments(&values));
            assert!(variance.is_nan(), "{what} of {values:?}: {variance}");
        }
    }
}
