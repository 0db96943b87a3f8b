//! The shared memory of a block, and what is known of the order of its threads' accesses.

use std::sync::Arc;

use super::context::LaunchState;
use super::copies::Copies;
use super::mbarrier::Mbarriers;
use super::{Mask, Warpgroups};
use crate::check::{Arrivals, Clock, SharedShadow, Written};

/// The shared memory of a block.
pub(crate) struct SharedMemory {
    pub(crate) bytes: Vec<u8>,
    /// First and last offset, exclusively, of each variable and of what the launch adds.
    variables: Vec<(u64, u64)>,
    /// Which bytes were written, if that is checked.
    pub(crate) written: Option<Written>,
    /// Who accessed which bytes, if races in shared memory are checked.
    pub(crate) shadow: Option<SharedShadow>,
    /// What happened before what, if any races are checked.
    pub(crate) clock: Option<Clock>,
    /// The asynchronous copies that go on.
    pub(crate) copies: Copies,
    /// The barriers that lie in it.
    pub(crate) mbarriers: Mbarriers,
    /// The warps that multiply together.
    pub(crate) warpgroups: Warpgroups,
}

impl SharedMemory {
    /// The memory of block number `block`.
    pub(crate) fn new(launch: &LaunchState<'_>, block: u32) -> Self {
        let layout = launch.kernel.shared();
        let mut variables: Vec<_> = layout
            .variables
            .iter()
            .map(|variable| (variable.offset, variable.size))
            .collect();
        let dynamic = launch.dynamic_shared;
        if dynamic > 0 {
            variables.push((layout.dynamic_offset(), dynamic));
        }
        let variables: Vec<_> = variables
            .into_iter()
            .map(|(offset, size)| (u64::from(offset), u64::from(offset) + u64::from(size)))
            .collect();
        let size = variables.last().map_or(0, |&(_, end)| end as usize);
        let checks = launch.checks;
        let written = (checks.initialization && size > 0).then(|| {
            let mut written = Written::default();
            written.start(size);
            written
        });
        let shadow = (checks.shared_races && size > 0).then(|| {
            let mut shadow = SharedShadow::default();
            shadow.start(size);
            shadow
        });
        let clock = (checks.shared_races || checks.global_races)
            .then(|| Clock::new(Arc::clone(&launch.releases), block, launch.threads()));
        Self {
            // What nobody wrote is a NaN, so that using it shows.
            bytes: vec![0xff; size],
            variables,
            written,
            shadow,
            clock,
            copies: Copies::default(),
            mbarriers: Mbarriers::default(),
            warpgroups: Warpgroups::default(),
        }
    }

    /// Whether all bytes from `start` to `end` belong to one variable.
    #[inline(always)]
    pub(crate) fn contains(&self, start: u64, end: u64) -> bool {
        self.variables
            .iter()
            .any(|&(first, last)| first <= start && end <= last && start <= end)
    }

    /// All threads of the block have come to a barrier.
    pub(crate) fn synchronize_all(&mut self) {
        if let Some(clock) = &mut self.clock {
            clock.barrier();
        }
        self.settle_copies();
    }

    /// Lanes come to a barrier of some threads of the block.
    pub(crate) fn arrive(&mut self, arrivals: &mut Arrivals, warp: usize, mask: Mask) {
        if let Some(clock) = &mut self.clock {
            clock.arrive(arrivals, warp, mask);
        }
    }

    /// Lanes leave a barrier of some threads of the block.
    pub(crate) fn leave(&mut self, arrivals: &Arrivals, warp: usize, mask: Mask) {
        if let Some(clock) = &mut self.clock {
            clock.leave(arrivals, warp, mask);
        }
    }

    /// Lanes of a warp have waited for each other.
    pub(crate) fn synchronize_lanes(&mut self, warp: usize, mask: Mask, ended: Mask) {
        if let Some(clock) = &mut self.clock {
            clock.sync_warp(warp, mask, ended);
        }
    }
}
