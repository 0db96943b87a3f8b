//! Integer arithmetic.

use super::lanes::{binary, ternary, unary};
use crate::exec::Action;
use crate::program::Operation;
use crate::ptx::{PtxError, Type};

/// Decodes `add` and `sub` of integers.
pub(crate) fn decode(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let ty = operation.ty()?;
    operation.finish(3..=3)?;
    let d = operation.dst(0, ty)?;
    let a = operation.src(1, ty)?;
    let b = operation.src(2, ty)?;
    Ok(match ty {
        Type::U32 | Type::S32 => binary(d, a, b, |a: u32, b: u32| a.wrapping_add(b)),
        _ => return Err(operation.unknown()),
    })
}
