//! A thread's own memory, and the kernel's parameters.

use super::{AccessSpace, Part, Value, in_words, never_written};
use crate::check::Kind;
use crate::exec::{Context, LANES, Mask, Stop, lanes};
use crate::program::Fate;

impl Context<'_, '_> {
    pub(super) fn local_lanes(
        &mut self,
        part: &Part<'_>,
        action: &'static str,
    ) -> Result<Mask, Stop> {
        let end = u64::from((*self.local_end).min(self.local.len()));
        let bytes = u64::from(part.bytes);
        self.check_offsets(part, AccessSpace::Local, action, |_, address| {
            address.checked_add(bytes).is_some_and(|last| last <= end)
        })
    }

    pub(super) fn load_local<T: Value>(
        &mut self,
        part: &Part<'_>,
        values: &mut [[T; LANES]],
    ) -> Result<(), Stop> {
        let mask = self.local_lanes(part, "reads")?;
        for lane in lanes(part.mask) {
            for (element, values) in values.iter_mut().enumerate() {
                let mut bytes = [0; 8];
                let bytes = &mut bytes[..size_of::<T>()];
                if mask >> lane & 1 != 0 {
                    let at = part.addresses[lane] as u32 + (element * size_of::<T>()) as u32;
                    self.local.load(lane, at, bytes);
                }
                values[lane] = T::from_bytes(bytes);
            }
        }
        for lane in lanes(mask) {
            let address = part.addresses[lane] as u32;
            if let Some(first) = self.local.uninitialized(lane, address, part.bytes)
                && part.fate != Fate::StoredLocally
                && part.is_used(
                    (address..address + part.bytes)
                        .map(|byte| self.local.uninitialized(lane, byte, 1).is_none()),
                )
            {
                let message = format!(
                    "reads {} at {address:#x} of local memory{}",
                    in_words(part.bytes),
                    never_written(part.bytes, (first - address).into())
                );
                let mut report = self.report(Kind::UninitializedLocal, lane, "reads", message);
                report.address = Some(address.into());
                self.note(report);
                break;
            }
        }
        Ok(())
    }

    pub(super) fn store_local<T: Value>(
        &mut self,
        part: &Part<'_>,
        values: &[[T; LANES]],
    ) -> Result<(), Stop> {
        let mask = self.local_lanes(part, "writes")?;
        for lane in lanes(mask) {
            for (element, values) in values.iter().enumerate() {
                let at = part.addresses[lane] as u32 + (element * size_of::<T>()) as u32;
                self.local
                    .store(lane, at, &values[lane].to_bytes()[..size_of::<T>()]);
            }
        }
        Ok(())
    }

    pub(super) fn load_parameter<T: Value>(
        &mut self,
        part: &Part<'_>,
        values: &mut [[T; LANES]],
    ) -> Result<(), Stop> {
        let end = self.launch.parameters.len() as u64;
        let bytes = u64::from(part.bytes);
        let mask = self.check_offsets(part, AccessSpace::Parameter, "reads", |_, address| {
            address.checked_add(bytes).is_some_and(|last| last <= end)
        })?;
        for lane in lanes(part.mask) {
            for (element, values) in values.iter_mut().enumerate() {
                let at = part.addresses[lane] as usize + element * size_of::<T>();
                values[lane] = if mask >> lane & 1 != 0 {
                    T::from_bytes(&self.launch.parameters[at..at + size_of::<T>()])
                } else {
                    T::from_bytes(&[0; 8][..size_of::<T>()])
                };
            }
        }
        Ok(())
    }
}
