//! Which bytes of an allocation were ever written: a bit for each.

use super::bytes::Bytes;

/// A bit per byte, set once the byte was written.
pub(super) struct Initialized {
    /// Words of 64 bits: the system hands out pages of zeroes when they are touched first.
    bits: Bytes,
}

/// The bits of the bytes `from..to` of 64.
#[inline(always)]
fn run(from: u64, to: u64) -> u64 {
    (!0 >> (64 - (to - from))) << from
}

/// The words that a run of bytes has bits in, and its bits of each.
fn words(offset: u64, bytes: u64) -> impl Iterator<Item = (u64, u64)> {
    let end = offset + bytes;
    (offset / 64..end.div_ceil(64)).map(move |word| {
        let from = offset.max(64 * word) - 64 * word;
        let to = end.min(64 * word + 64) - 64 * word;
        (word, run(from, to))
    })
}

/// The same for a run that is in one word, as an aligned access is.
#[inline(always)]
fn one_word(offset: u64, bytes: u64) -> Option<(u64, u64)> {
    let from = offset % 64;
    (bytes > 0 && from + bytes <= 64).then(|| (offset / 64, run(from, from + bytes)))
}

impl Initialized {
    /// The bits of `size` bytes, none of which were written. None if the system has not the memory.
    pub(super) fn new(size: u64) -> Option<Self> {
        Some(Self {
            bits: Bytes::zeroed(8 * size.div_ceil(64), 8)?,
        })
    }

    /// Marks bytes as written.
    #[inline]
    pub(super) fn set(&self, offset: u64, bytes: u64) {
        let set = |(word, bits)| {
            let old: u64 = self.bits.load(8 * word);
            // Most writes are not the first: a look is cheaper than a locked instruction.
            if old & bits != bits {
                self.bits.update(8 * word, |old: u64| old | bits);
            }
        };
        match one_word(offset, bytes) {
            Some(word) => set(word),
            None => words(offset, bytes).for_each(set),
        }
    }

    /// The first byte of these that was never written.
    #[inline]
    pub(super) fn first_missing(&self, offset: u64, bytes: u64) -> Option<u64> {
        let first = |(word, bits): (u64, u64)| {
            let missing = !self.bits.load::<u64>(8 * word) & bits;
            (missing != 0).then(|| 64 * word + u64::from(missing.trailing_zeros()))
        };
        match one_word(offset, bytes) {
            Some(word) => first(word),
            None => words(offset, bytes).find_map(first),
        }
    }

    /// The bits of up to 64 bytes, the lowest for the first.
    pub(super) fn get(&self, offset: u64, bytes: u64) -> u64 {
        words(offset, bytes).fold(0, |all, (word, bits)| {
            let here = self.bits.load::<u64>(8 * word) & bits;
            // The run's first word comes shifted down, a second one goes above what it left.
            all | match (64 * word).checked_sub(offset) {
                Some(above) => here << above,
                None => here >> (offset - 64 * word),
            }
        })
    }

    /// Sets and clears the bits of up to 64 bytes as [`Initialized::get`] gave them.
    pub(super) fn put(&self, offset: u64, bytes: u64, values: u64) {
        for (word, bits) in words(offset, bytes) {
            let here = match (64 * word).checked_sub(offset) {
                Some(above) => values >> above,
                None => values << (offset - 64 * word),
            };
            self.bits
                .update(8 * word, |old: u64| old & !bits | here & bits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_agree_with_a_bool_per_byte() {
        const SIZE: u64 = 300;
        let initialized = Initialized::new(SIZE).unwrap();
        let mut reference = [false; SIZE as usize];
        let mut random = 1_u64;
        for _ in 0..20_000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let offset = (random >> 33) % SIZE;
            let bytes = ((random >> 50) % 65).min(SIZE - offset);
            if bytes == 0 {
                continue;
            }
            let range = offset as usize..(offset + bytes) as usize;
            match random >> 62 {
                0 => {
                    let first = reference[range].iter().position(|&set| !set);
                    let first = first.map(|index| offset + index as u64);
                    assert_eq!(initialized.first_missing(offset, bytes), first);
                }
                1 => {
                    initialized.set(offset, bytes);
                    reference[range].fill(true);
                }
                2 => {
                    let got = initialized.get(offset, bytes);
                    for (index, &set) in reference[range].iter().enumerate() {
                        assert_eq!(got >> index & 1 != 0, set);
                    }
                    assert_eq!(got.checked_shr(bytes as u32).unwrap_or(0), 0);
                }
                _ => {
                    let values = random.rotate_left(17);
                    initialized.put(offset, bytes, values);
                    for (index, set) in reference[range].iter_mut().enumerate() {
                        *set = values >> index & 1 != 0;
                    }
                }
            }
        }
    }
}
