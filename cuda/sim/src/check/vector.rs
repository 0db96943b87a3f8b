//! Vector clocks: up to which time the accesses of other threads are known.
//!
//! A full one has a number per thread of the grid. Most of what threads know has far less in it:
//! that a barrier was passed, and when the own warp, or one thread, has last synchronized.

use std::sync::Arc;

use crate::exec::{LANES, Mask, lanes};

/// Lanes of a warp that are known up to a time.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    warp: u32,
    lanes: Mask,
    time: u32,
}

/// What is known of the threads of one block.
#[derive(Clone, Debug, Default)]
pub(super) struct Vector {
    /// The time up to which all threads of the block are known.
    pub(super) base: u32,
    slots: [Slot; 2],
    /// Beyond both: a time for each thread.
    rest: Option<Arc<Vec<u32>>>,
}

impl Vector {
    /// All threads up to a time.
    pub(super) fn all(base: u32) -> Self {
        Self {
            base,
            ..Self::default()
        }
    }

    /// Learns that all threads of the block have come to a time.
    pub(super) fn raise_all(&mut self, base: u32) {
        self.base = self.base.max(base);
        let rest = &mut self.rest;
        if rest
            .as_ref()
            .is_some_and(|rest| rest.iter().all(|&time| time <= base))
        {
            *rest = None;
        }
    }

    fn is_empty(&self) -> bool {
        self.base == 0 && self.slots.iter().all(|slot| slot.time == 0) && self.rest.is_none()
    }

    /// Whether all of some lanes are known up to a time.
    pub(super) fn knows(&self, warp: u32, mut mask: Mask, time: u32) -> bool {
        if time <= self.base {
            return true;
        }
        for slot in &self.slots {
            if slot.warp == warp && time <= slot.time {
                mask &= !slot.lanes;
            }
        }
        mask == 0
            || self.rest.as_ref().is_some_and(|rest| {
                let warp = rest.get(warp as usize * LANES..).unwrap_or_default();
                lanes(mask).all(|lane| warp.get(lane).is_some_and(|&known| time <= known))
            })
    }

    /// Learns that some lanes have come to a time.
    pub(super) fn raise(&mut self, warp: u32, mut mask: Mask, time: u32) {
        if time <= self.base {
            return;
        }
        for slot in &self.slots {
            if slot.warp == warp && time <= slot.time {
                mask &= !slot.lanes;
            }
        }
        if mask == 0 {
            return;
        }
        let same = |slot: &&mut Slot| slot.warp == warp && slot.time == time;
        if let Some(slot) = self.slots.iter_mut().find(same) {
            slot.lanes |= mask;
            return;
        }
        let base = self.base;
        let slot = self.slots.iter_mut().find(|slot| {
            let is_covered = slot.warp == warp && slot.time <= time && slot.lanes & !mask == 0;
            slot.time <= base || is_covered
        });
        if let Some(slot) = slot {
            *slot = Slot {
                warp,
                lanes: mask,
                time,
            };
            return;
        }
        let rest = Arc::make_mut(self.rest.get_or_insert_default());
        let first = warp as usize * LANES;
        if rest.len() < first + LANES {
            rest.resize(first + LANES, 0);
        }
        for lane in lanes(mask) {
            let known = &mut rest[first + lane];
            *known = time.max(*known);
        }
    }

    /// Learns what another vector of the same block knows.
    pub(super) fn join(&mut self, other: &Self) {
        self.base = self.base.max(other.base);
        match (&mut self.rest, &other.rest) {
            (Some(rest), Some(other)) if !Arc::ptr_eq(rest, other) => {
                let rest = Arc::make_mut(rest);
                if rest.len() < other.len() {
                    rest.resize(other.len(), 0);
                }
                for (known, &other) in rest.iter_mut().zip(other.iter()) {
                    *known = other.max(*known);
                }
            }
            (rest @ None, Some(other)) => *rest = Some(other.clone()),
            _ => {}
        }
        for slot in other.slots {
            self.raise(slot.warp, slot.lanes, slot.time);
        }
    }
}

/// What is known of the threads of other blocks, sorted by block.
#[derive(Clone, Debug, Default)]
pub(super) struct Foreign(Vec<(u32, Vector)>);

impl Foreign {
    pub(super) fn knows(&self, block: u32, warp: u32, mask: Mask, time: u32) -> bool {
        self.get(block)
            .is_some_and(|vector| vector.knows(warp, mask, time))
    }

    fn get(&self, block: u32) -> Option<&Vector> {
        let index = self
            .0
            .binary_search_by_key(&block, |&(block, _)| block)
            .ok()?;
        Some(&self.0[index].1)
    }

    /// Learns about one block.
    pub(super) fn join_block(&mut self, block: u32, vector: &Vector) {
        match self.0.binary_search_by_key(&block, |&(block, _)| block) {
            Ok(index) => self.0[index].1.join(vector),
            Err(index) => self.0.insert(index, (block, vector.clone())),
        }
    }
}

/// Learns about several blocks.
pub(super) fn join_foreign(known: &mut Arc<Foreign>, other: &Arc<Foreign>) {
    if Arc::ptr_eq(known, other) {
        return;
    }
    if known.0.is_empty() {
        *known = other.clone();
        return;
    }
    let mut old = std::mem::take(&mut Arc::make_mut(known).0)
        .into_iter()
        .peekable();
    let mut joined = Vec::with_capacity(old.len().max(other.0.len()));
    for (block, vector) in &other.0 {
        while let Some(before) = old.next_if(|(known, _)| known < block) {
            joined.push(before);
        }
        let mut entry = match old.next_if(|(known, _)| known == block) {
            Some(entry) => entry,
            None => (*block, Vector::default()),
        };
        entry.1.join(vector);
        joined.push(entry);
    }
    joined.extend(old);
    *known = Arc::new(Foreign(joined));
}

/// Up to when writes of a block's threads can be seen by the asynchronous proxy: those that a thread knew
/// of, or did, when it came to a proxy fence.
#[derive(Clone, Debug, Default)]
pub(super) struct Proxied {
    pub(super) block: Vector,
    pub(super) copies: Vector,
}

impl Proxied {
    pub(super) fn join(&mut self, other: &Self) {
        self.block.join(&other.block);
        self.copies.join(&other.copies);
    }
}

/// What a thread knows, or a message says.
#[derive(Clone, Debug, Default)]
pub(super) struct Knowledge {
    /// Of its own block.
    pub(super) block: Vector,
    /// Of its asynchronous copies, whose times count by themselves.
    pub(super) copies: Vector,
    /// Of the others.
    pub(super) foreign: Option<Arc<Foreign>>,
    /// Of proxy fences, where there are any.
    pub(super) proxied: Option<Box<Proxied>>,
}

impl Knowledge {
    pub(super) fn is_empty(&self) -> bool {
        self.block.is_empty()
            && self.copies.is_empty()
            && self.foreign.is_none()
            && self.proxied.is_none()
    }

    /// Learns what a thread of the same block knows.
    pub(super) fn join(&mut self, other: &Self) {
        self.block.join(&other.block);
        self.join_the_rest(other);
    }

    /// Learns what a thread of the same block knows beside the times of the block.
    pub(super) fn join_the_rest(&mut self, other: &Self) {
        self.copies.join(&other.copies);
        self.join_foreign(&other.foreign);
        if let Some(other) = &other.proxied {
            self.proxied.get_or_insert_default().join(other);
        }
    }

    /// Learns about other blocks.
    fn join_foreign(&mut self, foreign: &Option<Arc<Foreign>>) {
        if let Some(foreign) = foreign {
            join_foreign(self.foreign.get_or_insert_default(), foreign);
        }
    }

    /// Learns, in block number `block`, what threads of any blocks have published.
    pub(super) fn learn(&mut self, block: u32, message: &Arc<Foreign>) {
        if let Some(vector) = message.get(block) {
            self.block.join(vector);
        }
        join_foreign(self.foreign.get_or_insert_default(), message);
    }
}
