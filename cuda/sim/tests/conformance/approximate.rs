//! The approximate functions, against doubles, within the errors that the manual states.

use crate::case::{Case, Expected, Kind, open_case};
use crate::exact::{self, BF16, F16, F32, F64, Format};

/// A function of doubles, whose error is below what matters here.
type Function = fn(f64) -> f64;

/// The largest error, of an input and the exact result.
type Error = fn(f64, f64) -> f64;

/// The distance of two singles next to each other at a value.
fn unit(value: f64) -> f64 {
    let exponent = (value.abs().to_bits() >> 52) as i32 - 1023;
    2f64.powi(exponent.clamp(-126, 127) - 23)
}

fn flushed(format: Format, bits: u64, flush: bool) -> u64 {
    if flush { format.flush(bits) } else { bits }
}

/// What the function gives of an input, rounded only where it leaves the format.
fn expected(
    kind: Kind,
    format: Format,
    bits: u64,
    flush: bool,
    f: Function,
    error: Error,
) -> Expected {
    let (value, error) = near(kind, format, bits, flush, f, error);
    Expected::Near { value, error }
}

fn near(
    kind: Kind,
    format: Format,
    bits: u64,
    flush: bool,
    f: Function,
    error: Error,
) -> (f64, f64) {
    let input = exact::value(kind, flushed(format, bits, flush));
    let value = f(input);
    match input.is_infinite() {
        true => (value, error(input, value)),
        false => limited(kind, format, value, error(input, value), flush),
    }
}

/// A value and its error where the format ends: above its largest number and below its normal ones.
fn limited(kind: Kind, format: Format, value: f64, error: f64, flush: bool) -> (f64, f64) {
    let largest = exact::value(kind, format.infinity() - 1);
    let half = (largest - exact::value(kind, format.infinity() - 2)) / 2.0;
    let smallest = exact::value(kind, 1 << format.mantissa);
    if value.abs() >= largest + half {
        (f64::INFINITY.copysign(value), error)
    } else if flush && value.abs() < smallest {
        // A result that is nearly normal may have been rounded up to it.
        let slack = if value.abs() + error >= smallest {
            value.abs() + error
        } else {
            0.0
        };
        (0f64.copysign(value), slack)
    } else if value.abs() < smallest {
        // A result below the normal numbers is rounded to the format's last place.
        (value, error + exact::value(kind, 1))
    } else {
        (value, error)
    }
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    // The manual's bounds. Where it gives one for a range alone, what is outside is held to the
    // bound that it gives there, or to a result that the function can have.
    let table: [(&str, bool, Function, Error); 8] = [
        ("ex2.approx", true, f64::exp2, |_, y| 2.0 * unit(y)),
        ("lg2.approx", true, log2, |x, y| {
            let factor = if (0.5..=2.0).contains(&x) {
                1.0
            } else {
                y.abs()
            };
            2f64.powi(-22) * factor
        }),
        ("sin.approx", true, f64::sin, angle_error),
        ("cos.approx", true, f64::cos, angle_error),
        ("tanh.approx", false, f64::tanh, |_, y| {
            2f64.powi(-11) * y.abs()
        }),
        (
            "rsqrt.approx",
            true,
            |x| 1.0 / x.sqrt(),
            |_, y| 2f64.powf(-22.9) * y,
        ),
        ("rcp.approx", true, |x| 1.0 / x, |_, y| unit(y)),
        ("sqrt.approx", true, f64::sqrt, |_, y| 2f64.powi(-23) * y),
    ];
    for (name, has_flush, f, error) in table {
        for (ftz, flush) in [("", false), (".ftz", true)] {
            if flush && !has_flush {
                continue;
            }
            let text = format!("{name}{ftz}.f32 $d, $a;");
            cases.push(open_case(text, &[Kind::F32], Kind::F32, move |v| {
                expected(Kind::F32, F32, v[0], flush, f, error)
            }));
        }
    }
    quotients(&mut cases);
    halves(&mut cases);
    doubles(&mut cases);
    cases
}

/// The logarithm, of -0 too.
fn log2(x: f64) -> f64 {
    if x == 0.0 {
        f64::NEG_INFINITY
    } else {
        x.log2()
    }
}

fn angle_error(x: f64, _: f64) -> f64 {
    use std::f64::consts::PI;
    if x.abs() <= 2.0 * PI {
        2f64.powf(-20.5)
    } else if x.abs() <= 100.0 * PI {
        2f64.powf(-14.7)
    } else {
        2.0
    }
}

fn quotients(cases: &mut Vec<Case>) {
    for method in ["approx", "full"] {
        for (ftz, flush) in [("", false), (".ftz", true)] {
            let text = format!("div.{method}{ftz}.f32 $d, $a, $b;");
            cases.push(open_case(text, &[Kind::F32; 2], Kind::F32, move |v| {
                let [a, b] =
                    [v[0], v[1]].map(|bits| exact::value(Kind::F32, flushed(F32, bits, flush)));
                let huge = method == "approx" && b.abs() > 2f64.powi(126) && b.is_finite();
                let quotient = match huge {
                    true if !a.is_finite() => f64::NAN,
                    true => 0.0,
                    false => a / b,
                };
                // The manual does not say which zero it is.
                if huge && a.is_finite() {
                    return Expected::Near {
                        value: 0.0,
                        error: f64::MIN_POSITIVE,
                    };
                }
                let error = 2.0 * unit(quotient);
                let (value, error) = match a.is_finite() && b != 0.0 {
                    true => limited(Kind::F32, F32, quotient, error, flush),
                    false => (quotient, error),
                };
                Expected::Near { value, error }
            }));
        }
    }
}

fn halves(cases: &mut Vec<Case>) {
    let f16 = (Kind::F16, Kind::F16x2, F16);
    let bf16 = (Kind::BF16, Kind::BF16x2, BF16);
    let table: [(&str, _, bool, Function, Error); 4] = [
        ("ex2.approx.f16", f16, false, f64::exp2, |_, y| {
            2f64.powf(-9.9) * y
        }),
        ("ex2.approx.ftz.bf16", bf16, true, f64::exp2, |_, y| {
            2f64.powi(-7) * y
        }),
        ("tanh.approx.f16", f16, false, f64::tanh, |_, _| {
            2f64.powf(-10.987)
        }),
        ("tanh.approx.bf16", bf16, false, f64::tanh, |_, _| {
            2f64.powi(-8)
        }),
    ];
    for (text, (kind, pair, format), flush, f, error) in table {
        cases.push(open_case(
            format!("{text} $d, $a;"),
            &[kind],
            kind,
            move |v| expected(kind, format, v[0], flush, f, error),
        ));
        cases.push(open_case(
            format!("{text}x2 $d, $a;"),
            &[pair],
            pair,
            move |v| {
                Expected::NearHalves(
                    [0, 16]
                        .map(|shift| near(kind, format, v[0] >> shift & 0xffff, flush, f, error)),
                )
            },
        ));
    }
}

fn doubles(cases: &mut Vec<Case>) {
    cases.push(open_case(
        "rsqrt.approx.f64 $d, $a;",
        &[Kind::F64],
        Kind::F64,
        |v| {
            let value = 1.0 / f64::from_bits(v[0]).sqrt();
            // The manual has no bound; the function is said to be as good as one of singles.
            Expected::Near {
                value,
                error: 2f64.powf(-22.9) * value.abs(),
            }
        },
    ));
    // Of the upper 32 bits alone, 20 of them a mantissa's.
    let table: [(&str, Function); 2] = [
        ("rcp.approx.ftz.f64", |x| 1.0 / x),
        ("rsqrt.approx.ftz.f64", |x| 1.0 / x.sqrt()),
    ];
    for (text, f) in table {
        cases.push(open_case(
            format!("{text} $d, $a;"),
            &[Kind::F64],
            Kind::F64,
            move |v| {
                let value = f(f64::from_bits(F64.flush(v[0])));
                match value.is_subnormal() {
                    true => Expected::Near {
                        value: 0f64.copysign(value),
                        error: 0.0,
                    },
                    false => Expected::Near {
                        value,
                        error: 2f64.powi(-19) * value.abs(),
                    },
                }
            },
        ));
    }
}
