//! Doubles in the directed rounding modes.

use rustc_apfloat::Float;
use rustc_apfloat::Round;
use rustc_apfloat::ieee::Double;

use super::Rounding;

fn round(rounding: Rounding) -> Round {
    match rounding {
        Rounding::Nearest => Round::NearestTiesToEven,
        Rounding::Zero => Round::TowardZero,
        Rounding::Down => Round::TowardNegative,
        Rounding::Up => Round::TowardPositive,
    }
}

fn soft(value: f64) -> Double {
    Double::from_bits(value.to_bits().into())
}

fn hard(value: Double) -> f64 {
    // The 128 bits that a double is carried in are zero but for the low 64.
    f64::from_bits(value.to_bits() as u64)
}

/// `a + b`
pub(crate) fn add(a: f64, b: f64, rounding: Rounding) -> f64 {
    hard(soft(a).add_r(soft(b), round(rounding)).value)
}

/// `a * b`
pub(crate) fn mul(a: f64, b: f64, rounding: Rounding) -> f64 {
    hard(soft(a).mul_r(soft(b), round(rounding)).value)
}

/// `a * b + c`
pub(crate) fn fma(a: f64, b: f64, c: f64, rounding: Rounding) -> f64 {
    hard(soft(a).mul_add_r(soft(b), soft(c), round(rounding)).value)
}

/// `a / b`
pub(crate) fn div(a: f64, b: f64, rounding: Rounding) -> f64 {
    hard(soft(a).div_r(soft(b), round(rounding)).value)
}

/// The square root of `a`.
pub(crate) fn sqrt(a: f64, rounding: Rounding) -> f64 {
    // Small numbers are scaled by an even power of two, so that the remainder does not underflow:
    // a root is never subnormal, so scaling it back is exact.
    let scale = if a < 2f64.powi(-900) {
        2f64.powi(108)
    } else {
        1.0
    };
    let a = a * scale;
    let root = a.sqrt();
    let remainder = (-root).mul_add(root, a);
    let step = match rounding {
        Rounding::Zero | Rounding::Down if remainder < 0.0 => -1,
        Rounding::Up if remainder > 0.0 => 1,
        _ => 0,
    };
    let root = f64::from_bits(root.to_bits().wrapping_add_signed(step));
    root / scale.sqrt()
}

/// An integer as a double.
pub(crate) fn from_integer(value: i128, rounding: Rounding) -> f64 {
    hard(Double::from_i128_r(value, round(rounding)).value)
}

/// An integer of up to 65 bits as a double rounded to odd, see [`super::add_to_odd`].
pub(crate) fn from_integer_to_odd(value: i128) -> f64 {
    let truncated = from_integer(value, Rounding::Zero);
    let inexact = truncated as i128 != value;
    f64::from_bits(truncated.to_bits() | u64::from(inexact))
}
