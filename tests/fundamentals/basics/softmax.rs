//! `softmax`.

use cpu::fundamentals::basics::softmax::{
    log_sum_exp, log_sum_exp_naive, softmax, softmax_device, softmax_naive, softmax_online,
};

use crate::device::on_device;

fn of(f: impl Fn(&[f32], &mut [f32]), x: &[f32]) -> Vec<f32> {
    let mut y = vec![-1.0; x.len()];
    f(x, &mut y);
    y
}

#[test]
fn what_overflows_as_written_does_not_when_done_rightly() {
    assert_eq!(log_sum_exp_naive(&[100.0, 99.0]), f32::INFINITY);
    assert_eq!(log_sum_exp_naive(&[-200.0, -201.0]), f32::NEG_INFINITY);
    assert!(of(softmax_naive, &[100.0, 99.0])[0].is_nan());
    // ln(e^0 + e^-1) = 0.313 261 687 5; two roundings of a number near 100.
    assert!((log_sum_exp(&[100.0, 99.0]) - 100.313_26).abs() < 2e-5);
    assert!((log_sum_exp(&[-200.0, -201.0]) + 199.686_74).abs() < 4e-5);
    for f in [softmax, softmax_online] {
        for offset in [-1e4, -200.0, 0.0, 100.0, 1e4] {
            let y = of(f, &[offset, offset - 1.0]);
            // e^0 and e^-1 of their sum; all offsets are exact, so a few roundings of `f32`.
            assert!(
                (y[0] - 0.731_058_6).abs() < 3e-7 && (y[1] - 0.268_941_4).abs() < 3e-7,
                "{y:?}"
            );
        }
    }
}

#[test]
fn a_device_agrees_on_rows_of_any_length() {
    on_device(|device| {
        let mut random = fastrand::Rng::with_seed(5);
        for n in [1, 2, 31, 100, 257] {
            let x: Vec<f32> = (0..3 * n).map(|_| 20.0 * random.f32() + 500.0).collect();
            let y = softmax_device(device, &x, n).unwrap();
            for (x, y) in x.chunks(n).zip(y.chunks(n)) {
                for (f, what) in [
                    (softmax as fn(&[f32], &mut [f32]), "plain"),
                    (softmax_online, "online"),
                ] {
                    for (a, b) in of(f, x).iter().zip(y) {
                        // Sums of n terms and an exponential, of a few roundings each.
                        let limit = (n as f32 + 10.0) * f32::EPSILON * b;
                        assert!((a - b).abs() <= limit, "{what}, {n}: {a} {b}");
                    }
                }
            }
        }
    });
}

#[test]
fn nothing_infinity_and_nan() {
    assert_eq!(log_sum_exp(&[]), f32::NEG_INFINITY);
    assert_eq!(log_sum_exp(&[f32::NEG_INFINITY; 2]), f32::NEG_INFINITY);
    for f in [softmax, softmax_online] {
        assert!(of(f, &[]).is_empty());
        assert_eq!(of(f, &[7.0]), [1.0]);
        assert_eq!(of(f, &[f32::NEG_INFINITY, 0.0]), [0.0, 1.0]);
        for x in [[1.0, f32::NAN, 2.0], [1.0, f32::INFINITY, 2.0]] {
            assert!(of(f, &x).iter().any(|y| y.is_nan()), "{x:?}");
        }
    }
}
