//! The inverse trigonometric functions.

use core::f32::consts;

use super::logarithm::extended_sqrt;
use super::{fast_two_sum, fma, polynomial};

/// What π/2 has more than the constant of `core`.
const FRAC_PI_2_LOW: f32 = -4.371_139e-8;

/// `(asin x - x) / x` of `x²`, for `|x| <= 1/2`. Coefficients: a minimax fit.
#[inline(always)]
fn asin_tail(square: f32) -> f32 {
    let tail = polynomial(
        square,
        [
            0.166_666_73,
            0.074_987_92,
            0.045_013_03,
            0.026_482_504,
            0.038_226_52,
        ],
    );
    tail * square
}

/// `2 asin(sqrt((1 - x) / 2)) = acos x` for `x` in `[1/2, 1]`, in two parts.
#[inline(always)]
fn acos_near_1(x: f32) -> (f32, f32) {
    let square = fma(-0.5, x, 0.5);
    let (root, root_low) = extended_sqrt(square, 0.0);
    // At 1 the remainder is 0/0.
    let root_low = if square == 0.0 { 0.0 } else { root_low };
    let double = 2.0 * root;
    (double, fma(double, asin_tail(square), 2.0 * root_low))
}

/// The arcsine.
#[inline]
pub fn asin(x: f32) -> f32 {
    let magnitude = x.abs();
    if magnitude <= 0.5 {
        return fma(asin_tail(x * x), x, x);
    }
    let (acos, acos_low) = acos_near_1(magnitude);
    let (high, low) = fast_two_sum(consts::FRAC_PI_2, -acos);
    (high + (low - acos_low + FRAC_PI_2_LOW)).copysign(x)
}

/// The arccosine.
#[inline]
pub fn acos(x: f32) -> f32 {
    let magnitude = x.abs();
    if magnitude <= 0.5 {
        let (high, low) = fast_two_sum(consts::FRAC_PI_2, -x);
        return high + (low + fma(-asin_tail(x * x), x, FRAC_PI_2_LOW));
    }
    let (acos, acos_low) = acos_near_1(magnitude);
    if x > 0.0 {
        return acos + acos_low;
    }
    let (high, low) = fast_two_sum(consts::PI, -acos);
    high + (low - acos_low + 2.0 * FRAC_PI_2_LOW)
}

/// `(atan x - x)` for `0 <= x <= 1`. Coefficients: a minimax fit.
#[inline(always)]
fn atan_tail(x: f32) -> f32 {
    let square = x * x;
    let tail = polynomial(
        square,
        [
            -0.333_333_3,
            0.199_997_32,
            -0.142_785_82,
            0.110_343_926,
            -0.086_604_09,
            0.062_590_3,
            -0.035_986_39,
            0.013_582_706,
            -2.406_490_3e-3,
        ],
    );
    tail * square * x
}

/// The arctangent.
#[inline]
pub fn atan(x: f32) -> f32 {
    let magnitude = x.abs();
    let inverted = magnitude > 1.0;
    let t = if inverted { 1.0 / magnitude } else { magnitude };
    let tail = atan_tail(t);
    let result = if inverted {
        let (high, low) = fast_two_sum(consts::FRAC_PI_2, -t);
        high + (low - tail + FRAC_PI_2_LOW)
    } else {
        t + tail
    };
    result.copysign(x)
}

/// The angle of the point `(x, y)`.
#[inline]
pub fn atan2(y: f32, x: f32) -> f32 {
    if x.is_nan() || y.is_nan() {
        return f32::NAN;
    }
    let (across, up) = (x.abs(), y.abs());
    let inverted = up > across;
    let (large, small) = if inverted { (up, across) } else { (across, up) };
    let t = if large == 0.0 {
        0.0
    } else if small == f32::INFINITY {
        1.0
    } else {
        small / large
    };
    let tail = atan_tail(t);
    // The quarter turns to which the angle is added, or from which it is taken.
    let (turns, sign) = match (inverted, x.is_sign_negative()) {
        (false, false) => (0.0, 1.0),
        (true, false) => (1.0, -1.0),
        (true, true) => (1.0, 1.0),
        (false, true) => (2.0, -1.0),
    };
    let (high, low) = fast_two_sum(turns * consts::FRAC_PI_2, sign * t);
    let result = high + (fma(sign, tail, low) + turns * FRAC_PI_2_LOW);
    result.copysign(y)
}
