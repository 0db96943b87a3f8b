//! Shared memory of other blocks of the cluster: whose it is, and whether that block is still there.

use super::{AccessSpace, NO_VALUES};
use crate::check::{Access, Action, Arrivals, Kind, Queue, Report, SHADOW_CHUNK};
use crate::exec::{ALL, Context, ElementUpdate, LANES, Mask, Stop, lanes, rank_and_offset};

impl Context<'_, '_> {
    /// The rank of the thread's block in its cluster.
    pub(crate) fn rank(&self) -> u64 {
        rank_and_offset(self.shared_base).0
    }

    /// What an address of a space is in: `shared memory`, or in a cluster that of which block.
    pub(in crate::exec) fn memory_name(&self, space: AccessSpace, address: u64) -> String {
        let (rank, _) = rank_and_offset(address);
        if space != AccessSpace::Shared || self.shared.blocks == 1 {
            return space.name().to_owned();
        }
        if rank >= self.shared.blocks.into() {
            return format!("the shared memory of a block of rank {rank}");
        }
        let [x, y, z] = self.launch.block_index(self.cluster, rank as u32);
        format!("the shared memory of block ({x}, {y}, {z})")
    }

    /// Ends the launch if an address, which should be one of the block's own memory, is one of
    /// another block's.
    pub(super) fn check_own(&self, mask: Mask, addresses: &[u64; LANES]) -> Result<(), Stop> {
        if self.shared.blocks == 1 || !self.launch.checks.bounds {
            return Ok(());
        }
        for lane in lanes(mask) {
            let address = addresses[lane];
            let (rank, _) = rank_and_offset(address);
            if rank != self.rank() && rank < self.shared.blocks.into() {
                let message = format!(
                    "an address of the block's own shared memory is expected here, as `.shared::cta` \
                     says, and {address:#x} is one of {}",
                    self.memory_name(AccessSpace::Shared, address)
                );
                let mut report = self.report(Kind::WrongSpace, lane, "accesses", message);
                report.address = Some(address);
                return Err(Box::new(report));
            }
        }
        Ok(())
    }

    /// Reports an access to the memory of a block that has ended.
    pub(super) fn check_not_ended(&self, mask: Mask, addresses: &[u64; LANES], did: &'static str) {
        if self.shared.shadow.is_none() {
            return;
        }
        for lane in lanes(mask) {
            let address = addresses[lane];
            let (rank, _) = rank_and_offset(address);
            if let Some((thread, pc)) = self.shared.ended[rank as usize] {
                let party = (self.thread(lane), self.pc);
                let report = self.too_late(party, did, address, (thread, pc));
                self.note(report.within(self.launch.callers(self.stack)));
                return;
            }
        }
    }

    /// `st.async` and `red.async`: each lane writes the first `bytes` of its data, or updates an element by
    /// them; they count at an mbarrier of the block that they go to.
    pub(crate) fn store_remotely(
        &mut self,
        mask: Mask,
        [to, mbarriers]: [&[u64; LANES]; 2],
        data: &[[u8; 16]; LANES],
        bytes: usize,
        update: Option<ElementUpdate>,
    ) -> Result<(), Stop> {
        for lane in lanes(mask) {
            let (address, mbarrier) = (to[lane], mbarriers[lane]);
            if self.shared.blocks == 1 {
                let message = "an asynchronous store is for clusters of more than one block";
                return Err(self.stop(Kind::InvalidInstruction, lane, "stores", message));
            }
            if !address.is_multiple_of(bytes as u64) && self.launch.checks.alignment {
                let message = format!(
                    "stores {bytes} bytes at {address:#x} of {}, which is no multiple of {bytes}",
                    self.memory_name(AccessSpace::Shared, address)
                );
                let mut report = self.report(Kind::Misaligned, lane, "stores", message);
                report.address = Some(address);
                return Err(Box::new(report));
            }
            self.check_mbarrier(lane, mbarrier)?;
            if rank_and_offset(address).0 != rank_and_offset(mbarrier).0 {
                let message = format!(
                    "stores to {}, and the mbarrier lies in {}; both must be of one block",
                    self.memory_name(AccessSpace::Shared, address),
                    self.memory_name(AccessSpace::Shared, mbarrier)
                );
                return Err(self.stop(Kind::MbarrierMisuse, lane, "stores", message));
            }
            let time = self.begin_asynchronously();
            let data = &data[lane][..bytes];
            match update {
                Some(update) => {
                    self.update_shared_run(lane, Queue::Stores, address, data, update)?
                }
                None => self.write_shared_run(lane, Queue::Stores, address, data)?,
            }
            self.complete_copy(lane, mbarrier, (Queue::Stores, time), bytes as u32)?;
        }
        Ok(())
    }

    /// The last threads of the block end: reports what others have done to its memory unless that is
    /// known to have come before.
    pub(in crate::exec) fn end_block(&mut self) {
        let rank = self.rank() as u32;
        let (thread, pc) = (self.thread(0), self.pc);
        self.shared.ended[rank as usize] = Some((thread, pc));
        let variables = self.shared.variables(rank);
        let (Some(clock), Some(shadow)) = (&mut self.shared.clock, &mut self.shared.shadow) else {
            return;
        };
        // The block ends when all of its threads have: what one of them knows counts.
        let warps = self.launch.warps();
        let mut arrivals = Arrivals::default();
        for warp in rank * warps..(rank + 1) * warps {
            clock.arrive(&mut arrivals, warp as usize, ALL);
        }
        clock.leave(&arrivals, self.warp as usize, ALL);
        let access = Access {
            warp: self.warp as usize,
            mask: ALL,
            bytes: 4,
            pc,
            action: Action::End,
            strong: false,
        };
        let mut found = Vec::new();
        for (first, last) in variables {
            for chunk in (first & !(SHADOW_CHUNK as u64 - 1)..last).step_by(SHADOW_CHUNK) {
                let addresses = std::array::from_fn(|lane| chunk + 4 * lane as u64);
                found.extend(shadow.write(clock, &access, &addresses, NO_VALUES));
            }
        }
        for other in found {
            // Its own copies may go on: nobody will read them.
            if other.thread / (warps * LANES as u32) != rank {
                let party = (other.thread, other.pc);
                let did = other.action.verb();
                self.note(self.too_late(party, did, other.offset, (thread, pc)));
            }
        }
    }

    /// The report of a thread that accesses the memory of a block whose last thread may have ended.
    fn too_late(
        &self,
        (thread, pc): (u32, u32),
        did: &'static str,
        address: u64,
        (last, end): (u32, u32),
    ) -> Report {
        let message = format!(
            "{did} {address:#x} of {}, {}, and nothing makes that block wait for it before it ends; a \
             barrier of the cluster behind the access would",
            self.memory_name(AccessSpace::Shared, address),
            self.describe_offset(AccessSpace::Shared, address),
        );
        let mut report =
            self.launch
                .report(Kind::EndedBlock, self.cluster, thread, pc, did, message);
        report.address = Some(address);
        report.other = Some(self.launch.party(self.cluster, last, end, "ends"));
        report
    }
}
