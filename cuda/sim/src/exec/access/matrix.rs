//! Matrices in shared memory, as the descriptors of `wgmma` tell of them.

use super::{Order, Part};
use crate::check::{Kind, Scope};
use crate::exec::{ALL, Context, LANES, Mask, Stop, lanes};

/// The bytes that lie together.
const UNIT: usize = 16;

/// A matrix in shared memory. It is made of units of 16 bytes, which are elements of a line that lie side
/// by side: a line is a row of the first factor or a column of the second one, or if the matrix is turned,
/// all that has one place in depth.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SharedMatrix {
    start: u64,
    /// Offsets between repetitions of the pattern.
    leading: u64,
    stride: u64,
    /// How far the pattern begins behind a multiple of its size, in 128 bytes.
    base: u64,
    /// The bytes of a line in the pattern: 16 without a swizzle, or what the swizzle is called by.
    width: u64,
    is_turned: bool,
}

impl SharedMatrix {
    /// What a descriptor says. Fails with a sentence if it says nothing.
    pub(crate) fn new(descriptor: u64, is_turned: bool) -> Result<Self, String> {
        const KNOWN: u64 = 0x3fff | 0x3fff << 16 | 0x3fff << 32 | 7 << 49 | 3 << 62;
        if descriptor & !KNOWN != 0 {
            return Err(format!(
                "the descriptor {descriptor:#018x} has bits set that mean nothing: {:#x}",
                descriptor & !KNOWN
            ));
        }
        let offset = |shift: u32| (descriptor >> shift & 0x3fff) << 4;
        let swizzle = descriptor >> 62;
        Ok(Self {
            start: offset(0),
            leading: offset(16),
            stride: offset(32),
            base: if swizzle == 0 {
                0
            } else {
                descriptor >> 49 & 7
            },
            width: [16, 128, 64, 32][swizzle as usize],
            is_turned,
        })
    }

    /// The bytes after which the pattern of the swizzle repeats.
    fn period(&self) -> u64 {
        8 * self.width
    }

    /// Whether the pattern begins where the descriptor says.
    fn is_aligned(&self) -> bool {
        let begin = self.start.wrapping_sub(128 * self.base);
        self.width == 16 || begin % self.period() < self.width
    }

    /// The address of a unit.
    fn address(&self, line: usize, unit: usize) -> u64 {
        let (line, unit) = (line as u64, unit as u64);
        let units = self.width / UNIT as u64;
        let offset = match (self.is_turned, units) {
            (false, 1) => line % 8 * 16 + line / 8 * self.stride + unit * self.leading,
            (false, _) => line % 8 * self.width + line / 8 * self.stride + unit * 16,
            (true, 1) => line % 8 * 16 + line / 8 * self.leading + unit * self.stride,
            (true, _) => {
                line % 8 * self.width
                    + line / 8 * self.stride
                    + unit % units * 16
                    + unit / units * self.leading
            }
        };
        let address = self.start + offset;
        // The place of a unit in its line is changed by the number of the line in the pattern.
        let line = (address >> 7).wrapping_sub(self.base);
        address ^ (line & (units - 1)) << 4
    }
}

impl Context<'_, '_> {
    /// Reads the units of some lines of a matrix; `take` gets the line, the unit, and its words. Adds to
    /// `runs` which bytes they are.
    pub(crate) fn read_matrix(
        &mut self,
        mask: Mask,
        matrix: &SharedMatrix,
        lines: std::ops::Range<usize>,
        units: std::ops::Range<usize>,
        runs: &mut Vec<std::ops::Range<u64>>,
        mut take: impl FnMut(usize, usize, [u32; 4]),
    ) -> Result<(), Stop> {
        let first = Self::first(mask);
        if !matrix.is_turned && matrix.width < (UNIT * units.end) as u64 && matrix.width > 16 {
            let message = format!(
                "a product of {} bytes in depth from lines with a swizzle of {} bytes is not known",
                UNIT * units.end,
                matrix.width
            );
            return Err(self.stop(Kind::InvalidInstruction, first, "multiplies", message));
        }
        if !matrix.is_aligned() && self.launch.checks.alignment {
            let message = format!(
                "a matrix at {:#x} of shared memory with a swizzle of {} bytes and a base offset of {}: \
                 the pattern must begin at a multiple of {} bytes, or the base offset tell where it does",
                matrix.start,
                matrix.width,
                matrix.base,
                matrix.period()
            );
            let mut report = self.report(Kind::Misaligned, first, "reads", message);
            report.address = Some(matrix.start);
            return Err(Box::new(report));
        }
        let mut places = lines.flat_map(|line| units.clone().map(move |unit| (line, unit)));
        let order = (Order::WEAK, Scope::Block);
        loop {
            // As many units as lanes at a time.
            let mut batch = [(0, 0); LANES];
            let mut addresses = [0; LANES];
            let mut count = 0;
            for ((entry, address), (line, unit)) in
                batch.iter_mut().zip(&mut addresses).zip(&mut places)
            {
                *entry = (line, unit);
                *address = self.shared_base + matrix.address(line, unit);
                count += 1;
            }
            if count == 0 {
                return Ok(());
            }
            let part = Part::new(ALL >> (LANES - count), &addresses, UNIT as u32, order);
            let mut words = [[0_u32; LANES]; 4];
            let inside = self.fetch_shared(&part, &mut words)?;
            if self.shared.shadow.is_some() {
                for lane in lanes(inside) {
                    let start = addresses[lane];
                    match runs.last_mut() {
                        Some(last) if last.end == start => last.end += UNIT as u64,
                        Some(last) if last.start == start + UNIT as u64 => last.start = start,
                        _ => runs.push(start..start + UNIT as u64),
                    }
                }
            }
            for (lane, &(line, unit)) in batch[..count].iter().enumerate() {
                take(line, unit, words.map(|word| word[lane]));
            }
        }
    }
}
