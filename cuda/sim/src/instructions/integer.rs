//! Integer arithmetic: sums, products, quotients, and what is made of them.

use super::lanes::{binary, ternary, unary};
use super::types::{bits, integers, signed};
use super::{extended, packed};
use crate::exec::Action;
use crate::program::Operation;
use crate::ptx::{PtxError, Type};

/// `add` and `sub`.
pub(super) fn add(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let subtract = operation.instruction.opcode == "sub";
    if operation.peek() == Some("cc") {
        return extended::add(operation);
    }
    let saturate = operation.flag("sat");
    let ty = operation.ty()?;
    operation.finish(3..=3)?;
    let [d, a, b] = operation.operands3(ty)?;
    Ok(match (saturate, subtract, ty) {
        (true, false, Type::S32) => binary(d, a, b, i32::saturating_add),
        (true, true, Type::S32) => binary(d, a, b, i32::saturating_sub),
        (true, ..) => return Err(operation.unknown()),
        (false, false, Type::U16x2 | Type::S16x2) => {
            binary(d, a, b, |a, b| packed::pair(a, b, u16::wrapping_add))
        }
        (false, false, _) => {
            bits!(operation, ty, T => binary(d, a, b, |a: T, b: T| a.wrapping_add(b)))
        }
        (false, true, _) => {
            bits!(operation, ty, T => binary(d, a, b, |a: T, b: T| a.wrapping_sub(b)))
        }
    })
}

/// Which part of a product is meant.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Part {
    Low,
    High,
    Wide,
}

const LOW_OR_HIGH: [(&str, Part); 2] = [("lo", Part::Low), ("hi", Part::High)];

/// An integer whose products are taken apart.
pub(super) trait Factor: Copy {
    /// An integer of twice the bits.
    type Wide;
    /// The product.
    fn wide(self, other: Self) -> Self::Wide;
    /// Its upper half.
    fn high(self, other: Self) -> Self;
}

macro_rules! factors {
    ($($narrow:ty, $wide:ty;)*) => {$(
        impl Factor for $narrow {
            type Wide = $wide;
            #[inline(always)]
            fn wide(self, other: Self) -> $wide {
                <$wide>::from(self) * <$wide>::from(other)
            }
            #[inline(always)]
            fn high(self, other: Self) -> Self {
                (self.wide(other) >> <$narrow>::BITS) as $narrow
            }
        }
    )*};
}

factors! {
    u16, u32;
    u32, u64;
    u64, u128;
    i16, i32;
    i32, i64;
    i64, i128;
}

/// The type of a wide product.
fn wide_type(ty: Type) -> Option<Type> {
    Some(match ty {
        Type::U16 => Type::U32,
        Type::S16 => Type::S32,
        Type::U32 => Type::U64,
        Type::S32 => Type::S64,
        _ => return None,
    })
}

fn part(operation: &mut Operation<'_, '_>) -> Result<Part, PtxError> {
    operation
        .choice(&[LOW_OR_HIGH[0], LOW_OR_HIGH[1], ("wide", Part::Wide)])
        .ok_or_else(|| operation.error("expected `.lo`, `.hi` or `.wide`"))
}

/// `mul`
pub(super) fn mul(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let part = part(operation)?;
    let ty = operation.ty()?;
    operation.finish(3..=3)?;
    if part == Part::Wide {
        let wide = wide_type(ty).ok_or_else(|| operation.unknown())?;
        let d = operation.output(0, wide)?;
        let [a, b] = [operation.input(1, ty)?, operation.input(2, ty)?];
        return Ok(match ty {
            Type::U16 => binary(d, a, b, u16::wide),
            Type::S16 => binary(d, a, b, i16::wide),
            Type::U32 => binary(d, a, b, u32::wide),
            _ => binary(d, a, b, i32::wide),
        });
    }
    let [d, a, b] = operation.operands3(ty)?;
    Ok(match part {
        Part::High => integers!(operation, ty, T => binary(d, a, b, T::high)),
        _ => bits!(operation, ty, T => binary(d, a, b, |a: T, b: T| a.wrapping_mul(b))),
    })
}

/// `mad` and `madc` of integers.
pub(super) fn mad(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let reads_carry = operation.instruction.opcode == "madc";
    let part = part(operation)?;
    if reads_carry || operation.peek() == Some("cc") {
        return extended::mad(operation, part);
    }
    let saturate = operation.flag("sat");
    let ty = operation.ty()?;
    operation.finish(4..=4)?;
    if saturate && (part, ty) != (Part::High, Type::S32) {
        return Err(operation.unknown());
    }
    if part == Part::Wide {
        let wide = wide_type(ty).ok_or_else(|| operation.unknown())?;
        let d = operation.output(0, wide)?;
        let [a, b] = [operation.input(1, ty)?, operation.input(2, ty)?];
        let c = operation.input(3, wide)?;
        return Ok(match ty {
            Type::U16 => ternary(d, a, b, c, |a: u16, b, c: u32| a.wide(b).wrapping_add(c)),
            Type::S16 => ternary(d, a, b, c, |a: i16, b, c: i32| a.wide(b).wrapping_add(c)),
            Type::U32 => ternary(d, a, b, c, |a: u32, b, c: u64| a.wide(b).wrapping_add(c)),
            _ => ternary(d, a, b, c, |a: i32, b, c: i64| a.wide(b).wrapping_add(c)),
        });
    }
    let [d, a, b, c] = operation.operands4(ty)?;
    Ok(match part {
        _ if saturate => ternary(d, a, b, c, |a: i32, b, c| a.high(b).saturating_add(c)),
        Part::High => {
            integers!(operation, ty, T => ternary(d, a, b, c, |a: T, b: T, c: T| a.high(b).wrapping_add(c)))
        }
        _ => {
            bits!(operation, ty, T => ternary(d, a, b, c, |a: T, b: T, c: T| a.wrapping_mul(b).wrapping_add(c)))
        }
    })
}

/// The product of the lower 24 bits of two unsigned integers.
#[inline(always)]
fn product24(a: u32, b: u32) -> u64 {
    u64::from(a & 0xff_ffff) * u64::from(b & 0xff_ffff)
}

/// The product of the lower 24 bits of two signed integers.
#[inline(always)]
fn signed_product24(a: i32, b: i32) -> i64 {
    i64::from(a << 8 >> 8) * i64::from(b << 8 >> 8)
}

/// `mul24` and `mad24`
pub(super) fn mul24(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let adds = operation.instruction.opcode == "mad24";
    let part = operation
        .choice(&LOW_OR_HIGH)
        .ok_or_else(|| operation.error("expected `.lo` or `.hi`"))?;
    let saturate = adds && part == Part::High && operation.flag("sat");
    let ty = operation.ty()?;
    let count = if adds { 4 } else { 3 };
    operation.finish(count..=count)?;
    let [d, a, b] = operation.operands3(ty)?;
    let c = if adds { operation.input(3, ty)? } else { a };
    // The sum's third operand is the first again where there is none, and weighs nothing.
    let weight = u32::from(adds);
    let shift = if part == Part::High { 16 } else { 0 };
    Ok(match ty {
        Type::S32 if saturate => ternary(d, a, b, c, move |a, b, c: i32| {
            ((signed_product24(a, b) >> 16) as i32).saturating_add(c)
        }),
        Type::S32 => ternary(d, a, b, c, move |a, b, c: u32| {
            ((signed_product24(a, b) >> shift) as u32).wrapping_add(c.wrapping_mul(weight))
        }),
        Type::U32 if !saturate => ternary(d, a, b, c, move |a, b, c: u32| {
            ((product24(a, b) >> shift) as u32).wrapping_add(c.wrapping_mul(weight))
        }),
        _ => return Err(operation.unknown()),
    })
}

/// `sad`: the distance of two integers, added to a third.
pub(super) fn sad(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let ty = operation.ty()?;
    operation.finish(4..=4)?;
    let [d, a, b, c] = operation.operands4(ty)?;
    Ok(
        integers!(operation, ty, T => ternary(d, a, b, c, |a: T, b: T, c: T| {
            c.wrapping_add(if a < b { b.wrapping_sub(a) } else { a.wrapping_sub(b) })
        })),
    )
}

/// `div` and `rem`. By zero, a GPU's quotient and remainder are both all ones.
pub(super) fn div(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let remainder = operation.instruction.opcode == "rem";
    let ty = operation.ty()?;
    operation.finish(3..=3)?;
    let [d, a, b] = operation.operands3(ty)?;
    Ok(if remainder {
        integers!(operation, ty, T => binary(d, a, b, |a: T, b: T| {
            if b == 0 { !0 } else { a.wrapping_rem(b) }
        }))
    } else {
        integers!(operation, ty, T => binary(d, a, b, |a: T, b: T| {
            if b == 0 { !0 } else { a.wrapping_div(b) }
        }))
    })
}

/// `abs` and `neg`
pub(super) fn abs(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let negate = operation.instruction.opcode == "neg";
    let ty = operation.ty()?;
    operation.finish(2..=2)?;
    let [d, a] = operation.operands2(ty)?;
    Ok(if negate {
        signed!(operation, ty, T => unary(d, a, T::wrapping_neg))
    } else {
        signed!(operation, ty, T => unary(d, a, T::wrapping_abs))
    })
}

/// `min` and `max`
pub(super) fn min(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let largest = operation.instruction.opcode == "max";
    let relu = operation.flag("relu");
    let ty = operation.ty()?;
    operation.finish(3..=3)?;
    if relu && !matches!(ty, Type::S32 | Type::S16x2) {
        return Err(operation.unknown());
    }
    let [d, a, b] = operation.operands3(ty)?;
    let floor = if relu { 0 } else { i16::MIN };
    Ok(match (largest, ty) {
        (false, Type::S32) if relu => binary(d, a, b, |a: i32, b| a.min(b).max(0)),
        (true, Type::S32) if relu => binary(d, a, b, |a: i32, b| a.max(b).max(0)),
        (false, Type::U16x2) => binary(d, a, b, |a, b| packed::pair(a, b, u16::min)),
        (true, Type::U16x2) => binary(d, a, b, |a, b| packed::pair(a, b, u16::max)),
        (false, Type::S16x2) => binary(d, a, b, move |a, b| {
            packed::pair(a, b, |a, b| (a as i16).min(b as i16).max(floor) as u16)
        }),
        (true, Type::S16x2) => binary(d, a, b, move |a, b| {
            packed::pair(a, b, |a, b| (a as i16).max(b as i16).max(floor) as u16)
        }),
        (false, _) => integers!(operation, ty, T => binary(d, a, b, |a: T, b: T| a.min(b))),
        (true, _) => integers!(operation, ty, T => binary(d, a, b, |a: T, b: T| a.max(b))),
    })
}

/// `dp4a`: the products of four bytes each, summed.
pub(super) fn dp4a(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let [a_signed, b_signed] = factor_signs(operation)?;
    operation.finish(4..=4)?;
    let [d, a, b, c] = operation.operands4(Type::B32)?;
    Ok(ternary(d, a, b, c, move |a: u32, b: u32, c: u32| {
        (0..4).fold(c, |sum, at| {
            let product = byte(a, at, a_signed) * byte(b, at, b_signed);
            sum.wrapping_add(product as u32)
        })
    }))
}

/// `dp2a`: the products of two half words and two bytes, summed.
pub(super) fn dp2a(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let first = operation
        .choice(&[("lo", 0), ("hi", 2)])
        .ok_or_else(|| operation.error("expected `.lo` or `.hi`"))?;
    let [a_signed, b_signed] = factor_signs(operation)?;
    operation.finish(4..=4)?;
    let [d, a, b, c] = operation.operands4(Type::B32)?;
    Ok(ternary(d, a, b, c, move |a: u32, b: u32, c: u32| {
        (0..2).fold(c, |sum, at| {
            let half = (a >> (16 * at)) as u16;
            let half = if a_signed {
                i32::from(half as i16)
            } else {
                half.into()
            };
            let product = half * byte(b, first + at, b_signed);
            sum.wrapping_add(product as u32)
        })
    }))
}

/// A byte of a word.
#[inline(always)]
fn byte(word: u32, at: u32, signed: bool) -> i32 {
    let byte = (word >> (8 * at)) as u8;
    if signed {
        i32::from(byte as i8)
    } else {
        byte.into()
    }
}

/// The types of the factors: whether they are signed.
fn factor_signs(operation: &mut Operation<'_, '_>) -> Result<[bool; 2], PtxError> {
    let mut sign = || {
        let sign = operation.choice(&[("u32", false), ("s32", true)]);
        sign.ok_or_else(|| operation.error("expected `.u32` or `.s32`"))
    };
    Ok([sign()?, sign()?])
}
