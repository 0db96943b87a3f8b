//! `ode`.

use cpu::fundamentals::calculus::ode::{
    State, euler_step, exact, follow, follow_all, follow_all_device, follow_all_lanes,
    follow_all_threads, runge_kutta_step,
};

use crate::device::on_device;

const BEGIN: State = [1.0, 0.0];

#[test]
fn methods_have_their_order() {
    for (step, factor) in [
        (euler_step as fn(State, f64, f64) -> State, 2.0),
        (runge_kutta_step, 16.0),
    ] {
        let error = |n: u32| {
            let [x, _] = follow(step, BEGIN, 0.2, 4.0 / f64::from(n), n);
            (x - exact(BEGIN, 0.2, 4.0)).abs()
        };
        let ratio = error(200) / error(400);
        // The next term of the error is smaller by a step, which is 1/50.
        assert!((ratio / factor - 1.0).abs() < 0.1, "{ratio}, not {factor}");
    }
}

#[test]
fn the_formula_solves_the_equation() {
    let h = 1e-3;
    for damping in [0.0, 0.3, 0.9] {
        for time in [0.5, 3.0] {
            let [before, now, after] = [time - h, time, time + h].map(|t| exact(BEGIN, damping, t));
            let (speed, acceleration) = (
                (after - before) / (2.0 * h),
                (after - 2.0 * now + before) / (h * h),
            );
            // Differences are off by h² times derivatives of about 1, and rounding by 1e-16 / h².
            assert!((acceleration + now + 2.0 * damping * speed).abs() < 1e-5);
        }
    }
    assert_eq!(exact([2.0, 1.0], 0.4, 0.0), 2.0);
}

#[test]
fn lanes_threads_and_devices_follow_the_same_paths() {
    let dampings: Vec<f64> = (0..50).map(|i| f64::from(i) * 0.019).collect();
    let mut plain = vec![f64::NAN; 50];
    follow_all(&dampings, 0.05, 100, &mut plain);
    for follow in [follow_all_lanes, follow_all_threads] {
        let mut places = vec![f64::NAN; 50];
        follow(&dampings, 0.05, 100, &mut places);
        assert_eq!(places, plain);
    }
    on_device(|device| {
        let places = follow_all_device(device, &dampings, 0.05, 100).unwrap();
        for (place, plain) in places.iter().zip(&plain) {
            // One may fuse products and sums where the other rounds both, in each of 100 steps.
            assert!(
                (place - plain).abs() < 100.0 * 8.0 * f64::EPSILON,
                "{place} {plain}"
            );
        }
        assert!(
            follow_all_device(device, &[], 0.05, 100)
                .unwrap()
                .is_empty()
        );
    });
}
