//! Copies of many bytes by a thread: `cp.async.bulk`, `cp.reduce.async.bulk`, and their groups.

use super::address::Address;
use super::asynchronous::number;
use super::atomic::{larger, smaller};
use crate::exec::{AccessSpace, Action, BulkCopy, ElementUpdate, Slot};
use crate::numeric::{canonical, canonical_double, flush, half};
use crate::program::Operation;
use crate::ptx::{PtxError, Type};

/// Where a bulk copy goes, and how its end is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Direction {
    /// From global to shared memory, by an mbarrier.
    Load,
    /// From shared to global memory, in a group.
    Store,
    /// Within the shared memory of a cluster, by an mbarrier.
    Move,
}

impl Direction {
    /// Takes the spaces and the mechanism of completion; whether a load's space is the block's own.
    fn decode(operation: &mut Operation<'_, '_>) -> Result<(Self, AccessSpace), PtxError> {
        const SPACES: [(&str, bool); 3] = [
            ("global", false),
            ("shared::cta", true),
            ("shared::cluster", true),
        ];
        let to = operation.peek();
        let spaces = (operation.choice(&SPACES), operation.choice(&SPACES));
        let direction = match spaces {
            (Some(true), Some(false)) => Self::Load,
            (Some(false), Some(true)) => Self::Store,
            (Some(true), Some(true)) if to == Some("shared::cluster") => Self::Move,
            _ => return Err(operation.error("there is no bulk copy between these spaces")),
        };
        let mechanism = match direction {
            Self::Store => "bulk_group",
            _ => "mbarrier::complete_tx::bytes",
        };
        if !operation.flag(mechanism) {
            return Err(operation.error(format!("`.{mechanism}` must follow these spaces")));
        }
        let space = match to {
            Some("shared::cta") => AccessSpace::Shared,
            _ => AccessSpace::Cluster,
        };
        Ok((direction, space))
    }
}

/// `cp.async.bulk`
pub(super) fn decode(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    match operation.peek() {
        Some("tensor") => {
            operation.take();
            return super::tensor::decode(operation);
        }
        Some("commit_group") => {
            operation.take();
            operation.finish(0..=0)?;
            return Ok(Action::access(|context, mask| {
                context.shared.commit_stores(context.warp as usize, mask);
                Ok(())
            }));
        }
        Some("wait_group") => {
            operation.take();
            return decode_wait(operation);
        }
        Some("prefetch") => {
            operation.take();
            return decode_prefetch(operation);
        }
        _ => {}
    }
    let (direction, space) = Direction::decode(operation)?;
    let is_load = direction == Direction::Load && space == AccessSpace::Cluster;
    let has_blocks = is_load && operation.flag("multicast::cluster");
    let has_policy = direction != Direction::Move && operation.flag("L2::cache_hint");
    let has_bytes = direction == Direction::Store && operation.flag("cp_mask");
    let options = Options {
        space,
        has_blocks,
        has_policy,
        has_bytes,
        update: None,
    };
    decode_copy(operation, direction, options)
}

/// `cp.async.bulk.wait_group`
fn decode_wait(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let reads = operation.flag("read");
    operation.finish(1..=1)?;
    let newest = u32::try_from(number(operation, 0)?)
        .map_err(|_| operation.error("the number of groups is too large"))?;
    Ok(Action::access(move |context, mask| {
        let warp = context.warp as usize;
        context.shared.wait_for_stores(warp, mask, newest, reads);
        Ok(())
    }))
}

/// `cp.async.bulk.prefetch`: there is no cache to fill.
fn decode_prefetch(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    if operation.flag("tensor") {
        return super::tensor::decode_prefetch(operation);
    }
    if !operation.flag("L2") || !operation.flag("global") {
        return Err(operation.unknown());
    }
    let count = 2 + usize::from(operation.flag("L2::cache_hint"));
    operation.finish(count..=count)?;
    Address::decode(operation, 0)?;
    operation.src(1, Type::U32)?;
    if count == 3 {
        operation.src(2, Type::B64)?;
    }
    Ok(Action::compute(|_, _| {}))
}

/// What the modifiers say of a copy between plain memory.
struct Options {
    /// Where loads and moves go: the block's own shared memory, or any of the cluster's.
    space: AccessSpace,
    has_blocks: bool,
    has_policy: bool,
    has_bytes: bool,
    update: Option<ElementUpdate>,
}

/// The operands of a copy between plain memory: where to, where from, how many bytes, then an mbarrier, a
/// mask of blocks, a policy, and a mask of bytes as there are.
fn decode_copy(
    operation: &mut Operation<'_, '_>,
    direction: Direction,
    options: Options,
) -> Result<Action, PtxError> {
    let Options {
        space,
        has_blocks,
        has_policy,
        has_bytes,
        update,
    } = options;
    let has_mbarrier = direction != Direction::Store;
    let blocks = 3 + usize::from(has_mbarrier);
    let policy = blocks + usize::from(has_blocks);
    let bytes = policy + usize::from(has_policy);
    let count = bytes + usize::from(has_bytes);
    operation.finish(count..=count)?;
    let to = Address::decode(operation, 0)?;
    let from = Address::decode(operation, 1)?;
    let size = operation.src(2, Type::U32)?;
    let mbarrier = match has_mbarrier {
        true => Some(Address::decode(operation, 3)?),
        false => None,
    };
    let blocks = match has_blocks {
        true => Some(operation.src(blocks, Type::B16)?),
        false => None,
    };
    if has_policy {
        operation.src(policy, Type::B64)?;
    }
    let bytes = match has_bytes {
        true => Some(operation.src(bytes, Type::B16)?),
        false => None,
    };
    Ok(Action::access(move |context, mask| {
        let (mut to, mut from) = (to.get(context), from.get(context));
        match direction {
            Direction::Load => to = context.shared_addresses(mask, space, &to)?,
            _ => from = context.shared_addresses(mask, AccessSpace::Shared, &from)?,
        }
        let halves = |slot: Slot| context.registers.row(slot).map(|row| row as u16);
        let (blocks, bytes) = (blocks.map(halves), bytes.map(halves));
        let copy = BulkCopy {
            to: &to,
            from: &from,
            sizes: &context.registers.row(size).clone(),
        };
        match (direction, mbarrier.map(|mbarrier| mbarrier.get(context))) {
            (Direction::Load, Some(mbarriers)) => {
                context.load_in_bulk(mask, &copy, &mbarriers, blocks.as_ref())
            }
            (Direction::Move, Some(mbarriers)) => {
                context.move_in_bulk(mask, &copy, &mbarriers, update)
            }
            _ => context.store_in_bulk(mask, &copy, update, bytes.as_ref()),
        }
    }))
}

/// `cp.reduce.async.bulk`
pub(super) fn decode_reduce(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    if !operation.flag("async") || !operation.flag("bulk") {
        return Err(operation.unknown());
    }
    if operation.flag("tensor") {
        return super::tensor::decode_reduce(operation);
    }
    let (direction, space) = Direction::decode(operation)?;
    let has_policy = direction == Direction::Store && operation.flag("L2::cache_hint");
    let name = operation.take().ok_or_else(|| operation.unknown())?;
    let is_noftz = operation.flag("noftz");
    let ty = operation.ty()?;
    if is_noftz != (name == "add" && matches!(ty, Type::F16 | Type::BF16)) {
        return Err(
            operation.error("`.noftz` belongs to sums of `.f16` and `.bf16`, and only there")
        );
    }
    let update = match direction {
        Direction::Store => update(name, ty),
        Direction::Move => update(name, ty).filter(|_| is_in_shared(name, ty)),
        Direction::Load => None,
    };
    let update = update.ok_or_else(|| operation.unknown())?;
    let options = Options {
        space,
        has_blocks: false,
        has_policy,
        has_bytes: false,
        update: Some(update),
    };
    decode_copy(operation, direction, options)
}

/// Whether there is this update of elements of shared memory.
pub(super) fn is_in_shared(name: &str, ty: Type) -> bool {
    use Type::*;
    match name {
        "add" => matches!(ty, U32 | S32 | U64),
        "min" | "max" => matches!(ty, U32 | S32),
        "inc" | "dec" => ty == U32,
        _ => ty == B32,
    }
}

/// What an operation makes of an element in global memory.
pub(super) fn update(name: &str, ty: Type) -> Option<ElementUpdate> {
    use Type::*;
    let apply: fn(u64, u64) -> u64 = match (name, ty) {
        ("and", B32 | B64) => |old, b| old & b,
        ("or", B32 | B64) => |old, b| old | b,
        ("xor", B32 | B64) => |old, b| old ^ b,
        ("add", U32 | S32 | U64) => u64::wrapping_add,
        ("inc", U32) => |old, b| if old >= b { 0 } else { old + 1 },
        ("dec", U32) => |old, b| if old == 0 || old > b { b } else { old - 1 },
        ("min", U32 | U64) => u64::min,
        ("max", U32 | U64) => u64::max,
        ("min", S32) => |old, b| (old as i32).min(b as i32) as u64,
        ("max", S32) => |old, b| (old as i32).max(b as i32) as u64,
        ("min", S64) => |old, b| (old as i64).min(b as i64) as u64,
        ("max", S64) => |old, b| (old as i64).max(b as i64) as u64,
        ("add", F32) => |old, b| {
            let [old, b] = [old, b].map(|bits| flush(f32::from_bits(bits as u32)));
            flush(canonical(old + b)).to_bits().into()
        },
        ("add", F64) => {
            |old, b| canonical_double(f64::from_bits(old) + f64::from_bits(b)).to_bits()
        }
        ("add", F16) => |old, b| half::add::<half::F16>(old as u16, b as u16).into(),
        ("add", BF16) => |old, b| half::add::<half::Bf16>(old as u16, b as u16).into(),
        ("min", F16) => |old, b| smaller::<half::F16>(old as u16, b as u16).into(),
        ("max", F16) => |old, b| larger::<half::F16>(old as u16, b as u16).into(),
        ("min", BF16) => |old, b| smaller::<half::Bf16>(old as u16, b as u16).into(),
        ("max", BF16) => |old, b| larger::<half::Bf16>(old as u16, b as u16).into(),
        _ => return None,
    };
    Some(ElementUpdate {
        bytes: ty.size() as usize,
        apply,
    })
}
