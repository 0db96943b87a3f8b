//! `mma` and `mma.sp`: products of matrices that the registers of a warp hold.

use std::marker::PhantomData;

use pulp::NullaryFnOnce;

use super::elements::{
    Bf16, Bits, E4M3, E5M2, F16, Floats, Form, Integers, Kind, Tf32, first_words, place,
    second_words,
};
use super::sparse::Metadata;
use super::{fragment, quads, whole_warp};
use crate::exec::{Action, Lane, Mask, Registers, Slot};
use crate::numeric::canonical_double;
use crate::numeric::product::{COLUMNS, Places, ROWS, Sums, multiply};
use crate::program::Operation;
use crate::ptx::{PtxError, Type};

/// The registers of an instruction's operands.
struct Operands {
    form: Form,
    d: Vec<Slot>,
    a: Vec<Slot>,
    b: Vec<Slot>,
    c: Vec<Slot>,
    metadata: Option<Metadata>,
}

/// A product, to be compiled for the vectors of the machine.
struct Product<'r, P> {
    registers: &'r mut Registers,
    mask: Mask,
    operands: &'r Operands,
    places: Option<&'r Places>,
    kind: PhantomData<P>,
}

impl<P: Kind> NullaryFnOnce for Product<'_, P> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Operands {
            form, d, a, b, c, ..
        } = self.operands;
        let mut sums = P::load(form, self.registers, c);
        let first = P::rows(form, &first_words(self.registers, a, form.m));
        let second = second_words(self.registers, b);
        P::multiply(form, &first, &second, self.places, &mut sums);
        P::store(form, self.registers, self.mask, d, &sums);
    }
}

fn product<P: Kind>(operation: &mut Operation<'_, '_>, operands: Operands) -> Action {
    let arch = pulp::Arch::new();
    whole_warp(operation, move |context, mask| {
        let places = match &operands.metadata {
            Some(metadata) => Some(metadata.places(context)?),
            None => None,
        };
        arch.dispatch(Product::<P> {
            registers: context.registers,
            mask,
            operands: &operands,
            places: places.as_ref(),
            kind: PhantomData,
        });
        Ok(())
    })
}

/// A product of doubles, to be compiled for the vectors of the machine.
struct Doubles<'r> {
    registers: &'r mut Registers,
    mask: Mask,
    k: usize,
    operands: &'r Operands,
}

impl NullaryFnOnce for Doubles<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Operands {
            form, d, a, b, c, ..
        } = self.operands;
        let registers = self.registers;
        let mut sums: Sums<f64> = [[0.0; COLUMNS]; ROWS];
        let mut first = [[0.0; 16]; ROWS];
        let mut second = [[0.0; COLUMNS]; 16];
        for (index, &slot) in c.iter().enumerate() {
            for (lane, value) in f64::read(registers, slot).into_iter().enumerate() {
                let (row, column) = place(index, lane);
                sums[row][column] = value;
            }
        }
        for (index, &slot) in a.iter().enumerate() {
            let (top, left) = (index % (form.m / 8) * 8, index / (form.m / 8) * 4);
            for (lane, value) in f64::read(registers, slot).into_iter().enumerate() {
                first[top + lane / 4][left + lane % 4] = value;
            }
        }
        for (index, &slot) in b.iter().enumerate() {
            for (lane, value) in f64::read(registers, slot).into_iter().enumerate() {
                second[index * 4 + lane % 4][lane / 4] = value;
            }
        }
        multiply::<true, _>(&first[..form.m], &second[..self.k], &mut sums);
        for (index, &slot) in d.iter().enumerate() {
            let values = std::array::from_fn(|lane| {
                let (row, column) = place(index, lane);
                canonical_double(sums[row][column])
            });
            f64::write(registers, slot, self.mask, values);
        }
    }
}

fn product_of_doubles(operation: &mut Operation<'_, '_>, k: usize, operands: Operands) -> Action {
    let arch = pulp::Arch::new();
    whole_warp(operation, move |context, mask| {
        arch.dispatch(Doubles {
            registers: context.registers,
            mask,
            k,
            operands: &operands,
        });
        Ok(())
    })
}

/// What is done with each pair of bits.
pub(super) fn bit_operation(operation: &mut Operation<'_, '_>) -> Result<bool, PtxError> {
    let differs = operation.choice(&[("and", false), ("xor", true)]);
    match (differs, operation.flag("popc")) {
        (Some(differs), true) => Ok(differs),
        _ => Err(operation.unknown()),
    }
}

/// `mma`
pub(in crate::instructions) fn decode(
    operation: &mut Operation<'_, '_>,
) -> Result<Action, PtxError> {
    let sparse = operation.choice(&[("sp", false), ("sp::ordered_metadata", true)]);
    if !operation.flag("sync") || !operation.flag("aligned") {
        return Err(operation.unknown());
    }
    let shape = operation.choice(&[
        ("m8n8k4", (8, 4)),
        ("m8n8k16", (8, 16)),
        ("m8n8k32", (8, 32)),
        ("m8n8k128", (8, 128)),
        ("m16n8k4", (16, 4)),
        ("m16n8k8", (16, 8)),
        ("m16n8k16", (16, 16)),
        ("m16n8k32", (16, 32)),
        ("m16n8k64", (16, 64)),
        ("m16n8k128", (16, 128)),
        ("m16n8k256", (16, 256)),
    ]);
    let (m, k) = shape.ok_or_else(|| operation.unknown())?;
    let layouts = [(); 2].map(|()| operation.choice(&[("row", false), ("col", true)]));
    let [Some(first_turned), Some(second_turned)] = layouts else {
        return Err(operation.unknown());
    };
    let saturates_before = operation.flag("satfinite");
    let mut types = [""; 4];
    for ty in &mut types {
        *ty = operation.take().ok_or_else(|| operation.unknown())?;
    }
    let [d, a, b, c] = types;
    if (m, k, a, b, sparse) == (8, 4, "f16", "f16", None) && !saturates_before {
        return quads::decode(operation, [first_turned, second_turned], d, c);
    }
    if first_turned || !second_turned {
        return Err(operation.error("the first factor is `.row`, the second one `.col`"));
    }
    let saturates = saturates_before || operation.flag("satfinite");
    let differs = a == "b1" && bit_operation(operation)?;
    operation.finish(if sparse.is_some() { 6..=6 } else { 4..=4 })?;
    // The bits of an element, and what the sum's registers are.
    let (bits, factor, sums) = match (a, b) {
        ("f64", "f64") => (32, Type::F64, &["f64"][..]),
        ("tf32", "tf32") => (32, Type::B32, &["f32"][..]),
        ("bf16", "bf16") => (16, Type::B32, &["f32"][..]),
        ("f16", "f16") => (16, Type::B32, &["f16", "f32"][..]),
        ("e4m3" | "e5m2", "e4m3" | "e5m2") => (8, Type::B32, &["f16", "f32"][..]),
        ("s8" | "u8", "s8" | "u8") => (8, Type::B32, &["s32"][..]),
        ("s4" | "u4", "s4" | "u4") => (4, Type::B32, &["s32"][..]),
        ("b1", "b1") => (1, Type::B32, &["s32"][..]),
        _ => return Err(operation.unknown()),
    };
    let is_shape = match (a, m, sparse.is_some()) {
        ("f64", 8, false) => k == 4,
        ("f64", 16, false) => matches!(k, 4 | 8 | 16),
        ("tf32", 16, false) => matches!(k, 4 | 8),
        ("tf32", 16, true) => matches!(k, 8 | 16),
        ("f16" | "bf16", 16, false) => matches!(k, 8 | 16),
        ("f16" | "bf16", 16, true) => matches!(k, 16 | 32),
        ("e4m3" | "e5m2", 16, false) => matches!(k, 16 | 32),
        ("e4m3" | "e5m2", 16, true) => k == 64 && d == "f32",
        ("s8" | "u8", 8, false) => k == 16,
        ("s8" | "u8", 16, false) => matches!(k, 16 | 32),
        ("s8" | "u8", 16, true) => matches!(k, 32 | 64),
        ("s4" | "u4", 8, false) => k == 32,
        ("s4" | "u4", 16, false) => matches!(k, 32 | 64),
        ("s4" | "u4", 16, true) => matches!(k, 64 | 128),
        ("b1", 8, false) => k == 128,
        ("b1", 16, false) => matches!(k, 128 | 256),
        _ => false,
    };
    let is_whole = d == "s32" && a != "b1";
    if !is_shape || !sums.contains(&d) || c != d || saturates && !is_whole {
        return Err(operation.unknown());
    }
    let second_words = k * bits / 32;
    let first_words = second_words / if sparse.is_some() { 2 } else { 1 };
    let sum = if d == "f64" { Type::F64 } else { Type::B32 };
    let n_sums = if d == "f16" { m / 8 } else { m / 4 };
    let metadata = match sparse {
        Some(is_ordered) => Some(Metadata::decode(operation, 4, k, bits, is_ordered)?),
        None => None,
    };
    let operands = Operands {
        a: fragment(operation, 1, m / 8 * first_words / 4, factor, false)?,
        b: fragment(operation, 2, second_words / 4, factor, false)?,
        c: fragment(operation, 3, n_sums, sum, false)?,
        d: fragment(operation, 0, n_sums, sum, true)?,
        form: Form {
            m,
            first_words,
            second_words,
            halves: d == "f16",
            negates: false,
            signed: [a, b].map(|ty| ty.starts_with('s')),
            saturates,
        },
        metadata,
    };
    Ok(match (a, b) {
        ("f64", _) => product_of_doubles(operation, k, operands),
        ("tf32", _) => product::<Floats<Tf32, Tf32>>(operation, operands),
        ("bf16", _) => product::<Floats<Bf16, Bf16>>(operation, operands),
        ("f16", _) => product::<Floats<F16, F16>>(operation, operands),
        ("e4m3", "e4m3") => product::<Floats<E4M3, E4M3>>(operation, operands),
        ("e4m3", _) => product::<Floats<E4M3, E5M2>>(operation, operands),
        ("e5m2", "e4m3") => product::<Floats<E5M2, E4M3>>(operation, operands),
        ("e5m2", _) => product::<Floats<E5M2, E5M2>>(operation, operands),
        ("s8" | "u8", _) => product::<Integers<8>>(operation, operands),
        ("s4" | "u4", _) => product::<Integers<4>>(operation, operands),
        _ if differs => product::<Bits<true>>(operation, operands),
        _ => product::<Bits<false>>(operation, operands),
    })
}
