//! Pooling of images, forward and backward: a plane (one channel of one image) at a time.

use std::ops::Range;

use super::matrix::SharedColumns;
use super::{Floats, HostBackend, Operation};
use crate::Result;
use crate::backend::{
    Pooling, PoolingBackward, PoolingForward, PoolingOperations, PoolingShape, Window,
};

/// About what a pixel below the window costs, in the units of the products' arithmetic.
const WORK_PER_PIXEL: usize = 8;

impl PoolingOperations for HostBackend {
    fn pooling_forward(&self, op: PoolingForward<'_, Floats>) -> Result<()> {
        let check = Operation("pooling_forward");
        let x = check.read("x", op.x, &op.shape.input_shape())?;
        let y = check.write("y", op.y, &op.shape.output_shape()?)?;
        let plane = Plane::new(op.shape)?;
        for_each_plane(
            self,
            y,
            plane.n_outputs(),
            plane.work(),
            #[inline(always)]
            |plane_idx, y| {
                let x = &x[plane_idx * plane.n_inputs()..][..plane.n_inputs()];
                match op.pooling {
                    Pooling::Max if plane.is_cut_into_squares_of_two() => {
                        plane.max_of_squares(x, y)
                    }
                    Pooling::Max => plane.max(x, y),
                    Pooling::Average => plane.mean(x, y),
                }
            },
        );
        Ok(())
    }

    fn pooling_backward(&self, op: PoolingBackward<'_, Floats>) -> Result<()> {
        let check = Operation("pooling_backward");
        let x = check.read("x", op.x, &op.shape.input_shape())?;
        let dy = check.read("dy", op.dy, &op.shape.output_shape()?)?;
        let dx = check.write("dx", op.dx, &op.shape.input_shape())?;
        let plane = Plane::new(op.shape)?;
        for_each_plane(
            self,
            dx,
            plane.n_inputs(),
            plane.work(),
            #[inline(always)]
            |plane_idx, dx| {
                let x = &x[plane_idx * plane.n_inputs()..][..plane.n_inputs()];
                let dy = &dy[plane_idx * plane.n_outputs()..][..plane.n_outputs()];
                match op.pooling {
                    Pooling::Max if plane.is_cut_into_squares_of_two() => {
                        plane.max_of_squares_backward(x, dy, dx);
                    }
                    Pooling::Max => plane.max_backward(x, dy, dx),
                    Pooling::Average => plane.mean_backward(dy, dx),
                }
            },
        );
        Ok(())
    }
}

/// Runs `f(plane_idx, plane)`, which has to be `#[inline(always)]`, on each plane of `n` values of
/// `planes`, compiled for the widest vectors.
fn for_each_plane(
    backend: &HostBackend,
    planes: &mut [f32],
    n: usize,
    work_per_plane: usize,
    f: impl Fn(usize, &mut [f32]) + Sync,
) {
    let n_planes = planes.len() / n;
    let planes = SharedColumns::new(planes, 1, n_planes * n);
    backend.for_each_part(n_planes, 1, n_planes * work_per_plane, |part| {
        // SAFETY: the parts are disjoint.
        let mut values = unsafe { planes.block(part.start * n..part.end * n) };
        vectorized!(backend, {
            for (plane_idx, plane) in part.zip(values.row(0).chunks_exact_mut(n)) {
                f(plane_idx, plane);
            }
        });
    });
}

/// The shapes of a pooling, of one plane.
#[derive(Clone, Copy)]
struct Plane {
    /// H and W.
    image: [usize; 2],
    /// OH and OW.
    output: [usize; 2],
    window: Window,
}

impl Plane {
    fn new(shape: PoolingShape) -> Result<Self> {
        Ok(Plane {
            image: shape.image,
            output: shape.output()?,
            window: shape.window,
        })
    }

    #[inline(always)]
    fn n_inputs(self) -> usize {
        self.image[0] * self.image[1]
    }

    #[inline(always)]
    fn n_outputs(self) -> usize {
        self.output[0] * self.output[1]
    }

    fn work(self) -> usize {
        let n_below = self.n_outputs() * self.window.size[0] * self.window.size[1];
        n_below.max(self.n_inputs()) * WORK_PER_PIXEL
    }

    fn is_cut_into_squares_of_two(self) -> bool {
        self.window == Window::square(2).stride(2)
    }

    /// The rows (or columns) of the image that the window covers at a place.
    #[inline(always)]
    fn covered(self, axis: usize, place: usize) -> Range<usize> {
        let begin = place * self.window.stride[axis];
        let padding = self.window.padding[axis];
        let end = (begin + self.window.size[axis] - padding).min(self.image[axis]);
        begin.saturating_sub(padding)..end
    }

    /// What each pixel below the window counts in a mean.
    #[inline(always)]
    fn share(self) -> f32 {
        let [n_rows, n_columns] = self.window.size;
        1.0 / (n_rows as f32 * n_columns as f32)
    }

    /// Row `i` of the output takes `x[first + j stride]` for its columns `j` in a range, and so for
    /// each pixel of the window: calls `function(first, range)`.
    ///
    /// The loops over columns are then the inner ones, and long.
    #[inline(always)]
    fn for_each_tap(self, i: usize, mut function: impl FnMut(usize, Range<usize>)) {
        let (stride, padding) = (self.window.stride[1], self.window.padding[1]);
        for row in self.covered(0, i) {
            for column in 0..self.window.size[1] {
                // 0 <= j stride + column - padding < W
                let begin = padding.saturating_sub(column).div_ceil(stride);
                let end = (self.image[1] + padding).saturating_sub(column);
                let end = end.div_ceil(stride).min(self.output[1]);
                if begin < end {
                    let first = row * self.image[1] + begin * stride + column - padding;
                    function(first, begin..end);
                }
            }
        }
    }

    #[inline(always)]
    fn max(self, x: &[f32], y: &mut [f32]) {
        for (i, y) in y.chunks_exact_mut(self.output[1]).enumerate() {
            y.fill(f32::NEG_INFINITY);
            self.for_each_tap(i, |first, columns| {
                let pixels = &x[first..];
                combine(&mut y[columns], pixels, self.window.stride[1], |y, x| {
                    *y = larger(*y, x);
                });
            });
        }
    }

    #[inline(always)]
    fn mean(self, x: &[f32], y: &mut [f32]) {
        for (i, y) in y.chunks_exact_mut(self.output[1]).enumerate() {
            y.fill(0.0);
            self.for_each_tap(i, |first, columns| {
                let pixels = &x[first..];
                combine(&mut y[columns], pixels, self.window.stride[1], |y, x| {
                    *y += x
                });
            });
            y.iter_mut().for_each(|y| *y *= self.share());
        }
    }

    #[inline(always)]
    fn max_backward(self, x: &[f32], dy: &[f32], dx: &mut [f32]) {
        dx.fill(0.0);
        for i in 0..self.output[0] {
            for j in 0..self.output[1] {
                // The window lies nowhere on padding alone.
                let first = self.covered(0, i).start * self.image[1] + self.covered(1, j).start;
                let mut largest_idx = first;
                for row in self.covered(0, i) {
                    for column in self.covered(1, j) {
                        let idx = row * self.image[1] + column;
                        if is_larger(x[idx], x[largest_idx]) {
                            largest_idx = idx;
                        }
                    }
                }
                dx[largest_idx] += dy[i * self.output[1] + j];
            }
        }
    }

    #[inline(always)]
    fn mean_backward(self, dy: &[f32], dx: &mut [f32]) {
        dx.fill(0.0);
        for (i, dy) in dy.chunks_exact(self.output[1]).enumerate() {
            self.for_each_tap(i, |first, columns| {
                let pixels = dx[first..].iter_mut();
                let dy = &dy[columns];
                match self.window.stride[1] {
                    1 => pixels.zip(dy).for_each(|(dx, dy)| *dx += dy),
                    stride => {
                        let pixels = pixels.step_by(stride);
                        pixels.zip(dy).for_each(|(dx, dy)| *dx += dy);
                    }
                }
            });
        }
        dx.iter_mut().for_each(|dx| *dx *= self.share());
    }

    /// [`Self::max`] for squares of 2 x 2 pixels that lie side by side.
    #[inline(always)]
    fn max_of_squares(self, x: &[f32], y: &mut [f32]) {
        let n_columns = self.output[1];
        for (rows, y) in x
            .chunks(2 * self.image[1])
            .zip(y.chunks_exact_mut(n_columns))
        {
            let (upper, lower) = rows.split_at(self.image[1]);
            let (upper, lower) = (
                pairs(&upper[..2 * n_columns]),
                pairs(&lower[..2 * n_columns]),
            );
            let (upper_quads, upper_rest) = upper.as_chunks::<4>();
            let (lower_quads, lower_rest) = lower.as_chunks::<4>();
            let (y_quads, y_rest) = y.as_chunks_mut::<4>();
            for ((upper, lower), y) in upper_quads.iter().zip(lower_quads).zip(y_quads) {
                *y = std::array::from_fn(
                    #[inline(always)]
                    |j| largest_of_square(upper[j], lower[j]),
                );
            }
            for ((upper, lower), y) in upper_rest.iter().zip(lower_rest).zip(y_rest) {
                *y = largest_of_square(*upper, *lower);
            }
        }
    }

    /// [`Self::max_backward`] for squares of 2 x 2 pixels that lie side by side.
    #[inline(always)]
    fn max_of_squares_backward(self, x: &[f32], dy: &[f32], dx: &mut [f32]) {
        let [n_rows, n_columns] = self.output;
        if [2 * n_rows, 2 * n_columns] != self.image {
            // The last row or column is below no square.
            dx.fill(0.0);
        }
        let rows = x.chunks(2 * self.image[1]).zip(dy.chunks_exact(n_columns));
        for ((x, dy), dx) in rows.zip(dx.chunks_mut(2 * self.image[1])) {
            let (upper, lower) = x.split_at(self.image[1]);
            let (upper, lower) = (
                pairs(&upper[..2 * n_columns]),
                pairs(&lower[..2 * n_columns]),
            );
            let (dx_upper, dx_lower) = dx.split_at_mut(self.image[1]);
            let dx_upper = dx_upper[..2 * n_columns].as_chunks_mut::<2>().0;
            let dx_lower = dx_lower[..2 * n_columns].as_chunks_mut::<2>().0;
            let (upper, upper_rest) = upper.as_chunks::<4>();
            let (lower, lower_rest) = lower.as_chunks::<4>();
            let (dy, dy_rest) = dy.as_chunks::<4>();
            let (dx_upper, dx_upper_rest) = dx_upper.as_chunks_mut::<4>();
            let (dx_lower, dx_lower_rest) = dx_lower.as_chunks_mut::<4>();
            let quads = upper.iter().zip(lower).zip(dy);
            for (((upper, lower), dy), dx) in quads.zip(dx_upper.iter_mut().zip(dx_lower)) {
                squares_backward(upper, lower, dy, dx);
            }
            let rest = upper_rest.iter().zip(lower_rest).zip(dy_rest);
            let dx_rest = dx_upper_rest.iter_mut().zip(dx_lower_rest);
            for (((upper, lower), dy), (dx_upper, dx_lower)) in rest.zip(dx_rest) {
                let one = std::array::from_mut;
                squares_backward(&[*upper], &[*lower], &[*dy], (one(dx_upper), one(dx_lower)));
            }
        }
    }
}

/// Columns two by two.
#[inline(always)]
fn pairs(row: &[f32]) -> &[[f32; 2]] {
    row.as_chunks::<2>().0
}

/// Calls `function(&mut y[j], x[j stride])` for all `j`.
#[inline(always)]
fn combine(y: &mut [f32], x: &[f32], stride: usize, function: impl Fn(&mut f32, f32)) {
    match stride {
        // So that the compiler sees that these lie side by side.
        1 => y.iter_mut().zip(x).for_each(|(y, x)| function(y, *x)),
        stride => {
            let x = x.iter().step_by(stride);
            y.iter_mut().zip(x).for_each(|(y, x)| function(y, *x));
        }
    }
}

/// The larger of two numbers, the first if they are equal; NaN is larger than any number.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    let larger = if b > a { b } else { a };
    if b.is_nan() { b } else { larger }
}

#[inline(always)]
fn largest_of_square(upper: [f32; 2], lower: [f32; 2]) -> f32 {
    larger(larger(upper[0], upper[1]), larger(lower[0], lower[1]))
}

/// In each of `N` squares `dy` where the first of the largest is, 0 elsewhere: the upper pixels are
/// compared, the lower ones, and then the winners, each for all squares at a time, so that it becomes
/// vector code.
#[inline(always)]
fn squares_backward<const N: usize>(
    upper: &[[f32; 2]; N],
    lower: &[[f32; 2]; N],
    dy: &[f32; N],
    (dx_upper, dx_lower): (&mut [[f32; 2]; N], &mut [[f32; 2]; N]),
) {
    let a: [f32; N] = std::array::from_fn(|j| upper[j][0]);
    let b: [f32; N] = std::array::from_fn(|j| upper[j][1]);
    let c: [f32; N] = std::array::from_fn(|j| lower[j][0]);
    let d: [f32; N] = std::array::from_fn(|j| lower[j][1]);
    let b_wins: [bool; N] = std::array::from_fn(|j| is_larger(b[j], a[j]));
    let d_wins: [bool; N] = std::array::from_fn(|j| is_larger(d[j], c[j]));
    let best_upper: [f32; N] = std::array::from_fn(|j| if b_wins[j] { b[j] } else { a[j] });
    let best_lower: [f32; N] = std::array::from_fn(|j| if d_wins[j] { d[j] } else { c[j] });
    let lower_wins: [bool; N] = std::array::from_fn(|j| is_larger(best_lower[j], best_upper[j]));
    for j in 0..N {
        let to_upper = if lower_wins[j] { 0.0 } else { dy[j] };
        let to_lower = if lower_wins[j] { dy[j] } else { 0.0 };
        dx_upper[j] = [
            if b_wins[j] { 0.0 } else { to_upper },
            if b_wins[j] { to_upper } else { 0.0 },
        ];
        dx_lower[j] = [
            if d_wins[j] { 0.0 } else { to_lower },
            if d_wins[j] { to_lower } else { 0.0 },
        ];
    }
}

/// NaN is larger than any number.
#[inline(always)]
fn is_larger(a: f32, b: f32) -> bool {
    (a > b) | (a.is_nan() & !b.is_nan())
}
