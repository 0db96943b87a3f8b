//! Barriers in shared memory: `mbarrier`.

use super::address::{Address, space};
use super::memory::scope;
use crate::exec::{
    AccessSpace, Action, Arrival, Context, LANES, Lane, Mask, Phase, Slot, Stop, pending_count,
};
use crate::program::Operation;
use crate::ptx::{Operand, PtxError, Type};

/// Where a barrier is.
#[derive(Clone, Copy)]
struct Place {
    address: Address,
    space: AccessSpace,
    /// Whether it may be another block's.
    is_remote: bool,
}

impl Place {
    /// The operand `index`, in the space that the modifiers have named. `is_remote` says whether it may
    /// be another block's, if the space says so or is none.
    fn decode(
        operation: &mut Operation<'_, '_>,
        index: usize,
        named: AccessSpace,
        is_remote: bool,
    ) -> Result<Self, PtxError> {
        let address = Address::decode(operation, index)?;
        let space = address.space.unwrap_or(named);
        if named == AccessSpace::Cluster && !is_remote {
            return Err(operation.error(
                "`.shared::cluster` is for what returns no state: of another block's mbarrier a thread \
                 can only arrive at it, and tell it of bytes",
            ));
        }
        match space {
            AccessSpace::Generic | AccessSpace::Shared | AccessSpace::Cluster => Ok(Self {
                address,
                space,
                is_remote,
            }),
            _ => Err(operation.error("an mbarrier lies in shared memory")),
        }
    }

    /// The address in shared memory in every lane.
    fn get(self, context: &Context<'_, '_>, mask: Mask) -> Result<[u64; LANES], Stop> {
        let addresses = self.address.get(context);
        let addresses = context.shared_addresses(mask, self.space, &addresses)?;
        match self.is_remote {
            true => Ok(addresses),
            false => context.shared_addresses(mask, AccessSpace::Shared, &addresses),
        }
    }
}

/// Takes `.sem` and `.scope`; whether the semantics are the default ones, and not relaxed.
fn orders(operation: &mut Operation<'_, '_>, default: &str) -> bool {
    let relaxed = operation.choice(&[("relaxed", true), (default, false)]);
    scope(operation);
    relaxed != Some(true)
}

/// The end of the modifiers: the space, then `.b64`.
fn space_and_type(operation: &mut Operation<'_, '_>) -> Result<AccessSpace, PtxError> {
    let space = space(operation);
    if operation.ty()? != Type::B64 {
        return Err(operation.error("expected `.b64`"));
    }
    Ok(space)
}

/// `mbarrier`
pub(super) fn decode(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    match operation.take() {
        Some("init") => {
            let space = space_and_type(operation)?;
            operation.finish(2..=2)?;
            let place = Place::decode(operation, 0, space, false)?;
            let count = operation.src(1, Type::U32)?;
            Ok(Action::access(move |context, mask| {
                let counts = *context.registers.row(count);
                let offsets = place.get(context, mask)?;
                context.init_mbarriers(mask, &offsets, &counts)
            }))
        }
        Some("inval") => {
            let space = space_and_type(operation)?;
            operation.finish(1..=1)?;
            let place = Place::decode(operation, 0, space, false)?;
            Ok(Action::access(move |context, mask| {
                let offsets = place.get(context, mask)?;
                context.invalidate_mbarriers(mask, &offsets)
            }))
        }
        Some("arrive") => decode_arrive(operation, false),
        Some("arrive_drop") => decode_arrive(operation, true),
        Some("expect_tx") => decode_bytes(operation, false),
        Some("complete_tx") => decode_bytes(operation, true),
        Some("test_wait" | "try_wait") => decode_wait(operation),
        Some("pending_count") => {
            space_and_type(operation)?;
            operation.finish(2..=2)?;
            let d = operation.dst(0, Type::U32)?;
            let state = operation.src(1, Type::B64)?;
            Ok(super::lanes::unary(d, state, pending_count))
        }
        _ => Err(operation.unknown()),
    }
}

/// `mbarrier.arrive`, `mbarrier.arrive_drop`
fn decode_arrive(operation: &mut Operation<'_, '_>, drops: bool) -> Result<Action, PtxError> {
    let expects = operation.flag("expect_tx");
    let completes_nothing = operation.flag("noComplete");
    let releases = orders(operation, "release");
    let space = space_and_type(operation)?;
    let most = if expects || completes_nothing {
        3..=3
    } else {
        2..=3
    };
    // Without a result the state's place may be `_`, or be missing.
    let first = match operation.operand(0)? {
        Operand::Address { .. } => 0,
        _ => 1,
    };
    if first == 0 {
        operation.finish(most.start() - 1..=most.end() - 1)?;
    } else {
        operation.finish(most)?;
    }
    let state = match first {
        0 => None,
        _ => Some(operation.dst(0, Type::B64)?),
    };
    let returns = !matches!(
        operation.operand(0)?,
        Operand::Address { .. } | Operand::Discard
    );
    let is_remote = !returns && !completes_nothing;
    let place = Place::decode(operation, first, space, is_remote)?;
    let amount = match operation.has(first + 1) {
        true => Some(operation.src(first + 1, Type::U32)?),
        false => None,
    };
    Ok(Action::access(move |context, mask| {
        let row = |slot: Slot| *context.registers.row(slot);
        let arrival = Arrival {
            counts: amount.filter(|_| !expects).map_or([1; LANES], row),
            bytes: amount.filter(|_| expects).map(row),
            drops,
            completes_nothing,
            releases,
        };
        let offsets = place.get(context, mask)?;
        let states = context.arrive_at_mbarriers(mask, &offsets, &arrival)?;
        if let Some(state) = state {
            u64::write(context.registers, state, mask, states);
        }
        Ok(())
    }))
}

/// `mbarrier.expect_tx`, `mbarrier.complete_tx`
fn decode_bytes(operation: &mut Operation<'_, '_>, has_come: bool) -> Result<Action, PtxError> {
    operation.flag("relaxed");
    scope(operation);
    let space = space_and_type(operation)?;
    operation.finish(2..=2)?;
    let place = Place::decode(operation, 0, space, true)?;
    let bytes = operation.src(1, Type::U32)?;
    Ok(Action::access(move |context, mask| {
        let bytes = *context.registers.row(bytes);
        let offsets = place.get(context, mask)?;
        context.expect_bytes(mask, &offsets, &bytes, has_come)
    }))
}

/// `mbarrier.test_wait`, `mbarrier.try_wait`
fn decode_wait(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let has_parity = operation.flag("parity");
    let acquires = orders(operation, "acquire");
    let space = space_and_type(operation)?;
    // How long to wait at most says nothing here.
    operation.finish(3..=4)?;
    let complete = operation.dst_predicate(operation.operand(0)?)?;
    let place = Place::decode(operation, 1, space, false)?;
    let phase = operation.src(2, if has_parity { Type::U32 } else { Type::B64 })?;
    if operation.has(3) {
        operation.src(3, Type::U32)?;
    }
    Ok(Action::Wait(Box::new(move |context, mask| {
        let phase = match has_parity {
            true => Phase::Parity(*context.registers.row(phase)),
            false => Phase::State(u64::read(context.registers, phase)),
        };
        let offsets = place.get(context, mask)?;
        let done = context.test_mbarriers(mask, &offsets, &phase, acquires)?;
        context.registers.set_predicate(complete, mask, done);
        Ok(mask & !done)
    })))
}

/// `cp.async.mbarrier.arrive`
pub(super) fn decode_copies_arrive(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    if !operation.flag("arrive") {
        return Err(operation.unknown());
    }
    let is_counted = operation.flag("noinc");
    let space = space_and_type(operation)?;
    operation.finish(1..=1)?;
    let place = Place::decode(operation, 0, space, false)?;
    Ok(Action::access(move |context, mask| {
        let offsets = place.get(context, mask)?;
        context.arrive_with_copies(mask, &offsets, is_counted)
    }))
}
