//! `dual`.

use cpu::fundamentals::calculus::dual::{
    Dual, MAX_ERROR, by_hand, derivatives, derivatives_device, derivatives_lanes,
    derivatives_threads, largest_error,
};

use crate::device::on_device;

fn places() -> Vec<f32> {
    (-1000..=1000).map(|i| i as f32 * 0.003).collect()
}

#[test]
fn every_version_agrees_with_what_one_works_out_by_hand() {
    let x = places();
    for f in [derivatives, derivatives_lanes, derivatives_threads] {
        let mut dy = vec![f32::NAN; x.len()];
        f(&x, &mut dy);
        let error = largest_error(&x, &dy);
        assert!(error <= MAX_ERROR, "{error}");
    }
}

#[test]
fn a_device_agrees_too() {
    on_device(|device| {
        let x = places();
        let error = largest_error(&x, &derivatives_device(device, &x).unwrap());
        assert!(error <= MAX_ERROR, "{error}");
        assert!(derivatives_device(device, &[]).unwrap().is_empty());
    });
}

#[test]
fn the_formula_by_hand_is_the_slope() {
    let f = |x: f64| x * (x * x).sin() + (-x).exp() / (1.0 + x * x).sqrt();
    for x in [-2.5, -0.3, 0.0, 1.7] {
        let slope = (f(x + 1e-5) - f(x - 1e-5)) / 2e-5;
        // h² f'''/6 with an f''' of some hundreds.
        assert!((by_hand(x) - slope).abs() < 1e-7, "{x}");
    }
}

#[test]
fn rules_of_derivatives() {
    let x = Dual::variable(3.0);
    let two = Dual::constant(2.0);
    let pairs = [
        (x + two, 5.0, 1.0),
        (two - x, -1.0, -1.0),
        (x * x, 9.0, 6.0),
        (two / x, 2.0 / 3.0, -2.0 / 9.0),
        (-x, -3.0, -1.0),
        ((x + Dual::constant(1.0)).sqrt(), 2.0, 0.25),
    ];
    for (dual, value, derivative) in pairs {
        assert!((dual.value - value).abs() < 1e-6 && (dual.derivative - derivative).abs() < 1e-6);
    }
}
