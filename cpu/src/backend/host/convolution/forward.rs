//! The forward pass.
//!
//! ```text
//! weights = those of each tile of outputs, contiguous
//! for each block of as many images as a vector has lanes:
//!     x = its images in lanes, with the padding around       (C, H + 2p, W + 2p, lanes)
//!     for each band of BAND places of the window:            y of a band stays in the second cache
//!         for each tile of COLUMNS places:                   what they cover stays in the first
//!             for each tile of ROWS outputs:
//!                 sums = 0                                   ROWS x COLUMNS registers
//!                 for each tap and channel:
//!                     sums[output, place] += weights[tap, channel, output] * x[channel, place + tap]
//!                 y = activation(sums + bias)                (outputs, BAND, lanes)
//!         y goes back to images
//! ```
//!
//! 1. Any stride and window will do: places are numbered through, and a tile takes any COLUMNS of them.
//! 2. Where the places of a band are no whole number of tiles, the last of them is computed again.
//! 3. With one channel, a row of taps takes the part of the channels: the inner loop is longer.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::super::activation;
use super::super::matrix::SharedColumns;
use super::Geometry;
use super::tile::{COLUMNS, Terms, most_rows, next_tile, tile_sums};
use crate::backend::Activation;

/// Places of the window that are computed before they go back to images.
const BAND: usize = 48;

/// The forward pass of some outputs of some blocks of images.
pub(super) struct Forward<'a, 'b> {
    pub(super) geometry: Geometry,
    /// `[B, C, H, W]`
    pub(super) x: &'a [f32],
    /// `[C, KH, KW, O]`
    pub(super) weight: &'a [f32],
    /// `[O]`
    pub(super) bias: &'a [f32],
    pub(super) activation: Activation,
    /// `[B, O, OH, OW]`, as one row. This one alone writes what is computed here.
    pub(super) y: &'a SharedColumns<'b>,
    /// Pairs of a block and a group of outputs, blocks first.
    pub(super) units: Range<usize>,
    pub(super) scratch: &'a mut [f32],
}

/// Floats of the scratch space: images, weights, a band of outputs.
pub(super) fn n_scratch(geometry: &Geometry, n_lanes: usize) -> [usize; 3] {
    let Geometry {
        n_channels,
        n_outputs,
        ..
    } = *geometry;
    [
        n_channels * geometry.n_padded() * n_lanes,
        geometry.n_taps() * n_channels * n_outputs,
        n_outputs * BAND * n_lanes,
    ]
}

impl WithSimd for Forward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Forward {
            geometry,
            x,
            weight,
            bias,
            activation,
            y,
            units,
            scratch,
        } = self;
        let n_lanes = S::F32_LANES;
        let n_places = geometry.n_places();
        let [lanes_of_x, weights, band_of_y] =
            super::split_scratch(scratch, n_scratch(&geometry, n_lanes));
        let terms = terms(&geometry);
        pack(
            &geometry,
            weight,
            geometry.channels_of(&units, geometry.n_outputs),
            most_rows::<S>(),
            weights,
        );
        for (block, outputs) in geometry.blocks_of(units, geometry.n_outputs) {
            let lanes = geometry.lanes(block, n_lanes, geometry.n_inputs());
            lanes.load_padded(
                &x[block * n_lanes * geometry.n_inputs()..],
                geometry.n_channels,
                geometry.image,
                geometry.padding,
                lanes_of_x,
            );
            let vectors: &[S::f32s] = bytemuck::cast_slice(lanes_of_x);
            for begin in (0..n_places).step_by(BAND) {
                let band = begin..n_places.min(begin + BAND);
                for tile_begin in band.clone().step_by(COLUMNS) {
                    let mut places = [0; COLUMNS];
                    for (j, place) in places.iter_mut().enumerate() {
                        *place = (tile_begin + j).min(band.end - 1);
                    }
                    let tile = Tile {
                        vectors,
                        starts: places.map(|place| geometry.start_of(place)),
                        terms: &terms,
                        places: places.map(|place| place - begin),
                    };
                    let mut rest = outputs.clone();
                    while let Some(rows) = next_tile(&rest, most_rows::<S>()) {
                        rest.start = rows.end;
                        let n_terms = geometry.n_taps() * geometry.n_channels;
                        let weights = &weights[rows.start * n_terms..rows.end * n_terms];
                        let bias = &bias[rows.clone()];
                        let y: &mut [S::f32s] = bytemuck::cast_slice_mut(
                            &mut band_of_y[(rows.start - outputs.start) * BAND * n_lanes..]
                                [..rows.len() * BAND * n_lanes],
                        );
                        match rows.len() {
                            8 => tile.compute::<S, 8>(simd, weights, bias, y),
                            4 => tile.compute::<S, 4>(simd, weights, bias, y),
                            2 => tile.compute::<S, 2>(simd, weights, bias, y),
                            _ => tile.compute::<S, 1>(simd, weights, bias, y),
                        }
                    }
                }
                for output in outputs.clone() {
                    let band_of_y = &mut band_of_y[(output - outputs.start) * BAND * n_lanes..]
                        [..band.len() * n_lanes];
                    activation::apply(activation, band_of_y);
                    let rows = (0..lanes.n_rows).map(|lane| {
                        let channel = (block * n_lanes + lane) * geometry.n_outputs + output;
                        let begin = channel * n_places + band.start;
                        // SAFETY: the caller vouches that no one else writes this output of this image,
                        // and each lane is asked for once.
                        unsafe { y.slice(begin..begin + band.len()) }
                    });
                    lanes.store(band_of_y, rows);
                }
            }
        }
    }
}

/// One tile of places.
struct Tile<'a, V> {
    vectors: &'a [V],
    /// Where the window's places begin among the vectors.
    starts: [usize; COLUMNS],
    terms: &'a Terms,
    /// In the band.
    places: [usize; COLUMNS],
}

impl<V> Tile<'_, V> {
    /// `y[i, places[j]] = sums[i][j] + bias[i]`.
    #[inline(always)]
    fn compute<S: Simd<f32s = V>, const ROWS: usize>(
        &self,
        simd: S,
        weights: &[f32],
        bias: &[f32],
        y: &mut [V],
    ) where
        V: Copy,
    {
        let sums = tile_sums::<S, ROWS>(simd, self.vectors, self.starts, self.terms, weights);
        for ((sums, &bias), y) in sums.iter().zip(bias).zip(y.chunks_exact_mut(BAND)) {
            let bias = simd.splat_f32s(bias);
            for (&sum, &place) in sums.iter().zip(&self.places) {
                y[place] = simd.add_f32s(sum, bias);
            }
        }
    }
}

/// The terms of every sum.
fn terms(geometry: &Geometry) -> Terms {
    let [n_rows, n_columns] = geometry.window;
    let width = geometry.padded()[1];
    if geometry.n_channels == 1 {
        Terms {
            n_taps: [n_rows, 1],
            first: 0,
            step: [width, 0],
            first_weight: 0,
            weight_step: [1, 0],
            n_channels: n_columns,
            channel_step: 1,
        }
    } else {
        Terms {
            n_taps: [n_rows, n_columns],
            first: 0,
            step: [width, 1],
            first_weight: 0,
            weight_step: [n_columns, 1],
            n_channels: geometry.n_channels,
            channel_step: geometry.n_padded(),
        }
    }
}

/// The weights of each tile of outputs side by side: `[taps, C, outputs of the tile]`.
#[inline(always)]
fn pack(
    geometry: &Geometry,
    weight: &[f32],
    outputs: Range<usize>,
    most: usize,
    packed: &mut [f32],
) {
    let Geometry {
        n_channels,
        n_outputs,
        ..
    } = *geometry;
    let n_taps = geometry.n_taps();
    let mut rest = outputs;
    while let Some(rows) = next_tile(&rest, most) {
        rest.start = rows.end;
        let packed = &mut packed[rows.start * n_taps * n_channels..];
        let mut packed = packed.chunks_exact_mut(rows.len());
        for tap in 0..n_taps {
            for channel in 0..n_channels {
                let weights = &weight[(channel * n_taps + tap) * n_outputs..][rows.clone()];
                if let Some(packed) = packed.next() {
                    packed.copy_from_slice(weights);
                }
            }
        }
    }
}
