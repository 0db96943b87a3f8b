//! Convolutions as matrix products whose operands are never written down: each tile of an operand is
//! gathered from images on its way to shared memory.

use cuda_std::prelude::*;
use cuda_std::shared_tile;
use cuda_std::vector::{F32x4, Vec4, as_vectors};

use super::{ConvolutionShape, Divisor, Divisors};
use crate::activation::Activation;
use crate::dense::product::{Destination, Elements, Matrix, Output, Share, Source, product};
use crate::dense::{LARGE, SMALL};

/// The row of a place, or a pixel, past the last image: outside, whichever tap it meets, since sides,
/// strides and padding are at most [`super::MAX_SIDE`].
const OUTSIDE: u32 = 1 << 30;

/// The row of a tap past the last: outside, wherever it is.
const NO_TAP: u32 = 1 << 31;

/// `[C KH KW, B OH OW]`: what a tap meets at a place of the window.
#[derive(Clone, Copy)]
struct Patches<'a> {
    x: &'a [f32],
    shape: ConvolutionShape,
    divisors: Divisors,
}

/// A row of [`Patches`], or a column: what they add to an element's index in `x`, and to its row and
/// column in the image.
#[derive(Clone, Copy)]
struct Offset {
    idx: u32,
    row: u32,
    column: u32,
}

impl<'a> Patches<'a> {
    /// Panics if `x` is shorter than its shape.
    #[inline(always)]
    fn new(x: &'a [f32], shape: ConvolutionShape, divisors: Divisors) -> Patches<'a> {
        let n = shape.n_rows as usize * shape.n_channels as usize * shape.n_pixels() as usize;
        Patches {
            x: &x[..n],
            shape,
            divisors,
        }
    }

    /// Of a tap of all channels.
    #[inline(always)]
    fn tap(&self, tap_idx: u32) -> Offset {
        let [channel, tap] = self.divisors.n_taps.split(tap_idx);
        let [row, column] = self.divisors.window_width.split(tap);
        let idx = channel * self.shape.n_pixels() + row * self.shape.image[1] + column;
        let is_inside = channel < self.shape.n_channels;
        Offset {
            idx,
            row: if is_inside { row } else { NO_TAP },
            column,
        }
    }

    /// Of a place in all images. Above and left of the image its numbers wrap round.
    #[inline(always)]
    fn place(&self, place_idx: u32) -> Offset {
        let [image, place] = self.divisors.n_places.split(place_idx);
        let [i, j] = self.divisors.output_width.split(place);
        let [stride_0, stride_1] = self.shape.stride;
        let row = (i * stride_0).wrapping_sub(self.shape.padding[0]);
        let column = (j * stride_1).wrapping_sub(self.shape.padding[1]);
        let image_start = image * self.shape.n_channels * self.shape.n_pixels();
        let is_inside = image < self.shape.n_rows;
        Offset {
            idx: row
                .wrapping_mul(self.shape.image[1])
                .wrapping_add(column)
                .wrapping_add(image_start),
            row: if is_inside { row } else { OUTSIDE },
            column,
        }
    }

    /// Zero in the padding and past the edges.
    #[inline(always)]
    fn element(&self, tap: Offset, place: Offset) -> f32 {
        let [height, width] = self.shape.image;
        let is_inside = tap.row.wrapping_add(place.row) < height
            && tap.column.wrapping_add(place.column) < width;
        if is_inside {
            let idx = tap.idx.wrapping_add(place.idx) as usize;
            // SAFETY: an image and a channel that there are, and a pixel inside: this is below the
            // length that `new` has seen.
            unsafe { *self.x.get_unchecked(idx) }
        } else {
            0.0
        }
    }
}

impl Source for Patches<'_> {
    #[inline(always)]
    fn load<const N_QUADS: usize>(
        self,
        places: impl Fn(usize) -> (usize, usize),
    ) -> [F32x4; N_QUADS] {
        core::array::from_fn(|quad_idx| {
            let (tap, place) = places(quad_idx);
            let tap = self.tap(tap as u32);
            Vec4(core::array::from_fn(|lane| {
                self.element(tap, self.place((place + lane) as u32))
            }))
        })
    }
}

/// `[O KH KW, B H W]` in the order (KH, KW, O): the gradient at the place whose tap covers a pixel.
#[derive(Clone, Copy)]
struct Covering<'a> {
    dy: &'a [f32],
    shape: ConvolutionShape,
    divisors: Divisors,
}

impl<'a> Covering<'a> {
    /// Panics if `dy` is shorter than its shape.
    #[inline(always)]
    fn new(dy: &'a [f32], shape: ConvolutionShape, divisors: Divisors) -> Covering<'a> {
        let n = shape.n_rows as usize * shape.n_outputs as usize * shape.n_places() as usize;
        Covering {
            dy: &dy[..n],
            shape,
            divisors,
        }
    }

    /// Of a pixel in all images: where the gradients of its image begin, and the place whose first tap
    /// would cover it, if the stride were 1.
    #[inline(always)]
    fn pixel(&self, pixel_idx: u32) -> Offset {
        let [image, pixel] = self.divisors.n_pixels.split(pixel_idx);
        let [row, column] = self.divisors.image_width.split(pixel);
        let is_inside = image < self.shape.n_rows;
        Offset {
            idx: image * self.shape.n_outputs * self.shape.n_places(),
            row: if is_inside {
                row + self.shape.padding[0]
            } else {
                OUTSIDE
            },
            column: column + self.shape.padding[1],
        }
    }

    /// Of a tap of all outputs: where the gradients of its output begin in an image's.
    #[inline(always)]
    fn tap(&self, tap_idx: u32) -> Offset {
        let [tap, output] = self.divisors.n_outputs.split(tap_idx);
        let [row, column] = self.divisors.window_width.split(tap);
        let is_inside = row < self.shape.window[0];
        Offset {
            idx: output * self.shape.n_places(),
            row: if is_inside { row } else { NO_TAP },
            column,
        }
    }

    /// Zero where the tap covers the pixel at no place, and past the edges.
    #[inline(always)]
    fn element(&self, tap: Offset, pixel: Offset) -> f32 {
        let Some(row) = place(self.divisors.stride[0], pixel.row, tap.row) else {
            return 0.0;
        };
        let Some(column) = place(self.divisors.stride[1], pixel.column, tap.column) else {
            return 0.0;
        };
        let [height, width] = self.shape.output;
        if row < height && column < width {
            let idx = (pixel.idx + tap.idx + row * width + column) as usize;
            // SAFETY: an image and an output that there are, and a place inside: this is below the
            // length that `new` has seen.
            unsafe { *self.dy.get_unchecked(idx) }
        } else {
            0.0
        }
    }
}

/// The place at which a tap covers a pixel, along one axis.
#[inline(always)]
fn place(stride: Divisor, pixel: u32, tap: u32) -> Option<u32> {
    let start = pixel.wrapping_sub(tap);
    if start > i32::MAX as u32 {
        return None;
    }
    let [place, rest] = stride.split(start);
    (rest == 0).then_some(place)
}

impl Source for Covering<'_> {
    #[inline(always)]
    fn load<const N_QUADS: usize>(
        self,
        places: impl Fn(usize) -> (usize, usize),
    ) -> [F32x4; N_QUADS] {
        core::array::from_fn(|quad_idx| {
            let (tap, pixel) = places(quad_idx);
            let tap = self.tap(tap as u32);
            Vec4(core::array::from_fn(|lane| {
                self.element(tap, self.pixel((pixel + lane) as u32))
            }))
        })
    }
}

/// How images `[B, channels, pixels]` lie, read as a matrix `[channels, B pixels]`.
#[derive(Clone, Copy)]
struct Images {
    n_images: u32,
    n_channels: u32,
    n_pixels: Divisor,
}

impl Images {
    /// The gradients, or outputs, of a layer.
    #[inline(always)]
    fn of_outputs(shape: ConvolutionShape, divisors: Divisors) -> Images {
        Images {
            n_images: shape.n_rows,
            n_channels: shape.n_outputs,
            n_pixels: divisors.n_places,
        }
    }

    /// Where element (row, column) lies, if it is inside.
    #[inline(always)]
    fn idx(self, row: usize, column: usize) -> Option<usize> {
        let [image, pixel] = self.n_pixels.split(column as u32);
        let channel = image * self.n_channels + row as u32;
        let is_inside = image < self.n_images && row < self.n_channels as usize;
        is_inside.then_some((channel * self.n_pixels.get() + pixel) as usize)
    }
}

/// `[O, B OH OW]`: the gradient by an output, at each place of all images.
#[derive(Clone, Copy)]
struct Gradients<'a> {
    elements: &'a [f32],
    /// The same, if every image begins at 16 bytes.
    quads: Option<&'a [F32x4]>,
    images: Images,
}

impl<'a> Gradients<'a> {
    /// Panics if `dy` is shorter than its shape.
    #[inline(always)]
    fn new(dy: &'a [f32], shape: ConvolutionShape, divisors: Divisors) -> Gradients<'a> {
        let n = shape.n_rows as usize * shape.n_outputs as usize * shape.n_places() as usize;
        let elements = &dy[..n];
        Gradients {
            elements,
            quads: as_vectors(elements).filter(|_| shape.n_places().is_multiple_of(4)),
            images: Images::of_outputs(shape, divisors),
        }
    }
}

impl Source for Gradients<'_> {
    #[inline(always)]
    fn load<const N_QUADS: usize>(
        self,
        places: impl Fn(usize) -> (usize, usize),
    ) -> [F32x4; N_QUADS] {
        if let Some(quads) = self.quads {
            core::array::from_fn(|quad_idx| {
                let (row, column) = places(quad_idx);
                // An image is a whole number of quads, so a quad lies in one.
                match self.images.idx(row, column) {
                    // SAFETY: inside the images, and `new` has seen that all of them are there.
                    Some(idx) => unsafe { *quads.get_unchecked(idx / 4) },
                    None => F32x4::default(),
                }
            })
        } else {
            core::array::from_fn(|quad_idx| {
                let (row, column) = places(quad_idx);
                Vec4(core::array::from_fn(|lane| {
                    match self.images.idx(row, column + lane) {
                        // SAFETY: inside the images, and `new` has seen that all of them are there.
                        Some(idx) => unsafe { *self.elements.get_unchecked(idx) },
                        None => 0.0,
                    }
                }))
            })
        }
    }
}

/// An output of images, written as the matrix that [`Images`] are.
struct OutputImages {
    elements: Elements,
    images: Images,
}

impl OutputImages {
    #[inline(always)]
    fn new(elements: DisjointSlice<f32>, images: Images) -> OutputImages {
        OutputImages {
            elements: Elements::new(elements, images.n_pixels.get() as usize),
            images,
        }
    }
}

impl Destination for OutputImages {
    #[inline(always)]
    unsafe fn store(&mut self, row: usize, column: usize, quad: F32x4) {
        match &mut self.elements {
            Elements::Vectors(vectors) => {
                if let Some(idx) = self.images.idx(row, column)
                    // SAFETY: the caller has these four for itself.
                    && let Some(vector) = unsafe { vectors.get_mut(idx / 4) }
                {
                    *vector = quad;
                }
            }
            Elements::Single(elements) => {
                for (lane, element) in quad.0.iter().enumerate() {
                    if let Some(idx) = self.images.idx(row, column + lane)
                        // SAFETY: the caller has it for itself.
                        && let Some(place) = unsafe { elements.get_mut(idx) }
                    {
                        *place = *element;
                    }
                }
            }
        }
    }
}

macro_rules! convolutions {
    ($($tiling:ident: $forward:ident, $backward_input:ident, $backward_weight:ident;)*) => {$(
        /// `y[b, o, i, j] = activation(bias[o] + Σ_{c, k, l} weight[c, k, l, o] · x[b, c, i s₀ + k - p₀, j s₁ + l - p₁])`,
        /// where `x` is 0 in the padding: overwrites `y`. A product `[O, C KH KW] · [C KH KW, B OH OW]`.
        ///
        #[doc = concat!("Shapes: `x` `[B, C, H, W]`, `weight` `[C, KH, KW, O]`, `bias` `[O]`, `y` `[B, O, OH, OW]`, tiles of [`", stringify!($tiling), "`].")]
        /// Launch: [`N_THREADS`](crate::dense::N_THREADS) threads in each of [`Tiling::n_tiles`](crate::dense::Tiling::n_tiles)`(O, B OH OW)` blocks, both along x.
        /// Cost: `2 B O OH OW C KH KW` FLOP; each tile reads its columns of `weight`, and for each of
        /// its places all that the window covers.
        #[kernel]
        pub fn $forward(
            x: &[f32],
            weight: &[f32],
            bias: &[f32],
            activation: Activation,
            y: DisjointSlice<f32>,
            shape: ConvolutionShape,
            divisors: Divisors,
        ) {
            let s_tiles = shared_tile![f32; $tiling.n_shared()]; // (stage, operand, depth, side)
            let depth = shape.n_channels * shape.window[0] * shape.window[1];
            // SAFETY: the launch's shape, and shared memory of this kernel's own.
            unsafe {
                product::<false, false, { $tiling.n_quads }, { $tiling.n_shared() }>(
                    $tiling,
                    s_tiles,
                    Matrix::new(weight, depth, shape.n_outputs),
                    Patches::new(x, shape, divisors),
                    OutputImages::new(y, Images::of_outputs(shape, divisors)),
                    Share {
                        tile_idx: thread::block_idx_x() as usize,
                        output: [shape.n_outputs, shape.n_rows * shape.n_places()].map(|n| n as usize),
                        depth: 0..depth as usize,
                    },
                    |row, _, sums| {
                        let bias = bias.get(row).copied().unwrap_or(0.0);
                        activation.forward(sums.map(|sum| sum + bias))
                    },
                );
            }
        }

        /// `dx[b, c, h, w] = Σ_{o, k, l} weight[c, k, l, o] · dy[b, o, (h + p₀ - k) / s₀, (w + p₁ - l) / s₁]`,
        /// where `dy` is 0 if that is no place of the window: overwrites `dx`. A product
        /// `[C, KH KW O] · [KH KW O, B H W]`.
        ///
        #[doc = concat!("Shapes: `dy` `[B, O, OH, OW]`, `weight` `[C, KH, KW, O]`, `dx` `[B, C, H, W]`, tiles of [`", stringify!($tiling), "`].")]
        /// Launch: [`N_THREADS`](crate::dense::N_THREADS) threads in each of [`Tiling::n_tiles`](crate::dense::Tiling::n_tiles)`(C, B H W)` blocks, both along x.
        /// Cost: `2 B C H W O KH KW` FLOP, of which a stride leaves one in `s₀ s₁` that does not
        /// multiply zeros; each tile reads its rows of `weight`, and for each of its pixels all
        /// gradients that reach it.
        #[kernel]
        pub fn $backward_input(
            dy: &[f32],
            weight: &[f32],
            dx: DisjointSlice<f32>,
            shape: ConvolutionShape,
            divisors: Divisors,
        ) {
            let s_tiles = shared_tile![f32; $tiling.n_shared()]; // (stage, operand, depth, side)
            let depth = shape.window[0] * shape.window[1] * shape.n_outputs;
            let images = Images {
                n_images: shape.n_rows,
                n_channels: shape.n_channels,
                n_pixels: divisors.n_pixels,
            };
            // SAFETY: the launch's shape, and shared memory of this kernel's own.
            unsafe {
                product::<true, false, { $tiling.n_quads }, { $tiling.n_shared() }>(
                    $tiling,
                    s_tiles,
                    Matrix::new(weight, shape.n_channels, depth),
                    Covering::new(dy, shape, divisors),
                    OutputImages::new(dx, images),
                    Share {
                        tile_idx: thread::block_idx_x() as usize,
                        output: [shape.n_channels, shape.n_rows * shape.n_pixels()].map(|n| n as usize),
                        depth: 0..depth as usize,
                    },
                    |_, _, sums| sums,
                );
            }
        }

        /// Parts of `dweight[c, k, l, o] = Σ_{b, i, j} dy[b, o, i, j] · x[b, c, i s₀ + k - p₀, j s₁ + l - p₁]`,
        /// where `x` is 0 in the padding: each sums over some of the places (b, i, j). Overwrites
        /// `parts`. A product `[C KH KW, B OH OW] · [B OH OW, O]`, whose depth is cut into parts, since
        /// its output alone has too few tiles for a device.
        ///
        #[doc = concat!("Shapes: `x` `[B, C, H, W]`, `dy` `[B, O, OH, OW]`, `parts` `[n_parts, C, KH, KW, O]`, tiles of [`", stringify!($tiling), "`].")]
        /// Launch: along x, [`N_THREADS`](crate::dense::N_THREADS) threads in each of
        /// [`Tiling::n_tiles`](crate::dense::Tiling::n_tiles)`(C KH KW, O)` blocks for each part; `part_depth`, the places of a part, is
        /// a multiple of the tile's depth.
        /// Cost: `2 B O OH OW C KH KW` FLOP; each tile reads its outputs of `dy`, and of `x` what its
        /// taps meet.
        #[kernel]
        pub fn $backward_weight(
            x: &[f32],
            dy: &[f32],
            mut parts: DisjointSlice<f32>,
            part_depth: u32,
            shape: ConvolutionShape,
            divisors: Divisors,
        ) {
            let s_tiles = shared_tile![f32; $tiling.n_shared()]; // (stage, operand, depth, side)
            let n_taps = (shape.n_channels * shape.window[0] * shape.window[1]) as usize;
            let n_outputs = shape.n_outputs as usize;
            let n_tiles = $tiling.n_tiles(n_taps, n_outputs);
            let block_idx = thread::block_idx_x() as usize;
            let (part_idx, tile_idx) = (block_idx / n_tiles, block_idx % n_tiles);
            let n_of_part = n_taps * n_outputs;
            assert!((part_idx + 1) * n_of_part <= parts.len());
            let part_start = part_idx as u32 * part_depth;
            let part_end = (part_start + part_depth).min(shape.n_rows * shape.n_places());
            // SAFETY: this part is inside, and the blocks of others have others. The launch's shape, and
            // shared memory of this kernel's own.
            unsafe {
                let part_place = parts.as_mut_ptr().add(part_idx * n_of_part);
                let part = DisjointSlice::from_raw_parts(part_place, n_of_part);
                product::<true, true, { $tiling.n_quads }, { $tiling.n_shared() }>(
                    $tiling,
                    s_tiles,
                    Patches::new(x, shape, divisors),
                    Gradients::new(dy, shape, divisors),
                    Output::new(part, n_outputs),
                    Share {
                        tile_idx,
                        output: [n_taps, n_outputs],
                        depth: part_start as usize..part_end as usize,
                    },
                    |_, _, sums| sums,
                );
            }
        }
    )*};
}

convolutions! {
    SMALL: convolution_forward_small, convolution_backward_input_small, convolution_backward_weight_small;
    LARGE: convolution_forward_large, convolution_backward_input_large, convolution_backward_weight_large;
}

/// `dweight[i] = Σ_part parts[part, i]`: overwrites `dweight`.
///
/// Shapes: `parts` `[n_parts, n]`, `dweight` `[n]`.
/// Launch: a thread per element of `dweight`, along x.
/// Cost: `4 n_parts n` bytes.
#[kernel]
pub fn convolution_sum_parts(parts: &[f32], mut dweight: PerThread<f32>) {
    let n = dweight.len();
    let Some(dweight) = dweight.get_mut() else {
        return;
    };
    let mut sum = 0.0;
    for part in parts.iter().skip(thread::index_1d() as usize).step_by(n) {
        sum += part;
    }
    *dweight = sum;
}
