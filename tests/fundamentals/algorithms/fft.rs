//! `fft`.

use cpu::fundamentals::algorithms::fft::{
    Plan, Wave, by_definition, inverse, largest_error, strongest, transform,
};
use num_complex::{Complex32, Complex64};
use rustfft::FftPlanner;

/// Powers of two, primes, and what is neither; 17 signals are one more than a vector has lanes.
const LENGTHS: [usize; 13] = [1, 2, 3, 4, 5, 8, 12, 31, 64, 97, 100, 128, 512];
const N_SIGNALS: usize = 17;

fn random(n: usize, seed: u64) -> Vec<Complex32> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut number = || 2.0 * random.f32() - 1.0;
    (0..n).map(|_| Complex32::new(number(), number())).collect()
}

fn wide(x: &[Complex32]) -> Vec<Complex64> {
    x.iter()
        .map(|z| Complex64::new(z.re.into(), z.im.into()))
        .collect()
}

fn expected(x: &[Complex32], n: usize) -> Vec<Complex64> {
    let mut y = wide(x);
    FftPlanner::new().plan_fft_forward(n).process(&mut y);
    y
}

#[test]
fn every_version_agrees_with_rustfft() {
    for n in LENGTHS {
        let x = random(N_SIGNALS * n, n as u64);
        let expected = expected(&x, n);
        let plan = Plan::new(n).unwrap();
        for (version, f) in [
            (
                "plain",
                Plan::one_by_one as fn(&Plan, &[Complex32], &mut [Complex32]),
            ),
            ("lanes", Plan::by_lanes),
            ("threads", Plan::by_threads),
        ] {
            let mut y = vec![Complex32::new(f32::NAN, 0.0); x.len()];
            f(&plan, &x, &mut y);
            let error = largest_error(&y, &expected, n);
            assert!(error <= plan.bound(), "{version}, {n}: {error:e}");
        }
    }
}

#[test]
fn a_device_agrees_with_it_too() {
    crate::device::on_device(|device| {
        for n in [1, 2, 3, 8, 31, 64, 100, 512] {
            let x = random(3 * n, n as u64);
            let plan = Plan::new(n).unwrap();
            let error = largest_error(&plan.on_device(device, &x).unwrap(), &expected(&x, n), n);
            assert!(error <= plan.bound(), "{n}: {error:e}");
        }
        let plan = Plan::new(64).unwrap();
        assert!(plan.on_device(device, &[]).unwrap().is_empty());
        for n in [4096, 1025] {
            let plan = Plan::new(n).unwrap();
            assert!(!plan.fits_a_device());
            let error = plan
                .on_device(device, &random(n, 1))
                .unwrap_err()
                .to_string();
            assert!(error.contains(&n.to_string()), "{error}");
        }
    });
}

#[test]
fn the_definition_and_both_fast_ways_agree_in_double_precision() {
    for n in LENGTHS {
        let x = wide(&random(n, 3));
        let fast = transform(&x);
        let mut theirs = x.clone();
        FftPlanner::new().plan_fft_forward(n).process(&mut theirs);
        let size = x.iter().map(|x| x.norm()).sum::<f64>();
        for ((a, b), c) in by_definition(&x).iter().zip(&fast).zip(&theirs) {
            // Sums of n terms, and twiddles that round twice.
            let limit = 4.0 * (n + 8) as f64 * f64::EPSILON * size;
            assert!(
                (a - b).norm() <= limit && (a - c).norm() <= limit,
                "{n}: {a} {b} {c}"
            );
        }
    }
    assert!(transform::<f64>(&[]).is_empty() && by_definition::<f64>(&[]).is_empty());
}

#[test]
fn the_error_grows_no_faster_than_the_logarithm() {
    // Powers that are multiplied up instead would be off by n u, or 2^18 u here.
    let n = 1 << 18;
    let x = random(n, 5);
    let plan = Plan::new(n).unwrap();
    let mut y = vec![Complex32::ZERO; n];
    plan.by_threads(&x, &mut y);
    let error = largest_error(&y, &expected(&x, n), n);
    assert!(error <= plan.bound() && plan.bound() < 1e-5, "{error:e}");
    let back = inverse(
        |y| {
            let mut x = vec![Complex32::ZERO; n];
            plan.by_lanes(y, &mut x);
            Ok(x)
        },
        &y,
        n,
    );
    // Both ways keep their bounds, and the division rounds once more.
    let error = largest_error(&back.unwrap(), &wide(&x), n);
    assert!(
        error <= 2.0 * plan.bound() + f64::from(f32::EPSILON),
        "{error:e}"
    );
}

#[test]
fn what_is_exact_comes_out_exact() {
    // Of an impulse all are 1, of a constant all but the first are 0: no rounding in either.
    for n in [1, 2, 4, 64] {
        let plan = Plan::new(n).unwrap();
        let mut impulse = vec![Complex32::ZERO; n];
        impulse[0] = Complex32::ONE;
        let constant = vec![Complex32::ONE; n];
        let mut n_at_0 = vec![Complex32::ZERO; n];
        n_at_0[0] = Complex32::from(n as f32);
        let mut y = vec![Complex32::I; n];
        plan.by_lanes(&impulse, &mut y);
        assert_eq!(y, constant);
        plan.by_lanes(&constant, &mut y);
        assert_eq!(y, n_at_0);
    }
}

#[test]
fn nan_stays_in_its_signal() {
    for n in [8, 12] {
        let mut x = random(3 * n, 1);
        x[n + 1].re = f32::NAN;
        let plan = Plan::new(n).unwrap();
        let mut y = vec![Complex32::ZERO; 3 * n];
        plan.by_threads(&x, &mut y);
        for (idx, y) in y.chunks(n).enumerate() {
            assert!(y.iter().all(|y| y.is_nan() == (idx == 1)), "{idx}: {y:?}");
        }
    }
}

#[test]
fn waves_are_found_and_lengths_are_refused() {
    let n = 30;
    let turn = |j: usize, k: usize| (std::f64::consts::TAU * (j * k) as f64 / n as f64).cos();
    let x: Vec<Complex32> = (0..n)
        .map(|j| Complex32::from((4.0 + 2.0 * turn(j, 15) + 3.0 * turn(j, 4)) as f32))
        .collect();
    let waves = strongest(&transform(&x), 2);
    for (
        Wave {
            frequency,
            amplitude,
        },
        expected,
    ) in waves.iter().zip([(4, 3.0), (15, 2.0)])
    {
        assert_eq!(*frequency, expected.0);
        // Numbers of up to 9, a few roundings of each.
        assert!((amplitude - expected.1).abs() < 1e-4, "{amplitude}");
    }
    assert!(strongest(&[Complex32::ONE], 5).is_empty());
    for n in [0, (1 << 20) + 1] {
        assert!(Plan::new(n).is_err_and(|error| error.to_string().contains(&n.to_string())));
    }
}
