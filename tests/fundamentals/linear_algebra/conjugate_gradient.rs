//! `conjugate-gradient`.

use cpu::Result;
use cpu::fundamentals::linear_algebra::conjugate_gradient::{
    Solution, Stop, conjugate_gradient, most_iterations, poisson, residual, residual_limit,
    root_of_condition, solve_on_device, solve_with_threads,
};
use nalgebra::{DMatrix, DVector};

use super::{hilbert, random_f64 as random};

const STOP: Stop = Stop {
    tolerance: 1e-10,
    max_iterations: 1000,
};

/// Calls `test` with each way to solve Poisson's equations, the device's as well.
fn with_every_way(test: impl Fn(&str, &dyn Fn(usize, &[f64], Stop) -> Result<Solution>)) {
    test("plain", &|side, b, stop| {
        conjugate_gradient(b, stop, |p, q| poisson(side, p, q))
    });
    test("threads", &solve_with_threads);
    crate::device::on_device(|device| {
        test("device", &|side, b, stop| {
            solve_on_device(device, side, b, stop)
        });
    });
}

/// The matrix, written down.
fn matrix(side: usize) -> DMatrix<f64> {
    let neighbours = |i: usize, j: usize| {
        let distance = (i / side).abs_diff(j / side) + (i % side).abs_diff(j % side);
        match distance {
            0 => 4.0,
            1 => -1.0,
            _ => 0.0,
        }
    };
    DMatrix::from_fn(side * side, side * side, neighbours)
}

#[test]
fn the_product_is_that_of_the_matrix() {
    for side in [1, 2, 3, 6] {
        let x = random(side * side, 3);
        let mut y = vec![f64::NAN; side * side];
        poisson(side, &x, &mut y);
        let expected = matrix(side) * DVector::from_vec(x);
        for (y, expected) in y.iter().zip(&expected) {
            // Five terms of at most 4.
            assert!((y - expected).abs() <= 10.0 * f64::EPSILON, "{side}");
        }
    }
}

#[test]
fn solutions_are_those_of_nalgebra() {
    with_every_way(|name, solve| {
        for side in [1, 2, 5, 9] {
            let b = random(side * side, 7);
            let solution = solve(side, &b, STOP).unwrap();
            let share = residual(side, &solution.x, &b);
            let limit = residual_limit(&solution, &b, STOP.tolerance);
            assert!(share <= limit, "{name}, {side}: {share}");
            assert!(solution.n_iterations() as f64 <= most_iterations(side, STOP.tolerance));
            let b = DVector::from_vec(b);
            let expected = matrix(side).cholesky().unwrap().solve(&b);
            let error = (DVector::from_vec(solution.x) - &expected).norm();
            // The condition says how much larger an error is than a residual.
            let limit = limit * root_of_condition(side).powi(2) * expected.norm();
            assert!(error <= limit, "{name}, {side}: {error} > {limit}");
        }
    });
}

#[test]
fn the_bound_of_the_steps_is_near() {
    // Every direction is in a random right-hand side, and far fewer steps than points are taken.
    let (side, tolerance) = (40, 1e-8);
    let stop = Stop { tolerance, ..STOP };
    let solution = solve_with_threads(side, &random(side * side, 2), stop).unwrap();
    let (steps, most) = (solution.n_iterations(), most_iterations(side, tolerance));
    assert!(steps as f64 <= most && steps as f64 >= most / 4.0);
    assert_eq!(solution.residuals[0], 1.0);
    assert!(solution.residuals[steps] <= tolerance && solution.residuals[steps - 1] > tolerance);
}

#[test]
fn every_eigenvector_takes_one_step() {
    with_every_way(|name, solve| {
        let side = 8;
        let sine = |place: usize, k: usize| {
            ((place + 1) as f64 * k as f64 * std::f64::consts::PI / 9.0).sin()
        };
        let b: Vec<f64> = (0..64)
            .map(|place| sine(place / side, 2) * sine(place % side, 3))
            .collect();
        let solution = solve(side, &b, STOP).unwrap();
        assert_eq!(solution.n_iterations(), 1, "{name}");
    });
}

#[test]
fn right_hand_sides_of_all_sizes() {
    with_every_way(|name, solve| {
        let none = solve(0, &[], STOP).unwrap();
        assert!(none.x.is_empty() && none.n_iterations() == 0, "{name}");
        let zero = solve(3, &[0.0; 9], STOP).unwrap();
        assert!(zero.x == [0.0; 9] && zero.n_iterations() == 0, "{name}");
        let b = random(16, 1);
        let expected = solve(4, &b, STOP).unwrap();
        // Squares of these overflow or vanish.
        for power in [-900, 900] {
            let scale = 2.0_f64.powi(power);
            let scaled: Vec<f64> = b.iter().map(|b| b * scale).collect();
            let solution = solve(4, &scaled, STOP).unwrap();
            let expected: Vec<f64> = expected.x.iter().map(|x| x * scale).collect();
            assert_eq!(solution.x, expected, "{name}");
        }
    });
}

#[test]
fn threads_change_no_bits() {
    // More points than one thread takes at a time.
    let (side, b) = (130, random(130 * 130, 4));
    let with = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads);
        let pool = pool.build().unwrap();
        pool.install(|| solve_with_threads(side, &b, STOP).unwrap())
    };
    let one = with(1);
    assert_eq!(one, with(3));
    assert!(residual(side, &one.x, &b) <= residual_limit(&one, &b, STOP.tolerance));
}

#[test]
fn other_matrices() {
    // As many steps as there are unknowns, and a few for rounding.
    let n = 5;
    let a = hilbert(n);
    let b = random(n, 1);
    let product = |p: &[f64], q: &mut [f64]| {
        for (row, q) in a.chunks(n).zip(q) {
            *q = row.iter().zip(p).map(|(a, p)| a * p).sum();
        }
    };
    let solution = conjugate_gradient(&b, STOP, product).unwrap();
    assert!(solution.n_iterations() <= 4 * n);
    for (row, b) in a.chunks(n).zip(&b) {
        let product: f64 = row.iter().zip(&solution.x).map(|(a, x)| a * x).sum();
        // The condition is 5e5, and the size of `x` about that of its inverse.
        assert!((product - b).abs() <= 1e-8, "{product}, {b}");
    }
}

#[test]
fn what_has_no_answer_is_refused() {
    with_every_way(|name, solve| {
        let few = Stop {
            max_iterations: 3,
            ..STOP
        };
        for (b, stop, complaint) in [
            (&[1.0, f64::NAN, 0.0, 0.0][..], STOP, "NaN"),
            (&[1.0, f64::INFINITY, 0.0, 0.0], STOP, "inf"),
            (&random(25, 1), few, "after 3 iterations"),
        ] {
            let error = solve(b.len().isqrt(), b, stop).unwrap_err().to_string();
            assert!(error.contains(complaint), "{name}: {error}");
        }
    });
    assert!(solve_with_threads(2, &[1.0], STOP).is_err());
    for factor in [-1.0, 0.0, f64::NAN] {
        let product = |p: &[f64], q: &mut [f64]| {
            for (q, p) in q.iter_mut().zip(p) {
                *q = factor * p;
            }
        };
        let error = conjugate_gradient(&[1.0, 2.0], STOP, product).unwrap_err();
        assert!(error.to_string().contains("not positive definite"));
    }
}
