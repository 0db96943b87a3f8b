//! Augmentation: every image of a batch is moved, turned, stretched and bent, each in its own way.
//!
//! B images of H x W pixels. A pixel at the place v of the result shows what the image has at
//!
//! `center + linear (v - center) + shift + Σ_ab w_a(row) w_b(column) point[a, b]`
//!
//! where `linear` turns, stretches and shears, and the sum is the elastic displacement of Simard et
//! al., "Best practices for convolutional neural networks applied to visual document analysis" (2003).
//! They smooth a field of random displacements by a Gaussian; here it is a surface of cubic B-splines
//! over [`N_POINTS`] x [`N_POINTS`] random points, as smooth and much cheaper: for 28 pixels a spline
//! has the width of their Gaussian of four pixels.
//!
//! What an image draws follows from the seed, the step and its place in the batch. The launcher and the
//! host's version call the functions that the kernel calls.

use core::ops::Index;

use cuda_std::kernel::DeviceValue;
use cuda_std::phased_tile;
use cuda_std::prelude::*;
use cuda_std::random::Philox;

/// Threads of a block.
pub const N_THREADS: u32 = 256;
/// Points of the elastic displacement along each axis: the image lies below the middle of them, so that
/// each pixel has four on each axis.
pub const N_POINTS: usize = 7;
/// Spans between points that the image is divided into along each axis.
const N_SPANS: usize = N_POINTS - 3;

/// How far images are distorted at most. Everything is drawn uniformly, from minus to plus what is
/// said here.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct Distortion {
    /// Pixels, along each axis.
    pub shift: f32,
    /// The angle, in radians.
    pub rotation: f32,
    /// By how much a factor differs from 1, along each axis.
    pub scale: f32,
    /// Columns per row.
    pub shear: f32,
    /// Pixels that a point of the elastic displacement moves, along each axis.
    pub elastic: f32,
}

// SAFETY: floats side by side, and no address.
unsafe impl DeviceValue for Distortion {}

/// What one image draws, but for the points of its elastic displacement.
#[derive(Debug, Clone, Copy)]
pub struct Placement {
    /// In rows and columns, as the others.
    center: [f32; 2],
    linear: [[f32; 2]; 2],
    shift: [f32; 2],
}

impl Distortion {
    /// Of image `image_idx` of the batch of a step, for images of `size` rows and columns.
    #[inline(always)]
    pub fn placement(self, seed: u64, step: u64, image_idx: u32, size: [u32; 2]) -> Placement {
        let mut random = random(seed, step, image_idx, 0);
        let mut within = |limit: f32| random.range_f32(-limit..limit);
        let shift = [within(self.shift), within(self.shift)];
        let (sin, cos) = GpuFloat::sin_cos(within(self.rotation));
        let [rows, columns] = [1.0 + within(self.scale), 1.0 + within(self.scale)];
        let shear = within(self.shear);
        // Sheared, then stretched, then turned.
        Placement {
            center: size.map(|n| 0.5 * (n as f32 - 1.0)),
            linear: [
                [cos * rows - sin * (columns * shear), -sin * columns],
                [sin * rows + cos * (columns * shear), cos * columns],
            ],
            shift,
        }
    }

    /// Where a point of an image's elastic displacement moves to, `[rows, columns]`.
    #[inline(always)]
    pub fn point(self, seed: u64, step: u64, image_idx: u32, point_idx: usize) -> [f32; 2] {
        // Two blocks of words are for the placement.
        let mut random = random(seed, step, image_idx, 2 + point_idx as u64);
        let mut within = || random.range_f32(-self.elastic..self.elastic);
        [within(), within()]
    }
}

/// Random numbers of an image. Their blocks are the upper half of the step's stream: the lower one is
/// for what layers draw.
#[inline(always)]
fn random(seed: u64, step: u64, image_idx: u32, block_idx: u64) -> Philox {
    let mut random = Philox::new(seed, step << 32 | u64::from(image_idx));
    random.seek(1 << 63 | block_idx);
    random
}

impl Placement {
    /// Where the result's pixel finds its value in the image, without the elastic displacement.
    #[inline(always)]
    pub fn place(&self, row: u32, column: u32) -> [f32; 2] {
        let v = [row as f32 - self.center[0], column as f32 - self.center[1]];
        let along = |axis: usize| {
            let [rows, columns] = self.linear[axis];
            self.center[axis] + self.shift[axis] + (rows * v[0] + columns * v[1])
        };
        [along(0), along(1)]
    }
}

/// The first of the four points that displace row (or column) `idx` of `n`, and their weights, the
/// uniform cubic B-splines.
#[inline(always)]
pub fn spline(idx: u32, n: u32) -> (usize, [f32; 4]) {
    let place = (idx as f32 + 0.5) * (N_SPANS as f32 / n as f32);
    // Rounding must not lead beyond the last span.
    let first = (place as usize).min(N_SPANS - 1);
    let t = place - first as f32;
    let s = 1.0 - t;
    let weights = [
        s * s * s,
        4.0 - 3.0 * (t * t) * (1.0 + s),
        4.0 - 3.0 * (s * s) * (1.0 + t),
        t * t * t,
    ];
    (first, weights.map(|weight| weight * (1.0 / 6.0)))
}

/// `Σ_a weight[a] points[first + stride a]`.
#[inline(always)]
pub fn spline_sum(
    points: &impl Index<usize, Output = [f32; 2]>,
    first: usize,
    stride: usize,
    weights: [f32; 4],
) -> [f32; 2] {
    let point = |a: usize| points[first + stride * a];
    weighted(weights, [point(0), point(1), point(2), point(3)])
}

/// `Σ_a weights[a] points[a]`, written out: an array that a loop indexes would lie in local memory.
#[inline(always)]
pub fn weighted([w0, w1, w2, w3]: [f32; 4], [p0, p1, p2, p3]: [[f32; 2]; 4]) -> [f32; 2] {
    let along = |[a, b, c, d]: [f32; 4]| w0 * a + w1 * b + w2 * c + w3 * d;
    [
        along([p0[0], p1[0], p2[0], p3[0]]),
        along([p0[1], p1[1], p2[1], p3[1]]),
    ]
}

/// What an image of `[height, width]` pixels has at a place between its pixels, bilinearly; zeros lie
/// around it.
///
/// # Panics
///
/// If the image has fewer pixels.
#[inline(always)]
pub fn sample(image: &[f32], [height, width]: [u32; 2], [row, column]: [f32; 2]) -> f32 {
    // Further out there are zeros as well, and numbers that no index can hold.
    let row = row.clamp(-1.0, height as f32);
    let column = column.clamp(-1.0, width as f32);
    let (top, left) = (GpuFloat::floor(row), GpuFloat::floor(column));
    let (down, right) = (row - top, column - left);
    // What is negative becomes larger than any height or width.
    let (top, left) = (top as i32 as u32, left as i32 as u32);
    let pixel = |row: u32, column: u32| {
        if row < height && column < width {
            image[(row * width + column) as usize]
        } else {
            0.0
        }
    };
    let between = |row: u32| {
        let first = pixel(row, left);
        first + right * (pixel(row, left.wrapping_add(1)) - first)
    };
    let above = between(top);
    above + down * (between(top.wrapping_add(1)) - above)
}

/// Distorts every image of a batch, see the [module's page](self): overwrites `distorted`.
///
/// Shapes: `images` and `distorted` `[B, H, W]`, of `size` = `[H, W]`.
/// Launch: along x, B blocks of [`N_THREADS`] threads.
/// Cost: `8 B H W` bytes; about `130 B H W` FLOP, most of them for the elastic displacement; without
/// one, `30 B H W`.
///
/// # Panics
///
/// If `images` is shorter than its shape.
#[kernel]
pub fn augment(
    images: &[f32],
    size: [u32; 2],
    distortion: Distortion,
    seed: u64,
    step: u64,
    mut distorted: DisjointSlice<f32>,
) {
    let image_idx = thread::block_idx_x();
    let placement = distortion.placement(seed, step, image_idx, size);
    let is_elastic = distortion.elastic > 0.0;
    // SAFETY: evaluated once.
    let s_points = unsafe { phased_tile![[f32; 2]; N_POINTS * N_POINTS] };
    let s_points = s_points.fill(|point_idx| match is_elastic {
        true => distortion.point(seed, step, image_idx, point_idx),
        false => [0.0; 2],
    });
    // SAFETY: every thread of the block gets here.
    let s_points = unsafe { s_points.publish() };

    let [height, width] = size;
    let n_pixels = (height * width) as usize;
    let first_pixel = image_idx as usize * n_pixels;
    let image = &images[first_pixel..][..n_pixels];
    let mut pixel_idx = thread::thread_idx_x();
    while pixel_idx < height * width {
        let (row, column) = (pixel_idx / width, pixel_idx % width);
        let mut place = placement.place(row, column);
        if is_elastic {
            let (first_row, row_weights) = spline(row, height);
            let (first_column, column_weights) = spline(column, width);
            let first = first_row * N_POINTS + first_column;
            let along_rows = |b: usize| spline_sum(&s_points, first + b, N_POINTS, row_weights);
            let sums = [along_rows(0), along_rows(1), along_rows(2), along_rows(3)];
            let displacement = weighted(column_weights, sums);
            place = [place[0] + displacement[0], place[1] + displacement[1]];
        }
        // SAFETY: this thread alone has this pixel of the block's image.
        if let Some(pixel) = unsafe { distorted.get_mut(first_pixel + pixel_idx as usize) } {
            *pixel = sample(image, size, place);
        }
        pixel_idx += N_THREADS;
    }
}
