//! The shadow of shared memory: who has last accessed each byte, and which were written.

use std::ops::Range;

use super::cells::{CHUNK, Chunk};
use super::clock::Clock;
use super::record::{Access, Chunks, Conflict, record, record_run};
use crate::exec::{LANES, Mask, Stride, lanes};

/// The history of the shared memory of a cluster's blocks.
#[derive(Debug, Default)]
pub(crate) struct SharedShadow {
    chunks: Vec<Chunk>,
    epoch: u64,
    stride: Stride,
}

impl SharedShadow {
    /// The history of nothing, where the blocks' memories are so far from each other.
    pub(crate) fn new(stride: Stride) -> Self {
        Self {
            stride,
            ..Self::default()
        }
    }

    /// Forgets everything, for blocks with `bytes` bytes of shared memory together.
    pub(crate) fn start(&mut self, bytes: usize) {
        self.epoch += 1;
        if self.chunks.len() < bytes.div_ceil(CHUNK) {
            self.chunks
                .resize_with(bytes.div_ceil(CHUNK), Chunk::default);
        }
    }

    /// Records what lanes of a warp read; returns a race, if there is one. The offsets must be
    /// inside of the memory and aligned to the access.
    pub(crate) fn read(
        &mut self,
        clock: &Clock,
        access: &Access,
        offsets: &[u64; LANES],
    ) -> Option<Conflict> {
        record(self, clock, access, offsets, &[[0_u32; LANES]; 0])
    }

    /// Records what lanes of a warp write, or change by an atomic; returns a race, if there is
    /// one. `values` are the elements of each lane's value, side by side in memory; those of an
    /// atomic do not matter.
    pub(crate) fn write<T: Copy + Into<u64>>(
        &mut self,
        clock: &Clock,
        access: &Access,
        offsets: &[u64; LANES],
        values: &[[T; LANES]],
    ) -> Option<Conflict> {
        record(self, clock, access, offsets, values)
    }

    /// Records that one lane accesses a run of bytes, which must be inside of the memory; returns a
    /// race, if there is one. `data` has what it writes.
    pub(crate) fn access_run(
        &mut self,
        clock: &Clock,
        access: &Access,
        run: Range<u64>,
        data: &[u8],
    ) -> Option<Conflict> {
        record_run(self, clock, access, run, data)
    }
}

impl Chunks for SharedShadow {
    const EXACT: bool = true;

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn with<R>(&mut self, number: usize, work: impl FnOnce(&mut Chunk) -> R) -> R {
        let index = self.stride.index((number * CHUNK) as u64) / CHUNK;
        work(&mut self.chunks[index])
    }
}

/// Which bytes of the shared memory of a cluster's blocks were ever written.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// A bit for each byte.
    bits: Vec<u64>,
    stride: Stride,
}

impl Written {
    /// For no memory yet, where the blocks' memories are so far from each other.
    pub(crate) fn new(stride: Stride) -> Self {
        Self {
            stride,
            ..Self::default()
        }
    }

    /// Forgets everything, for memory of `bytes` bytes.
    pub(crate) fn start(&mut self, bytes: usize) {
        self.bits.clear();
        self.bits.resize(bytes.div_ceil(64), 0);
    }

    /// Marks what some lanes write. The offsets must be inside of the memory and aligned.
    pub(crate) fn set(&mut self, mask: Mask, offsets: &[u64; LANES], bytes: u32) {
        for lane in lanes(mask) {
            self.bits[self.stride.index(offsets[lane]) / 64] |= run(offsets[lane], bytes);
        }
    }

    /// Marks a run of bytes.
    pub(crate) fn set_run(&mut self, run: Range<u64>) {
        let gap = run.start - self.stride.index(run.start) as u64;
        for (word, bits) in words(run.start - gap..run.end - gap) {
            self.bits[word] |= bits;
        }
    }

    /// The first byte of a run that was never written.
    pub(crate) fn first_missing_of(&self, run: Range<u64>) -> Option<u64> {
        let gap = run.start - self.stride.index(run.start) as u64;
        words(run.start - gap..run.end - gap).find_map(|(word, bits)| {
            let missing = !self.bits[word] & bits;
            (missing != 0).then(|| gap + word as u64 * 64 + u64::from(missing.trailing_zeros()))
        })
    }

    /// The first lane that reads what was never written, and the offset of its first such byte.
    /// The offsets must be inside of the memory and aligned.
    pub(crate) fn first_missing(
        &self,
        mask: Mask,
        offsets: &[u64; LANES],
        bytes: u32,
    ) -> Option<(usize, u64)> {
        lanes(mask).find_map(|lane| {
            let offset = offsets[lane];
            let missing = !self.bits[self.stride.index(offset) / 64] & run(offset, bytes);
            let first = offset & !63 | u64::from(missing.trailing_zeros());
            (missing != 0).then_some((lane, first))
        })
    }
}

/// The words that a run of bytes is in, and its bits in each.
fn words(run: Range<u64>) -> impl Iterator<Item = (usize, u64)> {
    (run.start / 64..run.end.div_ceil(64)).map(move |word| {
        let first = run.start.saturating_sub(word * 64);
        let behind = (word * 64 + 64).saturating_sub(run.end);
        (word as usize, !0 << first & !0 >> behind)
    })
}

/// The bits of an access in its 64 bytes.
#[inline(always)]
fn run(offset: u64, bytes: u32) -> u64 {
    ((1 << bytes) - 1) << (offset % 64)
}
