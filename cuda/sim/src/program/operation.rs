//! An instruction while it is decoded: takes its modifiers one by one, and finds its operands.

use super::Special;
use super::frame::{Constant, Frame, ScopeId, Symbol};
use crate::exec::{PredicateSlot, ProductRegister, Slot};
use crate::ptx::{Instruction, Literal, Operand, PtxError, Space, Type};

/// A predicate that is read: its register, and whether its opposite counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PredicateSource {
    pub(crate) slot: PredicateSlot,
    pub(crate) negated: bool,
}

/// An instruction that is being decoded.
///
/// An instruction group takes the modifiers in their order, then the operands, and calls
/// [`Operation::finish`], which fails if a modifier was not taken: so what this crate does not know
/// is an error and never ignored.
pub(crate) struct Operation<'a, 'f> {
    pub(crate) instruction: &'a Instruction,
    modifiers: &'a [String],
    scope: ScopeId,
    pub(crate) frame: &'f mut Frame<'a>,
}

impl<'a, 'f> Operation<'a, 'f> {
    pub(crate) fn new(
        instruction: &'a Instruction,
        scope: ScopeId,
        frame: &'f mut Frame<'a>,
    ) -> Self {
        Self {
            instruction,
            modifiers: &instruction.modifiers,
            scope,
            frame,
        }
    }

    /// The opcode with its modifiers, as written.
    pub(crate) fn name(&self) -> String {
        std::iter::once(&self.instruction.opcode)
            .chain(&self.instruction.modifiers)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(".")
    }

    /// An error about this instruction.
    pub(crate) fn error(&self, message: impl std::fmt::Display) -> PtxError {
        PtxError::new(
            self.instruction.position,
            format!("`{}`: {message}", self.name()),
        )
    }

    /// The error for an opcode or a combination of modifiers that is not known.
    pub(crate) fn unknown(&self) -> PtxError {
        self.error("this instruction is not known")
    }

    /// The modifier that comes next.
    pub(crate) fn peek(&self) -> Option<&'a str> {
        self.modifiers.first().map(String::as_str)
    }

    /// Takes the next modifier, whatever it is.
    pub(crate) fn take(&mut self) -> Option<&'a str> {
        let (first, rest) = self.modifiers.split_first()?;
        self.modifiers = rest;
        Some(first)
    }

    /// Takes the next modifier if it is this one.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let found = self.peek() == Some(name);
        if found {
            self.take();
        }
        found
    }

    /// Takes the next modifier if the table has it.
    pub(crate) fn choice<T: Copy>(&mut self, table: &[(&str, T)]) -> Option<T> {
        let next = self.peek()?;
        let &(_, value) = table.iter().find(|(name, _)| *name == next)?;
        self.take();
        Some(value)
    }

    /// Takes the next modifier, which must be a type.
    pub(crate) fn ty(&mut self) -> Result<Type, PtxError> {
        let ty = self.peek().and_then(Type::from_name);
        let ty = ty.ok_or_else(|| match self.peek() {
            Some(other) => self.error(format!("expected a type, found `.{other}`")),
            None => self.error("a type is missing"),
        })?;
        self.take();
        Ok(ty)
    }

    /// Checks that all modifiers were taken, and the number of operands.
    pub(crate) fn finish(
        &self,
        operands: impl std::ops::RangeBounds<usize> + std::fmt::Debug,
    ) -> Result<(), PtxError> {
        if let Some(next) = self.peek() {
            return Err(self.error(format!("the modifier `.{next}` is not known here")));
        }
        let found = self.instruction.operands.len();
        if !operands.contains(&found) {
            return Err(self.error(format!("takes {operands:?} operands, found {found}")));
        }
        Ok(())
    }

    /// An operand by its place.
    pub(crate) fn operand(&self, index: usize) -> Result<&'a Operand, PtxError> {
        let operands = &self.instruction.operands;
        operands
            .get(index)
            .ok_or_else(|| self.error(format!("operand {} is missing", index + 1)))
    }

    /// Whether there is an operand at this place.
    pub(crate) fn has(&self, index: usize) -> bool {
        index < self.instruction.operands.len()
    }

    /// What a name means here.
    pub(crate) fn symbol(&self, name: &str) -> Result<Symbol<'a>, PtxError> {
        self.frame
            .find(self.scope, name)
            .ok_or_else(|| self.error(format!("`{name}` is not declared")))
    }

    /// The type that the register of an operand was declared with.
    pub(crate) fn register_type(&self, operand: &Operand) -> Result<Type, PtxError> {
        match operand {
            Operand::Name(name) | Operand::Minus(name) | Operand::Not(name) => {
                match self.symbol(name)? {
                    Symbol::Register(register) => Ok(self.frame.register_type(register)),
                    _ => Err(self.error(format!("`{name}` is no register"))),
                }
            }
            _ => Err(self.error("expected a register")),
        }
    }

    /// The operand `index` as a source of this type: a register, a number, or a special register.
    pub(crate) fn src(&mut self, index: usize, ty: Type) -> Result<Slot, PtxError> {
        self.source(self.operand(index)?, ty)
    }

    /// The operand `index` as a destination of this type.
    pub(crate) fn dst(&mut self, index: usize, ty: Type) -> Result<Slot, PtxError> {
        self.destination(self.operand(index)?, ty)
    }

    /// As [`Operation::src`], of any operand. A register of up to 32 bits may be wider than the
    /// type: its low bits count. One that is wider still has to be read as what it is.
    pub(crate) fn source(&mut self, operand: &'a Operand, ty: Type) -> Result<Slot, PtxError> {
        match operand {
            Operand::Name(name) => match self.symbol(name)? {
                Symbol::Register(register) => {
                    let declared = self.frame.register_type(register);
                    let rows = |ty: Type| ty.size().div_ceil(4);
                    let differs = rows(declared) != rows(ty) || declared.size() < ty.size();
                    if declared == Type::Pred || differs {
                        return Err(self.error(format!(
                            "the register `{name}` is {declared}, expected {ty}"
                        )));
                    }
                    Ok(self.frame.read(register))
                }
                Symbol::Special(special) => {
                    Ok(self.frame.constant(Constant::Special(special), ty.size()))
                }
                Symbol::Address(address, space) => Ok(self.address(address, space, ty)),
                _ => Err(self.error(format!("`{name}` is no register"))),
            },
            Operand::Offset(name, offset) => match self.symbol(name)? {
                Symbol::Address(address, space) => {
                    Ok(self.address(address.wrapping_add_signed(*offset), space, ty))
                }
                _ => Err(self.error(format!("`{name}` has no address that is known"))),
            },
            Operand::Literal(literal) => {
                let bits = self.literal(*literal, ty)?;
                Ok(self.frame.constant(Constant::Bits(bits), ty.size()))
            }
            _ => Err(self.error(format!("expected a register or a number of type {ty}"))),
        }
    }

    /// The address of a variable.
    fn address(&mut self, address: u64, space: Space, ty: Type) -> Slot {
        let constant = match space {
            Space::Shared => Constant::Shared(address),
            _ => Constant::Bits(address.into()),
        };
        self.frame.constant(constant, ty.size())
    }

    /// As [`Operation::dst`], of any operand.
    pub(crate) fn destination(&mut self, operand: &'a Operand, ty: Type) -> Result<Slot, PtxError> {
        match operand {
            Operand::Name(name) => match self.symbol(name)? {
                Symbol::Register(register) => {
                    let declared = self.frame.register_type(register);
                    // A row holds 32 bits, zero-extended: what is narrower may go to any of it.
                    let rows = |ty: Type| ty.size().div_ceil(4);
                    if declared == Type::Pred || rows(declared) != rows(ty) {
                        return Err(self.error(format!(
                            "the register `{name}` is {declared}, expected {ty}"
                        )));
                    }
                    Ok(self.frame.write(register))
                }
                _ => Err(self.error(format!("`{name}` is no register"))),
            },
            Operand::Discard => Ok(self.frame.scratch(ty.size())),
            _ => Err(self.error(format!("expected a register of type {ty}"))),
        }
    }

    /// The bits of a number as this type.
    pub(crate) fn literal(&self, literal: Literal, ty: Type) -> Result<u128, PtxError> {
        let bits = match (literal, ty) {
            (Literal::Single(bits), Type::F64) => f64::from(f32::from_bits(bits)).to_bits(),
            (Literal::Single(bits), _) => bits.into(),
            // A decimal fraction is a double to the parser.
            (Literal::Double(bits), Type::F32) => (f64::from_bits(bits) as f32).to_bits().into(),
            (Literal::Double(bits), _) if ty.size() < 8 => {
                return Err(self.error(format!(
                    "the double {} is no value of type {ty}",
                    f64::from_bits(bits)
                )));
            }
            (Literal::Double(bits), _) => bits,
            (Literal::Integer(value), Type::F32) => (value as i64 as f32).to_bits().into(),
            (Literal::Integer(value), Type::F64) => (value as i64 as f64).to_bits(),
            (Literal::Integer(value), _) => value,
        };
        Ok(match ty.size() {
            1 => bits & 0xff,
            2 => bits & 0xffff,
            4 => bits & 0xffff_ffff,
            _ => bits,
        }
        .into())
    }

    /// The predicate that an operand reads: `%p`, `!%p`, or a number.
    pub(crate) fn src_predicate(&mut self, index: usize) -> Result<PredicateSource, PtxError> {
        let operand = self.operand(index)?;
        let (name, negated) = match operand {
            Operand::Name(name) => (name, false),
            Operand::Not(name) => (name, true),
            Operand::Literal(Literal::Integer(value)) => {
                return Ok(PredicateSource {
                    slot: self.frame.false_predicate(),
                    negated: *value != 0,
                });
            }
            _ => return Err(self.error("expected a predicate")),
        };
        self.guard(name, negated)
    }

    /// The predicate register of this name, as a source.
    pub(crate) fn guard(&mut self, name: &str, negated: bool) -> Result<PredicateSource, PtxError> {
        match self.symbol(name)? {
            Symbol::Register(register) if self.frame.register_type(register) == Type::Pred => {
                Ok(PredicateSource {
                    slot: self.frame.read_predicate(register),
                    negated,
                })
            }
            Symbol::Special(Special::IsExplicitCluster) => Ok(PredicateSource {
                slot: self.frame.cluster_predicate(),
                negated,
            }),
            _ => Err(self.error(format!("`{name}` is no predicate"))),
        }
    }

    /// Notes that asynchronous products use the register of this name.
    pub(crate) fn product_register(
        &mut self,
        name: &str,
        is_written: bool,
    ) -> Result<ProductRegister, PtxError> {
        match self.symbol(name)? {
            Symbol::Register(register) => Ok(self.frame.note_product(register, name, is_written)),
            _ => Err(self.error(format!("`{name}` is no register"))),
        }
    }

    /// The predicate that an operand writes; `_` is one that nobody reads.
    pub(crate) fn dst_predicate(
        &mut self,
        operand: &'a Operand,
    ) -> Result<PredicateSlot, PtxError> {
        match operand {
            Operand::Name(name) => match self.symbol(name)? {
                Symbol::Register(register) if self.frame.register_type(register) == Type::Pred => {
                    Ok(self.frame.write_predicate(register))
                }
                _ => Err(self.error(format!("`{name}` is no predicate"))),
            },
            Operand::Discard => Ok(self.frame.scratch_predicate()),
            _ => Err(self.error("expected a predicate")),
        }
    }
}
