//! Convolutions of images: forward, and the gradients by input, weight and bias.
//!
//! B images of C channels with H x W pixels; O outputs, or output channels, of OH x OW pixels; a window
//! of KH x KW with strides `s` and padding `p`. Weights are `[C, KH, KW, O]`. A place (i, j) of the
//! window is a pixel of the output, and covers the pixels `(i s₀ + k - p₀, j s₁ + l - p₁)` of the image.
//!
//! The versions, each with one idea more:
//!
//! 1. `..._naive`: a thread per element of the output, straight from global memory.
//! 2. `..._small` and `..._large`: the products of [`crate::dense`], with their tiles, of matrices that
//!    are not in memory: an element of such a matrix is a pixel or a gradient, or a zero where there is
//!    none, and it is looked for when the tile is loaded. What that costs in arithmetic is small beside
//!    the tile's own, since the host has prepared the divisions, and most of it is the same for all
//!    tiles of a thread.
//!
//! Tiled kernels read without a look at bounds what lies inside of an image. They ask of their launch that
//! `divisors` are [those of `shape`](ConvolutionShape::divisors), that no side is above [`MAX_SIDE`] and no
//! buffer above [`MAX_ELEMENTS`].
//!
//! Every sum is added in an order that depends on the shapes alone. A kernel panics if a buffer is
//! shorter than its shape.

mod division;
mod naive;
mod tiled;

use cuda_std::kernel::DeviceValue;
use cuda_std::prelude::*;

use crate::reduce::block_sum;

pub use crate::reduce::N_THREADS;
pub use division::Divisor;
pub use naive::*;
pub use tiled::*;

/// The shapes of a convolution.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct ConvolutionShape {
    /// B.
    pub n_rows: u32,
    /// C.
    pub n_channels: u32,
    /// H and W.
    pub image: [u32; 2],
    /// O.
    pub n_outputs: u32,
    /// OH and OW.
    pub output: [u32; 2],
    /// KH and KW.
    pub window: [u32; 2],
    /// Rows and columns between neighbouring places.
    pub stride: [u32; 2],
    /// Rows of zeros above the image, and columns on its left.
    pub padding: [u32; 2],
}

// SAFETY: numbers alone, and `repr(C)`.
unsafe impl DeviceValue for ConvolutionShape {}

/// The largest side of an image, a window, and of what they move by and are padded with, that tiled
/// kernels take.
pub const MAX_SIDE: u32 = 1 << 28;

/// The largest buffer that tiled kernels take: what tiles reach beyond the last element can still be
/// divided, see [`Divisor`].
pub const MAX_ELEMENTS: usize = 1 << 30;

impl ConvolutionShape {
    /// OH OW.
    #[inline(always)]
    fn n_places(self) -> u32 {
        self.output[0] * self.output[1]
    }

    /// H W.
    #[inline(always)]
    fn n_pixels(self) -> u32 {
        self.image[0] * self.image[1]
    }

    /// What tiled kernels divide by. All dimensions but B are at least 1.
    pub fn divisors(self) -> Divisors {
        Divisors {
            n_places: Divisor::new(self.n_places()),
            output_width: Divisor::new(self.output[1]),
            n_pixels: Divisor::new(self.n_pixels()),
            image_width: Divisor::new(self.image[1]),
            n_taps: Divisor::new(self.window[0] * self.window[1]),
            window_width: Divisor::new(self.window[1]),
            n_outputs: Divisor::new(self.n_outputs),
            stride: self.stride.map(Divisor::new),
        }
    }
}

/// What tiled kernels divide by.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Divisors {
    n_places: Divisor,
    output_width: Divisor,
    n_pixels: Divisor,
    image_width: Divisor,
    n_taps: Divisor,
    window_width: Divisor,
    n_outputs: Divisor,
    stride: [Divisor; 2],
}

// SAFETY: numbers alone, and `repr(C)`.
unsafe impl DeviceValue for Divisors {}

/// `dbias[o] = Σ_{b, i, j} dy[b, o, i, j]`: overwrites `dbias`.
///
/// Shapes: `dy` `[B, O, OH, OW]`, `dbias` `[O]`.
/// Launch: O blocks of [`N_THREADS`] threads, both along x, a block for each output.
/// Cost: `4 B O OH OW` bytes.
#[kernel]
pub fn convolution_backward_bias(
    dy: &[f32],
    mut dbias: DisjointSlice<f32>,
    shape: ConvolutionShape,
) {
    let output_idx = thread::block_idx_x();
    let n_pixels = shape.n_places();
    let mut sum = 0.0;
    let mut place_idx = thread::thread_idx_x();
    while place_idx < shape.n_rows * n_pixels {
        let (row_idx, pixel_idx) = (place_idx / n_pixels, place_idx % n_pixels);
        let channel_idx = row_idx as usize * shape.n_outputs as usize + output_idx as usize;
        sum += dy[channel_idx * n_pixels as usize + pixel_idx as usize];
        place_idx += N_THREADS;
    }
    // SAFETY: the loop has ended for all threads of the block, and a block has `N_THREADS`.
    let (sum, _) = unsafe { block_sum(sum, 0) };
    if thread::thread_idx_x() == 0 {
        // SAFETY: one thread of one block has this output.
        if let Some(dbias) = unsafe { dbias.get_mut(output_idx as usize) } {
            *dbias = sum;
        }
    }
}
