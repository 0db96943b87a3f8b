//! The error function, its relatives and their inverses; and what is left to `f64`.

use core::f32::consts;

use super::exponential::scaled_exp;
use super::{exp, fma, ln, mul, polynomial, scale, sqrt, two_product};
use crate::float::double;

/// The error function: a polynomial below 0.92, from there `1 - e^-p(x)`.
///
/// Coefficients: minimax fits of `erf(x) / x - 1` in `x²` and of `-ln erfc(x)`.
#[inline]
pub fn erf(x: f32) -> f32 {
    let magnitude = x.abs();
    if magnitude < 0.92 {
        let tail = polynomial(
            x * x,
            [
                0.128_379_17,
                -0.376_126_32,
                0.112_836_83,
                -0.026_859_185,
                5.201_238e-3,
                -8.150_47e-4,
                8.418_222e-5,
            ],
        );
        return fma(tail, x, x);
    }
    // From here on the result is 1.
    let magnitude = if magnitude > 3.95 { 3.95 } else { magnitude };
    let exponent = polynomial(
        magnitude,
        [
            -2.982_259e-4,
            1.130_143_4,
            0.631_982_8,
            0.109_928_94,
            -0.026_332_79,
            4.727_503_3e-3,
            -5.897_214e-4,
            4.518_808_8e-5,
            -1.591_583_3e-6,
        ],
    );
    (1.0 - exp(-exponent)).copysign(x)
}

/// `e^(x²) erfc(x)` for `x >= 0`.
///
/// Coefficients: a minimax fit of `(1 + 2x) erfcx(x)` in `(x - 2) / (x + 2)`, after M. M. Shepherd
/// and J. G. Laframboise (1981), up to 10; above, the asymptotic series.
#[inline(always)]
fn positive_erfcx(x: f32) -> f32 {
    if x > 10.0 {
        let v = 0.5 / (x * x);
        // 1 / sqrt π
        return 0.564_189_6 / x * polynomial(v, [1.0, -1.0, 3.0, -15.0]);
    }
    let p = polynomial(
        (x - 2.0) / (x + 2.0),
        [
            1.276_978_4,
            -0.092_763_98,
            -0.166_030_84,
            0.164_055_51,
            -0.054_208_82,
            -8.061_902e-3,
            8.644_491e-3,
            1.321_379_8e-3,
            -1.242_071_5e-3,
            -4.098_760_3e-4,
        ],
    );
    p / fma(2.0, x, 1.0)
}

/// `2^exponent erfc(x + x_low)`: `1 - erf(x)` near 0, `e^-x² erfcx(x)` elsewhere.
#[inline(always)]
fn extended_erfc(x: f32, x_low: f32, exponent: i32) -> f32 {
    let magnitude = x.abs();
    if magnitude < 0.5 {
        return scale(1.0 - erf(x), exponent);
    }
    // From here on the result is 0, or 2. A NaN stays.
    let (magnitude, x_low) = if magnitude > 10.5 {
        (10.5, 0.0)
    } else {
        (magnitude, x_low)
    };
    let (square, square_low) = two_product(magnitude, magnitude);
    let square_low = fma(
        2.0 * magnitude,
        if x < 0.0 { -x_low } else { x_low },
        square_low,
    );
    let (power, n) = scaled_exp(-square, Some(-square_low));
    let result = scale(positive_erfcx(magnitude) * power, n + exponent);
    if x < 0.0 {
        scale(1.0, exponent + 1) - result
    } else {
        result
    }
}

/// `1 - erf(x)`.
#[inline]
pub fn erfc(x: f32) -> f32 {
    extended_erfc(x, 0.0, 0)
}

/// `e^(x²) erfc(x)`.
#[inline]
pub fn erfcx(x: f32) -> f32 {
    let result = positive_erfcx(x.abs());
    if !(x < 0.0) {
        return result;
    }
    // Below, the result is infinite.
    let x = if x < -9.5 { -9.5 } else { x };
    let (square, square_low) = two_product(x, x);
    let (power, n) = scaled_exp(square, Some(square_low));
    scale(power, n + 1) - result
}

/// The distribution function of the standard normal distribution: `erfc(-x / sqrt 2) / 2`.
#[inline]
pub fn normcdf(x: f32) -> f32 {
    // Far out nothing changes, and the product's low part would be NaN.
    let x = if x > 20.0 { 20.0 } else { x };
    let x = if x < -20.0 { -20.0 } else { x };
    let (t, t_low) = two_product(x, -consts::FRAC_1_SQRT_2);
    extended_erfc(t, fma(x, -1.210_161_75e-8, t_low), -1)
}

/// `x` with `erf(x) = y`, from `y`, `1 - y²` and the sign.
///
/// In `w = -ln(1 - y²)`, as M. Giles (2010) has it. Coefficients: minimax fits of `erfinv(y) / y` in
/// `w - 2.5` below 5, of `|erfinv(y)| / sqrt w` in `1 / sqrt w` above.
#[inline(always)]
fn inverse(y: f32, complement: f32, sign: f32) -> f32 {
    let w = -ln(complement);
    if w < 5.0 {
        let p = polynomial(
            w - 2.5,
            [
                1.501_409_4,
                0.246_640_74,
                -0.004_177_693_7,
                -0.001_253_731_7,
                0.000_218_585_93,
                -4.387_403e-6,
                -3.523_369_5e-6,
                3.427_212e-7,
                2.799_044e-8,
            ],
        );
        return p * y;
    }
    let root = sqrt(w);
    let p = polynomial(
        1.0 / root,
        [
            1.000_456,
            -3.343_615e-2,
            -1.121_044_6,
            3.897_471_2,
            -8.698_639,
            14.526_512,
            -14.611_007,
            6.166_707_5,
        ],
    );
    (root * p).copysign(sign)
}

/// The inverse of [`erf`].
#[inline]
pub fn erfinv(y: f32) -> f32 {
    inverse(y, fma(-y, y, 1.0), y)
}

/// The inverse of [`erfc`].
#[inline]
pub fn erfcinv(y: f32) -> f32 {
    // Both factors of 1 - (1 - y)² are exact where it is small.
    inverse(1.0 - y, y * (2.0 - y), 1.0 - y)
}

/// The inverse of [`normcdf`].
#[inline]
pub fn normcdfinv(p: f32) -> f32 {
    // Plus 0, so that a half gives no -0.
    mul(-consts::SQRT_2, erfcinv(2.0 * p)) + 0.0
}

macro_rules! by_f64 {
    ($($(#[$doc:meta])* $name:ident($($n:ident)?);)*) => {$(
        $(#[$doc])*
        pub fn $name($($n: i32, )? x: f32) -> f32 {
            double::$name($($n, )? f64::from(x)) as f32
        }
    )*};
}

by_f64! {
    /// `ln |Γ(x)|`, by `f64`.
    lgamma();
    /// `Γ(x)`, by `f64`.
    tgamma();
    /// The Bessel function of the first kind and order 0, by `f64`.
    j0();
    /// The Bessel function of the first kind and order 1, by `f64`.
    j1();
    /// The Bessel function of the first kind and order `n`, by `f64`.
    jn(n);
    /// The Bessel function of the second kind and order 0, by `f64`.
    y0();
    /// The Bessel function of the second kind and order 1, by `f64`.
    y1();
    /// The Bessel function of the second kind and order `n`, by `f64`.
    yn(n);
}
