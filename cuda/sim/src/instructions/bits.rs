//! Bits: logic, shifts, counts and fields.

use super::lanes::{binary, holds, predicate, ternary, unary};
use super::types::{bits, signed};
use crate::exec::{Action, Mask, Registers, Slot, lanes};
use crate::program::Operation;
use crate::ptx::{Literal, Operand, PtxError, Type};

/// `and`, `or` and `xor`
pub(super) fn logic(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let opcode = operation.instruction.opcode.as_str();
    let ty = operation.ty()?;
    operation.finish(3..=3)?;
    if ty == Type::Pred {
        let d = operation.dst_predicate(operation.operand(0)?)?;
        let a = operation.src_predicate(1)?;
        let b = operation.src_predicate(2)?;
        return Ok(match opcode {
            "and" => predicate(d, move |registers| {
                holds(registers, a) & holds(registers, b)
            }),
            "or" => predicate(d, move |registers| {
                holds(registers, a) | holds(registers, b)
            }),
            _ => predicate(d, move |registers| {
                holds(registers, a) ^ holds(registers, b)
            }),
        });
    }
    let [d, a, b] = operation.operands3(untyped(operation, ty)?)?;
    Ok(bits!(operation, ty, T => match opcode {
        "and" => binary(d, a, b, |a: T, b: T| a & b),
        "or" => binary(d, a, b, |a: T, b: T| a | b),
        _ => binary(d, a, b, |a: T, b: T| a ^ b),
    }))
}

/// The type, if it is one of bits.
fn untyped(operation: &Operation<'_, '_>, ty: Type) -> Result<Type, PtxError> {
    match ty {
        Type::B16 | Type::B32 | Type::B64 => Ok(ty),
        _ => Err(operation.unknown()),
    }
}

/// `not` and `cnot`
pub(super) fn not(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let logical = operation.instruction.opcode == "cnot";
    let ty = operation.ty()?;
    operation.finish(2..=2)?;
    if ty == Type::Pred && !logical {
        let d = operation.dst_predicate(operation.operand(0)?)?;
        let a = operation.src_predicate(1)?;
        return Ok(predicate(d, move |registers| !holds(registers, a)));
    }
    let [d, a] = operation.operands2(untyped(operation, ty)?)?;
    Ok(if logical {
        bits!(operation, ty, T => unary(d, a, |a: T| T::from(a == 0)))
    } else {
        bits!(operation, ty, T => unary(d, a, |a: T| !a))
    })
}

/// `shl` and `shr`. What is shifted by its size or more is all zeros, or all sign bits.
pub(super) fn shift(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let left = operation.instruction.opcode == "shl";
    let ty = operation.ty()?;
    operation.finish(3..=3)?;
    let [d, a] = operation.operands2(ty)?;
    let b = operation.input(2, Type::U32)?;
    Ok(if left {
        untyped(operation, ty)?;
        bits!(operation, ty, T => binary(d, a, b, |a: T, b: u32| {
            if b < T::BITS { a << b } else { 0 }
        }))
    } else if ty.is_signed() {
        signed!(operation, ty, T => binary(d, a, b, |a: T, b: u32| a >> b.min(T::BITS - 1)))
    } else {
        bits!(operation, ty, T => binary(d, a, b, |a: T, b: u32| {
            if b < T::BITS { a >> b } else { 0 }
        }))
    })
}

/// `.clamp` or `.wrap`: whether it is the former.
fn clamps(operation: &mut Operation<'_, '_>) -> Result<bool, PtxError> {
    let mode = operation.choice(&[("clamp", true), ("wrap", false)]);
    mode.ok_or_else(|| operation.error("expected `.clamp` or `.wrap`"))
}

/// `shf`: 32 of the bits of two words, shifted.
pub(super) fn funnel(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let left = operation
        .choice(&[("l", true), ("r", false)])
        .ok_or_else(|| operation.error("expected `.l` or `.r`"))?;
    let clamps = clamps(operation)?;
    let ty = operation.ty()?;
    operation.finish(4..=4)?;
    if ty != Type::B32 {
        return Err(operation.unknown());
    }
    let [d, low, high] = operation.operands3(ty)?;
    let amount = operation.input(3, Type::U32)?;
    let amount_of = move |c: u32| if clamps { c.min(32) } else { c & 31 };
    let both = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
    Ok(if left {
        ternary(d, low, high, amount, move |a, b, c| {
            ((both(a, b) << amount_of(c)) >> 32) as u32
        })
    } else {
        ternary(d, low, high, amount, move |a, b, c| {
            (both(a, b) >> amount_of(c)) as u32
        })
    })
}

/// A number between 0 and 255 that is part of the instruction.
fn immediate(operation: &Operation<'_, '_>, index: usize) -> Result<u8, PtxError> {
    match operation.operand(index)? {
        Operand::Literal(Literal::Integer(value @ 0..=255)) => Ok(*value as u8),
        _ => Err(operation.error(format!(
            "operand {} must be a number between 0 and 255",
            index + 1
        ))),
    }
}

/// `lop3`: any logic of three words, by its truth table.
pub(super) fn logic3(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let combines = operation.choice(&[("or", false), ("and", true)]);
    let ty = operation.ty()?;
    let count = if combines.is_some() { 6 } else { 5 };
    operation.finish(count..=count)?;
    if ty != Type::B32 {
        return Err(operation.unknown());
    }
    let table = immediate(operation, 4)?;
    let [a, b, c] = [
        operation.input(1, ty)?,
        operation.input(2, ty)?,
        operation.input(3, ty)?,
    ];
    // All ones for each row of the table that is true. A row's number has the bits of a, b and c.
    let rows: [u32; 8] = std::array::from_fn(|row| (u32::from(table) >> row & 1).wrapping_neg());
    let value = move |a: u32, b: u32, c: u32| {
        let select = |bits: u32, zero: u32, one: u32| zero & !bits | one & bits;
        let of_c = |row: usize| select(c, rows[row], rows[row + 1]);
        let of_b = |row: usize| select(b, of_c(row), of_c(row + 2));
        select(a, of_b(0), of_b(4))
    };
    let Some(and) = combines else {
        let d = operation.output(0, ty)?;
        return Ok(ternary(d, a, b, c, value));
    };
    let Operand::Pair(d, p) = operation.operand(0)? else {
        return Err(operation.error("expected two destinations, `d|p`"));
    };
    let d = operation.destination(d, ty)?;
    let p = operation.dst_predicate(p)?;
    let q = operation.src_predicate(5)?;
    Ok(Action::compute(
        move |registers: &mut Registers, mask: Mask| {
            let q = holds(registers, q);
            let [a, b, c] = [a, b, c].map(|slot| *registers.row(slot));
            let mut nonzero = 0;
            let values = std::array::from_fn(|lane| {
                let value = value(a[lane], b[lane], c[lane]);
                nonzero |= Mask::from(value != 0) << lane;
                value
            });
            write_words(registers, d, mask, values);
            registers.set_predicate(p, mask, if and { nonzero & q } else { nonzero | q });
        },
    ))
}

fn write_words(registers: &mut Registers, d: Slot, mask: Mask, values: [u32; 32]) {
    <u32 as crate::exec::Lane>::write(registers, d, mask, values);
}

/// `prmt`: four of the eight bytes of two words.
pub(super) fn permute(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let ty = operation.ty()?;
    // For each value of the two bits that select: the source byte of each byte.
    let table: Option<[[u8; 4]; 4]> = operation.choice(&[
        (
            "f4e",
            [[0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 6]],
        ),
        (
            "b4e",
            [[0, 7, 6, 5], [1, 0, 7, 6], [2, 1, 0, 7], [3, 2, 1, 0]],
        ),
        ("rc8", [[0; 4], [1; 4], [2; 4], [3; 4]]),
        (
            "ecl",
            [[0, 1, 2, 3], [1, 1, 2, 3], [2, 2, 2, 3], [3, 3, 3, 3]],
        ),
        (
            "ecr",
            [[0, 0, 0, 0], [0, 1, 1, 1], [0, 1, 2, 2], [0, 1, 2, 3]],
        ),
        (
            "rc16",
            [[0, 1, 0, 1], [2, 3, 2, 3], [0, 1, 0, 1], [2, 3, 2, 3]],
        ),
    ]);
    operation.finish(4..=4)?;
    if ty != Type::B32 {
        return Err(operation.unknown());
    }
    let [d, a, b, c] = operation.operands4(ty)?;
    Ok(match table {
        Some(table) => {
            // The same selections as the plain form has them, none of which replicates a sign.
            let selectors = table.map(|bytes| {
                (0..4).fold(0, |selector, at| {
                    selector | u32::from(bytes[at]) << (4 * at)
                })
            });
            ternary(d, a, b, c, move |a, b, c: u32| {
                permuted(a, b, selectors[(c & 3) as usize])
            })
        }
        None => ternary(d, a, b, c, permuted),
    })
}

#[inline(always)]
fn permuted(a: u32, b: u32, selector: u32) -> u32 {
    let source = u64::from(b) << 32 | u64::from(a);
    (0..4).fold(0, |word, at| {
        let select = selector >> (4 * at);
        let byte = (source >> (8 * (select & 7))) as u8;
        let sign = ((byte as i8) >> 7) as u8;
        let byte = if select & 8 != 0 { sign } else { byte };
        word | u32::from(byte) << (8 * at)
    })
}

/// `popc`, `clz` and `brev`
pub(super) fn count(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let opcode = operation.instruction.opcode.as_str();
    let ty = operation.ty()?;
    operation.finish(2..=2)?;
    if !matches!(ty, Type::B32 | Type::B64) {
        return Err(operation.unknown());
    }
    let d = operation.output(0, if opcode == "brev" { ty } else { Type::U32 })?;
    let a = operation.input(1, ty)?;
    Ok(bits!(operation, ty, T => match opcode {
        "popc" => unary(d, a, |a: T| a.count_ones()),
        "clz" => unary(d, a, |a: T| a.leading_zeros()),
        _ => unary(d, a, |a: T| a.reverse_bits()),
    }))
}

/// `bfind`: the place of the highest bit that is no sign.
pub(super) fn find(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let as_shift = operation.flag("shiftamt");
    let ty = operation.ty()?;
    operation.finish(2..=2)?;
    if !matches!(ty, Type::U32 | Type::U64 | Type::S32 | Type::S64) {
        return Err(operation.unknown());
    }
    let d = operation.output(0, Type::U32)?;
    let a = operation.input(1, ty)?;
    let place = move |zeros: u32, bits: u32| match zeros {
        _ if zeros == bits => u32::MAX,
        _ if as_shift => zeros,
        _ => bits - 1 - zeros,
    };
    Ok(if ty.is_signed() {
        // The sign, wherever it is not 0, turns all bits.
        signed!(operation, ty, T => unary(d, a, move |a: T| {
            place((a ^ a >> (T::BITS - 1)).leading_zeros(), T::BITS)
        }))
    } else {
        bits!(operation, ty, T => unary(d, a, move |a: T| place(a.leading_zeros(), T::BITS)))
    })
}

/// `fns`: the place of the n-th bit from a place.
pub(super) fn find_nth(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let ty = operation.ty()?;
    operation.finish(4..=4)?;
    if ty != Type::B32 {
        return Err(operation.unknown());
    }
    let [d, a, b, c] = operation.operands4(ty)?;
    Ok(ternary(d, a, b, c, |word: u32, base: u32, offset: i32| {
        let nth = offset.unsigned_abs().saturating_sub(1) as usize;
        let found = match (base, offset) {
            (32.., _) => None,
            (_, 0) => (word >> base & 1 != 0).then_some(base as usize),
            (_, 1..) => lanes(word >> base << base).nth(nth),
            _ => {
                // Downwards: the bits of the reversed word upwards.
                let base = 31 - base;
                let reversed = word.reverse_bits() >> base << base;
                lanes(reversed).nth(nth).map(|place| 31 - place)
            }
        };
        found.map_or(u32::MAX, |place| place as u32)
    }))
}

/// `bfe`: a field of bits, extended by its sign or by zeros.
pub(super) fn extract(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let ty = operation.ty()?;
    operation.finish(4..=4)?;
    let [d, a] = operation.operands2(ty)?;
    let [start, length] = [
        operation.input(2, Type::U32)?,
        operation.input(3, Type::U32)?,
    ];
    Ok(match ty {
        Type::U32 => ternary(d, a, start, length, |a: u32, start, length| {
            field(a.into(), 32, start, length, false) as u32
        }),
        Type::S32 => ternary(d, a, start, length, |a: i32, start, length| {
            field(i64::from(a) as u64, 32, start, length, true) as u32
        }),
        Type::U64 => ternary(d, a, start, length, |a: u64, start, length| {
            field(a, 64, start, length, false)
        }),
        Type::S64 => ternary(d, a, start, length, |a: u64, start, length| {
            field(a, 64, start, length, true)
        }),
        _ => return Err(operation.unknown()),
    })
}

/// A field of `size` bits that were extended to 64.
#[inline(always)]
fn field(value: u64, size: u32, start: u32, length: u32, signed: bool) -> u64 {
    let (start, length) = (start & 0xff, length & 0xff);
    if length == 0 {
        return 0;
    }
    // What is beyond the highest bit is that bit, or zero.
    let shifted = if signed {
        ((value as i64) >> start.min(63)) as u64
    } else if start < 64 {
        value >> start
    } else {
        0
    };
    if length >= size {
        return shifted;
    }
    let above = 64 - length;
    if signed && start + length <= size {
        ((shifted << above) as i64 >> above) as u64
    } else if signed {
        shifted
    } else {
        shifted << above >> above
    }
}

/// `bfi`: bits put into a field of others.
pub(super) fn insert(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let ty = operation.ty()?;
    operation.finish(5..=5)?;
    if !matches!(ty, Type::B32 | Type::B64) {
        return Err(operation.unknown());
    }
    let [d, a, b] = operation.operands3(ty)?;
    let [start, length] = [
        operation.input(3, Type::U32)?,
        operation.input(4, Type::U32)?,
    ];
    Ok(
        bits!(operation, ty, T => quaternary(d, [a, b], [start, length], |a: T, b: T, start, length| {
            let (start, length) = (start & 0xff, length & 0xff);
            if start >= T::BITS || length == 0 {
                return b;
            }
            let ones = if length < T::BITS { (1 << length) - 1 } else { T::MAX };
            let field = ones << start;
            b & !field | a << start & field
        })),
    )
}

/// `szext`: the lower bits, extended by their sign or by zeros.
pub(super) fn extend(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let clamps = clamps(operation)?;
    let ty = operation.ty()?;
    operation.finish(3..=3)?;
    let signed = match ty {
        Type::S32 => true,
        Type::U32 => false,
        _ => return Err(operation.unknown()),
    };
    let [d, a, b] = operation.operands3(ty)?;
    Ok(binary(d, a, b, move |a: u32, b: u32| {
        let above = 32 - (b & 31);
        match (b, above) {
            (32.., _) if clamps => a,
            (_, 32) => 0,
            _ if signed => ((a << above) as i32 >> above) as u32,
            _ => a << above >> above,
        }
    }))
}

/// `bmsk`: ones from a place on.
pub(super) fn mask(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let clamps = clamps(operation)?;
    let ty = operation.ty()?;
    operation.finish(3..=3)?;
    if ty != Type::B32 {
        return Err(operation.unknown());
    }
    let [d, a, b] = operation.operands3(ty)?;
    Ok(binary(d, a, b, move |start: u32, width: u32| {
        if clamps && start >= 32 {
            return 0;
        }
        let width = if clamps { width.min(32) } else { width & 31 };
        ((((1u64 << width) - 1) << (start & 31)) & u64::from(u32::MAX)) as u32
    }))
}

/// `d = f(a, b, c, d)` of two values and two words.
fn quaternary<T: crate::exec::Lane>(
    destination: Slot,
    values: [Slot; 2],
    words: [Slot; 2],
    f: impl Fn(T, T, u32, u32) -> T + Send + Sync + 'static,
) -> Action {
    Action::compute(move |registers: &mut Registers, mask: Mask| {
        let [a, b] = values.map(|slot| T::read(registers, slot));
        let [c, d] = words.map(|slot| *registers.row(slot));
        let values = std::array::from_fn(|lane| f(a[lane], b[lane], c[lane], d[lane]));
        T::write(registers, destination, mask, values);
    })
}
