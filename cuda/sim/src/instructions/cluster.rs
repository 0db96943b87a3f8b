//! Clusters of blocks: addresses of other blocks' shared memory, and the barrier of a cluster.

use super::asynchronous::number;
use crate::exec::{
    AccessSpace, Action, ClusterBarrierStep, Context, LANES, Lane, Mask, RegisterStep, Slot, Stop,
    block_base, rank_and_offset,
};
use crate::program::{Operation, Symbol};
use crate::ptx::{Operand, PtxError, Type};

/// An operand that is an address of shared memory.
#[derive(Clone, Copy)]
struct Place {
    slot: Slot,
    ty: Type,
    /// The space of the address: generic, or that of the cluster's shared memory.
    space: AccessSpace,
}

impl Place {
    /// Takes the space and the type, and the operand `index`.
    fn decode(operation: &mut Operation<'_, '_>, index: usize) -> Result<Self, PtxError> {
        let space = match operation.flag("shared::cluster") {
            true => AccessSpace::Cluster,
            false => AccessSpace::Generic,
        };
        let ty = operation.ty()?;
        let is_variable = match operation.operand(index)? {
            Operand::Name(name) | Operand::Offset(name, _) => {
                matches!(operation.symbol(name)?, Symbol::Address(..))
            }
            _ => false,
        };
        match ty {
            _ if is_variable && space == AccessSpace::Generic => {
                Err(operation.error("a variable has no generic address, use `.shared::cluster`"))
            }
            Type::U32 if space == AccessSpace::Generic => {
                Err(operation.error("generic addresses have 64 bits here, expected `.u64`"))
            }
            Type::U32 | Type::U64 => Ok(Self {
                slot: operation.src(index, ty)?,
                ty,
                space,
            }),
            _ => Err(operation.unknown()),
        }
    }

    /// The address in shared memory in every lane.
    fn get(self, context: &Context<'_, '_>, mask: Mask) -> Result<[u64; LANES], Stop> {
        let addresses = match self.ty {
            Type::U32 => u32::read(context.registers, self.slot).map(u64::from),
            _ => u64::read(context.registers, self.slot),
        };
        context.shared_addresses(mask, self.space, &addresses)
    }
}

/// `mapa`: the address in another block's memory that corresponds to an address. One in a block that the
/// cluster does not have is found when it is used: the compiler may compute it and not need it.
pub(super) fn decode_map(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    const NO_RANK: u32 = 255;
    let place = Place::decode(operation, 1)?;
    operation.finish(3..=3)?;
    let d = operation.dst(0, place.ty)?;
    let rank = operation.src(2, Type::U32)?;
    let window = match place.space {
        AccessSpace::Generic => AccessSpace::Cluster.window(),
        _ => 0,
    };
    Ok(Action::access(move |context, mask| {
        let addresses = place.get(context, mask)?;
        let ranks = *context.registers.row(rank);
        let mapped = std::array::from_fn(|lane| {
            let (_, offset) = rank_and_offset(addresses[lane]);
            window + block_base(ranks[lane].min(NO_RANK)) + offset
        });
        match place.ty {
            Type::U32 => u32::write(context.registers, d, mask, mapped.map(|at: u64| at as u32)),
            _ => u64::write(context.registers, d, mask, mapped),
        }
        Ok(())
    }))
}

/// `getctarank`: the rank of the block whose memory an address is in.
pub(super) fn decode_rank(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let place = Place::decode(operation, 1)?;
    operation.finish(2..=2)?;
    let d = operation.dst(0, Type::U32)?;
    Ok(Action::access(move |context, mask| {
        let addresses = place.get(context, mask)?;
        let ranks = addresses.map(|address| rank_and_offset(address).0 as u32);
        u32::write(context.registers, d, mask, ranks);
        Ok(())
    }))
}

/// `setmaxnreg`
pub(super) fn decode_registers(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let takes = operation.choice(&[("inc", true), ("dec", false)]);
    let takes = takes.ok_or_else(|| operation.unknown())?;
    if !operation.flag("sync") || !operation.flag("aligned") || operation.ty()? != Type::U32 {
        return Err(operation.unknown());
    }
    operation.finish(1..=1)?;
    let count = number(operation, 0)?;
    if !(24..=256).contains(&count) || count % 8 != 0 {
        return Err(operation.error(format!(
            "{count} registers; a multiple of 8 from 24 to 256 is possible"
        )));
    }
    let count = count as u32;
    Ok(Action::Registers(RegisterStep { count, takes }))
}

/// `barrier.cluster`, behind these two words.
pub(super) fn decode_barrier(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let step = match operation.take() {
        Some("arrive") => {
            let releases = operation.choice(&[("release", true), ("relaxed", false)]);
            ClusterBarrierStep::Arrive {
                releases: releases.unwrap_or(true),
                aligned: operation.flag("aligned"),
            }
        }
        Some("wait") => {
            operation.flag("acquire");
            operation.flag("aligned");
            ClusterBarrierStep::Wait
        }
        _ => return Err(operation.unknown()),
    };
    operation.finish(0..=0)?;
    Ok(Action::ClusterBarrier(step))
}
