//! The functions that PTX calls approximate.
//!
//! A GPU computes them by tables of its own, so the bits differ from a GPU's; the errors are within
//! what the manual states, and most are a single's last bit. Special values are the manual's.
//! `libm` and not the system's functions: the bits are the same on every host.

use super::NAN_DOUBLE;

/// `2^a`, within 2 units in the last place.
pub(crate) fn exp2(a: f32) -> f32 {
    libm::exp2f(a)
}

/// The logarithm to base 2, within 2^-22 of it between 0.5 and 2, relatively elsewhere.
pub(crate) fn log2(a: f32) -> f32 {
    libm::log2f(a)
}

/// The sine, within 2^-20.5 between -2π and 2π.
pub(crate) fn sin(a: f32) -> f32 {
    libm::sinf(a)
}

/// The cosine, within 2^-20.5 between -2π and 2π.
pub(crate) fn cos(a: f32) -> f32 {
    libm::cosf(a)
}

/// The hyperbolic tangent, relatively within 2^-11.
pub(crate) fn tanh(a: f32) -> f32 {
    libm::tanhf(a)
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
