//! `cvt`: integers and floating-point numbers into each other.

use super::float::unary_single;
use super::lanes::unary;
use super::narrow;
use super::types::{integers, signed};
use crate::exec::{Action, Lane, Slot};
use crate::numeric::format::{self, Format, Narrowing};
use crate::numeric::half::{Bf16, F16, Half};
use crate::numeric::{Rounding, canonical, canonical_double, double, flush, single, to_integral};
use crate::program::Operation;
use crate::ptx::{PtxError, Type};

/// The modifiers of a conversion between plain types.
#[derive(Clone, Copy, Default)]
struct Modes {
    /// `.rni` and its like.
    integral: Option<Rounding>,
    /// `.rn` and its like.
    rounding: Option<Rounding>,
    flush: bool,
    saturate: bool,
    relu: bool,
    finite: bool,
}

/// The bits of an integer, and whether it has a sign.
fn integer(ty: Type) -> Option<(u32, bool)> {
    use Type::{S8, S16, S32, S64, U8, U16, U32, U64};
    matches!(ty, U8 | U16 | U32 | U64 | S8 | S16 | S32 | S64)
        .then(|| (ty.size() * 8, ty.is_signed()))
}

/// The bits that a floating-point number's mantissa and exponent have: a conversion to a format
/// that has less of one loses something.
fn float(ty: Type) -> Option<(u32, u32)> {
    Some(match ty {
        Type::F16 => (10, 5),
        Type::BF16 => (7, 8),
        Type::F32 => (23, 8),
        Type::F64 => (52, 11),
        _ => return None,
    })
}

/// `cvt`
pub(super) fn decode(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    if operation.flag("pack") {
        return narrow::pack(operation);
    }
    let rounding_away = operation.flag("rna");
    let integral = operation.choice(&[
        ("rni", Rounding::Nearest),
        ("rzi", Rounding::Zero),
        ("rmi", Rounding::Down),
        ("rpi", Rounding::Up),
    ]);
    let mut modes = Modes {
        integral,
        rounding: if integral.is_none() {
            operation.rounding()
        } else {
            None
        },
        ..Modes::default()
    };
    // The manual has these in different orders for different types.
    loop {
        let flag = match operation.peek() {
            Some("ftz") => &mut modes.flush,
            Some("sat") => &mut modes.saturate,
            Some("relu") => &mut modes.relu,
            Some("satfinite") => &mut modes.finite,
            _ => break,
        };
        if std::mem::replace(flag, true) {
            return Err(operation.error("a modifier stands twice"));
        }
        operation.take();
    }
    let to = operation.ty()?;
    let from = operation.ty()?;
    let packed = |ty: Type| {
        use Type::{BF16x2, E4M3x2, E5M2x2, F16x2, TF32};
        matches!(ty, F16x2 | BF16x2 | E4M3x2 | E5M2x2 | TF32)
    };
    if packed(to) || packed(from) || rounding_away {
        let plain = modes.integral.is_some() || modes.flush || modes.saturate;
        if plain {
            return Err(operation.unknown());
        }
        let how = Narrowing {
            // `.rna` stands alone.
            rounding: modes.rounding.unwrap_or(Rounding::Nearest),
            finite: modes.finite,
            relu: modes.relu,
        };
        if modes.rounding.is_some() == rounding_away {
            return Err(operation.error("expected one rounding mode"));
        }
        return narrow::decode(operation, to, from, how, rounding_away);
    }
    operation.finish(2..=2)?;
    check(operation, to, from, modes)?;
    match (integer(to), integer(from)) {
        (Some(_), Some(_)) => integer_to_integer(operation, to, from, modes.saturate),
        (Some(_), None) => float_to_integer(operation, to, from, modes),
        (None, Some(_)) => integer_to_float(operation, to, from, modes),
        (None, None) => float_to_float(operation, to, from, modes),
    }
}

/// An error if the modifiers are not for these types.
fn check(
    operation: &Operation<'_, '_>,
    to: Type,
    from: Type,
    modes: Modes,
) -> Result<(), PtxError> {
    let (to_integer, from_integer) = (integer(to).is_some(), integer(from).is_some());
    if !(to_integer || float(to).is_some()) || !(from_integer || float(from).is_some()) {
        return Err(operation.unknown());
    }
    let loses = match (float(to), float(from)) {
        (Some(to), Some(from)) => to.0 < from.0 || to.1 < from.1,
        _ => from_integer && !to_integer,
    };
    let needs_integral = to_integer && !from_integer;
    if needs_integral && modes.integral.is_none() {
        return Err(
            operation.error("a float becomes an integer by `.rni`, `.rzi`, `.rmi` or `.rpi`")
        );
    }
    if modes.integral.is_some() && !needs_integral && to != from {
        return Err(operation.error("integer rounding is not for these types"));
    }
    // A value that is rounded to an integer in its own format is rounded no more.
    if loses != modes.rounding.is_some() {
        return Err(operation.error(match loses {
            true => "this conversion needs a rounding mode: `.rn`, `.rz`, `.rm` or `.rp`",
            false => "this conversion is exact and has no rounding mode",
        }));
    }
    if modes.flush && to != Type::F32 && from != Type::F32 {
        return Err(operation.error("`.ftz` is for `.f32` alone"));
    }
    // An integer is saturated only where it may not fit.
    let fits = match (integer(to), integer(from)) {
        (Some(to), Some(from)) => limits(to).0 <= limits(from).0 && limits(from).1 <= limits(to).1,
        _ => to == Type::BF16 || from == Type::BF16,
    };
    if modes.saturate && fits {
        return Err(operation.error("`.sat` is not for these types"));
    }
    // The formats of 16 bits have `.relu` and `.satfinite` when they come from a single.
    let to_half = matches!(to, Type::F16 | Type::BF16) && from == Type::F32;
    let half_rounding = matches!(modes.rounding, Some(Rounding::Nearest | Rounding::Zero));
    if (modes.relu || modes.finite) && !(to_half && half_rounding && !modes.saturate) {
        return Err(operation.error("`.relu` and `.satfinite` are not for these types"));
    }
    Ok(())
}

/// A value of `size` bits, extended to 64 by its sign or by zeros.
#[inline(always)]
fn extended(value: u64, (size, signed): (u32, bool)) -> u64 {
    let above = 64 - size;
    if signed {
        ((value << above) as i64 >> above) as u64
    } else {
        value << above >> above
    }
}

/// The destination of an integer, and the bits of its register, which may be wider than the type.
fn integer_destination(
    operation: &mut Operation<'_, '_>,
    to: Type,
) -> Result<(Slot, u32), PtxError> {
    let operand = operation.operand(0)?;
    // `_` has no register.
    let register = operation.register_type(operand).unwrap_or(to);
    if register.size() < to.size() {
        return Err(operation.error(format!("the destination is {register}, expected {to}")));
    }
    Ok((
        operation.destination(operand, register)?,
        register.size() * 8,
    ))
}

/// A source that is an integer, and whether its register, which may be wider than the type, has 64
/// bits.
fn integer_source(operation: &mut Operation<'_, '_>, from: Type) -> Result<(Slot, bool), PtxError> {
    let operand = operation.operand(1)?;
    let register = operation.register_type(operand).unwrap_or(from);
    let wide = register.size() == 8;
    if wide && from.size() < 8 {
        return Ok((operation.source(operand, Type::B64)?, true));
    }
    Ok((operation.source(operand, from)?, wide))
}

/// `d = f(a)`, where `f` gives an integer of 64 bits of which the register takes what fits.
fn to_register<A: Lane>(
    (d, size): (Slot, u32),
    a: Slot,
    f: impl Fn(A) -> u64 + Send + Sync + 'static,
) -> Action {
    match size {
        8 => unary(d, a, move |a| f(a) as u8),
        16 => unary(d, a, move |a| f(a) as u16),
        32 => unary(d, a, move |a| f(a) as u32),
        _ => unary(d, a, f),
    }
}

fn integer_to_integer(
    operation: &mut Operation<'_, '_>,
    to: Type,
    from: Type,
    saturate: bool,
) -> Result<Action, PtxError> {
    let d = integer_destination(operation, to)?;
    let (a, wide) = integer_source(operation, from)?;
    let (Some(to), Some(from)) = (integer(to), integer(from)) else {
        return Err(operation.unknown());
    };
    if saturate {
        let value = move |value: u64| {
            let value = extended(value, from);
            let value = if from.1 {
                i128::from(value as i64)
            } else {
                value.into()
            };
            let (low, high) = limits(to);
            value.clamp(low, high) as u64
        };
        return Ok(match wide {
            true => to_register(d, a, value),
            false => to_register(d, a, move |a: u32| value(a.into())),
        });
    }
    let value = move |value: u64| extended(extended(value, from), to);
    Ok(match wide {
        true => to_register(d, a, value),
        false => to_register(d, a, move |a: u32| value(a.into())),
    })
}

/// The smallest and the largest integer.
fn limits((size, signed): (u32, bool)) -> (i128, i128) {
    match signed {
        true => (-(1 << (size - 1)), (1 << (size - 1)) - 1),
        false => (0, (1 << size) - 1),
    }
}

#[allow(clippy::unnecessary_cast, reason = "only one of the types is `u64`")]
fn float_to_integer(
    operation: &mut Operation<'_, '_>,
    to: Type,
    from: Type,
    modes: Modes,
) -> Result<Action, PtxError> {
    let d = integer_destination(operation, to)?;
    let a = operation.input(1, from)?;
    let rounding = modes.integral.unwrap_or(Rounding::Zero);
    // NaN is 0, but 2^(n-1) of n bits from a double, or where the integer has 64 bits.
    let (size, _) = integer(to).unwrap_or((64, false));
    let nan = if from == Type::F64 || size == 64 {
        1 << (size - 1)
    } else {
        0
    };
    let nan = extended(nan, (size, to.is_signed()));
    Ok(match to {
        Type::U8 => integer_of(d, a, from, modes.flush, nan, move |x| {
            to_integral(x, rounding) as u8 as u64
        }),
        Type::S8 => integer_of(d, a, from, modes.flush, nan, move |x| {
            to_integral(x, rounding) as i8 as u64
        }),
        _ => integers!(operation, to, T => integer_of(d, a, from, modes.flush, nan, move |x| {
            to_integral(x, rounding) as T as u64
        })),
    })
}

/// `d = f(a)` of a floating-point number of any type, and `nan` of NaN.
fn integer_of(
    d: (Slot, u32),
    a: Slot,
    from: Type,
    flushes: bool,
    nan: u64,
    f: impl Fn(f64) -> u64 + Send + Sync + 'static,
) -> Action {
    let f = move |x: f64| if x.is_nan() { nan } else { f(x) };
    match from {
        Type::F64 => to_register(d, a, f),
        Type::F32 if flushes => to_register(d, a, move |a: f32| f(flush(a).into())),
        Type::F32 => to_register(d, a, move |a: f32| f(a.into())),
        Type::F16 => to_register(d, a, move |a: u16| f(F16::to_single(a).into())),
        _ => to_register(d, a, move |a: u16| f(Bf16::to_single(a).into())),
    }
}

fn integer_to_float(
    operation: &mut Operation<'_, '_>,
    to: Type,
    from: Type,
    modes: Modes,
) -> Result<Action, PtxError> {
    let d = operation.output(0, to)?;
    let (a, wide) = integer_source(operation, from)?;
    let rounding = modes.rounding.unwrap_or(Rounding::Nearest);
    if rounding == Rounding::Nearest && !modes.saturate && !wide {
        match (to, from) {
            (Type::F32, Type::S32) => return Ok(unary(d, a, |a: i32| a as f32)),
            (Type::F32, Type::U32) => return Ok(unary(d, a, |a: u32| a as f32)),
            (Type::F64, Type::S32) => return Ok(unary(d, a, |a: i32| f64::from(a))),
            (Type::F64, Type::U32) => return Ok(unary(d, a, |a: u32| f64::from(a))),
            _ => {}
        }
    }
    if rounding == Rounding::Nearest && !modes.saturate && from.size() == 8 {
        match (to, from) {
            (Type::F32, Type::S64) => return Ok(unary(d, a, |a: i64| a as f32)),
            (Type::F32, Type::U64) => return Ok(unary(d, a, |a: u64| a as f32)),
            (Type::F64, Type::S64) => return Ok(unary(d, a, |a: i64| a as f64)),
            (Type::F64, Type::U64) => return Ok(unary(d, a, |a: u64| a as f64)),
            _ => {}
        }
    }
    let integer = integer(from).ok_or_else(|| operation.unknown())?;
    let value = move |bits: u64| -> i128 {
        let value = extended(bits, integer);
        let value = if integer.1 {
            i128::from(value as i64)
        } else {
            value.into()
        };
        // `.sat` keeps 0 and 1 alone.
        if modes.saturate {
            value.clamp(0, 1)
        } else {
            value
        }
    };
    let how = Narrowing {
        rounding,
        finite: false,
        relu: false,
    };
    let format = narrow_format(to);
    let bits = move |value: i128| match format {
        Some(format) => u64::from(format.encode(double::from_integer_to_odd(value), how)),
        None => double::from_integer(value, rounding).to_bits(),
    };
    let size = (d, to.size() * 8);
    Ok(match wide {
        true => to_register(size, a, move |a: u64| bits(value(a))),
        false => to_register(size, a, move |a: u32| bits(value(a.into()))),
    })
}

/// The format of a floating-point type; `None` is a double.
fn narrow_format(ty: Type) -> Option<Format> {
    match ty {
        Type::F16 => Some(format::F16),
        Type::BF16 => Some(format::BF16),
        Type::F32 => Some(format::F32),
        _ => None,
    }
}

fn float_to_float(
    operation: &mut Operation<'_, '_>,
    to: Type,
    from: Type,
    modes: Modes,
) -> Result<Action, PtxError> {
    let d = operation.output(0, to)?;
    let a = operation.input(1, from)?;
    let rounding = modes.rounding.unwrap_or(Rounding::Nearest);
    if let (Type::F32, Some(rounding), false) = (to, modes.integral, modes.saturate) {
        return Ok(unary_single(d, a, modes.flush, move |a| match rounding {
            Rounding::Nearest => a.round_ties_even(),
            Rounding::Zero => a.trunc(),
            Rounding::Down => a.floor(),
            Rounding::Up => a.ceil(),
        }));
    }
    let plain = !(modes.flush || modes.saturate || modes.relu || modes.finite);
    if plain && modes.integral.is_none() {
        match (to, from) {
            (Type::F64, Type::F32) => {
                return Ok(unary(d, a, |a: f32| canonical_double(a.into())));
            }
            (Type::F32, Type::F64) => {
                return Ok(unary(d, a, move |a| {
                    canonical(single::from_double(a, rounding))
                }));
            }
            (Type::F32, Type::F16) => return Ok(unary(d, a, |a| canonical(F16::to_single(a)))),
            (Type::F32, Type::BF16) => return Ok(unary(d, a, |a| canonical(Bf16::to_single(a)))),
            (Type::F16, Type::F32) if rounding == Rounding::Nearest => {
                return Ok(unary(d, a, F16::from_single));
            }
            (Type::BF16, Type::F32) if rounding == Rounding::Nearest => {
                return Ok(unary(d, a, Bf16::from_single));
            }
            _ => {}
        }
    }
    let how = Narrowing {
        rounding,
        finite: modes.finite,
        relu: modes.relu,
    };
    let format = narrow_format(to);
    let bits = move |value: f64| -> u64 {
        let value = match modes.integral {
            Some(rounding) => to_integral(value, rounding),
            None => value,
        };
        // The limits are numbers of every format: it does not matter that this comes first.
        let value = match modes.saturate {
            true if value > 0.0 => value.min(1.0),
            true => 0.0,
            false => canonical_double(value),
        };
        match format {
            Some(format) => format.encode(value, how).into(),
            None => value.to_bits(),
        }
    };
    let flushed = move |bits: u64| match modes.flush && to == Type::F32 {
        true => u64::from(flush(f32::from_bits(bits as u32)).to_bits()),
        false => bits,
    };
    let d = (d, to.size() * 8);
    Ok(match from {
        Type::F64 => to_register(d, a, move |a: f64| flushed(bits(a))),
        Type::F32 => to_register(d, a, move |a: f32| {
            flushed(bits(if modes.flush { flush(a) } else { a }.into()))
        }),
        Type::F16 => to_register(d, a, move |a: u16| flushed(bits(F16::to_single(a).into()))),
        _ => to_register(d, a, move |a: u16| flushed(bits(Bf16::to_single(a).into()))),
    })
}
