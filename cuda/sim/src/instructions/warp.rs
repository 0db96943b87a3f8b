//! What the lanes of a warp do together.

use super::lanes::holds;
use crate::exec::{Action, Context, Converge, LANES, Lane, Mask, Slot, Stop, lanes};
use crate::program::Operation;
use crate::ptx::{Operand, PtxError, Type};

/// An action in which lanes wait for each other and exchange data.
fn converge(
    members: Slot,
    exchange: impl Fn(&mut crate::exec::Registers, Mask) + Send + Sync + 'static,
) -> Action {
    converge_with(members, move |context, mask| {
        exchange(context.registers, mask);
        Ok(())
    })
}

/// As [`converge`], of what needs more of the machine.
pub(super) fn converge_with(
    members: Slot,
    exchange: impl Fn(&mut Context<'_, '_>, Mask) -> Result<(), Stop> + Send + Sync + 'static,
) -> Action {
    Action::Converge(Box::new(Converge {
        members,
        orders_memory: false,
        exchange: Some(Box::new(exchange)),
    }))
}

/// `bar.warp.sync`
pub(super) fn decode_sync(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    if !operation.flag("sync") {
        return Err(operation.unknown());
    }
    operation.finish(1..=1)?;
    Ok(Action::Converge(Box::new(Converge {
        members: operation.src(0, Type::B32)?,
        orders_memory: true,
        exchange: None,
    })))
}

/// Which lane a shuffle reads from.
#[derive(Clone, Copy, Debug)]
enum Shuffle {
    Up,
    Down,
    Butterfly,
    Index,
}

impl Shuffle {
    /// The lane that `lane` reads from, and whether that is in its segment; otherwise it reads its
    /// own value.
    #[inline(always)]
    fn source(self, lane: i32, b: u32, c: u32) -> (usize, bool) {
        let b = (b & 31) as i32;
        let clamp = (c & 31) as i32;
        let segment = (c >> 8 & 31) as i32;
        let highest = lane & segment | clamp & !segment;
        let lowest = lane & segment;
        let (source, inside) = match self {
            Self::Up => (lane - b, lane - b >= highest),
            Self::Down => (lane + b, lane + b <= highest),
            Self::Butterfly => (lane ^ b, lane ^ b <= highest),
            Self::Index => {
                let source = lowest | b & !segment;
                (source, source <= highest)
            }
        };
        if inside {
            (source as usize & 31, true)
        } else {
            (lane as usize, false)
        }
    }
}

/// `shfl.sync`
pub(super) fn decode_shuffle(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    // Without `.sync` the instruction is not there any more on today's architectures.
    if !operation.flag("sync") {
        return Err(operation.unknown());
    }
    let mode = operation.choice(&[
        ("up", Shuffle::Up),
        ("down", Shuffle::Down),
        ("bfly", Shuffle::Butterfly),
        ("idx", Shuffle::Index),
    ]);
    let mode = mode.ok_or_else(|| operation.unknown())?;
    if operation.ty()? != Type::B32 {
        return Err(operation.unknown());
    }
    operation.finish(5..=5)?;
    let (d, p) = match operation.operand(0)? {
        Operand::Pair(d, p) => (&**d, Some(&**p)),
        d => (d, None),
    };
    let d = operation.destination(d, Type::B32)?;
    let p = p.map(|p| operation.dst_predicate(p)).transpose()?;
    let a = operation.src(1, Type::B32)?;
    let b = operation.src(2, Type::B32)?;
    let c = operation.src(3, Type::B32)?;
    let members = operation.src(4, Type::B32)?;
    Ok(converge(members, move |registers, mask| {
        let values = *registers.row(a);
        let (bs, cs) = (*registers.row(b), *registers.row(c));
        let mut result = values;
        let mut inside = 0;
        for lane in 0..LANES {
            let (source, valid) = mode.source(lane as i32, bs[lane], cs[lane]);
            inside |= Mask::from(valid) << lane;
            // A lane that does not take part has no value: the hardware gives any.
            result[lane] = values[source];
        }
        u32::write(registers, d, mask, result);
        if let Some(p) = p {
            registers.set_predicate(p, mask, inside);
        }
    }))
}

/// `vote.sync`; behind the mode, where CUB writes it, `ptxas` takes `.sync` too.
pub(super) fn decode_vote(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let sync_first = operation.flag("sync");
    let ballot = operation.flag("ballot");
    type Test = fn(Mask, Mask) -> bool;
    let test: Option<Test> = operation.choice(&[
        ("all", (|votes, mask| votes == mask) as Test),
        ("any", |votes, _| votes != 0),
        ("uni", |votes, mask| votes == 0 || votes == mask),
    ]);
    if !(sync_first || operation.flag("sync")) {
        return Err(operation.unknown());
    }
    let ty = operation.ty()?;
    operation.finish(3..=3)?;
    let source = operation.src_predicate(1)?;
    let members = operation.src(2, Type::B32)?;
    match (ballot, test, ty) {
        (true, None, Type::B32) => {
            let d = operation.dst(0, ty)?;
            Ok(converge(members, move |registers, mask| {
                let votes = holds(registers, source) & mask;
                u32::write(registers, d, mask, [votes; LANES]);
            }))
        }
        (false, Some(test), Type::Pred) => {
            let p = operation.dst_predicate(operation.operand(0)?)?;
            Ok(converge(members, move |registers, mask| {
                let votes = holds(registers, source) & mask;
                let value = if test(votes, mask) { !0 } else { 0 };
                registers.set_predicate(p, mask, value);
            }))
        }
        _ => Err(operation.unknown()),
    }
}

/// `match.sync`
pub(super) fn decode_match(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let all = operation.choice(&[("any", false), ("all", true)]);
    let (Some(all), true) = (all, operation.flag("sync")) else {
        return Err(operation.unknown());
    };
    let ty = operation.ty()?;
    operation.finish(3..=3)?;
    let (d, p) = match operation.operand(0)? {
        Operand::Pair(d, p) if all => (&**d, Some(&**p)),
        d => (d, None),
    };
    let d = operation.destination(d, Type::B32)?;
    let p = p.map(|p| operation.dst_predicate(p)).transpose()?;
    let wide = match ty {
        Type::B32 => false,
        Type::B64 => true,
        _ => return Err(operation.unknown()),
    };
    let a = operation.src(1, ty)?;
    let members = operation.src(2, Type::B32)?;
    Ok(converge(members, move |registers, mask| {
        let values = if wide {
            u64::read(registers, a)
        } else {
            u32::read(registers, a).map(u64::from)
        };
        let same = |lane: usize| {
            lanes(mask)
                .filter(|&other| values[other] == values[lane])
                .fold(0, |same, other| same | 1 << other)
        };
        if all {
            let agree = same(mask.trailing_zeros() as usize & 31) == mask;
            let value: Mask = if agree { mask } else { 0 };
            u32::write(registers, d, mask, [value; LANES]);
            if let Some(p) = p {
                registers.set_predicate(p, mask, if agree { !0 } else { 0 });
            }
        } else {
            let groups = std::array::from_fn(same);
            u32::write(registers, d, mask, groups);
        }
    }))
}

/// `redux.sync`
pub(super) fn decode_reduce(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    if !operation.flag("sync") {
        return Err(operation.unknown());
    }
    let name = operation.take().ok_or_else(|| operation.unknown())?;
    let absolute = operation.flag("abs");
    let propagates = operation.flag("NaN");
    let ty = operation.ty()?;
    operation.finish(3..=3)?;
    type Combine = fn(u32, u32) -> u32;
    let float = |f: fn(f32, f32) -> f32| f;
    let combine: Combine = match (name, ty) {
        ("min" | "max", Type::F32) => {
            let f = if name == "min" {
                float(f32::min)
            } else {
                float(f32::max)
            };
            return reduce_floats(operation, f, absolute, propagates);
        }
        _ if absolute || propagates => return Err(operation.unknown()),
        ("add", Type::U32 | Type::S32) => u32::wrapping_add,
        ("min", Type::U32) => u32::min,
        ("max", Type::U32) => u32::max,
        ("min", Type::S32) => |a, b| (a as i32).min(b as i32) as u32,
        ("max", Type::S32) => |a, b| (a as i32).max(b as i32) as u32,
        ("and", Type::B32) => |a, b| a & b,
        ("or", Type::B32) => |a, b| a | b,
        ("xor", Type::B32) => |a, b| a ^ b,
        _ => return Err(operation.unknown()),
    };
    let d = operation.dst(0, ty)?;
    let a = operation.src(1, ty)?;
    let members = operation.src(2, Type::B32)?;
    Ok(converge(members, move |registers, mask| {
        let values = *registers.row(a);
        let result = lanes(mask).map(|lane| values[lane]).reduce(combine);
        u32::write(registers, d, mask, [result.unwrap_or(0); LANES]);
    }))
}

fn reduce_floats(
    operation: &mut Operation<'_, '_>,
    combine: fn(f32, f32) -> f32,
    absolute: bool,
    propagates: bool,
) -> Result<Action, PtxError> {
    let d = operation.dst(0, Type::F32)?;
    let a = operation.src(1, Type::F32)?;
    let members = operation.src(2, Type::B32)?;
    Ok(converge(members, move |registers, mask| {
        let values = f32::read(registers, a);
        let value = |lane: usize| {
            if absolute {
                values[lane].abs()
            } else {
                values[lane]
            }
        };
        let some_nan = lanes(mask).any(|lane| values[lane].is_nan());
        let all_nan = lanes(mask).all(|lane| values[lane].is_nan());
        let result = if all_nan || propagates && some_nan {
            // The canonical NaN.
            f32::from_bits(0x7fff_ffff)
        } else {
            lanes(mask).map(value).reduce(combine).unwrap_or(0.0)
        };
        f32::write(registers, d, mask, [result; LANES]);
    }))
}

/// `activemask`
pub(super) fn decode_active(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    if operation.ty()? != Type::B32 {
        return Err(operation.unknown());
    }
    operation.finish(1..=1)?;
    let d = operation.dst(0, Type::B32)?;
    Ok(Action::compute(move |registers, mask| {
        u32::write(registers, d, mask, [mask; LANES]);
    }))
}

/// `elect.sync`
pub(super) fn decode_elect(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    if !operation.flag("sync") {
        return Err(operation.unknown());
    }
    operation.finish(2..=2)?;
    let Operand::Pair(d, p) = operation.operand(0)? else {
        return Err(operation.error("expected a register and a predicate, as `d|p`"));
    };
    let d = operation.destination(d, Type::B32)?;
    let p = operation.dst_predicate(p)?;
    let members = operation.src(1, Type::B32)?;
    Ok(converge(members, move |registers, mask| {
        let leader = mask.trailing_zeros();
        u32::write(registers, d, mask, [leader; LANES]);
        registers.set_predicate(p, mask, 1 << (leader & 31));
    }))
}
