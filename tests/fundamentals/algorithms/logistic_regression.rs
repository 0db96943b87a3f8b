//! `logistic-regression`.

use cpu::fundamentals::algorithms::logistic_regression::{
    OnDevice, Problem, VERSIONS, by_threads, descend, difference, gradient_error, gradient_limit,
    newton, of_score, plain,
};
use gpu::fundamentals::logistic_regression::of_score as of_score_on_device;

use super::random;

/// Features between -1 and 1, and targets that follow `a - 2 b`, with noise.
fn samples(n: usize) -> Vec<f64> {
    let noise = random(n, 17);
    let features = random(2 * n, 18);
    let rows = features.chunks_exact(2).zip(noise);
    rows.flat_map(|(x, noise)| {
        [
            x[0],
            x[1],
            f64::from(u8::from(x[0] - 2.0 * x[1] + noise > 0.0)),
        ]
    })
    .collect()
}

fn solve(problem: &Problem) -> Result<Vec<f64>, String> {
    newton(problem, |problem, w| Ok(by_threads(problem, w)))
        .map(|fit| problem.unscaled(&fit.parameters))
        .map(|(mut weights, bias)| {
            weights.push(bias);
            weights
        })
        .map_err(|error| error.to_string())
}

fn refused(table: &[f64], penalty: f64) -> String {
    match Problem::new(table, 3, penalty) {
        Ok(problem) => solve(&problem).unwrap_err(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_sample_by_itself() {
    for z in [
        -800.0, -709.5, -40.0, -1.0, -1e-9, 0.0, 1e-300, 0.3, 2.0, 36.0, 700.0, 1e9,
    ] {
        for y in [0.0, 1.0] {
            // The loss is the logarithm of one over the probability of the target.
            let [loss, slope, curvature] = of_score(z, y);
            let margin: f64 = if y == 1.0 { z } else { -z };
            let exact = if margin < -30.0 {
                -margin + margin.exp()
            } else {
                (-margin).exp().ln_1p()
            };
            assert!(
                (loss - exact).abs() <= 4.0 * f64::EPSILON * exact.max(1e-300),
                "{z} {y}: {loss}"
            );
            let p = 1.0 / (1.0 + (-z).exp());
            assert!(
                (slope - (p - y)).abs() <= 2.0 * f64::EPSILON,
                "{z} {y}: {slope}"
            );
            assert!((0.0..=0.25).contains(&curvature), "{z} {y}: {curvature}");
            // A device's own series: a few units in the last place, and 0 for what is below 10⁻³⁰⁷.
            for (a, b) in of_score_on_device(z, y)
                .into_iter()
                .zip([loss, slope, curvature])
            {
                let limit = 8.0 * f64::EPSILON * b.abs() + 1e-307;
                assert!((a - b).abs() <= limit, "{z} {y}: {a}, not {b}");
            }
        }
    }
    assert!(of_score(f64::NAN, 1.0)[0].is_nan() && of_score_on_device(f64::NAN, 1.0)[1].is_nan());
}

#[test]
fn the_derivatives_are_those_of_the_loss() {
    let problem = Problem::new(&samples(50), 3, 0.0).unwrap();
    let w = [0.3, -0.8, 0.1];
    let terms = plain(&problem, &w);
    // Central differences: an error of h² by the third derivatives, at most N, and of u L / h.
    let h = 1e-5;
    let limit = 50.0 * (h * h + 16.0 * f64::EPSILON / h);
    for i in 0..3 {
        let at = |h: f64| {
            let mut w = w;
            w[i] += h;
            plain(&problem, &w)
        };
        let (above, below) = (at(h), at(-h));
        let slope = (above.loss - below.loss) / (2.0 * h);
        assert!((slope - terms.gradient[i]).abs() <= limit, "{i}: {slope}");
        for j in 0..3 {
            let slope = (above.gradient[j] - below.gradient[j]) / (2.0 * h);
            let error = (slope - terms.curvature[3 * i + j]).abs();
            assert!(error <= 8.0 * limit, "{i}, {j}: {slope}");
        }
    }
}

#[test]
fn versions_agree_and_devices_too() {
    for n in [2, 5, 64, 501] {
        let mut table = samples(n);
        (table[2], table[5]) = (0.0, 1.0);
        let problem = Problem::new(&table, 3, 1.0).unwrap();
        let w = [0.5, -1.0, 0.25];
        let expected = plain(&problem, &w);
        for (version, terms) in VERSIONS {
            let error = difference(&terms(&problem, &w), &expected);
            assert!(
                error <= gradient_limit(&problem),
                "{version}, {n}: {error:e}"
            );
        }
        crate::device::on_device(|device| {
            let mut on_device = OnDevice::new(device, &problem).unwrap();
            let terms = on_device.terms(&w).unwrap();
            let error = difference(&terms, &expected);
            assert!(error <= gradient_limit(&problem), "device, {n}: {error:e}");
        });
    }
}

#[test]
fn versions_agree_on_any_number_of_columns() {
    for n in [2, 7, 8, 9, 16, 25] {
        // More rows than are weighed at once, and some that are left over.
        let n_rows = 200;
        let mut table = random(n_rows * n, n as u64);
        for (idx, row) in table.chunks_exact_mut(n).enumerate() {
            row[n - 1] = (idx % 2) as f64;
        }
        let problem = Problem::new(&table, n, 1.0).unwrap();
        let w = random(n, 3);
        let expected = plain(&problem, &w);
        let limit = gradient_limit(&problem);
        let found = by_threads(&problem, &w);
        let error = difference(&found, &expected);
        assert!(error <= limit, "{n}: {error:e}");
        for (a, b) in found.gradient.iter().zip(&expected.gradient) {
            // Of N terms, each of which is at most 4 in size.
            assert!((a - b).abs() <= limit * 4.0 * n_rows as f64, "{n}: {a} {b}");
        }
    }
}

#[test]
fn a_closed_form() {
    // One feature of two values: the probabilities are the shares, 1/4 where it is 0 and 2/3 where it is 5.
    let table = [
        [0.0, 0.0],
        [0.0, 0.0],
        [0.0, 0.0],
        [0.0, 1.0],
        [5.0, 1.0],
        [5.0, 1.0],
        [5.0, 0.0],
    ];
    let problem = Problem::new(&table.concat(), 2, 0.0).unwrap();
    let found = solve(&problem).unwrap();
    let (low, high) = ((1.0_f64 / 3.0).ln(), 2.0_f64.ln());
    assert!((found[1] - low).abs() < 1e-12, "{found:?}");
    assert!((found[0] - (high - low) / 5.0).abs() < 1e-12, "{found:?}");
}

#[test]
fn newton_ends_where_the_gradient_is_zero_and_descent_goes_there_too() {
    let table = samples(400);
    for penalty in [0.0, 10.0] {
        let problem = Problem::new(&table, 3, penalty).unwrap();
        let fit = newton(&problem, |problem, w| Ok(by_threads(problem, w))).unwrap();
        let error = gradient_error(&problem, &fit.parameters);
        assert!(error <= gradient_limit(&problem), "{error:e}");
        assert!(fit.losses.len() < 12, "{:?}", fit.losses);
        let best = fit.losses[fit.losses.len() - 1];
        let losses = descend(&problem, 2000, |problem, w| Ok(plain(problem, w))).unwrap();
        assert!(losses.is_sorted_by(|a, b| *b <= a * (1.0 + 400.0 * f64::EPSILON)));
        // The two features are nearly orthogonal: 2000 steps are more than enough.
        assert!(
            (losses[2000] - best).abs() <= 1e-9 * best,
            "{} {best}",
            losses[2000]
        );
    }
}

#[test]
fn units_do_not_count() {
    let table = samples(200);
    let expected = solve(&Problem::new(&table, 3, 0.0).unwrap()).unwrap();
    let scaled: Vec<f64> = table
        .chunks_exact(3)
        .flat_map(|row| [1e6 * row[0] + 1e3, 1e-6 * row[1], row[2]])
        .collect();
    let found = solve(&Problem::new(&scaled, 3, 0.0).unwrap()).unwrap();
    // The offset costs none of the digits of the deviations of 10⁶.
    assert!(
        (found[0] * 1e6 - expected[0]).abs() < 1e-9,
        "{found:?} {expected:?}"
    );
    assert!(
        (found[1] * 1e-6 - expected[1]).abs() < 1e-9,
        "{found:?} {expected:?}"
    );
}

#[test]
fn separable_samples_have_no_best_weights() {
    // A gap between the targets; one sample; a plane on which both lie.
    let gap: Vec<f64> = samples(60)
        .chunks_exact(3)
        .flat_map(|row| [row[0], row[1], f64::from(u8::from(row[0] > 0.1))])
        .collect();
    let two = [0.0, 1.0, 0.0, 1.0, 3.0, 1.0];
    let touching: Vec<f64> = [[-1.0, 0.0], [0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, 1.0]].concat();
    let error = refused(&gap, 0.0);
    assert!(
        error.contains("a plane separates") && error.contains("--penalty"),
        "{error}"
    );
    assert!(
        refused(&two, 0.0).contains("do not tell"),
        "{}",
        refused(&two, 0.0)
    );
    let problem = Problem::new(&touching, 2, 0.0).unwrap();
    let error = solve(&problem).unwrap_err();
    assert!(error.contains("with certainty"), "{error}");
    for (table, n_columns) in [(&gap[..], 3), (&two, 3), (&touching, 2)] {
        let problem = Problem::new(table, n_columns, 0.1).unwrap();
        let fit = newton(&problem, |problem, w| Ok(by_threads(problem, w))).unwrap();
        let error = gradient_error(&problem, &fit.parameters);
        assert!(error <= gradient_limit(&problem), "{error:e}");
    }
}

#[test]
fn what_is_wrong_is_refused() {
    let mut other = samples(20);
    other[8] = 2.0;
    let mut one_class = samples(20);
    one_class
        .iter_mut()
        .skip(2)
        .step_by(3)
        .for_each(|y| *y = 1.0);
    let mut constant = samples(20);
    constant.iter_mut().step_by(3).for_each(|x| *x = 0.1);
    let mut collinear = samples(100);
    collinear
        .chunks_exact_mut(3)
        .for_each(|row| row[1] = 3.0 * row[0] - 1.0);
    for (table, complaint) in [
        (&other, "the target of sample 3 is 2: expected 0 or 1"),
        (&one_class, "all targets are 1"),
        (&constant, "column 1 is constant"),
        (&collinear, "column 2 is a sum of multiples"),
    ] {
        let error = refused(table, 0.0);
        assert!(error.contains(complaint), "{error}");
    }
    // With a penalty a constant column has a weight of 0, and equal ones the same.
    for table in [&constant, &collinear] {
        let found = solve(&Problem::new(table, 3, 1.0).unwrap()).unwrap();
        assert!(found.iter().all(|w| w.is_finite()), "{found:?}");
    }
    assert_eq!(
        solve(&Problem::new(&constant, 3, 1.0).unwrap()).unwrap()[0],
        0.0
    );
}
