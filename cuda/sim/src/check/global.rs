//! The shadow of an allocation in global memory: who has last accessed each byte.
//!
//! Blocks run on many threads of the host, so a lock guards each 128 bytes. What earlier launches
//! did is forgotten when a launch first touches the bytes.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::cells::{Access, Action, CHUNK, Chunk, Conflict, Entry, word, words};
use super::clock::Clock;
use crate::exec::{LANES, lanes};

/// How many chunks are made at once.
const PAGE: usize = 32;

/// The history of 4 KiB.
type Page = [Mutex<Chunk>; PAGE];

/// The history of an allocation. Nothing is held of what no checked launch has touched.
#[derive(Debug)]
pub(crate) struct GlobalShadow {
    pages: Box<[OnceLock<Box<Page>>]>,
}

impl GlobalShadow {
    /// No history, of an allocation of `bytes` bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let pages = bytes.div_ceil((PAGE * CHUNK) as u64);
        Self {
            pages: (0..pages).map(|_| OnceLock::new()).collect(),
        }
    }

    fn lock(&self, offset: u64) -> MutexGuard<'_, Chunk> {
        let chunk = offset as usize / CHUNK;
        let page = self.pages[chunk / PAGE].get_or_init(Box::default);
        page[chunk % PAGE]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Records what lanes of a warp read in launch number `launch`; returns a race, if there is
    /// one. The offsets must be inside of the allocation and aligned to the access. Launches are
    /// numbered from 1.
    pub(crate) fn read(
        &self,
        launch: u64,
        clock: &Clock,
        access: &Access,
        offsets: &[u64; LANES],
    ) -> Option<Conflict> {
        self.record(launch, clock, access, offsets, &[[0_u32; LANES]; 0])
    }

    /// Records what lanes of a warp write, or change by an atomic; returns a race, if there is
    /// one. `values` are the elements of each lane's value, side by side in memory; those of an
    /// atomic do not matter.
    pub(crate) fn write<T: Copy + Into<u64>>(
        &self,
        launch: u64,
        clock: &Clock,
        access: &Access,
        offsets: &[u64; LANES],
        values: &[[T; LANES]],
    ) -> Option<Conflict> {
        self.record(launch, clock, access, offsets, values)
    }

    #[inline(always)]
    fn record<T: Copy + Into<u64>>(
        &self,
        launch: u64,
        clock: &Clock,
        access: &Access,
        offsets: &[u64; LANES],
        values: &[[T; LANES]],
    ) -> Option<Conflict> {
        let entry = Entry::new(
            access,
            clock.warp_number(access.warp),
            clock.time(access.warp),
        );
        let is_uniform = clock.is_uniform(access.warp);
        let mut observer = clock.observer(access.warp, 0);
        let mut found = None;
        let mut locked: Option<(u64, MutexGuard<'_, Chunk>)> = None;
        for lane in lanes(access.mask) {
            observer = if is_uniform {
                observer.of_lane(lane)
            } else {
                clock.observer(access.warp, lane)
            };
            let offset = offsets[lane];
            let number = offset / CHUNK as u64;
            let chunk = match &mut locked {
                Some((held, chunk)) if *held == number => chunk,
                _ => {
                    // Never two locks at once.
                    drop(locked.take());
                    let mut chunk = self.lock(offset);
                    chunk.enter(launch);
                    &mut locked.insert((number, chunk)).1
                }
            };
            let (range, bytes) = words(offset, access.bytes);
            for (index, cell) in range.enumerate() {
                let race = if access.action == Action::Read {
                    chunk.read::<false>(cell, entry.at(lane, bytes, 0), &observer)
                } else {
                    let value = word(values, lane, index) << (8 * (offset % 4));
                    chunk.write::<false>(cell, entry.at(lane, bytes, value), &observer)
                };
                if let (None, Some(other)) = (found, race) {
                    let offset = (offset & !3) + 4 * index as u64;
                    found = Some(other.conflict(lane, offset, clock.n_warps(), &observer));
                }
            }
        }
        found
    }
}
