//! Threads that produce tiles, and threads that consume them.

use super::Barrier;
use crate::async_copy::{cp_async_ca_zfill, cp_async_wait_all};
use crate::groups::Block;
use crate::kernel::DeviceValue;
use crate::phased::Element;
use crate::thread;

/// A [`Channel`] of `S` tiles of `N` elements of shared memory: `channel![T; N; stages S]`, one for
/// each place where this is written.
///
/// It is an `unsafe` expression.
///
/// # Safety
///
/// - It is evaluated once by each thread of a launch.
#[macro_export]
macro_rules! channel {
    ($element:ty; $n:expr; stages $stages:expr) => {
        $crate::barrier::Channel::<$element, { $n }, { $stages }>::from_shared(
            $crate::shared_array![$element; $n * $stages],
            $crate::shared_array![u64; 2 * $stages],
        )
    };
}

/// A ring of `STAGES` tiles of `N` elements, through which some threads of a block send tiles to the
/// others.
pub struct Channel<T, const N: usize, const STAGES: usize> {
    start: *mut T,
    barriers: *mut u64,
}

/// What a thread is to a channel.
pub enum Role<T, const N: usize, const STAGES: usize> {
    /// It sends, with the other producers.
    Producer(Producer<T, N, STAGES>),
    /// It receives, as every consumer does.
    Consumer(Consumer<T, N, STAGES>),
}

impl<T: Element, const N: usize, const STAGES: usize> Channel<T, N, STAGES> {
    /// The channel in two arrays of shared memory; [`channel!`](crate::channel) calls it.
    ///
    /// # Safety
    ///
    /// - `start` is that of `N * STAGES` elements of shared memory, `barriers` of two words for each
    ///   stage, the same in all threads of the block; nothing but this channel reaches them.
    #[doc(hidden)]
    #[inline(always)]
    pub unsafe fn from_shared(start: *mut T, barriers: *mut u64) -> Channel<T, N, STAGES> {
        Channel { start, barriers }
    }

    /// Makes the first `n_producers` threads of the block producers, and the rest consumers.
    ///
    /// # Safety
    ///
    /// - Every thread of the block calls it with the same number, which is at least 1 and less than the
    ///   block's threads: the branches on the way here do not depend on the thread, and none has exited.
    #[inline(always)]
    pub unsafe fn split(self, n_producers: u32) -> Role<T, N, STAGES> {
        const { assert!(STAGES >= 1, "a channel has at least one stage") };
        let block = Block::this();
        let n_consumers = block.size() - n_producers;
        if block.rank() == 0 {
            let mut stage = 0;
            while stage < STAGES {
                // SAFETY: two words for each stage, in which no barriers are yet.
                unsafe {
                    self.full(stage).init_here(n_producers);
                    self.empty(stage).init_here(n_consumers);
                }
                stage += 1;
            }
        }
        // Makes the barriers visible to the threads that arrive.
        thread::sync_threads();
        let at = Position {
            channel: self,
            stage: 0,
            round: 0,
        };
        if block.rank() < n_producers {
            Role::Producer(Producer {
                at,
                rank: block.rank(),
                n_producers,
            })
        } else {
            Role::Consumer(Consumer {
                at,
                rank: block.rank() - n_producers,
                n_consumers,
            })
        }
    }

    /// Its phases are complete when all producers have written the stage.
    #[inline(always)]
    fn full(&self, stage: usize) -> Barrier {
        Barrier {
            place: self.barriers.wrapping_add(stage),
        }
    }

    /// Its phases are complete when all consumers have read the stage.
    #[inline(always)]
    fn empty(&self, stage: usize) -> Barrier {
        Barrier {
            place: self.barriers.wrapping_add(STAGES + stage),
        }
    }
}

/// Where in the ring a thread is.
struct Position<T, const N: usize, const STAGES: usize> {
    channel: Channel<T, N, STAGES>,
    stage: usize,
    /// How often the thread has been around, as its lowest bit.
    round: u32,
}

impl<T, const N: usize, const STAGES: usize> Position<T, N, STAGES> {
    #[inline(always)]
    fn advance(&mut self) {
        self.stage += 1;
        if self.stage == STAGES {
            self.stage = 0;
            self.round ^= 1;
        }
    }
}

/// A thread that sends tiles, together with the other producers of its block.
///
/// It arrives once at the barrier of a stage, and again only after all consumers have read what was
/// sent: so no call can do harm that the others do not join. They wait for it forever.
pub struct Producer<T, const N: usize, const STAGES: usize> {
    at: Position<T, N, STAGES>,
    rank: u32,
    n_producers: u32,
}

impl<T: Element, const N: usize, const STAGES: usize> Producer<T, N, STAGES> {
    /// The thread's number among the producers.
    #[inline(always)]
    pub fn rank(&self) -> u32 {
        self.rank
    }

    /// Waits for a stage that all consumers have read, and writes `value(i)` to each element `i` that
    /// this thread owns: its rank modulo the number of producers. The tile is sent when all producers
    /// have done so.
    #[inline(always)]
    pub fn send(&mut self, mut value: impl FnMut(usize) -> T) {
        self.for_own(|i, place| {
            let value = value(i);
            // SAFETY: an element of the stage, which no consumer reads, and which this producer alone
            // owns.
            unsafe { place.write(value) }
        });
        // SAFETY: the one arrival of this producer in this phase.
        let _ = unsafe { self.at.channel.full(self.at.stage).arrive() };
        self.at.advance();
    }

    /// As [`send`](Producer::send), by asynchronous copies: this thread goes on at once, and the tile is
    /// sent when the copies of all producers have come. Where `source` has nothing the element is zeros.
    ///
    /// # Safety
    ///
    /// - What `source` returns lies in global memory, and nothing writes to it as long as the channel
    ///   is in use.
    #[inline(always)]
    pub unsafe fn send_copies<'a>(&mut self, mut source: impl FnMut(usize) -> Option<&'a T>)
    where
        T: DeviceValue,
    {
        const {
            assert!(
                matches!(size_of::<T>(), 4 | 8 | 16) && align_of::<T>() == size_of::<T>(),
                "an element that is copied has 4, 8 or 16 bytes, and is aligned to them"
            );
        }
        self.for_own(|i, place| {
            let (src, n_bytes) = match source(i) {
                Some(element) => (&raw const *element, size_of::<T>() as u32),
                None => (core::ptr::null(), 0),
            };
            // SAFETY: as for `send`; the source is in global memory by the caller's promise.
            unsafe { cp_async_ca_zfill(place, src, n_bytes) }
        });
        // SAFETY: the one arrival of this producer in this phase.
        unsafe { self.at.channel.full(self.at.stage).arrive_with_copies() };
        self.at.advance();
    }

    /// Waits for the stage, then calls `f` with the index and the place of each element of it that this
    /// thread owns.
    #[inline(always)]
    fn for_own(&self, mut f: impl FnMut(usize, *mut T)) {
        let Position {
            channel,
            stage,
            round,
        } = &self.at;
        // The consumers have read what was sent a round ago; in the first round there was nothing.
        channel.empty(*stage).wait_parity(round ^ 1);
        let mut i = self.rank as usize;
        while i < N {
            f(i, channel.start.wrapping_add(stage * N + i));
            i += self.n_producers as usize;
        }
    }

    /// Waits until this thread's copies have come; a thread that has sent copies calls it before it
    /// exits.
    #[inline(always)]
    pub fn finish(self) {
        cp_async_wait_all();
    }
}

/// A thread that receives all tiles.
///
/// It arrives once at the barrier of a stage, and again only after that was sent anew: so no call can
/// do harm that the others do not join. The producers wait for it forever.
pub struct Consumer<T, const N: usize, const STAGES: usize> {
    at: Position<T, N, STAGES>,
    rank: u32,
    n_consumers: u32,
}

impl<T: Element, const N: usize, const STAGES: usize> Consumer<T, N, STAGES> {
    /// The thread's number among the consumers.
    #[inline(always)]
    pub fn rank(&self) -> u32 {
        self.rank
    }

    /// Consumers of the channel.
    #[inline(always)]
    pub fn n_consumers(&self) -> u32 {
        self.n_consumers
    }

    /// Waits for the next tile, and reads it. Its stage is free again when all consumers have done so.
    #[inline(always)]
    pub fn receive<R>(&mut self, read: impl FnOnce(&[T; N]) -> R) -> R {
        let Position {
            channel,
            stage,
            round,
        } = &self.at;
        channel.full(*stage).wait_parity(*round);
        // SAFETY: a stage, all of which was written; no producer writes to it before this consumer
        // arrives, below.
        let tile = unsafe { &*channel.start.wrapping_add(stage * N).cast::<[T; N]>() };
        let result = read(tile);
        // SAFETY: the one arrival of this consumer in this phase.
        let _ = unsafe { channel.empty(*stage).arrive() };
        self.at.advance();
        result
    }
}
