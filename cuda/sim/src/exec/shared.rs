//! The shared memory of a cluster's blocks, and what is known of the order of its threads' accesses.

use std::ops::Range;
use std::sync::Arc;

use super::context::LaunchState;
use super::copies::Copies;
use super::mbarrier::Mbarriers;
use super::{ALL, Mask, Warpgroups};
use crate::check::{Arrivals, Clock, SHADOW_CHUNK, SharedShadow, Written};

/// An address of shared memory has the rank of its block in the bits from this one on, as it has on the
/// hardware, and the offset in the memory of that block below.
const RANK_SHIFT: u32 = 24;

/// Where the addresses of a block's shared memory begin.
pub(crate) fn block_base(rank: u32) -> u64 {
    u64::from(rank) << RANK_SHIFT
}

/// The rank of the block that an address of shared memory is for, and the offset in its memory.
pub(crate) fn rank_and_offset(address: u64) -> (u64, u64) {
    (address >> RANK_SHIFT, address & (block_base(1) - 1))
}

/// The bytes from one block's memory to the next one's, where they are kept without the gaps that there
/// are between their addresses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stride(u64);

impl Stride {
    /// Where the byte of an address is kept.
    #[inline(always)]
    pub(crate) fn index(self, address: u64) -> usize {
        let (rank, offset) = rank_and_offset(address);
        (rank * self.0 + offset) as usize
    }
}

/// The shared memory of a cluster's blocks.
pub(crate) struct SharedMemory {
    bytes: Vec<u8>,
    stride: Stride,
    /// The blocks of the cluster.
    pub(crate) blocks: u32,
    /// First and last offset, exclusively, of each variable and of what the launch adds, in a block.
    variables: Vec<(u64, u64)>,
    /// The thread that ended last of each block that has ended, and the step at which it did.
    pub(crate) ended: Vec<Option<(u32, u32)>>,
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
    /// The memory of cluster number `cluster`.
    pub(crate) fn new(launch: &LaunchState<'_>, cluster: u32) -> Self {
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
        let blocks = launch.blocks();
        let last = variables.last().map_or(0, |&(_, end)| end);
        // What a word of a shadow is for lies in one block.
        let stride = match blocks {
            1 => last,
            _ => last.next_multiple_of(SHADOW_CHUNK as u64),
        };
        let size = (stride * u64::from(blocks)) as usize;
        let stride = Stride(stride);
        let checks = launch.checks;
        let written = (checks.initialization && size > 0).then(|| {
            let mut written = Written::new(stride);
            written.start(size);
            written
        });
        let shadow = (checks.shared_races && size > 0).then(|| {
            let mut shadow = SharedShadow::new(stride);
            shadow.start(size);
            shadow
        });
        let clock = (checks.shared_races || checks.global_races).then(|| {
            Clock::new(
                Arc::clone(&launch.releases),
                cluster,
                blocks * launch.warps(),
            )
        });
        Self {
            // What nobody wrote is a NaN, so that using it shows.
            bytes: vec![0xff; size],
            stride,
            blocks,
            variables,
            ended: vec![None; blocks as usize],
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
        let in_first = |start: u64, end: u64| {
            self.variables
                .iter()
                .any(|&(first, last)| first <= start && end <= last && start <= end)
        };
        in_first(start, end) || {
            let (rank, offset) = rank_and_offset(start);
            self.blocks > 1
                && rank < u64::from(self.blocks)
                && in_first(offset, end.wrapping_sub(start - offset))
        }
    }

    /// Bytes that belong to a variable.
    #[inline(always)]
    pub(crate) fn bytes(&self, address: u64, count: usize) -> &[u8] {
        let at = self.stride.index(address);
        &self.bytes[at..at + count]
    }

    /// The same, to change them.
    #[inline(always)]
    pub(crate) fn bytes_mut(&mut self, address: u64, count: usize) -> &mut [u8] {
        let at = self.stride.index(address);
        &mut self.bytes[at..at + count]
    }

    /// The first and last address, exclusively, of each variable of a block.
    pub(crate) fn variables(&self, rank: u32) -> Vec<(u64, u64)> {
        let base = block_base(rank);
        let variables = self.variables.iter();
        variables
            .map(|&(first, last)| (base + first, base + last))
            .collect()
    }

    /// All threads of a block have come to a barrier: those of the warps with these numbers.
    pub(crate) fn synchronize(&mut self, warps: Range<usize>) {
        if self.blocks > 1 {
            let mut arrivals = Arrivals::default();
            for warp in warps.clone() {
                self.arrive(&mut arrivals, warp, ALL);
            }
            for warp in warps {
                self.leave(&arrivals, warp, ALL);
            }
            return;
        }
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

    /// The same, where only what came before a fence counts.
    pub(crate) fn arrive_relaxed(&mut self, arrivals: &mut Arrivals, warp: usize, mask: Mask) {
        if let Some(clock) = &self.clock {
            clock.arrive_relaxed(arrivals, warp, mask);
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
