//! `integration`.

use cpu::fundamentals::calculus::integration::{
    exact, gauss_legendre, gauss_legendre_nodes, midpoint, midpoint_device, midpoint_threads,
    monte_carlo, monte_carlo_device, simpson, trapezoid,
};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use crate::device::on_device;

fn bell(x: f64) -> f64 {
    (-x * x).exp()
}

#[test]
fn rules_have_their_order() {
    // Half the step: a quarter of the error, and a sixteenth.
    for (rule, factor) in [
        (trapezoid as fn(fn(f64) -> f64, f64, f64, u32) -> f64, 4.0),
        (midpoint, 4.0),
        (simpson, 16.0),
    ] {
        let error = |n| (rule(bell, 0.0, 1.0, n) - exact(0.0, 1.0)).abs();
        let ratio = error(32) / error(64);
        // The next term of the error is a thousandth of it here.
        assert!((ratio / factor - 1.0).abs() < 0.01, "{ratio}, not {factor}");
    }
}

#[test]
fn polynomials_of_their_degree_are_exact() {
    let cubic = |x: f64| 4.0 * x * x * x - 3.0 * x * x + 1.0;
    // x⁴ - x³ + x from -1 to 2: 16 - 8 + 2 - (1 + 1 - 1) = 9.
    assert!((simpson(cubic, -1.0, 2.0, 2) - 9.0).abs() < 1e-14);
    assert!((gauss_legendre(cubic, -1.0, 2.0, 2) - 9.0).abs() < 1e-14);
    for n in 1..=30 {
        let degree = 2 * n as i32 - 1;
        let integral = gauss_legendre(|x| x.powi(degree - 1), -1.0, 1.0, n);
        assert!((integral - 2.0 / f64::from(degree)).abs() < 1e-14, "{n}");
        let weights: f64 = gauss_legendre_nodes(n)
            .iter()
            .map(|[_, weight]| weight)
            .sum();
        assert!((weights - 2.0).abs() < 1e-13, "{n}");
    }
}

#[test]
fn an_interval_backwards_and_an_empty_one() {
    for rule in [
        trapezoid as fn(fn(f64) -> f64, f64, f64, u32) -> f64,
        midpoint,
        simpson,
    ] {
        assert_eq!(rule(bell, 1.0, 1.0, 8), 0.0);
        let difference = rule(bell, 0.0, 1.0, 8) + rule(bell, 1.0, 0.0, 8);
        assert!(difference.abs() < 1e-15);
    }
}

#[test]
fn monte_carlo_knows_how_far_off_it_is() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for n in [100, 10_000] {
        let estimate = monte_carlo(bell, 0.0, 2.0, n, &mut random);
        // The deviation of e^(-x²) over [0, 2] is 0.353, for an interval of 2.
        let expected = 2.0 * 0.353 / f64::from(n).sqrt();
        assert!((estimate.deviation / expected - 1.0).abs() < 0.2);
        assert!((estimate.value - exact(0.0, 2.0)).abs() < 6.0 * estimate.deviation);
    }
    assert_eq!(
        monte_carlo(|_| 3.0, 0.0, 2.0, 10, &mut random).deviation,
        0.0
    );
}

#[test]
fn threads_and_devices_agree_with_the_plain_rule() {
    // Each place is rounded to f32, each of a part's 16 sums once for each of its terms.
    let limit = 1e-4;
    for n in [1, 7, 1000, 40_000] {
        let plain = midpoint(bell, -1.0, 2.0, n);
        assert!(
            (midpoint_threads(-1.0, 2.0, n) - plain).abs() < limit,
            "{n}"
        );
    }
    on_device(|device| {
        for n in [1, 7, 1000, 40_000] {
            let plain = midpoint(bell, -1.0, 2.0, n);
            let on_device = midpoint_device(device, -1.0, 2.0, n).unwrap();
            assert!(
                (on_device - plain).abs() < limit,
                "{n}: {on_device}, not {plain}"
            );
        }
        let estimate = monte_carlo_device(device, -1.0, 2.0, 20_000, 1).unwrap();
        assert!((estimate.value - exact(-1.0, 2.0)).abs() < 6.0 * estimate.deviation + limit);
    });
}
