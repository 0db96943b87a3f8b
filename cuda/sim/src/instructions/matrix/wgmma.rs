//! `wgmma`: asynchronous products of matrices by four warps, with factors in shared memory.
//!
//! The first warp that comes to the instruction reads the factors for all; each multiplies its 16 of the 64
//! rows when it comes. That nobody looks at the sums or changes a factor before the product was waited for
//! is checked.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use pulp::NullaryFnOnce;

use super::elements::{
    Bf16, Bits, E4M3, E5M2, F16, Floats, Form, Integers, Kind, Tf32, first_words,
};
use super::sparse::Metadata;
use super::{fragment, number, whole_warp};
use crate::check;
use crate::exec::{
    Action, Context, Lane, Mask, Matrices, ProductRegister, ProductShape, Registers, SharedMatrix,
    Slot, Stop,
};
use crate::instructions::lanes::holds;
use crate::numeric::product::{COLUMNS, FirstWords, Places, ROWS, SecondWords};
use crate::program::{Operation, PredicateSource};
use crate::ptx::{Operand, PtxError, Type};

/// Where the first factor is.
enum First {
    Registers(Vec<Slot>),
    /// In shared memory, and whether it is turned.
    Shared(Slot, bool),
}

/// `wgmma.mma_async`, decoded.
struct Product {
    form: Form,
    shape: ProductShape,
    d: Vec<Slot>,
    a: First,
    b: Slot,
    is_b_turned: bool,
    metadata: Option<Metadata>,
    /// Whether the product is added to the sums.
    adds: PredicateSource,
    sums: Vec<ProductRegister>,
    factors: Vec<ProductRegister>,
}

/// The tiles of a product, to be compiled for the vectors of the machine.
struct Tiles<'r, P> {
    registers: &'r mut Registers,
    mask: Mask,
    product: &'r Product,
    adds: bool,
    first: &'r FirstWords,
    second: &'r [SecondWords],
    places: Option<&'r Places>,
    kind: PhantomData<P>,
}

impl<P: Kind> NullaryFnOnce for Tiles<'_, P> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Product { form, d, .. } = self.product;
        let rows = P::rows(form, self.first);
        let per_tile = d.len() / self.second.len();
        for (second, slots) in self.second.iter().zip(d.chunks_exact(per_tile)) {
            let mut sums = match self.adds {
                true => P::load(form, self.registers, slots),
                false => [[P::Sum::default(); COLUMNS]; ROWS],
            };
            P::multiply(form, &rows, second, self.places, &mut sums);
            P::store(form, self.registers, self.mask, slots, &sums);
        }
    }
}

impl Product {
    /// The value of a register that all lanes must hold alike.
    fn uniform(context: &Context<'_, '_>, mask: Mask, slot: Slot) -> Result<u64, Stop> {
        let values = u64::read(context.registers, slot);
        let first = Context::first(mask);
        let other = crate::exec::lanes(mask).find(|&lane| values[lane] != values[first]);
        match other {
            None => Ok(values[first]),
            Some(lane) => {
                let message = format!(
                    "lane {lane} has the descriptor {:#x}, lane {first} {:#x}; all must have the same",
                    values[lane], values[first]
                );
                Err(context.stop(check::Kind::InvalidInstruction, lane, "multiplies", message))
            }
        }
    }

    fn matrix(
        context: &Context<'_, '_>,
        mask: Mask,
        descriptor: u64,
        is_turned: bool,
    ) -> Result<SharedMatrix, Stop> {
        SharedMatrix::new(descriptor, is_turned).map_err(|message| {
            let lane = Context::first(mask);
            context.stop(check::Kind::InvalidInstruction, lane, "multiplies", message)
        })
    }

    /// Reads the rows of each warp of a first factor in shared memory.
    fn read_first(
        &self,
        context: &mut Context<'_, '_>,
        mask: Mask,
        descriptor: u64,
        runs: &mut Vec<Range<u64>>,
    ) -> Result<[FirstWords; 4], Stop> {
        let mut words = [[[0; 8]; ROWS]; 4];
        let First::Shared(_, is_turned) = self.a else {
            return Ok(words);
        };
        let matrix = Self::matrix(context, mask, descriptor, is_turned)?;
        if is_turned {
            let (lines, units) = (0..2 * self.form.first_words, 0..8);
            context.read_matrix(mask, &matrix, lines, units, runs, |depth, unit, halves| {
                for index in 0..8 {
                    let half = halves[index / 2] >> (16 * (index % 2)) & 0xffff;
                    words[unit / 2][unit % 2 * 8 + index][depth / 2] |= half << (16 * (depth % 2));
                }
            })?;
        } else {
            context.read_matrix(mask, &matrix, 0..4 * ROWS, 0..2, runs, |row, unit, four| {
                words[row / ROWS][row % ROWS][4 * unit..4 * unit + 4].copy_from_slice(&four);
            })?;
        }
        Ok(words)
    }

    /// Reads the second factor, tile by tile.
    fn read_second(
        &self,
        context: &mut Context<'_, '_>,
        mask: Mask,
        descriptor: u64,
        runs: &mut Vec<Range<u64>>,
    ) -> Result<Vec<SecondWords>, Stop> {
        let mut tiles = vec![[[0; COLUMNS]; 16]; self.shape.n / COLUMNS];
        let matrix = Self::matrix(context, mask, descriptor, self.is_b_turned)?;
        if self.is_b_turned {
            let (lines, units) = (0..2 * self.form.second_words, 0..tiles.len());
            context.read_matrix(mask, &matrix, lines, units, runs, |depth, unit, halves| {
                for (column, word) in tiles[unit][depth / 2].iter_mut().enumerate() {
                    let half = halves[column / 2] >> (16 * (column % 2)) & 0xffff;
                    *word |= half << (16 * (depth % 2));
                }
            })?;
        } else {
            let (lines, units) = (0..COLUMNS * tiles.len(), 0..self.form.second_words / 4);
            context.read_matrix(mask, &matrix, lines, units, runs, |column, unit, four| {
                for (word, value) in tiles[column / COLUMNS][4 * unit..].iter_mut().zip(four) {
                    word[column % COLUMNS] = value;
                }
            })?;
        }
        Ok(tiles)
    }

    /// What the product reads of shared memory.
    fn read(
        &self,
        context: &mut Context<'_, '_>,
        mask: Mask,
        [a, b]: [u64; 2],
    ) -> Result<Matrices, Stop> {
        let mut runs = Vec::new();
        let first = self.read_first(context, mask, a, &mut runs)?;
        let second = self.read_second(context, mask, b, &mut runs)?;
        let owner = context.warp;
        Ok(Matrices {
            first,
            second,
            owner,
            time: context.begin_product_reads(owner as usize, runs),
        })
    }

    fn run<P: Kind>(
        &self,
        context: &mut Context<'_, '_>,
        mask: Mask,
        arch: pulp::Arch,
    ) -> Result<(), Stop> {
        let a = match self.a {
            First::Registers(_) => 0,
            First::Shared(slot, _) => Self::uniform(context, mask, slot)?,
        };
        let descriptors = [a, Self::uniform(context, mask, self.b)?];
        let adds = holds(context.registers, self.adds) & mask;
        if adds != 0 && adds != mask {
            let message = "the lanes disagree about whether the product is added to the sums";
            let lane = Context::first(mask & !adds);
            return Err(context.stop(check::Kind::InvalidInstruction, lane, "multiplies", message));
        }
        let read = context.join_warpgroup(mask, descriptors);
        context.begin_product(mask, &self.sums, &self.factors, self.shape);
        let matrices = match read {
            Some(matrices) => matrices,
            None => {
                let matrices = Arc::new(self.read(context, mask, descriptors)?);
                context.share_matrices(&matrices);
                matrices
            }
        };
        context.keep_reads(&matrices);
        let first = match &self.a {
            First::Registers(slots) => first_words(context.registers, slots, ROWS),
            First::Shared(..) => matrices.first[context.warp_in_block() as usize % 4],
        };
        let places = match &self.metadata {
            Some(metadata) => Some(metadata.places(context)?),
            None => None,
        };
        arch.dispatch(Tiles::<P> {
            registers: context.registers,
            mask,
            product: self,
            adds: adds != 0,
            first: &first,
            second: &matrices.second,
            places: places.as_ref(),
            kind: PhantomData,
        });
        Ok(())
    }
}

fn action<P: Kind>(operation: &mut Operation<'_, '_>, product: Product) -> Action {
    let arch = pulp::Arch::new();
    whole_warp(operation, move |context, mask| {
        product.run::<P>(context, mask, arch)
    })
}

/// The numbers that registers have among those that products use.
fn tracked(
    operation: &mut Operation<'_, '_>,
    index: usize,
    is_written: bool,
) -> Result<Vec<ProductRegister>, PtxError> {
    let Operand::Vector(operands) = operation.operand(index)? else {
        return Err(operation.error(format!("operand {} must be a vector", index + 1)));
    };
    operands
        .iter()
        .map(|operand| match operand {
            Operand::Name(name) => operation.product_register(name, is_written),
            _ => Err(operation.error("expected a register")),
        })
        .collect()
}

/// `m64nNkK`
fn shape(operation: &mut Operation<'_, '_>) -> Option<ProductShape> {
    let (n, k) = operation.take()?.strip_prefix("m64n")?.split_once('k')?;
    let (n, k) = (n.parse().ok()?, k.parse().ok()?);
    (n % COLUMNS == 0 && (COLUMNS..=256).contains(&n)).then_some(ProductShape { n, k })
}

/// `wgmma`
pub(in crate::instructions) fn decode(
    operation: &mut Operation<'_, '_>,
) -> Result<Action, PtxError> {
    let verb = operation.take();
    let is_sparse = verb == Some("mma_async") && operation.flag("sp");
    if !operation.flag("sync") || !operation.flag("aligned") {
        return Err(operation.unknown());
    }
    match verb {
        Some("mma_async") => decode_product(operation, is_sparse),
        Some("fence") => {
            operation.finish(0..=0)?;
            Ok(whole_warp(operation, |context, mask| {
                context.join_warpgroup(mask, [0; 2]);
                context.registers.products.fence();
                Ok(())
            }))
        }
        Some("commit_group") => {
            operation.finish(0..=0)?;
            Ok(whole_warp(operation, |context, mask| {
                context.join_warpgroup(mask, [0; 2]);
                context.commit_products();
                Ok(())
            }))
        }
        Some("wait_group") => {
            operation.finish(1..=1)?;
            let newest = number(operation, 0, 0..=u32::MAX.into())? as u32;
            Ok(whole_warp(operation, move |context, mask| {
                context.join_warpgroup(mask, [0; 2]);
                context.wait_for_products(mask, newest);
                Ok(())
            }))
        }
        _ => Err(operation.unknown()),
    }
}

/// 1 or -1: whether a factor is negated.
fn negation(operation: &Operation<'_, '_>, index: usize) -> Result<bool, PtxError> {
    match number(operation, index, -1..=1)? {
        0 => Err(operation.error(format!("operand {} must be 1 or -1", index + 1))),
        sign => Ok(sign < 0),
    }
}

/// `wgmma.mma_async`
fn decode_product(operation: &mut Operation<'_, '_>, is_sparse: bool) -> Result<Action, PtxError> {
    let shape = shape(operation).ok_or_else(|| operation.unknown())?;
    let saturates_before = operation.flag("satfinite");
    let mut types = [""; 3];
    for ty in &mut types {
        *ty = operation.take().ok_or_else(|| operation.unknown())?;
    }
    let [d, a, b] = types;
    let saturates = saturates_before || operation.flag("satfinite");
    if a == "b1" && !(operation.flag("and") && operation.flag("popc")) {
        return Err(operation.unknown());
    }
    let (bits, sums) = match (a, b) {
        ("f16", "f16") => (16, &["f16", "f32"][..]),
        ("bf16", "bf16") => (16, &["f32"][..]),
        ("tf32", "tf32") => (32, &["f32"][..]),
        ("e4m3" | "e5m2", "e4m3" | "e5m2") => (8, &["f16", "f32"][..]),
        ("s8" | "u8", "s8" | "u8") => (8, &["s32"][..]),
        ("b1", "b1") if !is_sparse => (1, &["s32"][..]),
        _ => return Err(operation.unknown()),
    };
    let is_whole = d == "s32";
    // A row of the first factor has 32 bytes, of which a sparse one stores every second element.
    let depth = 256 / bits * if is_sparse { 2 } else { 1 };
    let is_width = !is_whole || shape.n == 8 || shape.n == 24 || shape.n % 16 == 0;
    let saturates_floats = saturates && (!is_whole || a == "b1");
    if shape.k != depth || !is_width || !sums.contains(&d) || saturates_floats {
        return Err(operation.unknown());
    }
    let is_in_registers = matches!(operation.operand(1)?, Operand::Vector(_));
    let can_turn = bits == 16;
    // d, a, b, perhaps metadata and selector, whether to add, then signs and turns.
    let mut next = if is_sparse { 6 } else { 4 };
    let n_signs = if is_whole { 0 } else { 2 };
    let n_turns = match (can_turn, is_in_registers) {
        (false, _) => 0,
        (true, true) => 1,
        (true, false) => 2,
    };
    let count = next + n_signs + n_turns;
    operation.finish(count..=count)?;
    let metadata = match is_sparse {
        true => Some(Metadata::decode(operation, 3, shape.k, bits, false)?),
        false => None,
    };
    let adds = operation.src_predicate(next - 1)?;
    let mut negates = false;
    for index in next..next + n_signs {
        negates ^= negation(operation, index)?;
    }
    next += n_signs;
    let mut turn = |operation: &Operation<'_, '_>| -> Result<bool, PtxError> {
        next += 1;
        Ok(number(operation, next - 1, 0..=1)? == 1)
    };
    let is_a_turned = n_turns == 2 && turn(operation)?;
    let is_b_turned = n_turns > 0 && turn(operation)?;
    let halves = d == "f16";
    let n_sums = shape.n / if halves { 4 } else { 2 };
    fragment(operation, 0, n_sums, Type::B32, false)?;
    let product = Product {
        d: fragment(operation, 0, n_sums, Type::B32, true)?,
        sums: tracked(operation, 0, true)?,
        factors: match is_in_registers {
            true => tracked(operation, 1, false)?,
            false => Vec::new(),
        },
        a: match is_in_registers {
            true => First::Registers(fragment(operation, 1, 4, Type::B32, false)?),
            false => First::Shared(operation.src(1, Type::B64)?, is_a_turned),
        },
        b: operation.src(2, Type::B64)?,
        is_b_turned,
        metadata,
        adds,
        shape,
        form: Form {
            m: ROWS,
            first_words: 8,
            second_words: shape.k * bits / 32,
            halves,
            negates,
            signed: [a, b].map(|ty| ty.starts_with('s')),
            saturates,
        },
    };
    Ok(match (a, b) {
        ("f16", _) => action::<Floats<F16, F16>>(operation, product),
        ("bf16", _) => action::<Floats<Bf16, Bf16>>(operation, product),
        ("tf32", _) => action::<Floats<Tf32, Tf32>>(operation, product),
        ("e4m3", "e4m3") => action::<Floats<E4M3, E4M3>>(operation, product),
        ("e4m3", _) => action::<Floats<E4M3, E5M2>>(operation, product),
        ("e5m2", "e4m3") => action::<Floats<E5M2, E4M3>>(operation, product),
        ("e5m2", _) => action::<Floats<E5M2, E5M2>>(operation, product),
        ("b1", _) => action::<Bits<false>>(operation, product),
        _ => action::<Integers<8>>(operation, product),
    })
}
