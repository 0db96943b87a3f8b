//! Products of matrices whose elements the lanes of a warp hold between them, or shared memory.

mod elements;
mod fragments;
mod mma;
mod quads;
mod sparse;
mod transfer;
mod wgmma;
mod wmma;

pub(super) use mma::decode as decode_mma;
pub(super) use transfer::{decode as decode_transfer, decode_transpose};
pub(super) use wgmma::decode as decode_wgmma;
pub(super) use wmma::decode as decode_wmma;

use super::warp::converge_with;
use crate::check::Kind;
use crate::exec::{ALL, Action, Context, LANES, Mask, Slot, Stop};
use crate::program::{Constant, Operation};
use crate::ptx::{Literal, Operand, PtxError, Type};

/// An instruction that all lanes of a warp run together.
fn whole_warp(
    operation: &mut Operation<'_, '_>,
    exchange: impl Fn(&mut Context<'_, '_>, Mask) -> Result<(), Stop> + Send + Sync + 'static,
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

/// The registers of an operand: a vector, or one.
fn fragment<'a>(
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

/// An operand that must be one of these numbers.
fn number(
    operation: &Operation<'_, '_>,
    index: usize,
    allowed: std::ops::RangeInclusive<i64>,
) -> Result<i64, PtxError> {
    match operation.operand(index)? {
        Operand::Literal(Literal::Integer(value)) if allowed.contains(&(*value as i64)) => {
            Ok(*value as i64)
        }
        _ => Err(operation.error(format!(
            "operand {} must be a number from {} to {}",
            index + 1,
            allowed.start(),
            allowed.end()
        ))),
    }
}
