//! Changes of tensor maps by kernels: `tensormap.replace`, `tensormap.cp_fenceproxy`.

use super::address::Address;
use super::asynchronous::number;
use super::memory::scope;
use crate::exec::{AccessSpace, Action, Context, LANES, Lane, Mask, Order, Scope, Stop, lanes};
use crate::program::{Fate, Operation};
use crate::ptx::{PtxError, Type};
use crate::tensor::{Fill, Interleave, Swizzle, TENSOR_MAP_BYTES, TensorBox, TensorMap};

/// The words of 8 bytes of a map.
const WORDS: usize = TENSOR_MAP_BYTES / 8;

/// A field, with the dimension that it is of.
#[derive(Clone, Copy, Debug)]
enum Field {
    Address,
    Rank,
    Box(usize),
    Size(usize),
    Stride(usize),
    Step(usize),
    Element,
    Interleave,
    Swizzle,
    Atomicity,
    Fill,
}

/// `tensormap`
pub(super) fn decode(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    match operation.take() {
        Some("replace") => decode_replace(operation),
        Some("cp_fenceproxy") => decode_copy(operation),
        _ => Err(operation.unknown()),
    }
}

/// Loads the bytes at the address of a lane.
fn load(
    context: &mut Context<'_, '_>,
    lane: usize,
    space: AccessSpace,
    addresses: &[u64; LANES],
) -> Result<[u8; TENSOR_MAP_BYTES], Stop> {
    let mut bytes = [0; TENSOR_MAP_BYTES];
    for (index, part) in bytes.chunks_exact_mut(8).enumerate() {
        let addresses = addresses.map(|address| address.wrapping_add(8 * index as u64));
        let mut value = [[0_u64; LANES]];
        let order = (Order::WEAK, Scope::Device);
        context.load(
            1 << lane,
            space,
            &addresses,
            order,
            Fate::Stored,
            &mut value,
        )?;
        part.copy_from_slice(&value[0][lane].to_le_bytes());
    }
    Ok(bytes)
}

/// Stores the bytes at the address of a lane.
fn store(
    context: &mut Context<'_, '_>,
    lane: usize,
    space: AccessSpace,
    addresses: &[u64; LANES],
    bytes: &[u8; TENSOR_MAP_BYTES],
) -> Result<(), Stop> {
    let (words, _) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate().take(WORDS) {
        let addresses = addresses.map(|address| address.wrapping_add(8 * index as u64));
        let value = [[u64::from_le_bytes(*word); LANES]];
        let order = (Order::WEAK, Scope::Device);
        context.store(1 << lane, space, &addresses, order, &value)?;
    }
    Ok(())
}

/// `tensormap.replace`
fn decode_replace(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    if !operation.flag("tile") {
        return Err(operation.error("only maps of tiles are changed, `.tile`"));
    }
    let name = operation.take().ok_or_else(|| operation.unknown())?;
    let space = operation
        .choice(&[
            ("global", AccessSpace::Global),
            ("shared::cta", AccessSpace::Shared),
        ])
        .unwrap_or(AccessSpace::Generic);
    let is_wide = matches!(name, "global_address" | "global_stride");
    let ty = if is_wide { Type::B64 } else { Type::B32 };
    if !operation.flag("b1024") || operation.ty()? != ty {
        return Err(operation.error(format!("expected `.b1024.{ty}`")));
    }
    let of_dimension = matches!(
        name,
        "box_dim" | "global_dim" | "global_stride" | "element_stride"
    );
    let value = 1 + usize::from(of_dimension);
    operation.finish(value + 1..=value + 1)?;
    let dimension = match of_dimension {
        false => 0,
        true => match number(operation, 1)? {
            dimension @ 0..5 if dimension < 4 || name != "global_stride" => dimension as usize,
            other => return Err(operation.error(format!("there is no dimension {other}"))),
        },
    };
    let field = match name {
        "global_address" => Field::Address,
        "rank" => Field::Rank,
        "box_dim" => Field::Box(dimension),
        "global_dim" => Field::Size(dimension),
        "global_stride" => Field::Stride(dimension),
        "element_stride" => Field::Step(dimension),
        "elemtype" => Field::Element,
        "interleave_layout" => Field::Interleave,
        "swizzle_mode" => Field::Swizzle,
        "swizzle_atomicity" => Field::Atomicity,
        "fill_mode" => Field::Fill,
        _ => return Err(operation.unknown()),
    };
    if matches!(
        field,
        Field::Element | Field::Interleave | Field::Swizzle | Field::Atomicity | Field::Fill
    ) {
        number(operation, value)?;
    }
    let address = Address::decode(operation, 0)?;
    let value = operation.src(value, ty)?;
    Ok(Action::access(move |context, mask| {
        let addresses = address.get(context);
        let values: [u64; LANES] = match is_wide {
            true => u64::read(context.registers, value),
            false => u32::read(context.registers, value).map(u64::from),
        };
        for lane in lanes(mask) {
            let bytes = load(context, lane, space, &addresses)?;
            let changed = TensorMap::decode(&bytes)
                .ok_or("the bytes there are no tensor map: copy one that the driver has made first")
                .and_then(|map| replaced(map, field, values[lane]));
            let map = changed.map_err(|sentence| {
                let message = format!(
                    "changes the tensor map at {:#x}: {sentence}",
                    addresses[lane]
                );
                let kind = crate::check::Kind::InvalidInstruction;
                context.stop(kind, lane, "changes", message)
            })?;
            store(context, lane, space, &addresses, &map.encode())?;
        }
        Ok(())
    }))
}

/// A map with another value in a field.
fn replaced(mut map: TensorMap, field: Field, value: u64) -> Result<TensorMap, &'static str> {
    const UNKNOWN: &str = "the value is not known";
    let index = usize::try_from(value).unwrap_or(usize::MAX);
    match field {
        Field::Address => map.address = value,
        Field::Rank => {
            map.rank = index.saturating_add(1);
            if map.rank > 5 {
                return Err("a tensor has 1 to 5 dimensions, and the value is one less");
            }
        }
        Field::Box(dimension) => match &mut map.part {
            TensorBox::Tiled(counts) => counts[dimension] = value as u32,
            TensorBox::Im2col { .. } => return Err("the map is not of tiles"),
        },
        Field::Size(dimension) => map.sizes[dimension] = value,
        Field::Stride(dimension) => map.strides[dimension] = value,
        Field::Step(dimension) => map.steps[dimension] = value as u32,
        Field::Element => {
            map.element = TensorMap::replaced_element(value as u32).ok_or(UNKNOWN)?;
        }
        Field::Interleave => map.interleave = *Interleave::ALL.get(index).ok_or(UNKNOWN)?,
        Field::Swizzle => {
            let modes = &Swizzle::ALL[..4];
            map.swizzle = *modes.get(index).ok_or(UNKNOWN)?;
        }
        Field::Atomicity => {
            map.swizzle = match (map.swizzle, value) {
                (swizzle @ (Swizzle::None | Swizzle::Span32 | Swizzle::Span64), 0) => swizzle,
                (Swizzle::None | Swizzle::Span32 | Swizzle::Span64, _) => return Err(UNKNOWN),
                (_, 0) => Swizzle::Span128,
                (_, 1) => Swizzle::Span128Atom32,
                (_, 2) => Swizzle::Span128Atom32Flip8,
                (_, 3) => Swizzle::Span128Atom64,
                _ => return Err(UNKNOWN),
            };
        }
        Field::Fill => map.fill = *Fill::ALL.get(index).ok_or(UNKNOWN)?,
    }
    Ok(map)
}

/// `tensormap.cp_fenceproxy`: the warp copies a map from shared to global memory.
fn decode_copy(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    for name in ["global", "shared::cta", "tensormap::generic", "release"] {
        if !operation.flag(name) {
            return Err(operation.error(format!("expected `.{name}`")));
        }
    }
    let scope = scope(operation).ok_or_else(|| operation.error("the scope is missing"))?;
    if !operation.flag("sync") || !operation.flag("aligned") {
        return Err(operation.error("expected `.sync.aligned`"));
    }
    operation.finish(3..=3)?;
    if number(operation, 2)? != TENSOR_MAP_BYTES as u64 {
        return Err(operation.error(format!("copies {TENSOR_MAP_BYTES} bytes")));
    }
    let to = Address::decode(operation, 0)?;
    let from = Address::decode(operation, 1)?;
    Ok(Action::access(move |context, mask: Mask| {
        let lane = Context::first(mask);
        let (to, from): ([u64; LANES], [u64; LANES]) = (to.get(context), from.get(context));
        let bytes = load(context, lane, AccessSpace::Shared, &from)?;
        store(context, lane, AccessSpace::Global, &to, &bytes)?;
        context.fence(mask, scope);
        Ok(())
    }))
}
