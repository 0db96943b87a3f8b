//! Who has last accessed each byte: the cells that the shadows of memory are made of.
//!
//! A cell is for a word of four bytes. It holds the last write and the last reads, which is all
//! that most words have; reads of further warps, and accesses to parts of the word, go to a list.

use super::clock::Observer;
use crate::exec::{LANES, Mask, lanes};

/// How many bytes a chunk of cells is for.
pub(super) const CHUNK: usize = 4 * CELLS;
const CELLS: usize = 32;

const WRITE: u8 = 1;
const STRONG: u8 = 2;
const ATOMIC: u8 = 4;

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
}

/// An instruction that some lanes of a warp run, and that accesses memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    /// The warp's number in its block.
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
    /// The block of the other thread: its number in the grid.
    pub(crate) block: u32,
    /// The other thread: its number in its block.
    pub(crate) thread: u32,
    /// Its instruction.
    pub(crate) pc: u32,
    /// What it did.
    pub(crate) action: Action,
}

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
    /// An access; of which lane, bytes and value is filled in later.
    pub(super) fn new(access: &Access, warp: u32, time: u32) -> Self {
        let kind = match access.action {
            Action::Read => 0,
            Action::Write => WRITE,
            Action::Atomic => WRITE | STRONG | ATOMIC,
        };
        Self {
            warp,
            time,
            pc: access.pc,
            kind: kind | if access.strong { STRONG } else { 0 },
            ..Self::default()
        }
    }

    #[inline(always)]
    pub(super) fn at(self, lane: usize, bytes: u8, value: u32) -> Self {
        Self {
            lanes: 1 << lane,
            bytes,
            value,
            ..self
        }
    }

    /// Whether both write the same to the bytes that they share, and neither is an atomic.
    fn writes_same(&self, other: &Self) -> bool {
        let shared = self.bytes & other.bytes;
        let bits = (0..4).fold(0, |bits, byte| {
            bits | if shared >> byte & 1 != 0 {
                0xff << (8 * byte)
            } else {
                0
            }
        });
        (self.kind & other.kind) & WRITE != 0
            && (self.kind | other.kind) & ATOMIC == 0
            && (self.value ^ other.value) & bits == 0
    }

    /// Whether this entry and a later access to the word race.
    #[inline(always)]
    fn races(&self, later: &Self, observer: &Observer<'_>) -> bool {
        self.bytes & later.bytes != 0
            && (self.kind | later.kind) & WRITE != 0
            && self.kind & later.kind & STRONG == 0
            && !observer.knows(self.warp, self.lanes, self.time)
            && !self.writes_same(later)
    }

    #[inline(always)]
    fn is_past(&self, observer: &Observer<'_>) -> bool {
        observer.is_past(self.warp, self.time)
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
            .find(|&lane| !observer.knows(self.warp, 1 << lane, self.time))
            .unwrap_or(0);
        Conflict {
            lane,
            offset,
            block: self.warp / warps,
            thread: self.warp % warps * 32 + unknown as u32,
            pc: self.pc,
            action: match (self.kind & WRITE, self.kind & ATOMIC) {
                (0, _) => Action::Read,
                (_, 0) => Action::Write,
                _ => Action::Atomic,
            },
        }
    }
}

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

/// The history of [`CHUNK`] bytes.
#[derive(Debug)]
pub(super) struct Chunk {
    epoch: u64,
    cells: [Cell; CELLS],
    nodes: Vec<Node>,
    /// At how many nodes the list is cleaned.
    limit: usize,
}

impl Default for Chunk {
    fn default() -> Self {
        Self {
            epoch: 0,
            cells: [Cell::default(); CELLS],
            nodes: Vec::new(),
            limit: 1024,
        }
    }
}

impl Chunk {
    /// Forgets what was done in earlier epochs.
    #[inline(always)]
    pub(super) fn enter(&mut self, epoch: u64) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.cells = [Cell::default(); CELLS];
            self.nodes.clear();
        }
    }

    /// Records a read of a word; returns an earlier access that it races with. `EXACT`: all
    /// accesses are of one block, and all readers are kept; else a few.
    #[inline(always)]
    pub(super) fn read<const EXACT: bool>(
        &mut self,
        word: usize,
        new: Entry,
        observer: &Observer<'_>,
    ) -> Option<Entry> {
        let cell = &mut self.cells[word];
        let mut race = None;
        if cell.write.races(&new, observer) {
            race = Some(cell.write);
        }
        if cell.more != 0 {
            race = race.or(self.search::<EXACT>(word, &new, observer));
        }
        let cell = &mut self.cells[word];
        let last = &mut cell.read;
        let is_same = last.warp == new.warp
            && last.time == new.time
            && last.bytes == new.bytes
            && last.kind == new.kind;
        if is_same {
            last.lanes |= new.lanes;
            last.pc = new.pc;
        } else if last.bytes == 0
            || last.is_past(observer)
            || last.bytes & !new.bytes == 0
                && (last.kind & STRONG != 0
                    || new.kind & STRONG == 0 && observer.knows(last.warp, last.lanes, last.time))
        {
            *last = new;
        } else {
            let old = std::mem::replace(last, new);
            self.push::<EXACT>(word, old, observer);
        }
        race
    }

    /// Records a write or an atomic; returns an earlier access that it races with.
    #[inline(always)]
    pub(super) fn write<const EXACT: bool>(
        &mut self,
        word: usize,
        new: Entry,
        observer: &Observer<'_>,
    ) -> Option<Entry> {
        let cell = &mut self.cells[word];
        let mut race = None;
        if cell.write.races(&new, observer) {
            race = Some(cell.write);
        } else if cell.read.races(&new, observer) {
            race = Some(cell.read);
        }
        if cell.more != 0 {
            race = race.or(self.search::<EXACT>(word, &new, observer));
            self.forget::<EXACT>(word, new.bytes);
        }
        let cell = &mut self.cells[word];
        if cell.read.bytes & !new.bytes == 0 {
            cell.read.bytes = 0;
        }
        let old = std::mem::replace(&mut cell.write, new);
        if old.bytes & !new.bytes != 0 && !old.is_past(observer) {
            self.push::<EXACT>(word, old, observer);
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
    fn search<const EXACT: bool>(
        &mut self,
        word: usize,
        new: &Entry,
        observer: &Observer<'_>,
    ) -> Option<Entry> {
        let newest = self.cells[word].more as usize - 1;
        if EXACT && self.nodes[newest].entry.is_past(observer) {
            // The others are older.
            self.cells[word].more = 0;
            return None;
        }
        self.nodes(word)
            .map(|node| self.nodes[node].entry)
            .find(|entry| entry.races(new, observer))
    }

    /// Drops those of a cell's list that accessed no other bytes.
    fn forget<const EXACT: bool>(&mut self, word: usize, bytes: u8) {
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
        if is_empty && EXACT {
            self.cells[word].more = 0;
        }
    }

    /// Adds to a cell's list.
    #[inline(never)]
    fn push<const EXACT: bool>(&mut self, word: usize, entry: Entry, observer: &Observer<'_>) {
        if EXACT {
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
