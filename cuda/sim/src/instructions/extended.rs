//! Integer arithmetic of more than 64 bits: what reads and writes the carry flag.

use super::integer::{Factor, Part};
use super::lanes::carrying;
use crate::exec::{Action, Lane};
use crate::program::Operation;
use crate::ptx::{PtxError, Type};

/// `a + b + carry`, and whether it overflows.
#[inline(always)]
fn add_carry<T: Word>(a: T, b: T, carry: bool) -> (T, bool) {
    let (sum, first) = a.add(b);
    let (sum, second) = sum.add(T::from(carry));
    (sum, first || second)
}

/// `a - b`, less 1 without the carry, and whether it is not negative. The manual speaks of a borrow, but
/// the flag is the adder's, which makes a difference of `a + !b + 1`: so ptxas assembles `addc` behind
/// `sub.cc`, and nvcc's quotients of 128 bits count on it.
#[inline(always)]
fn sub_carry<T: Word>(a: T, b: T, carry: bool) -> (T, bool) {
    let (difference, first) = a.sub(b);
    let (difference, second) = difference.sub(T::from(!carry));
    (difference, !(first || second))
}

/// An unsigned integer of a register.
trait Word: Lane + From<bool> {
    fn add(self, other: Self) -> (Self, bool);
    fn sub(self, other: Self) -> (Self, bool);
}

macro_rules! words {
    ($($type:ty)*) => {$(
        impl Word for $type {
            #[inline(always)]
            fn add(self, other: Self) -> (Self, bool) {
                self.overflowing_add(other)
            }
            #[inline(always)]
            fn sub(self, other: Self) -> (Self, bool) {
                self.overflowing_sub(other)
            }
        }
    )*};
}

words!(u32 u64);

/// `add.cc`, `addc`, `sub.cc` and `subc`.
pub(super) fn add(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let opcode = operation.instruction.opcode.as_str();
    let subtract = opcode.starts_with("sub");
    let reads = opcode.ends_with('c');
    let writes = operation.flag("cc");
    let ty = operation.ty()?;
    operation.finish(3..=3)?;
    let [d, a, b] = operation.operands3(ty)?;
    Ok(match (ty, subtract) {
        (Type::U32 | Type::S32, false) => {
            carrying(d, [a, b, b], reads, writes, |a, b, _: u32, carry| {
                add_carry::<u32>(a, b, carry)
            })
        }
        (Type::U32 | Type::S32, true) => {
            carrying(d, [a, b, b], reads, writes, move |a, b, _: u32, carry| {
                sub_carry::<u32>(a, b, carry || !reads)
            })
        }
        (Type::U64 | Type::S64, false) => {
            carrying(d, [a, b, b], reads, writes, |a, b, _: u64, carry| {
                add_carry::<u64>(a, b, carry)
            })
        }
        (Type::U64 | Type::S64, true) => {
            carrying(d, [a, b, b], reads, writes, move |a, b, _: u64, carry| {
                sub_carry::<u64>(a, b, carry || !reads)
            })
        }
        _ => return Err(operation.unknown()),
    })
}

/// `mad.cc` and `madc`, whose part has been taken.
pub(super) fn mad(operation: &mut Operation<'_, '_>, part: Part) -> Result<Action, PtxError> {
    let reads = operation.instruction.opcode == "madc";
    let writes = operation.flag("cc");
    let ty = operation.ty()?;
    operation.finish(4..=4)?;
    let [d, a, b, c] = operation.operands4(ty)?;
    let sources = [a, b, c];
    Ok(match (ty, part) {
        (Type::U32 | Type::S32, Part::Low) => {
            carrying(d, sources, reads, writes, |a: u32, b: u32, c, carry| {
                add_carry(a.wrapping_mul(b), c, carry)
            })
        }
        (Type::U32, Part::High) => carrying(d, sources, reads, writes, |a: u32, b, c, carry| {
            add_carry(a.high(b), c, carry)
        }),
        (Type::S32, Part::High) => {
            carrying(d, sources, reads, writes, |a: u32, b: u32, c, carry| {
                add_carry((a as i32).high(b as i32) as u32, c, carry)
            })
        }
        (Type::U64 | Type::S64, Part::Low) => {
            carrying(d, sources, reads, writes, |a: u64, b: u64, c, carry| {
                add_carry(a.wrapping_mul(b), c, carry)
            })
        }
        (Type::U64, Part::High) => carrying(d, sources, reads, writes, |a: u64, b, c, carry| {
            add_carry(a.high(b), c, carry)
        }),
        (Type::S64, Part::High) => {
            carrying(d, sources, reads, writes, |a: u64, b: u64, c, carry| {
                add_carry((a as i64).high(b as i64) as u64, c, carry)
            })
        }
        _ => return Err(operation.unknown()),
    })
}
