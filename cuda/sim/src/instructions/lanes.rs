//! Actions that compute lane by lane: each is a loop over 32 lanes around a function of scalars.

use crate::exec::{Action, Lane, LANES, Mask, PredicateSlot, Registers, Slot};
use crate::program::PredicateSource;

/// Runs `work` compiled for the widest vectors of this machine.
///
/// What is inlined into `work` may use them: a fused multiply-add is then one instruction and not
/// a call.
#[inline(always)]
fn vectorized<R>(arch: pulp::Arch, work: impl FnOnce() -> R) -> R {
    arch.dispatch(work)
}

/// `d = f(a)` in every lane.
pub(crate) fn unary<A: Lane, D: Lane>(
    d: Slot,
    a: Slot,
    f: impl Fn(A) -> D + Send + Sync + 'static,
) -> Action {
    let arch = pulp::Arch::new();
    Action::compute(move |registers: &mut Registers, mask: Mask| {
        vectorized(arch, || {
            let a = A::read(registers, a);
            D::write(registers, d, mask, a.map(&f));
        });
    })
}

/// `d = f(a, b)` in every lane.
pub(crate) fn binary<A: Lane, B: Lane, D: Lane>(
    d: Slot,
    a: Slot,
    b: Slot,
    f: impl Fn(A, B) -> D + Send + Sync + 'static,
) -> Action {
    let arch = pulp::Arch::new();
    Action::compute(move |registers: &mut Registers, mask: Mask| {
        vectorized(arch, || {
            let a = A::read(registers, a);
            let b = B::read(registers, b);
            D::write(registers, d, mask, std::array::from_fn(|lane| f(a[lane], b[lane])));
        });
    })
}

/// `d = f(a, b, c)` in every lane.
pub(crate) fn ternary<A: Lane, B: Lane, C: Lane, D: Lane>(
    d: Slot,
    a: Slot,
    b: Slot,
    c: Slot,
    f: impl Fn(A, B, C) -> D + Send + Sync + 'static,
) -> Action {
    let arch = pulp::Arch::new();
    Action::compute(move |registers: &mut Registers, mask: Mask| {
        vectorized(arch, || {
            let a = A::read(registers, a);
            let b = B::read(registers, b);
            let c = C::read(registers, c);
            let values = std::array::from_fn(|lane| f(a[lane], b[lane], c[lane]));
            D::write(registers, d, mask, values);
        });
    })
}

/// The lanes of a mask in which a test of two values holds.
#[inline(always)]
fn test<A: Lane, B: Lane>(
    registers: &Registers,
    a: Slot,
    b: Slot,
    f: &impl Fn(A, B) -> bool,
) -> Mask {
    let a = A::read(registers, a);
    let b = B::read(registers, b);
    let mut result = 0;
    for lane in 0..LANES {
        result |= Mask::from(f(a[lane], b[lane])) << lane;
    }
    result
}

/// Writes the lanes in which a test of `a` and `b` holds to what `write` does with them: it gets
/// the registers, the lanes that run, and the lanes in which the test holds.
pub(crate) fn compare<A: Lane, B: Lane>(
    a: Slot,
    b: Slot,
    f: impl Fn(A, B) -> bool + Send + Sync + 'static,
    write: impl Fn(&mut Registers, Mask, Mask) + Send + Sync + 'static,
) -> Action {
    let arch = pulp::Arch::new();
    Action::compute(move |registers: &mut Registers, mask: Mask| {
        let holds = vectorized(arch, || test(registers, a, b, &f));
        write(registers, mask, holds);
    })
}

/// The lanes in which a source predicate holds.
#[inline(always)]
pub(crate) fn holds(registers: &Registers, predicate: PredicateSource) -> Mask {
    let value = registers.predicate(predicate.slot);
    if predicate.negated { !value } else { value }
}

/// `d = p ? a : b` in every lane.
pub(crate) fn select<T: Lane>(d: Slot, a: Slot, b: Slot, p: PredicateSource) -> Action {
    Action::compute(move |registers: &mut Registers, mask: Mask| {
        let p = holds(registers, p);
        let a = T::read(registers, a);
        let b = T::read(registers, b);
        let values = std::array::from_fn(|lane| if p >> lane & 1 != 0 { a[lane] } else { b[lane] });
        T::write(registers, d, mask, values);
    })
}

/// `d = f(p)` for a predicate, all lanes at once.
pub(crate) fn predicate(
    d: PredicateSlot,
    f: impl Fn(&Registers) -> Mask + Send + Sync + 'static,
) -> Action {
    Action::compute(move |registers: &mut Registers, mask: Mask| {
        let value = f(registers);
        registers.set_predicate(d, mask, value);
    })
}
