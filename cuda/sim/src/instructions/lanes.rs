//! Actions that compute lane by lane: each is a loop over 32 lanes around a function of scalars.

use std::marker::PhantomData;

use bytemuck::Zeroable;
use pulp::NullaryFnOnce;

use crate::exec::{Action, LANES, Lane, Mask, PredicateSlot, Registers, Slot, blend};
use crate::program::PredicateSource;

/// A function of up to three values, the others ignored.
///
/// All that is between a loop over lanes and the function that it calls is marked to be inlined,
/// and so are no closures: only then it is sure to be compiled for the vectors of the machine, where
/// a fused multiply-add is one instruction and not a call. A long function is best given as an
/// `inline(always)` function and not as a closure.
trait Apply<A, B, C, D> {
    fn apply(&self, a: A, b: B, c: C) -> D;
}

struct One<F>(F);
struct Two<F>(F);
struct Three<F>(F);

impl<A, D, F: Fn(A) -> D> Apply<A, A, A, D> for One<F> {
    #[inline(always)]
    fn apply(&self, a: A, _: A, _: A) -> D {
        self.0(a)
    }
}

impl<A, B, D, F: Fn(A, B) -> D> Apply<A, B, B, D> for Two<F> {
    #[inline(always)]
    fn apply(&self, a: A, b: B, _: B) -> D {
        self.0(a, b)
    }
}

impl<A, B, C, D, F: Fn(A, B, C) -> D> Apply<A, B, C, D> for Three<F> {
    #[inline(always)]
    fn apply(&self, a: A, b: B, c: C) -> D {
        self.0(a, b, c)
    }
}

/// `d = f(a, b, c)` in the lanes of a mask.
struct Map<'r, A, B, C, D, F> {
    registers: &'r mut Registers,
    mask: Mask,
    slots: [Slot; 4],
    f: &'r F,
    types: PhantomData<(A, B, C, D)>,
}

impl<A: Lane, B: Lane, C: Lane, D: Lane, F: Apply<A, B, C, D>> NullaryFnOnce
    for Map<'_, A, B, C, D, F>
{
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let [d, a, b, c] = self.slots;
        let mut values = [D::Bits::zeroed(); LANES];
        let (a, b) = (A::bits(self.registers, a), B::bits(self.registers, b));
        let c = C::bits(self.registers, c);
        for lane in 0..LANES {
            let (a, b) = (A::from_register(a[lane]), B::from_register(b[lane]));
            let c = C::from_register(c[lane]);
            values[lane] = self.f.apply(a, b, c).to_register();
        }
        D::write_bits(self.registers, d, self.mask, values);
    }
}

fn map<A: Lane, B: Lane, C: Lane, D: Lane>(
    slots: [Slot; 4],
    f: impl Apply<A, B, C, D> + Send + Sync + 'static,
) -> Action {
    let arch = pulp::Arch::new();
    Action::compute(move |registers: &mut Registers, mask: Mask| {
        arch.dispatch(Map {
            registers,
            mask,
            slots,
            f: &f,
            types: PhantomData::<(A, B, C, D)>,
        });
    })
}

/// `d = f(a)` in every lane.
pub(crate) fn unary<A: Lane, D: Lane>(
    d: Slot,
    a: Slot,
    f: impl Fn(A) -> D + Send + Sync + 'static,
) -> Action {
    map([d, a, a, a], One(f))
}

/// `d = f(a, b)` in every lane.
pub(crate) fn binary<A: Lane, B: Lane, D: Lane>(
    d: Slot,
    a: Slot,
    b: Slot,
    f: impl Fn(A, B) -> D + Send + Sync + 'static,
) -> Action {
    map([d, a, b, b], Two(f))
}

/// `d = f(a, b, c)` in every lane.
pub(crate) fn ternary<A: Lane, B: Lane, C: Lane, D: Lane>(
    d: Slot,
    a: Slot,
    b: Slot,
    c: Slot,
    f: impl Fn(A, B, C) -> D + Send + Sync + 'static,
) -> Action {
    map([d, a, b, c], Three(f))
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
        let mut values = *T::bits(registers, b);
        blend(&mut values, p, *T::bits(registers, a));
        T::write_bits(registers, d, mask, values);
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

/// In which of the cases of an order a comparison holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relation {
    pub(crate) less: bool,
    pub(crate) equal: bool,
    pub(crate) greater: bool,
    /// One of the two is NaN.
    pub(crate) unordered: bool,
}

/// The lanes in which `f(a)` and `f(b)` are as the relation says: a type as [`Map`] is one.
pub(crate) struct Related<'r, T, F> {
    pub(crate) registers: &'r Registers,
    pub(crate) slots: [Slot; 2],
    pub(crate) relation: Relation,
    pub(crate) f: &'r F,
    pub(crate) types: PhantomData<T>,
}

impl<T: Lane, O: PartialOrd, F: Fn(T) -> O> NullaryFnOnce for Related<'_, T, F> {
    type Output = Mask;

    #[inline(always)]
    fn call(self) -> Mask {
        let relation = self.relation;
        let [a, b] = self.slots.map(|slot| T::bits(self.registers, slot));
        let mut result = 0;
        for lane in 0..LANES {
            let [a, b] = [a[lane], b[lane]].map(|bits| (self.f)(T::from_register(bits)));
            let holds = a < b && relation.less
                || a == b && relation.equal
                || a > b && relation.greater
                || a.partial_cmp(&b).is_none() && relation.unordered;
            result |= Mask::from(holds) << lane;
        }
        result
    }
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
