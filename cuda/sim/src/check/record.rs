//! Records what the lanes of a warp access, chunk by chunk of a shadow.

use super::cells::{CHUNK, Chunk, Entry, Run};
use super::clock::{Clock, Observer};
use crate::exec::{LANES, Mask, lanes};

/// The words of a lane's access within its chunk, and the bytes of each.
#[inline(always)]
pub(super) fn words(offset: u64, bytes: u32) -> (std::ops::Range<usize>, u8) {
    let first = offset as usize % CHUNK / 4;
    match bytes {
        1 | 2 => (first..first + 1, ((1 << bytes) - 1) << (offset % 4)),
        _ => (first..first + bytes as usize / 4, 0xf),
    }
}

/// A word of what a lane writes: `values` are the elements, which lie side by side in memory.
#[inline(always)]
pub(super) fn word<T: Copy + Into<u64>>(values: &[[T; LANES]], lane: usize, word: usize) -> u32 {
    let element = |index: usize| values.get(index).map_or(0, |values| values[lane].into());
    match size_of::<T>() {
        8 => (element(word / 2) >> (32 * (word % 2))) as u32,
        4 => element(word) as u32,
        2 => (element(2 * word) | element(2 * word + 1) << 16) as u32,
        _ => (0..4).fold(0, |bits, byte| {
            bits | (element(4 * word + byte) as u32) << (8 * byte)
        }),
    }
}

/// What an instruction does to memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    /// Loads.
    Read,
    /// Stores.
    Write,
    /// Reads, changes and writes in one step.
    Atomic,
    /// Begins something that accesses it asynchronously, until those wait who are concerned.
    Begin(Queue, Effect),
    /// Ends the block whose memory it is.
    End,
}

/// What something asynchronous does to memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Effect {
    /// It reads.
    Read,
    /// It writes.
    Write,
    /// It updates, element by element.
    Update,
}

/// By what a thread waits for something asynchronous: what is in one queue counts by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Queue {
    /// `cp.async`, by groups or an mbarrier.
    Copies,
    /// Bulk copies whose bytes an mbarrier counts.
    Loads,
    /// The reads of bulk copies in groups.
    StoreReads,
    /// The writes of bulk copies in groups.
    StoreWrites,
    /// The reads of `wgmma`, by groups of a warp group.
    Products,
    /// `st.async` and `red.async`, whose bytes an mbarrier counts.
    Stores,
}

/// How many queues there are.
pub(super) const QUEUES: usize = 6;

impl Queue {
    pub(super) const ALL: [Self; QUEUES] = [
        Self::Copies,
        Self::Loads,
        Self::StoreReads,
        Self::StoreWrites,
        Self::Products,
        Self::Stores,
    ];

    /// Whether it accesses memory by the asynchronous proxy.
    pub(super) fn is_proxy(self) -> bool {
        !matches!(self, Self::Copies | Self::Stores)
    }
}

impl Action {
    /// Whether it only reads.
    pub(super) fn reads(self) -> bool {
        matches!(self, Self::Read | Self::Begin(_, Effect::Read))
    }

    /// What it does, for a sentence.
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Self::Read => "reads",
            Self::Write => "writes",
            Self::Atomic => "updates",
            Self::End => "ends",
            Self::Begin(Queue::Products, _) => "multiplies asynchronously from",
            Self::Begin(Queue::Stores, Effect::Write) => "writes asynchronously",
            Self::Begin(_, Effect::Read) => "copies asynchronously from",
            Self::Begin(_, Effect::Write) => "copies asynchronously to",
            Self::Begin(_, Effect::Update) => "updates asynchronously",
        }
    }
}

/// An instruction that some lanes of a warp run, and that accesses memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    /// The warp's number in its cluster.
    pub(crate) warp: usize,
    /// The lanes.
    pub(crate) mask: Mask,
    /// The size of each lane's access: a power of two of at most 32.
    pub(crate) bytes: u32,
    /// Which instruction, for the report.
    pub(crate) pc: u32,
    /// What it does.
    pub(crate) action: Action,
    /// Whether it is volatile, relaxed, acquire, release or atomic: these do not race with each
    /// other.
    pub(crate) strong: bool,
}

/// The earlier one of two accesses that nothing orders.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Conflict {
    /// The lane whose access found it.
    pub(crate) lane: usize,
    /// The first byte of the word that both accessed.
    pub(crate) offset: u64,
    /// The cluster of the other thread: its number in the grid.
    pub(crate) cluster: u32,
    /// The other thread: its number in its cluster.
    pub(crate) thread: u32,
    /// Its instruction.
    pub(crate) pc: u32,
    /// What it did.
    pub(crate) action: Action,
    /// They are ordered, but what the asynchronous proxy sees does not follow from that.
    pub(crate) is_unseen: bool,
}

/// A shadow, as far as an access needs it.
pub(super) trait Chunks {
    /// Whether only one block accesses the memory.
    const EXACT: bool;

    /// Which launch or block it is; what others did is forgotten.
    fn epoch(&self) -> u64;

    /// Works on a chunk, by its number.
    fn with<R>(&mut self, number: usize, work: impl FnOnce(&mut Chunk) -> R) -> R;
}

/// Records an access; returns a race, if there is one.
#[inline]
pub(super) fn record<C: Chunks, T: Copy + Into<u64>>(
    chunks: &mut C,
    clock: &Clock,
    access: &Access,
    offsets: &[u64; LANES],
    values: &[[T; LANES]],
) -> Option<Conflict> {
    let pass = Pass {
        clock,
        access,
        offsets,
        entry: Entry::new(access, clock.warp_number(access.warp), stamp(clock, access)),
        is_uniform: clock.is_uniform(access.warp),
        observer: clock.observer(access.warp, 0),
        run: run(access, offsets),
    };
    let epoch = chunks.epoch();
    let mut found = None;
    let mut rest = access.mask;
    while rest != 0 {
        let number = offsets[rest.trailing_zeros() as usize] as usize / CHUNK;
        let here = lanes(rest)
            .take_while(|&lane| offsets[lane] as usize / CHUNK == number)
            .fold(0, |here, lane| here | 1 << lane);
        rest &= !here;
        let conflict = chunks.with(number, |chunk| {
            chunk.enter::<C>(epoch, &pass.observer);
            match access.action {
                action if action.reads() => pass.read::<C>(chunk, number, here),
                _ => pass.write::<C, T>(chunk, number, here, values),
            }
        });
        found = found.or(conflict);
    }
    found
}

/// The time of an access.
fn stamp(clock: &Clock, access: &Access) -> u32 {
    match access.action {
        Action::Begin(..) => clock.copy_time(),
        _ => clock.time(access.warp),
    }
}

/// Records that one lane accesses a run of bytes, of any length; returns a race, if there is one, or else
/// a write that the asynchronous proxy does not see.
/// `data` has what it writes there, if that is known.
pub(super) fn record_run<C: Chunks>(
    chunks: &mut C,
    clock: &Clock,
    access: &Access,
    run: std::ops::Range<u64>,
    data: &[u8],
) -> Option<Conflict> {
    let lane = access.mask.trailing_zeros() as usize;
    let entry = Entry::new(access, clock.warp_number(access.warp), stamp(clock, access));
    let observer = clock.observer(access.warp, lane);
    let epoch = chunks.epoch();
    let reads_by_proxy = matches!(
        access.action,
        Action::Begin(queue, Effect::Read | Effect::Update) if queue.is_proxy()
    );
    let (mut found, mut unseen) = (None, None);
    let mut at = run.start;
    while at < run.end {
        let number = at as usize / CHUNK;
        let first = (number * CHUNK) as u64;
        let end = run.end.min(first + CHUNK as u64);
        let conflict = chunks.with(number, |chunk| {
            chunk.enter::<C>(epoch, &observer);
            let has_runs = !access.action.reads() && chunk.has_runs(&observer);
            let mut found = None;
            for cell in (at - first) as usize / 4..(end - first).div_ceil(4) as usize {
                let word = first + 4 * cell as u64;
                let (mut bytes, mut value) = (0, 0);
                for byte in (0..4).filter(|byte| (at..end).contains(&(word + byte))) {
                    bytes |= 1 << byte;
                    let written = data.get((word + byte - run.start) as usize);
                    value |= u32::from(written.copied().unwrap_or(0)) << (8 * byte);
                }
                if let Action::Begin(_, Effect::Read) | Action::Begin(Queue::StoreWrites, _) =
                    access.action
                {
                    value = clock.time(access.warp);
                }
                let touch = entry.touch(lane, bytes, value);
                let conflict =
                    |other: Entry| other.conflict(lane, word, clock.n_warps(), &observer);
                if reads_by_proxy && unseen.is_none() {
                    let other = chunk.find_unseen(cell, touch, &observer);
                    unseen = other.map(|other| Conflict {
                        is_unseen: true,
                        ..conflict(other)
                    });
                }
                let mut race = if access.action.reads() {
                    chunk.read::<C>(cell, &entry, touch, &observer)
                } else {
                    chunk.write::<C>(cell, &entry, touch, &observer)
                };
                if has_runs {
                    race = race.or_else(|| chunk.search_runs(cell, touch, &observer));
                }
                found = found.or_else(|| race.map(conflict));
            }
            found
        });
        found = found.or(conflict);
        at = end;
    }
    found.or(unseen)
}

/// Where lane 0 would read, if the lanes read one run of bytes, lane after lane.
fn run(access: &Access, offsets: &[u64; LANES]) -> Option<u64> {
    // A lane alone has no use of it, and there may be none.
    if access.action != Action::Read || access.mask.count_ones() < 2 {
        return None;
    }
    let first = access.mask.trailing_zeros() as usize;
    let bytes = u64::from(access.bytes);
    let start = offsets[first].wrapping_sub(first as u64 * bytes);
    let mut other = 0;
    for (lane, offset) in offsets.iter().enumerate() {
        let is_meant = u64::from(access.mask >> lane & 1).wrapping_neg();
        other |= (offset ^ start.wrapping_add(lane as u64 * bytes)) & is_meant;
    }
    (other == 0).then_some(start)
}

/// An access of a warp.
struct Pass<'a> {
    clock: &'a Clock,
    access: &'a Access,
    offsets: &'a [u64; LANES],
    entry: Entry,
    is_uniform: bool,
    observer: Observer<'a>,
    run: Option<u64>,
}

impl Pass<'_> {
    /// Turns to the knowledge of a lane.
    #[inline(always)]
    fn turn<'a>(&'a self, observer: &mut Observer<'a>, lane: usize) {
        if self.is_uniform {
            observer.turn_to(lane);
        } else {
            *observer = self.clock.observer(self.access.warp, lane);
        }
    }

    /// Records what some lanes read of a chunk.
    #[inline(always)]
    fn read<C: Chunks>(&self, chunk: &mut Chunk, number: usize, here: Mask) -> Option<Conflict> {
        let in_one = match self.run {
            Some(start) => {
                let start = start.wrapping_sub((number * CHUNK) as u64);
                chunk.note::<C>(Run::new(self.entry, start, self.access), &self.observer)
            }
            None => false,
        };
        let mut observer = self.observer;
        let mut found = None;
        for (nth, lane) in lanes(here).enumerate() {
            let (cells, bytes) = words(self.offsets[lane], self.access.bytes);
            if in_one
                && cells
                    .clone()
                    .all(|cell| chunk.is_quiet(cell, &self.observer))
            {
                continue;
            }
            self.turn(&mut observer, lane);
            let touch = self.entry.touch(lane, bytes, 0);
            for cell in cells.clone() {
                let race = if in_one {
                    chunk.check_read(cell, touch, &observer)
                } else {
                    chunk.read::<C>(cell, &self.entry, touch, &observer)
                };
                if let Some(other) = race {
                    found = found.or(Some(self.conflict(&other, lane, number, cell, &observer)));
                }
            }
            // Where all lanes read the same, two have found what there is to find: the writer is
            // at most one of them.
            if nth == 1 && self.is_uniform && !in_one {
                let offset = self.offsets[lane];
                if lanes(here).all(|lane| self.offsets[lane] == offset) {
                    chunk.add_readers(cells, here);
                    break;
                }
            }
        }
        found
    }

    /// Records what some lanes write to a chunk.
    #[inline(always)]
    fn write<C: Chunks, T: Copy + Into<u64>>(
        &self,
        chunk: &mut Chunk,
        number: usize,
        here: Mask,
        values: &[[T; LANES]],
    ) -> Option<Conflict> {
        let has_runs = chunk.has_runs(&self.observer);
        let mut observer = self.observer;
        let mut found = None;
        for lane in lanes(here) {
            self.turn(&mut observer, lane);
            let offset = self.offsets[lane];
            let (cells, bytes) = words(offset, self.access.bytes);
            for (index, cell) in cells.enumerate() {
                let value = word(values, lane, index) << (8 * (offset % 4));
                let touch = self.entry.touch(lane, bytes, value);
                let mut race = chunk.write::<C>(cell, &self.entry, touch, &observer);
                if has_runs {
                    race = race.or_else(|| chunk.search_runs(cell, touch, &observer));
                }
                if let Some(other) = race {
                    found = found.or(Some(self.conflict(&other, lane, number, cell, &observer)));
                }
            }
        }
        found
    }

    #[cold]
    fn conflict(
        &self,
        other: &Entry,
        lane: usize,
        number: usize,
        cell: usize,
        observer: &Observer<'_>,
    ) -> Conflict {
        let offset = (number * CHUNK + 4 * cell) as u64;
        other.conflict(lane, offset, self.clock.n_warps(), observer)
    }
}
