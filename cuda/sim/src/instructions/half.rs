//! Arithmetic of `.f16` and `.bf16`, alone and in pairs, and together with singles.

use super::float::Modes;
use super::lanes::{binary, ternary, unary};
use super::packed::{halves, join, pair};
use crate::exec::{Action, Slot};
use crate::numeric::half::{self, Bf16, F16, Half};
use crate::numeric::{Rounding, canonical, saturate, single};
use crate::program::Operation;
use crate::ptx::{PtxError, Type};

/// Whether a type is one of this file's.
pub(super) fn is_half(ty: Type) -> bool {
    matches!(ty, Type::F16 | Type::F16x2 | Type::BF16 | Type::BF16x2)
}

/// `.ftz`, `.sat` and `.relu`
#[derive(Clone, Copy)]
struct HalfModes {
    flush: bool,
    saturate: bool,
    relu: bool,
}

impl HalfModes {
    #[inline(always)]
    fn operand<H: Half>(self, bits: u16) -> u16 {
        if self.flush {
            half::flush::<H>(bits)
        } else {
            bits
        }
    }

    #[inline(always)]
    fn result<H: Half>(self, bits: u16) -> u16 {
        let bits = self.operand::<H>(bits);
        let bits = if self.saturate {
            half::saturate::<H>(bits)
        } else {
            bits
        };
        if self.relu {
            half::relu::<H>(bits)
        } else {
            bits
        }
    }
}

/// `d = f(a)` of one half or of two.
fn unary_half(
    ty: Type,
    d: Slot,
    a: Slot,
    f: impl Fn(u16) -> u16 + Send + Sync + 'static,
) -> Action {
    match ty {
        Type::F16 | Type::BF16 => unary(d, a, f),
        _ => unary(d, a, move |a| {
            let [low, high] = halves(a).map(&f);
            join(low, high)
        }),
    }
}

/// `d = f(a, b)` of one half or of two.
pub(super) fn binary_half(
    ty: Type,
    [d, a, b]: [Slot; 3],
    f: impl Fn(u16, u16) -> u16 + Send + Sync + 'static,
) -> Action {
    match ty {
        Type::F16 | Type::BF16 => binary(d, a, b, f),
        _ => binary(d, a, b, move |a, b| pair(a, b, &f)),
    }
}

/// `add`, `sub` and `mul`
pub(super) fn arithmetic(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    nearest(operation)?;
    let modes = HalfModes {
        flush: operation.flag("ftz"),
        saturate: operation.flag("sat"),
        relu: false,
    };
    let ty = operation.ty()?;
    operation.finish(3..=3)?;
    match ty {
        Type::F16 | Type::F16x2 => arithmetic_of::<F16>(operation, ty, modes),
        Type::BF16 | Type::BF16x2 if !modes.flush && !modes.saturate => {
            arithmetic_of::<Bf16>(operation, ty, modes)
        }
        _ => Err(operation.unknown()),
    }
}

/// Takes `.rn`, which may be missing. There is no other mode.
fn nearest(operation: &mut Operation<'_, '_>) -> Result<(), PtxError> {
    match operation.rounding() {
        None | Some(Rounding::Nearest) => Ok(()),
        Some(_) => Err(operation.error("halves are rounded by `.rn` alone")),
    }
}

/// An operation on two halves, of either format.
pub(super) trait Operator: 'static {
    fn of<H: Half>(a: u16, b: u16) -> u16;
}

macro_rules! operators {
    ($($name:ident $f:path;)*) => {$(
        struct $name;
        impl Operator for $name {
            #[inline(always)]
            fn of<H: Half>(a: u16, b: u16) -> u16 {
                $f(a, b)
            }
        }
    )*};
}

operators! {
    Add half::add::<H>;
    Sub half::sub::<H>;
    Mul half::mul::<H>;
}

/// An operation on the halves of two words.
#[inline(always)]
fn of_pair<O: Operator, H: Half>(a: u32, b: u32) -> u32 {
    pair(a, b, O::of::<H>)
}

/// `d = f(a, b)` of one half or of two.
pub(super) fn operator<O: Operator, H: Half>(ty: Type, [d, a, b]: [Slot; 3]) -> Action {
    match ty {
        Type::F16 | Type::BF16 => binary(d, a, b, O::of::<H>),
        _ => binary(d, a, b, of_pair::<O, H>),
    }
}

fn arithmetic_of<H: Half>(
    operation: &mut Operation<'_, '_>,
    ty: Type,
    modes: HalfModes,
) -> Result<Action, PtxError> {
    let slots = operation.operands3(ty)?;
    let of = move |a, b, f: fn(u16, u16) -> u16| {
        modes.result::<H>(f(modes.operand::<H>(a), modes.operand::<H>(b)))
    };
    let plain = !modes.flush && !modes.saturate;
    Ok(match operation.instruction.opcode.as_str() {
        "add" if plain => operator::<Add, H>(ty, slots),
        "sub" if plain => operator::<Sub, H>(ty, slots),
        "mul" if plain => operator::<Mul, H>(ty, slots),
        "add" => binary_half(ty, slots, move |a, b| of(a, b, half::add::<H>)),
        "sub" => binary_half(ty, slots, move |a, b| of(a, b, half::sub::<H>)),
        _ => binary_half(ty, slots, move |a, b| of(a, b, half::mul::<H>)),
    })
}

/// `fma`
pub(super) fn fma(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    if operation.required_rounding()? != Rounding::Nearest {
        return Err(operation.error("halves are rounded by `.rn` alone"));
    }
    let modes = HalfModes {
        flush: operation.flag("ftz"),
        saturate: operation.flag("sat"),
        relu: operation.flag("relu"),
    };
    let ty = operation.ty()?;
    operation.finish(4..=4)?;
    if modes.saturate && modes.relu {
        return Err(operation.error("`.sat` and `.relu` exclude each other"));
    }
    let slots = operation.operands4(ty)?;
    match ty {
        Type::F16 | Type::F16x2 => Ok(fma_of::<F16>(ty, slots, modes)),
        Type::BF16 | Type::BF16x2 if !modes.flush && !modes.saturate => {
            Ok(fma_of::<Bf16>(ty, slots, modes))
        }
        _ => Err(operation.unknown()),
    }
}

/// `a * b + c` of the halves of three words.
#[inline(always)]
fn fma_pair<H: Half>(a: u32, b: u32, c: u32) -> u32 {
    let [a, b, c] = [a, b, c].map(halves);
    join(
        half::fma::<H>(a[0], b[0], c[0]),
        half::fma::<H>(a[1], b[1], c[1]),
    )
}

fn fma_of<H: Half>(ty: Type, [d, a, b, c]: [Slot; 4], modes: HalfModes) -> Action {
    let of = move |a, b, c| {
        let [a, b, c] = [a, b, c].map(|bits| modes.operand::<H>(bits));
        modes.result::<H>(half::fma::<H>(a, b, c))
    };
    let plain = !modes.flush && !modes.saturate && !modes.relu;
    match ty {
        Type::F16 | Type::BF16 if plain => ternary(d, a, b, c, half::fma::<H>),
        Type::F16 | Type::BF16 => ternary(d, a, b, c, of),
        _ if plain => ternary(d, a, b, c, fma_pair::<H>),
        _ => ternary(d, a, b, c, move |a, b, c| {
            let [a, b, c] = [a, b, c].map(halves);
            join(of(a[0], b[0], c[0]), of(a[1], b[1], c[1]))
        }),
    }
}

/// `abs` and `neg`. A GPU adds zero, so NaN becomes the one that operations give.
pub(super) fn abs(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let negates = operation.instruction.opcode == "neg";
    let flush = operation.flag("ftz");
    let ty = operation.ty()?;
    operation.finish(2..=2)?;
    let [d, a] = operation.operands2(ty)?;
    match ty {
        Type::F16 | Type::F16x2 => Ok(abs_of::<F16>(ty, d, a, negates, flush)),
        Type::BF16 | Type::BF16x2 if !flush => Ok(abs_of::<Bf16>(ty, d, a, negates, false)),
        _ => Err(operation.unknown()),
    }
}

fn abs_of<H: Half>(ty: Type, d: Slot, a: Slot, negates: bool, flush: bool) -> Action {
    unary_half(ty, d, a, move |a| {
        let a = if flush { half::flush::<H>(a) } else { a };
        let a = half::canonical::<H>(a);
        match negates {
            _ if half::is_nan::<H>(a) => a,
            true => a ^ 0x8000,
            false => a & 0x7fff,
        }
    })
}

/// A function of singles, of halves.
pub(super) fn function(ty: Type, d: Slot, a: Slot, flush: bool, f: fn(f32) -> f32) -> Action {
    match ty {
        Type::F16 | Type::F16x2 => function_of::<F16>(ty, d, a, flush, f),
        _ => function_of::<Bf16>(ty, d, a, flush, f),
    }
}

fn function_of<H: Half>(ty: Type, d: Slot, a: Slot, flush: bool, f: fn(f32) -> f32) -> Action {
    let flushed = move |bits| if flush { half::flush::<H>(bits) } else { bits };
    unary_half(ty, d, a, move |a| {
        flushed(H::from_single(f(H::to_single(flushed(a)))))
    })
}

/// The value of a half.
type Widening = fn(u16) -> f32;

/// A half as a single, by its type.
fn widening(operation: &mut Operation<'_, '_>) -> Result<(Type, Widening), PtxError> {
    let ty = operation.ty()?;
    match ty {
        Type::F16 => Ok((ty, F16::to_single)),
        Type::BF16 => Ok((ty, Bf16::to_single)),
        _ => Err(operation.unknown()),
    }
}

fn mixed_result(value: f32, modes: Modes) -> f32 {
    if modes.saturate {
        saturate(value)
    } else {
        canonical(value)
    }
}

/// `add.f32.f16` and the like: a half and a single. The type `.f32` has been taken.
pub(super) fn mixed_add(
    operation: &mut Operation<'_, '_>,
    rounding: Rounding,
    saturate: bool,
) -> Result<Action, PtxError> {
    let (narrow, widen) = widening(operation)?;
    operation.finish(3..=3)?;
    let d = operation.output(0, Type::F32)?;
    let a = operation.input(1, narrow)?;
    let c = operation.input(2, Type::F32)?;
    let modes = Modes {
        flush: false,
        saturate,
    };
    let subtracts = operation.instruction.opcode == "sub";
    Ok(binary(d, a, c, move |a: u16, c: f32| {
        let c = if subtracts { -c } else { c };
        mixed_result(single::add(widen(a), c, rounding), modes)
    }))
}

/// `fma.rn.f32.f16` and the like: two halves and a single. The type `.f32` has been taken.
pub(super) fn mixed_fma(
    operation: &mut Operation<'_, '_>,
    rounding: Rounding,
    saturate: bool,
) -> Result<Action, PtxError> {
    let (narrow, widen) = widening(operation)?;
    operation.finish(4..=4)?;
    let d = operation.output(0, Type::F32)?;
    let [a, b] = [operation.input(1, narrow)?, operation.input(2, narrow)?];
    let c = operation.input(3, Type::F32)?;
    let modes = Modes {
        flush: false,
        saturate,
    };
    Ok(ternary(d, a, b, c, move |a: u16, b: u16, c: f32| {
        mixed_result(single::fma(widen(a), widen(b), c, rounding), modes)
    }))
}
