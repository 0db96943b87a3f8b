//! Asynchronous copies (`cp.async`) that threads have begun, and what of them is still to come.
//!
//! The bytes of a copy arrive at once or when the thread waits for it, as the seed draws. Either way
//! nobody may look before.

use super::cluster::distinct;
use super::groups::Groups;
use super::{LANES, Mask, SharedMemory, lanes};
use crate::check::{Arrivals, Queue};

/// The most bytes of a lane's copy.
pub(crate) const MOST: usize = 16;

/// Beyond how many entries those that wait for mbarriers are put together.
const MANY: usize = 64;

/// What arrives when its thread waits for it.
pub(crate) struct Late {
    /// The bytes of each lane.
    pub(crate) bytes: usize,
    /// Where they go in shared memory.
    pub(crate) offsets: [u64; LANES],
    pub(crate) data: [[u8; MOST]; LANES],
}

/// Copies that lanes of a warp have begun at one instruction, and that they have not waited for.
struct Pending {
    queue: Queue,
    mask: Mask,
    /// The group that they are in, counted by each lane.
    group: u32,
    /// Their time, or the times of several.
    first: u32,
    last: u32,
    /// An mbarrier tells when they are done, and the lanes need not wait for them.
    by_mbarrier: bool,
    late: Option<Box<Late>>,
}

/// The copies of a warp.
#[derive(Default)]
struct WarpCopies {
    /// The group that each lane's next copy is in.
    groups: [u32; LANES],
    /// In the order of their times.
    pending: Vec<Pending>,
    /// The times of the last copies of each lane that an mbarrier tells of.
    by_mbarrier: [u32; LANES],
}

/// The copies of a block.
#[derive(Default)]
pub(crate) struct Copies {
    warps: Vec<WarpCopies>,
    pub(super) groups: Groups,
}

impl Copies {
    fn warp(&mut self, warp: usize) -> &mut WarpCopies {
        if self.warps.len() <= warp {
            self.warps.resize_with(warp + 1, WarpCopies::default);
        }
        &mut self.warps[warp]
    }

    /// When the oldest copies began that are not known to be done.
    fn oldest(&self) -> Option<u32> {
        let oldest = |warp: &WarpCopies| warp.pending.iter().map(|copy| copy.first).min();
        let groups = self.groups.oldest();
        self.warps.iter().filter_map(oldest).chain(groups).min()
    }
}

impl SharedMemory {
    /// Notes copies that lanes of a warp have begun, at a time. What comes late is kept.
    pub(crate) fn begin_copies(
        &mut self,
        warp: usize,
        mask: Mask,
        time: u32,
        mut late: Option<Box<Late>>,
    ) {
        let copies = self.copies.warp(warp);
        let groups = copies.groups;
        let parts = distinct(mask, |lane| groups[lane]);
        let last = parts.len() - 1;
        for (index, part) in parts.into_iter().enumerate() {
            let late = match &late {
                Some(late) if index < last => Some(Box::new(Late {
                    bytes: late.bytes,
                    offsets: late.offsets,
                    data: late.data,
                })),
                _ => late.take(),
            };
            copies.pending.push(Pending {
                queue: Queue::Copies,
                mask: part.mask,
                group: part.value as u32,
                first: time,
                last: time,
                by_mbarrier: false,
                late,
            });
        }
    }

    /// `cp.async.commit_group`
    pub(crate) fn commit_copies(&mut self, warp: usize, mask: Mask) {
        let copies = self.copies.warp(warp);
        for lane in lanes(mask) {
            copies.groups[lane] = copies.groups[lane].wrapping_add(1);
        }
    }

    /// `cp.async.wait_group`: all but the `newest` last groups of each lane arrive, or with `None`
    /// all that was begun.
    pub(crate) fn wait_for_copies(&mut self, warp: usize, mask: Mask, newest: Option<u32>) {
        if newest.is_none() {
            self.commit_copies(warp, mask);
        }
        let newest = newest.unwrap_or(0);
        let copies = self.copies.warp(warp);
        let groups = copies.groups;
        let is_done = |copy: &Pending, lane: usize| {
            groups[lane].wrapping_sub(copy.group) > newest && !copy.by_mbarrier
        };
        let mut pending = std::mem::take(&mut copies.pending);
        let by_mbarrier = copies.by_mbarrier;
        for copy in &mut pending {
            let done = lanes(copy.mask & mask)
                .filter(|&lane| is_done(copy, lane))
                .fold(0, |done, lane| done | 1 << lane);
            self.finish(copy, done);
            copy.mask &= !done;
            if let Some(clock) = &mut self.clock
                && done != 0
            {
                clock.wait_for_copies(Queue::Copies, warp, done, copy.last);
            }
        }
        pending.retain(|copy| copy.mask != 0);
        self.copies.warp(warp).pending = pending;
        // Which groups those were in that an mbarrier tells of is not kept: all count as waited for.
        if let Some(clock) = &mut self.clock {
            for part in distinct(mask, |lane| by_mbarrier[lane]) {
                if part.value != 0 {
                    clock.wait_for_copies(Queue::Copies, warp, part.mask, part.value as u32);
                }
            }
        }
    }

    /// `cp.async.mbarrier.arrive`: all that the lanes have begun arrives, and those who wait for the
    /// mbarrier will know.
    pub(crate) fn hand_copies_over(&mut self, warp: usize, mask: Mask, arrivals: &mut Arrivals) {
        let mut pending = std::mem::take(&mut self.copies.warp(warp).pending);
        let mut handed = Vec::new();
        for copy in pending.iter_mut().filter(|copy| !copy.by_mbarrier) {
            let here = copy.mask & mask;
            if here == 0 {
                continue;
            }
            self.finish(copy, here);
            copy.mask &= !here;
            for lane in lanes(here) {
                self.copies.warps[warp].by_mbarrier[lane] = copy.last;
            }
            if let Some(clock) = &self.clock {
                clock.add_copies(arrivals, Queue::Copies, (warp, here), copy.last);
            }
            handed.push(Pending {
                mask: here,
                late: None,
                by_mbarrier: true,
                ..*copy
            });
        }
        pending.retain(|copy| copy.mask != 0);
        self.copies.warp(warp).pending = pending;
        self.keep_handed(warp, handed);
    }

    /// Notes bulk copies that lanes of a warp have begun at a time, and that have told an mbarrier.
    pub(crate) fn hand_over(
        &mut self,
        warp: usize,
        mask: Mask,
        (queue, time): (Queue, u32),
        arrivals: &mut Arrivals,
    ) {
        if let Some(clock) = &self.clock {
            clock.add_copies(arrivals, queue, (warp, mask), time);
        }
        let handed = Pending {
            queue,
            mask,
            group: 0,
            first: time,
            last: time,
            by_mbarrier: true,
            late: None,
        };
        self.keep_handed(warp, vec![handed]);
    }

    /// Keeps copies that an mbarrier tells of, until all threads know of them.
    fn keep_handed(&mut self, warp: usize, mut handed: Vec<Pending>) {
        if self.clock.is_none() {
            return;
        }
        let pending = &mut self.copies.warp(warp).pending;
        pending.append(&mut handed);
        if pending.len() > MANY {
            merge(pending);
        }
    }

    /// Puts the bytes of some lanes where they go.
    fn finish(&mut self, copy: &Pending, done: Mask) {
        if let Some(late) = &copy.late {
            self.arrive_copied(done, late);
        }
    }

    /// Puts the bytes of a copy where they go, in some lanes.
    pub(crate) fn arrive_copied(&mut self, done: Mask, late: &Late) {
        for lane in lanes(done) {
            self.bytes_mut(late.offsets[lane], late.bytes)
                .copy_from_slice(&late.data[lane][..late.bytes]);
        }
        if let Some(written) = &mut self.written {
            written.set(done, &late.offsets, late.bytes as u32);
        }
    }

    /// After a barrier of all threads: finds out which copies all of them know to be done.
    pub(super) fn settle_copies(&mut self) {
        let Some(clock) = &mut self.clock else {
            return;
        };
        if self.copies.warps.is_empty() && self.copies.groups.is_empty() {
            return;
        }
        for (warp, copies) in self.copies.warps.iter_mut().enumerate() {
            copies.pending.retain(|copy| {
                !copy.by_mbarrier || !clock.all_know_copies(copy.queue, warp, copy.mask, copy.last)
            });
        }
        clock.settle_copies(self.copies.oldest());
    }
}

/// Makes one entry of all with the same lanes that an mbarrier tells of.
fn merge(pending: &mut Vec<Pending>) {
    let mut merged: Vec<Pending> = Vec::new();
    for copy in pending.drain(..) {
        let like = |other: &&mut Pending| {
            other.by_mbarrier && (other.queue, other.mask) == (copy.queue, copy.mask)
        };
        match merged.iter_mut().find(like) {
            Some(other) if copy.by_mbarrier => {
                other.first = other.first.min(copy.first);
                other.last = other.last.max(copy.last);
            }
            _ => merged.push(copy),
        }
    }
    *pending = merged;
}
