//! Counts while a launch runs: for each step of a kernel, in a tally that one worker has at a time.

use std::sync::{Mutex, PoisonError};

use super::counters::{Banked, MemoryCounters, SECTOR, SECTORS_PER_LINE, Traffic};
use crate::exec::{AccessSpace, LANES, Mask, lanes};

/// The banks of shared memory, and the bytes that each gives at a time.
const BANKS: usize = 32;
const BANK_BYTES: u64 = 4;

/// What an access does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AccessKind {
    Load,
    Store,
    Atomic,
    /// A copy that the thread does not wait for.
    Copy,
}

/// What one step of a kernel has done.
#[derive(Clone, Debug, Default)]
pub(crate) struct StepTally {
    pub(crate) warps: u64,
    pub(crate) lanes: u64,
    pub(crate) guarded_lanes: u64,
    /// How often the guard held in some lanes of a group and not in others, or lanes took different
    /// ways of a branch by an index.
    pub(crate) splits: u64,
    pub(crate) memory: Option<Box<MemoryCounters>>,
}

/// What the steps of a kernel have done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) steps: Vec<StepTally>,
}

impl Tally {
    /// A step that a group of lanes takes, of which some have a guard that holds.
    #[inline]
    pub(crate) fn step(&mut self, pc: u32, group: Mask, guarded: Mask) {
        let step = &mut self.steps[pc as usize];
        step.warps += 1;
        step.lanes += u64::from(group.count_ones());
        step.guarded_lanes += u64::from(guarded.count_ones());
        step.splits += u64::from(guarded != 0 && guarded != group);
    }

    /// A branch by an index whose lanes go different ways.
    pub(crate) fn split(&mut self, pc: u32) {
        self.steps[pc as usize].splits += 1;
    }

    fn memory(&mut self, pc: u32) -> &mut MemoryCounters {
        self.steps[pc as usize].memory.get_or_insert_default()
    }

    /// An access of as many bytes in each lane, at addresses of its space.
    pub(crate) fn access(
        &mut self,
        pc: u32,
        kind: AccessKind,
        space: AccessSpace,
        mask: Mask,
        addresses: &[u64; LANES],
        bytes: u32,
    ) {
        if mask == 0 {
            return;
        }
        let memory = self.memory(pc);
        match space {
            AccessSpace::Generic | AccessSpace::Global => {
                let traffic = match kind {
                    AccessKind::Load => &mut memory.global.load,
                    AccessKind::Store => &mut memory.global.store,
                    AccessKind::Atomic => &mut memory.global.atomic,
                    AccessKind::Copy => &mut memory.global.copy,
                };
                count_sectors(traffic, mask, addresses, bytes.into());
            }
            AccessSpace::Shared | AccessSpace::Cluster => {
                let banked = match kind {
                    AccessKind::Load => &mut memory.shared.load,
                    AccessKind::Store => &mut memory.shared.store,
                    AccessKind::Atomic => &mut memory.shared.atomic,
                    AccessKind::Copy => &mut memory.shared.copy,
                };
                count_wavefronts(banked, mask, addresses, bytes, kind == AccessKind::Atomic);
            }
            AccessSpace::Local => {
                let local = match kind {
                    AccessKind::Load => &mut memory.local_load,
                    _ => &mut memory.local_store,
                };
                local.requests += 1;
                local.bytes += u64::from(mask.count_ones() * bytes);
            }
            // Each lane's instruction is counted, and caches of their own serve them.
            AccessSpace::Const | AccessSpace::Parameter => {}
        }
    }

    /// A copy in bulk, or of a tensor, of this many bytes of global memory.
    pub(crate) fn bulk(&mut self, pc: u32, kind: AccessKind, bytes: u64) {
        let memory = self.memory(pc);
        let copies = match kind {
            AccessKind::Load => &mut memory.bulk_read,
            _ => &mut memory.bulk_write,
        };
        copies.requests += 1;
        copies.bytes += bytes;
    }

    fn add(&mut self, other: &Self) {
        for (step, other) in self.steps.iter_mut().zip(&other.steps) {
            step.warps += other.warps;
            step.lanes += other.lanes;
            step.guarded_lanes += other.guarded_lanes;
            step.splits += other.splits;
            if let Some(other) = &other.memory {
                *step.memory.get_or_insert_default().as_mut() += other;
            }
        }
    }
}

/// Counts a request to global memory.
fn count_sectors(traffic: &mut Traffic, mask: Mask, addresses: &[u64; LANES], bytes: u64) {
    let mut starts = [0; LANES];
    let mut count = 0;
    for lane in lanes(mask) {
        starts[count] = addresses[lane];
        count += 1;
    }
    let starts = &mut starts[..count];
    starts.sort_unstable();
    let mut sectors = 0;
    let mut lines = 0;
    let mut distinct = 0;
    // Where the bytes, the sectors and the lines that were counted end.
    let (mut end, mut next_sector, mut next_line) = (0, 0, 0);
    for &start in &*starts {
        let last = start.saturating_add(bytes - 1);
        // Of an access out of bounds, which ends the launch, the sum may not exist.
        let behind = last.saturating_add(1);
        distinct += behind.saturating_sub(start.max(end));
        end = end.max(behind);
        let [first_sector, last_sector] = [start, last].map(|address| address / SECTOR);
        sectors += (last_sector + 1).saturating_sub(first_sector.max(next_sector));
        next_sector = next_sector.max(last_sector + 1);
        let [first_line, last_line] = [first_sector, last_sector].map(|s| s / SECTORS_PER_LINE);
        lines += (last_line + 1).saturating_sub(first_line.max(next_line));
        next_line = next_line.max(last_line + 1);
    }
    traffic.requests += 1;
    traffic.lanes += count as u64;
    traffic.bytes += count as u64 * bytes;
    traffic.sectors += sectors;
    traffic.ideal_sectors += distinct.div_ceil(SECTOR);
    traffic.lines += lines;
}

/// Counts a request to shared memory.
///
/// A pass gives each bank one word. Up to 4 bytes a lane, all lanes go through the banks together; of 8
/// bytes, half a warp, of 16, a quarter. Lanes that read the same word share it, as do lanes that write
/// it; atomic updates of one word come one after the other.
fn count_wavefronts(
    banked: &mut Banked,
    mask: Mask,
    addresses: &[u64; LANES],
    bytes: u32,
    is_atomic: bool,
) {
    let words = u64::from(bytes).div_ceil(BANK_BYTES);
    let together = LANES / (words as usize).next_power_of_two().min(LANES);
    for first in (0..LANES).step_by(together) {
        let mut accessed = [0; LANES];
        let mut count = 0;
        for lane in lanes(mask).filter(|lane| (first..first + together).contains(lane)) {
            for word in 0..words {
                accessed[count] = addresses[lane] / BANK_BYTES + word;
                count += 1;
            }
        }
        if count == 0 {
            continue;
        }
        let accessed = &mut accessed[..count];
        accessed.sort_unstable();
        let mut passes = [0_u64; BANKS];
        let mut previous = None;
        for &word in &*accessed {
            if is_atomic || previous != Some(word) {
                passes[word as usize % BANKS] += 1;
            }
            previous = Some(word);
        }
        banked.wavefronts += passes.iter().max().copied().unwrap_or(0);
        banked.ideal_wavefronts += 1;
    }
    banked.requests += 1;
    banked.lanes += u64::from(mask.count_ones());
    banked.bytes += u64::from(mask.count_ones() * bytes);
}

/// The tallies of a launch, one for each worker that runs blocks at the time.
#[derive(Debug)]
pub(crate) struct Tallies {
    steps: usize,
    idle: Mutex<Vec<Tally>>,
}

impl Tallies {
    /// For a kernel of so many steps.
    pub(crate) fn new(steps: usize) -> Self {
        Self {
            steps,
            idle: Mutex::default(),
        }
    }

    /// One that nobody uses.
    pub(crate) fn take(&self) -> Tally {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        idle.unwrap_or_else(|| Tally {
            steps: vec![StepTally::default(); self.steps],
        })
    }

    /// Gives it back.
    pub(crate) fn put(&self, tally: Tally) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(tally);
    }

    /// Adds all of them to another one.
    pub(crate) fn add_to(self, total: &mut Tally) {
        total.steps.resize(self.steps, StepTally::default());
        let idle = self
            .idle
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        idle.iter().for_each(|tally| total.add(tally));
    }
}
