//! A warp: its lanes in groups that are at the same instruction.
//!
//! Since Volta each thread has its own program counter. Here the lanes that are at the same
//! instruction, in the same call, form a [`Group`] and run together. Usually the group that is
//! furthest behind runs, so that groups meet again where their paths join; after a random number
//! of steps another group gets its turn, so that lanes that wait for each other make progress.

use std::sync::Arc;

use super::{ALL, Access, LANES, LocalMemory, Mask, Random, RegisterStep, Registers, Slot};

/// A call that a group is in.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct CallFrame {
    /// The step that called.
    pub(crate) caller: u32,
    /// The number of the function that was called.
    pub(crate) function: u32,
    /// Where the caller's registers and local memory begin.
    pub(crate) frame: usize,
    pub(crate) predicate_frame: usize,
    pub(crate) local: u32,
    pub(crate) local_end: u32,
    /// The calls around this one.
    pub(crate) depth: u32,
    pub(crate) parent: Option<Arc<CallFrame>>,
}

/// What a group waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Waiting {
    /// Nothing: it can run.
    No,
    /// The barrier of this number.
    Barrier(u32),
    /// The barrier of the cluster.
    Cluster,
    /// Registers, or the rest of the warp.
    Registers(RegisterStep),
    /// A phase of an mbarrier.
    Phase,
    /// The other warps of the warpgroup: until they have run as many of its instructions.
    Warpgroup { count: usize },
    /// The other lanes of a mask.
    Lanes {
        members: Mask,
        /// Whether they must be at the same step, for they exchange data there.
        same_step: bool,
    },
}

/// Lanes that are at the same instruction.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) mask: Mask,
    /// The step that comes next, or that the group waits at.
    pub(crate) pc: u32,
    pub(crate) waiting: Waiting,
    pub(crate) frame: usize,
    pub(crate) predicate_frame: usize,
    /// Where the function's frame of local memory begins and ends, in bytes.
    pub(crate) local: u32,
    pub(crate) local_end: u32,
    pub(crate) stack: Option<Arc<CallFrame>>,
}

impl Group {
    pub(crate) fn depth(&self) -> u32 {
        self.stack.as_ref().map_or(0, |frame| frame.depth)
    }

    /// Whether the two wait for the same lanes, and at the same step if that matters.
    pub(crate) fn waits_with(&self, other: &Self) -> bool {
        let same = self.pc == other.pc && self.stack == other.stack;
        match self.waiting {
            Waiting::Lanes { same_step, .. } => {
                self.waiting == other.waiting && (same || !same_step)
            }
            _ => false,
        }
    }

    /// Whether the two can run as one.
    fn meets(&self, other: &Self) -> bool {
        self.pc == other.pc && self.waiting == other.waiting && self.stack == other.stack
            // A dynamic allocation on the stack moves its end.
            && self.local_end == other.local_end
    }
}

/// What a `.sync` instruction does once all lanes of its mask have come.
pub(crate) struct Converge {
    /// The register of the mask.
    pub(crate) members: Slot,
    /// Whether memory accesses before it are ordered before those behind it.
    pub(crate) orders_memory: bool,
    /// Exchanges data between the lanes that have come.
    pub(crate) exchange: Option<Access>,
}

/// How many steps the groups of a warp that are behind may take while steps are counted, before any
/// group gets a turn.
const PATIENCE: u32 = 1 << 14;

/// A warp.
#[derive(Debug, Default)]
pub(crate) struct Warp {
    /// The rank of its block in the cluster.
    pub(crate) rank: u32,
    /// The lanes that hold a thread of the block.
    pub(crate) lanes: Mask,
    /// The lanes whose thread has ended.
    pub(crate) exited: Mask,
    pub(crate) groups: Vec<Group>,
    pub(crate) registers: Registers,
    pub(crate) local: LocalMemory,
    /// The steps that used up a group's share since any group had a turn, while steps are counted.
    waited: u32,
}

impl Warp {
    /// A warp without threads, of the block of this rank.
    pub(crate) fn new(rank: u32) -> Self {
        Self {
            rank,
            ..Self::default()
        }
    }

    /// Adds to the steps that other groups have waited for; says whether that is enough, and begins
    /// anew then.
    pub(crate) fn is_overdue(&mut self, steps: u32) -> bool {
        self.waited += steps;
        let is_overdue = self.waited > PATIENCE;
        if is_overdue {
            self.waited = 0;
        }
        is_overdue
    }

    /// The lanes whose threads still live.
    pub(crate) fn alive(&self) -> Mask {
        self.lanes & !self.exited
    }

    /// Whether a group can run.
    pub(crate) fn is_ready(&self) -> bool {
        self.groups.iter().any(|group| group.waiting == Waiting::No)
    }

    /// Takes out the group that runs next: the one furthest behind, or at times any.
    pub(crate) fn choose(&mut self, random: Option<&mut Random>) -> Option<Group> {
        let ready = |group: &Group| group.waiting == Waiting::No;
        let count = self.groups.iter().filter(|group| ready(group)).count();
        let mut candidates = self.groups.iter().enumerate().filter(|(_, g)| ready(g));
        let (index, _) = match random {
            Some(random) if count > 1 => candidates.nth(random.below(count as u32) as usize)?,
            _ => candidates.min_by_key(|(_, group)| (u32::MAX - group.depth(), group.pc))?,
        };
        Some(self.groups.swap_remove(index))
    }

    /// The next step at which a group may meet another.
    pub(crate) fn meeting(&self, group: &Group) -> u32 {
        let depth = group.depth();
        self.groups
            .iter()
            .filter(|other| {
                other.waiting == Waiting::No && other.pc > group.pc && other.depth() == depth
            })
            .map(|other| other.pc)
            .min()
            .unwrap_or(u32::MAX)
    }

    /// Puts a group back, together with one that it meets.
    pub(crate) fn put(&mut self, group: Group) {
        if group.mask == 0 {
            return;
        }
        match self.groups.iter_mut().find(|other| other.meets(&group)) {
            Some(other) => other.mask |= group.mask,
            None => self.groups.push(group),
        }
    }
}

/// The mask of a block's last warp, or of any other.
pub(crate) fn lanes_of(warp: u32, threads: u32) -> Mask {
    let rest = threads.saturating_sub(warp * LANES as u32);
    if rest >= LANES as u32 {
        ALL
    } else {
        (1 << rest) - 1
    }
}
