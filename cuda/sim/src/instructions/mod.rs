//! What each instruction does, a file per group.
//!
//! A group decodes an instruction into an [`Action`]: a closure that holds where the operands lie
//! and runs all lanes of a warp. To add an instruction, write it into its group, and name its opcode
//! here.

mod bits;
mod compare;
mod convert;
mod extended;
mod float;
mod half;
mod integer;
mod lanes;
mod moves;
mod narrow;
mod operands;
mod packed;
mod select;
mod types;

use crate::exec::Action;
use crate::program::Operation;
use crate::ptx::{PtxError, Type};

/// Decodes an instruction.
pub(crate) fn decode(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    match operation.instruction.opcode.as_str() {
        "add" | "sub" | "mul" | "div" | "mad" | "abs" | "neg" | "min" | "max" => typed(operation),
        "addc" | "subc" => extended::add(operation),
        "madc" => integer::mad(operation),
        "mul24" | "mad24" => integer::mul24(operation),
        "rem" => integer::div(operation),
        "sad" => integer::sad(operation),
        "dp2a" => integer::dp2a(operation),
        "dp4a" => integer::dp4a(operation),

        "and" | "or" | "xor" => bits::logic(operation),
        "not" | "cnot" => bits::not(operation),
        "shl" | "shr" => bits::shift(operation),
        "shf" => bits::funnel(operation),
        "lop3" => bits::logic3(operation),
        "prmt" => bits::permute(operation),
        "popc" | "clz" | "brev" => bits::count(operation),
        "bfind" => bits::find(operation),
        "fns" => bits::find_nth(operation),
        "bfe" => bits::extract(operation),
        "bfi" => bits::insert(operation),
        "szext" => bits::extend(operation),
        "bmsk" => bits::mask(operation),

        "fma" => match half::is_half(operation.first_type()?) {
            true => half::fma(operation),
            false => float::fma(operation),
        },
        "rcp" | "sqrt" => float::root(operation),
        "rsqrt" => float::reciprocal_root(operation),
        "ex2" | "lg2" | "sin" | "cos" | "tanh" => float::function(operation),
        "copysign" => select::copysign(operation),
        "testp" => select::property(operation),

        "set" => compare::set(operation),
        "setp" => compare::set_predicate(operation),
        "selp" => compare::by_predicate(operation),
        "slct" => compare::by_sign(operation),
        "cvt" => convert::decode(operation),
        "mov" => moves::decode(operation),
        _ => Err(operation.unknown()),
    }
}

/// Decodes an instruction that integers, floating-point numbers and halves have under one name.
fn typed(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    let opcode = operation.instruction.opcode.as_str();
    let ty = operation.first_type()?;
    if half::is_half(ty) {
        match opcode {
            "add" | "sub" | "mul" => half::arithmetic(operation),
            "abs" | "neg" => half::abs(operation),
            "min" | "max" => select::min(operation),
            _ => Err(operation.unknown()),
        }
    } else if matches!(ty, Type::F32 | Type::F64 | Type::F32x2) {
        match opcode {
            "add" | "sub" | "mul" => float::arithmetic(operation),
            "div" => float::div(operation),
            "mad" => float::fma(operation),
            "abs" | "neg" => select::abs(operation),
            _ => select::min(operation),
        }
    } else {
        match opcode {
            "add" | "sub" => integer::add(operation),
            "mul" => integer::mul(operation),
            "div" => integer::div(operation),
            "mad" => integer::mad(operation),
            "abs" | "neg" => integer::abs(operation),
            _ => integer::min(operation),
        }
    }
}
