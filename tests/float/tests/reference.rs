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
const FUNCTIONS: &[(&str, Function, Unit, f64)] = &[
    ("acos", Of1(raw::acos), Relative, 0.8),
    ("acosh", Of1(raw::acosh), Relative, 1.1),
    ("asin", Of1(raw::asin), Relative, 0.9),
    ("asinh", Of1(raw::asinh), Relative, 1.1),
    ("atan", Of1(raw::atan), Relative, 0.7),
    ("atan2", Of2(raw::atan2), Relative, 1.1),
    ("atanh", Of1(raw::atanh), Relative, 1.3),
    ("cbrt", Of1(raw::cbrt), Relative, 0.6),
    ("cos", Of1(raw::cos), Relative, 0.7),
    ("cosh", Of1(raw::cosh), Relative, 1.2),
    ("cospi", Of1(raw::cospi), Relative, 1.1),
    ("erf", Of1(raw::erf), Relative, 0.8),
    ("erfc", Of1(raw::erfc), Relative, 2.2),
    ("erfcinv", Of1(raw::erfcinv), Relative, 4.1),
    ("erfcx", Of1(raw::erfcx), Relative, 2.7),
    ("erfinv", Of1(raw::erfinv), Relative, 5.3),
    ("exp", Of1(raw::exp), Relative, 0.8),
    ("exp10", Of1(raw::exp10), Relative, 2.6),
    ("exp2", Of1(raw::exp2), Relative, 0.6),
    ("exp_m1", Of1(raw::expm1), Relative, 0.8),
    ("hypot", Of2(raw::hypot), Relative, 0.8),
    ("j0", Of1(raw::j0), Absolute, 1.9),
    ("j1", Of1(raw::j1), Absolute, 1.7),
    ("jn", Of2(jn), Absolute, 3.3),
    ("lgamma", Of1(raw::lgamma), Absolute, 2.1),
    ("ln", Of1(raw::log), Relative, 0.7),
    ("ln_1p", Of1(raw::log1p), Relative, 0.8),
    ("log", Of2(log), Relative, 2.2),
    ("log10", Of1(raw::log10), Relative, 0.6),
    ("log2", Of1(raw::log2), Relative, 0.6),
    ("normcdf", Of1(raw::normcdf), Relative, 3.0),
    ("normcdfinv", Of1(raw::normcdfinv), Relative, 3.5),
    ("powf", Of2(raw::pow), Relative, 0.8),
    ("powi", Of2(powi), Relative, 1.1),
    ("rcbrt", Of1(raw::rcbrt), Relative, 1.3),
    ("rsqrt", Of1(raw::rsqrt), Relative, 1.5),
    ("sin", Of1(raw::sin), Relative, 0.7),
    ("sinh", Of1(raw::sinh), Relative, 1.6),
    ("sinpi", Of1(raw::sinpi), Relative, 1.1),
    ("tan", Of1(raw::tan), Relative, 0.8),
    ("tanh", Of1(raw::tanh), Relative, 1.6),
    ("tgamma", Of1(raw::tgamma), Relative, 6.1),
    ("y0", Of1(raw::y0), Absolute, 3.3),
    ("y1", Of1(raw::y1), Absolute, 2.5),
    ("yn", Of2(yn), Absolute, 5.9),
];

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
