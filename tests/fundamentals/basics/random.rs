//! `random`.

use cpu::fundamentals::basics::random::{
    NORMAL_MOMENTS, UNIFORM_MOMENTS, box_muller, kolmogorov_smirnov, moments, normal_device,
    normal_distribution, uniform, uniform_device, ziggurat,
};

use crate::device::on_device;

const N: usize = 100_000;
/// Standard deviations that moments may be away, and `λ` of Kolmogorov and Smirnov: what one seed of
/// some hundred million exceeds.
const DEVIATIONS: f64 = 6.0;
const DISTANCE: f64 = 3.2;

fn drawn(draw: impl Fn(u64, &mut [f32])) -> Vec<f32> {
    let mut y = vec![0.0; N];
    draw(11, &mut y);
    y
}

#[test]
fn uniform_numbers_are_uniform() {
    let y = drawn(uniform);
    assert!(y.iter().all(|y| (0.0..1.0).contains(y)));
    assert!(moments(&y, UNIFORM_MOMENTS) < DEVIATIONS);
    assert!(kolmogorov_smirnov(&y, |x| x) < DISTANCE);
}

#[test]
fn normal_numbers_are_normal() {
    for (what, draw) in [
        ("Box-Muller", box_muller as fn(u64, &mut [f32])),
        ("Ziggurat", ziggurat),
    ] {
        let y = drawn(draw);
        assert!(moments(&y, NORMAL_MOMENTS) < DEVIATIONS, "{what}");
        assert!(
            kolmogorov_smirnov(&y, normal_distribution) < DISTANCE,
            "{what}"
        );
        // The tail's share beyond 3.5 is 4.65e-4, so of these it is 46.5 with a deviation of 6.8.
        let n_far = y.iter().filter(|y| y.abs() > 3.5).count();
        assert!((6..=87).contains(&n_far), "{what}: {n_far}");
    }
}

#[test]
fn the_tests_notice_what_is_not_so() {
    let y = drawn(box_muller);
    let shifted: Vec<f32> = y.iter().map(|y| y + 0.03).collect();
    assert!(moments(&shifted, NORMAL_MOMENTS) > DEVIATIONS);
    assert!(kolmogorov_smirnov(&shifted, normal_distribution) > DISTANCE);
    // A triangle with the mean and the variance of the normal distribution.
    let triangle: Vec<f32> = drawn(uniform)
        .chunks(2)
        .map(|pair| 6.0_f32.sqrt() * (pair[0] - pair[1]))
        .collect();
    assert!(moments(&triangle, NORMAL_MOMENTS) > DEVIATIONS);
    assert!(kolmogorov_smirnov(&triangle, normal_distribution) > DISTANCE);
}

#[test]
fn a_device_draws_the_same_numbers() {
    on_device(|device| {
        for n in [0, 1, 2, 5, 1000] {
            let mut expected = vec![0.0; n];
            uniform(11, &mut expected);
            assert_eq!(uniform_device(device, 11, n).unwrap(), expected);
            box_muller(11, &mut expected);
            for (value, expected) in normal_device(device, 11, n).unwrap().iter().zip(&expected) {
                // Both compute with the same polynomials; one of them may fuse products and sums.
                let error = (value - expected).abs();
                assert!(
                    error <= 4.0 * f32::EPSILON * expected.abs().max(1e-3),
                    "{value} {expected}"
                );
            }
        }
    });
}
