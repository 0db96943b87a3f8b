//! Barriers that lie in shared memory: their phases, and who waits for them.
//!
//! A phase is complete when all arrivals that it expects and all bytes that it was told of have come.
//! What a barrier is made of is kept beside the memory; its bytes there hold nothing of use.

use std::collections::BTreeMap;
use std::ops::Range;

use super::access::{NO_VALUES, Order, Part};
use super::cluster::distinct;
use super::{Context, LANES, Mask, Stop, lanes, rank_and_offset};
use crate::check::{Action, Arrivals, Effect, Kind, Queue, Scope};

/// The most arrivals and bytes that a phase may wait for.
const MOST: u32 = (1 << 20) - 1;
/// The bytes of a barrier.
const BYTES: u64 = 8;

/// A barrier in shared memory.
struct Mbarrier {
    /// The arrivals that the next phase waits for.
    expected: u32,
    /// The arrivals that the current one still waits for.
    pending: u32,
    /// The bytes that it still waits for; they may come before it is told of them.
    bytes: i64,
    /// The number of the current phase.
    phase: u32,
    /// The thread that made it, at which step, and at which time of its warp.
    made: (u32, u32, u32),
    /// What those know who have arrived, now and when the last phase was completed.
    now: Arrivals,
    completed: Arrivals,
}

impl Mbarrier {
    /// What `arrive` returns: the phase, the barrier, and the arrivals that it waits for.
    fn state(&self, address: u64) -> u64 {
        u64::from(self.phase) << 44 | place(address) << 20 | u64::from(self.pending)
    }
}

/// Where a barrier is in the memory of its block, in barriers: 21 bits.
fn place(address: u64) -> u64 {
    rank_and_offset(address).1 / BYTES
}

/// The barriers in the shared memory of a cluster's blocks, by their addresses.
#[derive(Default)]
pub(crate) struct Mbarriers {
    barriers: BTreeMap<u64, Mbarrier>,
    /// Counts what was done to any of them.
    pub(crate) changes: u64,
    /// Whether a phase was completed since somebody looked.
    pub(crate) has_completed: bool,
}

impl Mbarriers {
    pub(crate) fn is_empty(&self) -> bool {
        self.barriers.is_empty()
    }

    /// The first barrier of which some bytes are a part.
    fn overlapping(&self, start: u64, bytes: u64) -> Option<(u64, &Mbarrier)> {
        let (&offset, barrier) = self
            .barriers
            .range(start.saturating_sub(BYTES - 1)..start.saturating_add(bytes))
            .next()?;
        Some((offset, barrier))
    }

    /// What the barriers wait for, a line each.
    pub(crate) fn describe(&self) -> Vec<String> {
        let waiting = |(offset, barrier): (&u64, &Mbarrier)| {
            format!(
                "phase {} of the mbarrier at {offset:#x} waits for {} of {} arrivals and {} bytes",
                barrier.phase, barrier.pending, barrier.expected, barrier.bytes
            )
        };
        self.barriers.iter().map(waiting).collect()
    }
}

/// The state that `arrive` returned, in parts.
pub(crate) fn pending_count(state: u64) -> u32 {
    state as u32 & MOST
}

/// How threads arrive.
pub(crate) struct Arrival {
    /// How often each lane arrives.
    pub(crate) counts: [u32; LANES],
    /// The bytes that each lane tells the phase of.
    pub(crate) bytes: Option<[u32; LANES]>,
    /// Whether they also arrive in all later phases.
    pub(crate) drops: bool,
    /// Whether they promise not to complete the phase.
    pub(crate) completes_nothing: bool,
    /// Whether what they did before is known to those who wait.
    pub(crate) releases: bool,
}

/// The phase that a thread waits for.
pub(crate) enum Phase {
    /// The one that was current when a state was returned.
    State([u64; LANES]),
    /// The current one, or the one before it, by the last bit of its number.
    Parity([u32; LANES]),
}

impl Context<'_, '_> {
    /// The lanes that may use the barriers at their offsets, parted by barrier.
    fn mbarriers(
        &mut self,
        mask: Mask,
        offsets: &[u64; LANES],
        action: Action,
        strong: bool,
    ) -> Result<Vec<(u64, Mask)>, Stop> {
        let order = if strong { Order::RELAXED } else { Order::WEAK };
        let part = Part::new(mask, offsets, BYTES as u32, (order, Scope::Block));
        let did = if action == Action::Read {
            "reads"
        } else {
            "updates"
        };
        let mask = self.shared_lanes(&part, did)?;
        let shadowed = self.shadowed(&part, mask);
        if let (Some(clock), Some(shadow)) = (&self.shared.clock, &mut self.shared.shadow) {
            let access = part.access(self.warp, shadowed, self.pc, action);
            let race = match action {
                Action::Read => shadow.read(clock, &access, offsets),
                _ => shadow.write(clock, &access, offsets, NO_VALUES),
            };
            if let Some(race) = race {
                self.race(super::AccessSpace::Shared, &part, did, race);
            }
        }
        let parts = distinct(mask, |lane| offsets[lane]);
        Ok(parts
            .into_iter()
            .map(|part| (part.value, part.mask))
            .collect())
    }

    /// What ends the launch because of how a lane uses a barrier.
    fn misuse(&self, lane: usize, offset: u64, message: String) -> Stop {
        let mut report = self.report(Kind::MbarrierMisuse, lane, "uses", message);
        report.address = Some(offset);
        let known = self.shared.mbarriers.overlapping(offset, 1);
        if let Some((_, barrier)) = known {
            let (thread, pc, _) = barrier.made;
            report.other = Some(self.launch.party(self.cluster, thread, pc, "initializes"));
        }
        Box::new(report)
    }

    /// Fails unless there is a barrier.
    pub(super) fn check_mbarrier(&self, lane: usize, offset: u64) -> Result<(), Stop> {
        if let Some(barrier) = self.shared.mbarriers.barriers.get(&offset) {
            let (thread, pc, time) = barrier.made;
            // The shadow of memory forgets who made it once that thread has also arrived.
            if let (Some(clock), Some(_)) = (&self.shared.clock, &self.shared.shadow)
                && !clock.knows((self.warp as usize, lane), thread, time)
            {
                let message = format!(
                    "uses the mbarrier at {offset:#x} of shared memory, and nothing orders that \
                     against the thread that initializes it"
                );
                let mut report = self.report(Kind::SharedRace, lane, "uses", message);
                report.address = Some(offset);
                report.other = Some(self.launch.party(self.cluster, thread, pc, "initializes"));
                self.note(report);
            }
            return Ok(());
        }
        let message = format!(
            "uses an mbarrier at {offset:#x} of shared memory, {}, where none is initialized",
            self.describe_offset(super::AccessSpace::Shared, offset)
        );
        Err(self.misuse(lane, offset, message))
    }

    /// `mbarrier.init`
    pub(crate) fn init_mbarriers(
        &mut self,
        mask: Mask,
        offsets: &[u64; LANES],
        counts: &[u32; LANES],
    ) -> Result<(), Stop> {
        for (offset, part) in self.mbarriers(mask, offsets, Action::Write, false)? {
            let clock = self.shared.clock.as_ref();
            let time = clock.map_or(0, |clock| clock.time(self.warp as usize));
            for lane in lanes(part) {
                let count = counts[lane];
                if count == 0 || count > MOST {
                    let message = format!(
                        "an mbarrier that waits for {count} arrivals; 1 to {MOST} are possible"
                    );
                    return Err(self.misuse(lane, offset, message));
                }
                if let Some((old, _)) = self.shared.mbarriers.overlapping(offset, BYTES) {
                    let message = format!(
                        "initializes an mbarrier at {offset:#x} of shared memory, where one already \
                         is; `mbarrier.inval` must end it first"
                    );
                    return Err(self.misuse(lane, old, message));
                }
                let barrier = Mbarrier {
                    expected: count,
                    pending: count,
                    bytes: 0,
                    phase: 0,
                    made: (self.thread(lane), self.pc, time),
                    now: Arrivals::default(),
                    completed: Arrivals::default(),
                };
                self.shared.mbarriers.barriers.insert(offset, barrier);
                self.shared.mbarriers.changes += 1;
            }
            if let Some(written) = &mut self.shared.written {
                written.set(part, offsets, BYTES as u32);
            }
        }
        Ok(())
    }

    /// `mbarrier.inval`
    pub(crate) fn invalidate_mbarriers(
        &mut self,
        mask: Mask,
        offsets: &[u64; LANES],
    ) -> Result<(), Stop> {
        // Not a weak write: libcu++ has one lane of a warp tell for the others that they have waited, by
        // instructions that order nothing between the lanes.
        for (offset, part) in self.mbarriers(mask, offsets, Action::Atomic, true)? {
            for lane in lanes(part) {
                self.check_mbarrier(lane, offset)?;
                self.shared.mbarriers.barriers.remove(&offset);
                self.shared.mbarriers.changes += 1;
            }
        }
        Ok(())
    }

    /// `mbarrier.arrive` and its like: returns the states.
    pub(crate) fn arrive_at_mbarriers(
        &mut self,
        mask: Mask,
        offsets: &[u64; LANES],
        arrival: &Arrival,
    ) -> Result<[u64; LANES], Stop> {
        let mut states = [0; LANES];
        for (offset, part) in self.mbarriers(mask, offsets, Action::Atomic, true)? {
            let mut arrived = 0;
            for lane in lanes(part) {
                self.check_mbarrier(lane, offset)?;
                arrived |= 1 << lane;
                if let Some(bytes) = arrival.bytes {
                    self.expect(lane, offset, i64::from(bytes[lane]))?;
                }
                let count = arrival.counts[lane];
                let barrier = self.barrier(offset);
                states[lane] = barrier.state(offset);
                let (pending, phase) = (barrier.pending, barrier.phase);
                if count == 0 || count > pending {
                    let message = format!(
                        "arrives {count} times at the mbarrier at {offset:#x}, whose phase {phase} \
                         waits for {pending} more"
                    );
                    return Err(self.misuse(lane, offset, message));
                }
                barrier.pending -= count;
                if arrival.drops {
                    barrier.expected -= count;
                }
                if arrival.completes_nothing && barrier.pending == 0 && barrier.bytes == 0 {
                    let message = format!(
                        "completes phase {phase} of the mbarrier at {offset:#x} by an arrival with \
                         .noComplete"
                    );
                    return Err(self.misuse(lane, offset, message));
                }
                if barrier.is_complete() {
                    self.release(offset, std::mem::take(&mut arrived), arrival.releases);
                    self.complete(offset);
                }
            }
            self.release(offset, arrived, arrival.releases);
            self.shared.mbarriers.changes += 1;
        }
        Ok(states)
    }

    /// `cp.async.mbarrier.arrive`: arrives once the lanes' copies have, which is at once.
    pub(crate) fn arrive_with_copies(
        &mut self,
        mask: Mask,
        offsets: &[u64; LANES],
        is_counted: bool,
    ) -> Result<(), Stop> {
        for (offset, part) in self.mbarriers(mask, offsets, Action::Atomic, true)? {
            self.check_mbarrier(Self::first(part), offset)?;
            let mut now = std::mem::take(&mut self.barrier(offset).now);
            self.shared
                .hand_copies_over(self.warp as usize, part, &mut now);
            self.barrier(offset).now = now;
            if !is_counted {
                // One arrival more is expected, which is this one.
                self.release(offset, part, true);
                self.shared.mbarriers.changes += 1;
            }
        }
        if is_counted {
            let arrival = Arrival {
                counts: [1; LANES],
                bytes: None,
                drops: false,
                completes_nothing: false,
                releases: true,
            };
            self.arrive_at_mbarriers(mask, offsets, &arrival)?;
        }
        Ok(())
    }

    /// `mbarrier.expect_tx` and, with `has_come`, `mbarrier.complete_tx`
    pub(crate) fn expect_bytes(
        &mut self,
        mask: Mask,
        offsets: &[u64; LANES],
        bytes: &[u32; LANES],
        has_come: bool,
    ) -> Result<(), Stop> {
        self.count_bytes(mask, offsets, bytes, (has_come, Action::Atomic))
    }

    fn count_bytes(
        &mut self,
        mask: Mask,
        offsets: &[u64; LANES],
        bytes: &[u32; LANES],
        (has_come, action): (bool, Action),
    ) -> Result<(), Stop> {
        for (offset, part) in self.mbarriers(mask, offsets, action, true)? {
            for lane in lanes(part) {
                self.check_mbarrier(lane, offset)?;
                let bytes = i64::from(bytes[lane]);
                self.expect(lane, offset, if has_come { -bytes } else { bytes })?;
                if has_come && self.barrier(offset).is_complete() {
                    self.complete(offset);
                }
            }
            self.shared.mbarriers.changes += 1;
        }
        Ok(())
    }

    /// What a lane has copied since a time counts at a barrier, and those who wait there will know of it.
    pub(super) fn complete_copy(
        &mut self,
        lane: usize,
        offset: u64,
        (queue, time): (Queue, u32),
        bytes: u32,
    ) -> Result<(), Stop> {
        let mut now = std::mem::take(&mut self.barrier(offset).now);
        let warp = self.warp as usize;
        self.shared
            .hand_over(warp, 1 << lane, (queue, time), &mut now);
        self.barrier(offset).now = now;
        // The copy tells the barrier when it is done, so whoever has waited for it knows of that, too.
        let action = Action::Begin(queue, Effect::Update);
        self.count_bytes(1 << lane, &[offset; LANES], &[bytes; LANES], (true, action))
    }

    fn barrier(&mut self, offset: u64) -> &mut Mbarrier {
        let barrier = self.shared.mbarriers.barriers.get_mut(&offset);
        barrier.expect("its caller has looked for it")
    }

    fn expect(&mut self, lane: usize, offset: u64, bytes: i64) -> Result<(), Stop> {
        let barrier = self.barrier(offset);
        barrier.bytes += bytes;
        let (bytes, phase) = (barrier.bytes, barrier.phase);
        if bytes.unsigned_abs() > MOST.into() {
            let message = format!(
                "phase {phase} of the mbarrier at {offset:#x} waits for {bytes} bytes, it can for \
                 {MOST}"
            );
            return Err(self.misuse(lane, offset, message));
        }
        Ok(())
    }

    /// Those who wait will know what some lanes know, or without `releases` what they have fenced.
    fn release(&mut self, offset: u64, mask: Mask, releases: bool) {
        let warp = self.warp as usize;
        let shared = &mut *self.shared;
        if let (Some(clock), Some(barrier), true) = (
            &mut shared.clock,
            shared.mbarriers.barriers.get_mut(&offset),
            mask != 0,
        ) {
            match releases {
                true => clock.arrive(&mut barrier.now, warp, mask),
                false => clock.arrive_relaxed(&mut barrier.now, warp, mask),
            }
        }
    }

    /// Begins the next phase.
    fn complete(&mut self, offset: u64) {
        let barrier = self.barrier(offset);
        barrier.phase = barrier.phase.wrapping_add(1) & MOST;
        barrier.pending = barrier.expected;
        barrier.completed = barrier.now.clone();
        self.shared.mbarriers.has_completed = true;
    }

    /// `mbarrier.test_wait`, `mbarrier.try_wait`: the lanes whose phase is complete.
    pub(crate) fn test_mbarriers(
        &mut self,
        mask: Mask,
        offsets: &[u64; LANES],
        phase: &Phase,
        acquires: bool,
    ) -> Result<Mask, Stop> {
        let mut complete = 0;
        for (offset, part) in self.mbarriers(mask, offsets, Action::Read, true)? {
            let mut here = 0;
            for lane in lanes(part) {
                self.check_mbarrier(lane, offset)?;
                let current = self.barrier(offset).phase;
                let is_complete = match phase {
                    Phase::Parity(parities) if parities[lane] > 1 => {
                        let message =
                            format!("the parity of a phase is 0 or 1, not {}", parities[lane]);
                        return Err(self.misuse(lane, offset, message));
                    }
                    Phase::Parity(parities) => parities[lane] != current & 1,
                    Phase::State(states) => {
                        let (state, phase) = (states[lane], (states[lane] >> 44) as u32);
                        let is_other = state >> 20 & 0xff_ffff != place(offset);
                        let age = current.wrapping_sub(phase) & MOST;
                        if is_other || age > 1 {
                            let why = if is_other {
                                "that is of another one".to_owned()
                            } else {
                                format!("of phase {phase}, and the current one is {current}")
                            };
                            let message =
                                format!("waits at the mbarrier at {offset:#x} with a state {why}");
                            return Err(self.misuse(lane, offset, message));
                        }
                        age == 1
                    }
                };
                here |= Mask::from(is_complete) << lane;
            }
            complete |= here;
            let warp = self.warp as usize;
            let shared = &mut *self.shared;
            if let (Some(clock), Some(barrier), true) = (
                &mut shared.clock,
                shared.mbarriers.barriers.get(&offset),
                here != 0,
            ) {
                match acquires {
                    true => clock.leave(&barrier.completed, warp, here),
                    false => clock.leave_relaxed(&barrier.completed, warp, here),
                }
            }
        }
        Ok(complete)
    }

    /// Ends the launch if a lane writes to a barrier as to other memory.
    pub(super) fn check_no_mbarrier(&self, mask: Mask, part: &Part<'_>) -> Result<(), Stop> {
        if self.shared.mbarriers.is_empty() {
            return Ok(());
        }
        for lane in lanes(mask) {
            let start = part.addresses[lane];
            self.check_no_mbarrier_in(lane, &(start..start + u64::from(part.bytes)))?;
        }
        Ok(())
    }

    /// Ends the launch if a lane writes a run of bytes that a barrier is in.
    pub(super) fn check_no_mbarrier_in(&self, lane: usize, run: &Range<u64>) -> Result<(), Stop> {
        let found = self
            .shared
            .mbarriers
            .overlapping(run.start, run.end - run.start);
        let Some((offset, _)) = found else {
            return Ok(());
        };
        let message = format!(
            "writes to the mbarrier at {offset:#x} of shared memory as to other memory; \
             `mbarrier.inval` must end it first"
        );
        Err(self.misuse(lane, offset, message))
    }
}

impl Mbarrier {
    fn is_complete(&self) -> bool {
        self.pending == 0 && self.bytes == 0
    }
}
