//! Discrete Fourier transforms, a block for each.
//!
//! Complex numbers are pairs of floats, side by side: the real part first.

use cuda_std::prelude::*;
use cuda_std::shared::SharedTile;
use cuda_std::shared_tile;
use cuda_std::vector::{F32x2, Vec2, as_vectors};

use super::write;

/// Most numbers of a transform whose length is a power of two: two tiles of them fill 32 KiB of shared
/// memory.
pub const MAX_VALUES: usize = 2048;
/// Threads of a block, at most; it has one for each four numbers, in whole warps.
pub const MAX_THREADS: u32 = 256;

/// All numbers of a transform.
type Tile = SharedTile<f32, { 2 * MAX_VALUES }>;

/// The transforms `y_k = Σ_j x_j e^(-2πi j k / n)` of many signals whose length `n` is a power of two:
/// overwrites `y`.
///
/// Stockham's order: a step reads four numbers that lie a quarter of the signal apart and writes four
/// that lie side by side, or a stride apart, so that the last step leaves all in order.
///
/// Shapes: `x` and `y` `[B, n, 2]`, `twiddles` `[n, 2]`: `e^(-2πi k / n)`.
/// Launch: along x, a block for each signal, of at most [`MAX_THREADS`] threads.
/// Cost: `16 B n` bytes, `5 B n log₂ n` operations.
///
/// # Panics
///
/// If `n` is not a power of two up to [`MAX_VALUES`], a slice is shorter than its shape, or does not begin
/// at a pair's alignment.
#[kernel]
pub fn fourier_transforms(x: &[f32], twiddles: &[f32], n_values: u32, y: DisjointSlice<f32>) {
    let n = n_values as usize;
    assert!(n.is_power_of_two() && n <= MAX_VALUES);
    let begin = thread::block_idx_x() as usize * n;
    let (Some(x), Some(twiddles), Ok(mut y)) = (
        as_vectors::<F32x2>(x),
        as_vectors::<F32x2>(twiddles),
        y.into_vectors::<F32x2>(),
    ) else {
        panic!("pairs are not aligned");
    };
    let (x, twiddles) = (&x[begin..][..n], &twiddles[..n]);
    let tiles = (
        shared_tile![f32; 2 * MAX_VALUES], // (n, 2)
        shared_tile![f32; 2 * MAX_VALUES], // (n, 2)
    );
    each(n, |j| {
        // SAFETY: `n` pairs fit, and this thread alone has this one.
        unsafe { tiles.0.write(2 * j, x[j]) };
    });
    // SAFETY: the whole block is here, and each thread has written its part.
    let (s_y, _) = unsafe { transform(tiles, n, twiddles) };
    each(n, |k| {
        // SAFETY: a barrier has made all of the tile visible.
        let value = unsafe { s_y.read(2 * k) };
        // SAFETY: this thread alone writes this element.
        unsafe { write(&mut y, begin + k, value) };
    });
}

/// The transforms of signals of any length, by Bluestein's convolution: overwrites `y`. With `m` a power
/// of two from `2 n - 1` on:
///
/// ```text
/// a = transform(x ∘ chirp, and zeros up to m)
/// c = conj(transform(conj(a ∘ filter)))
/// y = c[..n] ∘ chirp
/// ```
///
/// Shapes: `x` and `y` `[B, n, 2]`, `chirp` `[n, 2]`: `e^(-πi j² / n)`; `filter` `[m, 2]`: the transform
/// of the chirp's conjugate, which goes on to negative `j`, divided by `m`; `twiddles` `[m, 2]`:
/// `e^(-2πi k / m)`.
/// Launch: along x, a block for each signal, of at most [`MAX_THREADS`] threads.
/// Cost: `16 B n` bytes, `10 B m log₂ m` operations.
///
/// # Panics
///
/// If `m` is not a power of two up to [`MAX_VALUES`], a slice is shorter than its shape, or does not begin
/// at a pair's alignment.
#[kernel]
pub fn fourier_transforms_by_chirps(
    x: &[f32],
    chirp: &[f32],
    filter: &[f32],
    twiddles: &[f32],
    y: DisjointSlice<f32>,
) {
    let (Some(x), Some(chirp), Some(filter), Some(twiddles), Ok(mut y)) = (
        as_vectors::<F32x2>(x),
        as_vectors::<F32x2>(chirp),
        as_vectors::<F32x2>(filter),
        as_vectors::<F32x2>(twiddles),
        y.into_vectors::<F32x2>(),
    ) else {
        panic!("pairs are not aligned");
    };
    let (n, m) = (chirp.len(), twiddles.len());
    assert!(m.is_power_of_two() && m <= MAX_VALUES && n <= m);
    let begin = thread::block_idx_x() as usize * n;
    let (x, filter) = (&x[begin..][..n], &filter[..m]);
    let tiles = (
        shared_tile![f32; 2 * MAX_VALUES], // (m, 2)
        shared_tile![f32; 2 * MAX_VALUES], // (m, 2)
    );
    each(m, |j| {
        let value = match (x.get(j), chirp.get(j)) {
            (Some(&x), Some(&chirp)) => product(x, chirp),
            _ => F32x2::default(),
        };
        // SAFETY: `m` pairs fit, and this thread alone has this one.
        unsafe { tiles.0.write(2 * j, value) };
    });
    // SAFETY: the whole block is here, and each thread has written its part.
    let (s_a, s_other) = unsafe { transform(tiles, m, twiddles) };
    each(m, |k| {
        // SAFETY: a barrier has made all of the tile visible, and this thread alone has this pair.
        unsafe { s_a.write(2 * k, conjugate(product(s_a.read(2 * k), filter[k]))) };
    });
    // SAFETY: as above.
    let (s_c, _) = unsafe { transform((s_a, s_other), m, twiddles) };
    each(n, |k| {
        // SAFETY: a barrier has made all of the tile visible.
        let value = unsafe { s_c.read(2 * k) };
        // SAFETY: this thread alone writes this element.
        unsafe { write(&mut y, begin + k, product(conjugate(value), chirp[k])) };
    });
}

/// Transforms what is in the first tile, by way of both, and returns them: first the one that has the
/// result, which all threads then may read.
///
/// # Safety
///
/// - All threads of the block call it together, and have written the first `n` pairs of the first tile;
///   `n` is a power of two that fits, and there are as many `twiddles`.
#[inline(always)]
unsafe fn transform(
    (mut s_x, mut s_y): (Tile, Tile),
    n: usize,
    twiddles: &[F32x2],
) -> (Tile, Tile) {
    let mut stride = 1;
    // Makes the signal visible to all threads.
    thread::sync_threads();
    while 4 * stride <= n {
        each(n / 4, |idx| {
            // The q-th of `stride` transforms, in its p-th four.
            let p_stride = idx & !(stride - 1);
            // SAFETY: below `n`; written before the last barrier.
            let [a, b, c, d]: [F32x2; 4] = unsafe {
                [
                    s_x.read(2 * idx),
                    s_x.read(2 * (idx + n / 4)),
                    s_x.read(2 * (idx + n / 2)),
                    s_x.read(2 * (idx + 3 * n / 4)),
                ]
            };
            let (even, odd) = (sum(a, c), sum(b, d));
            let (left, right) = (difference(a, c), turned(difference(b, d)));
            let place = 2 * (4 * p_stride + (idx - p_stride));
            // SAFETY: the four of this thread alone; the last barrier let all others read this tile.
            // `p_stride` is below a quarter of `n`.
            unsafe {
                let [first, second, third] =
                    [1, 2, 3].map(|k| *twiddles.get_unchecked(k * p_stride));
                s_y.write(place, sum(even, odd));
                s_y.write(place + 2 * stride, product(difference(left, right), first));
                s_y.write(place + 4 * stride, product(difference(even, odd), second));
                s_y.write(place + 6 * stride, product(sum(left, right), third));
            }
        });
        stride *= 4;
        (s_x, s_y) = (s_y, s_x);
        // Makes the step's results visible to the next one, and lets that one overwrite what this one read.
        thread::sync_threads();
    }
    if stride < n {
        each(n / 2, |q| {
            // SAFETY: as above.
            unsafe {
                let (a, b) = (s_x.read(2 * q), s_x.read(2 * (q + n / 2)));
                s_y.write(2 * q, sum(a, b));
                s_y.write(2 * (q + n / 2), difference(a, b));
            }
        });
        (s_x, s_y) = (s_y, s_x);
        // Makes the step's results visible to all threads.
        thread::sync_threads();
    }
    (s_x, s_y)
}

/// Calls `function` with those of `0..n` that are this thread's.
#[inline(always)]
fn each(n: usize, mut function: impl FnMut(usize)) {
    let mut idx = thread::thread_idx_x() as usize;
    while idx < n {
        function(idx);
        idx += thread::block_dim_x() as usize;
    }
}

#[inline(always)]
fn sum(Vec2([a, b]): F32x2, Vec2([c, d]): F32x2) -> F32x2 {
    Vec2([a + c, b + d])
}

#[inline(always)]
fn difference(Vec2([a, b]): F32x2, Vec2([c, d]): F32x2) -> F32x2 {
    Vec2([a - c, b - d])
}

#[inline(always)]
fn product(Vec2([a, b]): F32x2, Vec2([c, d]): F32x2) -> F32x2 {
    Vec2([a.mul_add(c, -(b * d)), a.mul_add(d, b * c)])
}

/// Times i.
#[inline(always)]
fn turned(Vec2([a, b]): F32x2) -> F32x2 {
    Vec2([-b, a])
}

#[inline(always)]
fn conjugate(Vec2([a, b]): F32x2) -> F32x2 {
    Vec2([a, -b])
}
