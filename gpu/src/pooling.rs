//! Pooling of images: the maximum or the mean below a window, forward and backward.
//!
//! B images of C channels with H x W pixels, each pooled to OH x OW by a window of KH x KW. Channels
//! do not mix, so a kernel sees B C planes.

use core::ops::Range;

use cuda_std::kernel::DeviceValue;
use cuda_std::prelude::*;

/// Threads of a block.
pub const N_THREADS: u32 = 256;

/// What a pooling is made of, rows first, then columns.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Sizes {
    /// H and W.
    pub image: [u32; 2],
    /// OH and OW.
    pub output: [u32; 2],
    /// KH and KW.
    pub window: [u32; 2],
    /// How far it is from one place of the window to the next.
    pub stride: [u32; 2],
    /// Rows above and below the image, columns on its left and right; less than the window has.
    pub padding: [u32; 2],
}

// SAFETY: numbers in `repr(C)`, and no address.
unsafe impl DeviceValue for Sizes {}

/// A pixel of one of the planes.
#[derive(Clone, Copy)]
struct Pixel {
    plane_idx: usize,
    row: u32,
    column: u32,
}

impl Pixel {
    /// Pixel `i` of planes of `n_rows` x `n_columns`.
    #[inline(always)]
    fn new(i: u32, [n_rows, n_columns]: [u32; 2]) -> Pixel {
        let row = i / n_columns;
        Pixel {
            plane_idx: (row / n_rows) as usize,
            row: row % n_rows,
            column: i % n_columns,
        }
    }
}

impl Sizes {
    /// The pixels of plane `plane_idx` of the images.
    #[inline(always)]
    fn plane(self, x: &[f32], plane_idx: usize) -> &[f32] {
        let [n_rows, n_columns] = self.image.map(|n| n as usize);
        &x[plane_idx * n_rows * n_columns..][..n_rows * n_columns]
    }

    /// The rows (or columns) of the image that the window covers at a place.
    #[inline(always)]
    fn covered<const AXIS: usize>(self, place: u32) -> Range<u32> {
        let begin = place * self.stride[AXIS];
        let padding = self.padding[AXIS];
        let end = (begin + self.window[AXIS] - padding).min(self.image[AXIS]);
        begin.saturating_sub(padding)..end
    }

    /// The places at which the window covers a row (or a column) of the image.
    #[inline(always)]
    fn covering<const AXIS: usize>(self, row: u32) -> Range<u32> {
        let row = row + self.padding[AXIS];
        let stride = self.stride[AXIS];
        let begin = match row.checked_sub(self.window[AXIS]) {
            Some(distance) => distance / stride + 1,
            None => 0,
        };
        begin..(row / stride + 1).min(self.output[AXIS])
    }

    /// Calls `function` with each pixel that the window covers at a place, in row-major order.
    #[inline(always)]
    fn for_each_covered(self, place: Pixel, mut function: impl FnMut(u32, u32)) {
        for row in self.covered::<0>(place.row) {
            for column in self.covered::<1>(place.column) {
                function(row, column);
            }
        }
    }

    /// The sum of `term(place)` over the places at which the window covers a pixel.
    #[inline(always)]
    fn sum_over_covering(self, pixel: Pixel, term: impl Fn(Pixel) -> f32) -> f32 {
        let mut sum = 0.0;
        for row in self.covering::<0>(pixel.row) {
            for column in self.covering::<1>(pixel.column) {
                sum += term(Pixel {
                    row,
                    column,
                    ..pixel
                });
            }
        }
        sum
    }

    /// Where a pixel of the image lies in its plane.
    #[inline(always)]
    fn idx(self, row: u32, column: u32) -> usize {
        (row * self.image[1] + column) as usize
    }

    /// Where a place lies in the output.
    #[inline(always)]
    fn output_idx(self, place: Pixel) -> usize {
        let [n_rows, n_columns] = self.output.map(|n| n as usize);
        (place.plane_idx * n_rows + place.row as usize) * n_columns + place.column as usize
    }

    /// What each pixel below the window counts in a mean.
    #[inline(always)]
    fn share(self) -> f32 {
        1.0 / (self.window[0] as f32 * self.window[1] as f32)
    }
}

/// NaN is larger than any number.
#[inline(always)]
fn is_larger(a: f32, b: f32) -> bool {
    a > b || (a.is_nan() && !b.is_nan())
}

/// Each pixel of `y` is the largest of those of `x` below the window: overwrites `y`. NaN is larger
/// than any number.
///
/// Shapes: `x` `[B, C, H, W]`, `y` `[B, C, OH, OW]`.
/// Launch: along x, a thread per element of `y`.
/// Cost: `4 B C (KH KW OH OW + OH OW)` bytes, where windows overlap most from the cache.
///
/// # Panics
///
/// If `x` is shorter than its shape.
#[kernel]
pub fn max_pooling_forward(x: &[f32], mut y: PerThread<f32>, sizes: Sizes) {
    let Some(y) = y.get_mut() else { return };
    let place = Pixel::new(thread::index_1d(), sizes.output);
    let x = sizes.plane(x, place.plane_idx);
    let mut largest = f32::NEG_INFINITY;
    sizes.for_each_covered(place, |row, column| {
        let x = x[sizes.idx(row, column)];
        if is_larger(x, largest) {
            largest = x;
        }
    });
    *y = largest;
}

/// Each pixel of `y` is the mean of those of `x` below the window, padding counting as zeros:
/// overwrites `y`.
///
/// Shapes: `x` `[B, C, H, W]`, `y` `[B, C, OH, OW]`.
/// Launch: along x, a thread per element of `y`.
/// Cost: `4 B C (KH KW OH OW + OH OW)` bytes, where windows overlap most from the cache.
///
/// # Panics
///
/// If `x` is shorter than its shape.
#[kernel]
pub fn average_pooling_forward(x: &[f32], mut y: PerThread<f32>, sizes: Sizes) {
    let Some(y) = y.get_mut() else { return };
    let place = Pixel::new(thread::index_1d(), sizes.output);
    let x = sizes.plane(x, place.plane_idx);
    let mut sum = 0.0;
    sizes.for_each_covered(place, |row, column| sum += x[sizes.idx(row, column)]);
    *y = sum * sizes.share();
}

/// The gradient by the input of [`max_pooling_forward`](struct@max_pooling_forward): overwrites `dx`.
/// That of each place goes to the first of the largest pixels there, in row-major order.
///
/// Every pixel looks again at all windows over it, to see where it is that one: nothing is kept from
/// the forward pass, and no two threads add to the same element.
///
/// Shapes: `x` and `dx` `[B, C, H, W]`, `dy` `[B, C, OH, OW]`.
/// Launch: along x, a thread per element of `dx`.
/// Cost: `12 B C H W` bytes if windows lie side by side, and `KH KW` loads per pixel and window over
/// it, from the cache.
///
/// # Panics
///
/// If `x` or `dy` is shorter than its shape.
#[kernel]
pub fn max_pooling_backward(x: &[f32], dy: &[f32], mut dx: PerThread<f32>, sizes: Sizes) {
    let Some(dx) = dx.get_mut() else { return };
    let pixel = Pixel::new(thread::index_1d(), sizes.image);
    let x = sizes.plane(x, pixel.plane_idx);
    let own_idx = sizes.idx(pixel.row, pixel.column);
    let own = x[own_idx];
    *dx = sizes.sum_over_covering(pixel, |place| {
        let mut is_first_of_largest = true;
        sizes.for_each_covered(place, |row, column| {
            let idx = sizes.idx(row, column);
            is_first_of_largest &= if idx < own_idx {
                is_larger(own, x[idx])
            } else {
                !is_larger(x[idx], own)
            };
        });
        if is_first_of_largest {
            dy[sizes.output_idx(place)]
        } else {
            0.0
        }
    });
}

/// The gradient by the input of [`average_pooling_forward`](struct@average_pooling_forward):
/// overwrites `dx`. That of each place goes to all pixels there in equal parts.
///
/// Shapes: `dx` `[B, C, H, W]`, `dy` `[B, C, OH, OW]`.
/// Launch: along x, a thread per element of `dx`.
/// Cost: `4 B C (H W + OH OW)` bytes.
///
/// # Panics
///
/// If `dy` is shorter than its shape.
#[kernel]
pub fn average_pooling_backward(dy: &[f32], mut dx: PerThread<f32>, sizes: Sizes) {
    let Some(dx) = dx.get_mut() else { return };
    let pixel = Pixel::new(thread::index_1d(), sizes.image);
    let sum = sizes.sum_over_covering(pixel, |place| dy[sizes.output_idx(place)]);
    *dx = sum * sizes.share();
}
