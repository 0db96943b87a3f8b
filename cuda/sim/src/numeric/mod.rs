//! Numbers as a GPU computes with them: functions of scalars, which know nothing of registers.
//!
//! What is plain host arithmetic, and so runs on vectors, is marked `inline(always)`: it is compiled
//! for the widest vectors wherever an instruction uses it. The rest is as exact, and slower.

pub(crate) mod approximate;
pub(crate) mod double;
pub(crate) mod format;
pub(crate) mod half;
pub(crate) mod product;
pub(crate) mod single;

/// How a value that a format lacks becomes one that it has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rounding {
    /// `.rn`: to the nearest, of two that are equally near to the even one.
    Nearest,
    /// `.rz`: towards zero.
    Zero,
    /// `.rm`: towards minus infinity.
    Down,
    /// `.rp`: towards infinity.
    Up,
}

/// The double that operations give for NaN. It is negative: so is the one that the code has which
/// `ptxas` makes of a square root.
pub(crate) const NAN_DOUBLE: f64 = f64::from_bits(0xfff8_0000_0000_0000);

/// The single that operations give for NaN.
pub(crate) const NAN_SINGLE: f32 = f32::from_bits(0x7fff_ffff);

/// The `.f16` and the `.bf16` that operations give for NaN.
pub(crate) const NAN_HALF: u16 = 0x7fff;

/// The double itself, or the one NaN that operations give.
#[inline(always)]
pub(crate) fn canonical_double(value: f64) -> f64 {
    // As in `canonical`.
    let bits = value.to_bits();
    let is_nan = bits & (u64::MAX >> 1) > f64::INFINITY.to_bits();
    f64::from_bits(if is_nan { NAN_DOUBLE.to_bits() } else { bits })
}

/// The single itself, or the one NaN that operations give.
#[inline(always)]
pub(crate) fn canonical(value: f32) -> f32 {
    // By the bits: of `is_nan` after a square root, LLVM thinks that one NaN is as good as another.
    let bits = value.to_bits();
    let is_nan = bits & (u32::MAX >> 1) > f32::INFINITY.to_bits();
    f32::from_bits(if is_nan { NAN_SINGLE.to_bits() } else { bits })
}

/// `.ftz`: a subnormal becomes a zero of its sign.
#[inline(always)]
pub(crate) fn flush(value: f32) -> f32 {
    if value.abs() < f32::MIN_POSITIVE {
        0f32.copysign(value)
    } else {
        value
    }
}

/// `.sat`: into [0, 1]; NaN becomes 0.
#[inline(always)]
pub(crate) fn saturate(value: f32) -> f32 {
    // A comparison with NaN fails, so the zero must be the other arm. It is positive for -0 too.
    let value = if value > 0.0 { value } else { 0.0 };
    if value < 1.0 { value } else { 1.0 }
}

/// A double rounded to a whole number. A zero keeps the sign of the value.
#[inline(always)]
pub(crate) fn to_integral(value: f64, rounding: Rounding) -> f64 {
    match rounding {
        Rounding::Nearest => value.round_ties_even(),
        Rounding::Zero => value.trunc(),
        Rounding::Down => value.floor(),
        Rounding::Up => value.ceil(),
    }
}

/// The exact sum `a + b` rounded to odd: if it is not a double, the neighbour with an odd mantissa.
///
/// What has at least two bits less can then be rounded from it in any mode as if from the exact
/// sum (Boldo and Melquiond, *Emulation of a FMA and correctly rounded sums*, 2008). The exponents
/// must be far from overflow and underflow.
#[inline(always)]
pub(crate) fn add_to_odd(a: f64, b: f64) -> f64 {
    let sum = a + b;
    let virtual_b = sum - a;
    let error = (a - (sum - virtual_b)) + (b - virtual_b);
    // Infinities and NaN have an error that is NaN, and stay.
    let inexact = error.abs() > 0.0;
    let bits = sum.to_bits();
    let grows = (error > 0.0) == (sum > 0.0);
    let odd = if bits & 1 == 1 {
        bits
    } else if grows {
        bits + 1
    } else {
        bits.wrapping_sub(1)
    };
    if inexact { f64::from_bits(odd) } else { sum }
}
