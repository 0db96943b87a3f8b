//! The barriers of a block.

use super::{Mask, PredicateSlot, Slot};
use crate::check::Arrivals;
use crate::program::PredicateSource;

/// The barriers that a block has.
pub(crate) const BARRIERS: usize = 16;

/// What `bar.red` makes of the predicates of all threads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reduction {
    /// How many are true.
    Count(Slot),
    /// Whether all are.
    And(PredicateSlot),
    /// Whether any is.
    Or(PredicateSlot),
}

/// `bar` and `barrier`.
#[derive(Debug)]
pub(crate) struct BarrierStep {
    /// The barrier's number.
    pub(crate) id: Slot,
    /// The threads that it waits for: all of the block without one.
    pub(crate) count: Option<Slot>,
    /// Whether the thread goes on without waiting.
    pub(crate) arrives_only: bool,
    /// Whether all threads of a warp have to be at the same instruction.
    pub(crate) aligned: bool,
    /// What to make of a predicate.
    pub(crate) reduction: Option<(Reduction, PredicateSource)>,
}

/// A barrier, between two times that it opens.
#[derive(Clone, Default)]
pub(crate) struct Barrier {
    /// The lanes of each warp that have come.
    pub(crate) arrived: Vec<Mask>,
    /// Those of them that wait.
    pub(crate) waiting: Vec<Mask>,
    /// The threads that it waits for, if the instruction says how many.
    pub(crate) count: Option<u32>,
    /// How many predicates were true.
    pub(crate) votes: u32,
    /// What the threads that have come know of each other, if not all of the block come.
    pub(crate) arrivals: Arrivals,
    /// The first thread that came, and the step at which it did.
    pub(crate) first: Option<(u32, u32)>,
}

impl Barrier {
    pub(crate) fn new(warps: usize) -> Self {
        Self {
            arrived: vec![0; warps],
            waiting: vec![0; warps],
            ..Self::default()
        }
    }

    /// Closes the barrier again.
    pub(crate) fn reset(&mut self) {
        self.arrived.fill(0);
        self.waiting.fill(0);
        self.count = None;
        self.votes = 0;
        self.arrivals = Arrivals::default();
        self.first = None;
    }

    /// The threads that have come.
    pub(crate) fn threads(&self) -> u32 {
        self.arrived.iter().map(|mask| mask.count_ones()).sum()
    }
}
