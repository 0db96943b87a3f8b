//! The 16-bit formats, `.f16` and `.bf16`: a sum or product of singles or doubles, rounded once.

use super::single::from_double_to_odd;
use super::{NAN_HALF, add_to_odd};

/// A 16-bit format.
pub(crate) trait Half: 'static {
    /// The bits of infinity.
    const INFINITY: u16;
    /// The bits of one.
    const ONE: u16;
    /// The bits of the smallest normal number.
    const MIN_NORMAL: u16;
    /// Its value, which a single holds exactly.
    fn to_single(bits: u16) -> f32;
    /// The nearest to a single; NaN is [`NAN_HALF`].
    fn from_single(value: f32) -> u16;
}

/// `.f16`: 5 bits of exponent and 10 of mantissa.
pub(crate) struct F16;

/// `.bf16`: the upper half of a single.
pub(crate) struct Bf16;

impl Half for F16 {
    const INFINITY: u16 = 0x7c00;
    const ONE: u16 = 0x3c00;
    const MIN_NORMAL: u16 = 0x0400;

    #[inline(always)]
    fn to_single(bits: u16) -> f32 {
        let magnitude = u32::from(bits & 0x7fff) << 13;
        // The exponents' biases are 127 and 15. The product is exact also for subnormals.
        let finite = f32::from_bits(magnitude) * f32::from_bits((127 + 112) << 23);
        let special = f32::from_bits(magnitude | 0x7f80_0000);
        let value = if bits & 0x7fff >= Self::INFINITY {
            special
        } else {
            finite
        };
        f32::from_bits(value.to_bits() | u32::from(bits & 0x8000) << 16)
    }

    #[inline(always)]
    fn from_single(value: f32) -> u16 {
        let bits = value.to_bits();
        let magnitude = bits & 0x7fff_ffff;
        let sign = (bits >> 16) as u16 & 0x8000;
        // Below the smallest normal number: an addend whose last bit is the format's last bit has
        // the host round there.
        let addend = f32::from_bits((127 - 1) << 23);
        let subnormal = (f32::from_bits(magnitude) + addend).to_bits() - addend.to_bits();
        // Else 13 bits are rounded off, ties to even, and the exponent gets its bias; a carry out
        // of the mantissa is right in the exponent.
        let odd = magnitude >> 13 & 1;
        let normal = magnitude.wrapping_sub(112 << 23).wrapping_add(0xfff + odd) >> 13;
        let finite = if magnitude < (127 - 14) << 23 {
            subnormal
        } else {
            normal
        };
        let rounded = if magnitude >= (127 + 16) << 23 {
            Self::INFINITY.into()
        } else {
            finite
        };
        if value.is_nan() {
            NAN_HALF
        } else {
            sign | rounded as u16
        }
    }
}

impl Half for Bf16 {
    const INFINITY: u16 = 0x7f80;
    const ONE: u16 = 0x3f80;
    const MIN_NORMAL: u16 = 0x0080;

    #[inline(always)]
    fn to_single(bits: u16) -> f32 {
        f32::from_bits(u32::from(bits) << 16)
    }

    #[inline(always)]
    fn from_single(value: f32) -> u16 {
        let bits = value.to_bits();
        let odd = bits >> 16 & 1;
        let rounded = (bits.wrapping_add(0x7fff + odd) >> 16) as u16;
        if value.is_nan() { NAN_HALF } else { rounded }
    }
}

#[inline(always)]
pub(crate) fn is_nan<H: Half>(bits: u16) -> bool {
    bits & 0x7fff > H::INFINITY
}

/// `.ftz`
#[inline(always)]
pub(crate) fn flush<H: Half>(bits: u16) -> u16 {
    if bits & 0x7fff < H::MIN_NORMAL {
        bits & 0x8000
    } else {
        bits
    }
}

/// `.sat`: into [0, 1]; NaN becomes 0.
#[inline(always)]
pub(crate) fn saturate<H: Half>(bits: u16) -> u16 {
    if is_nan::<H>(bits) {
        0
    } else {
        relu::<H>(bits).min(H::ONE)
    }
}

/// `.relu`: what is negative becomes 0.
#[inline(always)]
pub(crate) fn relu<H: Half>(bits: u16) -> u16 {
    if bits & 0x8000 != 0 && !is_nan::<H>(bits) {
        0
    } else {
        bits
    }
}

/// `a + b`
#[inline(always)]
pub(crate) fn add<H: Half>(a: u16, b: u16) -> u16 {
    // A single has more than twice the bits and two, so that rounding twice is rounding once
    // (Figueroa, *When is double rounding innocuous?*, 1995); so it is for a product.
    H::from_single(H::to_single(a) + H::to_single(b))
}

/// `a - b`
#[inline(always)]
pub(crate) fn sub<H: Half>(a: u16, b: u16) -> u16 {
    H::from_single(H::to_single(a) - H::to_single(b))
}

/// `a * b`
#[inline(always)]
pub(crate) fn mul<H: Half>(a: u16, b: u16) -> u16 {
    H::from_single(H::to_single(a) * H::to_single(b))
}

/// `a * b + c`, rounded once.
#[inline(always)]
pub(crate) fn fma<H: Half>(a: u16, b: u16, c: u16) -> u16 {
    let [a, b, c] = [a, b, c].map(|bits| f64::from(H::to_single(bits)));
    H::from_single(from_double_to_odd(add_to_odd(a * b, c)))
}

/// The bits themselves, or those of the one NaN that operations give.
#[inline(always)]
pub(crate) fn canonical<H: Half>(bits: u16) -> u16 {
    if is_nan::<H>(bits) { NAN_HALF } else { bits }
}
