//! The functions of `f64` against values of mpmath: `reference.txt`, made by `reference.py`.

use cuda_std::intrinsics as raw;

enum Function {
    Of1(fn(f64) -> f64),
    Of2(fn(f64, f64) -> f64),
}
use Function::{Of1, Of2};

/// How an error is counted.
enum Unit {
    /// In units in the last place of the true value.
    Relative,
    /// In those of 1 for values below 1: the function has zeros that are not numbers, and near them
    /// no more digits than elsewhere.
    Absolute,
}
use Unit::{Absolute, Relative};

fn powi(x: f64, n: f64) -> f64 {
    raw::powi(x, n as i32)
}

fn jn(n: f64, x: f64) -> f64 {
    raw::jn(n as i32, x)
}

fn yn(n: f64, x: f64) -> f64 {
    raw::yn(n as i32, x)
}

fn log(x: f64, base: f64) -> f64 {
    cuda_std::GpuFloat::log(x, base)
}

/// Each function with the largest error that it may have: the largest among 2000 points instead of
/// the 150 of the file, rounded up.
const FUNCTIONS: &[(&str, Function, Unit, f64)] = &[LIMITS];

#[test]
fn functions_of_f64_are_as_exact_as_stated() {
    let text = include_str!("../reference.txt");
    let mut points = 0;
    let mut seen = 0;
    let mut current = None;
    let mut failures = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        if let [name] = words[..] {
            let function = FUNCTIONS.iter().find(|(known, ..)| *known == name);
            current = Some(function.unwrap_or_else(|| panic!("{name} has no limit")));
            seen += 1;
            continue;
        }
        let (name, function, unit, limit) = current.expect("a name comes first");
        let float = |word: &str| f64::from_bits(u64::from_str_radix(word, 16).expect("digits"));
        let (actual, expected) = match (function, &words[..]) {
            (Of1(function), [x, value, _]) => (function(float(x)), float(value)),
            (Of2(function), [x, y, value, _]) => (function(float(x), float(y)), float(value)),
            _ => panic!("{name}: a line of {} words", words.len()),
        };
        let lacks: f64 = words[words.len() - 1].parse::<f64>().expect("a number") / 100.0;
        let error = error_in_ulps(actual, expected, lacks, unit);
        if !(error <= *limit) {
            failures.push(format!("{name}: off by {error} ulp: {actual:e} for {line}"));
        }
        points += 1;
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(seen, FUNCTIONS.len(), "the file has every function");
    assert!(points >= 150 * seen, "{points} points are too few");
}

/// The distance from the true value, which is `expected` and `lacks` of its units more.
fn error_in_ulps(actual: f64, expected: f64, lacks: f64, unit: &Unit) -> f64 {
    if expected.is_nan() && actual.is_nan() || actual == expected && expected.is_infinite() {
        return 0.0;
    }
    // What overflows by its rounding error is half an ulp beyond the largest number.
    let finite = |x: f64| x.clamp(-f64::MAX, f64::MAX);
    if actual.is_nan() || expected.is_nan() {
        return f64::INFINITY;
    }
    let magnitude = expected.abs().clamp(f64::MIN_POSITIVE, f64::MAX);
    let ulp = magnitude.next_up() - magnitude;
    let unit = match unit {
        Relative => ulp,
        Absolute => ulp.max(f64::EPSILON / 2.0),
    };
    ((finite(actual) - finite(expected)) / unit - lacks * (ulp / unit)).abs()
}
