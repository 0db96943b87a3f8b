//! Logarithms and the inverse hyperbolic functions, which are logarithms.

use core::f32::consts;

use super::exponential::{LN_2_HIGH, LN_2_LOW};
use super::{fast_two_sum, fma, polynomial, sqrt, two_product, two_sum};

// What the constants of `core` lack of the true values.
const LOG2_E_LOW: f32 = 1.925_963e-8;
const LOG10_E_LOW: f32 = -1.010_305e-8;
const LOG10_2_LOW: f32 = -1.432_098_9e-8;

/// The logarithm, to any base above 1, of what is not a positive finite number.
#[inline(always)]
fn special(x: f32) -> Option<f32> {
    if x > 0.0 && x < f32::INFINITY {
        return None;
    }
    // 0 gives -inf, infinity itself; below 0 and NaN give NaN.
    Some(if x == 0.0 {
        f32::NEG_INFINITY
    } else if x > 0.0 {
        x
    } else {
        f32::NAN
    })
}

/// `x = 2^e m` with `m` in `[sqrt(1/2), sqrt 2)`: `(e, m)`. `x` is a normal number.
#[inline(always)]
fn split_normal(x: f32) -> (i32, f32) {
    // The exponent counts from sqrt(1/2), whose bits are these.
    const SQRT_HALF_BITS: u32 = 0x3f35_04f3;
    let e = (x.to_bits().wrapping_sub(SQRT_HALF_BITS) as i32) >> 23;
    (
        e,
        f32::from_bits(x.to_bits().wrapping_sub((e << 23) as u32)),
    )
}

/// [`split_normal`] for any positive number: `(e, m - 1)`.
#[inline(always)]
pub(super) fn split(x: f32) -> (f32, f32) {
    // A subnormal is scaled to a normal number first.
    let subnormal = x < f32::MIN_POSITIVE;
    let x = if subnormal { x * 8_388_608.0 } else { x };
    let offset = if subnormal { -23 } else { 0 };
    let (e, m) = split_normal(x);
    ((e + offset) as f32, m - 1.0)
}

/// `ln(1 + z) - z + z²/2` for `1 + z` in `[sqrt(1/2), sqrt 2)`.
///
/// Coefficients: Cephes, `logf`.
#[inline(always)]
fn cubic_tail(z: f32) -> f32 {
    let tail = polynomial(
        z,
        [
            3.333_333e-1,
            -2.499_999_4e-1,
            2.000_071_4e-1,
            -1.666_805_8e-1,
            1.424_932_3e-1,
            -1.242_014_1e-1,
            1.167_699_9e-1,
            -1.151_461e-1,
            7.037_683_6e-2,
        ],
    );
    tail * z * (z * z)
}

/// `e ln 2 + ln(1 + z + z_low)`.
#[inline(always)]
fn join(e: f32, z: f32, z_low: f32) -> f32 {
    let tail = fma(e, LN_2_LOW, cubic_tail(z));
    let tail = fma(-0.5, z * z, tail) + fma(-z, z_low, z_low);
    fma(e, LN_2_HIGH, z + tail)
}

/// `ln x = e ln 2 + ln m` with `m` in `[sqrt(1/2), sqrt 2)`. To 0.83 ulp.
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    if let Some(result) = special(x) {
        return result;
    }
    let (e, z) = split(x);
    let tail = fma(e, LN_2_LOW, cubic_tail(z));
    let tail = fma(-0.5, z * z, tail);
    fma(e, LN_2_HIGH, z + tail)
}

/// `log2 x = e + ln(m) / ln 2`.
#[inline]
pub fn log2(x: f32) -> f32 {
    if let Some(result) = special(x) {
        return result;
    }
    let (e, z) = split(x);
    let tail = fma(-0.5, z * z, cubic_tail(z));
    let low = fma(tail, consts::LOG2_E, z * LOG2_E_LOW);
    fma(z, consts::LOG2_E, low) + e
}

/// `log10 x = e log10(2) + ln(m) / ln 10`.
#[inline]
pub fn log10(x: f32) -> f32 {
    if let Some(result) = special(x) {
        return result;
    }
    let (e, z) = split(x);
    let tail = fma(-0.5, z * z, cubic_tail(z));
    let low = fma(tail, consts::LOG10_E, fma(z, LOG10_E_LOW, e * LOG10_2_LOW));
    fma(e, consts::LOG10_2, fma(z, consts::LOG10_E, low))
}

/// The logarithm to a base: a quotient of two logarithms, which are held to 48 bits.
#[inline]
pub fn log(x: f32, base: f32) -> f32 {
    if special(x).is_some() || special(base).is_some() || base == 1.0 {
        return ln(x) / ln(base);
    }
    let (high, low) = extended_log2(x);
    let (base_high, base_low) = extended_log2(base);
    let quotient = high / base_high;
    let rest = fma(-quotient, base_high, high);
    let rest = fma(-quotient, base_low, low) + rest;
    quotient + rest / base_high
}

/// `log2 x` of a positive finite number as the sum of two, to 2^-34 of it.
///
/// `ln m = 2 atanh(s)` with `s = (m - 1) / (m + 1)`, whose series begins `s + s³/3`; these terms
/// carry their rounding errors along. Coefficients: a minimax fit of the rest.
#[inline]
pub(super) fn extended_log2(x: f32) -> (f32, f32) {
    let (e, z) = split(x);
    let (sum, sum_low) = fast_two_sum(2.0, z);
    let reciprocal = 1.0 / sum;
    let s = z * reciprocal;
    let s_low = fma(-s, sum_low, fma(-s, sum, z)) * reciprocal;
    let (square, square_low) = two_product(s, s);
    let square_low = fma(2.0 * s, s_low, square_low);
    let tail = polynomial(square, [0.200_000_08, 0.142_810_84, 0.115_251_42]);
    // atanh(s) = s (1 + square · factor)
    let (factor, factor_low) = fast_two_sum(0.333_333_34, super::mul(square, tail));
    let factor_low = factor_low - 9.934_108e-9;
    let (w, w_low) = two_product(square, factor);
    let w_low = fma(square, factor_low, fma(square_low, factor, w_low));
    let (cubic, cubic_low) = two_product(s, w);
    let cubic_low = fma(s, w_low, fma(s_low, w, cubic_low));
    let (high, low) = fast_two_sum(s, cubic);
    let low = low + (cubic_low + s_low);
    // 2 / ln 2
    const FACTOR: f32 = 2.0 * consts::LOG2_E;
    let (log, log_low) = two_product(high, FACTOR);
    let log_low = fma(high, 2.0 * LOG2_E_LOW, fma(low, FACTOR, log_low));
    let (high, low) = fast_two_sum(e, log);
    fast_two_sum(high, low + log_low)
}

/// `ln(1 + x)`.
#[inline]
pub fn ln_1p(x: f32) -> f32 {
    extended_ln_1p(x, 0.0)
}

/// `ln(1 + x + x_low)`.
#[inline(always)]
fn extended_ln_1p(x: f32, x_low: f32) -> f32 {
    if !(x > -1.0 && x < f32::INFINITY) {
        // A NaN, and what is below -1.
        return if x == -1.0 {
            f32::NEG_INFINITY
        } else if x > 0.0 {
            x
        } else {
            f32::NAN
        };
    }
    let (e, _) = split_normal(1.0 + x);
    if e == 0 {
        // 0 keeps its sign.
        return if x == 0.0 { x } else { join(0.0, x, x_low) };
    }
    // (1 + x) 2^-e - 1, from quarters, since 2^-e may be subnormal.
    let power = super::power_of_two(2 - e);
    let z = fma(0.25 * x, power, fma(0.25, power, -1.0));
    join(e as f32, z, 0.25 * x_low * power)
}

/// `ln(u + u_low) ` for a normal `u`, plus `ln 2` so many times.
#[inline(always)]
fn extended_ln(u: f32, u_low: f32, doublings: i32) -> f32 {
    let (e, m) = split_normal(u);
    // 2^-e, for an e that is not near the ends.
    let power = super::power_of_two(-(e.clamp(-126, 126)));
    join((e + doublings) as f32, m - 1.0, u_low * power)
}

/// `x >= ` this: `sqrt(x² ± 1)` is `x`.
const LARGE: f32 = 1e9;

/// `ln(|x| + sqrt(x² + 1))`; a polynomial below 1/2.
///
/// Coefficients: a minimax fit of `(asinh x - x) / x³`.
#[inline]
pub fn asinh(x: f32) -> f32 {
    let magnitude = x.abs();
    if magnitude < 0.5 {
        let square = x * x;
        let tail = polynomial(
            square,
            [
                -0.166_666_67,
                0.075_000_2,
                -0.044_640_444,
                0.030_251_14,
                -0.020_905_701,
                0.010_486_613,
            ],
        );
        return fma(tail * square, x, x);
    }
    if !(magnitude < LARGE) {
        // Infinities and NaN stay.
        let result = if magnitude < f32::INFINITY {
            extended_ln(magnitude, 0.0, 1)
        } else {
            magnitude
        };
        return result.copysign(x);
    }
    let (square, square_low) = two_product(x, x);
    let (sum, sum_low) = two_sum(square, 1.0);
    let (root, root_low) = extended_sqrt(sum, sum_low + square_low);
    let (high, low) = two_sum(magnitude, root);
    extended_ln(high, low + root_low, 0).copysign(x)
}

/// `ln(1 + t + sqrt(2t + t²))` with `t = x - 1`.
#[inline]
pub fn acosh(x: f32) -> f32 {
    if !(x < LARGE) {
        return if x < f32::INFINITY {
            extended_ln(x, 0.0, 1)
        } else {
            x
        };
    }
    let t = x - 1.0;
    if !(t > 0.0) {
        return if t == 0.0 { 0.0 } else { f32::NAN };
    }
    let (square, square_low) = two_product(t, t);
    let (sum, sum_low) = two_sum(2.0 * t, square);
    let (root, root_low) = extended_sqrt(sum, sum_low + square_low);
    let (high, low) = two_sum(t, root);
    extended_ln_1p(high, low + root_low)
}

/// `ln(1 + 2|x| / (1 - |x|)) / 2`; a polynomial below 1/2.
///
/// Coefficients: a minimax fit of `(atanh x - x) / x³`.
#[inline]
pub fn atanh(x: f32) -> f32 {
    let magnitude = x.abs();
    if magnitude < 0.5 {
        let square = x * x;
        let tail = polynomial(
            square,
            [
                0.333_333_3,
                0.200_005_1,
                0.142_63,
                0.114_799_71,
                0.064_495_03,
                0.158_200_25,
            ],
        );
        return fma(tail * square, x, x);
    }
    let result = 0.5 * ln_1p(2.0 * magnitude / (1.0 - magnitude));
    result.copysign(x)
}

/// `sqrt(x + x_low)` as the sum of two.
#[inline(always)]
pub(super) fn extended_sqrt(x: f32, x_low: f32) -> (f32, f32) {
    let root = sqrt(x);
    (root, (fma(-root, root, x) + x_low) / (2.0 * root))
}
