//! The gradients by weight and bias.
//!
//! ```text
//! for each block of as many images as a vector has lanes:
//!     x = its images in lanes, with the padding around       (C, H + 2p, W + 2p, lanes)
//!     for each tile of ROWS outputs, and each band of BAND places:
//!         dy = gradients in lanes                            (ROWS, BAND, lanes), stays in the first cache
//!         for each tile of TAPS taps of all channels:
//!             sums = 0                                       ROWS x TAPS registers
//!             for each place:
//!                 sums[output, tap] += dy[output, place] * x[place + tap]
//!             dweight[tap, output] += the sum over the lanes of sums
//!         dbias[output] += the sum of dy
//! ```
//!
//! Parts are of outputs, so that the result does not depend on their number.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::super::matrix::ColumnBlock;
use super::Geometry;
use super::tile::{ROWS, most_rows, next_tile};

/// Places of the window whose gradients are in lanes at a time.
const BAND: usize = 64;
/// Taps of a tile.
const TAPS: usize = 3;

/// The gradients by the weight and bias of some outputs.
pub(super) struct BackwardWeight<'a, 'b> {
    pub(super) geometry: Geometry,
    /// `[B, C, H, W]`
    pub(super) x: &'a [f32],
    /// `[B, O, OH, OW]`
    pub(super) dy: &'a [f32],
    /// These outputs of `[C · KH · KW, O]`.
    pub(super) dweight: &'a mut ColumnBlock<'b>,
    /// Those outputs of `[1, O]`.
    pub(super) dbias: &'a mut ColumnBlock<'b>,
    pub(super) outputs: Range<usize>,
    pub(super) scratch: &'a mut [f32],
}

/// Floats of the scratch space: images, a band of gradients.
pub(super) fn n_scratch(geometry: &Geometry, n_lanes: usize) -> [usize; 2] {
    [
        geometry.n_channels * geometry.n_padded() * n_lanes,
        ROWS * BAND * n_lanes,
    ]
}

impl WithSimd for BackwardWeight<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let BackwardWeight {
            geometry,
            x,
            dy,
            dweight,
            dbias,
            outputs,
            scratch,
        } = self;
        let n_lanes = S::F32_LANES;
        let n_places = geometry.n_places();
        let n_gradients = geometry.n_outputs * n_places;
        let [lanes_of_x, band_of_dy] = super::split_scratch(scratch, n_scratch(&geometry, n_lanes));
        for tap in 0..geometry.n_channels * geometry.n_taps() {
            dweight.row(tap).fill(0.0);
        }
        dbias.row(0).fill(0.0);
        for block in 0..geometry.n_rows.div_ceil(n_lanes) {
            let lanes = geometry.lanes(block, n_lanes, geometry.n_inputs());
            lanes.load_padded(
                &x[block * n_lanes * geometry.n_inputs()..],
                geometry.n_channels,
                geometry.image,
                geometry.padding,
                lanes_of_x,
            );
            let lanes = geometry.lanes(block, n_lanes, n_gradients);
            let mut rest = outputs.clone();
            while let Some(rows) = next_tile(&rest, most_rows::<S>()) {
                rest.start = rows.end;
                // All of about the same length: what a band costs beside its sums is the same for each.
                let n_bands = n_places.div_ceil(BAND);
                for band_idx in 0..n_bands {
                    let begin = n_places * band_idx / n_bands;
                    let end = n_places * (band_idx + 1) / n_bands;
                    let mut starts = [0; BAND];
                    let starts = &mut starts[..end - begin];
                    for (i, start) in starts.iter_mut().enumerate() {
                        *start = geometry.start_of(begin + i);
                    }
                    for (output, band_of_dy) in rows
                        .clone()
                        .zip(band_of_dy.chunks_exact_mut(BAND * n_lanes))
                    {
                        let first = block * n_lanes * n_gradients + output * n_places + begin;
                        lanes.load(&dy[first..], &mut band_of_dy[..starts.len() * n_lanes]);
                    }
                    let band = Band {
                        geometry: &geometry,
                        x: bytemuck::cast_slice(lanes_of_x),
                        dy: bytemuck::cast_slice(band_of_dy),
                        starts,
                        first: rows.start - outputs.start,
                    };
                    match rows.len() {
                        8 => band.add::<S, 8>(simd, dweight, dbias),
                        4 => band.add::<S, 4>(simd, dweight, dbias),
                        2 => band.add::<S, 2>(simd, dweight, dbias),
                        _ => band.add::<S, 1>(simd, dweight, dbias),
                    }
                }
            }
        }
    }
}

/// Some places of the window in one block of images, for a tile of outputs.
struct Band<'a, V> {
    geometry: &'a Geometry,
    x: &'a [V],
    /// `[ROWS, BAND]`
    dy: &'a [V],
    /// Where the places begin in `x`.
    starts: &'a [usize],
    /// The first of the outputs among those of `dweight`.
    first: usize,
}

impl<V: Copy> Band<'_, V> {
    /// Adds to the gradients by `ROWS` outputs.
    #[inline(always)]
    fn add<S: Simd<f32s = V>, const ROWS: usize>(
        &self,
        simd: S,
        dweight: &mut ColumnBlock<'_>,
        dbias: &mut ColumnBlock<'_>,
    ) {
        let columns = self.first..self.first + ROWS;
        let n_all_taps = self.geometry.n_channels * self.geometry.n_taps();
        for begin in (0..n_all_taps).step_by(TAPS) {
            let mut taps = [0; TAPS];
            for (i, tap) in taps.iter_mut().enumerate() {
                *tap = self.geometry.tap_offset((begin + i).min(n_all_taps - 1));
            }
            let sums = self.sums::<S, ROWS>(simd, taps);
            for (i, tap) in (begin..n_all_taps.min(begin + TAPS)).enumerate() {
                for (dweight, sums) in dweight.row(tap)[columns.clone()].iter_mut().zip(&sums) {
                    *dweight += simd.reduce_sum_f32s(sums[i]);
                }
            }
        }
        for (dbias, dy) in dbias.row(0)[columns]
            .iter_mut()
            .zip(self.dy.chunks_exact(BAND))
        {
            let mut sum = simd.splat_f32s(0.0);
            for &dy in &dy[..self.starts.len()] {
                sum = simd.add_f32s(sum, dy);
            }
            *dbias += simd.reduce_sum_f32s(sum);
        }
    }

    /// `sums[i][j] = Σ_place dy[i, place] · x[starts[place] + taps[j]]`.
    #[inline(always)]
    fn sums<S: Simd<f32s = V>, const ROWS: usize>(
        &self,
        simd: S,
        taps: [usize; TAPS],
    ) -> [[V; TAPS]; ROWS] {
        let mut sums = [[simd.splat_f32s(0.0); TAPS]; ROWS];
        let (rows, _) = self.dy.as_chunks::<BAND>();
        let rows = &rows[..ROWS];
        for (place, &start) in self.starts.iter().enumerate() {
            let mut x = [simd.splat_f32s(0.0); TAPS];
            for (x, tap) in x.iter_mut().zip(taps) {
                *x = self.x[start + tap];
            }
            for (sums, dy) in sums.iter_mut().zip(rows) {
                let dy = dy[place % BAND];
                for (sum, x) in sums.iter_mut().zip(x) {
                    *sum = simd.mul_add_e_f32s(dy, x, *sum);
                }
            }
        }
        sums
    }
}
