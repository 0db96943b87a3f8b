//! Copies of boxes of tensors: `cp.async.bulk.tensor` and its like.

use super::address::Address;
use super::bulk::update;
use crate::exec::{AccessSpace, Action, Context, ElementUpdate, Lane, Slot, TensorCopy, lanes};
use crate::program::Operation;
use crate::ptx::{Operand, PtxError, Type};
use crate::tensor::{Origin, TensorElement};

/// How a box is taken from its tensor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mode {
    Tile,
    /// With offsets, if it is a load.
    Im2col,
}

/// The modifiers and operands that all of these instructions have.
struct Site {
    rank: usize,
    mode: Mode,
    map: Address,
    coordinates: Vec<Slot>,
    /// Of im2col, which the loads have.
    offsets: Vec<Slot>,
}

/// Takes the mode, which stands behind the dimension, the spaces, or the mechanism of completion.
fn mode(operation: &mut Operation<'_, '_>, im2col: &str, known: &mut Option<Mode>) {
    if known.is_none() {
        *known = operation.choice(&[("tile", Mode::Tile), (im2col, Mode::Im2col)]);
    }
}

/// Takes the number of dimensions.
fn rank(operation: &mut Operation<'_, '_>) -> Result<usize, PtxError> {
    let ranks = [("1d", 1), ("2d", 2), ("3d", 3), ("4d", 4), ("5d", 5)];
    let rank = operation.choice(&ranks);
    rank.ok_or_else(|| operation.error("expected a number of dimensions, `.1d` to `.5d`"))
}

impl Site {
    /// Decodes the operand of the map and the coordinates, and with `offsets` that of the offsets.
    fn decode(
        operation: &mut Operation<'_, '_>,
        (rank, mode): (usize, Option<Mode>),
        map: usize,
        offsets: Option<usize>,
    ) -> Result<Self, PtxError> {
        let mode = mode.unwrap_or(Mode::Tile);
        if mode == Mode::Im2col && rank < 3 {
            return Err(operation.error("im2col is of 3 dimensions and more"));
        }
        let Operand::Address { base, offset, rest } = operation.operand(map)? else {
            return Err(operation.error("expected a tensor map and coordinates in brackets"));
        };
        let [Operand::Vector(coordinates)] = rest.as_slice() else {
            return Err(operation.error("expected coordinates behind the tensor map"));
        };
        if coordinates.len() != rank {
            return Err(operation.error(format!(
                "{} coordinates for {rank} dimensions",
                coordinates.len()
            )));
        }
        let address = Address::of(operation, base, *offset)?;
        let coordinates = coordinates
            .iter()
            .map(|coordinate| operation.source(coordinate, Type::S32))
            .collect::<Result<_, _>>()?;
        let offsets = match offsets {
            None => Vec::new(),
            Some(index) => {
                let Operand::Vector(offsets) = operation.operand(index)? else {
                    return Err(operation.error("expected the offsets of im2col in braces"));
                };
                if offsets.len() != rank - 2 {
                    return Err(operation.error(format!(
                        "{} offsets of im2col for {rank} dimensions",
                        offsets.len()
                    )));
                }
                offsets
                    .iter()
                    .map(|offset| operation.source(offset, Type::U16))
                    .collect::<Result<_, _>>()?
            }
        };
        Ok(Self {
            rank,
            mode,
            map: address,
            coordinates,
            offsets,
        })
    }

    /// What a lane copies, from or to its place in shared memory.
    fn copy(&self, context: &Context<'_, '_>, lane: usize, shared: u64) -> TensorCopy {
        let row = |slots: &[Slot], index: usize| {
            let slot = slots.get(index);
            slot.map_or(0, |&slot| u32::read(context.registers, slot)[lane])
        };
        let first = std::array::from_fn(|index| row(&self.coordinates, index) as i32);
        let origin = match self.mode {
            Mode::Tile => Origin::Tile(first),
            Mode::Im2col => {
                let offsets = std::array::from_fn(|index| row(&self.offsets, index) as u16);
                Origin::Pixel(first, offsets)
            }
        };
        TensorCopy {
            // A parameter and a constant have addresses of their spaces, if they are named.
            map: self.map.generic(context)[lane],
            rank: self.rank,
            origin,
            shared,
        }
    }
}

/// `cp.async.bulk.tensor`
pub(super) fn decode(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let rank = rank(operation)?;
    let is_load = |name: &str| name.starts_with("shared::");
    // The mode may come first, as in the manual's examples.
    let mut known = None;
    let im2col = match operation
        .instruction
        .modifiers
        .iter()
        .any(|name| name == "bulk_group")
    {
        true => "im2col_no_offs",
        false => "im2col",
    };
    mode(operation, im2col, &mut known);
    if operation.peek().is_some_and(is_load) {
        let space = match operation.take() {
            Some("shared::cta") => AccessSpace::Shared,
            Some("shared::cluster") => AccessSpace::Cluster,
            _ => return Err(operation.unknown()),
        };
        if !operation.flag("global") {
            return Err(operation.error("loads of tensors come from `.global`"));
        }
        mode(operation, im2col, &mut known);
        if !operation.flag("mbarrier::complete_tx::bytes") {
            return Err(operation.error("`.mbarrier::complete_tx::bytes` must follow the spaces"));
        }
        mode(operation, im2col, &mut known);
        return decode_load(operation, space, (rank, known));
    }
    if !operation.flag("global") || !operation.flag("shared::cta") {
        return Err(operation.error("tensors are copied between `.global` and `.shared` memory"));
    }
    mode(operation, im2col, &mut known);
    if !operation.flag("bulk_group") {
        return Err(operation.error("`.bulk_group` must follow these spaces"));
    }
    mode(operation, im2col, &mut known);
    decode_store(operation, (rank, known), None)
}

/// The rest of a load, behind the mechanism of completion.
fn decode_load(
    operation: &mut Operation<'_, '_>,
    space: AccessSpace,
    (rank, mode): (usize, Option<Mode>),
) -> Result<Action, PtxError> {
    let has_blocks = space == AccessSpace::Cluster && operation.flag("multicast::cluster");
    let has_policy = operation.flag("L2::cache_hint");
    let offsets = (mode == Some(Mode::Im2col)).then_some(3);
    let blocks = 3 + usize::from(offsets.is_some());
    let policy = blocks + usize::from(has_blocks);
    let count = policy + usize::from(has_policy);
    operation.finish(count..=count)?;
    let to = Address::decode(operation, 0)?;
    let site = Site::decode(operation, (rank, mode), 1, offsets)?;
    let mbarrier = Address::decode(operation, 2)?;
    let blocks = match has_blocks {
        true => Some(operation.src(blocks, Type::B16)?),
        false => None,
    };
    if has_policy {
        operation.src(policy, Type::B64)?;
    }
    Ok(Action::access(move |context, mask| {
        let to = context.shared_addresses(mask, space, &to.get(context))?;
        let mbarriers = mbarrier.get(context);
        let blocks = blocks.map(|blocks| *context.registers.row(blocks));
        for lane in lanes(mask) {
            let copy = site.copy(context, lane, to[lane]);
            let blocks = blocks.map(|blocks| blocks[lane] as u16);
            context.load_tensor(lane, &copy, mbarriers[lane], blocks)?;
        }
        Ok(())
    }))
}

/// The rest of a store or an update, behind the mechanism of completion.
fn decode_store(
    operation: &mut Operation<'_, '_>,
    (rank, mode): (usize, Option<Mode>),
    name: Option<&'static str>,
) -> Result<Action, PtxError> {
    let has_policy = operation.flag("L2::cache_hint");
    let count = 2 + usize::from(has_policy);
    operation.finish(count..=count)?;
    let site = Site::decode(operation, (rank, mode), 0, None)?;
    let from = Address::decode(operation, 1)?;
    if has_policy {
        operation.src(2, Type::B64)?;
    }
    Ok(Action::access(move |context, mask| {
        let from = from.get(context);
        let from = context.shared_addresses(mask, AccessSpace::Shared, &from)?;
        for lane in lanes(mask) {
            let copy = site.copy(context, lane, from[lane]);
            match name {
                None => context.store_tensor(lane, &copy, None)?,
                Some(name) => {
                    let update = |element| element_update(name, element);
                    context.store_tensor(lane, &copy, Some(&update))?;
                }
            }
        }
        Ok(())
    }))
}

/// `cp.reduce.async.bulk.tensor`
pub(super) fn decode_reduce(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let rank = rank(operation)?;
    if !operation.flag("global") || !operation.flag("shared::cta") {
        return Err(operation.error("updates of tensors go from `.shared::cta` to `.global`"));
    }
    let names = ["add", "min", "max", "inc", "dec", "and", "or", "xor"].map(|name| (name, name));
    let name = operation
        .choice(&names)
        .ok_or_else(|| operation.unknown())?;
    let mut known = None;
    mode(operation, "im2col_no_offs", &mut known);
    if !operation.flag("bulk_group") {
        return Err(operation.error("`.bulk_group` must follow the mode"));
    }
    decode_store(operation, (rank, known), Some(name))
}

/// What an operation makes of an element of a tensor.
fn element_update(name: &str, element: TensorElement) -> Option<ElementUpdate> {
    use TensorElement::*;
    let is_bits = matches!(name, "and" | "or" | "xor");
    let ty = match element {
        U32 | S32 if is_bits => Type::B32,
        U64 | S64 if is_bits => Type::B64,
        U32 => Type::U32,
        S32 => Type::S32,
        U64 => Type::U64,
        // Sums are the same with a sign.
        S64 if name == "add" => Type::U64,
        S64 => Type::S64,
        F16 => Type::F16,
        BF16 => Type::BF16,
        F32 | F32Ftz => Type::F32,
        F64 => Type::F64,
        U8 | U16 | Tf32 | Tf32Ftz => return None,
    };
    update(name, ty)
}

/// `cp.async.bulk.prefetch.tensor`: there is no cache to fill.
pub(super) fn decode_prefetch(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let rank = rank(operation)?;
    if !operation.flag("L2") || !operation.flag("global") {
        return Err(operation.unknown());
    }
    let mut known = None;
    mode(operation, "im2col", &mut known);
    let has_policy = operation.flag("L2::cache_hint");
    let offsets = (known == Some(Mode::Im2col)).then_some(1);
    let policy = 1 + usize::from(offsets.is_some());
    let count = policy + usize::from(has_policy);
    operation.finish(count..=count)?;
    Site::decode(operation, (rank, known), 0, offsets)?;
    if has_policy {
        operation.src(policy, Type::B64)?;
    }
    Ok(Action::compute(|_, _| {}))
}
