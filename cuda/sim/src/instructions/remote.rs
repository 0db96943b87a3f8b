//! Stores and updates that a thread does not wait for: `st.async`, `red.async`.

use super::address::Address;
use super::bulk::{is_in_shared, update};
use crate::exec::{AccessSpace, Action, LANES, Lane, lanes};
use crate::program::Operation;
use crate::ptx::{Operand, PtxError, Type};

/// Whether a store or an update goes on while its thread does.
pub(super) fn is_asynchronous(operation: &Operation<'_, '_>) -> bool {
    operation.peek() == Some("async")
}

/// `st.async` and `red.async` to the shared memory of a cluster.
pub(super) fn decode(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let updates = operation.instruction.opcode == "red";
    operation.flag("async");
    if updates {
        if !operation.flag("relaxed") || !operation.flag("cluster") {
            return Err(operation.unknown());
        }
    } else {
        operation.flag("weak");
        operation.flag("cluster");
    }
    let space = match operation.flag("shared::cluster") {
        true => AccessSpace::Cluster,
        false => AccessSpace::Generic,
    };
    if !operation.flag("mbarrier::complete_tx::bytes") {
        return Err(operation.error(
            "of asynchronous stores those to `.shared::cluster` with \
             `.mbarrier::complete_tx::bytes` are known",
        ));
    }
    let name = match updates {
        true => Some(operation.take().ok_or_else(|| operation.unknown())?),
        false => None,
    };
    let count = match updates {
        true => 1,
        false => operation.choice(&[("v2", 2), ("v4", 4)]).unwrap_or(1),
    };
    let ty = operation.ty()?;
    operation.finish(3..=3)?;
    let bytes = count * ty.size() as usize;
    if !matches!(ty.size(), 4 | 8 | 16) || ty == Type::Pred || bytes > 16 {
        return Err(operation.unknown());
    }
    let update = match name {
        Some(name) => Some(
            update(name, ty)
                .filter(|_| is_in_shared(name, ty))
                .ok_or_else(|| operation.unknown())?,
        ),
        None => None,
    };
    let to = Address::decode(operation, 0)?;
    let operands = match operation.operand(1)? {
        Operand::Vector(operands) => operands.as_slice(),
        single => std::slice::from_ref(single),
    };
    if operands.len() != count {
        return Err(operation.error(format!("{} registers for {count} values", operands.len())));
    }
    let values: Vec<_> = operands
        .iter()
        .map(|operand| operation.source(operand, ty))
        .collect::<Result<_, _>>()?;
    let mbarrier = Address::decode(operation, 2)?;
    let size = ty.size() as usize;
    Ok(Action::access(move |context, mask| {
        let mut data = [[0; 16]; LANES];
        for (place, &value) in values.iter().enumerate() {
            let words = match size {
                4 => u32::read(context.registers, value).map(u128::from),
                8 => u64::read(context.registers, value).map(u128::from),
                _ => u128::read(context.registers, value),
            };
            for lane in lanes(mask) {
                data[lane][place * size..][..size]
                    .copy_from_slice(&words[lane].to_le_bytes()[..size]);
            }
        }
        let to = context.shared_addresses(mask, space, &to.get(context))?;
        let mbarriers = context.shared_addresses(mask, space, &mbarrier.get(context))?;
        context.store_remotely(mask, [&to, &mbarriers], &data, bytes, update)
    }))
}
