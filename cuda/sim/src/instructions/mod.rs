//! What each instruction does, a file per group.
//!
//! A group decodes an instruction into an [`Action`]: a closure that holds where the operands lie
//! and runs all lanes of a warp. To add an instruction, write it into its group, and name its opcode
//! here.

mod integer;
mod lanes;

use crate::exec::Action;
use crate::program::Operation;
use crate::ptx::PtxError;

/// Decodes an instruction.
pub(crate) fn decode(operation: &mut Operation<'_, '_>) -> Result<Action, PtxError> {
    match operation.instruction.opcode.as_str() {
        "add" | "sub" => integer::decode(operation),
        _ => Err(operation.unknown()),
    }
}
