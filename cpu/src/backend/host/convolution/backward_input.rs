//! The gradient by the input.
//!
//! ```text
//! weights = those of each tile of channels, contiguous
//! for each block of as many images as a vector has lanes:
//!     dy = its gradients in lanes, with zeros beside         (O, OH, OW + 2 (COLUMNS - 1), lanes)
//!     for each band of rows of the image:
//!         for each row, and each tile of COLUMNS pixels of it, stride[1] apart:
//!             for each tile of ROWS channels:
//!                 sums = 0                                   ROWS x COLUMNS registers
//!                 for each tap that reaches one of the pixels, and each output:
//!                     sums[channel, pixel] += weights[tap, output, channel] * dy[output, pixel - tap]
//!                 dx = sums                                  (channels, band, lanes)
//!         dx goes back to images
//! ```
//!
//! 1. A tap `l` reaches the pixels `w` with `w + p = l + j s` for a place `j`. Those with the same
//!    remainder `(w + p) mod s` have the same taps, a stride apart, and places that follow each other: a
//!    tile is of one remainder, and as for a stride of 1.
//! 2. A tap that reaches some of a tile's pixels meets the zeros beside `dy` at the others. Taps that
//!    reach none of them are left out: at the edges of small images these are many.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::super::matrix::SharedColumns;
use super::Geometry;
use super::tile::{COLUMNS, Terms, most_rows, next_tile, tile_sums};

/// Pixels of a band, if a row has fewer.
const BAND: usize = 64;

/// The gradient by some channels of some blocks of images.
pub(super) struct BackwardInput<'a, 'b> {
    pub(super) geometry: Geometry,
    /// `[B, O, OH, OW]`
    pub(super) dy: &'a [f32],
    /// `[C, KH, KW, O]`
    pub(super) weight: &'a [f32],
    /// `[B, C, H, W]`, as one row. This one alone writes what is computed here.
    pub(super) dx: &'a SharedColumns<'b>,
    /// Pairs of a block and a group of channels, blocks first.
    pub(super) units: Range<usize>,
    pub(super) scratch: &'a mut [f32],
}

/// Floats of the scratch space: gradients, weights, a band of gradients by the input.
pub(super) fn n_scratch(geometry: &Geometry, n_lanes: usize) -> [usize; 3] {
    let Geometry {
        n_channels,
        n_outputs,
        image,
        output,
        ..
    } = *geometry;
    [
        n_outputs * output[0] * (output[1] + 2 * MARGIN) * n_lanes,
        geometry.n_taps() * n_channels * n_outputs,
        n_channels * n_band_rows(image) * image[1] * n_lanes,
    ]
}

/// Zeros on each side of a row of gradients.
const MARGIN: usize = COLUMNS - 1;

fn n_band_rows([n_rows, n_columns]: [usize; 2]) -> usize {
    (BAND / n_columns).clamp(1, n_rows)
}

impl WithSimd for BackwardInput<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let BackwardInput {
            geometry,
            dy,
            weight,
            dx,
            units,
            scratch,
        } = self;
        let n_lanes = S::F32_LANES;
        let Geometry {
            n_channels,
            n_outputs,
            image: [n_image_rows, n_image_columns],
            output,
            stride,
            ..
        } = geometry;
        let [lanes_of_dy, weights, band_of_dx] =
            super::split_scratch(scratch, n_scratch(&geometry, n_lanes));
        pack(
            &geometry,
            weight,
            geometry.channels_of(&units, n_channels),
            most_rows::<S>(),
            weights,
        );
        let n_band_rows = n_band_rows(geometry.image);
        let n_of_band = n_band_rows * n_image_columns;
        for (block, channels) in geometry.blocks_of(units, n_channels) {
            let n_gradients = n_outputs * geometry.n_places();
            let lanes = geometry.lanes(block, n_lanes, n_gradients);
            lanes.load_padded(
                &dy[block * n_lanes * n_gradients..],
                n_outputs,
                output,
                [0, MARGIN],
                lanes_of_dy,
            );
            let vectors: &[S::f32s] = bytemuck::cast_slice(lanes_of_dy);
            for begin in (0..n_image_rows).step_by(n_band_rows) {
                let band = begin..n_image_rows.min(begin + n_band_rows);
                for row in band.clone() {
                    let taps_of_row = Reach::of(&geometry, 0, row, 1);
                    for remainder in 0..stride[1].min(n_image_columns) {
                        let mut column = remainder;
                        while column < n_image_columns {
                            let n_columns =
                                (n_image_columns - column).div_ceil(stride[1]).min(COLUMNS);
                            let taps_of_column = Reach::of(&geometry, 1, column, n_columns);
                            let terms = terms(&geometry, &taps_of_row, &taps_of_column);
                            let starts = std::array::from_fn(|j| j);
                            let first = (row - band.start) * n_image_columns + column;
                            let mut rest = channels.clone();
                            while let Some(rows) = next_tile(&rest, most_rows::<S>()) {
                                rest.start = rows.end;
                                let n_terms = geometry.n_taps() * n_outputs;
                                let tile = Tile {
                                    vectors,
                                    starts,
                                    terms: &terms,
                                    weights: &weights[rows.start * n_terms..rows.end * n_terms],
                                    first,
                                    step: stride[1],
                                    n_columns,
                                    n_of_band,
                                };
                                let dx: &mut [S::f32s] = bytemuck::cast_slice_mut(
                                    &mut band_of_dx
                                        [(rows.start - channels.start) * n_of_band * n_lanes..]
                                        [..rows.len() * n_of_band * n_lanes],
                                );
                                match rows.len() {
                                    8 => tile.compute::<S, 8>(simd, dx),
                                    4 => tile.compute::<S, 4>(simd, dx),
                                    2 => tile.compute::<S, 2>(simd, dx),
                                    _ => tile.compute::<S, 1>(simd, dx),
                                }
                            }
                            column += stride[1] * COLUMNS;
                        }
                    }
                }
                let n_pixels = band.len() * n_image_columns;
                for channel in channels.clone() {
                    let band_of_dx = &band_of_dx
                        [(channel - channels.start) * n_of_band * n_lanes..][..n_pixels * n_lanes];
                    let rows = (0..lanes.n_rows).map(|lane| {
                        let plane = (block * n_lanes + lane) * n_channels + channel;
                        let begin = (plane * n_image_rows + band.start) * n_image_columns;
                        // SAFETY: the caller vouches that no one else writes this channel of this image,
                        // and each lane is asked for once.
                        unsafe { dx.slice(begin..begin + n_pixels) }
                    });
                    lanes.store(band_of_dx, rows);
                }
            }
        }
    }
}

/// The taps that reach some pixels along one axis: `first`, `first + stride` and so on, `n` of them.
struct Reach {
    first: usize,
    n: usize,
    /// The place from which the first tap reaches the first pixel; wraps round where there is none.
    place: usize,
}

impl Reach {
    /// For `n_pixels` pixels, a stride apart, from `pixel` on.
    #[inline(always)]
    fn of(geometry: &Geometry, axis: usize, pixel: usize, n_pixels: usize) -> Reach {
        let (stride, n_places) = (geometry.stride[axis], geometry.output[axis]);
        let padded = pixel + geometry.padding[axis];
        // Tap `remainder + i stride` reaches the first pixel from place `quotient - i`.
        let (quotient, remainder) = (padded / stride, padded % stride);
        let n_taps = geometry.window[axis]
            .saturating_sub(remainder)
            .div_ceil(stride);
        let begin = (quotient + 1).saturating_sub(n_places);
        let end = n_taps.min(quotient + n_pixels);
        Reach {
            first: remainder + begin * stride,
            n: end.saturating_sub(begin),
            place: quotient.wrapping_sub(begin),
        }
    }
}

/// The terms of the sums of a tile of pixels.
#[inline(always)]
fn terms(geometry: &Geometry, rows: &Reach, columns: &Reach) -> Terms {
    let [n_rows, n_columns] = geometry.output;
    let width = n_columns + 2 * MARGIN;
    let window_width = geometry.window[1];
    Terms {
        n_taps: [rows.n, columns.n],
        first: rows
            .place
            .wrapping_mul(width)
            .wrapping_add(columns.place)
            .wrapping_add(MARGIN),
        step: [width.wrapping_neg(), 1_usize.wrapping_neg()],
        first_weight: rows.first * window_width + columns.first,
        weight_step: [geometry.stride[0] * window_width, geometry.stride[1]],
        n_channels: geometry.n_outputs,
        channel_step: n_rows * width,
    }
}

/// One tile of pixels and channels.
struct Tile<'a, V> {
    vectors: &'a [V],
    starts: [usize; COLUMNS],
    terms: &'a Terms,
    weights: &'a [f32],
    /// In the band: the first pixel, and from one to the next.
    first: usize,
    step: usize,
    n_columns: usize,
    /// Pixels of a whole band.
    n_of_band: usize,
}

impl<V: Copy> Tile<'_, V> {
    /// `dx[i, first + j step] = sums[i][j]`.
    #[inline(always)]
    fn compute<S: Simd<f32s = V>, const ROWS: usize>(&self, simd: S, dx: &mut [V]) {
        let sums = tile_sums::<S, ROWS>(simd, self.vectors, self.starts, self.terms, self.weights);
        for (sums, dx) in sums.iter().zip(dx.chunks_exact_mut(self.n_of_band)) {
            for (j, &sum) in sums.iter().enumerate() {
                if j < self.n_columns {
                    dx[self.first + j * self.step] = sum;
                }
            }
        }
    }
}

/// The weights of each tile of channels side by side: `[taps, O, channels of the tile]`.
#[inline(always)]
fn pack(
    geometry: &Geometry,
    weight: &[f32],
    channels: Range<usize>,
    most: usize,
    packed: &mut [f32],
) {
    let n_of_channel = geometry.n_taps() * geometry.n_outputs;
    let mut rest = channels;
    while let Some(rows) = next_tile(&rest, most) {
        rest.start = rows.end;
        let packed = &mut packed[rows.start * n_of_channel..rows.end * n_of_channel];
        for (i, channel) in rows.clone().enumerate() {
            let weights = &weight[channel * n_of_channel..][..n_of_channel];
            for (packed, weight) in packed[i..].iter_mut().step_by(rows.len()).zip(weights) {
                *packed = *weight;
            }
        }
    }
}
