//! Loads and stores, and what deals in addresses.

use super::address::{Address, space};
use crate::exec::{
    AccessSpace, Action, Context, LANES, Lane, Mask, Order, Scope, Slot, Stop, Value,
    rank_and_offset,
};
use crate::program::{Fate, Operation, Symbol};
use crate::ptx::{Operand, PtxError, Type};

/// The most words of a vector.
const MOST: usize = 8;

/// Takes the modifiers of an access up to its type.
struct Modifiers {
    space: AccessSpace,
    order: (Order, Scope),
    /// The words of its vector.
    count: usize,
    ty: Type,
}

fn modifiers(operation: &mut Operation<'_, '_>) -> Result<Modifiers, PtxError> {
    let order = operation.choice(&[
        ("weak", Order::WEAK),
        ("volatile", Order::RELAXED),
        ("relaxed", Order::RELAXED),
        ("mmio", Order::RELAXED),
        ("acquire", Order::ACQUIRE),
        ("release", Order::RELEASE),
    ]);
    // `ld.mmio.relaxed.sys`
    operation.flag("relaxed");
    let scope = scope(operation);
    let space = space(operation);
    // What caches do is not seen, except by the clock.
    while operation.choice(&CACHE_MODIFIERS).is_some() {}
    let count = operation.choice(&[("v2", 2), ("v4", 4), ("v8", 8)]);
    Ok(Modifiers {
        space,
        order: (order.unwrap_or_default(), scope.unwrap_or(Scope::Device)),
        count: count.unwrap_or(1),
        ty: operation.ty()?,
    })
}

/// What says how an access goes through the caches.
pub(super) const CACHE_MODIFIERS: [(&str, ()); 21] = [
    ("ca", ()),
    ("cg", ()),
    ("cs", ()),
    ("lu", ()),
    ("cv", ()),
    ("wb", ()),
    ("wt", ()),
    ("nc", ()),
    ("unified", ()),
    ("L1::evict_normal", ()),
    ("L1::evict_unchanged", ()),
    ("L1::evict_first", ()),
    ("L1::evict_last", ()),
    ("L1::no_allocate", ()),
    ("L2::evict_normal", ()),
    ("L2::evict_first", ()),
    ("L2::evict_last", ()),
    ("L2::cache_hint", ()),
    ("L2::64B", ()),
    ("L2::128B", ()),
    ("L2::256B", ()),
];

/// Takes the modifier that says for which threads an access or a fence is ordered.
pub(super) fn scope(operation: &mut Operation<'_, '_>) -> Option<Scope> {
    operation.choice(&[
        ("cta", Scope::Block),
        ("cluster", Scope::Block),
        ("gpu", Scope::Device),
        ("sys", Scope::Device),
    ])
}

/// The space that the instruction and its operand name together.
fn common_space(
    operation: &Operation<'_, '_>,
    named: AccessSpace,
    address: &Address,
) -> Result<AccessSpace, PtxError> {
    match (named, address.space) {
        (space, None) => Ok(space),
        (AccessSpace::Parameter, Some(AccessSpace::Local)) => Ok(AccessSpace::Local),
        (AccessSpace::Cluster, Some(AccessSpace::Shared)) => Ok(AccessSpace::Cluster),
        (named, Some(space)) if named == space => Ok(space),
        (AccessSpace::Generic, Some(space @ (AccessSpace::Global | AccessSpace::Const))) => {
            Ok(space)
        }
        _ => Err(operation.error("the variable lies in another state space")),
    }
}

/// A register of a loaded or stored vector.
#[derive(Clone, Copy, Debug)]
struct Element {
    slot: Slot,
    /// The rows of the register, which may be wider than the value.
    rows: u32,
}

fn elements<'a>(
    operation: &mut Operation<'a, '_>,
    operand: &'a Operand,
    count: usize,
    ty: Type,
    is_destination: bool,
) -> Result<Vec<Element>, PtxError> {
    let vector;
    let operands: &[Operand] = match operand {
        Operand::Vector(operands) => operands,
        Operand::Name(name) if count > 1 => {
            // A vector register as a whole.
            match operation.symbol(name)? {
                Symbol::Vector(registers) if registers.len() == count => {
                    return Ok(registers
                        .into_iter()
                        .map(|register| Element {
                            slot: if is_destination {
                                operation.frame.write(register)
                            } else {
                                operation.frame.read(register)
                            },
                            rows: operation.frame.register_type(register).size().div_ceil(4),
                        })
                        .collect());
                }
                _ => return Err(operation.error(format!("expected a vector of {count} registers"))),
            }
        }
        single => {
            vector = std::slice::from_ref(single);
            vector
        }
    };
    if operands.len() != count {
        return Err(operation.error(format!("{} registers for {count} values", operands.len())));
    }
    operands
        .iter()
        .map(|operand| {
            let mut wide = ty;
            if let Operand::Name(name) = operand
                && let Symbol::Register(_) = operation.symbol(name)?
            {
                // A register may be wider than what is loaded or stored.
                let declared = operation.register_type(operand)?;
                if declared.size() > ty.size() && declared.size() <= 8 {
                    wide = declared;
                } else if declared.size() < ty.size() {
                    return Err(operation.error(format!(
                        "the register `{name}` is {declared}, too small for {ty}"
                    )));
                }
            }
            let slot = if is_destination {
                operation.destination(operand, wide)?
            } else {
                operation.source(operand, wide)?
            };
            Ok(Element {
                slot,
                rows: wide.size().div_ceil(4),
            })
        })
        .collect()
}

/// The registers that an operand names.
fn registers<'a>(operation: &Operation<'_, '_>, operand: &'a Operand) -> Vec<Option<u32>> {
    let register = |operand: &'a Operand| match operand {
        Operand::Name(name) => match operation.symbol(name) {
            Ok(Symbol::Register(register)) => Some(register),
            _ => None,
        },
        _ => None,
    };
    match operand {
        Operand::Vector(operands) => operands.iter().map(register).collect(),
        single => vec![register(single)],
    }
}

/// What becomes of the values that a load gives.
fn fate(operation: &Operation<'_, '_>, operand: &Operand) -> Fate {
    let fates = registers(operation, operand)
        .into_iter()
        .map(|register| register.map_or(Fate::Used, |register| operation.frame.fate(register)));
    fates.min().unwrap_or_default()
}

/// Where the action's address and space come from, and how it orders others.
#[derive(Clone, Copy)]
struct Site {
    address: Address,
    space: AccessSpace,
    order: (Order, Scope),
    fate: Fate,
}

/// A load of `elements` words of type `T`, extended by their sign if `signed`.
fn load<T: Value + Lane + Default>(
    site: Site,
    elements: Vec<Element>,
    extend: fn(T) -> u64,
) -> Action {
    Action::access(move |context, mask| {
        let addresses = site.address.get(context);
        let mut values = [[T::default(); LANES]; MOST];
        let values = &mut values[..elements.len()];
        context.load(mask, site.space, &addresses, site.order, site.fate, values)?;
        for (element, values) in elements.iter().zip(values) {
            write(context, *element, mask, values, extend);
        }
        Ok(())
    })
}

#[inline(always)]
fn write<T: Lane>(
    context: &mut Context<'_, '_>,
    element: Element,
    mask: Mask,
    values: &[T; LANES],
    extend: fn(T) -> u64,
) {
    if element.rows as usize * 4 == size_of::<T>() {
        T::write(context.registers, element.slot, mask, *values);
    } else if element.rows == 1 {
        u32::write(
            context.registers,
            element.slot,
            mask,
            values.map(|value| extend(value) as u32),
        );
    } else {
        u64::write(context.registers, element.slot, mask, values.map(extend));
    }
}

/// A store of words of type `T`.
fn store<T: Value + Lane + Default>(site: Site, elements: Vec<Element>) -> Action {
    Action::access(move |context, mask| {
        let addresses = site.address.get(context);
        let mut values = [[T::default(); LANES]; MOST];
        let values = &mut values[..elements.len()];
        for (element, values) in elements.iter().zip(values.iter_mut()) {
            // A register of 64 bits lies in its rows as such: its low bits are stored.
            *values = if element.rows == 2 && size_of::<T>() < 8 {
                u64::read(context.registers, element.slot)
                    .map(|value| T::from_bytes(&value.to_le_bytes()[..size_of::<T>()]))
            } else {
                T::read(context.registers, element.slot)
            };
        }
        context.store(mask, site.space, &addresses, site.order, values)
    })
}

/// A load of one or two values of 128 bits, as halves.
fn load_wide(site: Site, elements: Vec<Element>) -> Action {
    Action::access(move |context, mask| {
        let addresses = site.address.get(context);
        let mut halves = [[0_u64; LANES]; 4];
        let halves = &mut halves[..2 * elements.len()];
        context.load(mask, site.space, &addresses, site.order, site.fate, halves)?;
        for (element, pair) in elements.iter().zip(halves.chunks(2)) {
            let value = |lane: usize| u128::from(pair[0][lane]) | u128::from(pair[1][lane]) << 64;
            u128::write(
                context.registers,
                element.slot,
                mask,
                std::array::from_fn(value),
            );
        }
        Ok(())
    })
}

/// A store of one or two values of 128 bits, as halves.
fn store_wide(site: Site, elements: Vec<Element>) -> Action {
    Action::access(move |context, mask| {
        let addresses = site.address.get(context);
        let mut halves = [[0_u64; LANES]; 4];
        let halves = &mut halves[..2 * elements.len()];
        for (element, pair) in elements.iter().zip(halves.chunks_mut(2)) {
            let values = u128::read(context.registers, element.slot);
            pair[0] = values.map(|value| value as u64);
            pair[1] = values.map(|value| (value >> 64) as u64);
        }
        context.store(mask, site.space, &addresses, site.order, halves)
    })
}

fn check_size(operation: &Operation<'_, '_>, count: usize, ty: Type) -> Result<(), PtxError> {
    if ty == Type::Pred || count as u32 * ty.size() > 32 {
        return Err(operation.error(format!(
            "{count} values of type {ty} cannot be accessed at once"
        )));
    }
    Ok(())
}

/// `ld` and `ldu`.
pub(super) fn decode_load(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let modifiers = modifiers(operation)?;
    let Modifiers {
        count, ty, order, ..
    } = modifiers;
    check_size(operation, count, ty)?;
    // A cache policy may follow, which changes nothing here.
    operation.finish(2..=3)?;
    let operand = operation.operand(0)?;
    let elements = elements(operation, operand, count, ty, true)?;
    let address = Address::decode(operation, 1)?;
    let space = common_space(operation, modifiers.space, &address)?;
    let site = Site {
        address,
        space,
        order,
        fate: fate(operation, operand),
    };
    Ok(match (ty.size(), ty.is_signed()) {
        (1, false) => load::<u8>(site, elements, u64::from),
        (1, true) => load::<u8>(site, elements, |value| value as i8 as u64),
        (2, false) => load::<u16>(site, elements, u64::from),
        (2, true) => load::<u16>(site, elements, |value| value as i16 as u64),
        (4, false) => load::<u32>(site, elements, u64::from),
        (4, true) => load::<u32>(site, elements, |value| value as i32 as u64),
        (8, _) => load::<u64>(site, elements, |value| value),
        _ => load_wide(site, elements),
    })
}

/// `st`
pub(super) fn decode_store(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let modifiers = modifiers(operation)?;
    let Modifiers {
        count, ty, order, ..
    } = modifiers;
    check_size(operation, count, ty)?;
    operation.finish(2..=3)?;
    let address = Address::decode(operation, 0)?;
    let operand = operation.operand(1)?;
    let elements = elements(operation, operand, count, ty, false)?;
    let space = common_space(operation, modifiers.space, &address)?;
    if matches!(space, AccessSpace::Const | AccessSpace::Parameter) {
        return Err(operation.error("constants and the kernel's parameters cannot be written"));
    }
    let site = Site {
        address,
        space,
        order,
        fate: Fate::Used,
    };
    for register in registers(operation, operand).into_iter().flatten() {
        operation
            .frame
            .note_store(register, space == AccessSpace::Local);
    }
    Ok(match ty.size() {
        1 => store::<u8>(site, elements),
        2 => store::<u16>(site, elements),
        4 => store::<u32>(site, elements),
        8 => store::<u64>(site, elements),
        _ => store_wide(site, elements),
    })
}

/// `prefetch`, `prefetchu`, `applypriority`, `discard`, `createpolicy`: what only caches notice. An
/// address is not used, and so it is not checked either.
pub(super) fn decode_cache(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let known = |modifier: &str| {
        matches!(
            modifier,
            "global"
                | "local"
                | "const"
                | "param"
                | "tensormap"
                | "fractional"
                | "range"
                | "cvt"
                | "b64"
                | "L1"
                | "L2"
        ) || matches!(
            modifier.strip_prefix("L2::"),
            Some("evict_last" | "evict_normal" | "evict_first" | "evict_unchanged")
        )
    };
    while operation.peek().is_some_and(known) {
        operation.take();
    }
    operation.finish(1..=4)?;
    if operation.instruction.opcode == "createpolicy" {
        let policy = operation.dst(0, Type::B64)?;
        return Ok(Action::compute(move |registers, mask| {
            u64::write(registers, policy, mask, [0; LANES]);
        }));
    }
    Address::decode(operation, 0)?;
    Ok(Action::compute(|_, _| {}))
}

/// `cvta` and `cvta.to`
pub(super) fn decode_convert_address(
    operation: &mut Operation<'_, '_>,
) -> Result<Action, PtxError> {
    let from_generic = operation.flag("to");
    let space = space(operation);
    let ty = operation.ty()?;
    operation.finish(2..=2)?;
    if space == AccessSpace::Generic {
        return Err(operation.error("a state space is missing"));
    }
    if ty != Type::U64 {
        return Err(operation.error("addresses have 64 bits here, expected `.u64`"));
    }
    let d = operation.dst(0, ty)?;
    let window = if from_generic {
        space.window().wrapping_neg()
    } else {
        space.window()
    };
    // A variable's name stands for its address.
    if let Some(address) = variable_address(operation, 1)? {
        return Ok(Action::access(move |context, mask| {
            let values = address
                .get(context)
                .map(|address| address.wrapping_add(window));
            u64::write(context.registers, d, mask, values);
            Ok(())
        }));
    }
    let a = operation.src(1, ty)?;
    Ok(super::lanes::unary(d, a, move |a: u64| {
        a.wrapping_add(window)
    }))
}

/// The address of a variable that an operand names without brackets.
fn variable_address(
    operation: &mut Operation<'_, '_>,
    index: usize,
) -> Result<Option<Address>, PtxError> {
    let (name, offset) = match operation.operand(index)? {
        Operand::Name(name) => (name, 0),
        Operand::Offset(name, offset) => (name, *offset),
        _ => return Ok(None),
    };
    match operation.symbol(name)? {
        Symbol::Address(..) | Symbol::Local(..) | Symbol::Parameter(_) => {
            let base = Operand::Name(name.clone());
            Address::of(operation, &base, offset).map(Some)
        }
        _ => Ok(None),
    }
}

/// `mov` of the address of a variable or function; `None` for any other `mov`.
pub(super) fn decode_move_address(
    operation: &mut Operation<'_, '_>,
) -> Result<Option<Action>, PtxError> {
    if operation.instruction.operands.len() != 2 {
        return Ok(None);
    }
    if let Operand::Name(name) = operation.operand(1)?
        && let Symbol::Function(number) = operation.symbol(name)?
    {
        let ty = operation.ty()?;
        operation.finish(2..=2)?;
        let d = operation.dst(0, ty)?;
        if ty.size() != 8 {
            return Err(operation.error("the address of a function has 64 bits"));
        }
        let address = crate::program::function_address(number);
        return Ok(Some(Action::compute(move |registers, mask| {
            u64::write(registers, d, mask, [address; LANES]);
        })));
    }
    let Some(address) = variable_address(operation, 1)? else {
        return Ok(None);
    };
    let ty = operation.ty()?;
    operation.finish(2..=2)?;
    let d = operation.dst(0, ty)?;
    let wide = match ty.size() {
        4 => false,
        8 => true,
        _ => return Err(operation.error("an address has 32 or 64 bits")),
    };
    Ok(Some(Action::access(move |context, mask| {
        let addresses = address.get(context);
        if wide {
            u64::write(context.registers, d, mask, addresses);
        } else {
            u32::write(
                context.registers,
                d,
                mask,
                addresses.map(|address| address as u32),
            );
        }
        Ok(())
    })))
}

/// `isspacep`
pub(super) fn decode_is_space(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let space = space(operation);
    operation.finish(2..=2)?;
    let p = operation.dst_predicate(operation.operand(0)?)?;
    let a = operation.src(1, Type::B64)?;
    Ok(Action::access(move |context, mask| {
        let addresses = u64::read(context.registers, a);
        let mut value = 0;
        for lane in crate::exec::lanes(mask) {
            let found = match AccessSpace::of(addresses[lane]) {
                AccessSpace::Global => {
                    let region = context.cursor.find(addresses[lane], 1);
                    match region {
                        Some((region, _)) if !region.is_writable() => AccessSpace::Const,
                        _ => AccessSpace::Global,
                    }
                }
                other => other,
            };
            let own = addresses[lane].wrapping_sub(AccessSpace::Cluster.window());
            let same = found == space && (found != AccessSpace::Shared
                || rank_and_offset(own).0 == context.rank())
                || found == AccessSpace::Shared && space == AccessSpace::Cluster
                // Constant memory is part of global memory here.
                || found == AccessSpace::Const && space == AccessSpace::Global;
            value |= Mask::from(same) << lane;
        }
        context.registers.set_predicate(p, mask, value);
        Ok(())
    }))
}

/// `alloca`, `stacksave` and `stackrestore`: memory of the function's frame whose size is not known
/// before it runs.
pub(super) fn decode_stack(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let ty = operation.ty()?;
    match operation.instruction.opcode.as_str() {
        "alloca" => {
            operation.finish(2..=3)?;
            let d = operation.dst(0, ty)?;
            let size = operation.src(1, ty)?;
            if ty.size() != 8 {
                return Err(operation.error("addresses have 64 bits here"));
            }
            Ok(Action::access(move |context, mask| {
                allocate(context, mask, d, size)
            }))
        }
        "stacksave" => {
            operation.finish(1..=1)?;
            let d = operation.dst(0, ty)?;
            if ty.size() != 8 {
                return Err(operation.error("addresses have 64 bits here"));
            }
            Ok(Action::access(move |context, mask| {
                let end = u64::from(*context.local_end);
                u64::write(context.registers, d, mask, [end; LANES]);
                Ok(())
            }))
        }
        _ => {
            operation.finish(1..=1)?;
            let a = operation.src(0, ty)?;
            if ty.size() != 8 {
                return Err(operation.error("addresses have 64 bits here"));
            }
            Ok(Action::access(move |context, mask| {
                let ends = u64::read(context.registers, a);
                // Lanes that saved different ends keep the largest: each has what it needs.
                let end = crate::exec::lanes(mask).map(|lane| ends[lane]).max();
                *context.local_end = end.map_or(*context.local_end, |end| {
                    end.clamp(context.local_frame.into(), (*context.local_end).into()) as u32
                });
                Ok(())
            }))
        }
    }
}

fn allocate(context: &mut Context<'_, '_>, mask: Mask, d: Slot, size: Slot) -> Result<(), Stop> {
    let sizes = u64::read(context.registers, size);
    let most = crate::exec::lanes(mask).map(|lane| sizes[lane]).max();
    let start = context.local_end.next_multiple_of(16);
    let end = u64::from(start).saturating_add(most.unwrap_or(0));
    let limit = context.launch.device.stack_limit();
    if end > limit.into() {
        let message =
            format!("an allocation on the stack needs {end} bytes of it, the limit is {limit}");
        let lane = Context::first(mask);
        return Err(context.stop(
            crate::check::Kind::StackOverflow,
            lane,
            "allocates",
            message,
        ));
    }
    *context.local_end = end as u32;
    context.local.reserve(end as u32);
    context.local.forget(start, end as u32, mask);
    u64::write(context.registers, d, mask, [start.into(); LANES]);
    Ok(())
}
