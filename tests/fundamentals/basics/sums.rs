//! `sums`.

use cpu::fundamentals::basics::sums::{
    compensated, compensated_device, compensated_lanes, compensated_threads, naive, pairwise,
};
use num_bigint::BigInt;

use crate::device::on_device;

type Sum = fn(&[f32]) -> f32;

const WAYS: [(&str, Sum); 5] = [
    ("naive", naive),
    ("pairwise", pairwise),
    ("compensated", compensated),
    ("compensated, SIMD", compensated_lanes),
    ("compensated, threads", compensated_threads),
];

/// The exact sum, by integers: every finite `f32` is one times `2⁻¹⁴⁹`.
fn exact(values: &[f32]) -> f64 {
    let sum: BigInt = values
        .iter()
        .map(|&value| {
            let bits = value.to_bits();
            let exponent = bits >> 23 & 0xff;
            let mantissa = bits & 0x7f_ffff | if exponent > 0 { 1 << 23 } else { 0 };
            let size = BigInt::from(mantissa) << (exponent.max(1) - 1);
            if value.is_sign_negative() {
                -size
            } else {
                size
            }
        })
        .sum();
    let (sign, digits) = sum.into_parts();
    // 64 leading bits are more than an f64 has.
    let shift = digits.bits().saturating_sub(64);
    let leading = u64::try_from(&(digits >> shift)).expect("so many bits are left") as f64;
    let size = leading * 2.0_f64.powi(shift as i32 - 149);
    if sign == num_bigint::Sign::Minus {
        -size
    } else {
        size
    }
}

/// By how much the errors of `n` additions grow: at most by `n`, and those of random numbers, which are
/// random, beyond eight times `√n` once in 10¹³ sums.
fn growth(n: f64) -> f64 {
    n.min(8.0 * n.sqrt())
}

fn random(n: usize, seed: u64) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..n)
        .map(|_| {
            random.f32()
                * 2.0_f32.powi(random.i32(-20..20))
                * if random.bool() { 1.0 } else { -1.0 }
        })
        .collect()
}

#[test]
fn every_way_keeps_its_bound() {
    for n in [0, 1, 2, 63, 64, 65, 1000, 200_001] {
        let values = random(n, n as u64);
        let exact = exact(&values);
        let sum_of_sizes: f64 = values.iter().map(|&value| f64::from(value.abs())).sum();
        let (n, unit) = (n as f64, 2.0_f64.powi(-24));
        let growth = growth(n);
        for (what, sum) in WAYS {
            let relative = match what {
                "naive" => growth * unit,
                "pairwise" => (128.0 + n.max(1.0).log2()) * unit,
                _ => growth * growth * unit * unit,
            };
            // The result's own rounding comes on top.
            let limit = relative * sum_of_sizes + unit * exact.abs();
            let error = (f64::from(sum(&values)) - exact).abs();
            assert!(error <= limit, "{what} of {n}: {error:e}, not {limit:e}");
        }
    }
}

#[test]
fn what_cancels_is_lost_without_compensation() {
    let values = [1e8, 1.0, -1e8, 1e-3];
    assert_eq!(naive(&values), 1e-3);
    for (what, sum) in &WAYS[2..] {
        assert_eq!(sum(&values), 1.001, "{what}");
    }
}

#[test]
fn infinity_and_nan_stay_what_they_are() {
    for (what, sum) in WAYS {
        assert!(sum(&[1.0, f32::NAN, 2.0]).is_nan(), "{what}");
        assert!(sum(&[f32::INFINITY, f32::NEG_INFINITY]).is_nan(), "{what}");
        // The compensation of an infinite sum is infinity minus infinity.
        let infinite = sum(&[f32::INFINITY, 1.0]);
        assert!(infinite == f32::INFINITY, "{what}: {infinite}");
        let overflowing = sum(&[f32::MAX, f32::MAX]);
        assert!(overflowing == f32::INFINITY, "{what}: {overflowing}");
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let values = random(300_000, 7);
    let with = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n_threads)
            .build();
        pool.unwrap().install(|| compensated_threads(&values))
    };
    assert_eq!(with(1).to_bits(), with(3).to_bits());
}

#[test]
fn a_device_sums_as_exactly() {
    on_device(|device| {
        for n in [0, 1, 255, 256, 1000, 4096, 70_001] {
            let values = random(n, n as u64);
            let exact = exact(&values);
            let sum_of_sizes: f64 = values.iter().map(|&value| f64::from(value.abs())).sum();
            let limit =
                (n * n) as f64 * 2.0_f64.powi(-48) * sum_of_sizes + 2.0_f64.powi(-24) * exact.abs();
            let sum = compensated_device(device, &values).unwrap();
            let error = (f64::from(sum) - exact).abs();
            assert!(error <= limit, "{n}: {error:e}, not {limit:e}");
        }
        assert!(
            compensated_device(device, &[1.0, f32::NAN])
                .unwrap()
                .is_nan()
        );
    });
}
