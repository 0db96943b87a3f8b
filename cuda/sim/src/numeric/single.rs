//! Singles in the directed rounding modes.
//!
//! Each is computed as a double, which has more than twice a single's bits, and then rounded once as
//! asked. `.rn` is the host's own operation wherever there is a choice.

use super::{Rounding, add_to_odd};

/// A double rounded to a single.
#[inline(always)]
pub(crate) fn from_double(value: f64, rounding: Rounding) -> f32 {
    let nearest = value as f32;
    let back = f64::from(nearest);
    let (too_low, too_high) = (back < value, back > value);
    let step = match rounding {
        Rounding::Nearest => 0,
        Rounding::Zero => -i32::from(if value > 0.0 { too_high } else { too_low }),
        Rounding::Down => -direction(value) * i32::from(too_high),
        Rounding::Up => direction(value) * i32::from(too_low),
    };
    // The bits of a number and of its neighbour away from zero differ by one, also where the number
    // is a zero or its neighbour infinity.
    f32::from_bits(nearest.to_bits().wrapping_add_signed(step))
}

#[inline(always)]
fn direction(value: f64) -> i32 {
    if value > 0.0 { 1 } else { -1 }
}

/// A double rounded to odd: towards zero, and the last bit is set if that was not exact.
#[inline(always)]
pub(crate) fn from_double_to_odd(value: f64) -> f32 {
    let truncated = from_double(value, Rounding::Zero);
    let inexact = f64::from(truncated) < value || f64::from(truncated) > value;
    f32::from_bits(truncated.to_bits() | u32::from(inexact))
}

/// `a + b`
#[inline(always)]
pub(crate) fn add(a: f32, b: f32, rounding: Rounding) -> f32 {
    sum(f64::from(a), f64::from(b), rounding)
}

/// `a * b`
#[inline(always)]
pub(crate) fn mul(a: f32, b: f32, rounding: Rounding) -> f32 {
    // 48 bits: exact.
    from_double(f64::from(a) * f64::from(b), rounding)
}

/// `a * b + c`
#[inline(always)]
pub(crate) fn fma(a: f32, b: f32, c: f32, rounding: Rounding) -> f32 {
    sum(f64::from(a) * f64::from(b), f64::from(c), rounding)
}

#[inline(always)]
fn sum(a: f64, b: f64, rounding: Rounding) -> f32 {
    let sum = add_to_odd(a, b);
    // What cancels is +0, but -0 if it was rounded down.
    let cancels = sum == 0.0 && a.is_sign_negative() != b.is_sign_negative();
    let sum = if cancels && rounding == Rounding::Down {
        -0.0
    } else {
        sum
    };
    from_double(sum, rounding)
}

/// `a / b`
#[inline(always)]
pub(crate) fn div(a: f32, b: f32, rounding: Rounding) -> f32 {
    // A quotient that is no single is further from each of them, relatively by 2^-48, than it is
    // from the nearest double: that one lies on the same side of them all.
    from_double(f64::from(a) / f64::from(b), rounding)
}

/// The square root of `a`.
#[inline(always)]
pub(crate) fn sqrt(a: f32, rounding: Rounding) -> f32 {
    // As of a quotient, by 2^-49.
    from_double(f64::from(a).sqrt(), rounding)
}
