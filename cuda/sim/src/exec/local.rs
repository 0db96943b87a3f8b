//! The local memory of a warp's threads.

use super::{LANES, Mask};

/// Local memory: for each word of it, the word of every lane.
///
/// That is how the hardware interleaves it, too: lanes that use the same offset, as they do in the
/// same function, touch one row.
#[derive(Debug, Default)]
pub(crate) struct LocalMemory {
    words: Vec<[u32; LANES]>,
    /// A bit per byte of each word, if reads of uninitialized memory are looked for.
    initialized: Vec<[u8; LANES]>,
    /// Whether they are.
    pub(crate) tracks: bool,
}

impl LocalMemory {
    /// Makes room for `bytes` of each lane.
    pub(crate) fn reserve(&mut self, bytes: u32) {
        let words = bytes.div_ceil(4) as usize;
        if self.words.len() < words {
            self.words.resize(words, [u32::MAX; LANES]);
            if self.tracks {
                self.initialized.resize(words, [0; LANES]);
            }
        }
    }

    /// The bytes that there is room for.
    pub(crate) fn len(&self) -> u32 {
        (self.words.len() * 4) as u32
    }

    /// Forgets what the bytes from `start` to `end` held, in the lanes of a mask.
    pub(crate) fn forget(&mut self, start: u32, end: u32, mask: Mask) {
        if !self.tracks {
            return;
        }
        let words = start as usize / 4..(end as usize).div_ceil(4);
        for word in &mut self.initialized[words] {
            for lane in super::lanes(mask) {
                word[lane] = 0;
            }
        }
    }

    /// Loads bytes of a lane, whatever their alignment. They lie in the memory.
    pub(crate) fn load(&self, lane: usize, offset: u32, bytes: &mut [u8]) {
        if offset.is_multiple_of(4) && bytes.len().is_multiple_of(4) {
            for (index, word) in bytes.chunks_exact_mut(4).enumerate() {
                let row = &self.words[offset as usize / 4 + index];
                word.copy_from_slice(&row[lane].to_le_bytes());
            }
        } else {
            for (index, byte) in bytes.iter_mut().enumerate() {
                let at = offset as usize + index;
                *byte = self.words[at / 4][lane].to_le_bytes()[at % 4];
            }
        }
    }

    /// Stores bytes of a lane, and marks them as initialized.
    pub(crate) fn store(&mut self, lane: usize, offset: u32, bytes: &[u8]) {
        if offset.is_multiple_of(4) && bytes.len().is_multiple_of(4) {
            for (index, word) in bytes.chunks_exact(4).enumerate() {
                let at = offset as usize / 4 + index;
                self.words[at][lane] = u32::from_le_bytes(word.try_into().expect("four bytes"));
                if self.tracks {
                    self.initialized[at][lane] = 0xf;
                }
            }
        } else {
            for (index, &byte) in bytes.iter().enumerate() {
                let at = offset as usize + index;
                let shift = at % 4 * 8;
                let word = &mut self.words[at / 4][lane];
                *word = *word & !(0xff << shift) | u32::from(byte) << shift;
                if self.tracks {
                    self.initialized[at / 4][lane] |= 1 << (at % 4);
                }
            }
        }
    }

    /// The first of these bytes of a lane that nothing was stored to.
    pub(crate) fn uninitialized(&self, lane: usize, offset: u32, size: u32) -> Option<u32> {
        if !self.tracks {
            return None;
        }
        (offset..offset + size).find(|&at| {
            let word = self.initialized[at as usize / 4][lane];
            word >> (at % 4) & 1 == 0
        })
    }
}
