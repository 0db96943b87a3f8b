//! Shared memory: the variables of the kernel, and what its launch adds, of all blocks of a cluster.

use super::{AccessSpace, NO_VALUES, Part, SHARED_WINDOW, Value, in_words, never_written};
use crate::check::{Action, Kind, Scope};
use crate::exec::{Context, LANES, Mask, Stop, lanes};

impl Context<'_, '_> {
    pub(in crate::exec) fn shared_lanes(
        &mut self,
        part: &Part<'_>,
        action: &'static str,
    ) -> Result<Mask, Stop> {
        let bytes = u64::from(part.bytes);
        // As a rule all lanes are in one variable, and one look at the outermost addresses tells.
        let low = part.addresses.iter().enumerate();
        let low = low.filter(|(lane, _)| part.mask >> lane & 1 != 0);
        let (least, most, bits) =
            low.fold((u64::MAX, 0, 0), |(least, most, bits), (_, &address)| {
                (address.min(least), address.max(most), address | bits)
            });
        let good =
            if bits & (bytes - 1) == 0 && self.shared.contains(least, most.saturating_add(bytes)) {
                part.mask
            } else {
                self.check_offsets(part, AccessSpace::Shared, action, |context, address| {
                    context
                        .shared
                        .contains(address, address.saturating_add(bytes))
                })?
            };
        if self.shared.blocks > 1 {
            self.check_not_ended(good, part.addresses, action);
        }
        Ok(good)
    }

    pub(super) fn load_shared<T: Value>(
        &mut self,
        part: &Part<'_>,
        values: &mut [[T; LANES]],
    ) -> Result<(), Stop> {
        let mask = self.fetch_shared(part, values)?;
        self.shared_read(part, mask, Action::Read);
        Ok(())
    }

    /// Reads without a record of who has read; returns the lanes that may.
    pub(super) fn fetch_shared<T: Value>(
        &mut self,
        part: &Part<'_>,
        values: &mut [[T; LANES]],
    ) -> Result<Mask, Stop> {
        let mask = self.shared_lanes(part, "reads")?;
        for (element, values) in values.iter_mut().enumerate() {
            for lane in lanes(part.mask & !mask) {
                values[lane] = T::from_bytes(&[0; 8][..size_of::<T>()]);
            }
            for lane in lanes(mask) {
                let at = part.addresses[lane] + (element * size_of::<T>()) as u64;
                values[lane] = T::from_bytes(self.shared.bytes(at, size_of::<T>()));
            }
        }
        if let Some(written) = &self.shared.written
            && let Some((lane, first)) = written.first_missing(mask, part.addresses, part.bytes)
            && part.is_used((0..part.bytes.into()).map(|byte| {
                let offsets = &[part.addresses[lane] + byte; LANES];
                written.first_missing(1 << lane, offsets, 1).is_none()
            }))
        {
            self.uninitialized_shared(lane, part, first);
        }
        Ok(mask)
    }

    pub(super) fn store_shared<T: Value>(
        &mut self,
        part: &Part<'_>,
        values: &[[T; LANES]],
    ) -> Result<(), Stop> {
        let mask = self.shared_lanes(part, "writes")?;
        self.check_no_mbarrier(mask, part)?;
        self.shared_write(part, mask, Action::Write, values);
        for (element, values) in values.iter().enumerate() {
            for lane in lanes(mask) {
                let at = part.addresses[lane] + (element * size_of::<T>()) as u64;
                let bytes = &values[lane].to_bytes()[..size_of::<T>()];
                self.shared
                    .bytes_mut(at, size_of::<T>())
                    .copy_from_slice(bytes);
            }
        }
        Ok(())
    }

    /// Updates shared memory, lane after lane. `update` gets the bytes of a lane.
    pub(super) fn update_shared(
        &mut self,
        part: &Part<'_>,
        mut update: impl FnMut(&mut [u8], usize),
    ) -> Result<(), Stop> {
        let mask = self.shared_lanes(part, "updates")?;
        self.check_no_mbarrier(mask, part)?;
        if let Some(written) = &self.shared.written
            && let Some((lane, first)) = written.first_missing(mask, part.addresses, part.bytes)
        {
            self.uninitialized_shared(lane, part, first);
        }
        self.shared_write(part, mask, Action::Atomic, NO_VALUES);
        for lane in lanes(mask) {
            let bytes = part.bytes as usize;
            update(self.shared.bytes_mut(part.addresses[lane], bytes), lane);
        }
        self.shared_read(part, mask, Action::Atomic);
        Ok(())
    }

    /// The lanes whose accesses a shadow takes: the aligned ones, where others are let pass.
    pub(in crate::exec) fn shadowed(&self, part: &Part<'_>, mask: Mask) -> Mask {
        if self.launch.checks.alignment {
            return mask;
        }
        lanes(mask)
            .filter(|&lane| part.addresses[lane].is_multiple_of(part.bytes.into()))
            .fold(0, |aligned, lane| aligned | 1 << lane)
    }

    /// Records a read of shared memory that was done.
    pub(super) fn shared_read(&mut self, part: &Part<'_>, mask: Mask, action: Action) {
        let shadowed = self.shadowed(part, mask);
        let Some(clock) = &mut self.shared.clock else {
            return;
        };
        let mut race = None;
        if action == Action::Read
            && let Some(shadow) = &mut self.shared.shadow
        {
            let access = part.access(self.warp, shadowed, self.pc, action);
            race = shadow.read(clock, &access, part.addresses);
        }
        if part.order.strong {
            let addresses = part
                .addresses
                .map(|address| address.wrapping_add(SHARED_WINDOW));
            let (warp, acquire) = (self.warp as usize, part.order.acquire);
            clock.observe(warp, mask, &addresses, part.bytes, acquire, Scope::Block);
        }
        if let Some(race) = race {
            self.race(AccessSpace::Shared, part, "reads", race);
        }
    }

    /// Records a write of shared memory that is about to be done.
    pub(super) fn shared_write<T: Value>(
        &mut self,
        part: &Part<'_>,
        mask: Mask,
        action: Action,
        values: &[[T; LANES]],
    ) {
        let shadowed = self.shadowed(part, mask);
        if let Some(written) = &mut self.shared.written {
            written.set(mask, part.addresses, part.bytes);
        }
        let Some(clock) = &mut self.shared.clock else {
            return;
        };
        let mut race = None;
        if let Some(shadow) = &mut self.shared.shadow {
            let access = part.access(self.warp, shadowed, self.pc, action);
            race = shadow.write(clock, &access, part.addresses, values);
        }
        if part.order.strong {
            let addresses = part
                .addresses
                .map(|address| address.wrapping_add(SHARED_WINDOW));
            let (warp, release) = (self.warp as usize, part.order.release);
            clock.publish(warp, mask, &addresses, part.bytes, release, Scope::Block);
        }
        if let Some(race) = race {
            let did = if action == Action::Atomic {
                "updates"
            } else {
                "writes"
            };
            self.race(AccessSpace::Shared, part, did, race);
        }
    }

    pub(super) fn uninitialized_shared(&self, lane: usize, part: &Part<'_>, first: u64) {
        let address = part.addresses[lane];
        let message = format!(
            "reads {} at {address:#x} of {}, {}{}",
            in_words(part.bytes),
            self.memory_name(AccessSpace::Shared, address),
            self.describe_offset(AccessSpace::Shared, address),
            never_written(part.bytes, first - address)
        );
        let mut report = self.report(Kind::UninitializedShared, lane, "reads", message);
        report.address = Some(address);
        self.note(report);
    }
}
