//! Products of matrices whose elements the lanes of a warp hold between them: `mma`.
//!
//! The lanes are eight groups of four. A register of a lane holds elements of a row that lie side by
//! side: of the first factor the group is the row and the lane's place in it says which elements; of
//! the second one the group is the column. The further registers are 8 rows further down, then a
//! group's width of elements further to the right.

use std::marker::PhantomData;

use pulp::NullaryFnOnce;

use super::warp::converge_with;
use crate::check::Kind;
use crate::exec::{ALL, Action, Context, LANES, Lane, Mask, Registers, Slot};
use crate::numeric::half::{self, Half};
use crate::numeric::matrix::{
    COLUMNS, Columns, MOST_DEPTH, MOST_ROWS, Rows, Sums, multiply, multiply_integers,
};
use crate::numeric::{canonical, canonical_double, format, single};
use crate::program::{Constant, Operation};
use crate::ptx::{Operand, PtxError, Type};

/// An element of a factor, several of which are in a register of 32 bits.
trait Element: 'static {
    /// How many are in a register.
    const COUNT: usize;
    type Value: Copy + Default;
    fn value(register: u32, index: usize) -> Self::Value;
}

struct F16;
struct Bf16;
struct Tf32;
struct E4M3;
struct E5M2;
/// A whole number of this many bits, with a sign or without.
struct Whole<const BITS: usize, const SIGNED: bool>;

macro_rules! elements {
    ($($name:ty, $count:expr, $value:ty: $convert:expr;)*) => {$(
        impl Element for $name {
            const COUNT: usize = $count;
            type Value = $value;
            #[inline(always)]
            fn value(register: u32, index: usize) -> $value {
                $convert(register >> (32 / Self::COUNT * index))
            }
        }
    )*};
}

elements! {
    F16, 2, f64: |bits| half::F16::to_single(bits as u16).into();
    Bf16, 2, f64: |bits| half::Bf16::to_single(bits as u16).into();
    // The last 13 bits of a register are not looked at.
    Tf32, 1, f64: |bits: u32| f32::from_bits(bits & !0x1fff).into();
    E4M3, 4, f64: |bits| format::E4M3.decode(bits & 0xff);
    E5M2, 4, f64: |bits| format::E5M2.decode(bits & 0xff);
    Whole<8, true>, 4, i32: |bits| i32::from(bits as i8);
    Whole<8, false>, 4, i32: |bits| i32::from(bits as u8);
    Whole<4, true>, 8, i32: |bits: u32| (bits << 28) as i32 >> 28;
    Whole<4, false>, 8, i32: |bits: u32| (bits & 0xf) as i32;
}

/// The first factor, of `m` rows.
#[inline(always)]
fn rows<E: Element>(registers: &Registers, slots: &[Slot], m: usize) -> Rows<E::Value> {
    let mut matrix = [[E::Value::default(); MOST_DEPTH]; MOST_ROWS];
    for (index, &slot) in slots.iter().enumerate() {
        let values = registers.row(slot);
        let (top, left) = (index % (m / 8) * 8, index / (m / 8) * 4 * E::COUNT);
        for row in 0..8 {
            let target = &mut matrix[top + row][left..left + 4 * E::COUNT];
            for (column, target) in target.iter_mut().enumerate() {
                *target = E::value(values[4 * row + column / E::COUNT], column % E::COUNT);
            }
        }
    }
    matrix
}

/// The second factor.
#[inline(always)]
fn columns<E: Element>(registers: &Registers, slots: &[Slot]) -> Columns<E::Value> {
    let mut matrix = [[E::Value::default(); COLUMNS]; MOST_DEPTH];
    for (index, &slot) in slots.iter().enumerate() {
        let values = registers.row(slot);
        let top = index * 4 * E::COUNT;
        for (row, target) in matrix[top..top + 4 * E::COUNT].iter_mut().enumerate() {
            for (column, target) in target.iter_mut().enumerate() {
                *target = E::value(values[4 * column + row / E::COUNT], row % E::COUNT);
            }
        }
    }
    matrix
}

/// The row and column of an element of the sum, if each register holds one.
#[inline(always)]
fn place(index: usize, lane: usize) -> (usize, usize) {
    (index / 2 * 8 + lane / 4, lane % 4 * 2 + index % 2)
}

/// The registers of an instruction's operands.
struct Operands {
    /// The rows of the first factor, and its columns.
    m: usize,
    k: usize,
    d: Vec<Slot>,
    a: Vec<Slot>,
    b: Vec<Slot>,
    c: Vec<Slot>,
    /// Whether the elements of the sum are halves, two in a register.
    halves: bool,
    /// Of integers: whether those of each factor have a sign.
    signed: [bool; 2],
    /// And whether a sum that does not fit is the nearest that does.
    saturates: bool,
}

/// A product, to be compiled for the vectors of the machine.
struct Product<'r, P> {
    registers: &'r mut Registers,
    mask: Mask,
    operands: &'r Operands,
    kind: PhantomData<P>,
}

struct Floats<E>(PhantomData<E>);
struct Doubles;
struct Integers<const BITS: usize>;

impl<E: Element<Value = f64>> NullaryFnOnce for Product<'_, Floats<E>> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Operands {
            m,
            k,
            d,
            a,
            b,
            c,
            halves,
            ..
        } = self.operands;
        let registers = self.registers;
        let mut sums: Sums<f64> = [[0.0; COLUMNS]; MOST_ROWS];
        for (index, &slot) in c.iter().enumerate() {
            let values = registers.row(slot);
            for (lane, &bits) in values.iter().enumerate() {
                if *halves {
                    let (row, column) = place(2 * index, lane);
                    sums[row][column] = F16::value(bits, 0);
                    sums[row][column + 1] = F16::value(bits, 1);
                } else {
                    let (row, column) = place(index, lane);
                    sums[row][column] = f32::from_bits(bits).into();
                }
            }
        }
        let a = rows::<E>(registers, a, *m);
        let b = columns::<E>(registers, b);
        multiply::<false>(&a[..*m], &b[..*k], &mut sums);
        for (index, &slot) in d.iter().enumerate() {
            let values = std::array::from_fn(|lane| {
                if *halves {
                    let (row, column) = place(2 * index, lane);
                    let half = |value: f64| {
                        u32::from(half::F16::from_single(single::from_double_to_odd(value)))
                    };
                    half(sums[row][column]) | half(sums[row][column + 1]) << 16
                } else {
                    let (row, column) = place(index, lane);
                    canonical(sums[row][column] as f32).to_bits()
                }
            });
            u32::write(registers, slot, self.mask, values);
        }
    }
}

impl NullaryFnOnce for Product<'_, Doubles> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Operands {
            m, k, d, a, b, c, ..
        } = self.operands;
        let registers = self.registers;
        let mut sums: Sums<f64> = [[0.0; COLUMNS]; MOST_ROWS];
        let mut first: Rows<f64> = [[0.0; MOST_DEPTH]; MOST_ROWS];
        let mut second: Columns<f64> = [[0.0; COLUMNS]; MOST_DEPTH];
        for (index, &slot) in c.iter().enumerate() {
            for (lane, value) in f64::read(registers, slot).into_iter().enumerate() {
                let (row, column) = place(index, lane);
                sums[row][column] = value;
            }
        }
        for (index, &slot) in a.iter().enumerate() {
            let (top, left) = (index % (m / 8) * 8, index / (m / 8) * 4);
            for (lane, value) in f64::read(registers, slot).into_iter().enumerate() {
                first[top + lane / 4][left + lane % 4] = value;
            }
        }
        for (index, &slot) in b.iter().enumerate() {
            for (lane, value) in f64::read(registers, slot).into_iter().enumerate() {
                second[index * 4 + lane % 4][lane / 4] = value;
            }
        }
        multiply::<true>(&first[..*m], &second[..*k], &mut sums);
        for (index, &slot) in d.iter().enumerate() {
            let values = std::array::from_fn(|lane| {
                let (row, column) = place(index, lane);
                canonical_double(sums[row][column])
            });
            f64::write(registers, slot, self.mask, values);
        }
    }
}

impl<const BITS: usize> NullaryFnOnce for Product<'_, Integers<BITS>>
where
    Whole<BITS, true>: Element<Value = i32>,
    Whole<BITS, false>: Element<Value = i32>,
{
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Operands {
            m,
            k,
            d,
            a,
            b,
            c,
            signed,
            saturates,
            ..
        } = self.operands;
        let registers = self.registers;
        let mut sums: Sums<i32> = [[0; COLUMNS]; MOST_ROWS];
        for (index, &slot) in c.iter().enumerate() {
            for (lane, &bits) in registers.row(slot).iter().enumerate() {
                let (row, column) = place(index, lane);
                sums[row][column] = bits as i32;
            }
        }
        let a = match signed[0] {
            true => rows::<Whole<BITS, true>>(registers, a, *m),
            false => rows::<Whole<BITS, false>>(registers, a, *m),
        };
        let b = match signed[1] {
            true => columns::<Whole<BITS, true>>(registers, b),
            false => columns::<Whole<BITS, false>>(registers, b),
        };
        multiply_integers(&a[..*m], &b[..*k], &mut sums, *saturates);
        for (index, &slot) in d.iter().enumerate() {
            let values = std::array::from_fn(|lane| {
                let (row, column) = place(index, lane);
                sums[row][column]
            });
            i32::write(registers, slot, self.mask, values);
        }
    }
}

/// An instruction that all lanes of a warp run together.
pub(super) fn whole_warp(
    operation: &mut Operation<'_, '_>,
    exchange: impl Fn(&mut Context<'_, '_>, Mask) -> Result<(), crate::exec::Stop>
    + Send
    + Sync
    + 'static,
) -> Action {
    let members = operation.frame.constant(Constant::Bits(ALL.into()), 4);
    converge_with(members, move |context, mask| {
        if mask != ALL && context.launch.checks.warp_masks {
            let message = format!(
                "all {LANES} lanes of a warp must run this instruction together, here {} do",
                mask.count_ones()
            );
            let lane = Context::first(mask);
            context.note(context.report(Kind::WarpMask, lane, "synchronizes", message));
        }
        exchange(context, mask)
    })
}

fn product<P>(operation: &mut Operation<'_, '_>, operands: Operands) -> Action
where
    P: 'static,
    for<'r> Product<'r, P>: NullaryFnOnce,
{
    let arch = pulp::Arch::new();
    whole_warp(operation, move |context, mask| {
        arch.dispatch(Product {
            registers: context.registers,
            mask,
            operands: &operands,
            kind: PhantomData,
        });
        Ok(())
    })
}

/// The registers of an operand: a vector, or one.
pub(super) fn fragment<'a>(
    operation: &mut Operation<'a, '_>,
    index: usize,
    count: usize,
    ty: Type,
    is_destination: bool,
) -> Result<Vec<Slot>, PtxError> {
    let operands = match operation.operand(index)? {
        Operand::Vector(operands) => operands.as_slice(),
        single => std::slice::from_ref(single),
    };
    if operands.len() != count {
        return Err(operation.error(format!(
            "operand {} has {} registers, expected {count}",
            index + 1,
            operands.len()
        )));
    }
    let slot = |operand| match is_destination {
        true => operation.destination(operand, ty),
        false => operation.source(operand, ty),
    };
    operands.iter().map(slot).collect()
}

/// `mma`
pub(super) fn decode(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    if !operation.flag("sync") || !operation.flag("aligned") {
        return Err(operation.unknown());
    }
    let shape = operation.choice(&[
        ("m8n8k4", (8, 4)),
        ("m8n8k16", (8, 16)),
        ("m8n8k32", (8, 32)),
        ("m16n8k4", (16, 4)),
        ("m16n8k8", (16, 8)),
        ("m16n8k16", (16, 16)),
        ("m16n8k32", (16, 32)),
        ("m16n8k64", (16, 64)),
    ]);
    let (m, k) = shape.ok_or_else(|| operation.unknown())?;
    if !operation.flag("row") || !operation.flag("col") {
        return Err(operation.error("the first factor is `.row`, the second one `.col`"));
    }
    let saturates = operation.flag("satfinite");
    let mut types = [""; 4];
    for ty in &mut types {
        *ty = operation.take().ok_or_else(|| operation.unknown())?;
    }
    let [d, a, b, c] = types;
    operation.finish(4..=4)?;
    // How many elements of a factor are in a register, and what the sum's registers are.
    let (per_register, factor, sums) = match (a, b) {
        ("f64", "f64") => (1, Type::F64, &["f64"][..]),
        ("tf32", "tf32") => (1, Type::B32, &["f32"][..]),
        ("bf16", "bf16") => (2, Type::B32, &["f32"][..]),
        ("f16", "f16") => (2, Type::B32, &["f16", "f32"][..]),
        ("e4m3" | "e5m2", "e4m3" | "e5m2") => (4, Type::B32, &["f16", "f32"][..]),
        ("s8" | "u8", "s8" | "u8") => (4, Type::B32, &["s32"][..]),
        ("s4" | "u4", "s4" | "u4") => (8, Type::B32, &["s32"][..]),
        _ => return Err(operation.unknown()),
    };
    if !sums.contains(&d) || c != d || saturates && d != "s32" || k % (4 * per_register) != 0 {
        return Err(operation.unknown());
    }
    let sum = if d == "f64" { Type::F64 } else { Type::B32 };
    let n_sums = if d == "f16" { m / 8 } else { m / 4 };
    let depth = k / (4 * per_register);
    let operands = Operands {
        a: fragment(operation, 1, m / 8 * depth, factor, false)?,
        b: fragment(operation, 2, depth, factor, false)?,
        c: fragment(operation, 3, n_sums, sum, false)?,
        d: fragment(operation, 0, n_sums, sum, true)?,
        m,
        k,
        halves: d == "f16",
        signed: [a, b].map(|ty| ty.starts_with('s')),
        saturates,
    };
    Ok(match (a, m, k) {
        ("f64", 8, 4) | ("f64", 16, 4 | 8 | 16) => product::<Doubles>(operation, operands),
        ("tf32", 16, 4 | 8) => product::<Floats<Tf32>>(operation, operands),
        ("bf16", 16, 8 | 16) => product::<Floats<Bf16>>(operation, operands),
        ("f16", 16, 8 | 16) => product::<Floats<F16>>(operation, operands),
        ("e4m3", 16, 16 | 32) if a == b => product::<Floats<E4M3>>(operation, operands),
        ("e5m2", 16, 16 | 32) if a == b => product::<Floats<E5M2>>(operation, operands),
        ("s8" | "u8", 8, 16) | ("s8" | "u8", 16, 16 | 32) => {
            product::<Integers<8>>(operation, operands)
        }
        ("s4" | "u4", 8, 32) | ("s4" | "u4", 16, 32 | 64) => {
            product::<Integers<4>>(operation, operands)
        }
        _ => return Err(operation.unknown()),
    })
}
