//! Bulk copies: the runs of bytes that they read and write, and those of plain memory.
//!
//! A copy is done when it is begun. That nobody interferes until it has been waited for is checked all
//! the same.

use std::ops::Range;

use super::asynchronous::run_access;
use super::{AccessSpace, Order, Part, Scope, in_words, never_written};
use crate::check::{Action, Effect, Kind, Queue};
use crate::exec::{Context, LANES, Mask, Stop, block_base, lanes, rank_and_offset};
use crate::profile::AccessKind;

/// What bulk copies are aligned to, and what their sizes are multiples of.
const STEP: u64 = 16;

/// How an element in memory changes by one that is copied to it.
#[derive(Clone, Copy)]
pub(crate) struct ElementUpdate {
    /// The bytes of an element: 2, 4 or 8.
    pub(crate) bytes: usize,
    /// Makes the new element of the old one and the copied one.
    pub(crate) apply: fn(u64, u64) -> u64,
}

impl ElementUpdate {
    fn effect(update: Option<Self>) -> Effect {
        match update {
            Some(_) => Effect::Update,
            None => Effect::Write,
        }
    }
}

/// What each lane copies.
pub(crate) struct BulkCopy<'a> {
    pub(crate) to: &'a [u64; LANES],
    pub(crate) from: &'a [u64; LANES],
    /// In bytes.
    pub(crate) sizes: &'a [u32; LANES],
}

/// Where a load goes.
pub(super) struct Goal {
    to: u64,
    mbarrier: u64,
    bytes: u32,
    /// Whether there is shared memory; without the check of bounds there may be none.
    pub(super) is_inside: bool,
}

impl Context<'_, '_> {
    /// `cp.async.bulk` from global to shared memory, whose bytes count at mbarriers; with `blocks` to those
    /// blocks of the cluster.
    pub(crate) fn load_in_bulk(
        &mut self,
        mask: Mask,
        copy: &BulkCopy<'_>,
        mbarriers: &[u64; LANES],
        blocks: Option<&[u16; LANES]>,
    ) -> Result<(), Stop> {
        for lane in lanes(mask) {
            let (to, from) = self.check_bulk(lane, copy)?;
            let blocks = blocks.map(|blocks| blocks[lane]);
            let goals = self.goals(lane, (to, mbarriers[lane]), copy.sizes[lane], blocks)?;
            let time = self.begin_asynchronously();
            let mut data = Vec::new();
            if goals.iter().any(|goal| goal.is_inside) {
                data = vec![0; copy.sizes[lane] as usize];
                self.read_global_run(lane, from, &mut data)?;
            }
            self.reach(lane, &goals, time, &data)?;
        }
        Ok(())
    }

    /// Where a load of a lane goes, with the mbarrier that counts it: to one place, or to the same one in
    /// each of the blocks of the cluster that have their bit in `blocks`. Ends the launch if there is no
    /// such block or mbarrier.
    pub(super) fn goals(
        &mut self,
        lane: usize,
        (to, mbarrier): (u64, u64),
        bytes: u32,
        blocks: Option<u16>,
    ) -> Result<Vec<Goal>, Stop> {
        let places = match blocks {
            None => vec![(to, mbarrier)],
            Some(blocks) => {
                let excessive = u32::from(blocks) >> self.shared.blocks;
                if excessive != 0 {
                    let message = format!(
                        "copies to the blocks of the mask {blocks:#x}, and the cluster has {}",
                        self.shared.blocks
                    );
                    return Err(self.stop(Kind::InvalidInstruction, lane, "copies", message));
                }
                let of =
                    |rank: usize, address| block_base(rank as u32) | rank_and_offset(address).1;
                lanes(blocks.into())
                    .map(|rank| (of(rank, to), of(rank, mbarrier)))
                    .collect()
            }
        };
        let action = Action::Begin(Queue::Loads, Effect::Write);
        places
            .into_iter()
            .map(|(to, mbarrier)| {
                self.check_mbarrier(lane, mbarrier)?;
                Ok(Goal {
                    to,
                    mbarrier,
                    bytes,
                    is_inside: self.is_shared_run(lane, action, &run(to, bytes))?,
                })
            })
            .collect()
    }

    /// Writes what a lane has loaded since a time, and tells the mbarriers.
    pub(super) fn reach(
        &mut self,
        lane: usize,
        goals: &[Goal],
        time: u32,
        data: &[u8],
    ) -> Result<(), Stop> {
        for goal in goals {
            if goal.is_inside {
                self.write_shared_run(lane, Queue::Loads, goal.to, data)?;
            }
            self.complete_copy(lane, goal.mbarrier, (Queue::Loads, time), goal.bytes)?;
        }
        Ok(())
    }

    /// `cp.async.bulk` and `cp.reduce.async.bulk` within shared memory, whose bytes count at mbarriers.
    pub(crate) fn move_in_bulk(
        &mut self,
        mask: Mask,
        copy: &BulkCopy<'_>,
        mbarriers: &[u64; LANES],
        update: Option<ElementUpdate>,
    ) -> Result<(), Stop> {
        for lane in lanes(mask) {
            let (to, from) = self.check_bulk(lane, copy)?;
            self.check_mbarrier(lane, mbarriers[lane])?;
            let time = self.begin_asynchronously();
            let action = Action::Begin(Queue::Loads, Effect::Read);
            if self.is_shared_run(lane, action, &run(from, copy.sizes[lane]))? {
                let mut data = vec![0; copy.sizes[lane] as usize];
                self.read_shared_run(lane, Queue::Loads, from, &mut data)?;
                match update {
                    Some(update) => {
                        self.update_shared_run(lane, Queue::Loads, to, &data, update)?
                    }
                    None => self.write_shared_run(lane, Queue::Loads, to, &data)?,
                }
            }
            self.complete_copy(
                lane,
                mbarriers[lane],
                (Queue::Loads, time),
                copy.sizes[lane],
            )?;
        }
        Ok(())
    }

    /// `cp.async.bulk` and `cp.reduce.async.bulk` from shared to global memory, in the lanes' groups.
    /// `bytes` has a bit for each byte of 16 that is copied.
    pub(crate) fn store_in_bulk(
        &mut self,
        mask: Mask,
        copy: &BulkCopy<'_>,
        update: Option<ElementUpdate>,
        bytes: Option<&[u16; LANES]>,
    ) -> Result<(), Stop> {
        for lane in lanes(mask) {
            let (to, from) = self.check_bulk(lane, copy)?;
            let action = Action::Begin(Queue::StoreReads, Effect::Read);
            if !self.is_shared_run(lane, action, &run(from, copy.sizes[lane]))? {
                continue;
            }
            let time = self.begin_asynchronously();
            let mut data = vec![0; copy.sizes[lane] as usize];
            self.read_shared_run(lane, Queue::StoreReads, from, &mut data)?;
            match bytes {
                None => self.write_global_run(lane, to, &data, update)?,
                Some(bytes) => {
                    for part in (0..STEP).filter(|byte| bytes[lane] >> byte & 1 != 0) {
                        for at in (part..data.len() as u64).step_by(STEP as usize) {
                            let byte = &data[at as usize..=at as usize];
                            self.write_global_run(lane, to.wrapping_add(at), byte, None)?;
                        }
                    }
                }
            }
            self.shared
                .begin_store((self.warp as usize, lane), self.pc, time);
        }
        Ok(())
    }

    /// The addresses that a lane copies between; ends the launch if they or the size are not aligned.
    fn check_bulk(&self, lane: usize, copy: &BulkCopy<'_>) -> Result<(u64, u64), Stop> {
        let (to, from, size) = (copy.to[lane], copy.from[lane], copy.sizes[lane]);
        if !u64::from(size).is_multiple_of(STEP) {
            let message = format!("copies {size} bytes, which are no multiple of {STEP}");
            return Err(self.stop(Kind::InvalidInstruction, lane, "copies", message));
        }
        for (address, end) in [(to, "to"), (from, "from")] {
            self.check_aligned(lane, address, STEP, end)?;
        }
        Ok((to, from))
    }

    /// Ends the launch if what a copy goes `end`, which is `to` or `from`, is not aligned.
    pub(in crate::exec) fn check_aligned(
        &self,
        lane: usize,
        address: u64,
        alignment: u64,
        end: &str,
    ) -> Result<(), Stop> {
        if address.is_multiple_of(alignment) || !self.launch.checks.alignment {
            return Ok(());
        }
        let message =
            format!("copies in bulk {end} {address:#x}, which is no multiple of {alignment}");
        let mut report = self.report(Kind::Misaligned, lane, "copies", message);
        report.address = Some(address);
        Err(Box::new(report))
    }

    /// Reads bytes of global memory, for a copy of a lane. What lies outside is zero, where that is not
    /// checked.
    pub(in crate::exec) fn read_global_run(
        &mut self,
        lane: usize,
        address: u64,
        data: &mut [u8],
    ) -> Result<(), Stop> {
        let action = Action::Begin(Queue::Loads, Effect::Read);
        let bytes = data.len() as u64;
        if let Some(tally) = &mut self.tally {
            tally.bulk(self.pc, AccessKind::Load, bytes);
        }
        let access = run_access((self.warp as usize, lane), self.pc, action);
        let Some((region, offset)) = self.cursor.find(address, bytes) else {
            return self.run_outside(lane, action, address, bytes);
        };
        region.read(offset, data);
        // What is copied may have padding in it.
        let missing = (0..bytes).step_by(STEP as usize).find(|&at| {
            let length = STEP.min(bytes - at);
            (0..length).all(|byte| region.uninitialized(offset + at + byte, 1).is_some())
        });
        let mut race = None;
        if let (Some(clock), true) = (&self.shared.clock, self.launch.checks.global_races) {
            let (launch, run) = (self.launch.number, offset..offset + bytes);
            let shadow = region.shadow();
            race = shadow.access_run(launch, clock, &access, run, &[]);
        }
        if let Some(first) = missing {
            let addresses = [address + first; LANES];
            let order = (Order::WEAK, Scope::Device);
            let length = STEP.min(bytes - first) as u32;
            self.uninitialized_global(
                lane,
                &Part::new(1 << lane, &addresses, length, order),
                address + first,
            );
        }
        if let Some(race) = race {
            self.race_of_run(AccessSpace::Global, address..address + bytes, action, race);
        }
        Ok(())
    }

    /// Writes bytes of global memory, or updates elements, for a copy of a lane.
    pub(in crate::exec) fn write_global_run(
        &mut self,
        lane: usize,
        address: u64,
        data: &[u8],
        update: Option<ElementUpdate>,
    ) -> Result<(), Stop> {
        let action = Action::Begin(Queue::StoreWrites, ElementUpdate::effect(update));
        let bytes = data.len() as u64;
        if let Some(tally) = &mut self.tally {
            tally.bulk(self.pc, AccessKind::Store, bytes);
        }
        let access = run_access((self.warp as usize, lane), self.pc, action);
        let Some((region, offset)) = self.cursor.find(address, bytes) else {
            return self.run_outside(lane, action, address, bytes);
        };
        if !region.is_writable() {
            return match self.launch.checks.bounds {
                true => Err(self.constant_write(lane, address)),
                false => Ok(()),
            };
        }
        let mut race = None;
        if let (Some(clock), true) = (&self.shared.clock, self.launch.checks.global_races) {
            let (launch, run) = (self.launch.number, offset..offset + bytes);
            let shadow = region.shadow();
            // A write of what is there already races with no other write: all lanes of a warp may
            // store the same, as CUTLASS has them do.
            race = shadow
                .access_run(launch, clock, &access, run, data)
                .filter(|race| {
                    let is_write =
                        matches!(race.action, Action::Write | Action::Begin(_, Effect::Write));
                    let mut there = vec![0; data.len()];
                    region.read(offset, &mut there);
                    !is_write || update.is_some() || there != data
                });
        }
        let mut missing = None;
        match update {
            None => region.write(offset, data),
            Some(update) => {
                missing = region.uninitialized(offset, bytes);
                for (offset, element) in (offset..)
                    .step_by(update.bytes)
                    .zip(data.chunks(update.bytes))
                {
                    let new = word(element);
                    match update.bytes {
                        2 => {
                            region
                                .update(offset, |old: u16| (update.apply)(old.into(), new) as u16);
                        }
                        4 => {
                            region
                                .update(offset, |old: u32| (update.apply)(old.into(), new) as u32);
                        }
                        _ => {
                            region.update(offset, |old: u64| (update.apply)(old, new));
                        }
                    }
                }
            }
        }
        if let (Some(first), Some(update)) = (missing, update) {
            let first = address + (first - offset);
            let addresses = [first & !(update.bytes as u64 - 1); LANES];
            let order = (Order::WEAK, Scope::Device);
            let part = Part::new(1 << lane, &addresses, update.bytes as u32, order);
            self.uninitialized_global(lane, &part, first);
        }
        if let Some(race) = race {
            self.race_of_run(AccessSpace::Global, address..address + bytes, action, race);
        }
        Ok(())
    }

    /// What becomes of a copy of a lane that is not in one allocation: nothing, if that is not checked.
    fn run_outside(
        &self,
        lane: usize,
        action: Action,
        address: u64,
        bytes: u64,
    ) -> Result<(), Stop> {
        if bytes == 0 || !self.launch.checks.bounds {
            return Ok(());
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        Err(self.bad_address(Kind::OutOfBounds, lane, action.verb(), address, bytes))
    }

    /// Reads bytes of shared memory, for a copy of a lane that is waited for by a queue.
    pub(in crate::exec) fn read_shared_run(
        &mut self,
        lane: usize,
        queue: Queue,
        start: u64,
        data: &mut [u8],
    ) -> Result<(), Stop> {
        let action = Action::Begin(queue, Effect::Read);
        let run = start..start.saturating_add(data.len() as u64);
        if !self.is_shared_run(lane, action, &run)? {
            return Ok(());
        }
        data.copy_from_slice(self.shared.bytes(run.start, data.len()));
        let missing = self.shared.written.as_ref().and_then(|written| {
            (run.clone()).step_by(STEP as usize).find(|&at| {
                let end = run.end.min(at + STEP);
                (at..end).all(|byte| written.first_missing_of(byte..byte + 1).is_some())
            })
        });
        if let Some(first) = missing {
            let bytes = STEP.min(run.end - first) as u32;
            let message = format!(
                "copies {} at {first:#x} of {}, {}{}",
                in_words(bytes),
                self.memory_name(AccessSpace::Shared, first),
                self.describe_offset(AccessSpace::Shared, first),
                never_written(bytes, 0)
            );
            let mut report = self.report(Kind::UninitializedShared, lane, "copies", message);
            report.address = Some(first);
            self.note(report);
        }
        self.note_shared_run((self.warp as usize, lane), action, run, &[]);
        Ok(())
    }

    /// Writes bytes of shared memory, for a copy of a lane that an mbarrier counts.
    pub(in crate::exec) fn write_shared_run(
        &mut self,
        lane: usize,
        queue: Queue,
        start: u64,
        data: &[u8],
    ) -> Result<(), Stop> {
        let action = Action::Begin(queue, Effect::Write);
        let run = start..start.saturating_add(data.len() as u64);
        if !self.is_shared_run(lane, action, &run)? {
            return Ok(());
        }
        self.check_no_mbarrier_in(lane, &run)?;
        self.note_shared_run((self.warp as usize, lane), action, run.clone(), data);
        self.shared
            .bytes_mut(run.start, data.len())
            .copy_from_slice(data);
        if let Some(written) = &mut self.shared.written {
            written.set_run(run);
        }
        Ok(())
    }

    /// Updates elements of shared memory, for a copy of a lane that an mbarrier counts.
    pub(super) fn update_shared_run(
        &mut self,
        lane: usize,
        queue: Queue,
        start: u64,
        data: &[u8],
        update: ElementUpdate,
    ) -> Result<(), Stop> {
        let action = Action::Begin(queue, Effect::Update);
        let run = start..start.saturating_add(data.len() as u64);
        if !self.is_shared_run(lane, action, &run)? {
            return Ok(());
        }
        self.check_no_mbarrier_in(lane, &run)?;
        let written = self.shared.written.as_ref();
        if let Some(first) = written.and_then(|written| written.first_missing_of(run.clone())) {
            let addresses = [first; LANES];
            let part = Part::new(1 << lane, &addresses, 1, (Order::WEAK, Scope::Block));
            self.uninitialized_shared(lane, &part, first);
        }
        self.note_shared_run((self.warp as usize, lane), action, run.clone(), data);
        let bytes = self.shared.bytes_mut(run.start, data.len());
        for (old, new) in bytes
            .chunks_mut(update.bytes)
            .zip(data.chunks(update.bytes))
        {
            let value = (update.apply)(word(old), word(new));
            old.copy_from_slice(&value.to_le_bytes()[..update.bytes]);
        }
        Ok(())
    }

    /// Whether a run of bytes lies in one variable of shared memory; ends the launch if not, unless that is
    /// not checked.
    pub(super) fn is_shared_run(
        &self,
        lane: usize,
        action: Action,
        run: &Range<u64>,
    ) -> Result<bool, Stop> {
        if self.shared.contains(run.start, run.end) || run.is_empty() {
            if self.shared.blocks > 1 && !run.is_empty() {
                self.check_not_ended(1 << lane, &[run.start; LANES], action.verb());
            }
            return Ok(!run.is_empty());
        }
        if !self.launch.checks.bounds {
            return Ok(false);
        }
        let message = format!(
            "{} {} bytes at {:#x} of {}, {}",
            action.verb(),
            run.end - run.start,
            run.start,
            self.memory_name(AccessSpace::Shared, run.start),
            self.describe_offset(AccessSpace::Shared, run.start)
        );
        let mut report = self.report(Kind::OutOfBounds, lane, action.verb(), message);
        report.address = Some(run.start);
        Err(Box::new(report))
    }
}

/// So many bytes from an address on.
pub(super) fn run(start: u64, bytes: u32) -> Range<u64> {
    start..start.saturating_add(bytes.into())
}

/// The element that some bytes are.
fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}
