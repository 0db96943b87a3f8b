//! Sine, cosine and tangent, of radians and of multiples of π.

use core::f32::consts;

use super::exponential::{ROUND, low_bits};
use super::{fma, mul, polynomial, round_ties_even, trunc, two_product, two_sum};

/// The bits of 2/π, the first 192 of them, after 32 zeros.
static TWO_OVER_PI: [u32; 7] = [
    0,
    0xa2f9_836e,
    0x4e44_1529,
    0xfc27_57d1,
    0xf534_ddc0,
    0xdb62_9599,
    0x3c43_9041,
];

/// `x` less the nearest multiple of π/2, in two parts, and that multiple, modulo 4.
#[inline(always)]
fn reduce(x: f32) -> (u32, f32, f32) {
    if x.abs() < 65536.0 {
        reduce_small(x)
    } else {
        reduce_large(x)
    }
}

/// The method of Cody and Waite: π/2 in three parts.
#[inline(always)]
fn reduce_small(x: f32) -> (u32, f32, f32) {
    let shifted = fma(x, consts::FRAC_2_PI, ROUND);
    let n = shifted - ROUND;
    // Exact: the last bit of n · FRAC_PI_2 is 2^-23 or more, and what is left is below 1.
    let rest = fma(-n, consts::FRAC_PI_2, x);
    let (product, product_low) = two_product(n, 4.371_139e-8);
    let (high, low) = two_sum(rest, product);
    (
        low_bits(shifted) as u32,
        high,
        fma(n, 1.715_124_5e-15, low + product_low),
    )
}

/// The method of Payne and Hanek: of 2/π only the bits are taken whose product with `x` is neither
/// a multiple of 4 nor too small to matter.
#[inline(always)]
fn reduce_large(x: f32) -> (u32, f32, f32) {
    let turns = turns(x.to_bits());
    // Rounded to the nearest multiple of 1: what is left is a signed fraction.
    let rest = (turns << 2) as i64;
    let quadrant = (turns >> 62) as u32 + u32::from(rest < 0);
    let high = rest as f32;
    let low = rest.wrapping_sub(high as i64) as f32;
    // 2^-64 π/2, in two parts
    const UNIT: f32 = 8.515_304e-20;
    const UNIT_LOW: f32 = -2.369_599_1e-27;
    let (angle, angle_low) = two_product(high, UNIT);
    let angle_low = fma(low, UNIT, fma(high, UNIT_LOW, angle_low));
    if !x.is_finite() {
        (0, f32::NAN, f32::NAN)
    } else if x < 0.0 {
        (quadrant.wrapping_neg(), -angle, -angle_low)
    } else {
        (quadrant, angle, angle_low)
    }
}

/// `|x| · 2/π` modulo 4, as a fraction of 4 in 64 bits. A call, since it is seldom needed, and of
/// one word, since a pair would be returned through memory.
#[inline(never)]
fn turns(bits: u32) -> u64 {
    // |x| = mantissa · 2^(exponent - 158), with the mantissa's first bit in place.
    let mantissa = u64::from(bits << 8 | 0x8000_0000);
    let exponent = bits >> 23 & 0xff;
    // The first bit of the table whose product counts: 15..=127 for finite numbers from 2^16 on.
    let first = exponent.wrapping_sub(158 - 30);
    let (word, shift) = (first >> 5 & 3, first & 31);
    let window = |idx: u32| {
        let at = (word + idx) as usize;
        let both = u64::from(TWO_OVER_PI[at]) << 32 | u64::from(TWO_OVER_PI[at + 1]);
        (both << shift) >> 32
    };
    ((mantissa * window(0)) << 32)
        .wrapping_add(mantissa * window(1))
        .wrapping_add((mantissa * window(2)) >> 32)
}

/// `sin(r + r_low)` for `|r| <= π/4`.
///
/// Coefficients: a minimax fit of `(sin r - r) / r³`.
#[inline(always)]
fn reduced_sin(r: f32, r_low: f32) -> f32 {
    let square = r * r;
    let tail = polynomial(square, [-0.166_666_64, 8.332_715e-3, -1.958_349_6e-4]);
    let low = fma(-0.5 * square, r_low, r_low);
    r + fma(tail, r * square, low)
}

/// `cos(r + r_low)` for `|r| <= π/4`.
///
/// Coefficients: a minimax fit of `(cos r - 1 + r²/2) / r⁴`.
#[inline(always)]
fn reduced_cos(r: f32, r_low: f32) -> f32 {
    let square = mul(r, r);
    let tail = polynomial(square, [0.041_666_664, -1.388_827_1e-3, 2.454_371_3e-5]);
    let high = fma(-0.5, square, 1.0);
    let low = fma(-0.5, square, 1.0 - high);
    high + (fma(-r, r_low, low) + tail * (square * square))
}

/// The sine, and the cosine, of `r + r_low` and so many right angles.
#[inline(always)]
fn turned(quadrant: u32, r: f32, r_low: f32) -> (f32, f32) {
    let (sin, cos) = (reduced_sin(r, r_low), reduced_cos(r, r_low));
    let (sin, cos) = if quadrant & 1 == 1 {
        (cos, sin)
    } else {
        (sin, cos)
    };
    (
        if quadrant & 2 == 2 { -sin } else { sin },
        if quadrant.wrapping_add(1) & 2 == 2 {
            -cos
        } else {
            cos
        },
    )
}

/// The sine alone: a polynomial less than [`turned`].
#[inline(always)]
fn turned_sin(quadrant: u32, r: f32, r_low: f32) -> f32 {
    let sin = if quadrant & 1 == 1 {
        reduced_cos(r, r_low)
    } else {
        reduced_sin(r, r_low)
    };
    if quadrant & 2 == 2 { -sin } else { sin }
}

/// Below, the sine and the tangent are their argument, which so keeps its sign.
const TINY: f32 = 2e-4;

/// The sine.
#[inline]
pub fn sin(x: f32) -> f32 {
    let (quadrant, r, r_low) = reduce(x);
    let result = turned_sin(quadrant, r, r_low);
    if x.abs() < TINY { x } else { result }
}

/// The cosine.
#[inline]
pub fn cos(x: f32) -> f32 {
    let (quadrant, r, r_low) = reduce(x);
    turned_sin(quadrant.wrapping_add(1), r, r_low)
}

/// Both.
#[inline]
pub fn sin_cos(x: f32) -> (f32, f32) {
    let (quadrant, r, r_low) = reduce(x);
    let (sin, cos) = turned(quadrant, r, r_low);
    (if x.abs() < TINY { x } else { sin }, cos)
}

/// The tangent; `-1 / tan r` in every second quadrant.
///
/// Coefficients: a minimax fit of `(tan r - r) / r³`.
#[inline]
pub fn tan(x: f32) -> f32 {
    let (quadrant, r, r_low) = reduce(x);
    let square = r * r;
    let tail = polynomial(
        square,
        [
            0.333_333_34,
            0.133_332_13,
            0.053_996_924,
            0.021_606_645,
            0.010_003_217,
            1.129_764_6e-3,
            3.871_917_5e-3,
        ],
    );
    let low = fma(square, r_low, r_low);
    let tail = fma(tail, r * square, low);
    let tan = r + tail;
    if quadrant & 1 == 1 {
        // The error of the quotient, from the exact remainder and the tangent's low part.
        let quotient = -1.0 / tan;
        let rest = fma(quotient, tan, 1.0);
        let rest = fma(quotient, (r - tan) + tail, rest);
        return fma(quotient, rest, quotient);
    }
    if x.abs() < TINY { x } else { tan }
}

/// `π x` less the nearest multiple of π/2, in two parts, and that multiple.
#[inline(always)]
fn reduce_half_turns(x: f32) -> (u32, f32, f32) {
    // All numbers from 2^24 on are even: they leave nothing.
    let x = if x.abs() < 16_777_216.0 { x } else { x * 0.0 };
    let n = round_ties_even(2.0 * x);
    let rest = fma(-0.5, n, x);
    let (r, r_low) = two_product(rest, consts::PI);
    (n as i32 as u32, r, fma(rest, -8.742_278e-8, r_low))
}

/// `sin(π x)`.
#[inline]
pub fn sinpi(x: f32) -> f32 {
    let (quadrant, r, r_low) = reduce_half_turns(x);
    // An integer gives the zero of its own sign.
    let result = turned_sin(quadrant, r, r_low);
    if x == trunc(x) { x * 0.0 } else { result }
}

/// `cos(π x)`.
#[inline]
pub fn cospi(x: f32) -> f32 {
    let (quadrant, r, r_low) = reduce_half_turns(x);
    let result = turned_sin(quadrant.wrapping_add(1), r, r_low);
    // Halves give 0, never -0.
    result + 0.0
}

/// `sin(π x)` and `cos(π x)`.
#[inline]
pub fn sincospi(x: f32) -> (f32, f32) {
    let (quadrant, r, r_low) = reduce_half_turns(x);
    let (sin, cos) = turned(quadrant, r, r_low);
    (if x == trunc(x) { x * 0.0 } else { sin }, cos + 0.0)
}
