//! What each instruction does, a file per group.
//!
//! A group decodes an instruction into an [`Action`]: a closure that holds where the operands lie
//! and runs all lanes of a warp. To add an instruction, write it into its group, and name its opcode
//! here and in the table of classes.

mod address;
mod asynchronous;
mod atomic;
mod bits;
mod builtin;
mod bulk;
mod class;
mod cluster;
mod compare;
mod control;
mod convert;
mod extended;
mod float;
mod half;
mod integer;
mod lanes;
mod matrix;
mod mbarrier;
mod memory;
mod moves;
mod narrow;
mod operands;
mod packed;
mod remote;
mod select;
mod tensor;
mod tensor_map;
mod types;
mod video;
mod warp;

pub(crate) use builtin::Builtin;
pub use class::InstructionClass;
pub(crate) use class::{Event, Precision, Work};

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

        "vadd2" | "vadd4" | "vsub2" | "vsub4" | "vavrg2" | "vavrg4" | "vabsdiff2" | "vabsdiff4"
        | "vmin2" | "vmin4" | "vmax2" | "vmax4" => video::decode(operation),

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
        "mov" => match memory::decode_move_address(operation)? {
            Some(action) => Ok(action),
            None => match control::decode_clock(operation)? {
                Some(action) => Ok(action),
                None => moves::decode(operation),
            },
        },

        "st" | "red" if remote::is_asynchronous(operation) => remote::decode(operation),
        "ld" | "ldu" => memory::decode_load(operation),
        "st" => memory::decode_store(operation),
        "prefetch" | "prefetchu" | "applypriority" | "discard" | "createpolicy" => {
            memory::decode_cache(operation)
        }
        "cvta" => memory::decode_convert_address(operation),
        "isspacep" => memory::decode_is_space(operation),
        "alloca" | "stacksave" | "stackrestore" => memory::decode_stack(operation),
        "atom" | "red" => atomic::decode(operation),
        "cp" => asynchronous::decode(operation),
        "tensormap" => tensor_map::decode(operation),
        "mbarrier" => mbarrier::decode(operation),
        "fence" | "membar" => atomic::decode_fence(operation),

        "shfl" => warp::decode_shuffle(operation),
        "vote" => warp::decode_vote(operation),
        "match" => warp::decode_match(operation),
        "redux" => warp::decode_reduce(operation),
        "activemask" => warp::decode_active(operation),
        "elect" => warp::decode_elect(operation),

        "mma" => matrix::decode_mma(operation),
        "wmma" => matrix::decode_wmma(operation),
        "wgmma" => matrix::decode_wgmma(operation),
        "ldmatrix" | "stmatrix" => matrix::decode_transfer(operation),
        "movmatrix" => matrix::decode_transpose(operation),

        "bra" => control::decode_branch(operation),
        "brx" => control::decode_branch_indexed(operation),
        "call" => control::decode_call(operation),
        "ret" | "exit" => control::decode_end(operation),
        "bar" | "barrier" => control::decode_barrier(operation),
        "mapa" => cluster::decode_map(operation),
        "setmaxnreg" => cluster::decode_registers(operation),
        "getctarank" => cluster::decode_rank(operation),
        "trap" | "brkpt" => control::decode_trap(operation),
        "griddepcontrol" => control::decode_dependents(operation),
        "nanosleep" | "pmevent" => control::decode_nothing(operation),
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
