//! `differences`.

use cpu::fundamentals::calculus::differences::{
    best_central_step, best_forward_step, central, forward,
};

#[test]
fn the_formulas_are_exact_where_theory_says() {
    // Differences of a line and, about its middle, of a parabola have no error but rounding; steps of
    // powers of two do not even round.
    assert_eq!(forward(|x| 3.0 * x + 1.0, 2.0, 0.25), 3.0);
    assert_eq!(central(|x| x * x, 3.0, 0.5), 6.0);
    assert_eq!(forward(|x| x * x, 3.0, 0.5), 6.5);
}

type Formula = fn(fn(f64) -> f64, f64, f64) -> f64;

#[test]
fn the_best_step_is_better_than_ten_times_more_or_less() {
    for x in [-3.0, 0.5, 2.0] {
        // Rounding is a matter of luck at a single place: the mean of many of them is not.
        let mean_error = |formula: Formula, h: f64| {
            let places = (0..200).map(|i| x + f64::from(i) * 1e-3);
            let errors = places.map(|x| (formula(f64::exp, x, h) - x.exp()).abs() / x.exp());
            errors.sum::<f64>() / 200.0
        };
        let forward = |f: fn(f64) -> f64, x, h| forward(f, x, h);
        let central = |f: fn(f64) -> f64, x, h| central(f, x, h);
        let best = best_forward_step(x.exp(), x.exp());
        assert!(mean_error(forward, best) < mean_error(forward, 10.0 * best));
        assert!(mean_error(forward, best) < mean_error(forward, best / 10.0));
        let best = best_central_step(x.exp(), x.exp());
        assert!(mean_error(central, best) < mean_error(central, 10.0 * best));
        assert!(mean_error(central, best) < mean_error(central, best / 10.0));
    }
}
