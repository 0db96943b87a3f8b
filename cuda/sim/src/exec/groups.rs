//! Bulk copies out of shared memory, and reads of `wgmma`, that go on until groups of them are waited for.

use super::{LANES, Mask, SharedMemory, lanes};
use crate::check::Queue;

/// A bulk copy that a lane has begun, and that it has not waited for.
pub(super) struct BulkStore {
    warp: usize,
    lane: usize,
    /// Which instruction.
    pc: u32,
    /// The group that it is in, counted by the lane.
    group: u32,
    time: u32,
    /// Whether what it reads may change.
    is_read: bool,
}

/// What goes on in groups.
#[derive(Default)]
pub(crate) struct Groups {
    /// The group that the next bulk copy of each lane of each warp is in.
    current: Vec<[u32; LANES]>,
    stores: Vec<BulkStore>,
    /// The times of `wgmma`, by the first warp of the warp group, until somebody has waited for them.
    products: Vec<(usize, u32)>,
}

impl Groups {
    pub(super) fn is_empty(&self) -> bool {
        self.current.is_empty() && self.products.is_empty()
    }

    /// When the oldest began that nobody has waited for.
    pub(super) fn oldest(&self) -> Option<u32> {
        let stores = self.stores.iter().map(|store| store.time);
        stores
            .chain(self.products.iter().map(|product| product.1))
            .min()
    }

    fn current(&mut self, warp: usize) -> &mut [u32; LANES] {
        if self.current.len() <= warp {
            self.current.resize(warp + 1, [0; LANES]);
        }
        &mut self.current[warp]
    }
}

impl SharedMemory {
    /// Notes a bulk copy that a lane has begun at a time, from shared memory or to global memory, in
    /// the lane's current group.
    pub(crate) fn begin_store(&mut self, (warp, lane): (usize, usize), pc: u32, time: u32) {
        let group = self.copies.groups.current(warp)[lane];
        self.copies.groups.stores.push(BulkStore {
            warp,
            lane,
            pc,
            group,
            time,
            is_read: false,
        });
    }

    /// `cp.async.bulk.commit_group`
    pub(crate) fn commit_stores(&mut self, warp: usize, mask: Mask) {
        let current = self.copies.groups.current(warp);
        for lane in lanes(mask) {
            current[lane] = current[lane].wrapping_add(1);
        }
    }

    /// `cp.async.bulk.wait_group`: all but the `newest` last groups of each lane are done, or with
    /// `reads` have read what they read.
    pub(crate) fn wait_for_stores(&mut self, warp: usize, mask: Mask, newest: u32, reads: bool) {
        let current = *self.copies.groups.current(warp);
        let clock = &mut self.clock;
        self.copies.groups.stores.retain_mut(|store| {
            let is_meant = store.warp == warp
                && mask >> store.lane & 1 != 0
                && current[store.lane].wrapping_sub(store.group) > newest;
            if !is_meant {
                return true;
            }
            store.is_read = true;
            if let Some(clock) = clock {
                let lane = 1 << store.lane;
                clock.wait_for_copies(Queue::StoreReads, warp, lane, store.time);
                if !reads {
                    clock.wait_for_copies(Queue::StoreWrites, warp, lane, store.time);
                }
            }
            reads
        });
    }

    /// The bulk copies of some lanes of a warp that may still read shared memory: the lane and the
    /// instruction of each.
    pub(super) fn unread_stores(&self, warp: usize, mask: Mask) -> Vec<(usize, u32)> {
        let stores = self.copies.groups.stores.iter();
        stores
            .filter(|store| store.warp == warp && mask >> store.lane & 1 != 0 && !store.is_read)
            .map(|store| (store.lane, store.pc))
            .collect()
    }

    /// Notes that the warp group whose first warp is `owner` reads shared memory from a time on.
    pub(super) fn begin_product(&mut self, owner: usize, time: u32) {
        self.copies.groups.products.push((owner, time));
    }

    /// Lanes of a warp have waited for all that its warp group, whose first warp is `owner`, began to
    /// read up to a time.
    pub(super) fn finish_products(&mut self, warp: (usize, Mask), owner: usize, time: u32) {
        let products = &mut self.copies.groups.products;
        products.retain(|&(other, began)| other != owner || began > time);
        if let Some(clock) = &mut self.clock {
            clock.wait_for_others(Queue::Products, warp, owner, time);
        }
    }
}
