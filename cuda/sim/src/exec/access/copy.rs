//! Asynchronous copies from global to shared memory.

use super::{AccessSpace, Order, Part, Scope};
use crate::check::{Action, Effect, Kind, Queue};
use crate::exec::{Context, LANES, Late, MOST_COPIED, Mask, Random, Stop, lanes};
use crate::profile::AccessKind;
use crate::program::Fate;

/// `cp.async`: what each lane copies.
pub(crate) struct AsynchronousCopy<'a> {
    /// Where to, in shared memory.
    pub(crate) to: &'a [u64; LANES],
    /// Where from, in global memory.
    pub(crate) from: &'a [u64; LANES],
    /// The bytes that are written: 4, 8 or 16.
    pub(crate) bytes: u32,
    /// The bytes that are read; zeros fill up the rest.
    pub(crate) read: &'a [u32; LANES],
}

impl Context<'_, '_> {
    /// Begins a copy in the lanes of `mask`.
    pub(crate) fn copy_asynchronously(
        &mut self,
        mask: Mask,
        copy: &AsynchronousCopy<'_>,
    ) -> Result<(), Stop> {
        let order = (Order::WEAK, Scope::Device);
        let to = Part::new(mask, copy.to, copy.bytes, order);
        self.check_own(mask, copy.to)?;
        self.count(AccessKind::Copy, AccessSpace::Shared, &to);
        let mask = self.shared_lanes(&to, "copies asynchronously to")?;
        self.check_no_mbarrier(mask, &to)?;
        if mask == 0 {
            return Ok(());
        }
        let time = self
            .shared
            .clock
            .as_mut()
            .map_or(0, |clock| clock.begin_copies());
        let words = copy.bytes as usize / 4;
        let mut values = [[0_u32; LANES]; MOST_COPIED / 4];
        let values = &mut values[..words];
        let select = |f: &dyn Fn(u32) -> bool| {
            lanes(mask)
                .filter(|&lane| f(copy.read[lane]))
                .fold(0, |selected, lane| selected | 1 << lane)
        };
        let excessive = select(&|read| read > copy.bytes);
        if excessive != 0 {
            let lane = Self::first(excessive);
            let message = format!(
                "an asynchronous copy of {} bytes that reads {}",
                copy.bytes, copy.read[lane]
            );
            return Err(self.stop(Kind::InvalidInstruction, lane, "copies", message));
        }
        // Of what is filled up with zeros, as much is counted as a whole copy reads.
        let reading = Part::new(select(&|read| read != 0), copy.from, copy.bytes, order);
        self.count(AccessKind::Copy, AccessSpace::Global, &reading);
        let whole = select(&|read| read == copy.bytes);
        if whole != 0 {
            let part = Part {
                fate: Fate::Stored,
                ..Part::new(whole, copy.from, copy.bytes, order)
            };
            self.note_copy_from(&part);
            self.load_global(&part, values)?;
        }
        for lane in lanes(select(&|read| read != 0 && read < copy.bytes)) {
            self.check_copied_alignment(lane, copy)?;
            for byte in 0..copy.read[lane] {
                let addresses = copy.from.map(|from| from.wrapping_add(byte.into()));
                let part = Part {
                    fate: Fate::Stored,
                    ..Part::new(1 << lane, &addresses, 1, order)
                };
                let mut bytes = [[0_u8; LANES]];
                self.note_copy_from(&part);
                self.load_global(&part, &mut bytes)?;
                values[byte as usize / 4][lane] |= u32::from(bytes[0][lane]) << (8 * (byte % 4));
            }
        }
        self.note_copy_to(&to, mask, values);
        let mut data = [[0; MOST_COPIED]; LANES];
        for lane in lanes(mask) {
            for (word, bytes) in values.iter().zip(data[lane].chunks_exact_mut(4)) {
                bytes.copy_from_slice(&word[lane].to_le_bytes());
            }
        }
        let late = Late {
            bytes: copy.bytes as usize,
            offsets: *copy.to,
            data,
        };
        let warp = self.warp as usize;
        let place = u64::from(self.warp) << 32 ^ self.steps ^ self.launch.number << 48;
        if Random(self.launch.seed ^ place).next() & 1 == 0 {
            self.shared
                .begin_copies(warp, mask, time, Some(Box::new(late)));
        } else {
            self.shared.arrive_copied(mask, &late);
            self.shared.begin_copies(warp, mask, time, None);
        }
        Ok(())
    }

    /// Ends the launch if what a lane reads a part of is not aligned to the whole.
    fn check_copied_alignment(&self, lane: usize, copy: &AsynchronousCopy<'_>) -> Result<(), Stop> {
        let (address, bytes) = (copy.from[lane], copy.bytes);
        if address.is_multiple_of(bytes.into()) || !self.launch.checks.alignment {
            return Ok(());
        }
        let message = format!(
            "copies {bytes} bytes asynchronously from {address:#x}, which is no multiple of {bytes}"
        );
        let mut report = self.report(Kind::Misaligned, lane, "copies", message);
        report.address = Some(address);
        Err(Box::new(report))
    }

    /// Records that a copy reads global memory from now on. Accesses that are wrong are found when
    /// it is read.
    fn note_copy_from(&mut self, part: &Part<'_>) {
        let mut rest = part.mask;
        if !self.launch.checks.global_races {
            return;
        }
        while rest != 0
            && let Some(clock) = &self.shared.clock
            && let Ok(accesses) = self.cursor.accesses(part.addresses, rest, part.bytes)
        {
            let mask = accesses.mask();
            rest &= !mask;
            let access = part.access(
                self.warp,
                mask,
                self.pc,
                Action::Begin(Queue::Copies, Effect::Read),
            );
            let shadow = accesses.region().shadow();
            let race = shadow.read(self.launch.number, clock, &access, &accesses.offsets());
            if let Some(race) = race {
                self.race(
                    AccessSpace::Global,
                    part,
                    "copies asynchronously from",
                    race,
                );
                return;
            }
        }
    }

    /// Records that a copy writes shared memory from now on.
    fn note_copy_to(&mut self, part: &Part<'_>, mask: Mask, values: &[[u32; LANES]]) {
        let shadowed = self.shadowed(part, mask);
        if let (Some(clock), Some(shadow)) = (&self.shared.clock, &mut self.shared.shadow) {
            let access = part.access(
                self.warp,
                shadowed,
                self.pc,
                Action::Begin(Queue::Copies, Effect::Write),
            );
            let race = shadow.write(clock, &access, part.addresses, values);
            if let Some(race) = race {
                self.race(AccessSpace::Shared, part, "copies asynchronously to", race);
            }
        }
    }
}
