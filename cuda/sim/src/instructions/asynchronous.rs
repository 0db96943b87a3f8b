//! Asynchronous copies of few bytes by each thread: `cp.async`.

use super::address::Address;
use super::lanes::holds;
use crate::exec::{Action, AsynchronousCopy, LANES};
use crate::program::{Operation, Symbol};
use crate::ptx::{Literal, Operand, PtxError, Type};

/// `cp.async`
pub(super) fn decode(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    if operation.flag("reduce") {
        return super::bulk::decode_reduce(operation);
    }
    if !operation.flag("async") {
        return Err(operation.unknown());
    }
    if operation.flag("mbarrier") {
        return super::mbarrier::decode_copies_arrive(operation);
    }
    if operation.flag("bulk") {
        return super::bulk::decode(operation);
    }
    match operation.choice(&[
        ("ca", 0),
        ("cg", 1),
        ("commit_group", 2),
        ("wait_group", 3),
        ("wait_all", 4),
    ]) {
        Some(0) => decode_copy(operation, false),
        Some(1) => decode_copy(operation, true),
        Some(2) => {
            operation.finish(0..=0)?;
            Ok(Action::access(|context, mask| {
                context.shared.commit_copies(context.warp as usize, mask);
                Ok(())
            }))
        }
        Some(3) => {
            operation.finish(1..=1)?;
            let newest = number(operation, 0)?;
            let newest = u32::try_from(newest)
                .map_err(|_| operation.error("the number of groups is too large"))?;
            Ok(Action::access(move |context, mask| {
                let warp = context.warp as usize;
                context.shared.wait_for_copies(warp, mask, Some(newest));
                Ok(())
            }))
        }
        Some(_) => {
            operation.finish(0..=0)?;
            Ok(Action::access(|context, mask| {
                let warp = context.warp as usize;
                context.shared.wait_for_copies(warp, mask, None);
                Ok(())
            }))
        }
        None => Err(operation.unknown()),
    }
}

/// An operand that must be a number.
pub(super) fn number(operation: &Operation<'_, '_>, index: usize) -> Result<u64, PtxError> {
    match operation.operand(index)? {
        Operand::Literal(Literal::Integer(value)) => Ok(*value),
        _ => Err(operation.error(format!("operand {} must be a number", index + 1))),
    }
}

/// `cp.async.ca` and `cp.async.cg`
fn decode_copy(operation: &mut Operation<'_, '_>, is_cg: bool) -> Result<Action, PtxError> {
    if !(operation.flag("shared") || operation.flag("shared::cta")) || !operation.flag("global") {
        return Err(operation.error("copies go from `.global` to `.shared`"));
    }
    let has_policy = operation.flag("L2::cache_hint");
    operation.choice(&[("L2::64B", ()), ("L2::128B", ()), ("L2::256B", ())]);
    let last = 3 + usize::from(has_policy);
    operation.finish(last..=last + 1)?;
    let to = Address::decode(operation, 0)?;
    let from = Address::decode(operation, 1)?;
    for (address, name) in [(&to, "shared"), (&from, "global")] {
        use crate::exec::AccessSpace::{Global, Shared};
        let expected = if name == "shared" { Shared } else { Global };
        if address.space.is_some_and(|space| space != expected) {
            return Err(operation.error(format!("the variable does not lie in .{name} memory")));
        }
    }
    let bytes = match number(operation, 2)? {
        bytes @ (4 | 8) if !is_cg => bytes as u32,
        16 => 16,
        _ if is_cg => return Err(operation.error("`.cg` copies 16 bytes")),
        _ => return Err(operation.error("copies 4, 8 or 16 bytes")),
    };
    // What comes fourth: how many bytes to read, or whether to read none.
    let mut read = None;
    let mut ignored = None;
    if operation.has(last) {
        let is_predicate = match operation.operand(3)? {
            Operand::Not(_) => true,
            Operand::Name(name) => matches!(operation.symbol(name)?, Symbol::Register(register)
                if operation.frame.register_type(register) == Type::Pred),
            _ => false,
        };
        if is_predicate {
            ignored = Some(operation.src_predicate(3)?);
        } else {
            read = Some(operation.src(3, Type::U32)?);
        }
    }
    Ok(Action::access(move |context, mask| {
        let mut sizes = read.map_or([bytes; LANES], |read| *context.registers.row(read));
        if let Some(ignored) = ignored {
            let ignored = holds(context.registers, ignored);
            for (lane, size) in sizes.iter_mut().enumerate() {
                *size = if ignored >> lane & 1 != 0 { 0 } else { bytes };
            }
        }
        let copy = AsynchronousCopy {
            to: &to.get(context),
            from: &from.get(context),
            bytes,
            read: &sizes,
        };
        context.copy_asynchronously(mask, &copy)
    }))
}
