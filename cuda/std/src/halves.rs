//! Arithmetic of `f16` by the device's own conversions. `half` converts in software: it knows no
//! instruction of this target.

// Not imported: on the device `f16` is the compiler's own type.
use half::f16 as Half;

#[inline(always)]
fn to_f32(x: Half) -> f32 {
    #[cfg(target_arch = "nvptx64")]
    return f16::from_bits(x.to_bits()) as f32;
    #[cfg(not(target_arch = "nvptx64"))]
    x.to_f32()
}

#[inline(always)]
fn from_f32(x: f32) -> Half {
    #[cfg(target_arch = "nvptx64")]
    return Half::from_bits((x as f16).to_bits());
    #[cfg(not(target_arch = "nvptx64"))]
    Half::from_f32(x)
}

/// The sum, correctly rounded: an `f32` holds more than twice as many digits, so rounding twice is
/// rounding once.
#[inline(always)]
pub fn add(a: Half, b: Half) -> Half {
    from_f32(to_f32(a) + to_f32(b))
}

/// The difference, correctly rounded.
#[inline(always)]
pub fn sub(a: Half, b: Half) -> Half {
    from_f32(to_f32(a) - to_f32(b))
}

/// The smaller number, or NaN if both are.
#[inline(always)]
pub fn min(a: Half, b: Half) -> Half {
    from_f32(to_f32(a).min(to_f32(b)))
}

/// The larger number, or NaN if both are.
#[inline(always)]
pub fn max(a: Half, b: Half) -> Half {
    from_f32(to_f32(a).max(to_f32(b)))
}
