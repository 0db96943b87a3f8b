//! What the groups of arithmetic ask of an operation: operands of exactly the instruction's size,
//! and modifiers that many share.

use crate::exec::Slot;
use crate::numeric::Rounding;
use crate::program::Operation;
use crate::ptx::{Operand, PtxError, Type};

impl<'a> Operation<'a, '_> {
    /// The operand `index` as a source whose register has the size of the type.
    pub(super) fn input(&mut self, index: usize, ty: Type) -> Result<Slot, PtxError> {
        self.exact_source(self.operand(index)?, ty)
    }

    /// The operand `index` as a destination whose register has the size of the type.
    pub(super) fn output(&mut self, index: usize, ty: Type) -> Result<Slot, PtxError> {
        self.exact_destination(self.operand(index)?, ty)
    }

    /// As [`Operation::input`], of any operand.
    pub(super) fn exact_source(
        &mut self,
        operand: &'a Operand,
        ty: Type,
    ) -> Result<Slot, PtxError> {
        self.check_size(operand, ty)?;
        self.source(operand, ty)
    }

    /// As [`Operation::output`], of any operand.
    pub(super) fn exact_destination(
        &mut self,
        operand: &'a Operand,
        ty: Type,
    ) -> Result<Slot, PtxError> {
        self.check_size(operand, ty)?;
        self.destination(operand, ty)
    }

    /// An error if the operand is a register of another size than the type.
    fn check_size(&self, operand: &'a Operand, ty: Type) -> Result<(), PtxError> {
        let Operand::Name(name) = operand else {
            return Ok(());
        };
        let Ok(declared) = self.register_type(operand) else {
            // A special register, or an error that is found later.
            return Ok(());
        };
        if declared.size() != ty.size() {
            return Err(self.error(format!(
                "the register `{name}` is {declared}, expected {ty}"
            )));
        }
        Ok(())
    }

    /// The destination and one source, all of a type.
    pub(super) fn operands2(&mut self, ty: Type) -> Result<[Slot; 2], PtxError> {
        Ok([self.output(0, ty)?, self.input(1, ty)?])
    }

    /// The destination and two sources, all of a type.
    pub(super) fn operands3(&mut self, ty: Type) -> Result<[Slot; 3], PtxError> {
        Ok([self.output(0, ty)?, self.input(1, ty)?, self.input(2, ty)?])
    }

    /// The destination and three sources, all of a type.
    pub(super) fn operands4(&mut self, ty: Type) -> Result<[Slot; 4], PtxError> {
        let [d, a, b] = self.operands3(ty)?;
        Ok([d, a, b, self.input(3, ty)?])
    }

    /// `.rn`, `.rz`, `.rm` or `.rp`.
    pub(super) fn rounding(&mut self) -> Option<Rounding> {
        self.choice(&[
            ("rn", Rounding::Nearest),
            ("rz", Rounding::Zero),
            ("rm", Rounding::Down),
            ("rp", Rounding::Up),
        ])
    }

    /// As [`Operation::rounding`], of an instruction that must have one.
    pub(super) fn required_rounding(&mut self) -> Result<Rounding, PtxError> {
        self.rounding()
            .ok_or_else(|| self.error("expected a rounding mode: `.rn`, `.rz`, `.rm` or `.rp`"))
    }

    /// The first of the modifiers that is a type.
    pub(super) fn first_type(&self) -> Result<Type, PtxError> {
        let mut types = self.instruction.modifiers.iter();
        types
            .find_map(|name| Type::from_name(name))
            .ok_or_else(|| self.error("a type is missing"))
    }
}
