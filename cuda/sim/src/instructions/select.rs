//! Floating-point numbers that pass through an instruction: the smaller, the larger, the absolute,
//! the negated, another's sign, and tests of what they are.

use super::float::unary_single;
use super::half::{Operator, binary_half, is_half, operator};
use super::lanes::{binary, ternary, test, unary};
use crate::exec::Action;
use crate::numeric::half::{self, Bf16, F16, Half};
use crate::numeric::{NAN_SINGLE, canonical_double, flush};
use crate::program::Operation;
use crate::ptx::{PtxError, Type};

/// `abs` and `neg` of singles and doubles.
///
/// A GPU adds zero, so a single NaN becomes the one that operations give; the manual has a double
/// NaN pass unchanged.
pub(super) fn abs(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let negates = operation.instruction.opcode == "neg";
    let flush = operation.flag("ftz");
    let ty = operation.ty()?;
    operation.finish(2..=2)?;
    let [d, a] = operation.operands2(ty)?;
    let of_double = move |a: f64| match negates {
        _ if a.is_nan() => a,
        true => -a,
        false => a.abs(),
    };
    match (ty, negates) {
        (Type::F32, true) => Ok(unary_single(d, a, flush, |a| -a)),
        (Type::F32, false) => Ok(unary_single(d, a, flush, f32::abs)),
        (Type::F64, _) if !flush => Ok(unary(d, a, of_double)),
        _ => Err(operation.unknown()),
    }
}

/// What `min` and `max` do, by their modifiers.
#[derive(Clone, Copy)]
struct Extremum {
    largest: bool,
    flush: bool,
    /// `.NaN`: NaN if one operand is.
    nan: bool,
    /// `.abs`: of the magnitudes.
    magnitudes: bool,
    /// `.xorsign`: the result has the product's sign.
    product_sign: bool,
}

impl Extremum {
    #[inline(always)]
    fn of(self, a: f32, b: f32) -> f32 {
        let [a, b] = [a, b].map(|x| if self.flush { flush(x) } else { x });
        let sign = (a.to_bits() ^ b.to_bits()) & 0x8000_0000;
        let [a, b] = [a, b].map(|x| if self.magnitudes { x.abs() } else { x });
        let extremum = self.ordered(a, b);
        let extremum = if a.is_nan() { b } else { extremum };
        let extremum = if b.is_nan() { a } else { extremum };
        let nan = if self.nan {
            a.is_nan() || b.is_nan()
        } else {
            a.is_nan() && b.is_nan()
        };
        match nan {
            true => NAN_SINGLE,
            false if self.product_sign => f32::from_bits(extremum.to_bits() ^ sign),
            false => extremum,
        }
    }

    /// The extremum of two numbers, neither NaN; -0 is below 0.
    #[inline(always)]
    fn ordered(self, a: f32, b: f32) -> f32 {
        if a == b {
            // Two zeros may differ in their signs, other equal numbers do not.
            let (a, b) = (a.to_bits(), b.to_bits());
            f32::from_bits(if self.largest { a & b } else { a | b })
        } else if (a < b) != self.largest {
            a
        } else {
            b
        }
    }
}

/// `min` and `max` of floating-point numbers.
pub(super) fn min(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let mut extremum = Extremum {
        largest: operation.instruction.opcode == "max",
        flush: operation.flag("ftz"),
        nan: operation.flag("NaN"),
        product_sign: operation.flag("xorsign"),
        magnitudes: operation.flag("abs"),
    };
    let ty = operation.ty()?;
    operation.finish(3..=4)?;
    let of_three = operation.has(3);
    // `.xorsign` goes with `.abs`; `.abs` alone is for three operands.
    let fits = match of_three {
        true => ty == Type::F32 && !extremum.product_sign,
        false => extremum.magnitudes == extremum.product_sign,
    };
    if !fits {
        return Err(operation.unknown());
    }
    if of_three {
        let [d, a, b, c] = operation.operands4(ty)?;
        return Ok(ternary(d, a, b, c, move |a, b, c| {
            extremum.of(extremum.of(a, b), c)
        }));
    }
    let slots @ [d, a, b] = operation.operands3(ty)?;
    let plain = !extremum.flush && !extremum.nan && !extremum.magnitudes;
    match ty {
        // The usual ones are loops of their own.
        Type::F32 if plain => Ok(match extremum.largest {
            false => binary(d, a, b, |a, b| SMALLER.of(a, b)),
            true => binary(d, a, b, |a, b| LARGER.of(a, b)),
        }),
        Type::F32 => Ok(binary(d, a, b, move |a, b| extremum.of(a, b))),
        Type::F64 if plain => Ok(binary(d, a, b, move |a, b| {
            of_doubles(extremum.largest, a, b)
        })),
        _ if is_half(ty) => {
            // A single's own subnormals are no subnormals of `.f16`.
            let flush = std::mem::take(&mut extremum.flush);
            let of_f16 = matches!(ty, Type::F16 | Type::F16x2);
            match ty {
                _ if plain => Ok(match (extremum.largest, of_f16) {
                    (false, true) => operator::<Smaller, F16>(ty, slots),
                    (true, true) => operator::<Larger, F16>(ty, slots),
                    (false, false) => operator::<Smaller, Bf16>(ty, slots),
                    (true, false) => operator::<Larger, Bf16>(ty, slots),
                }),
                Type::F16 | Type::F16x2 => Ok(binary_half(ty, slots, move |a, b| {
                    of_halves::<F16>(extremum, flush, a, b)
                })),
                _ if flush => Err(operation.unknown()),
                _ => Ok(binary_half(ty, slots, move |a, b| {
                    of_halves::<Bf16>(extremum, flush, a, b)
                })),
            }
        }
        _ => Err(operation.unknown()),
    }
}

/// `min` without modifiers.
const SMALLER: Extremum = Extremum {
    largest: false,
    flush: false,
    nan: false,
    magnitudes: false,
    product_sign: false,
};

/// `max` without modifiers.
const LARGER: Extremum = Extremum {
    largest: true,
    ..SMALLER
};

/// The smaller of two halves.
struct Smaller;

impl Operator for Smaller {
    #[inline(always)]
    fn of<H: Half>(a: u16, b: u16) -> u16 {
        of_halves::<H>(SMALLER, false, a, b)
    }
}

/// The larger of two halves.
struct Larger;

impl Operator for Larger {
    #[inline(always)]
    fn of<H: Half>(a: u16, b: u16) -> u16 {
        of_halves::<H>(LARGER, false, a, b)
    }
}

#[inline(always)]
fn of_halves<H: Half>(extremum: Extremum, flush: bool, a: u16, b: u16) -> u16 {
    let [a, b] = [a, b].map(|x| if flush { half::flush::<H>(x) } else { x });
    H::from_single(extremum.of(H::to_single(a), H::to_single(b)))
}

#[inline(always)]
fn of_doubles(largest: bool, a: f64, b: f64) -> f64 {
    let extremum = if a == b {
        let (a, b) = (a.to_bits(), b.to_bits());
        f64::from_bits(if largest { a & b } else { a | b })
    } else if (a < b) != largest {
        a
    } else {
        b
    };
    let extremum = if a.is_nan() { b } else { extremum };
    canonical_double(if b.is_nan() { a } else { extremum })
}

/// `copysign`: the sign of the first, the magnitude of the second.
pub(super) fn copysign(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let ty = operation.ty()?;
    operation.finish(3..=3)?;
    let [d, a, b] = operation.operands3(ty)?;
    match ty {
        Type::F32 => Ok(binary(d, a, b, |a: f32, b: f32| b.copysign(a))),
        Type::F64 => Ok(binary(d, a, b, |a: f64, b: f64| b.copysign(a))),
        _ => Err(operation.unknown()),
    }
}

/// A kind of floating-point numbers that `testp` tests for.
#[derive(Clone, Copy)]
enum Kind {
    Finite,
    Infinite,
    Number,
    NotANumber,
    Normal,
    Subnormal,
}

impl Kind {
    fn holds(self, class: std::num::FpCategory) -> bool {
        use std::num::FpCategory::{Infinite, Nan, Normal, Subnormal, Zero};
        match self {
            Kind::Finite => !matches!(class, Infinite | Nan),
            Kind::Infinite => class == Infinite,
            Kind::Number => class != Nan,
            Kind::NotANumber => class == Nan,
            // The manual counts zeros among these.
            Kind::Normal => matches!(class, Normal | Zero),
            Kind::Subnormal => class == Subnormal,
        }
    }
}

/// `testp`
pub(super) fn property(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let kind = operation
        .choice(&[
            ("finite", Kind::Finite),
            ("infinite", Kind::Infinite),
            ("number", Kind::Number),
            ("notanumber", Kind::NotANumber),
            ("normal", Kind::Normal),
            ("subnormal", Kind::Subnormal),
        ])
        .ok_or_else(|| operation.error("expected a property, such as `.finite`"))?;
    let ty = operation.ty()?;
    operation.finish(2..=2)?;
    let d = operation.dst_predicate(operation.operand(0)?)?;
    let a = operation.input(1, ty)?;
    match ty {
        Type::F32 => Ok(test(d, a, move |a: f32| kind.holds(a.classify()))),
        Type::F64 => Ok(test(d, a, move |a: f64| kind.holds(a.classify()))),
        _ => Err(operation.unknown()),
    }
}
