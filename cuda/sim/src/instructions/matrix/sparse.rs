//! Sparse first factors: of each run of elements in a row half is stored, and metadata in the registers
//! of some lanes says where it belongs.
//!
//! A run has two, four or eight elements, and four bits of metadata. Elements of 16 and 32 bits have four
//! runs of a row in the lower half of a lane's metadata, and those of the row eight further down in the
//! upper half; smaller ones have eight runs of one row, in even lanes of a row and in odd ones of that
//! further down. The selector says which lanes of a group of four it is that hold metadata.

use crate::check::Kind;
use crate::exec::{Context, Slot, Stop};
use crate::numeric::product::{Places, ROWS};
use crate::program::Operation;
use crate::ptx::{PtxError, Type};

/// Metadata, and how it is to be read.
pub(super) struct Metadata {
    slot: Slot,
    /// The first lane of a group of four that holds some.
    first_lane: usize,
    /// The bits of an element.
    bits: usize,
    /// The runs of a row.
    runs: usize,
    /// Whether the indices of a run must rise.
    is_ordered: bool,
}

impl Metadata {
    /// The operands `index` and the one behind it, of a first factor with `k` elements in a row, half of
    /// which are stored.
    pub(super) fn decode(
        operation: &mut Operation<'_, '_>,
        index: usize,
        k: usize,
        bits: usize,
        is_ordered: bool,
    ) -> Result<Self, PtxError> {
        let runs = k / Self::run(bits);
        let n_lanes = if bits >= 16 { runs / 4 } else { runs / 8 * 2 };
        // The manual leaves open what a larger selector means.
        let most = 4 / n_lanes as i64 - 1;
        let selector = super::number(operation, index + 1, 0..=most)? as usize;
        Ok(Self {
            slot: operation.src(index, Type::B32)?,
            first_lane: selector * n_lanes,
            bits,
            runs,
            is_ordered,
        })
    }

    /// The elements of a run.
    fn run(bits: usize) -> usize {
        match bits {
            32 => 2,
            4 => 8,
            _ => 4,
        }
    }

    /// The lane and the bits in which the metadata of a run lies.
    fn source(&self, row: usize, run: usize) -> (usize, usize) {
        let (group, lower) = (row % 8 * 4 + self.first_lane, row / 8);
        match self.bits >= 16 {
            true => (group + run / 4, 16 * lower + run % 4 * 4),
            false => (group + lower + run / 8 * 2, run % 8 * 4),
        }
    }

    /// Where each stored element belongs. Ends the launch if the metadata says something impossible.
    pub(super) fn places(&self, context: &Context<'_, '_>) -> Result<Places, Stop> {
        let words = *context.registers.row(self.slot);
        let mut places = [[0; 64]; ROWS];
        let length = Self::run(self.bits);
        for (row, places) in places.iter_mut().enumerate() {
            let runs = places.chunks_exact_mut(length / 2).take(self.runs);
            for (run, places) in runs.enumerate() {
                let (lane, shift) = self.source(row, run);
                let indices = (words[lane] >> shift & 0xf) as u8;
                let (first, second) = (indices & 3, indices >> 2);
                let is_valid = match self.bits {
                    32 => matches!(indices, 0b0100 | 0b1110),
                    _ if self.is_ordered => first < second,
                    _ => first != second,
                };
                if !is_valid {
                    let message = format!(
                        "the metadata of elements {} to {} of row {row} is {indices:#06b}, which are no \
                         places of stored elements",
                        run * length,
                        (run + 1) * length - 1
                    );
                    return Err(context.stop(
                        Kind::InvalidInstruction,
                        lane,
                        "multiplies",
                        message,
                    ));
                }
                let start = (run * length) as u8;
                match *places {
                    [ref mut only] => *only = start + first / 2,
                    [ref mut a, ref mut b] => (*a, *b) = (start + first, start + second),
                    _ => {
                        for (index, place) in (0..).zip(places) {
                            let pair = if index < 2 { first } else { second };
                            *place = start + 2 * pair + index % 2;
                        }
                    }
                }
            }
        }
        Ok(places)
    }
}
