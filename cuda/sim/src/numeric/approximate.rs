//! The functions that PTX calls approximate.
//!
//! A GPU computes them by tables of its own, so the bits differ from a GPU's; the errors are within
//! what the manual states, and most are a single's last bit. Special values are the manual's.
//! None of them is the system's: the bits are the same on every host. Those that kernels of neural
//! networks use are loops of plain arithmetic, which run on vectors, the others are those of `libm`.

use std::f64::consts::{LN_2, LOG2_E, SQRT_2};

use super::{NAN_DOUBLE, canonical, flush};

/// `2^a` of a double between -1000 and 1000, relatively within 2^-36.
#[inline(always)]
fn exp2_double(a: f64) -> f64 {
    // Adding this number, whose last bit is 1, rounds to whole numbers; they are in the lower bits.
    const WHOLE: f64 = 1.5 * (1u64 << 52) as f64;
    let whole = a + WHOLE;
    let x = (a - (whole - WHOLE)) * LN_2;
    // The first terms of the series of e^x: |x| is below 0.35.
    let mut sum = 1.0;
    let mut term = 9.0;
    while term > 0.0 {
        sum = (sum * x).mul_add(1.0 / term, 1.0);
        term -= 1.0;
    }
    // A NaN has any bits here, and stays NaN in the sum.
    sum * f64::from_bits(whole.to_bits().wrapping_add(1023) << 52)
}

/// `2^a`, within 2 units in the last place.
#[inline(always)]
pub(crate) fn exp2(a: f32) -> f32 {
    // Beyond these the result is 0 or infinite as a single.
    canonical(exp2_double(a.clamp(-160.0, 160.0).into()) as f32)
}

/// [`exp2`] with `.ftz`.
#[inline(always)]
pub(crate) fn exp2_flush(a: f32) -> f32 {
    flush(exp2(flush(a)))
}

/// The logarithm to base 2, within 2^-22 of it between 0.5 and 2, relatively elsewhere.
#[inline(always)]
pub(crate) fn log2(a: f32) -> f32 {
    let bits = f64::from(a).to_bits();
    // The exponent that leaves a mantissa between the square roots of 1/2 and of 2.
    let exponent = (bits.wrapping_sub((SQRT_2 / 2.0).to_bits()) as i64) >> 52;
    let mantissa = f64::from_bits(bits.wrapping_sub((exponent as u64) << 52));
    // The first terms of the series of the logarithm of (1 + x) / (1 - x): |x| is below 0.172.
    let x = (mantissa - 1.0) / (mantissa + 1.0);
    let square = x * x;
    let mut sum = 0.0;
    let mut term = 15.0;
    while term > 0.0 {
        sum = f64::mul_add(sum, square, 1.0 / term);
        term -= 2.0;
    }
    let logarithm = (sum * x * 2.0).mul_add(LOG2_E, exponent as f64) as f32;
    let logarithm = if a == 0.0 {
        f32::NEG_INFINITY
    } else {
        logarithm
    };
    let logarithm = if a == f32::INFINITY { a } else { logarithm };
    if a >= 0.0 {
        logarithm
    } else {
        super::NAN_SINGLE
    }
}

/// [`log2`] with `.ftz`.
#[inline(always)]
pub(crate) fn log2_flush(a: f32) -> f32 {
    flush(log2(flush(a)))
}

/// The hyperbolic tangent, relatively within 2^-11.
#[inline(always)]
pub(crate) fn tanh(a: f32) -> f32 {
    // Beyond 20 it is 1 to a single.
    let power = exp2_double(f64::from(a.clamp(-20.0, 20.0)) * (2.0 * LOG2_E));
    let tangent = ((power - 1.0) / (power + 1.0)) as f32;
    // Of a small number it is the number itself, to less than a third of its square.
    canonical(if a.abs() < 0.001 { a } else { tangent })
}

/// The sine, within 2^-20.5 between -2π and 2π.
pub(crate) fn sin(a: f32) -> f32 {
    libm::sinf(a)
}

/// The cosine, within 2^-20.5 between -2π and 2π.
pub(crate) fn cos(a: f32) -> f32 {
    libm::cosf(a)
}

/// `1 / sqrt(a)`, relatively within 2^-22.9.
#[inline(always)]
pub(crate) fn rsqrt(a: f32) -> f32 {
    (1.0 / f64::from(a).sqrt()) as f32
}

/// `a / b`: within 2 units in the last place for |b| from 2^-126 to 2^126.
#[inline(always)]
pub(crate) fn div(a: f32, b: f32) -> f32 {
    // A GPU multiplies by the reciprocal, which is 0 for a larger divisor.
    let huge = b.abs() > f32::from_bits((127 + 126) << 23) && b.abs() < f32::INFINITY;
    let b = if huge { f32::INFINITY.copysign(b) } else { b };
    a / b
}

/// The upper 32 bits of `1 / a`, from those of `a`; subnormals are 0.
pub(crate) fn reciprocal_upper(a: f64) -> f64 {
    upper(1.0 / upper(a))
}

/// The upper 32 bits of `1 / sqrt(a)`, from those of `a`; subnormals are 0.
pub(crate) fn rsqrt_upper(a: f64) -> f64 {
    upper(1.0 / upper(a).sqrt())
}

/// A double without its lower 32 bits, and a zero for a subnormal.
fn upper(value: f64) -> f64 {
    if value.is_nan() {
        // A NaN's payload may lie in the lower bits alone.
        NAN_DOUBLE
    } else if value.is_subnormal() {
        0f64.copysign(value)
    } else {
        f64::from_bits(value.to_bits() & !0xffff_ffff)
    }
}
