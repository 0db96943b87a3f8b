//! Descent, momentum, Adam and BFGS.

use std::fs;

use cpu::fundamentals::calculus::rosenbrock::{
    Path, Stop, Value, adam, bfgs, descent, momentum, rosenbrock,
};

use crate::commands::run;

const FROM: [f64; 2] = [-1.2, 1.0];
const STOP: Stop = Stop {
    gradient: 1e-8,
    n_steps: 100_000,
};

fn end(path: &Path) -> [f64; 2] {
    path.points[path.points.len() - 1]
}

fn distance([x, y]: [f64; 2], [a, b]: [f64; 2]) -> f64 {
    (x - a).hypot(y - b)
}

#[test]
fn the_gradient_is_that_of_the_value() {
    for x in [FROM, [0.0, 0.0], [1.0, 1.0], [0.3, -2.0]] {
        let (_, gradient) = rosenbrock(x);
        // Central differences of a polynomial of degree 4: its third derivatives are at most 2400 |x|.
        let h = 1e-5;
        for axis in 0..2 {
            let at = |step: f64| {
                let mut x = x;
                x[axis] += step;
                rosenbrock(x).0
            };
            let slope = (at(h) - at(-h)) / (2.0 * h);
            let limit = 2400.0 * 2.0 * h * h + 4.0 * f64::EPSILON * rosenbrock(x).0.max(1.0) / h;
            assert!((slope - gradient[axis]).abs() <= limit, "{x:?}, {axis}");
        }
    }
    assert_eq!(rosenbrock([1.0, 1.0]), (0.0, [0.0, 0.0]));
}

/// PyTorch 2.15's SGD, SGD with momentum and Adam in f64, from the same place: where they are after 1, 10 and
/// 100 steps, and how many steps they take until the gradient is short enough.
#[test]
fn the_paths_are_those_of_pytorch() {
    let first = [
        (
            descent(rosenbrock, FROM, 1e-3, STOP),
            43_605,
            [
                [-0.9843999999999999, 1.088],
                [-1.0214113342697504, 1.0512622673760386],
                [-0.9481863785401914, 0.9070941003539366],
            ],
        ),
        (
            momentum(rosenbrock, FROM, [5e-4, 0.95], STOP),
            3912,
            [
                [-1.0922, 1.044],
                [-0.963443349978254, 0.8799544078008952],
                [0.6870753524372457, 0.43527835602839116],
            ],
        ),
        (
            adam(rosenbrock, FROM, 0.02, STOP),
            4398,
            [
                [-1.1800000000009276, 1.0199999999977272],
                [-1.0331395901481448, 1.1666183125850849],
                [-1.0101877939247477, 1.0288669552763474],
            ],
        ),
    ];
    for (path, n_steps, places) in first {
        assert!(path.is_complete);
        // The gradient falls by a few ten-thousandths in a step: rounding shifts the end by one or two.
        let n = path.points.len() - 1;
        assert!(n.abs_diff(n_steps) <= 2, "{n} steps, {n_steps} are right");
        for (step, place) in [1, 10, 100].into_iter().zip(places) {
            // A hundred steps, each rounded a few times, in coordinates of about 1.
            let limit = 16.0 * f64::EPSILON * step as f64;
            let error = distance(path.points[step], place);
            assert!(error <= limit, "step {step}: {error:e}");
        }
    }
}

#[test]
fn bfgs_needs_few_steps_and_its_last_ones_square_the_error() {
    let path = bfgs(rosenbrock, FROM, STOP);
    assert!(path.is_complete);
    // SciPy 1.17's BFGS, which also asks for a flatter slope at the end of a step, takes 34.
    assert!(path.points.len() <= 60, "{} steps", path.points.len());
    let errors: Vec<f64> = (path.points.iter().rev().take(4))
        .map(|&x| distance(x, [1.0, 1.0]))
        .collect();
    for pair in errors.windows(2) {
        assert!(pair[0] <= 0.2 * pair[1], "{errors:?}");
    }
}

/// `(a x² + b y²) / 2`.
fn bowl([a, b]: [f64; 2]) -> impl Fn([f64; 2]) -> Value {
    move |[x, y]| ((a * x * x + b * y * y) / 2.0, [a * x, b * y])
}

#[test]
fn in_a_bowl_each_step_of_descent_shrinks_by_what_theory_says() {
    let stop = Stop {
        gradient: 0.0,
        n_steps: 50,
    };
    let [x, y] = end(&descent(bowl([1.0, 10.0]), [1.0, 1.0], 0.05, stop));
    let expected = [0.95_f64.powi(50), 0.5_f64.powi(50)];
    for (value, expected) in [x, y].into_iter().zip(expected) {
        // Two roundings in each of 50 steps.
        assert!((value / expected - 1.0).abs() <= 100.0 * f64::EPSILON);
    }
    let without = momentum(bowl([1.0, 10.0]), [1.0, 1.0], [0.05, 0.0], stop);
    assert_eq!(end(&without), [x, y], "momentum 0 is descent");
}

#[test]
fn what_has_no_way_down_ends() {
    let flat = |_| (1.0, [0.0, 0.0]);
    let nan = |_| (f64::NAN, [f64::NAN, 1.0]);
    let wall = |_| (0.0, [1.0, 0.0]);
    let infinite = |x: [f64; 2]| (x[0], [1e200, 1e200]);
    assert_eq!(bfgs(flat, FROM, STOP).points, [FROM]);
    assert!(!bfgs(nan, FROM, STOP).is_complete);
    // Its gradient promises a descent that there is not.
    assert!(!bfgs(wall, FROM, STOP).is_complete);
    assert!(!bfgs(infinite, FROM, STOP).is_complete);
    // A rate that is too large.
    let path = descent(rosenbrock, FROM, 1.0, STOP);
    assert!(!path.is_complete && path.points.len() < 20);
}

#[test]
fn the_picture_has_a_line_for_each_method() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("paths.svg");
    let path = file.to_str().unwrap();
    for from in ["-1.2,1", "40,-30"] {
        let (code, stdout, stderr) = run(&["rosenbrock", "--from", from, "--out", path]);
        assert_eq!(code, Some(0), "{stdout}{stderr}");
        let svg = fs::read_to_string(&file).unwrap();
        for name in ["descent", "momentum", "Adam", "BFGS"] {
            assert!(svg.contains(&format!("{name}, ")), "{from}: {name}");
        }
    }
    for (arguments, complaint) in [
        (["--from", "1"], "--from"),
        (["--from", "1e200,1"], "--from"),
        (["--from", "nan,1"], "--from"),
        (["--out", "/nowhere/paths.svg"], "--out"),
        (["--steps", "0"], "--steps"),
    ] {
        let (code, _, stderr) = run(&[&["rosenbrock"], &arguments[..]].concat());
        assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(complaint), "{stderr}");
    }
}
