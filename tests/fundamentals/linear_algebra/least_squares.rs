//! `least-squares`.

use cpu::Result;
use cpu::fundamentals::linear_algebra::least_squares::Equations;
use nalgebra::{DMatrix, DVector};

use super::random_f64;

fn random(n_columns: usize, n_rows: usize) -> Vec<Vec<f64>> {
    let numbers = random_f64(n_columns * n_rows, n_rows as u64);
    numbers.chunks(n_rows).map(<[f64]>::to_vec).collect()
}

/// Calls `test` with each way to solve equations, the device's as well.
fn with_every_way(test: impl Fn(&str, &dyn Fn(&Equations) -> Result<Vec<f64>>)) {
    test("plain", &Equations::solve);
    test("threads", &Equations::solve_with_threads);
    crate::device::on_device(|device| {
        test("device", &|equations| equations.solve_on_device(device));
    });
}

#[test]
fn residuals_are_orthogonal() {
    with_every_way(|name, solve| {
        for [n_rows, n_unknowns] in [[1, 1], [2, 2], [9, 1], [40, 7], [30, 30], [300, 5]] {
            let equations = Equations::new(&random(n_unknowns + 1, n_rows)).unwrap();
            let x = solve(&equations).unwrap();
            assert_eq!(x.len(), n_unknowns);
            let share = equations.error(&x);
            assert!(share <= 1.0, "{name}, {n_rows} x {n_unknowns}: {share}");
        }
    });
}

#[test]
fn the_bound_holds_for_small_ones() {
    for seed in 0..500 {
        for [m, n] in [[1, 1], [2, 1], [2, 2], [3, 2]] {
            let columns: Vec<Vec<f64>> = random_f64(m * (n + 1), seed)
                .chunks(m)
                .map(<[f64]>::to_vec)
                .collect();
            let equations = Equations::new(&columns).unwrap();
            let share = equations.error(&equations.solve().unwrap());
            assert!(share <= 1.0, "{m} x {n}, {seed}: {share}");
        }
    }
}

#[test]
fn solutions_are_those_of_nalgebra() {
    with_every_way(|name, solve| {
        let (m, n) = (50, 6);
        let columns = random(n + 1, m);
        let x = solve(&Equations::new(&columns).unwrap()).unwrap();
        let a = DMatrix::from_vec(m, n, columns[..n].concat());
        let svd = a.svd(true, true);
        let expected = svd
            .solve(&DVector::from_row_slice(&columns[n]), 0.0)
            .unwrap();
        let values = &svd.singular_values;
        // Both are next to it by this share of each column, whose effect the condition multiplies, and
        // squares where the residual is as large as the right-hand side.
        let condition = values.max() / values.min();
        let limit = 2.0 * (m * n) as f64 * f64::EPSILON * condition * condition * expected.norm();
        let error = (DVector::from_vec(x) - expected).norm();
        assert!(error <= limit, "{name}: {error}, at most {limit}");
    });
}

#[test]
fn sizes_do_not_count() {
    with_every_way(|name, solve| {
        let columns = random(4, 9);
        let expected = solve(&Equations::new(&columns).unwrap()).unwrap();
        // Squares of these overflow or vanish.
        let powers = [600, -700, 0, 100];
        let scaled: Vec<Vec<f64>> = columns
            .iter()
            .zip(powers)
            .map(|(column, power)| column.iter().map(|x| x * 2.0_f64.powi(power)).collect())
            .collect();
        let equations = Equations::new(&scaled).unwrap();
        let x = solve(&equations).unwrap();
        for ((x, expected), power) in x.iter().zip(expected).zip(powers) {
            assert_eq!(*x, expected * 2.0_f64.powi(100 - power), "{name}");
        }
        assert!(equations.error(&x) <= 1.0, "{name}");
        // 1e-300 x = 1e300.
        let equations = Equations::new(&[vec![1e-300], vec![1e300]]).unwrap();
        let error = solve(&equations).unwrap_err().to_string();
        assert!(error.contains("beyond the largest"), "{name}: {error}");
    });
}

#[test]
fn a_right_hand_side_of_zeros() {
    with_every_way(|name, solve| {
        let mut columns = random(4, 9);
        columns[3].fill(0.0);
        let equations = Equations::new(&columns).unwrap();
        let x = solve(&equations).unwrap();
        assert!(
            x.iter().all(|&x| x == 0.0) && equations.error(&x) == 0.0,
            "{name}"
        );
    });
}

#[test]
fn a_line_through_points() {
    with_every_way(|name, solve| {
        // 2 + 3 t and a deviation that is orthogonal to 1 and t.
        let t: Vec<f64> = (0..4).map(f64::from).collect();
        let deviation = [1.0, -3.0, 3.0, -1.0];
        let y = t.iter().zip(deviation).map(|(t, d)| 2.0 + 3.0 * t + d);
        let columns = [vec![1.0; 4], t.clone(), y.collect()];
        let x = solve(&Equations::new(&columns).unwrap()).unwrap();
        // A few roundings of numbers up to 11.
        assert!(
            (x[0] - 2.0).abs() < 1e-14 && (x[1] - 3.0).abs() < 1e-14,
            "{name}: {x:?}"
        );
    });
}

#[test]
fn columns_that_are_nearly_equal_keep_their_digits() {
    with_every_way(|name, solve| {
        // AᵀA of these is singular in f64, and its way to the solution has none.
        let e = 1e-9;
        let columns = [vec![1.0, e, 0.0], vec![1.0, 0.0, e], vec![2.0, e, e]];
        let x = solve(&Equations::new(&columns).unwrap()).unwrap();
        // The condition is 2e9, and u times that 2e-7.
        assert!(
            (x[0] - 1.0).abs() < 1e-6 && (x[1] - 1.0).abs() < 1e-6,
            "{name}: {x:?}"
        );
    });
}

#[test]
fn what_has_no_one_solution_is_refused() {
    with_every_way(|name, solve| {
        for columns in [
            [
                vec![1.0, 2.0, 3.0],
                vec![2.0, 4.0, 6.0],
                vec![1.0, 0.0, 0.0],
            ],
            [vec![0.0; 3], vec![1.0, 4.0, 6.0], vec![1.0, 0.0, 0.0]],
            [vec![0.0; 3], vec![0.0; 3], vec![0.0; 3]],
        ] {
            let equations = Equations::new(&columns).unwrap();
            let error = solve(&equations).unwrap_err().to_string();
            assert!(error.contains("depends on"), "{name}: {error}");
        }
    });
    for columns in [
        vec![],
        vec![vec![1.0, 2.0]],
        vec![vec![1.0], vec![2.0], vec![3.0]],
        vec![vec![f64::NAN, 1.0], vec![2.0, 1.0]],
        vec![vec![1.0, 1.0], vec![2.0, f64::INFINITY]],
        vec![vec![1.0, 1.0], vec![2.0]],
    ] {
        assert!(Equations::new(&columns).is_err(), "{columns:?}");
    }
}
