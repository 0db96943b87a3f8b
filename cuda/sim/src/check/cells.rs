//! Who has last accessed each byte: the cells that the shadows of memory are made of.
//!
//! A cell is for a word of four bytes. It holds the last write and the last reads, which is all
//! that most words have; reads of further warps, and accesses to parts of the word, go to a list.
//! Where the lanes of a warp read one run of bytes, lane after lane, a chunk of cells has one entry
//! for all.

use super::clock::Observer;
use super::record::{Access, Action, Chunks, Conflict, Effect, Queue};
use crate::exec::{LANES, Mask, lanes};

/// How many bytes a chunk of cells is for.
pub(crate) const CHUNK: usize = 4 * CELLS;
const CELLS: usize = 32;

const WRITE: u8 = 1;
const STRONG: u8 = 2;
const ATOMIC: u8 = 4;
/// It is not done when its instruction is: time counts the copies of its thread.
const COPY: u8 = 8;
/// Behind which bits an asynchronous access has its queue.
const QUEUE: u32 = 4;

/// What a warp did to a word.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    warp: u32,
    time: u32,
    pc: u32,
    lanes: Mask,
    /// What was written.
    value: u32,
    /// The bytes of the word, a bit for each; 0 if there is no entry.
    bytes: u8,
    kind: u8,
}

impl Entry {
    /// An access; what each lane does to a word is filled in later.
    pub(super) fn new(access: &Access, warp: u32, time: u32) -> Self {
        let kind = match access.action {
            Action::Read => 0,
            Action::Write => WRITE,
            Action::Atomic => WRITE | STRONG | ATOMIC,
            Action::Begin(queue, effect) => {
                (queue as u8) << QUEUE
                    | match effect {
                        Effect::Read => COPY,
                        Effect::Write => COPY | WRITE,
                        Effect::Update => COPY | WRITE | STRONG | ATOMIC,
                    }
            }
            // Leaves no value that another write could be equal to.
            Action::End => WRITE | ATOMIC,
        };
        Self {
            warp,
            time,
            pc: access.pc,
            kind: kind | if access.strong { STRONG } else { 0 },
            ..Self::default()
        }
    }

    /// Becomes what one lane of an access does to a word. Field by field: a whole entry that was
    /// put together just now would be read back before the processor has it.
    #[inline(always)]
    fn set(&mut self, access: &Self, touch: Touch) {
        *self = *access;
        self.lanes = touch.lanes;
        self.value = touch.value;
        self.bytes = touch.bytes;
    }

    /// What the access of one lane does to a word.
    #[inline(always)]
    pub(super) fn touch(&self, lane: usize, bytes: u8, value: u32) -> Touch {
        Touch {
            lanes: 1 << lane,
            kind: self.kind,
            bytes,
            value,
        }
    }

    /// Whether this entry and a later access to the word race.
    #[inline(always)]
    fn races(&self, later: Touch, observer: &Observer<'_>) -> bool {
        self.bytes & later.bytes != 0
            && (self.kind | later.kind) & WRITE != 0
            && self.kind & later.kind & STRONG == 0
            && !self.is_known(self.lanes, observer)
            && !later.writes_same(self)
    }

    /// Whether this is a write of the generic proxy that came before a later access of the asynchronous
    /// proxy, with no fence between them that makes it seen there.
    fn is_unseen(&self, later: Touch, observer: &Observer<'_>) -> bool {
        let queue = (self.kind & COPY != 0).then(|| self.queue());
        self.bytes & later.bytes != 0
            && self.kind & WRITE != 0
            // By which proxy `st.async` writes, the manual does not say.
            && queue.is_none_or(|queue| queue == Queue::Copies)
            && self.is_known(self.lanes, observer)
            && !observer.sees(queue, self.warp, self.lanes, self.time)
    }

    #[inline(always)]
    fn is_past(&self, observer: &Observer<'_>) -> bool {
        match self.kind & COPY {
            0 => observer.is_past(self.warp, self.time),
            _ => !self.is_foreign_bulk(observer) && observer.is_past_copy(self.warp, self.time),
        }
    }

    /// Whether what some of its lanes did came before.
    #[inline(always)]
    fn is_known(&self, lanes: Mask, observer: &Observer<'_>) -> bool {
        match self.kind & COPY {
            0 => observer.knows(self.warp, lanes, self.time),
            _ if self.is_foreign_bulk(observer) => observer.knows(self.warp, lanes, self.value),
            _ => observer.knows_copy(self.queue(), self.warp, lanes, self.time),
        }
    }

    /// Whether it is another block's bulk copy: its value is when that began, by the time of its warp, for
    /// nothing is known here of how far the copies of other blocks are.
    #[inline]
    fn is_foreign_bulk(&self, observer: &Observer<'_>) -> bool {
        matches!(self.queue(), Queue::Loads | Queue::StoreWrites) && observer.is_foreign(self.warp)
    }

    /// The queue of an asynchronous access.
    fn queue(&self) -> Queue {
        Self::queue_of(self.kind)
    }

    fn queue_of(kind: u8) -> Queue {
        Queue::ALL[usize::from(kind >> QUEUE)]
    }

    /// The conflict of a lane with this entry, in blocks of `warps` warps.
    #[cold]
    pub(super) fn conflict(
        &self,
        lane: usize,
        offset: u64,
        warps: u32,
        observer: &Observer<'_>,
    ) -> Conflict {
        let unknown = lanes(self.lanes)
            .find(|&lane| !self.is_known(1 << lane, observer))
            .unwrap_or(0);
        Conflict {
            lane,
            offset,
            cluster: self.warp / warps,
            thread: self.warp % warps * 32 + unknown as u32,
            pc: self.pc,
            is_unseen: false,
            action: match self.kind & (WRITE | ATOMIC | COPY) {
                0 => Action::Read,
                WRITE => Action::Write,
                COPY => Action::Begin(self.queue(), Effect::Read),
                kind if kind == COPY | WRITE => Action::Begin(self.queue(), Effect::Write),
                kind if kind & COPY != 0 => Action::Begin(self.queue(), Effect::Update),
                _ => Action::Atomic,
            },
        }
    }
}

/// What a lane does to a word.
#[derive(Clone, Copy)]
pub(super) struct Touch {
    lanes: Mask,
    kind: u8,
    bytes: u8,
    value: u32,
}

impl Touch {
    /// Whether both write the same to the bytes that they share, and neither is an atomic.
    fn writes_same(self, earlier: &Entry) -> bool {
        let shared = self.bytes & earlier.bytes;
        let bits = lanes(shared.into()).fold(0, |bits, byte| bits | 0xff << (8 * byte));
        (self.kind & earlier.kind) & WRITE != 0
            && (self.kind | earlier.kind) & ATOMIC == 0
            && Entry::queue_of(self.kind) != Queue::StoreWrites
            && earlier.queue() != Queue::StoreWrites
            && (self.value ^ earlier.value) & bits == 0
    }
}

/// How many runs a chunk holds: of one block, and of all blocks of a launch.
const RUNS: usize = 128;
const FEW_RUNS: usize = 4;

/// The history of a word.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    write: Entry,
    read: Entry,
    /// The newest further entry: its number in the list, counted from 1.
    more: u32,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    entry: Entry,
    next: u32,
}

/// A read of one run of bytes by the lanes of a warp, lane after lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// The access of all of its lanes; its bytes are not used.
    entry: Entry,
    /// Where lane 0 reads, counted from the chunk.
    start: u64,
    /// The bytes of a lane, as a power of two.
    shift: u32,
}

impl Run {
    pub(super) fn new(entry: Entry, start: u64, access: &Access) -> Self {
        Self {
            entry: Entry {
                lanes: access.mask,
                ..entry
            },
            start,
            shift: access.bytes.trailing_zeros(),
        }
    }

    /// What was read of some bytes of a cell.
    fn of_cell(&self, cell: usize, bytes: u8) -> Entry {
        let mut entry = Entry {
            lanes: 0,
            bytes: 0,
            ..self.entry
        };
        // A word lies in one lane's bytes, or its bytes lie in several lanes'.
        let steps = if self.shift < 2 { bytes } else { 1 };
        for byte in lanes(steps.into()) {
            let lane = (4 * cell as u64 + byte as u64).wrapping_sub(self.start) >> self.shift;
            if lane < LANES as u64 && self.entry.lanes >> lane & 1 != 0 {
                entry.lanes |= 1 << lane;
                entry.bytes |= if self.shift < 2 { 1 << byte } else { bytes };
            }
        }
        entry
    }
}

/// The history of [`CHUNK`] bytes.
#[derive(Debug)]
pub(super) struct Chunk {
    epoch: u64,
    /// Until when all is past that the lists hold, where one block accesses the memory.
    base: u32,
    runs: Vec<Run>,
    cells: [Cell; CELLS],
    nodes: Vec<Node>,
    /// At how many nodes the list is cleaned.
    limit: usize,
}

impl Default for Chunk {
    fn default() -> Self {
        Self {
            epoch: 0,
            base: 0,
            runs: Vec::new(),
            cells: [Cell::default(); CELLS],
            nodes: Vec::new(),
            limit: 1024,
        }
    }
}

impl Chunk {
    /// Forgets what was done in earlier epochs, and from the lists what is past.
    #[inline(always)]
    pub(super) fn enter<C: Chunks>(&mut self, epoch: u64, observer: &Observer<'_>) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.cells = [Cell::default(); CELLS];
            self.nodes.clear();
            self.runs.clear();
        }
        if C::EXACT && self.base != observer.base {
            self.base = observer.base;
            self.runs.clear();
            if !self.nodes.is_empty() {
                self.nodes.clear();
                for cell in &mut self.cells {
                    cell.more = 0;
                }
            }
        }
    }

    /// Records a run, if there is room; then its cells need only be checked.
    #[inline]
    pub(super) fn note<C: Chunks>(&mut self, new: Run, observer: &Observer<'_>) -> bool {
        for old in &mut self.runs {
            let is_later = (old.entry.warp, old.entry.kind, old.entry.lanes)
                == (new.entry.warp, new.entry.kind, new.entry.lanes)
                && (old.start, old.shift) == (new.start, new.shift);
            if is_later || !C::EXACT && old.entry.is_past(observer) {
                *old = new;
                return true;
            }
        }
        if self.runs.len() < if C::EXACT { RUNS } else { FEW_RUNS } {
            self.runs.push(new);
            return true;
        }
        // A few readers of other blocks stand for all.
        !C::EXACT
    }

    /// Whether no write of a word can race with anything that comes now.
    #[inline(always)]
    pub(super) fn is_quiet(&self, word: usize, observer: &Observer<'_>) -> bool {
        let cell = &self.cells[word];
        cell.more == 0 && (cell.write.bytes == 0 || cell.write.is_past(observer))
    }

    /// Looks for a write that a read of a word races with.
    #[inline(always)]
    pub(super) fn check_read(
        &mut self,
        word: usize,
        new: Touch,
        observer: &Observer<'_>,
    ) -> Option<Entry> {
        let cell = &self.cells[word];
        if cell.write.races(new, observer) {
            return Some(cell.write);
        }
        if cell.more != 0 {
            return self.search(word, new, observer);
        }
        None
    }

    /// Looks for a write of the generic proxy that an access of the asynchronous proxy does not see.
    pub(super) fn find_unseen(
        &self,
        word: usize,
        new: Touch,
        observer: &Observer<'_>,
    ) -> Option<Entry> {
        let more = self.nodes(word).map(|node| self.nodes[node].entry);
        let mut entries = std::iter::once(self.cells[word].write).chain(more);
        entries.find(|entry| entry.is_unseen(new, observer))
    }

    /// Adds lanes to the last reads of some words.
    pub(super) fn add_readers(&mut self, words: std::ops::Range<usize>, lanes: Mask) {
        for cell in &mut self.cells[words] {
            cell.read.lanes |= lanes;
        }
    }

    /// Records a read of a word; returns an earlier access that it races with.
    #[inline(always)]
    pub(super) fn read<C: Chunks>(
        &mut self,
        word: usize,
        access: &Entry,
        new: Touch,
        observer: &Observer<'_>,
    ) -> Option<Entry> {
        let race = self.check_read(word, new, observer);
        let cell = &mut self.cells[word];
        let last = &mut cell.read;
        let is_same = last.warp == access.warp
            && last.time == access.time
            && last.bytes == new.bytes
            && last.kind == new.kind;
        if is_same {
            last.lanes |= new.lanes;
            last.pc = access.pc;
        } else if last.bytes == 0
            || last.is_past(observer)
            || last.bytes & !new.bytes == 0
                && (last.kind & STRONG != 0
                    || new.kind & STRONG == 0
                        && last.warp == access.warp
                        && last.is_known(last.lanes, observer))
        {
            last.set(access, new);
        } else {
            let old = *last;
            last.set(access, new);
            self.push::<C>(word, old, observer);
        }
        race
    }

    /// Records a write or an atomic; returns an earlier access that it races with.
    #[inline(always)]
    pub(super) fn write<C: Chunks>(
        &mut self,
        word: usize,
        access: &Entry,
        new: Touch,
        observer: &Observer<'_>,
    ) -> Option<Entry> {
        let cell = &mut self.cells[word];
        let mut race = None;
        if cell.write.races(new, observer) {
            race = Some(cell.write);
        } else if cell.read.races(new, observer) {
            race = Some(cell.read);
        }
        if cell.more != 0 {
            race = race.or(self.search(word, new, observer));
            self.forget::<C>(word, new.bytes);
        }
        let cell = &mut self.cells[word];
        if cell.read.bytes & !new.bytes == 0 {
            cell.read.bytes = 0;
        }
        let old = &mut cell.write;
        if old.bytes & !new.bytes != 0 && !old.is_past(observer) {
            let kept = *old;
            old.set(access, new);
            self.push::<C>(word, kept, observer);
        } else {
            old.set(access, new);
        }
        race
    }

    /// The list of a cell.
    fn nodes(&self, word: usize) -> impl Iterator<Item = usize> {
        let mut next = self.cells[word].more;
        std::iter::from_fn(move || {
            let index = (next as usize).checked_sub(1)?;
            next = self.nodes[index].next;
            Some(index)
        })
    }

    /// Looks for a race in a cell's list.
    #[inline(never)]
    fn search(&self, word: usize, new: Touch, observer: &Observer<'_>) -> Option<Entry> {
        self.nodes(word)
            .map(|node| self.nodes[node].entry)
            .find(|entry| entry.races(new, observer))
    }

    /// Whether there are runs that a write may race with.
    pub(super) fn has_runs(&self, observer: &Observer<'_>) -> bool {
        self.runs.iter().any(|run| !run.entry.is_past(observer))
    }

    /// Looks for a race with the runs.
    pub(super) fn search_runs(
        &self,
        word: usize,
        new: Touch,
        observer: &Observer<'_>,
    ) -> Option<Entry> {
        self.runs
            .iter()
            .map(|run| run.of_cell(word, new.bytes))
            .find(|entry| entry.races(new, observer))
    }

    /// Drops those of a cell's list that accessed no other bytes.
    fn forget<C: Chunks>(&mut self, word: usize, bytes: u8) {
        let mut next = self.cells[word].more;
        let mut is_empty = true;
        while next != 0 {
            let node = &mut self.nodes[next as usize - 1];
            if node.entry.bytes & !bytes == 0 {
                node.entry.bytes = 0;
            }
            is_empty &= node.entry.bytes == 0;
            next = node.next;
        }
        // The others use the nodes again.
        if is_empty && C::EXACT {
            self.cells[word].more = 0;
        }
    }

    /// Adds to a cell's list.
    #[inline(never)]
    fn push<C: Chunks>(&mut self, word: usize, entry: Entry, observer: &Observer<'_>) {
        if C::EXACT {
            if self.nodes.len() >= self.limit {
                self.clean(observer);
                self.limit = self.limit.max(2 * self.nodes.len());
            }
        } else {
            let mut next = self.cells[word].more;
            while next != 0 {
                let node = &mut self.nodes[next as usize - 1];
                let is_similar = node.entry.bytes & entry.bytes != 0
                    && (node.entry.kind ^ entry.kind) & WRITE == 0;
                if node.entry.bytes == 0 || is_similar && node.entry.is_past(observer) {
                    node.entry = entry;
                    return;
                }
                if is_similar {
                    return;
                }
                next = node.next;
            }
        }
        let cell = &mut self.cells[word];
        self.nodes.push(Node {
            entry,
            next: cell.more,
        });
        cell.more = self.nodes.len() as u32;
    }

    /// Drops what newer entries or barriers have made superfluous, from all lists.
    #[cold]
    fn clean(&mut self, observer: &Observer<'_>) {
        let mut kept: Vec<Node> = Vec::new();
        for word in 0..CELLS {
            let mut entries: Vec<Entry> = Vec::new();
            for index in self.nodes(word) {
                let mut entry = self.nodes[index].entry;
                if entry.is_past(observer) {
                    continue;
                }
                if entry.kind & WRITE == 0 {
                    // A later read by the same lane stands for an earlier one.
                    for newer in entries.iter().chain([&self.cells[word].read]) {
                        let is_same = (newer.warp, newer.bytes, newer.kind)
                            == (entry.warp, entry.bytes, entry.kind);
                        entry.lanes &= if is_same { !newer.lanes } else { !0 };
                    }
                }
                if entry.bytes != 0 && entry.lanes != 0 {
                    entries.push(entry);
                }
            }
            let mut more = 0;
            for entry in entries.into_iter().rev() {
                kept.push(Node { entry, next: more });
                more = kept.len() as u32;
            }
            self.cells[word].more = more;
        }
        self.nodes = kept;
    }
}
