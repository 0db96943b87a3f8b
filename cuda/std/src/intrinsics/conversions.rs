//! Conversions between floats and integers, in the four directions of rounding: `rn` to the nearest
//! (halves to the even one), `rz` towards 0, `ru` upwards, `rd` downwards.
//!
//! What a type of integers cannot hold becomes its nearest end. NaN becomes 0 from `f32` to 32 bits,
//! else only the topmost bit is set.

use super::instruction;
use crate::float::{double, single};
#[cfg(not(target_arch = "nvptx64"))]
use crate::intrinsics::rounding::software;

instruction! {
    /// `f64` to `i32`, rounded to the nearest.
    fn double2int_rn(d: f64 = reg64) -> i32 = reg32,
        "cvt.rni.s32.f64 {}, {};" else if d.is_nan() { i32::MIN } else { double::round_ties_even(d) as i32 };
    /// `f64` to `i32`, rounded towards 0.
    fn double2int_rz(d: f64 = reg64) -> i32 = reg32,
        "cvt.rzi.s32.f64 {}, {};" else if d.is_nan() { i32::MIN } else { double::trunc(d) as i32 };
    /// `f64` to `i32`, rounded upwards.
    fn double2int_ru(d: f64 = reg64) -> i32 = reg32,
        "cvt.rpi.s32.f64 {}, {};" else if d.is_nan() { i32::MIN } else { double::ceil(d) as i32 };
    /// `f64` to `i32`, rounded downwards.
    fn double2int_rd(d: f64 = reg64) -> i32 = reg32,
        "cvt.rmi.s32.f64 {}, {};" else if d.is_nan() { i32::MIN } else { double::floor(d) as i32 };
    /// `f64` to `u32`, rounded to the nearest.
    fn double2uint_rn(d: f64 = reg64) -> i32 = reg32,
        "cvt.rni.u32.f64 {}, {};" else if d.is_nan() { i32::MIN } else { double::round_ties_even(d) as u32 as i32 };
    /// `f64` to `u32`, rounded towards 0.
    fn double2uint_rz(d: f64 = reg64) -> i32 = reg32,
        "cvt.rzi.u32.f64 {}, {};" else if d.is_nan() { i32::MIN } else { double::trunc(d) as u32 as i32 };
    /// `f64` to `u32`, rounded upwards.
    fn double2uint_ru(d: f64 = reg64) -> i32 = reg32,
        "cvt.rpi.u32.f64 {}, {};" else if d.is_nan() { i32::MIN } else { double::ceil(d) as u32 as i32 };
    /// `f64` to `u32`, rounded downwards.
    fn double2uint_rd(d: f64 = reg64) -> i32 = reg32,
        "cvt.rmi.u32.f64 {}, {};" else if d.is_nan() { i32::MIN } else { double::floor(d) as u32 as i32 };
    /// `f64` to `i64`, rounded to the nearest.
    fn double2ll_rn(f: f64 = reg64) -> i64 = reg64,
        "cvt.rni.s64.f64 {}, {};" else if f.is_nan() { i64::MIN } else { double::round_ties_even(f) as i64 };
    /// `f64` to `i64`, rounded towards 0.
    fn double2ll_rz(f: f64 = reg64) -> i64 = reg64,
        "cvt.rzi.s64.f64 {}, {};" else if f.is_nan() { i64::MIN } else { double::trunc(f) as i64 };
    /// `f64` to `i64`, rounded upwards.
    fn double2ll_ru(f: f64 = reg64) -> i64 = reg64,
        "cvt.rpi.s64.f64 {}, {};" else if f.is_nan() { i64::MIN } else { double::ceil(f) as i64 };
    /// `f64` to `i64`, rounded downwards.
    fn double2ll_rd(f: f64 = reg64) -> i64 = reg64,
        "cvt.rmi.s64.f64 {}, {};" else if f.is_nan() { i64::MIN } else { double::floor(f) as i64 };
    /// `f64` to `u64`, rounded to the nearest.
    fn double2ull_rn(f: f64 = reg64) -> i64 = reg64,
        "cvt.rni.u64.f64 {}, {};" else if f.is_nan() { i64::MIN } else { double::round_ties_even(f) as u64 as i64 };
    /// `f64` to `u64`, rounded towards 0.
    fn double2ull_rz(f: f64 = reg64) -> i64 = reg64,
        "cvt.rzi.u64.f64 {}, {};" else if f.is_nan() { i64::MIN } else { double::trunc(f) as u64 as i64 };
    /// `f64` to `u64`, rounded upwards.
    fn double2ull_ru(f: f64 = reg64) -> i64 = reg64,
        "cvt.rpi.u64.f64 {}, {};" else if f.is_nan() { i64::MIN } else { double::ceil(f) as u64 as i64 };
    /// `f64` to `u64`, rounded downwards.
    fn double2ull_rd(f: f64 = reg64) -> i64 = reg64,
        "cvt.rmi.u64.f64 {}, {};" else if f.is_nan() { i64::MIN } else { double::floor(f) as u64 as i64 };
    /// `f32` to `i32`, rounded to the nearest.
    fn float2int_rn(in_: f32 = reg32) -> i32 = reg32,
        "cvt.rni.s32.f32 {}, {};" else single::round_ties_even(in_) as i32;
    /// `f32` to `i32`, rounded towards 0.
    fn float2int_rz(in_: f32 = reg32) -> i32 = reg32,
        "cvt.rzi.s32.f32 {}, {};" else single::trunc(in_) as i32;
    /// `f32` to `i32`, rounded upwards.
    fn float2int_ru(in_: f32 = reg32) -> i32 = reg32,
        "cvt.rpi.s32.f32 {}, {};" else single::ceil(in_) as i32;
    /// `f32` to `i32`, rounded downwards.
    fn float2int_rd(in_: f32 = reg32) -> i32 = reg32,
        "cvt.rmi.s32.f32 {}, {};" else single::floor(in_) as i32;
    /// `f32` to `u32`, rounded to the nearest.
    fn float2uint_rn(in_: f32 = reg32) -> i32 = reg32,
        "cvt.rni.u32.f32 {}, {};" else single::round_ties_even(in_) as u32 as i32;
    /// `f32` to `u32`, rounded towards 0.
    fn float2uint_rz(in_: f32 = reg32) -> i32 = reg32,
        "cvt.rzi.u32.f32 {}, {};" else single::trunc(in_) as u32 as i32;
    /// `f32` to `u32`, rounded upwards.
    fn float2uint_ru(in_: f32 = reg32) -> i32 = reg32,
        "cvt.rpi.u32.f32 {}, {};" else single::ceil(in_) as u32 as i32;
    /// `f32` to `u32`, rounded downwards.
    fn float2uint_rd(in_: f32 = reg32) -> i32 = reg32,
        "cvt.rmi.u32.f32 {}, {};" else single::floor(in_) as u32 as i32;
    /// `f32` to `i64`, rounded to the nearest.
    fn float2ll_rn(f: f32 = reg32) -> i64 = reg64,
        "cvt.rni.s64.f32 {}, {};" else if f.is_nan() { i64::MIN } else { single::round_ties_even(f) as i64 };
    /// `f32` to `i64`, rounded towards 0.
    fn float2ll_rz(f: f32 = reg32) -> i64 = reg64,
        "cvt.rzi.s64.f32 {}, {};" else if f.is_nan() { i64::MIN } else { single::trunc(f) as i64 };
    /// `f32` to `i64`, rounded upwards.
    fn float2ll_ru(f: f32 = reg32) -> i64 = reg64,
        "cvt.rpi.s64.f32 {}, {};" else if f.is_nan() { i64::MIN } else { single::ceil(f) as i64 };
    /// `f32` to `i64`, rounded downwards.
    fn float2ll_rd(f: f32 = reg32) -> i64 = reg64,
        "cvt.rmi.s64.f32 {}, {};" else if f.is_nan() { i64::MIN } else { single::floor(f) as i64 };
    /// `f32` to `u64`, rounded to the nearest.
    fn float2ull_rn(f: f32 = reg32) -> i64 = reg64,
        "cvt.rni.u64.f32 {}, {};" else if f.is_nan() { i64::MIN } else { single::round_ties_even(f) as u64 as i64 };
    /// `f32` to `u64`, rounded towards 0.
    fn float2ull_rz(f: f32 = reg32) -> i64 = reg64,
        "cvt.rzi.u64.f32 {}, {};" else if f.is_nan() { i64::MIN } else { single::trunc(f) as u64 as i64 };
    /// `f32` to `u64`, rounded upwards.
    fn float2ull_ru(f: f32 = reg32) -> i64 = reg64,
        "cvt.rpi.u64.f32 {}, {};" else if f.is_nan() { i64::MIN } else { single::ceil(f) as u64 as i64 };
    /// `f32` to `u64`, rounded downwards.
    fn float2ull_rd(f: f32 = reg32) -> i64 = reg64,
        "cvt.rmi.u64.f32 {}, {};" else if f.is_nan() { i64::MIN } else { single::floor(f) as u64 as i64 };
    /// `i32` to `f32`, rounded to the nearest.
    fn int2float_rn(in_: i32 = reg32) -> f32 = reg32,
        "cvt.rn.f32.s32 {}, {};" else in_ as f32;
    /// `i32` to `f32`, rounded towards 0.
    fn int2float_rz(in_: i32 = reg32) -> f32 = reg32,
        "cvt.rz.f32.s32 {}, {};" else software::single_from(i128::from(in_), software::Round::TowardZero);
    /// `i32` to `f32`, rounded upwards.
    fn int2float_ru(in_: i32 = reg32) -> f32 = reg32,
        "cvt.rp.f32.s32 {}, {};" else software::single_from(i128::from(in_), software::Round::TowardPositive);
    /// `i32` to `f32`, rounded downwards.
    fn int2float_rd(in_: i32 = reg32) -> f32 = reg32,
        "cvt.rm.f32.s32 {}, {};" else software::single_from(i128::from(in_), software::Round::TowardNegative);
    /// `i32` to `f64`, rounded to the nearest.
    fn int2double_rn(i: i32 = reg32) -> f64 = reg64,
        "cvt.rn.f64.s32 {}, {};" else i as f64;
    /// `u32` to `f32`, rounded to the nearest.
    fn uint2float_rn(in_: i32 = reg32) -> f32 = reg32,
        "cvt.rn.f32.u32 {}, {};" else (in_ as u32) as f32;
    /// `u32` to `f32`, rounded towards 0.
    fn uint2float_rz(in_: i32 = reg32) -> f32 = reg32,
        "cvt.rz.f32.u32 {}, {};" else software::single_from(i128::from(in_ as u32), software::Round::TowardZero);
    /// `u32` to `f32`, rounded upwards.
    fn uint2float_ru(in_: i32 = reg32) -> f32 = reg32,
        "cvt.rp.f32.u32 {}, {};" else software::single_from(i128::from(in_ as u32), software::Round::TowardPositive);
    /// `u32` to `f32`, rounded downwards.
    fn uint2float_rd(in_: i32 = reg32) -> f32 = reg32,
        "cvt.rm.f32.u32 {}, {};" else software::single_from(i128::from(in_ as u32), software::Round::TowardNegative);
    /// `u32` to `f64`, rounded to the nearest.
    fn uint2double_rn(i: i32 = reg32) -> f64 = reg64,
        "cvt.rn.f64.u32 {}, {};" else (i as u32) as f64;
    /// `i64` to `f32`, rounded to the nearest.
    fn ll2float_rn(l: i64 = reg64) -> f32 = reg32,
        "cvt.rn.f32.s64 {}, {};" else l as f32;
    /// `i64` to `f32`, rounded towards 0.
    fn ll2float_rz(l: i64 = reg64) -> f32 = reg32,
        "cvt.rz.f32.s64 {}, {};" else software::single_from(i128::from(l), software::Round::TowardZero);
    /// `i64` to `f32`, rounded upwards.
    fn ll2float_ru(l: i64 = reg64) -> f32 = reg32,
        "cvt.rp.f32.s64 {}, {};" else software::single_from(i128::from(l), software::Round::TowardPositive);
    /// `i64` to `f32`, rounded downwards.
    fn ll2float_rd(l: i64 = reg64) -> f32 = reg32,
        "cvt.rm.f32.s64 {}, {};" else software::single_from(i128::from(l), software::Round::TowardNegative);
    /// `i64` to `f64`, rounded to the nearest.
    fn ll2double_rn(l: i64 = reg64) -> f64 = reg64,
        "cvt.rn.f64.s64 {}, {};" else l as f64;
    /// `i64` to `f64`, rounded towards 0.
    fn ll2double_rz(l: i64 = reg64) -> f64 = reg64,
        "cvt.rz.f64.s64 {}, {};" else software::double_from(i128::from(l), software::Round::TowardZero);
    /// `i64` to `f64`, rounded upwards.
    fn ll2double_ru(l: i64 = reg64) -> f64 = reg64,
        "cvt.rp.f64.s64 {}, {};" else software::double_from(i128::from(l), software::Round::TowardPositive);
    /// `i64` to `f64`, rounded downwards.
    fn ll2double_rd(l: i64 = reg64) -> f64 = reg64,
        "cvt.rm.f64.s64 {}, {};" else software::double_from(i128::from(l), software::Round::TowardNegative);
    /// `u64` to `f32`, rounded to the nearest.
    fn ull2float_rn(l: i64 = reg64) -> f32 = reg32,
        "cvt.rn.f32.u64 {}, {};" else (l as u64) as f32;
    /// `u64` to `f32`, rounded towards 0.
    fn ull2float_rz(l: i64 = reg64) -> f32 = reg32,
        "cvt.rz.f32.u64 {}, {};" else software::single_from(i128::from(l as u64), software::Round::TowardZero);
    /// `u64` to `f32`, rounded upwards.
    fn ull2float_ru(l: i64 = reg64) -> f32 = reg32,
        "cvt.rp.f32.u64 {}, {};" else software::single_from(i128::from(l as u64), software::Round::TowardPositive);
    /// `u64` to `f32`, rounded downwards.
    fn ull2float_rd(l: i64 = reg64) -> f32 = reg32,
        "cvt.rm.f32.u64 {}, {};" else software::single_from(i128::from(l as u64), software::Round::TowardNegative);
    /// `u64` to `f64`, rounded to the nearest.
    fn ull2double_rn(l: i64 = reg64) -> f64 = reg64,
        "cvt.rn.f64.u64 {}, {};" else (l as u64) as f64;
    /// `u64` to `f64`, rounded towards 0.
    fn ull2double_rz(l: i64 = reg64) -> f64 = reg64,
        "cvt.rz.f64.u64 {}, {};" else software::double_from(i128::from(l as u64), software::Round::TowardZero);
    /// `u64` to `f64`, rounded upwards.
    fn ull2double_ru(l: i64 = reg64) -> f64 = reg64,
        "cvt.rp.f64.u64 {}, {};" else software::double_from(i128::from(l as u64), software::Round::TowardPositive);
    /// `u64` to `f64`, rounded downwards.
    fn ull2double_rd(l: i64 = reg64) -> f64 = reg64,
        "cvt.rm.f64.u64 {}, {};" else software::double_from(i128::from(l as u64), software::Round::TowardNegative);
    /// `f64` to `f32`, rounded to the nearest.
    fn double2float_rn(d: f64 = reg64) -> f32 = reg32,
        "cvt.rn.f32.f64 {}, {};" else d as f32;
    /// `f64` to `f32`, rounded towards 0.
    fn double2float_rz(d: f64 = reg64) -> f32 = reg32,
        "cvt.rz.f32.f64 {}, {};" else software::narrowed(d, software::Round::TowardZero);
    /// `f64` to `f32`, rounded upwards.
    fn double2float_ru(d: f64 = reg64) -> f32 = reg32,
        "cvt.rp.f32.f64 {}, {};" else software::narrowed(d, software::Round::TowardPositive);
    /// `f64` to `f32`, rounded downwards.
    fn double2float_rd(d: f64 = reg64) -> f32 = reg32,
        "cvt.rm.f32.f64 {}, {};" else software::narrowed(d, software::Round::TowardNegative);
    /// `f32` to the bits of an `f16`, rounded to the nearest.
    fn float2half_rn(f: f32 = reg32) -> i16 = reg16,
        "cvt.rn.f16.f32 {}, {};" else half::f16::from_f32(f).to_bits() as i16;
    /// The bits of an `f16` to `f32`.
    fn half2float(h: i16 = reg16) -> f32 = reg32,
        "cvt.f32.f16 {}, {};" else half::f16::from_bits(h as u16).to_f32();
}

/// The upper 32 bits.
#[inline(always)]
pub fn double2hiint(d: f64) -> i32 {
    (d.to_bits() >> 32) as i32
}

/// The lower 32 bits.
#[inline(always)]
pub fn double2loint(d: f64) -> i32 {
    d.to_bits() as i32
}

/// The number with the upper bits `x` and the lower bits `y`.
#[inline(always)]
pub fn hiloint2double(x: i32, y: i32) -> f64 {
    f64::from_bits(u64::from(x as u32) << 32 | u64::from(y as u32))
}

/// The bits.
#[inline(always)]
pub fn double_as_longlong(x: f64) -> i64 {
    x.to_bits() as i64
}

/// The number with these bits.
#[inline(always)]
pub fn longlong_as_double(x: i64) -> f64 {
    f64::from_bits(x as u64)
}

/// The bits.
#[inline(always)]
pub fn float_as_int(x: f32) -> i32 {
    x.to_bits() as i32
}

/// The number with these bits.
#[inline(always)]
pub fn int_as_float(x: i32) -> f32 {
    f32::from_bits(x as u32)
}

/// The nearest integer; halves go to the even one.
#[inline(always)]
pub fn llrint(x: f64) -> i64 {
    double2ll_rn(x)
}

/// The nearest integer; halves go to the even one.
#[inline(always)]
pub fn llrintf(x: f32) -> i64 {
    float2ll_rn(x)
}

/// The nearest integer; halves go away from 0.
#[inline(always)]
pub fn llround(x: f64) -> i64 {
    double2ll_rz(double::round(x))
}

/// The nearest integer; halves go away from 0.
#[inline(always)]
pub fn llroundf(x: f32) -> i64 {
    float2ll_rz(single::round(x))
}
