//! Exponentials and the hyperbolic functions.

use core::f32::consts;

use super::{fast_two_sum, fma, polynomial, scale, two_sum};

// ln 2 in two parts: the first has trailing zeros, so that its product with a small integer is exact.
pub(super) const LN_2_HIGH: f32 = 0.693_359_4;
pub(super) const LN_2_LOW: f32 = -2.121_944_4e-4;

/// Adding it rounds to an integer, which then stands in the low bits: 1.5 · 2²³.
pub(super) const ROUND: f32 = 12_582_912.0;

/// The integer that is nearest to a number, which had [`ROUND`] added.
#[inline(always)]
pub(super) fn low_bits(shifted: f32) -> i32 {
    (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32)
}

/// `e^x = 2^n e^r` with `|r| <= ln 2 / 2`. To 1.02 ulp.
///
/// Coefficients: Cephes, `expf`.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Past these the result is infinite or 0. A NaN passes both comparisons and stays.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    let shifted = fma(x, consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = fma(n, -LN_2_HIGH, x);
    let r = fma(n, -LN_2_LOW, r);
    let tail = polynomial(
        r,
        [
            5e-1,
            1.666_666_5e-1,
            4.166_579_6e-2,
            8.333_452e-3,
            1.398_2e-3,
            1.987_569_1e-4,
        ],
    );
    let power = fma(tail, r * r, r) + 1.0;
    scale(power, low_bits(shifted))
}

/// `e^(x + x_low) = 2^n (1 + high + low)`: `(n, high, low)`. `|x|` is at most 200.
///
/// Coefficients: a minimax fit of `(e^r - 1 - r) / r²`.
#[inline(always)]
fn reduced_exp(x: f32, x_low: Option<f32>) -> (i32, f32, f32) {
    let shifted = fma(x, consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let exact = fma(n, -LN_2_HIGH, x);
    let (exact, x_low) = match x_low {
        Some(x_low) => two_sum(exact, x_low),
        None => (exact, 0.0),
    };
    let r = fma(n, -LN_2_LOW, exact);
    let r_low = fma(n, -LN_2_LOW, exact - r) + x_low;
    let tail = polynomial(
        r,
        [
            0.5,
            0.166_665_78,
            0.041_666_71,
            8.363_106e-3,
            1.391_079_6e-3,
        ],
    );
    (low_bits(shifted), r, fma(tail, r * r, r_low))
}

/// `e^(x + x_low) = 2^n power`, to half an ulp and little more: `(power, n)`. `|x|` is at most 200.
#[inline(always)]
pub(super) fn scaled_exp(x: f32, x_low: Option<f32>) -> (f32, i32) {
    let (n, high, low) = reduced_exp(x, x_low);
    let (sum, sum_low) = fast_two_sum(1.0, high);
    (sum + (sum_low + low), n)
}

/// `2^x = 2^n 2^r`.
///
/// Coefficients: a minimax fit of `(2^r - 1) / r`.
#[inline]
pub fn exp2(x: f32) -> f32 {
    let x = if x > 130.0 { 130.0 } else { x };
    let x = if x < -152.0 { -152.0 } else { x };
    reduced_exp2(x, 0.0)
}

/// `2^(x + x_low)` for `x` in -152..=130.
#[inline(always)]
pub(super) fn reduced_exp2(x: f32, x_low: f32) -> f32 {
    let shifted = x + ROUND;
    let r = (x - (shifted - ROUND)) + x_low;
    let tail = polynomial(
        r,
        [
            consts::LN_2,
            0.240_226_49,
            0.055_503_663,
            9.618_323e-3,
            1.338_789_7e-3,
            1.537_667_8e-4,
        ],
    );
    scale(fma(r, tail, 1.0), low_bits(shifted))
}

/// `10^x = 2^n 10^r` with `|r| <= log10(2) / 2`.
///
/// Coefficients: a minimax fit of `(10^r - 1) / r`.
#[inline]
pub fn exp10(x: f32) -> f32 {
    let x = if x > 39.0 { 39.0 } else { x };
    let x = if x < -46.0 { -46.0 } else { x };
    let shifted = fma(x, consts::LOG2_10, ROUND);
    let n = shifted - ROUND;
    let r = fma(n, -consts::LOG10_2, x);
    let r = fma(n, 1.432_098_9e-8, r);
    let tail = polynomial(
        r,
        [
            consts::LN_10,
            2.650_949,
            2.034_657_7,
            1.171_261_4,
            0.541_741_5,
            0.207_223_77,
        ],
    );
    scale(fma(r, tail, 1.0), low_bits(shifted))
}

/// `e^x - 1 = 2^n (e^r - 1) + (2^n - 1)`.
#[inline]
pub fn exp_m1(x: f32) -> f32 {
    // Below, the result is -1; above, infinite.
    let clamped = if x < -26.0 { -26.0 } else { x };
    let clamped = if clamped > 89.0 { 89.0 } else { clamped };
    let (n, high, low) = reduced_exp(clamped, None);
    if n == 0 {
        // 0 keeps its sign.
        return if x == 0.0 { x } else { high + low };
    }
    // Half of it, since 2^128 is infinite where the result is not.
    let half_power = super::power_of_two(n - 1);
    // The first sum is exact where it cancels.
    let half = fma(low, half_power, fma(high, half_power, half_power - 0.5));
    half * 2.0
}

/// `(e^|x| - e^-|x|) / 2`; a polynomial below 1.
///
/// Coefficients: a minimax fit of `(sinh x - x) / x³`.
#[inline]
pub fn sinh(x: f32) -> f32 {
    let magnitude = x.abs();
    if magnitude < 1.0 {
        let square = x * x;
        let tail = polynomial(
            square,
            [0.166_666_67, 8.333_297e-3, 1.984_664_3e-4, 2.757_137_3e-6],
        );
        return fma(tail * square, x, x);
    }
    let half = half_exp(magnitude);
    (half - 0.25 / half).copysign(x)
}

/// `(e^|x| + e^-|x|) / 2`.
#[inline]
pub fn cosh(x: f32) -> f32 {
    let half = half_exp(x.abs());
    half + 0.25 / half
}

/// `e^x / 2` for `x >= 0`, which is finite where `sinh` and `cosh` are.
#[inline(always)]
fn half_exp(x: f32) -> f32 {
    let x = if x > 91.0 { 91.0 } else { x };
    let (power, n) = scaled_exp(x, None);
    scale(power, n - 1)
}

/// A polynomial near 0, `1 - 2 / (e^{2|x|} + 1)` elsewhere. To 1.34 ulp.
///
/// Coefficients: Cephes, `tanhf`.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let magnitude = x.abs();
    if magnitude < 0.625 {
        let square = x * x;
        let tail = polynomial(
            square,
            [
                -3.333_328e-1,
                1.333_144_2e-1,
                -5.373_971_6e-2,
                2.063_909e-2,
                -5.704_988_7e-3,
            ],
        );
        return fma(tail * square, x, x);
    }
    let result = 1.0 - 2.0 / (exp(2.0 * magnitude) + 1.0);
    result.copysign(x)
}
