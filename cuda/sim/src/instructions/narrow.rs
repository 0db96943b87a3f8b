//! `cvt` to and from formats that are narrow or packed: two values in a register, 8 bits, `.tf32`,
//! and small integers.

use super::lanes::{binary, ternary, unary};
use super::packed::{halves, join};
use crate::exec::Action;
use crate::numeric::Rounding;
use crate::numeric::format::{self, Format, Narrowing, encode_tf32, encode_tf32_away};
use crate::numeric::half::{Bf16, F16, Half};
use crate::program::Operation;
use crate::ptx::{PtxError, Type};

/// `cvt` to or from one of these formats; all its modifiers have been taken.
pub(super) fn decode(
    operation: &mut Operation<'_, '_>,
    to: Type,
    from: Type,
    how: Narrowing,
    away: bool,
) -> Result<Action, PtxError> {
    let nearest_or_zero = matches!(how.rounding, Rounding::Nearest | Rounding::Zero);
    let nearest = how.rounding == Rounding::Nearest;
    if away && (to, from, how.relu) != (Type::TF32, Type::F32, false) {
        return Err(operation.error("`.rna` is for `.tf32.f32` alone, without `.relu`"));
    }
    match (to, from) {
        (Type::TF32, Type::F32) if nearest_or_zero => {
            operation.finish(2..=2)?;
            let d = operation.output(0, Type::B32)?;
            let a = operation.input(1, Type::F32)?;
            Ok(match away {
                true => unary(d, a, move |a| encode_tf32_away(a, how.finite)),
                false => unary(d, a, move |a| encode_tf32(a, how)),
            })
        }
        (Type::F16x2, Type::F32) if nearest_or_zero => singles(operation, to, format::F16, how),
        (Type::BF16x2, Type::F32) if nearest_or_zero => singles(operation, to, format::BF16, how),
        (Type::E4M3x2 | Type::E5M2x2, _) if !(nearest && how.finite) => {
            Err(operation.error("the formats of 8 bits need `.rn.satfinite`"))
        }
        (Type::E4M3x2, Type::F32) => singles(operation, to, format::E4M3, how),
        (Type::E5M2x2, Type::F32) => singles(operation, to, format::E5M2, how),
        (Type::E4M3x2 | Type::E5M2x2, Type::F16x2) => {
            let format = eight_bits(to);
            operation.finish(2..=2)?;
            let [d, a] = [operation.output(0, to)?, operation.input(1, from)?];
            Ok(unary(d, a, move |a: u32| {
                let [low, high] =
                    halves(a).map(|bits| format.encode(format::F16.decode(bits.into()), how));
                (low | high << 8) as u16
            }))
        }
        (Type::F16x2, Type::E4M3x2 | Type::E5M2x2) if nearest && !how.finite => {
            let format = eight_bits(from);
            operation.finish(2..=2)?;
            let [d, a] = [operation.output(0, to)?, operation.input(1, from)?];
            Ok(unary(d, a, move |a: u16| {
                let [low, high] = a
                    .to_le_bytes()
                    .map(|bits| format::F16.encode(format.decode(bits.into()), how) as u16);
                join(low, high)
            }))
        }
        _ => Err(operation.unknown()),
    }
}

fn eight_bits(ty: Type) -> Format {
    if ty == Type::E4M3x2 {
        format::E4M3
    } else {
        format::E5M2
    }
}

/// Two singles in one register: the first operand is the upper one.
fn singles(
    operation: &mut Operation<'_, '_>,
    to: Type,
    format: Format,
    how: Narrowing,
) -> Result<Action, PtxError> {
    operation.finish(3..=3)?;
    let d = operation.output(0, to)?;
    let a = operation.input(1, Type::F32)?;
    let b = operation.input(2, Type::F32)?;
    if how.rounding == Rounding::Nearest && !how.relu && !how.finite {
        // The usual ones are loops of their own.
        return Ok(match to {
            Type::F16x2 => binary(d, a, b, |a, b| {
                join(F16::from_single(b), F16::from_single(a))
            }),
            _ => binary(d, a, b, |a, b| {
                join(Bf16::from_single(b), Bf16::from_single(a))
            }),
        });
    }
    let bits = move |value: f32| format.encode(value.into(), how);
    Ok(match to.size() {
        2 => binary(d, a, b, move |a, b| (bits(b) | bits(a) << 8) as u16),
        _ => binary(d, a, b, move |a, b| bits(b) | bits(a) << 16),
    })
}

/// `cvt.pack`: two integers, saturated, in front of what another register holds.
pub(super) fn pack(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    if !operation.flag("sat") {
        return Err(operation.error("expected `.sat`"));
    }
    let (size, signed) = operation
        .choice(&[
            ("u16", (16, false)),
            ("s16", (16, true)),
            ("u8", (8, false)),
            ("s8", (8, true)),
            ("u4", (4, false)),
            ("s4", (4, true)),
            ("u2", (2, false)),
            ("s2", (2, true)),
        ])
        .ok_or_else(|| operation.unknown())?;
    if operation.ty()? != Type::S32 {
        return Err(operation.unknown());
    }
    let (low, high) = match signed {
        true => (-(1 << (size - 1)), (1 << (size - 1)) - 1),
        false => (0, (1 << size) - 1),
    };
    let ones = (1 << size) - 1;
    let saturated = move |value: i32| value.clamp(low, high) as u32 & ones;
    let pair = move |a: i32, b: i32| saturated(a) << size | saturated(b);
    if size == 16 {
        operation.finish(3..=3)?;
        let d = operation.output(0, Type::B32)?;
        let [a, b] = [
            operation.input(1, Type::S32)?,
            operation.input(2, Type::S32)?,
        ];
        return Ok(binary(d, a, b, pair));
    }
    if operation.ty()? != Type::B32 {
        return Err(operation.unknown());
    }
    operation.finish(4..=4)?;
    let [d, a, b, c] = operation.operands4(Type::B32)?;
    Ok(ternary(d, a, b, c, move |a, b, c: u32| {
        c << (2 * size) | pair(a, b)
    }))
}
