//! Global and constant memory: looked up in the table of allocations.

use super::{AccessSpace, NO_VALUES, NULL_PAGE, Part, Value, WINDOW_SIZE, in_words, never_written};
use crate::check::{Action, Kind};
use crate::exec::{Context, LANES, Mask, Stop, lanes};
use crate::memory::{Fault, Region};
use crate::program::Fate;

impl Context<'_, '_> {
    pub(super) fn load_global<T: Value>(
        &mut self,
        part: &Part<'_>,
        values: &mut [[T; LANES]],
    ) -> Result<(), Stop> {
        let mut rest = part.mask;
        while rest != 0 {
            match self.cursor.accesses(part.addresses, rest, part.bytes) {
                Ok(accesses) => {
                    for (element, values) in (0..).zip(values.iter_mut()) {
                        accesses.load(element, values);
                    }
                    let mask = accesses.mask();
                    rest &= !mask;
                    let missing = accesses
                        .uninitialized()
                        .map(|(lane, offset)| (lane, offset - accesses.offsets()[lane]))
                        .filter(|&(lane, _)| {
                            // A collection that grows copies all of its room, used or not.
                            if accesses.region().is_heap() && part.fate != Fate::Used {
                                return false;
                            }
                            let offset = accesses.offsets()[lane];
                            part.is_used((0..part.bytes.into()).map(|byte| {
                                accesses.region().uninitialized(offset + byte, 1).is_none()
                            }))
                        });
                    let mut race = None;
                    if let Some(clock) = &mut self.shared.clock {
                        if self.launch.checks.global_races {
                            let access = part.access(self.warp, mask, self.pc, Action::Read);
                            let shadow = accesses.region().shadow();
                            let number = self.launch.number;
                            race = shadow.read(number, clock, &access, &accesses.offsets());
                        }
                        if part.order.strong {
                            let acquire = part.order.acquire;
                            let (warp, bytes) = (self.warp as usize, part.bytes);
                            clock.observe(warp, mask, part.addresses, bytes, acquire, part.scope);
                        }
                    }
                    if let Some((lane, first)) = missing {
                        self.uninitialized_global(lane, part, first);
                    }
                    if let Some(race) = race {
                        self.race(AccessSpace::Global, part, "reads", race);
                    }
                }
                Err(fault) => {
                    rest &= !self.global_fault(fault, part, "reads", |bytes, lane| {
                        for (values, bytes) in values.iter_mut().zip(bytes.chunks(size_of::<T>())) {
                            values[lane] = T::from_bytes(bytes);
                        }
                        false
                    })?
                }
            }
        }
        Ok(())
    }

    pub(super) fn store_global<T: Value>(
        &mut self,
        part: &Part<'_>,
        values: &[[T; LANES]],
    ) -> Result<(), Stop> {
        let mut rest = part.mask;
        while rest != 0 {
            match self.cursor.accesses(part.addresses, rest, part.bytes) {
                Ok(accesses) => {
                    let mask = accesses.mask();
                    if !accesses.region().is_writable() && self.launch.checks.bounds {
                        let lane = Self::first(mask);
                        return Err(self.constant_write(lane, part.addresses[lane]));
                    }
                    rest &= !mask;
                    let mut race = None;
                    if let Some(clock) = &mut self.shared.clock {
                        if self.launch.checks.global_races {
                            let access = part.access(self.warp, mask, self.pc, Action::Write);
                            let shadow = accesses.region().shadow();
                            let (number, offsets) = (self.launch.number, &accesses.offsets());
                            race = shadow.write(number, clock, &access, offsets, values);
                        }
                        if part.order.strong {
                            let release = part.order.release;
                            let (warp, bytes) = (self.warp as usize, part.bytes);
                            clock.publish(warp, mask, part.addresses, bytes, release, part.scope);
                        }
                    }
                    if accesses.region().is_writable() {
                        for (element, values) in (0..).zip(values) {
                            accesses.store(element, values);
                        }
                        accesses.initialize();
                    }
                    if let Some(race) = race {
                        self.race(AccessSpace::Global, part, "writes", race);
                    }
                }
                Err(fault) => {
                    rest &= !self.global_fault(fault, part, "writes", |bytes, lane| {
                        for (values, bytes) in values.iter().zip(bytes.chunks_mut(size_of::<T>())) {
                            bytes.copy_from_slice(&values[lane].to_bytes()[..size_of::<T>()]);
                        }
                        true
                    })?
                }
            }
        }
        Ok(())
    }

    /// Updates global memory, lane after lane. `update` gets the allocation, the offset in it, and
    /// the lane.
    pub(super) fn update_global(
        &mut self,
        part: &Part<'_>,
        mut update: impl FnMut(&Region, u64, usize),
    ) -> Result<(), Stop> {
        let mut rest = part.mask;
        while rest != 0 {
            match self.cursor.accesses(part.addresses, rest, part.bytes) {
                Ok(accesses) => {
                    let mask = accesses.mask();
                    rest &= !mask;
                    if !accesses.region().is_writable() {
                        if self.launch.checks.bounds {
                            let lane = Self::first(mask);
                            return Err(self.constant_write(lane, part.addresses[lane]));
                        }
                        continue;
                    }
                    let missing = accesses
                        .uninitialized()
                        .map(|(lane, offset)| (lane, offset - accesses.offsets()[lane]));
                    let (warp, bytes) = (self.warp as usize, part.bytes);
                    let mut race = None;
                    if let Some(clock) = &mut self.shared.clock {
                        if self.launch.checks.global_races {
                            let access = part.access(self.warp, mask, self.pc, Action::Atomic);
                            let shadow = accesses.region().shadow();
                            let (number, offsets) = (self.launch.number, &accesses.offsets());
                            race = shadow.write(number, clock, &access, offsets, NO_VALUES);
                        }
                        let release = part.order.release;
                        clock.publish(warp, mask, part.addresses, bytes, release, part.scope);
                    }
                    for lane in lanes(mask) {
                        update(accesses.region(), accesses.offsets()[lane], lane);
                    }
                    if let Some(clock) = &mut self.shared.clock {
                        let acquire = part.order.acquire;
                        clock.observe(warp, mask, part.addresses, bytes, acquire, part.scope);
                    }
                    if let Some((lane, first)) = missing {
                        self.uninitialized_global(lane, part, first);
                    }
                    if let Some(race) = race {
                        self.race(AccessSpace::Global, part, "updates", race);
                    }
                }
                // An atomic update that is not aligned has no meaning even without the check.
                Err(fault) => rest &= !self.global_fault(fault, part, "updates", |_, _| false)?,
            }
        }
        Ok(())
    }

    /// Handles a lane whose access is out of bounds or misaligned: ends the launch, or without that
    /// check lets it pass. `access` gets the bytes of the lane and says whether it changed them.
    /// Returns the lane that is done, as a mask.
    pub(super) fn global_fault(
        &mut self,
        fault: Fault,
        part: &Part<'_>,
        action: &'static str,
        access: impl FnOnce(&mut [u8], usize) -> bool,
    ) -> Result<Mask, Stop> {
        let bytes = part.bytes;
        let (lane, kind, enabled) = match fault {
            Fault::OutOfBounds { lane } => (lane, Kind::OutOfBounds, self.launch.checks.bounds),
            Fault::Misaligned { lane } => (lane, Kind::Misaligned, self.launch.checks.alignment),
        };
        let address = part.addresses[lane];
        let mut buffer = [0; 32];
        let buffer = &mut buffer[..bytes as usize];
        if !enabled {
            let found = self.cursor.find(address, bytes.into());
            match (fault, found) {
                (Fault::Misaligned { .. }, Some((region, offset))) => {
                    region.read(offset, buffer);
                    if access(buffer, lane) && region.is_writable() {
                        region.write(offset, buffer);
                    }
                    return Ok(1 << lane);
                }
                (Fault::Misaligned { .. }, None) if self.launch.checks.bounds => {}
                _ => {
                    access(buffer, lane);
                    return Ok(1 << lane);
                }
            }
        }
        Err(self.bad_address(kind, lane, action, address, bytes))
    }

    /// What ends the launch because of an access out of bounds or misaligned, by what there is at the
    /// address.
    pub(super) fn bad_address(
        &self,
        kind: Kind,
        lane: usize,
        action: &'static str,
        address: u64,
        bytes: u32,
    ) -> Stop {
        let size = in_words(bytes);
        let whereabouts = self.launch.device.memory().describe(address);
        let window = AccessSpace::of(address);
        let inside = whereabouts.is_some_and(|whereabouts| whereabouts.is_inside());
        let freed = whereabouts.is_some_and(|whereabouts| !whereabouts.allocation.live);
        let (kind, message) = if kind == Kind::Misaligned {
            let message =
                format!("{action} {bytes} bytes at {address:#x}, which is no multiple of {bytes}");
            (kind, message)
        } else if address < NULL_PAGE {
            (
                Kind::NullPointer,
                format!("{action} {size} at {address:#x}"),
            )
        } else if window != AccessSpace::Global && address & (WINDOW_SIZE * 256 - 1) < WINDOW_SIZE {
            let message = format!(
                "{action} {size} at {address:#x}, which is an address of {}",
                window.name()
            );
            (Kind::WrongSpace, message)
        } else if inside && freed {
            (
                Kind::UseAfterFree,
                format!("{action} {size} at {address:#x}"),
            )
        } else {
            (
                Kind::OutOfBounds,
                format!("{action} {size} at {address:#x}"),
            )
        };
        let mut report = self.report(kind, lane, action, message);
        report.address = Some(address);
        report.whereabouts = whereabouts.filter(|_| kind != Kind::NullPointer);
        Box::new(report)
    }

    pub(super) fn constant_write(&self, lane: usize, address: u64) -> Stop {
        let message = format!("writes to {address:#x}, which kernels may only read");
        let mut report = self.report(Kind::ConstantWrite, lane, "writes", message);
        report.address = Some(address);
        report.whereabouts = self.launch.device.memory().describe(address);
        Box::new(report)
    }

    pub(super) fn uninitialized_global(&mut self, lane: usize, part: &Part<'_>, first: u64) {
        let address = part.addresses[lane];
        let message = format!(
            "reads {} at {address:#x}{}",
            in_words(part.bytes),
            never_written(part.bytes, first)
        );
        let mut report = self.report(Kind::UninitializedGlobal, lane, "reads", message);
        report.address = Some(address);
        report.whereabouts = self.launch.device.memory().describe(address);
        self.note(report);
    }
}
