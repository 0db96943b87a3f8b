//! The shadow of an allocation in global memory: who has last accessed each byte.
//!
//! Blocks run on many threads of the host, so a lock guards each 128 bytes. What earlier launches
//! did is forgotten when a launch first touches the bytes.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::cells::{CHUNK, Chunk};
use super::clock::Clock;
use super::record::{Access, Chunks, Conflict, record};
use crate::exec::LANES;

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

    fn in_launch(&self, launch: u64) -> InLaunch<'_> {
        InLaunch {
            shadow: self,
            launch,
        }
    }

    fn lock(&self, chunk: usize) -> MutexGuard<'_, Chunk> {
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
        record(
            &mut self.in_launch(launch),
            clock,
            access,
            offsets,
            &[[0_u32; LANES]; 0],
        )
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
        record(&mut self.in_launch(launch), clock, access, offsets, values)
    }
}

/// An allocation's history in a launch.
struct InLaunch<'s> {
    shadow: &'s GlobalShadow,
    launch: u64,
}

impl Chunks for InLaunch<'_> {
    const EXACT: bool = false;

    fn epoch(&self) -> u64 {
        self.launch
    }

    fn with<R>(&mut self, number: usize, work: impl FnOnce(&mut Chunk) -> R) -> R {
        work(&mut self.shadow.lock(number))
    }
}
