//! Powers and roots.

use super::exponential::reduced_exp2;
use super::logarithm::extended_log2;
use super::{fma, mul, sqrt, trunc, two_product};

/// `2^(y log2 x)` for positive `x`, with `y` in two parts.
#[inline(always)]
fn positive_power(x: f32, y: f32, y_low: f32) -> f32 {
    let (log, log_low) = extended_log2(x);
    let (product, product_low) = two_product(y, log);
    let product_low = fma(y_low, log, fma(y, log_low, product_low));
    // Past these the result is infinite or 0, and the low part may be NaN.
    if product > 130.0 {
        f32::INFINITY
    } else if product < -152.0 {
        0.0
    } else {
        reduced_exp2(product, product_low)
    }
}

/// `x^y`, with the special values of IEEE 754's `pow`.
#[inline]
pub fn powf(x: f32, y: f32) -> f32 {
    if x == 1.0 || y == 0.0 {
        return 1.0;
    }
    if x.is_nan() || y.is_nan() {
        return f32::NAN;
    }
    let magnitude = x.abs();
    let y_is_integer = trunc(y) == y;
    // Above 2^24 all are even.
    let y_is_odd = y_is_integer && y.abs() < 16_777_216.0 && (y as i32) & 1 == 1;
    let result = if x < 0.0 && magnitude < f32::INFINITY && !y_is_integer {
        f32::NAN
    } else if magnitude == 1.0 {
        1.0
    } else if magnitude == 0.0 || magnitude == f32::INFINITY || y.abs() == f32::INFINITY {
        if (magnitude > 1.0) == (y > 0.0) {
            f32::INFINITY
        } else {
            0.0
        }
    } else {
        positive_power(magnitude, y, 0.0)
    };
    if y_is_odd { result.copysign(x) } else { result }
}

/// `x^n`: by multiplication up to the fourth power, else as [`powf`].
#[inline]
pub fn powi(x: f32, n: i32) -> f32 {
    match n {
        0 => return 1.0,
        1 => return x,
        2 => return x * x,
        3 => return x * x * x,
        4 => {
            // With the error of the square, where there is one.
            let (square, square_low) = two_product(x, x);
            let power = square * square;
            let corrected = fma(2.0 * square, square_low, power);
            return if power < f32::INFINITY {
                corrected
            } else {
                power
            };
        }
        _ => {}
    }
    let magnitude = x.abs();
    let result = if x.is_nan() {
        return x;
    } else if magnitude == 1.0 {
        1.0
    } else if magnitude == 0.0 || magnitude == f32::INFINITY {
        if (magnitude > 1.0) == (n > 0) {
            f32::INFINITY
        } else {
            0.0
        }
    } else {
        let high = n as f32;
        let low = (i64::from(n) - high as i64) as f32;
        positive_power(magnitude, high, low)
    };
    if n & 1 == 1 {
        result.copysign(x)
    } else {
        result
    }
}

/// The cube root: a third of the exponent for a start, one step of Halley, and one of Newton whose
/// remainder is exact.
#[inline]
pub fn cbrt(x: f32) -> f32 {
    let magnitude = x.abs();
    if x == 0.0 || !(magnitude < f32::INFINITY) {
        return x;
    }
    // So that no square underflows and no cube overflows: by 2^60, 2^-60 and their cube roots.
    let (factor, back) = if magnitude < 1e-19 {
        (1.152_921_5e18, 9.536_743e-7)
    } else if magnitude > 1e19 {
        (8.673_617e-19, 1_048_576.0)
    } else {
        (1.0, 1.0)
    };
    let a = magnitude * factor;
    let y = f32::from_bits(a.to_bits() / 3 + 0x2a51_4067);
    let cube = mul(y, y) * y;
    let y = y * (fma(2.0, a, cube) / fma(2.0, cube, a));
    let (square, square_low) = two_product(y, y);
    let rest = fma(-square_low, y, fma(-square, y, a));
    let y = y + rest / (3.0 * square);
    (y * back).copysign(x)
}

/// `1 / cbrt(x)`.
#[inline]
pub fn rcbrt(x: f32) -> f32 {
    1.0 / cbrt(x)
}

/// `1 / sqrt(x)`, in two roundings.
#[inline]
pub fn rsqrt(x: f32) -> f32 {
    1.0 / sqrt(x)
}

/// `sqrt(x² + y²)` without overflow on the way.
#[inline]
pub fn hypot(x: f32, y: f32) -> f32 {
    let (x, y) = (x.abs(), y.abs());
    if x == f32::INFINITY || y == f32::INFINITY {
        return f32::INFINITY;
    }
    // A NaN fails the comparison, and comes through in either place.
    let (large, small) = if x > y { (x, y) } else { (y, x) };
    // 2^-70, 2^100 and their reciprocals
    let (factor, back) = if large > 1e18 {
        (8.470_329_5e-22, 1.180_591_6e21)
    } else if large < 1e-18 {
        (1.267_650_6e30, 7.888_609e-31)
    } else {
        (1.0, 1.0)
    };
    let (large, small) = (large * factor, small * factor);
    sqrt(fma(large, large, small * small)) * back
}
