//! PTX as text and as a tree.
//!
//! [`parse`] knows the grammar and no instruction: an instruction is its opcode, its modifiers and
//! its operands. What they mean is the business of the decoder.
//!
//! Source: NVIDIA, *Parallel Thread Execution ISA*, version 9.0.

mod constant;
mod lexer;
mod module;
mod parser;
mod statement;
mod tree;
mod variable;

pub use module::parse;
pub use tree::*;

/// Why a text is not PTX that this crate can run.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {}, column {}: {message}", position.line, position.column)]
pub struct PtxError {
    /// Where the offending text begins.
    pub position: Position,
    /// What was found and what was expected, as a sentence without a full stop.
    pub message: String,
}

impl PtxError {
    pub(crate) fn new(position: Position, message: impl Into<String>) -> Self {
        Self {
            position,
            message: message.into(),
        }
    }
}

/// A place in the text. Lines and columns are counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}
