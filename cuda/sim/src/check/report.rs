//! What the simulator found, in words that a person can act on.

use std::fmt;

use crate::memory::Whereabouts;

/// What kind of error was found.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// An access to memory that belongs to no allocation or variable, or only in part.
    OutOfBounds,
    /// An access through a null pointer, or close to one.
    NullPointer,
    /// An access to memory that was freed.
    UseAfterFree,
    /// An access whose address is no multiple of its size.
    Misaligned,
    /// A store to constant memory, or to a kernel's parameters.
    ConstantWrite,
    /// An address outside of the state space that the instruction is for.
    WrongSpace,
    /// A kernel frees what is no allocation of its heap, or was freed already.
    InvalidFree,
    /// An allocation that was still there at the end.
    Leak,
    /// A read of bytes of global memory that nothing was written to.
    UninitializedGlobal,
    /// A read of bytes of shared memory that nothing was written to.
    UninitializedShared,
    /// A read of bytes of local memory that nothing was written to.
    UninitializedLocal,
    /// Two accesses to shared memory, at least one a write, that nothing orders.
    SharedRace,
    /// Two accesses to global memory, at least one a write, that nothing orders.
    GlobalRace,
    /// An access to the shared memory of another block of the cluster which that block does not wait for
    /// before it ends.
    EndedBlock,
    /// What threads have written is read by a bulk copy or `wgmma`, with no `fence.proxy.async` between.
    ProxyFence,
    /// A barrier that threads of the block never reach, because they have ended.
    BarrierNotReached,
    /// Threads at a barrier do not agree: on the number of threads, or on the instruction.
    BarrierMismatch,
    /// A warp-level instruction whose mask lacks the caller, or names other lanes than its partners.
    WarpMask,
    /// A barrier in shared memory that is used before it is initialized, twice initialized, overwritten,
    /// or told of more arrivals than it waits for.
    MbarrierMisuse,
    /// A register of an asynchronous product that is accessed before the product was waited for, or without
    /// a fence; a warpgroup that is not whole, or whose warps do not run the same.
    WgmmaMisuse,
    /// All threads of a block wait, and none can go on.
    Deadlock,
    /// The launch took more steps than it may.
    StepLimit,
    /// Calls and local variables need more than a thread's stack.
    StackOverflow,
    /// `trap`, as a panic of a Rust kernel ends in.
    Trap,
    /// A failed `assert` of a CUDA C++ kernel.
    Assertion,
    /// A call of what is no function, or of one with another signature.
    InvalidCall,
    /// An instruction with operands that it does not allow.
    InvalidInstruction,
}

impl Kind {
    /// Whether the launch ends there, and the context is lost, as on a GPU.
    pub fn is_fault(self) -> bool {
        use Kind::*;
        !matches!(
            self,
            InvalidFree
                | Leak
                | UninitializedGlobal
                | UninitializedShared
                | UninitializedLocal
                | SharedRace
                | GlobalRace
                | EndedBlock
                | ProxyFence
                | BarrierNotReached
                | BarrierMismatch
                | WarpMask
                | WgmmaMisuse
        )
    }

    /// What it is, in a few words.
    fn title(self) -> &'static str {
        use Kind::*;
        match self {
            OutOfBounds => "access out of bounds",
            NullPointer => "access through a null pointer",
            UseAfterFree => "access to freed memory",
            Misaligned => "misaligned access",
            ConstantWrite => "write to constant memory",
            WrongSpace => "address in the wrong state space",
            InvalidFree => "invalid free",
            Leak => "memory leak",
            UninitializedGlobal => "read of uninitialized global memory",
            UninitializedShared => "read of uninitialized shared memory",
            UninitializedLocal => "read of uninitialized local memory",
            SharedRace => "race in shared memory",
            GlobalRace => "race in global memory",
            EndedBlock => "shared memory of a block that may have ended",
            ProxyFence => "missing fence between proxies",
            BarrierNotReached => "barrier that not all threads reach",
            BarrierMismatch => "threads disagree about a barrier",
            WarpMask => "wrong mask of a warp-level instruction",
            MbarrierMisuse => "misuse of an mbarrier",
            WgmmaMisuse => "misuse of wgmma",
            Deadlock => "deadlock",
            StepLimit => "step limit exceeded",
            StackOverflow => "stack overflow",
            Trap => "trap",
            Assertion => "assertion failed",
            InvalidCall => "invalid call",
            InvalidInstruction => "invalid instruction",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// A line of the program that the PTX was compiled from, as `.loc` names it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct SourceLine {
    /// The path of the file, as the compiler wrote it.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The column, counted from 1; 0 if it is not known.
    pub column: u32,
}

impl fmt::Display for SourceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        Ok(())
    }
}

/// An instruction of a program.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Place {
    /// The line of the PTX, counted from 1.
    pub ptx_line: u32,
    /// That line.
    pub ptx: String,
    /// The line that it was compiled from, if the PTX says so.
    pub source: Option<SourceLine>,
    /// Where the function around that line was called, and so on outwards: what was inlined, and for
    /// the thread that caused a report also the calls that it is in.
    pub calls: Vec<SourceLine>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            write!(f, "{source}")?;
            for call in &self.calls {
                write!(f, "\n    in {call}")?;
            }
            f.write_str("\n    ")?;
        }
        write!(f, "PTX line {}: {}", self.ptx_line, self.ptx)
    }
}

/// A thread at an instruction.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Party {
    /// `blockIdx`
    pub block: [u32; 3],
    /// `threadIdx`
    pub thread: [u32; 3],
    /// What it did: `reads`, `writes`.
    pub action: &'static str,
    /// Where.
    pub place: Place,
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([bx, by, bz], [x, y, z]) = (self.block, self.thread);
        write!(f, "thread ({x}, {y}, {z}) of block ({bx}, {by}, {bz})")
    }
}

/// An error that was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    /// What kind of error.
    pub kind: Kind,
    /// The kernel; empty for what no kernel did.
    pub kernel: String,
    /// Who caused it, and where.
    pub party: Option<Party>,
    /// What happened, as a sentence.
    pub message: String,
    /// The address, if it is about one: in its state space for shared and local memory.
    pub address: Option<u64>,
    /// What is known of the address in global memory.
    pub whereabouts: Option<Whereabouts>,
    /// The other thread of a race.
    pub other: Option<Party>,
    /// The seed of the schedule, by which the same launch repeats.
    pub seed: u64,
    /// How often the same was found: the same kind, at the same instructions.
    pub count: u64,
}

impl Report {
    /// The same, of a thread that is in functions which were called at these lines.
    pub(crate) fn within(mut self, callers: Vec<SourceLine>) -> Self {
        if let Some(party) = &mut self.party {
            party.place.calls.extend(callers);
        }
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if !self.kernel.is_empty() {
            write!(f, " in kernel {}", self.kernel)?;
        }
        if let Some(party) = &self.party {
            write!(f, ", {party}")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(whereabouts) = &self.whereabouts {
            write!(f, "\n  address: {whereabouts}")?;
        }
        if let Some(party) = &self.party {
            write!(f, "\n  at {}", party.place)?;
        }
        if let Some(other) = &self.other {
            write!(f, "\n  {other} {} it\n  at {}", other.action, other.place)?;
        }
        if self.count > 1 {
            write!(f, "\n  {} times; this is the first", self.count)?;
        }
        if !self.kernel.is_empty() {
            write!(f, "\n  seed {}", self.seed)?;
        }
        Ok(())
    }
}
