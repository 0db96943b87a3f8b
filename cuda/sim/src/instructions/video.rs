//! The "video" instructions on the bytes or the half words of a word, in all of their lanes.

use super::lanes::ternary;
use crate::exec::Action;
use crate::program::Operation;
use crate::ptx::{PtxError, Type};

/// `vadd2` to `vmax4`: each lane of `a` with the same lane of `b`, exactly, and then cut or clamped to
/// the lane of the result, or with `.add` all of them added to `c`.
pub(super) fn decode(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let opcode = operation.instruction.opcode.as_str();
    let bits = if opcode.ends_with('2') { 16 } else { 8 };
    let f: fn(i32, i32) -> i32 = match opcode.trim_end_matches(['2', '4']) {
        "vadd" => |a, b| a + b,
        "vsub" => |a, b| a - b,
        // The sum is rounded up where it is not negative, by an arithmetic shift.
        "vavrg" => |a, b| (a + b + i32::from(a + b >= 0)) >> 1,
        "vabsdiff" => |a, b| (a - b).abs(),
        "vmin" => |a, b| a.min(b),
        "vmax" => |a, b| a.max(b),
        _ => return Err(operation.unknown()),
    };
    let mut signed = || match operation.ty()? {
        Type::U32 => Ok(false),
        Type::S32 => Ok(true),
        _ => Err(operation.unknown()),
    };
    let [d_signed, a_signed, b_signed] = [signed()?, signed()?, signed()?];
    let saturates = operation.flag("sat");
    let sums = !saturates && operation.flag("add");
    operation.finish(4..=4)?;
    let [d, a, b, c] = operation.operands4(Type::B32)?;
    let lane = move |word: u32, at: u32, signed: bool| {
        let top = word << (32 - bits - at);
        match signed {
            true => top.cast_signed() >> (32 - bits),
            false => (top >> (32 - bits)).cast_signed(),
        }
    };
    let least = if d_signed { -(1 << (bits - 1)) } else { 0 };
    let most = least + (1 << bits) - 1;
    Ok(ternary(d, a, b, c, move |a: u32, b: u32, c: u32| {
        let start = if sums { c } else { 0 };
        (0..32).step_by(bits as usize).fold(start, |d, at| {
            let value = f(lane(a, at, a_signed), lane(b, at, b_signed));
            if sums {
                return d.wrapping_add_signed(value);
            }
            let value = if saturates {
                value.clamp(least, most)
            } else {
                value
            };
            d | (value.cast_unsigned() & ((1 << bits) - 1)) << at
        })
    }))
}
