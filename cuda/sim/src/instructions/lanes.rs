//! Actions that compute lane by lane: each is a loop over 32 lanes around a function of scalars.

use crate::exec::{Action, LANES, Lane, Mask, PredicateSlot, Registers, Slot};
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
            D::write(
                registers,
                d,
                mask,
                std::array::from_fn(|lane| f(a[lane], b[lane])),
            );
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

/// `d = f(a, b, c, carry)` in every lane, where `f` gives a carry too. The carry that comes in is
/// that of the lane, if it is read; the one that goes out is kept, if it is written.
pub(crate) fn carrying<T: Lane>(
    d: Slot,
    [a, b, c]: [Slot; 3],
    reads: bool,
    writes: bool,
    f: impl Fn(T, T, T, bool) -> (T, bool) + Send + Sync + 'static,
) -> Action {
    Action::compute(move |registers: &mut Registers, mask: Mask| {
        let carry_in = if reads { registers.carry } else { 0 };
        let [a, b, c] = [a, b, c].map(|slot| T::read(registers, slot));
        let mut carry_out = 0;
        let values = std::array::from_fn(|lane| {
            let (value, carry) = f(a[lane], b[lane], c[lane], carry_in >> lane & 1 != 0);
            carry_out |= Mask::from(carry) << lane;
            value
        });
        T::write(registers, d, mask, values);
        if writes {
            registers.carry = registers.carry & !mask | carry_out & mask;
        }
    })
}

/// In which lanes `a < b` and in which `a == b`, after `f` has been applied to both.
pub(crate) fn order<T: Lane, O: PartialOrd>(
    arch: pulp::Arch,
    registers: &Registers,
    a: Slot,
    b: Slot,
    f: impl Fn(T) -> O,
) -> Order {
    vectorized(arch, || {
        let a = T::read(registers, a).map(&f);
        let b = T::read(registers, b).map(&f);
        let mut order = Order::default();
        for lane in 0..LANES {
            order.less |= Mask::from(a[lane] < b[lane]) << lane;
            order.equal |= Mask::from(a[lane] == b[lane]) << lane;
            order.greater |= Mask::from(a[lane] > b[lane]) << lane;
        }
        order
    })
}

/// The lanes in which a value is less than another, equal to it, or greater: none of them where one
/// is NaN.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Order {
    pub(crate) less: Mask,
    pub(crate) equal: Mask,
    pub(crate) greater: Mask,
}

/// `d = f(a)` in every lane, for a predicate.
pub(crate) fn test<A: Lane>(
    d: PredicateSlot,
    a: Slot,
    f: impl Fn(A) -> bool + Send + Sync + 'static,
) -> Action {
    Action::compute(move |registers: &mut Registers, mask: Mask| {
        let a = A::read(registers, a);
        let value = (0..LANES).fold(0, |value, lane| value | Mask::from(f(a[lane])) << lane);
        registers.set_predicate(d, mask, value);
    })
}
