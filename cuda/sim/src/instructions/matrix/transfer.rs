//! Matrices of 8 by 8 halves between shared memory and the lanes of a warp: `ldmatrix`, `stmatrix`,
//! `movmatrix`.
//!
//! Eight lanes hold the addresses of a matrix' rows. Each lane gets two elements of a row, the group of
//! four that it is in says which row; of a transposed matrix, of a column.

use super::{fragment, whole_warp};
use crate::exec::{AccessSpace, Action, Context, LANES, Lane, Mask, Order, Scope, Stop};
use crate::instructions::address::{Address, space};
use crate::program::{Fate, Operation};
use crate::ptx::{PtxError, Type};

/// The rows of four matrices as the lanes hold their addresses: four words each.
type Rows = [[u32; LANES]; 4];

/// What each lane gets of matrix number `matrix`.
fn distribute(rows: &Rows, matrix: usize, transposed: bool) -> [u32; LANES] {
    let element = |row: usize, column: usize| {
        rows[column / 2][8 * matrix + row] >> (16 * (column % 2)) & 0xffff
    };
    std::array::from_fn(|lane| {
        let (group, place) = (lane / 4, lane % 4);
        if transposed {
            element(2 * place, group) | element(2 * place + 1, group) << 16
        } else {
            rows[place][8 * matrix + group]
        }
    })
}

/// Puts what the lanes hold of matrix number `matrix` into its rows.
fn collect(rows: &mut Rows, matrix: usize, values: &[u32; LANES], transposed: bool) {
    for (lane, &value) in values.iter().enumerate() {
        let (group, place) = (lane / 4, lane % 4);
        if transposed {
            for half in 0..2 {
                let word = &mut rows[group / 2][8 * matrix + 2 * place + half];
                let shift = 16 * (group % 2);
                *word = *word & !(0xffff << shift) | (value >> (16 * half) & 0xffff) << shift;
            }
        } else {
            rows[place][8 * matrix + group] = value;
        }
    }
}

/// Where the rows lie in shared memory, and in which lanes.
fn offsets(
    context: &Context<'_, '_>,
    address: Address,
    space: AccessSpace,
    mask: Mask,
    count: usize,
) -> Result<(Mask, [u64; LANES]), Stop> {
    let mask = mask & (u64::MAX >> (64 - 8 * count)) as Mask;
    let addresses = address.get(context);
    Ok((mask, context.shared_addresses(mask, space, &addresses)?))
}

/// `ldmatrix` and `stmatrix`
pub(in crate::instructions) fn decode(
    operation: &mut Operation<'_, '_>,
) -> Result<Action, PtxError> {
    let stores = operation.instruction.opcode == "stmatrix";
    if !operation.flag("sync") || !operation.flag("aligned") || !operation.flag("m8n8") {
        return Err(operation.unknown());
    }
    let count = operation.choice(&[("x1", 1), ("x2", 2), ("x4", 4)]);
    let count = count.ok_or_else(|| operation.unknown())?;
    let transposed = operation.flag("trans");
    let named = space(operation);
    if operation.ty()? != Type::B16 {
        return Err(operation.unknown());
    }
    operation.finish(2..=2)?;
    let address = Address::decode(operation, usize::from(!stores))?;
    let space = address.space.unwrap_or(named);
    if !matches!(space, AccessSpace::Generic | AccessSpace::Shared) {
        return Err(operation.error("the rows lie in shared memory"));
    }
    let slots = fragment(operation, usize::from(stores), count, Type::B32, !stores)?;
    let order = (Order::WEAK, Scope::Block);
    Ok(whole_warp(operation, move |context, mask| {
        let (with_address, offsets) = offsets(context, address, space, mask, count)?;
        let mut rows = [[0; LANES]; 4];
        let space = AccessSpace::Shared;
        if stores {
            for (matrix, &slot) in slots.iter().enumerate() {
                let values = context.registers.row(slot);
                collect(&mut rows, matrix, values, transposed);
            }
            return context.store(with_address, space, &offsets, order, &rows);
        }
        context.load(with_address, space, &offsets, order, Fate::Used, &mut rows)?;
        for (matrix, &slot) in slots.iter().enumerate() {
            let values = distribute(&rows, matrix, transposed);
            u32::write(context.registers, slot, mask, values);
        }
        Ok(())
    }))
}

/// `movmatrix`
pub(in crate::instructions) fn decode_transpose(
    operation: &mut Operation<'_, '_>,
) -> Result<Action, PtxError> {
    let expected = ["sync", "aligned", "m8n8", "trans", "b16"];
    if !expected.iter().all(|word| operation.flag(word)) {
        return Err(operation.unknown());
    }
    operation.finish(2..=2)?;
    let a = operation.src(1, Type::B32)?;
    let d = operation.dst(0, Type::B32)?;
    Ok(whole_warp(operation, move |context, mask| {
        let mut rows = [[0; LANES]; 4];
        collect(&mut rows, 0, context.registers.row(a), false);
        u32::write(context.registers, d, mask, distribute(&rows, 0, true));
        Ok(())
    }))
}
