//! Comparisons, and what is chosen by a condition.

use std::marker::PhantomData;

use super::half::is_half;
use super::lanes::{Related, Relation, holds, select, ternary};
use super::types::bits;
use crate::exec::{Action, LANES, Lane, Mask, Registers, Slot};
use crate::numeric::half::{Bf16, F16, Half};
use crate::numeric::{flush, half};
use crate::program::{Operation, PredicateSource};
use crate::ptx::{Operand, PtxError, Type};

const fn relation(cases: [bool; 4]) -> Relation {
    let [less, equal, greater, unordered] = cases;
    Relation {
        less,
        equal,
        greater,
        unordered,
    }
}

const EQUAL: Relation = relation([false, true, false, false]);
const NOT_EQUAL: Relation = relation([true, false, true, false]);
const LESS: Relation = relation([true, false, false, false]);
const LESS_OR_EQUAL: Relation = relation([true, true, false, false]);
const GREATER: Relation = relation([false, false, true, false]);
const GREATER_OR_EQUAL: Relation = relation([false, true, true, false]);

const fn or_unordered(relation: Relation) -> Relation {
    Relation {
        unordered: true,
        ..relation
    }
}

/// The comparisons of any numbers.
const COMMON: [(&str, Relation); 6] = [
    ("eq", EQUAL),
    ("ne", NOT_EQUAL),
    ("lt", LESS),
    ("le", LESS_OR_EQUAL),
    ("gt", GREATER),
    ("ge", GREATER_OR_EQUAL),
];

/// Those of unsigned integers.
const UNSIGNED: [(&str, Relation); 4] = [
    ("lo", LESS),
    ("ls", LESS_OR_EQUAL),
    ("hi", GREATER),
    ("hs", GREATER_OR_EQUAL),
];

/// Those of floating-point numbers.
const FLOATING: [(&str, Relation); 8] = [
    ("equ", or_unordered(EQUAL)),
    ("neu", or_unordered(NOT_EQUAL)),
    ("ltu", or_unordered(LESS)),
    ("leu", or_unordered(LESS_OR_EQUAL)),
    ("gtu", or_unordered(GREATER)),
    ("geu", or_unordered(GREATER_OR_EQUAL)),
    ("num", relation([true, true, true, false])),
    ("nan", relation([false, false, false, true])),
];

/// How the result of a comparison is combined with a predicate.
#[derive(Clone, Copy)]
enum Combination {
    And,
    Or,
    Xor,
}

/// The modifiers of `set` and `setp` up to the types.
struct Comparison {
    relation: Relation,
    combination: Option<Combination>,
    flush: bool,
}

/// The lanes in which a comparison of one value or of two holds: the lower one first.
type Outcome = Box<dyn Fn(&Registers) -> [Mask; 2] + Send + Sync>;

impl Comparison {
    /// Takes the modifiers. The type that is compared is the last one of them.
    fn take(operation: &mut Operation<'_, '_>) -> Result<(Self, Type), PtxError> {
        let modifiers = &operation.instruction.modifiers;
        let ty = modifiers.last().and_then(|name| Type::from_name(name));
        let ty = ty.ok_or_else(|| operation.error("a type is missing"))?;
        let floating = matches!(ty, Type::F32 | Type::F64) || is_half(ty);
        let further: &[_] = match ty {
            Type::U16 | Type::U32 | Type::U64 => &UNSIGNED,
            _ if floating => &FLOATING,
            _ => &[],
        };
        let known: &[_] = match ty {
            Type::B16 | Type::B32 | Type::B64 => &COMMON[..2],
            _ => &COMMON,
        };
        let relation = match operation.choice(known) {
            Some(relation) => relation,
            None => operation
                .choice(further)
                .ok_or_else(|| operation.error(format!("no comparison of {ty} is named so")))?,
        };
        let combination = operation.choice(&[
            ("and", Combination::And),
            ("or", Combination::Or),
            ("xor", Combination::Xor),
        ]);
        let comparison = Self {
            relation,
            combination,
            flush: operation.flag("ftz"),
        };
        if comparison.flush && !matches!(ty, Type::F32 | Type::F16 | Type::F16x2) {
            return Err(operation.error(format!("`.ftz` is not for {ty}")));
        }
        Ok((comparison, ty))
    }

    /// The third operand, if a predicate is combined with the result.
    fn third(
        &self,
        operation: &mut Operation<'_, '_>,
    ) -> Result<Option<(Combination, PredicateSource)>, PtxError> {
        let count = 3 + usize::from(self.combination.is_some());
        operation.finish(count..=count)?;
        match self.combination {
            Some(combination) => Ok(Some((combination, operation.src_predicate(3)?))),
            None => Ok(None),
        }
    }

    fn outcome(&self, operation: &mut Operation<'_, '_>, ty: Type) -> Result<Outcome, PtxError> {
        let [a, b] = [operation.input(1, ty)?, operation.input(2, ty)?];
        Ok(match ty {
            Type::F32 if self.flush => self.of(a, b, flush),
            Type::F32 => self.of(a, b, |x: f32| x),
            Type::F64 => self.of(a, b, |x: f64| x),
            Type::S16 => self.of(a, b, |x: i16| x),
            Type::S32 => self.of(a, b, |x: i32| x),
            Type::S64 => self.of(a, b, |x: i64| x),
            Type::F16 | Type::F16x2 => self.of_halves::<F16>(ty, a, b),
            Type::BF16 | Type::BF16x2 => self.of_halves::<Bf16>(ty, a, b),
            _ => bits!(operation, ty, T => self.of(a, b, |x: T| x)),
        })
    }

    fn of<T: Lane, O: PartialOrd>(
        &self,
        a: Slot,
        b: Slot,
        f: impl Fn(T) -> O + Send + Sync + 'static,
    ) -> Outcome {
        let arch = pulp::Arch::new();
        let relation = self.relation;
        Box::new(move |registers| {
            let related = Related {
                registers,
                slots: [a, b],
                relation,
                f: &f,
                types: PhantomData,
            };
            [arch.dispatch(related); 2]
        })
    }

    fn of_halves<H: Half>(&self, ty: Type, a: Slot, b: Slot) -> Outcome {
        let flush = self.flush;
        let relation = self.relation;
        let arch = pulp::Arch::new();
        let value =
            move |bits: u16| H::to_single(if flush { half::flush::<H>(bits) } else { bits });
        if matches!(ty, Type::F16 | Type::BF16) {
            return self.of(a, b, value);
        }
        Box::new(move |registers| {
            let half = |shift: u32| {
                let related = Related {
                    registers,
                    slots: [a, b],
                    relation,
                    f: &|x: u32| value((x >> shift) as u16),
                    types: PhantomData,
                };
                arch.dispatch(related)
            };
            [half(0), half(16)]
        })
    }
}

/// The result of a comparison with what it is combined with.
fn combined(
    registers: &Registers,
    value: Mask,
    third: Option<(Combination, PredicateSource)>,
) -> Mask {
    match third {
        None => value,
        Some((combination, c)) => {
            let c = holds(registers, c);
            match combination {
                Combination::And => value & c,
                Combination::Or => value | c,
                Combination::Xor => value ^ c,
            }
        }
    }
}

/// `setp`
pub(super) fn set_predicate(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let (comparison, ty) = Comparison::take(operation)?;
    operation.ty()?;
    let third = comparison.third(operation)?;
    let outcome = comparison.outcome(operation, ty)?;
    let (p, q) = match operation.operand(0)? {
        Operand::Pair(p, q) => (&**p, Some(&**q)),
        p => (p, None),
    };
    let p = operation.dst_predicate(p)?;
    let q = q.map(|q| operation.dst_predicate(q)).transpose()?;
    let pairs = matches!(ty, Type::F16x2 | Type::BF16x2);
    if pairs && q.is_none() {
        return Err(operation.error("expected two destinations, `p|q`"));
    }
    if is_half(ty) && !pairs && q.is_some() {
        return Err(operation.error("expected one destination"));
    }
    let Some(q) = q else {
        return Ok(Action::compute(
            move |registers: &mut Registers, mask: Mask| {
                let value = combined(registers, outcome(registers)[0], third);
                registers.set_predicate(p, mask, value);
            },
        ));
    };
    Ok(Action::compute(
        move |registers: &mut Registers, mask: Mask| {
            let [low, high] = outcome(registers);
            // The second destination is that of the upper half, or of the opposite.
            let second = if pairs { high } else { !low };
            let first = combined(registers, low, third);
            let second = combined(registers, second, third);
            registers.set_predicate(p, mask, first);
            registers.set_predicate(q, mask, second);
        },
    ))
}

/// `set`
pub(super) fn set(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let (comparison, ty) = Comparison::take(operation)?;
    let result = operation.ty()?;
    operation.ty()?;
    let third = comparison.third(operation)?;
    let outcome = comparison.outcome(operation, ty)?;
    let pairs = matches!(ty, Type::F16x2 | Type::BF16x2);
    let truth = match (result, ty) {
        (Type::U32 | Type::S32, _) => u32::MAX,
        (Type::F32, _) if !is_half(ty) => 1f32.to_bits(),
        (Type::U16 | Type::S16, Type::F16 | Type::BF16) => 0xffff,
        (Type::F16, _) if !pairs && ty != Type::BF16 => F16::ONE.into(),
        (Type::BF16, _) if !pairs && ty != Type::F16 && !comparison.flush => Bf16::ONE.into(),
        (Type::F16x2, Type::F16x2) => u32::from(F16::ONE) * 0x1_0001,
        (Type::BF16x2, Type::BF16x2) => u32::from(Bf16::ONE) * 0x1_0001,
        _ => return Err(operation.unknown()),
    };
    let d = operation.output(0, result)?;
    Ok(Action::compute(
        move |registers: &mut Registers, mask: Mask| {
            let [low, high] = outcome(registers).map(|value| combined(registers, value, third));
            let values: [u32; LANES] = std::array::from_fn(|lane| {
                let half = |value: Mask| (value >> lane & 1).wrapping_neg();
                truth & (half(low) & 0xffff | half(high) & 0xffff_0000)
            });
            u32::write(registers, d, mask, values);
        },
    ))
}

/// The types of what is chosen, by their size.
fn check_choice(operation: &Operation<'_, '_>, ty: Type) -> Result<(), PtxError> {
    use Type::{B16, B32, B64, F32, F64, S16, S32, S64, U16, U32, U64};
    match ty {
        B16 | B32 | B64 | U16 | U32 | U64 | S16 | S32 | S64 | F32 | F64 => Ok(()),
        _ => Err(operation.unknown()),
    }
}

/// `selp`
pub(super) fn by_predicate(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let ty = operation.ty()?;
    operation.finish(4..=4)?;
    check_choice(operation, ty)?;
    let [d, a, b] = operation.operands3(ty)?;
    let p = operation.src_predicate(3)?;
    Ok(match ty.size() {
        8 => select::<u64>(d, a, b, p),
        _ => select::<u32>(d, a, b, p),
    })
}

/// `slct`
pub(super) fn by_sign(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let flushes = operation.flag("ftz");
    let ty = operation.ty()?;
    let condition = operation.ty()?;
    operation.finish(4..=4)?;
    check_choice(operation, ty)?;
    let [d, a, b] = operation.operands3(ty)?;
    let c = operation.input(3, condition)?;
    let of_single = move |c: f32| (if flushes { flush(c) } else { c }) >= 0.0;
    match (condition, ty.size()) {
        (Type::S32, _) if flushes => Err(operation.unknown()),
        (Type::S32, 8) => Ok(ternary(
            d,
            a,
            b,
            c,
            |a: u64, b, c: i32| if c >= 0 { a } else { b },
        )),
        (Type::S32, _) => Ok(ternary(
            d,
            a,
            b,
            c,
            |a: u32, b, c: i32| if c >= 0 { a } else { b },
        )),
        (Type::F32, 8) => Ok(ternary(
            d,
            a,
            b,
            c,
            move |a: u64, b, c| if of_single(c) { a } else { b },
        )),
        (Type::F32, _) => Ok(ternary(
            d,
            a,
            b,
            c,
            move |a: u32, b, c| if of_single(c) { a } else { b },
        )),
        _ => Err(operation.unknown()),
    }
}
