//! `mov`: registers to registers, several into one, and one into several.

use super::lanes::{binary, holds, predicate, unary};
use super::packed::join;
use crate::exec::{Action, LANES, Lane, Mask, Registers, Slot};
use crate::program::Operation;
use crate::ptx::{Operand, PtxError, Type};

/// `mov` of registers and numbers.
pub(super) fn decode(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let ty = operation.ty()?;
    operation.finish(2..=2)?;
    if ty == Type::Pred {
        let d = operation.dst_predicate(operation.operand(0)?)?;
        let a = operation.src_predicate(1)?;
        return Ok(predicate(d, move |registers| holds(registers, a)));
    }
    match (operation.operand(0)?, operation.operand(1)?) {
        (Operand::Vector(parts), _) => unpack(operation, ty, parts),
        (_, Operand::Vector(parts)) => pack(operation, ty, parts),
        _ => {
            let [d, a] = operation.operands2(scalar(operation, ty)?)?;
            Ok(match ty.size() {
                16 => unary(d, a, |a: u128| a),
                8 => unary(d, a, |a: u64| a),
                _ => unary(d, a, |a: u32| a),
            })
        }
    }
}

/// The type, if a register of it can be moved.
fn scalar(operation: &Operation<'_, '_>, ty: Type) -> Result<Type, PtxError> {
    use Type::{B16, B32, B64, B128, F16, F16x2, F32, F64, S16, S32, S64, U16, U32, U64};
    match ty {
        B16
        | B32
        | B64
        | B128
        | U16
        | U32
        | U64
        | S16
        | S32
        | S64
        | F16
        | F16x2
        | F32
        | F64
        | Type::BF16
        | Type::BF16x2 => Ok(ty),
        _ => Err(operation.unknown()),
    }
}

/// The type of each of so many parts.
fn part(operation: &Operation<'_, '_>, ty: Type, count: usize) -> Result<Type, PtxError> {
    match (ty, count) {
        (Type::B128, 2) => Ok(Type::B64),
        (Type::B64, 2) | (Type::B128, 4) => Ok(Type::B32),
        (Type::B32, 2) | (Type::B64, 4) => Ok(Type::B16),
        (Type::B16, 2) | (Type::B32, 4) => Ok(Type::B8),
        _ => Err(operation.error(format!("{ty} is not made of {count} parts"))),
    }
}

/// Many registers of one size as one register: the first has the lowest bits.
fn pack<'a>(
    operation: &mut Operation<'a, '_>,
    ty: Type,
    parts: &'a [Operand],
) -> Result<Action, PtxError> {
    let part = part(operation, ty, parts.len())?;
    let d = operation.output(0, ty)?;
    let sources = parts
        .iter()
        .map(|operand| operation.exact_source(operand, part))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(match (part, &sources[..]) {
        (Type::B32, &[low, high]) => binary(d, low, high, |low: u32, high: u32| {
            u64::from(low) | u64::from(high) << 32
        }),
        (Type::B16, &[low, high]) => binary(d, low, high, join),
        _ => Action::compute(move |registers: &mut Registers, mask: Mask| {
            let mut bits = [0u128; LANES];
            for (at, &source) in sources.iter().enumerate() {
                let shift = at as u32 * part.size() * 8;
                for (bits, value) in bits.iter_mut().zip(read(registers, source, part)) {
                    *bits |= value << shift;
                }
            }
            write(registers, d, ty, mask, bits);
        }),
    })
}

/// One register as many.
fn unpack<'a>(
    operation: &mut Operation<'a, '_>,
    ty: Type,
    parts: &'a [Operand],
) -> Result<Action, PtxError> {
    let part = part(operation, ty, parts.len())?;
    let a = operation.input(1, ty)?;
    let destinations = parts
        .iter()
        .map(|operand| operation.exact_destination(operand, part))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(match (part, &destinations[..]) {
        (Type::B32, &[low, high]) => Action::compute(move |registers: &mut Registers, mask| {
            let bits = u64::read(registers, a);
            u32::write(registers, low, mask, bits.map(|bits| bits as u32));
            u32::write(registers, high, mask, bits.map(|bits| (bits >> 32) as u32));
        }),
        (Type::B16, &[low, high]) => Action::compute(move |registers: &mut Registers, mask| {
            let bits = u32::read(registers, a);
            u32::write(registers, low, mask, bits.map(|bits| bits & 0xffff));
            u32::write(registers, high, mask, bits.map(|bits| bits >> 16));
        }),
        _ => Action::compute(move |registers: &mut Registers, mask: Mask| {
            let bits = read(registers, a, ty);
            for (at, &destination) in destinations.iter().enumerate() {
                let shift = at as u32 * part.size() * 8;
                write(
                    registers,
                    destination,
                    part,
                    mask,
                    bits.map(|bits| bits >> shift),
                );
            }
        }),
    })
}

/// The bits of a register of any size.
fn read(registers: &Registers, slot: Slot, ty: Type) -> [u128; LANES] {
    match ty.size() {
        1 => u8::read(registers, slot).map(u128::from),
        2 => u16::read(registers, slot).map(u128::from),
        4 => u32::read(registers, slot).map(u128::from),
        8 => u64::read(registers, slot).map(u128::from),
        _ => u128::read(registers, slot),
    }
}

/// Writes a register of any size: the lower bits.
fn write(registers: &mut Registers, slot: Slot, ty: Type, mask: Mask, bits: [u128; LANES]) {
    match ty.size() {
        1 => u8::write(registers, slot, mask, bits.map(|bits| bits as u8)),
        2 => u16::write(registers, slot, mask, bits.map(|bits| bits as u16)),
        4 => u32::write(registers, slot, mask, bits.map(|bits| bits as u32)),
        8 => u64::write(registers, slot, mask, bits.map(|bits| bits as u64)),
        _ => u128::write(registers, slot, mask, bits),
    }
}
