//! `newton`.

use cpu::fundamentals::calculus::newton::{newton, polynomial};

#[test]
fn digits_double() {
    // Newton's own example, x³ - 2 x - 5; its root is in the sequence A007493.
    let path = newton(|x| polynomial(&[1.0, 0.0, -2.0, -5.0], x), 2.0).unwrap();
    let root = 2.094_551_481_542_326_5;
    assert!((path[path.len() - 1] - root).abs() < 1e-15);
    let errors: Vec<f64> = path.iter().map(|x| (x - root).abs()).collect();
    for pair in errors.windows(2).filter(|pair| pair[1] > 1e-14) {
        // f'' / 2 f' is 0.56 there.
        assert!(pair[1] < 0.7 * pair[0] * pair[0], "{errors:?}");
    }
}

#[test]
fn horner_gives_value_and_slope() {
    assert_eq!(polynomial(&[2.0, -3.0, 1.0], 3.0), [10.0, 9.0]);
    assert_eq!(polynomial(&[], 3.0), [0.0, 0.0]);
    assert_eq!(polynomial(&[7.0], 3.0), [7.0, 0.0]);
}

#[test]
fn from_far_away_and_to_double_roots() {
    let path = newton(|x| [x.atan(), 1.0 / (1.0 + x * x)], 20.0).unwrap();
    assert_eq!(path[path.len() - 1], 0.0);
    // (x - 1)²: the error is halved in each step, and the root known to half of the digits.
    let path = newton(|x| polynomial(&[1.0, -2.0, 1.0], x), 3.0).unwrap();
    assert!((path[path.len() - 1] - 1.0).abs() < 1e-7);
}

#[test]
fn what_has_no_root_is_an_error() {
    for (coefficients, from) in [
        (&[1.0, 0.0, 1.0][..], 0.0),
        (&[1.0, 0.0, 1.0], 0.7),
        (&[3.0], 1.0),
        (&[1.0, 0.0], f64::NAN),
        (&[1.0, 0.0], f64::INFINITY),
    ] {
        let error = newton(|x| polynomial(coefficients, x), from).unwrap_err();
        assert!(error.to_string().contains("no root"), "{error}");
    }
    assert_eq!(newton(|x| polynomial(&[], x), 5.0).unwrap(), [5.0]);
}
