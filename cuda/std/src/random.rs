//! Random numbers from a counter: Philox4x32-10.
//!
//! The generator is a function of a key and a counter (Salmon et al., "Parallel random numbers: as
//! easy as 1, 2, 3", SC 2011), so a thread needs no state from memory, every thread has a stream of
//! its own, and any place of a stream is reached at once. The words and the uniform numbers have the
//! same bits on the host and on every device.
//!
//! ```
//! use cuda_std::random::Philox;
//!
//! let mut random = Philox::new(42, 7);
//! let x = random.uniform_f32();
//! assert!((0.0..1.0).contains(&x));
//!
//! let mut again = Philox::new(42, 7);
//! assert_eq!(again.uniform_f32(), x);
//! ```

use core::ops::Range;

use crate::GpuFloat;

/// Philox4x32-10: four random words from a counter and a key.
// Always: loops over counters become vector code on the host.
#[inline(always)]
pub const fn philox4x32_10(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    // The multipliers and the key's increments, from the paper's table 2 and section 4.3.
    const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
    const INCREMENTS: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

    let [mut a, mut b, mut c, mut d] = counter;
    let [mut k, mut l] = key;
    let mut round = 0;
    while round < 10 {
        let left = MULTIPLIERS[0] as u64 * a as u64;
        let right = MULTIPLIERS[1] as u64 * c as u64;
        (a, b, c, d) = (
            (right >> 32) as u32 ^ b ^ k,
            right as u32,
            (left >> 32) as u32 ^ d ^ l,
            left as u32,
        );
        k = k.wrapping_add(INCREMENTS[0]);
        l = l.wrapping_add(INCREMENTS[1]);
        round += 1;
    }
    [a, b, c, d]
}

/// A stream of random numbers: 2⁶⁶ words for each seed and each number of a stream.
#[derive(Debug, Clone)]
pub struct Philox {
    seed: u64,
    stream: u64,
    /// The next block of four words.
    block_idx: u64,
    /// What is left of the last one, the next word first.
    words: [u32; 4],
    n_words: u32,
}

impl Philox {
    /// The stream's start. Streams of the same seed are independent of each other: give each thread
    /// its index in the grid.
    #[inline(always)]
    pub const fn new(seed: u64, stream: u64) -> Philox {
        Philox {
            seed,
            stream,
            block_idx: 0,
            words: [0; 4],
            n_words: 0,
        }
    }

    /// Goes to word `4 * block_idx` of the stream, forward or back.
    #[inline(always)]
    pub const fn seek(&mut self, block_idx: u64) {
        self.block_idx = block_idx;
        self.n_words = 0;
    }

    /// The next four words that no call has given any of: what is left of the last four is skipped.
    #[inline(always)]
    pub const fn next_block(&mut self) -> [u32; 4] {
        let counter = [
            self.block_idx as u32,
            (self.block_idx >> 32) as u32,
            self.stream as u32,
            (self.stream >> 32) as u32,
        ];
        self.block_idx = self.block_idx.wrapping_add(1);
        self.n_words = 0;
        philox4x32_10(counter, [self.seed as u32, (self.seed >> 32) as u32])
    }

    /// The next word.
    #[inline]
    pub const fn next_u32(&mut self) -> u32 {
        if self.n_words == 0 {
            self.words = self.next_block();
            self.n_words = 4;
        }
        // Shifted, not indexed: an index that varies would put the words into local memory.
        let [next, b, c, d] = self.words;
        self.words = [b, c, d, 0];
        self.n_words -= 1;
        next
    }

    /// The next two words, the first one as the lower bits.
    #[inline]
    pub const fn next_u64(&mut self) -> u64 {
        let low = self.next_u32() as u64;
        low | (self.next_u32() as u64) << 32
    }

    /// Uniform in `[0, 1)`: a multiple of 2⁻²⁴. Takes one word.
    #[inline]
    pub const fn uniform_f32(&mut self) -> f32 {
        (self.next_u32() >> 8) as f32 * (1.0 / (1 << 24) as f32)
    }

    /// Uniform in `[0, 1)`: a multiple of 2⁻⁵³. Takes two words.
    #[inline]
    pub const fn uniform_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in `range`: `start + (end - start) * uniform`, which rounding may make `end`. Takes one
    /// word.
    #[inline]
    pub const fn range_f32(&mut self, range: Range<f32>) -> f32 {
        range.start + (range.end - range.start) * self.uniform_f32()
    }

    /// As [`range_f32`](Philox::range_f32), in double precision. Takes two words.
    #[inline]
    pub const fn range_f64(&mut self, range: Range<f64>) -> f64 {
        range.start + (range.end - range.start) * self.uniform_f64()
    }

    /// Uniform in `0..n`, every number exactly as likely as every other; 0 if `n` is 0. Takes one
    /// word, and another with a probability below `n` · 2⁻³².
    #[inline]
    pub const fn below(&mut self, n: u32) -> u32 {
        // The upper half of a product with a random word is the number; the words whose lower half is
        // below the remainder of 2³² by `n` would make some numbers likelier, and are drawn again
        // (Lemire, "Fast random integer generation in an interval", 2019).
        let mut product = self.next_u32() as u64 * n as u64;
        if (product as u32) < n {
            let remainder = n.wrapping_neg() % n;
            while (product as u32) < remainder {
                product = self.next_u32() as u64 * n as u64;
            }
        }
        (product >> 32) as u32
    }

    /// Uniform in `range`; `range.start` if it is empty.
    #[inline]
    pub const fn range_u32(&mut self, range: Range<u32>) -> u32 {
        range.start + self.below(range.end.saturating_sub(range.start))
    }

    /// Two independent normal numbers, mean 0 and standard deviation 1, by the method of Box and
    /// Muller. Takes two words; no number is beyond ±5.8.
    #[inline]
    pub fn normal_pair_f32(&mut self) -> [f32; 2] {
        // 1 - u lies in (0, 1], where the logarithm is finite.
        let radius = GpuFloat::sqrt(-2.0 * GpuFloat::ln(1.0 - self.uniform_f32()));
        let (sin, cos) = GpuFloat::sin_cos(core::f32::consts::TAU * self.uniform_f32());
        [radius * cos, radius * sin]
    }

    /// The first of a [pair](Philox::normal_pair_f32).
    #[inline]
    pub fn normal_f32(&mut self) -> f32 {
        self.normal_pair_f32()[0]
    }

    /// As [`normal_pair_f32`](Philox::normal_pair_f32), in double precision. Takes four words; no
    /// number is beyond ±8.6.
    #[inline]
    pub fn normal_pair_f64(&mut self) -> [f64; 2] {
        let radius = GpuFloat::sqrt(-2.0 * GpuFloat::ln(1.0 - self.uniform_f64()));
        let (sin, cos) = GpuFloat::sin_cos(core::f64::consts::TAU * self.uniform_f64());
        [radius * cos, radius * sin]
    }

    /// The first of a [pair](Philox::normal_pair_f64).
    #[inline]
    pub fn normal_f64(&mut self) -> f64 {
        self.normal_pair_f64()[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers that come with Random123, `kat_vectors`, "philox4x32 10".
    #[test]
    fn known_answers() {
        for (counter, key, expected) in [
            (
                [0; 4],
                [0; 2],
                [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8],
            ),
            (
                [u32::MAX; 4],
                [u32::MAX; 2],
                [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd],
            ),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ] {
            assert_eq!(philox4x32_10(counter, key), expected);
        }
    }

    #[test]
    fn words_come_in_the_order_of_their_blocks() {
        let mut random = Philox::new(0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210);
        for block_idx in 0..3u32 {
            let counter = [block_idx, 0, 0x7654_3210, 0xfedc_ba98];
            for word in philox4x32_10(counter, [0x89ab_cdef, 0x0123_4567]) {
                assert_eq!(random.next_u32(), word);
            }
        }
        random.seek(1);
        let first = random.next_u32();
        assert_eq!(
            first,
            philox4x32_10([1, 0, 0x7654_3210, 0xfedc_ba98], [0x89ab_cdef, 0x0123_4567])[0]
        );
        // What is left of a block is skipped.
        assert_eq!(
            random.next_block(),
            philox4x32_10([2, 0, 0x7654_3210, 0xfedc_ba98], [0x89ab_cdef, 0x0123_4567])
        );
    }

    #[test]
    fn every_number_below_is_as_likely() {
        let mut random = Philox::new(3, 0);
        assert_eq!(random.below(0), 0);
        assert_eq!(random.below(1), 0);
        assert_eq!(random.range_u32(7..7), 7);
        const N: usize = 60_000;
        let mut counts = [0u32; 6];
        for _ in 0..N {
            counts[random.range_u32(10..16) as usize - 10] += 1;
        }
        // Chi squared with 5 degrees of freedom: above 20.5 once in a thousand seeds.
        let expected = N as f64 / 6.0;
        let chi_squared: f64 = counts
            .iter()
            .map(|&count| (f64::from(count) - expected).powi(2) / expected)
            .sum();
        assert!(chi_squared <= 20.5, "{counts:?}");
        // Where 2^32 is no multiple of n, and some words must be drawn again.
        let n = 3 << 30;
        let n_upper = (0..N).filter(|_| random.below(n) >= n / 3 * 2).count() as f64;
        let sigma = (N as f64 * (1.0 / 3.0) * (2.0 / 3.0)).sqrt();
        assert!((n_upper - N as f64 / 3.0).abs() <= 4.0 * sigma, "{n_upper}");
    }

    /// Mean, variance and fourth moment within four of their own standard deviations.
    #[test]
    fn normal_numbers_have_the_moments_of_the_distribution() {
        const N: usize = 50_000;
        let mut random = Philox::new(11, 5);
        let mut sums = [[0.0f64; 3]; 2];
        for _ in 0..N {
            let single = random.normal_pair_f32().map(f64::from);
            let double = random.normal_pair_f64();
            for (sums, pair) in sums.iter_mut().zip([single, double]) {
                for x in pair {
                    sums[0] += x;
                    sums[1] += x * x;
                    sums[2] += x * x * x * x;
                }
            }
        }
        let n = 2.0 * N as f64;
        for [mean, variance, fourth] in sums.map(|sums| sums.map(|sum| sum / n)) {
            // The variances of x, x² and x⁴ are 1, 2 and 96.
            for (found, expected, variance) in
                [(mean, 0.0, 1.0), (variance, 1.0, 2.0), (fourth, 3.0, 96.0)]
            {
                let limit = 4.0 * (variance / n).sqrt();
                assert!((found - expected).abs() <= limit, "{found} for {expected}");
            }
        }
    }
}
