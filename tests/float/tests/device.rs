//! Every function in the simulator: the same bits as on the host, or within the stated error.

use float_kernels::{conversions, double, fast, integers, rounding, single};
use float_tests::{Kernels, doubles, integers as words, shuffled, singles};

/// The arrays, and two others with the same numbers in another order.
fn inputs(x: Vec<u64>) -> [Vec<u64>; 3] {
    let (y, z) = (shuffled(&x, 3), shuffled(&shuffled(&x, 5), 17));
    [x, y, z]
}

/// The threads of a block.
const THREADS: u32 = 64;

/// Every function of the family gives the same bits in the simulator as on the host.
fn same_bits(
    family: &str,
    names: &[&str],
    call: impl Fn(u32, u64, u64, u64) -> [u64; 2],
    inputs: &[[Vec<u64>; 3]],
) {
    let kernels = Kernels::load();
    let mut wrong = Vec::new();
    for (number, name) in (0..).zip(names) {
        for inputs in inputs {
            let actual = match kernels.map(family, number, inputs, THREADS) {
                Ok(actual) => actual,
                Err(report) => {
                    wrong.push(format!("{name}: {report}"));
                    continue;
                }
            };
            for (i, actual) in actual.into_iter().enumerate() {
                let [x, y, z] = [inputs[0][i], inputs[1][i], inputs[2][i]];
                let expected = call(number, x, y, z);
                if actual != expected {
                    wrong.push(format!(
                        "{name}({x:x}, {y:x}, {z:x}): {actual:x?} instead of {expected:x?}"
                    ));
                    break;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn functions_of_f32() {
    same_bits("single", single::NAMES, single::call, &[inputs(singles())]);
}

#[test]
fn functions_of_f64() {
    same_bits("double", double::NAMES, double::call, &[inputs(doubles())]);
}

#[test]
fn functions_of_integers() {
    same_bits(
        "integers",
        integers::NAMES,
        integers::call,
        &[inputs(words())],
    );
}

#[test]
fn conversions() {
    let all = [inputs(singles()), inputs(doubles()), inputs(words())];
    same_bits("conversions", conversions::NAMES, conversions::call, &all);
}

#[test]
fn directed_rounding() {
    let all = [inputs(singles()), inputs(doubles())];
    same_bits("rounding", rounding::NAMES, rounding::call, &all);
}

/// The error that the documentation of `FastFloat` states, as an absolute one.
fn stated_error(name: &str, x: f32, y: f32, expected: f32) -> f32 {
    let ulps = |n: f32| n * 2f32.powi(-23) * expected.abs().max(f32::MIN_POSITIVE);
    let logarithm = |near: f32, n: f32| {
        if (0.5..=2.0).contains(&x) {
            2f32.powf(near)
        } else {
            ulps(n)
        }
    };
    let powers = |exponent: f32| ulps(2.0 + exponent.abs());
    match name
        .trim_start_matches("<f32 as FastFloat>::fast_")
        .trim_start_matches("intrinsics::fast_")
        .trim_end_matches('f')
    {
        "sin" | "cos" | "sin_cos" | "sincos" => 2f32.powf(-20.5),
        // By the derivatives of the quotient, and its own rounding.
        "tan" => {
            2f32.powf(-20.5) * (1.0 + expected.abs()) * x.cos().abs().recip() * 1.01 + ulps(2.0)
        }
        "exp" => powers(1.2 * x),
        "exp10" => powers(3.0 * x),
        "ln" | "log" => logarithm(-22.5, 3.0),
        "log2" => logarithm(-22.0, 2.0),
        "log10" => logarithm(-23.5, 3.0),
        "pow" => {
            let log = x.log2();
            let error = if (0.5..=2.0).contains(&x) {
                2f32.powi(-22)
            } else {
                2f32.powi(-22) * log.abs()
            };
            ulps(2.0) + expected * y.abs() * (error + 2f32.powi(-24) * log.abs())
        }
        "div" | "fdivide" => ulps(2.0),
        other => panic!("no error is stated for {other}"),
    }
}

#[test]
fn approximations() {
    let kernels = Kernels::load();
    // Where an error is stated: angles within a half turn, positive numbers for the others.
    let numbers: Vec<f32> = singles()
        .into_iter()
        .map(|word| f32::from_bits(word as u32))
        .collect();
    for (number, name) in (0..).zip(fast::NAMES) {
        let angle = ["sin", "cos", "tan"].iter().any(|part| name.contains(part));
        let allowed = |x: &f32| {
            let magnitude = x.abs();
            (1e-30..=if angle { 3.1 } else { 30.0 }).contains(&magnitude)
                && (angle || name.contains("exp") || *x > 0.0)
        };
        let x: Vec<u64> = numbers
            .iter()
            .filter(|x| allowed(x))
            .map(|x| x.to_bits().into())
            .collect();
        assert!(x.len() > 100, "{name} has numbers to be tested with");
        let inputs = inputs(x);
        let results = kernels
            .map("fast", number, &inputs, THREADS)
            .unwrap_or_else(|report| panic!("{name}: {report}"));
        for (i, actual) in results.into_iter().enumerate() {
            let [x, y, z] = [inputs[0][i], inputs[1][i], inputs[2][i]];
            let expected = fast::call(number, x, y, z);
            let float = |word: u64| f32::from_bits(word as u32);
            for (actual, expected) in actual.map(float).into_iter().zip(expected.map(float)) {
                let limit = stated_error(name, float(x), float(y), expected);
                let error = (actual - expected).abs();
                assert!(
                    actual == expected || error <= limit,
                    "{name}({}, {}): {actual} instead of {expected}, off by {error} instead of {limit}",
                    float(x),
                    float(y)
                );
            }
        }
    }
}
