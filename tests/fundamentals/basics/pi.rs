//! `pi`.

use cpu::fundamentals::basics::pi::{count, count_device, count_lanes, count_threads};

use crate::device::on_device;

#[test]
fn every_version_counts_the_same_points() {
    for n_draws in [0, 1, 15, 16, 17, 1000, 16_384, 50_001] {
        let plain = count(3, n_draws);
        assert!(plain <= 2 * n_draws);
        assert_eq!(count_lanes(3, 0, n_draws), plain, "{n_draws}");
        assert_eq!(count_threads(3, n_draws), plain, "{n_draws}");
    }
    // Draws are a function of their number: parts of them add up.
    assert_eq!(
        count_lanes(3, 0, 700) + count_lanes(3, 700, 1000),
        count(3, 1000)
    );
}

#[test]
fn a_device_counts_the_same_points() {
    on_device(|device| {
        for n_draws in [0, 1, 257, 20_000] {
            assert_eq!(count_device(device, 3, n_draws).unwrap(), count(3, n_draws));
        }
    });
}

#[test]
fn the_share_is_a_quarter_of_pi() {
    let n_draws = 500_000;
    let n = 2.0 * n_draws as f64;
    let estimate = 4.0 * count_threads(1, n_draws) as f64 / n;
    // Six standard deviations of 1.64 / √n.
    assert!((estimate - std::f64::consts::PI).abs() < 6.0 * 1.65 / n.sqrt());
}
