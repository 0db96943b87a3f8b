//! Atomic updates of memory, and fences.

use super::address::{Address, space};
use super::memory::scope;
use crate::exec::{AccessSpace, Action, Atom, LANES, Lane, Order, Scope, Slot};
use crate::numeric::half;
use crate::numeric::{canonical, canonical_double, flush};
use crate::program::Operation;
use crate::ptx::{Operand, PtxError, Type};

/// What an update makes of the old value and the operands.
type Update<T> = fn(T, T, T) -> T;

/// What an atomic instruction is, besides its update.
#[derive(Clone)]
struct Site {
    address: Address,
    space: AccessSpace,
    order: Order,
    scope: Scope,
    /// Where the old values go; `red` keeps none.
    targets: Vec<Option<Slot>>,
    b: Vec<Slot>,
    c: Option<Slot>,
}

fn update<T: Atom + Lane + Default>(site: Site, f: Update<T>) -> Action {
    Action::access(move |context, mask| {
        let mut addresses = site.address.get(context);
        let c = site
            .c
            .map_or([T::default(); LANES], |c| T::read(context.registers, c));
        // A vector is an atomic update of each of its elements.
        for (&d, &b) in site.targets.iter().zip(&site.b) {
            let b = T::read(context.registers, b);
            let mut old = [T::default(); LANES];
            let f = |lane: usize, value: T| f(value, b[lane], c[lane]);
            context.update(
                mask,
                site.space,
                &addresses,
                (site.order, site.scope),
                f,
                &mut old,
            )?;
            if let Some(d) = d {
                T::write(context.registers, d, mask, old);
            }
            addresses = addresses.map(|address| address.wrapping_add(size_of::<T>() as u64));
        }
        Ok(())
    })
}

fn pair(f: fn(u16, u16) -> u16, a: u32, b: u32) -> u32 {
    let low = f(a as u16, b as u16);
    let high = f((a >> 16) as u16, (b >> 16) as u16);
    u32::from(low) | u32::from(high) << 16
}

/// The smaller one of two values, or with `larger` the larger one; a number rather than NaN.
fn extreme<H: half::Half>(a: u16, b: u16, larger: bool) -> u16 {
    let (x, y) = (H::to_single(a), H::to_single(b));
    // -0 is smaller than 0.
    let less = x < y || x == y && x.is_sign_negative();
    if y.is_nan() {
        half::canonical::<H>(a)
    } else if !x.is_nan() && less != larger {
        a
    } else {
        b
    }
}

pub(super) fn smaller<H: half::Half>(a: u16, b: u16) -> u16 {
    extreme::<H>(a, b, false)
}

pub(super) fn larger<H: half::Half>(a: u16, b: u16) -> u16 {
    extreme::<H>(a, b, true)
}

/// `atom` and `red`
pub(super) fn decode(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let keeps_old = operation.instruction.opcode == "atom";
    const ORDERS: [(&str, Order); 4] = [
        ("relaxed", Order::RELAXED),
        ("acquire", Order::ACQUIRE),
        ("release", Order::RELEASE),
        ("acq_rel", Order::ACQUIRE_RELEASE),
    ];
    let first_order = operation.choice(&ORDERS);
    let first_scope = self::scope(operation);
    let named = space(operation);
    // `ptxas` takes both behind the space as well, where Triton has them.
    let scope = first_scope.or_else(|| self::scope(operation));
    let second_order = first_order.or_else(|| operation.choice(&ORDERS));
    let name = operation.take().ok_or_else(|| operation.unknown())?;
    // And behind the operation, where libcu++ has them.
    let order = second_order
        .or_else(|| operation.choice(&ORDERS))
        .unwrap_or(Order::RELAXED);
    let scope = scope.or_else(|| self::scope(operation));
    if !keeps_old && matches!(name, "cas" | "exch") {
        return Err(
            operation.error("without the old value this is a plain store or none, use `atom`")
        );
    }
    operation.flag("noftz");
    operation.flag("L2::cache_hint");
    let count = operation
        .choice(&[("v2", 2), ("v4", 4), ("v8", 8)])
        .unwrap_or(1);
    let ty = operation.ty()?;
    let first = usize::from(keeps_old);
    let values = if name == "cas" { 2 } else { 1 };
    // A cache policy may come last.
    operation.finish(first + 1 + values..=first + 2 + values)?;
    let address = Address::decode(operation, first)?;
    let space = match (named, address.space) {
        (AccessSpace::Generic, Some(space)) | (space, None) => space,
        (AccessSpace::Cluster, Some(AccessSpace::Shared)) => AccessSpace::Cluster,
        (named, Some(space)) if named == space => space,
        _ => return Err(operation.error("the variable lies in another state space")),
    };
    if !matches!(
        space,
        AccessSpace::Generic | AccessSpace::Global | AccessSpace::Shared | AccessSpace::Cluster
    ) {
        return Err(operation.error("atomics are for global and shared memory"));
    }
    fn elements<'a>(
        operation: &Operation<'a, '_>,
        operand: &'a Operand,
        count: usize,
    ) -> Result<&'a [Operand], PtxError> {
        let operands = match operand {
            Operand::Vector(operands) => operands.as_slice(),
            single => std::slice::from_ref(single),
        };
        if operands.len() == count {
            Ok(operands)
        } else {
            Err(operation.error(format!("{} registers for {count} values", operands.len())))
        }
    }
    let targets = if keeps_old {
        let operands = elements(operation, operation.operand(0)?, count)?;
        operands
            .iter()
            .map(|operand| operation.destination(operand, ty).map(Some))
            .collect::<Result<_, _>>()?
    } else {
        vec![None; count]
    };
    let b = elements(operation, operation.operand(first + 1)?, count)?
        .iter()
        .map(|operand| operation.source(operand, ty))
        .collect::<Result<_, _>>()?;
    let c = if name == "cas" {
        Some(operation.src(first + 2, ty)?)
    } else {
        None
    };
    let site = Site {
        address,
        space,
        order,
        scope: scope.unwrap_or(Scope::Device),
        targets,
        b,
        c,
    };
    use Type::*;
    if count > 1 && !matches!(ty, F32 | F16 | BF16 | F16x2 | BF16x2) {
        return Err(operation.unknown());
    }
    if name == "cas" || name == "exch" {
        let cas = name == "cas";
        macro_rules! swap {
            ($type:ty) => {
                if cas {
                    update::<$type>(site, |old, b, c| if old == b { c } else { old })
                } else {
                    update::<$type>(site, |_, b, _| b)
                }
            };
        }
        return Ok(match ty {
            B16 if cas => swap!(u16),
            B32 | U32 | S32 | F32 => swap!(u32),
            B64 | U64 | S64 | F64 => swap!(u64),
            B128 => swap!(u128),
            _ => return Err(operation.unknown()),
        });
    }
    Ok(match (name, ty) {
        ("and", B32) => update::<u32>(site, |old, b, _| old & b),
        ("or", B32) => update::<u32>(site, |old, b, _| old | b),
        ("xor", B32) => update::<u32>(site, |old, b, _| old ^ b),
        ("and", B64) => update::<u64>(site, |old, b, _| old & b),
        ("or", B64) => update::<u64>(site, |old, b, _| old | b),
        ("xor", B64) => update::<u64>(site, |old, b, _| old ^ b),
        ("add", U32 | S32) => update::<u32>(site, |old, b, _| old.wrapping_add(b)),
        ("add", U64 | S64) => update::<u64>(site, |old, b, _| old.wrapping_add(b)),
        ("inc", U32) => update::<u32>(site, |old, b, _| if old >= b { 0 } else { old + 1 }),
        ("dec", U32) => update::<u32>(
            site,
            |old, b, _| if old == 0 || old > b { b } else { old - 1 },
        ),
        ("min", U32) => update::<u32>(site, |old, b, _| old.min(b)),
        ("max", U32) => update::<u32>(site, |old, b, _| old.max(b)),
        ("min", S32) => update::<u32>(site, |old, b, _| (old as i32).min(b as i32) as u32),
        ("max", S32) => update::<u32>(site, |old, b, _| (old as i32).max(b as i32) as u32),
        ("min", U64) => update::<u64>(site, |old, b, _| old.min(b)),
        ("max", U64) => update::<u64>(site, |old, b, _| old.max(b)),
        ("min", S64) => update::<u64>(site, |old, b, _| (old as i64).min(b as i64) as u64),
        ("max", S64) => update::<u64>(site, |old, b, _| (old as i64).max(b as i64) as u64),
        // In global memory subnormals count as zero, in shared memory they do not.
        ("add", F32) if matches!(space, AccessSpace::Shared | AccessSpace::Cluster) => {
            update::<u32>(site, |old, b, _| {
                canonical(f32::from_bits(old) + f32::from_bits(b)).to_bits()
            })
        }
        ("add", F32) => update::<u32>(site, |old, b, _| {
            let [old, b] = [old, b].map(|bits| flush(f32::from_bits(bits)));
            flush(canonical(old + b)).to_bits()
        }),
        ("add", F64) => update::<u64>(site, |old, b, _| {
            canonical_double(f64::from_bits(old) + f64::from_bits(b)).to_bits()
        }),
        ("add", F16) => update::<u16>(site, |old, b, _| half::add::<half::F16>(old, b)),
        ("add", BF16) => update::<u16>(site, |old, b, _| half::add::<half::Bf16>(old, b)),
        ("add", F16x2) => update::<u32>(site, |old, b, _| pair(half::add::<half::F16>, old, b)),
        ("add", BF16x2) => update::<u32>(site, |old, b, _| pair(half::add::<half::Bf16>, old, b)),
        ("min", F16) => update::<u16>(site, |old, b, _| smaller::<half::F16>(old, b)),
        ("max", F16) => update::<u16>(site, |old, b, _| larger::<half::F16>(old, b)),
        ("min", BF16) => update::<u16>(site, |old, b, _| smaller::<half::Bf16>(old, b)),
        ("max", BF16) => update::<u16>(site, |old, b, _| larger::<half::Bf16>(old, b)),
        ("min", F16x2) => update::<u32>(site, |old, b, _| pair(smaller::<half::F16>, old, b)),
        ("max", F16x2) => update::<u32>(site, |old, b, _| pair(larger::<half::F16>, old, b)),
        ("min", BF16x2) => update::<u32>(site, |old, b, _| pair(smaller::<half::Bf16>, old, b)),
        ("max", BF16x2) => update::<u32>(site, |old, b, _| pair(larger::<half::Bf16>, old, b)),
        _ => return Err(operation.unknown()),
    })
}

/// `fence.proxy`: what was written is there for all proxies; which fences the asynchronous one needs is kept.
fn decode_proxy_fence(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let kind = operation.take().ok_or_else(|| operation.unknown())?;
    let mut operands = 0..=0;
    match kind {
        "alias" => {}
        "async" => {
            operation.choice(&[("global", ()), ("shared::cta", ()), ("shared::cluster", ())]);
            operation.finish(0..=0)?;
            return Ok(asynchronous_fence());
        }
        "async::generic" => {
            let restricted = match operation.take() {
                Some("acquire") => "sync_restrict::shared::cluster",
                Some("release") => "sync_restrict::shared::cta",
                _ => return Err(operation.unknown()),
            };
            if !operation.flag(restricted) || !operation.flag("cluster") {
                return Err(operation.unknown());
            }
            operation.finish(0..=0)?;
            return Ok(asynchronous_fence());
        }
        "tensormap::generic" => {
            let acquires = operation.choice(&[("acquire", true), ("release", false)]);
            let acquires = acquires.ok_or_else(|| operation.unknown())?;
            scope(operation).ok_or_else(|| operation.error("the scope is missing"))?;
            if acquires {
                operands = 2..=2;
            }
        }
        _ => return Err(operation.unknown()),
    }
    operation.finish(operands)?;
    Ok(Action::compute(|_, _| {}))
}

fn asynchronous_fence() -> Action {
    Action::access(|context, mask| {
        context.proxy_fence(mask);
        Ok(())
    })
}

/// `fence` and `membar`
pub(super) fn decode_fence(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    if operation.flag("proxy") {
        return decode_proxy_fence(operation);
    }
    if operation.flag("mbarrier_init") {
        // What it orders, the barrier that has to follow orders here.
        if !operation.flag("release") || !operation.flag("cluster") {
            return Err(operation.unknown());
        }
        operation.finish(0..=0)?;
        return Ok(fence(Scope::Block));
    }
    if operation.instruction.opcode == "fence"
        && let Some(order) = operation
            .peek()
            .filter(|order| ["acquire", "release"].contains(order))
        && operation.instruction.modifiers.len() == 3
    {
        let space = match order {
            "acquire" => "sync_restrict::shared::cluster",
            _ => "sync_restrict::shared::cta",
        };
        operation.take();
        if !operation.flag(space) || !operation.flag("cluster") {
            return Err(operation.unknown());
        }
        operation.finish(0..=0)?;
        return Ok(fence(Scope::Block));
    }
    let scope = if operation.instruction.opcode == "membar" {
        let scope = operation.choice(&[
            ("cta", Scope::Block),
            ("gl", Scope::Device),
            ("sys", Scope::Device),
        ]);
        scope.ok_or_else(|| operation.unknown())?
    } else {
        let known = ["sc", "acq_rel", "acquire", "release"]
            .iter()
            .any(|kind| operation.flag(kind));
        if !known
            && !operation
                .peek()
                .is_some_and(|next| ["cta", "cluster", "gpu", "sys"].contains(&next))
        {
            return Err(operation.unknown());
        }
        scope(operation).ok_or_else(|| operation.error("the scope is missing"))?
    };
    operation.finish(0..=0)?;
    Ok(fence(scope))
}

fn fence(scope: Scope) -> Action {
    Action::access(move |context, mask| {
        context.fence(mask, scope);
        Ok(())
    })
}
