//! The inner loop of the forward pass and of the gradient by the input: a tile of sums in registers.

use std::ops::Range;

use pulp::Simd;

/// Channels of the largest tile, where there are registers for it.
pub(super) const ROWS: usize = 8;
/// Pixels of a tile. With 8 by 3, or 4 by 3 where there are 16 registers, all sums and operands of a
/// term fit into registers.
pub(super) const COLUMNS: usize = 3;

/// Cuts channels into tiles: as many of `most` as there are, then of 4, 2 and 1. Ranges that begin at
/// multiples of [`ROWS`] are cut at the same places, whichever channels they are a part of.
#[inline(always)]
pub(super) fn next_tile(channels: &Range<usize>, most: usize) -> Option<Range<usize>> {
    let sizes = [8, 4, 2, 1];
    let n = sizes
        .into_iter()
        .find(|&n| n <= most && n <= channels.len())?;
    Some(channels.start..channels.start + n)
}

/// Channels of the largest tile with these vectors.
#[inline(always)]
pub(super) fn most_rows<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { ROWS } else { 4 }
}

/// The terms of a tile's sums: a grid of taps, each with a term for every channel.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// Rows and columns of the grid.
    pub(super) n_taps: [usize; 2],
    /// Where the grid begins among the vectors; wraps round, as steps back do.
    pub(super) first: usize,
    /// Vectors from tap to tap, along rows and columns.
    pub(super) step: [usize; 2],
    /// The first tap among those of the weights.
    pub(super) first_weight: usize,
    /// Weights from tap to tap.
    pub(super) weight_step: [usize; 2],
    /// Terms of a tap.
    pub(super) n_channels: usize,
    /// Vectors from channel to channel.
    pub(super) channel_step: usize,
}

/// `sums[i][j] = Σ_{tap, channel} weights[tap, channel][i] · vectors[starts[j] + tap + channel]`, with
/// `weights` of shape `[taps, channels, ROWS]`.
#[inline(always)]
pub(super) fn tile_sums<S: Simd, const ROWS: usize>(
    simd: S,
    vectors: &[S::f32s],
    starts: [usize; COLUMNS],
    terms: &Terms,
    weights: &[f32],
) -> [[S::f32s; COLUMNS]; ROWS] {
    let (weights, _) = weights.as_chunks::<ROWS>();
    let mut sums = [[simd.splat_f32s(0.0); COLUMNS]; ROWS];
    let (n_channels, channel_step) = (terms.n_channels, terms.channel_step);
    let last = n_channels.wrapping_sub(1).wrapping_mul(channel_step);
    for i in 0..terms.n_taps[0] {
        for j in 0..terms.n_taps[1] {
            let tap = i
                .wrapping_mul(terms.step[0])
                .wrapping_add(j.wrapping_mul(terms.step[1]))
                .wrapping_add(terms.first);
            let mut places = starts;
            for place in &mut places {
                *place = place.wrapping_add(tap);
                // The largest of the indices below, and so all of them, are inside.
                assert!(*place < vectors.len() && last < vectors.len() - *place);
            }
            let weight = terms.first_weight + i * terms.weight_step[0] + j * terms.weight_step[1];
            let mut offset = 0;
            for weights in &weights[weight * n_channels..][..n_channels] {
                let mut x = [simd.splat_f32s(0.0); COLUMNS];
                for (x, place) in x.iter_mut().zip(places) {
                    // SAFETY: asserted above, as `offset` is at most `last`.
                    *x = unsafe { *vectors.get_unchecked(place + offset) };
                }
                for (sums, &weight) in sums.iter_mut().zip(weights) {
                    let weight = simd.splat_f32s(weight);
                    for (sum, x) in sums.iter_mut().zip(x) {
                        *sum = simd.mul_add_e_f32s(weight, x, *sum);
                    }
                }
                offset += channel_step;
            }
        }
    }
    sums
}
