//! Reads and writes that go on while their thread does, of runs of bytes: what bulk copies and `wgmma` do to
//! memory. They are done when they are begun; that nobody interferes until they have been waited for is
//! what is checked.

use std::ops::Range;

use super::{AccessSpace, Order, Part, Scope};
use crate::check::{Access, Action, Effect, Kind, Queue};
use crate::exec::{Context, LANES, Mask};

impl Context<'_, '_> {
    /// The time of what begins now asynchronously.
    pub(crate) fn begin_asynchronously(&mut self) -> u32 {
        let clock = self.shared.clock.as_mut();
        clock.map_or(0, |clock| clock.begin_copies())
    }

    /// Records that the warp group reads runs of shared memory from now on, for a `wgmma` that its warp
    /// `owner` is the first to come to; returns the time to finish them by. The runs must be inside of the
    /// memory.
    pub(crate) fn begin_product_reads(
        &mut self,
        owner: usize,
        runs: impl IntoIterator<Item = Range<u64>>,
    ) -> u32 {
        let time = self.begin_asynchronously();
        let action = Action::Begin(Queue::Products, Effect::Read);
        for run in runs {
            self.note_shared_run((owner, 0), action, run, &[]);
        }
        if time != 0 {
            self.shared.begin_product(owner, time);
        }
        time
    }

    /// The lanes of `mask` have waited for all that [`Context::begin_product_reads`] has begun up to a
    /// time.
    pub(crate) fn finish_product_reads(&mut self, owner: usize, mask: Mask, time: u32) {
        let warp = self.warp as usize;
        self.shared.finish_products((warp, mask), owner, time);
    }

    /// Records what a lane of a warp does to a run of shared memory, which is inside; `data` is what it
    /// writes. Reports a race.
    pub(in crate::exec) fn note_shared_run(
        &mut self,
        (warp, lane): (usize, usize),
        action: Action,
        run: Range<u64>,
        data: &[u8],
    ) {
        if let (Some(clock), Some(shadow)) = (&self.shared.clock, &mut self.shared.shadow) {
            let access = run_access((warp, lane), self.pc, action);
            if let Some(race) = shadow.access_run(clock, &access, run.clone(), data) {
                self.race_of_run(AccessSpace::Shared, run, action, race);
            }
        }
    }

    /// Reports that the asynchronous proxy may not see what was written to a run of bytes.
    fn unseen(
        &self,
        space: AccessSpace,
        run: Range<u64>,
        action: Action,
        write: crate::check::Conflict,
    ) {
        let at = match space {
            AccessSpace::Shared => format!(
                "{:#x} of {}, {}",
                write.offset,
                self.memory_name(space, write.offset),
                self.describe_offset(space, write.offset)
            ),
            _ => format!("{:#x}", run.start),
        };
        let message = format!(
            "{} {} bytes, among them those at {at}, which were written as ordinary memory: a \
             `fence.proxy.async` behind the write, or behind the barrier that orders it, must let the \
             asynchronous proxy see it",
            action.verb(),
            run.end - run.start,
        );
        let mut report = self.report(Kind::ProxyFence, write.lane, action.verb(), message);
        report.address = Some(match space {
            AccessSpace::Shared => write.offset,
            _ => run.start,
        });
        if space == AccessSpace::Global {
            report.whereabouts = self.launch.device.memory().describe(run.start);
        }
        let (cluster, verb) = (write.cluster.into(), write.action.verb());
        report.other = Some(self.launch.party(cluster, write.thread, write.pc, verb));
        self.note(report);
    }

    /// `fence.proxy.async`
    pub(crate) fn proxy_fence(&mut self, mask: Mask) {
        if let Some(clock) = &mut self.shared.clock {
            clock.proxy_fence(self.warp as usize, mask);
        }
    }

    /// Reports a race of what is done to a run of bytes.
    pub(super) fn race_of_run(
        &self,
        space: AccessSpace,
        run: Range<u64>,
        action: Action,
        race: crate::check::Conflict,
    ) {
        if race.is_unseen {
            if self.launch.checks.proxy_fences {
                self.unseen(space, run, action, race);
            }
            return;
        }
        let addresses = [run.start; LANES];
        let order = (Order::WEAK, Scope::Device);
        let part = Part::new(
            1 << race.lane,
            &addresses,
            (run.end - run.start) as u32,
            order,
        );
        self.race(space, &part, action.verb(), race);
    }
}

/// The access of one lane to a run of bytes.
pub(super) fn run_access((warp, lane): (usize, usize), pc: u32, action: Action) -> Access {
    Access {
        warp,
        mask: 1 << lane,
        bytes: 4,
        pc,
        action,
        strong: false,
    }
}
