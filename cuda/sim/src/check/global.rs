//! The shadow of an allocation in global memory: who has last accessed each byte.
//!
//! Blocks run on many threads of the host, so a lock guards each 128 bytes. What earlier launches
//! did is forgotten when a launch first touches the bytes.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::cells::{CHUNK, Chunk};
use super::clock::Clock;
use super::record::{Access, Chunks, Conflict, record, record_run};
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

    /// Records that one lane accesses a run of bytes in launch number `launch`, which must be inside
    /// of the allocation; returns a race, if there is one. `data` has what it writes.
    pub(crate) fn access_run(
        &self,
        launch: u64,
        clock: &Clock,
        access: &Access,
        run: Range<u64>,
        data: &[u8],
    ) -> Option<Conflict> {
        record_run(&mut self.in_launch(launch), clock, access, run, data)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::check::{Action, Releases, Scope};

    const FLAG: u64 = 512;

    /// A block of one thread, on a thread of the host.
    struct Block<'s> {
        shadow: &'s GlobalShadow,
        clock: Clock,
        races: u32,
    }

    impl<'s> Block<'s> {
        fn new(shadow: &'s GlobalShadow, releases: &Arc<Releases>, number: u32) -> Self {
            Self {
                shadow,
                clock: Clock::new(releases.clone(), number, 1),
                races: 0,
            }
        }

        fn access(&mut self, action: Action, strong: bool, offset: u64, value: u32) {
            let access = Access {
                warp: 0,
                mask: 1,
                bytes: 4,
                pc: 0,
                action,
                strong,
            };
            let (clock, offsets) = (&self.clock, &[offset; LANES]);
            let race = match action {
                Action::Read => self.shadow.read(1, clock, &access, offsets),
                _ => self
                    .shadow
                    .write(1, clock, &access, offsets, &[[value; LANES]]),
            };
            self.races += u32::from(race.is_some());
        }

        fn publish(&mut self, release: bool) {
            self.clock
                .publish(0, 1, &[FLAG; LANES], 4, release, Scope::Device);
        }

        fn observe(&mut self) {
            self.clock
                .observe(0, 1, &[FLAG; LANES], 4, true, Scope::Device);
        }
    }

    /// Blocks on threads of their own take a lock in turn and count under it; returns the races.
    fn count_under_a_lock(is_released: bool) -> u32 {
        const ROUNDS: u32 = 2000;
        let shadow = GlobalShadow::new(1024);
        let releases = Arc::new(Releases::default());
        let (lock, counter) = (AtomicU32::new(0), AtomicU32::new(0));
        let races = std::thread::scope(|scope| {
            let blocks: Vec<_> = (0..4)
                .map(|number| {
                    let (shadow, releases, lock, counter) = (&shadow, &releases, &lock, &counter);
                    scope.spawn(move || {
                        let mut block = Block::new(shadow, releases, number);
                        for _ in 0..ROUNDS {
                            loop {
                                block.access(Action::Atomic, true, FLAG, 0);
                                block.publish(false);
                                let old = lock.swap(1, Ordering::SeqCst);
                                block.observe();
                                if old == 0 {
                                    break;
                                }
                                std::thread::yield_now();
                            }
                            let value = counter.load(Ordering::Relaxed);
                            block.access(Action::Read, false, 0, 0);
                            block.access(Action::Write, false, 0, value + 1);
                            counter.store(value + 1, Ordering::Relaxed);
                            block.access(Action::Write, true, FLAG, 0);
                            block.publish(is_released);
                            lock.store(0, Ordering::SeqCst);
                        }
                        block.races
                    })
                })
                .collect();
            blocks.into_iter().map(|block| block.join().unwrap()).sum()
        });
        assert_eq!(counter.into_inner(), 4 * ROUNDS);
        races
    }

    #[test]
    fn a_lock_orders_blocks_on_other_threads() {
        assert_eq!(count_under_a_lock(true), 0);
    }

    #[test]
    fn a_lock_without_a_release_does_not() {
        assert!(count_under_a_lock(false) > 0);
    }

    #[test]
    fn one_of_two_racing_threads_sees_the_other() {
        let releases = Arc::new(Releases::default());
        for _ in 0..200 {
            let shadow = GlobalShadow::new(1024);
            let races: u32 = std::thread::scope(|scope| {
                let blocks = [0, 1].map(|number| {
                    let (shadow, releases) = (&shadow, &releases);
                    scope.spawn(move || {
                        let mut block = Block::new(shadow, releases, number);
                        block.access(Action::Write, false, 0, number);
                        block.races
                    })
                });
                blocks.into_iter().map(|block| block.join().unwrap()).sum()
            });
            assert_eq!(races, 1);
        }
    }

    #[test]
    fn launches_come_one_after_the_other() {
        let shadow = GlobalShadow::new(1024);
        let releases = Arc::new(Releases::default());
        for launch in 1..4 {
            for number in [0, 1] {
                let block = Block::new(&shadow, &releases, number);
                let access = Access {
                    warp: 0,
                    mask: 1,
                    bytes: 4,
                    pc: 7,
                    action: Action::Write,
                    strong: false,
                };
                let (offsets, values) = (&[8; LANES], &[[number + 10 * launch; LANES]]);
                let race = shadow.write(launch.into(), &block.clock, &access, offsets, values);
                assert_eq!(race.map(|race| race.cluster), (number == 1).then_some(0));
            }
        }
    }

    #[test]
    fn a_large_allocation_costs_nothing_until_it_is_touched() {
        let shadow = GlobalShadow::new(1 << 30);
        let releases = Arc::new(Releases::default());
        let mut block = Block::new(&shadow, &releases, 0);
        block.access(Action::Write, false, (1 << 30) - 4, 1);
        let touched = shadow.pages.iter().filter(|page| page.get().is_some());
        assert_eq!((touched.count(), block.races), (1, 0));
    }
}
