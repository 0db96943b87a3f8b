//! Calls of functions: arguments, frames, results.

use std::sync::Arc;

use super::warp::{CallFrame, Group, Warp};
use super::{LANES, Mask, Slot, lanes};
use crate::program::{FunctionCode, Kernel};

/// The bytes of stack that a call takes at least, so that endless recursion ends.
const LEAST_FRAME: u32 = 32;

/// Where an argument or a result is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Actual {
    /// In the function's frame of local memory.
    Memory {
        /// Its offset there.
        offset: u32,
        /// Its bytes.
        size: u32,
    },
    /// In a register.
    Register {
        /// Which one.
        slot: Slot,
        /// The bytes of its type.
        size: u32,
    },
}

impl Actual {
    pub(crate) fn size(self) -> u32 {
        match self {
            Self::Memory { size, .. } | Self::Register { size, .. } => size,
        }
    }
}

/// Which function is called.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Callee {
    /// The one of this number.
    Direct(u32),
    /// The one whose address a register holds.
    Indirect(Slot),
}

/// A call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) callee: Callee,
    pub(crate) arguments: Vec<Actual>,
    pub(crate) results: Vec<Actual>,
}

/// Where in registers and local memory a function's frame begins.
#[derive(Clone, Copy, Debug)]
struct Base {
    frame: usize,
    local: u32,
}

/// The row and the place in it of a word of a register, whose rows hold the values of all lanes one
/// after the other.
fn word_of(slot: Slot, size: u32, lane: usize, word: u32) -> (Slot, usize) {
    let index = lane * size.div_ceil(4) as usize + word as usize;
    (Slot(slot.0 + (index / LANES) as u32), index % LANES)
}

impl Warp {
    fn load_actual(&mut self, base: Base, actual: Actual, lane: usize, bytes: &mut Vec<u8>) {
        bytes.clear();
        match actual {
            Actual::Memory { offset, size } => {
                bytes.resize(size as usize, 0);
                self.local.load(lane, base.local + offset, bytes);
            }
            Actual::Register { slot, size } => {
                self.registers.frame = base.frame;
                for word in 0..size.div_ceil(4) {
                    let (slot, lane) = word_of(slot, size, lane, word);
                    bytes.extend(self.registers.row(slot)[lane].to_le_bytes());
                }
                bytes.truncate(size as usize);
            }
        }
    }

    fn store_actual(&mut self, base: Base, actual: Actual, lane: usize, bytes: &[u8]) {
        match actual {
            Actual::Memory { offset, .. } => self.local.store(lane, base.local + offset, bytes),
            Actual::Register { slot, .. } => {
                self.registers.frame = base.frame;
                for (word, chunk) in (0..).zip(bytes.chunks(4)) {
                    let mut bits = [0; 4];
                    bits[..chunk.len()].copy_from_slice(chunk);
                    let (slot, lane) = word_of(slot, bytes.len() as u32, lane, word);
                    self.registers
                        .set_lane(slot, lane, u32::from_le_bytes(bits));
                }
            }
        }
    }

    fn copy(&mut self, mask: Mask, from: Base, source: &[Actual], to: Base, target: &[Actual]) {
        let mut bytes = Vec::new();
        for (&source, &target) in source.iter().zip(target) {
            for lane in lanes(mask) {
                self.load_actual(from, source, lane, &mut bytes);
                self.store_actual(to, target, lane, &bytes);
            }
        }
    }

    /// Moves a group into a function. The group is at the call, and all of its lanes call.
    ///
    /// Fails with a sentence if the function takes other arguments than it is given.
    pub(crate) fn enter(
        &mut self,
        group: &mut Group,
        kernel: &Kernel,
        caller: &FunctionCode,
        call: &Call,
        number: u32,
        stack_limit: u32,
    ) -> Result<(), CallError> {
        let function = kernel
            .function(number)
            .expect("the caller has looked it up");
        let fits = |given: &[Actual], taken: &[Actual]| {
            given.len() == taken.len()
                && given
                    .iter()
                    .zip(taken)
                    .all(|(given, taken)| given.size() == taken.size())
        };
        if !fits(&call.arguments, &function.parameters) || !fits(&call.results, &function.returns) {
            return Err(CallError::Signature);
        }
        let from = Base {
            frame: group.frame,
            local: group.local,
        };
        let to = Base {
            frame: kernel.frame(function, group.depth()),
            local: group.local_end.next_multiple_of(16),
        };
        // A frame takes room even if it has no variables: the return address and registers.
        let bytes = function.local_bytes.max(LEAST_FRAME);
        let end = u64::from(to.local) + u64::from(bytes);
        if end > u64::from(stack_limit) {
            return Err(CallError::StackOverflow { needed: end });
        }
        let end = end as u32;
        self.local.reserve(end);
        self.local.forget(to.local, end, group.mask);
        group.stack = Some(Arc::new(CallFrame {
            caller: group.pc,
            function: number,
            frame: group.frame,
            predicate_frame: group.predicate_frame,
            local: group.local,
            local_end: group.local_end,
            depth: group.depth() + 1,
            parent: group.stack.take(),
        }));
        group.frame = to.frame;
        group.predicate_frame += caller.predicates as usize;
        group.local = to.local;
        group.local_end = end;
        group.pc = function.start;
        self.registers.frame = group.frame;
        self.registers.predicate_frame = group.predicate_frame;
        self.registers
            .reserve(function.rows as usize, function.predicates as usize);
        self.copy(group.mask, from, &call.arguments, to, &function.parameters);
        self.registers.frame = group.frame;
        Ok(())
    }

    /// Moves a group back to behind the call that it is in.
    pub(crate) fn leave(
        &mut self,
        group: &mut Group,
        frame: &CallFrame,
        call: &Call,
        returns: &[Actual],
    ) {
        let from = Base {
            frame: group.frame,
            local: group.local,
        };
        let to = Base {
            frame: frame.frame,
            local: frame.local,
        };
        self.copy(group.mask, from, returns, to, &call.results);
        group.pc = frame.caller + 1;
        group.frame = frame.frame;
        group.predicate_frame = frame.predicate_frame;
        group.local = frame.local;
        group.local_end = frame.local_end;
        group.stack = frame.parent.clone();
        self.registers.frame = group.frame;
        self.registers.predicate_frame = group.predicate_frame;
    }
}

/// Why a function cannot be entered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum CallError {
    /// It takes other arguments, or gives other results.
    Signature,
    /// The stack does not have so many bytes.
    StackOverflow {
        /// The bytes that the stack would need.
        needed: u64,
    },
}
