//! Normalization to a mean of 0 and a variance of 1: over a batch, for each channel, and over each
//! row.
//!
//! Batches: B rows of C channels with S values each (the pixels of an image, or 1). Rows: B rows of N
//! values. Variances are the mean squares of the deviations; where an `ε` is added to one before its
//! root is taken, `σ` stands for the root.
//!
//! All sums are added in an order that depends on the shapes alone.

use cuda_std::prelude::*;
use cuda_std::shared_tile;
use cuda_std::vector::{F32x4, Vec4, as_vectors};
use cuda_std::warp::{WARP_SIZE, lane_id};

use crate::activation::Activation;
use crate::elements;
use crate::reduce::{N_WARPS, block_sums, for_each_of_lane, warp_reduce};

pub use crate::reduce::N_THREADS;

/// Calls `function` with the places of those elements of this block's channel that are this thread's;
/// with the places of vectors, if `len` and `n_pixels` count them.
#[inline(always)]
fn for_each_of_channel(
    len: usize,
    n_channels: u32,
    n_pixels: u32,
    mut function: impl FnMut(usize),
) {
    let n_rows = (len / (n_channels as usize * n_pixels as usize)) as u32;
    let channel_idx = thread::block_idx_x();
    // Row and pixel are counted side by side, so that the loop does not divide.
    let mut row = thread::thread_idx_x() / n_pixels;
    let mut pixel = thread::thread_idx_x() % n_pixels;
    while row < n_rows {
        let plane = row as usize * n_channels as usize + channel_idx as usize;
        function(plane * n_pixels as usize + pixel as usize);
        row += N_THREADS / n_pixels;
        pixel += N_THREADS % n_pixels;
        if pixel >= n_pixels {
            row += 1;
            pixel -= n_pixels;
        }
    }
}

/// The sums of both of what `terms` gives for the elements of two arrays `[B, C, S]` that belong to
/// this block's channel. Every thread gets them.
///
/// # Safety
///
/// - The block has [`N_THREADS`] threads along x, and all of them call it together.
#[inline(always)]
unsafe fn channel_sums(
    first: &[f32],
    second: &[f32],
    n_channels: u32,
    n_pixels: u32,
    terms: impl Fn(f32, f32) -> (f32, f32),
) -> (f32, f32) {
    let mut sums = (0.0, 0.0);
    let mut add = |first: f32, second: f32| {
        let terms = terms(first, second);
        sums = (sums.0 + terms.0, sums.1 + terms.1);
    };
    match (as_vectors::<F32x4>(first), as_vectors::<F32x4>(second)) {
        (Some(first), Some(second)) if n_pixels.is_multiple_of(4) => {
            for_each_of_channel(first.len(), n_channels, n_pixels / 4, |idx| {
                let (Vec4(first), Vec4(second)) = (first[idx], second[idx]);
                for lane in 0..4 {
                    add(first[lane], second[lane]);
                }
            });
        }
        _ => for_each_of_channel(first.len(), n_channels, n_pixels, |idx| {
            add(first[idx], second[idx]);
        }),
    }
    // SAFETY: the loop has ended for all threads of the block, which the caller vouches for.
    unsafe { block_sums(sums.0, sums.1) }
}

/// Mean and variance of each channel of a batch, and the running ones: overwrites `mean` and
/// `variance`, and updates `running_mean` and `running_variance` by
/// `running = (1 - momentum) running + momentum value`. For the running variance the squares are
/// divided by one less than the number of values.
///
/// The squares are those of the deviations from the mean, from a second pass over the values.
///
/// Shapes: `x` `[B, C, S]` with `B S` at least 2, all others `[C]`.
/// Launch: along x, a block of [`N_THREADS`] threads for each channel.
/// Cost: `8 B C S` bytes, of which half come from the cache.
#[kernel]
pub fn batch_norm_statistics(
    x: &[f32],
    momentum: f32,
    n_pixels: u32,
    mut mean: DisjointSlice<f32>,
    mut variance: DisjointSlice<f32>,
    mut running_mean: DisjointSlice<f32>,
    mut running_variance: DisjointSlice<f32>,
) {
    let n_channels = mean.len() as u32;
    let n = (x.len() / mean.len()) as f32;
    // SAFETY: all threads are here.
    let (sum, _) = unsafe { channel_sums(x, x, n_channels, n_pixels, |x, _| (x, 0.0)) };
    let center = sum / n;
    // SAFETY: all threads are here.
    let (deviation, square) = unsafe {
        channel_sums(x, x, n_channels, n_pixels, |x, _| {
            let deviation = x - center;
            (deviation, deviation * deviation)
        })
    };
    if thread::thread_idx_x() != 0 {
        return;
    }
    let channel_idx = thread::block_idx_x() as usize;
    // What rounding has left out of the center.
    let rest = deviation / n;
    let squares = (-rest).mul_add(deviation, square);
    // SAFETY: one thread of one block has this channel.
    let outputs = unsafe {
        (
            mean.get_mut(channel_idx),
            variance.get_mut(channel_idx),
            running_mean.get_mut(channel_idx),
            running_variance.get_mut(channel_idx),
        )
    };
    if let (Some(mean), Some(variance), Some(running_mean), Some(running_variance)) = outputs {
        *mean = center + rest;
        *variance = squares / n;
        let keep = 1.0 - momentum;
        *running_mean = momentum.mul_add(*mean, keep * *running_mean);
        *running_variance = momentum.mul_add(squares / (n - 1.0), keep * *running_variance);
    }
}

/// `(x - mean) scale + bias`
#[derive(Clone, Copy)]
struct Channel {
    mean: f32,
    scale: f32,
    bias: f32,
}

impl Channel {
    #[inline(always)]
    fn normalize<const N: usize>(self, x: [f32; N]) -> [f32; N] {
        x.map(|x| (x - self.mean).mul_add(self.scale, self.bias))
    }
}

/// `1 / √(variance + ε)`
#[inline(always)]
fn inverse_deviation(variance: f32, epsilon: f32) -> f32 {
    1.0 / (variance + epsilon).sqrt()
}

/// `y = activation((x - mean) / σ · weight + bias)` with the numbers of each element's channel:
/// overwrites `y`.
///
/// Shapes: `x` and `y` `[B, C, S]`, all others `[C]`.
/// Launch: along x, a thread per element of `y`, or per four if S is a multiple of 4.
/// Cost: `8 B C S` bytes.
///
/// # Panics
///
/// If `x` or one of the channels' numbers is shorter than its shape.
#[kernel]
pub fn batch_norm_forward(
    x: &[f32],
    mean: &[f32],
    variance: &[f32],
    weight: &[f32],
    bias: &[f32],
    epsilon: f32,
    activation: Activation,
    n_pixels: u32,
    y: PerThread<f32>,
) {
    let i = thread::index_1d();
    let channel = |n_pixels: u32| {
        let channel_idx = (i / n_pixels) as usize % mean.len();
        Channel {
            mean: mean[channel_idx],
            scale: inverse_deviation(variance[channel_idx], epsilon) * weight[channel_idx],
            bias: bias[channel_idx],
        }
    };
    // SAFETY: lengths and addresses are the same for all threads, and so is what they convert.
    let vectors = unsafe { y.into_vectors::<F32x4>() };
    match (as_vectors::<F32x4>(x), vectors) {
        (Some(x), Ok(mut y)) if n_pixels.is_multiple_of(4) => {
            if let Some(y) = y.get_mut() {
                let x = x[i as usize].0;
                *y = Vec4(activation.forward(channel(n_pixels / 4).normalize(x)));
            }
        }
        (_, y) => {
            // SAFETY: as above.
            let mut y = unsafe { elements(y) };
            if let Some(y) = y.get_mut() {
                let x = [x[i as usize]];
                [*y] = activation.forward(channel(n_pixels).normalize(x));
            }
        }
    }
}

/// The gradients of a batch normalization by weight and bias,
/// `dbias = Σ dy` and `dweight = Σ dy (x - mean) / σ` over the elements of each channel: overwrites
/// both.
///
/// Shapes: `x` and `dy` `[B, C, S]`, all others `[C]`.
/// Launch: along x, a block of [`N_THREADS`] threads for each channel.
/// Cost: `8 B C S` bytes.
///
/// # Panics
///
/// If an input is shorter than its shape.
#[kernel]
pub fn batch_norm_backward_parameters(
    x: &[f32],
    dy: &[f32],
    mean: &[f32],
    variance: &[f32],
    epsilon: f32,
    n_pixels: u32,
    mut dweight: DisjointSlice<f32>,
    mut dbias: DisjointSlice<f32>,
) {
    let channel_idx = thread::block_idx_x() as usize;
    let center = mean[channel_idx];
    // SAFETY: all threads are here.
    let (by_bias, by_deviation) = unsafe {
        channel_sums(x, dy, mean.len() as u32, n_pixels, |x, dy| {
            (dy, dy * (x - center))
        })
    };
    if thread::thread_idx_x() == 0 {
        // SAFETY: one thread of one block has this channel.
        let outputs = unsafe { (dweight.get_mut(channel_idx), dbias.get_mut(channel_idx)) };
        if let (Some(dweight), Some(dbias)) = outputs {
            *dweight = by_deviation * inverse_deviation(variance[channel_idx], epsilon);
            *dbias = by_bias;
        }
    }
}

/// The gradient of a batch normalization by its input,
/// `dx = weight / σ · (dy - dbias / n - (x - mean) / σ · dweight / n)` with `n = B S`: overwrites
/// `dx`. What the mean and the variance owe to each value is in it.
///
/// Shapes: `x`, `dy` and `dx` `[B, C, S]`, all others `[C]`.
/// Launch: along x, a thread per element of `dx`, or per four if S is a multiple of 4.
/// Cost: `12 B C S` bytes.
///
/// # Panics
///
/// If an input is shorter than its shape.
#[kernel]
pub fn batch_norm_backward_input(
    x: &[f32],
    dy: &[f32],
    mean: &[f32],
    variance: &[f32],
    weight: &[f32],
    dweight: &[f32],
    dbias: &[f32],
    epsilon: f32,
    n_pixels: u32,
    dx: PerThread<f32>,
) {
    let i = thread::index_1d();
    let n_channels = mean.len();
    let inverse_n = 1.0 / (x.len() / n_channels) as f32;
    let channel = |n_pixels: u32| {
        let channel_idx = (i / n_pixels) as usize % n_channels;
        let inverse_deviation = inverse_deviation(variance[channel_idx], epsilon);
        let by_value = weight[channel_idx] * inverse_deviation;
        let by_deviation = dweight[channel_idx] * inverse_deviation * inverse_n;
        let by_mean = dbias[channel_idx] * inverse_n;
        let center = mean[channel_idx];
        move |x: f32, dy: f32| {
            let rest = (-by_deviation).mul_add(x - center, dy - by_mean);
            by_value * rest
        }
    };
    // SAFETY: lengths and addresses are the same for all threads, and so is what they convert.
    let vectors = unsafe { dx.into_vectors::<F32x4>() };
    match (as_vectors::<F32x4>(x), as_vectors::<F32x4>(dy), vectors) {
        (Some(x), Some(dy), Ok(mut dx)) if n_pixels.is_multiple_of(4) => {
            if let Some(dx) = dx.get_mut() {
                let (x, dy) = (x[i as usize].0, dy[i as usize].0);
                let gradient = channel(n_pixels / 4);
                *dx = Vec4(core::array::from_fn(|lane| gradient(x[lane], dy[lane])));
            }
        }
        (_, _, dx) => {
            // SAFETY: as above.
            let mut dx = unsafe { elements(dx) };
            if let Some(dx) = dx.get_mut() {
                *dx = channel(n_pixels)(x[i as usize], dy[i as usize]);
            }
        }
    }
}

/// The sum over a row's elements of what `term` gives for their places; every lane gets it.
///
/// # Safety
///
/// - All lanes of the warp call it together.
#[inline(always)]
unsafe fn row_sum(n: usize, term: impl Fn(usize) -> f32) -> f32 {
    let mut sum = 0.0;
    for_each_of_lane(n, |idx| sum += term(idx));
    // SAFETY: the loop has ended for all lanes, which the caller vouches for.
    unsafe { warp_reduce(sum, |a, b| a + b) }
}

/// `y = (x - mean) / σ · weight + bias` with the mean and the variance of each row: overwrites `y`,
/// `mean` and `variance`.
///
/// Shapes: `x` and `y` `[B, N]`, `weight` and `bias` `[N]`, `mean` and `variance` `[B]`.
/// Launch: along x, a warp for each row, in blocks of [`N_THREADS`] threads.
/// Cost: `8 B N` bytes, and twice as many from the cache.
///
/// # Panics
///
/// If an input is shorter than its shape.
#[kernel]
pub fn layer_norm_forward(
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    epsilon: f32,
    mut y: DisjointSlice<f32>,
    mut mean: DisjointSlice<f32>,
    mut variance: DisjointSlice<f32>,
) {
    let row_idx = (thread::index_1d() / WARP_SIZE) as usize;
    if row_idx >= mean.len() {
        return;
    }
    let n = weight.len();
    let x = &x[row_idx * n..][..n];
    // SAFETY: the whole warp works on this row.
    let (center, spread) = unsafe {
        let center = row_sum(n, |idx| x[idx]) / n as f32;
        let square = |idx: usize| (x[idx] - center) * (x[idx] - center);
        (center, row_sum(n, square) / n as f32)
    };
    let inverse_deviation = inverse_deviation(spread, epsilon);
    for_each_of_lane(n, |idx| {
        // SAFETY: this lane alone has this element of this row.
        if let Some(y) = unsafe { y.get_mut(row_idx * n + idx) } {
            let normalized = (x[idx] - center) * inverse_deviation;
            *y = normalized.mul_add(weight[idx], bias[idx]);
        }
    });
    if lane_id() == 0 {
        // SAFETY: lane 0 of the warp that works on this row.
        let outputs = unsafe { (mean.get_mut(row_idx), variance.get_mut(row_idx)) };
        if let (Some(mean), Some(variance)) = outputs {
            (*mean, *variance) = (center, spread);
        }
    }
}

/// The gradient of a layer normalization by its input, with `g = dy · weight` and
/// `z = (x - mean) / σ`: `dx = (g - Σ g / N - z Σ g z / N) / σ`, the sums over each row: overwrites
/// `dx`.
///
/// Shapes: `x`, `dy` and `dx` `[B, N]`, `weight` `[N]`, `mean` and `variance` `[B]`.
/// Launch: along x, a warp for each row, in blocks of [`N_THREADS`] threads.
/// Cost: `12 B N` bytes, and twice as many from the cache.
///
/// # Panics
///
/// If an input is shorter than its shape.
#[kernel]
pub fn layer_norm_backward_input(
    x: &[f32],
    dy: &[f32],
    weight: &[f32],
    mean: &[f32],
    variance: &[f32],
    epsilon: f32,
    mut dx: DisjointSlice<f32>,
) {
    let row_idx = (thread::index_1d() / WARP_SIZE) as usize;
    if row_idx >= mean.len() {
        return;
    }
    let n = weight.len();
    let (x, dy) = (&x[row_idx * n..][..n], &dy[row_idx * n..][..n]);
    let center = mean[row_idx];
    let inverse_deviation = inverse_deviation(variance[row_idx], epsilon);
    let gradient = |idx: usize| dy[idx] * weight[idx];
    let normalized = |idx: usize| (x[idx] - center) * inverse_deviation;
    // SAFETY: the whole warp works on this row.
    let (by_mean, by_deviation) = unsafe {
        (
            row_sum(n, gradient) / n as f32,
            row_sum(n, |idx| gradient(idx) * normalized(idx)) / n as f32,
        )
    };
    for_each_of_lane(n, |idx| {
        // SAFETY: this lane alone has this element of this row.
        if let Some(dx) = unsafe { dx.get_mut(row_idx * n + idx) } {
            let rest = (-by_deviation).mul_add(normalized(idx), gradient(idx) - by_mean);
            *dx = inverse_deviation * rest;
        }
    });
}

/// Columns that a block of
/// [`layer_norm_backward_parameters`](struct@layer_norm_backward_parameters) sums, one for each lane
/// of a warp.
pub const N_COLUMNS: usize = WARP_SIZE as usize;

/// The gradients of a layer normalization by weight and bias, `dbias = Σ dy` and
/// `dweight = Σ dy (x - mean) / σ` over the rows: overwrites both.
///
/// Shapes: `x` and `dy` `[B, N]`, `mean` and `variance` `[B]`, `dweight` and `dbias` `[N]`.
/// Launch: along x, [`N_THREADS`] threads in each of `N /` [`N_COLUMNS`] blocks, rounded up. A lane
/// sums a column; the warps share the rows and are added in order.
/// Cost: `8 B N` bytes.
///
/// # Panics
///
/// If an input is shorter than its shape.
#[kernel]
pub fn layer_norm_backward_parameters(
    x: &[f32],
    dy: &[f32],
    mean: &[f32],
    variance: &[f32],
    epsilon: f32,
    mut dweight: DisjointSlice<f32>,
    mut dbias: DisjointSlice<f32>,
) {
    let s_weights = shared_tile![f32; N_THREADS as usize]; // (warps, columns)
    let s_biases = shared_tile![f32; N_THREADS as usize]; // (warps, columns)
    let thread_idx = thread::thread_idx_x() as usize;
    let (warp_idx, lane_idx) = (thread_idx / N_COLUMNS, thread_idx % N_COLUMNS);
    let n_columns = dbias.len();
    let column = thread::block_idx_x() as usize * N_COLUMNS + lane_idx;
    let (mut by_weight, mut by_bias) = (0.0, 0.0);
    if column < n_columns {
        let mut row_idx = warp_idx;
        while row_idx < mean.len() {
            let idx = row_idx * n_columns + column;
            let inverse_deviation = inverse_deviation(variance[row_idx], epsilon);
            by_weight += dy[idx] * ((x[idx] - mean[row_idx]) * inverse_deviation);
            by_bias += dy[idx];
            row_idx += N_WARPS;
        }
    }
    // SAFETY: each thread writes an element of its own.
    unsafe {
        s_weights.write(thread_idx, by_weight);
        s_biases.write(thread_idx, by_bias);
    }
    // Makes the warps' sums visible to the first warp.
    thread::sync_threads();
    if warp_idx == 0 {
        for other_idx in 1..N_WARPS {
            // SAFETY: written before the barrier, and by no one after it.
            unsafe {
                by_weight += s_weights.read::<f32>(other_idx * N_COLUMNS + lane_idx);
                by_bias += s_biases.read::<f32>(other_idx * N_COLUMNS + lane_idx);
            }
        }
        // SAFETY: one lane of one warp has this column.
        let outputs = unsafe { (dweight.get_mut(column), dbias.get_mut(column)) };
        if let (Some(dweight), Some(dbias)) = outputs {
            (*dweight, *dbias) = (by_weight, by_bias);
        }
    }
}
