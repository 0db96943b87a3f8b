//! Operands in brackets.

use crate::exec::{AccessSpace, Context, LANES, Lane, Slot};
use crate::program::{Operation, Symbol};
use crate::ptx::{Literal, Operand, PtxError, Space, Type};

/// What an address is counted from.
#[derive(Clone, Copy, Debug)]
enum Base {
    /// A register of 64 bits.
    Wide(Slot),
    /// A register of 32 bits.
    Narrow(Slot),
    /// A number.
    Fixed(u64),
    /// An offset in the shared memory of the thread's block.
    Shared(u64),
    /// The function's frame of local memory.
    Frame(u32),
}

/// An address, as an instruction gives it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address {
    base: Base,
    offset: i64,
    /// The space that the operand itself says: a parameter of a function lies in local memory.
    pub(super) space: Option<AccessSpace>,
}

impl Address {
    /// Decodes an operand in brackets, or without them as `mov` and `cvta` have it.
    pub(super) fn decode(
        operation: &mut Operation<'_, '_>,
        index: usize,
    ) -> Result<Self, PtxError> {
        let operand = operation.operand(index)?;
        match operand {
            Operand::Address { base, offset, rest } if rest.is_empty() => {
                Self::of(operation, base, *offset)
            }
            Operand::Address { .. } => Err(operation.error("expected one address in the brackets")),
            _ => Err(operation.error("expected an address in brackets")),
        }
    }

    pub(super) fn of(
        operation: &mut Operation<'_, '_>,
        base: &Operand,
        offset: i64,
    ) -> Result<Self, PtxError> {
        let (base, space) = match base {
            Operand::Literal(Literal::Integer(address)) => (Base::Fixed(*address), None),
            Operand::Name(name) => match operation.symbol(name)? {
                Symbol::Register(register) => match operation.frame.register_type(register) {
                    Type::B64 | Type::U64 | Type::S64 => {
                        (Base::Wide(operation.frame.read(register)), None)
                    }
                    Type::B32 | Type::U32 | Type::S32 => {
                        (Base::Narrow(operation.frame.read(register)), None)
                    }
                    other => {
                        return Err(operation.error(format!(
                            "the address register `{name}` is {other}, expected one of 32 or 64 bits"
                        )));
                    }
                },
                Symbol::Address(address, space) => {
                    let (base, space) = match space {
                        Space::Shared => (Base::Shared(address), AccessSpace::Shared),
                        Space::Const => (Base::Fixed(address), AccessSpace::Const),
                        _ => (Base::Fixed(address), AccessSpace::Global),
                    };
                    (base, Some(space))
                }
                Symbol::Local(offset, _) => (Base::Frame(offset), Some(AccessSpace::Local)),
                Symbol::Parameter(offset) => {
                    (Base::Fixed(offset.into()), Some(AccessSpace::Parameter))
                }
                _ => return Err(operation.error(format!("`{name}` has no address"))),
            },
            _ => return Err(operation.error("expected a register or a variable in the brackets")),
        };
        Ok(Self {
            base,
            offset,
            space,
        })
    }

    /// The generic address in every lane: of a variable, that in the window of its space.
    pub(super) fn generic(&self, context: &Context<'_, '_>) -> [u64; LANES] {
        let window = self.space.map_or(0, AccessSpace::window);
        self.get(context)
            .map(|address| address.wrapping_add(window))
    }

    /// The address in every lane.
    #[inline(always)]
    pub(super) fn get(&self, context: &Context<'_, '_>) -> [u64; LANES] {
        let offset = self.offset;
        match self.base {
            Base::Wide(slot) => {
                u64::read(context.registers, slot).map(|base| base.wrapping_add_signed(offset))
            }
            Base::Narrow(slot) => u32::read(context.registers, slot)
                .map(|base| u64::from(base).wrapping_add_signed(offset)),
            Base::Fixed(base) => [base.wrapping_add_signed(offset); LANES],
            Base::Shared(base) => [(context.shared_base + base).wrapping_add_signed(offset); LANES],
            Base::Frame(base) => {
                let base = u64::from(context.local_frame) + u64::from(base);
                [base.wrapping_add_signed(offset); LANES]
            }
        }
    }
}

/// Takes the modifier that names a state space, and makes it agree with the address.
pub(super) fn space(operation: &mut Operation<'_, '_>) -> AccessSpace {
    operation
        .choice(&[
            ("global", AccessSpace::Global),
            ("const", AccessSpace::Const),
            ("shared", AccessSpace::Shared),
            ("shared::cta", AccessSpace::Shared),
            ("shared::cluster", AccessSpace::Cluster),
            ("local", AccessSpace::Local),
            ("param", AccessSpace::Parameter),
            ("param::entry", AccessSpace::Parameter),
            ("param::func", AccessSpace::Parameter),
        ])
        .unwrap_or(AccessSpace::Generic)
}
