//! The kernels of `kernels.cu` in Rust: the same work by the same algorithm.
//!
//! Slices where a bounds check costs nothing, since a comparison that the work needs anyway proves
//! it; pointers where C++ has them and no comparison does.
#![no_std]
#![allow(clippy::too_many_arguments)]

use cuda_std::address_space;
use cuda_std::atomic::intrinsics::atomic_fetch_add_relaxed_u32_device;
use cuda_std::glam::UVec2;
use cuda_std::intrinsics::{fast_expf, fast_fdividef};
use cuda_std::prelude::*;
use cuda_std::shared_tile;
use cuda_std::vector::F32x4;
use cuda_std::warp::{FULL_MASK, WARP_SIZE, lane_id, warp_shuffle_up, warp_shuffle_xor};

/// `y[i] = a x[i] + y[i]`. Launch: a thread for each element.
#[kernel]
pub fn saxpy(a: f32, x: &[f32], mut y: PerThread<f32>) {
    let i = thread::index_1d() as usize;
    if let (Some(y), Some(x)) = (y.get_mut(), x.get(i)) {
        *y = a.mul_add(*x, *y);
    }
}

/// `c[i] = a[i] + b[i]` for `n` vectors of four. Launch: a thread for each.
///
/// # Safety
///
/// - Each pointer is that of `n` vectors, and `c` is nobody else's.
#[kernel]
pub unsafe fn add_vectors(a: *const F32x4, b: *const F32x4, c: *mut F32x4, n: u32) {
    let i = thread::index_1d();
    if i < n {
        // SAFETY: the index is in bounds, and this thread's own.
        unsafe {
            let (F32x4 { 0: u }, F32x4 { 0: v }) = (*a.add(i as usize), *b.add(i as usize));
            *c.add(i as usize) =
                cuda_std::vector::Vec4([u[0] + v[0], u[1] + v[1], u[2] + v[2], u[3] + v[3]]);
        }
    }
}

/// The sum over the warp, for every lane.
///
/// # Safety
///
/// - All lanes of the warp call it together.
#[inline(always)]
unsafe fn warp_sum(mut value: f32) -> f32 {
    for distance in [16, 8, 4, 2, 1] {
        // SAFETY: all lanes are here.
        value += unsafe { warp_shuffle_xor(FULL_MASK, value, distance, WARP_SIZE) }.0;
    }
    value
}

/// `sums[b] = Σ x[i]` over the elements of block `b`. Launch: blocks of 256 threads.
#[kernel]
pub fn block_sums(x: &[f32], mut sums: DisjointSlice<f32>) {
    let s_warps = shared_tile![f32; 8];
    let thread_idx = thread::thread_idx_x();
    let stride = thread::grid_dim_x() * thread::block_dim_x();
    let mut sum = 0.0;
    let mut i = thread::index_1d();
    while let Some(x) = x.get(i as usize) {
        sum += x;
        i += stride;
    }
    // SAFETY: the loop has ended for all lanes.
    let sum = unsafe { warp_sum(sum) };
    if thread_idx.is_multiple_of(WARP_SIZE) {
        // SAFETY: one lane of each warp writes that warp's entry.
        unsafe { s_warps.write((thread_idx / WARP_SIZE) as usize, sum) };
    }
    thread::sync_threads();
    if thread_idx == 0 {
        let mut total = 0.0;
        for warp in 0..8 {
            // SAFETY: written before the barrier, and by no one after it.
            total += unsafe { s_warps.read::<f32>(warp) };
        }
        // SAFETY: one thread of each block writes that block's sum.
        if let Some(sum) = unsafe { sums.get_mut(thread::block_idx_x() as usize) } {
            *sum = total;
        }
    }
}

/// `y = xᵀ`. Launch: blocks of 32 x 8 threads, one for each tile of 32 x 32.
///
/// # Safety
///
/// - `x` points to `n_rows · n_columns` elements, and so does `y`, which is nobody else's.
#[kernel]
pub unsafe fn transpose(x: *const f32, y: *mut f32, n_rows: u32, n_columns: u32) {
    let s_tile = shared_tile![f32; 32 * 33]; // a column of padding, against bank conflicts
    let (thread_x, thread_y) = (thread::thread_idx_x(), thread::thread_idx_y());
    let column = thread::block_idx_x() * 32 + thread_x;
    let row = thread::block_idx_y() * 32 + thread_y;
    let own = s_tile.place((thread_y * 33 + thread_x) as usize);
    for step in [0, 8, 16, 24] {
        if row + step < n_rows && column < n_columns {
            // SAFETY: in bounds by the comparison; each thread writes its own elements.
            unsafe {
                let value = *x.add(((row + step) * n_columns + column) as usize);
                own.write(step as usize * 33, value);
            }
        }
    }
    thread::sync_threads();
    let column = thread::block_idx_y() * 32 + thread_x;
    let row = thread::block_idx_x() * 32 + thread_y;
    let opposite = s_tile.place((thread_x * 33 + thread_y) as usize);
    for step in [0, 8, 16, 24] {
        if row + step < n_columns && column < n_rows {
            // SAFETY: in bounds by the comparison, and written before the barrier by the thread
            // that had these two coordinates the other way round.
            unsafe {
                let value = opposite.read(step as usize);
                *y.add(((row + step) * n_rows + column) as usize) = value;
            }
        }
    }
}

/// `c = a b`, `a` `[m, k]` and `b` `[k, n]`. Launch: blocks of 16 x 16 threads, one for each element
/// of `c`.
///
/// # Safety
///
/// - The pointers are those of matrices of these shapes, and `c` is nobody else's.
#[kernel]
pub unsafe fn product(a: *const f32, b: *const f32, c: *mut f32, m: u32, n: u32, k: u32) {
    let (s_a, s_b) = (shared_tile![f32; 256], shared_tile![f32; 256]);
    let (thread_x, thread_y) = (thread::thread_idx_x(), thread::thread_idx_y());
    let column = thread::block_idx_x() * 16 + thread_x;
    let row = thread::block_idx_y() * 16 + thread_y;
    let own = (thread_y * 16 + thread_x) as usize;
    let mut sum = 0.0f32;
    let mut step = 0;
    while step < k {
        // SAFETY: in bounds by the comparisons; each thread writes its own elements, and a barrier
        // stands between these and all reads.
        unsafe {
            let value = if row < m && step + thread_x < k {
                *a.add((row * k + step + thread_x) as usize)
            } else {
                0.0
            };
            s_a.write(own, value);
            let value = if column < n && step + thread_y < k {
                *b.add(((step + thread_y) * n + column) as usize)
            } else {
                0.0
            };
            s_b.write(own, value);
        }
        thread::sync_threads();
        for i in 0..16 {
            // SAFETY: in bounds, and written before the barrier.
            unsafe {
                let a: f32 = s_a.read((thread_y * 16 + i) as usize);
                sum = a.mul_add(s_b.read((i * 16 + thread_x) as usize), sum);
            }
        }
        thread::sync_threads();
        step += 16;
    }
    if row < m && column < n {
        // SAFETY: in bounds by the comparison.
        unsafe { *c.add((row * n + column) as usize) = sum };
    }
}

/// `y[i] = softmax(x[i])` for each row. Launch: a warp for each row.
///
/// # Safety
///
/// - `x` and `y` point to `n_rows · n_columns` elements, and `y` is nobody else's.
#[kernel]
pub unsafe fn softmax(x: *const f32, y: *mut f32, n_rows: u32, n_columns: u32) {
    let row = thread::index_1d() / WARP_SIZE;
    if row >= n_rows {
        return;
    }
    let start = row as usize * n_columns as usize;
    // SAFETY: these are the row's elements; a lane has every 32nd to itself, and all lanes of a
    // warp have the same row, so they meet at each shuffle.
    unsafe {
        let (x, y) = (x.add(start), y.add(start));
        let (first, step) = (lane_id(), WARP_SIZE);
        let mut largest = f32::NEG_INFINITY;
        let mut i = first;
        while i < n_columns {
            largest = largest.max(*x.add(i as usize));
            i += step;
        }
        for distance in [16, 8, 4, 2, 1] {
            largest = largest.max(warp_shuffle_xor(FULL_MASK, largest, distance, WARP_SIZE).0);
        }
        let mut sum = 0.0;
        let mut i = first;
        while i < n_columns {
            sum += fast_expf(*x.add(i as usize) - largest);
            i += step;
        }
        let scale = fast_fdividef(1.0, warp_sum(sum));
        let mut i = first;
        while i < n_columns {
            *y.add(i as usize) = fast_expf(*x.add(i as usize) - largest) * scale;
            i += step;
        }
    }
}

/// `y = x / 2 + (left + right + above + below) / 8` inside; the border stays. Launch: a thread for
/// each element, in two dimensions.
///
/// # Safety
///
/// - `x` and `y` point to `n_rows · n_columns` elements, and `y` is nobody else's.
#[kernel]
pub unsafe fn stencil(x: *const f32, y: *mut f32, n_rows: u32, n_columns: u32) {
    let UVec2 { x: column, y: row } = thread::index_2d();
    if row == 0 || column == 0 || row + 1 >= n_rows || column + 1 >= n_columns {
        return;
    }
    let i = row * n_columns + column;
    // SAFETY: not at the border, so all neighbours are in bounds.
    unsafe {
        let at = |i: u32| *x.add(i as usize);
        let around = at(i - 1) + at(i + 1) + at(i - n_columns) + at(i + n_columns);
        *y.add(i as usize) = 0.125f32.mul_add(around, 0.5 * at(i));
    }
}

/// `bins[v] += |{i : x[i] = v}|`. Launch: blocks of 256 threads.
///
/// # Safety
///
/// - `bins` points to 256 counts, which others only add to atomically.
#[kernel]
pub unsafe fn histogram(x: &[u8], bins: *mut u32) {
    #[address_space(shared)]
    static mut COUNTS: [u32; 256] = [0; 256];
    let counts = (&raw mut COUNTS).cast::<u32>();
    let thread_idx = thread::thread_idx_x() as usize;
    let stride = thread::grid_dim_x() * thread::block_dim_x();
    // SAFETY: 256 threads, 256 counts; barriers stand between the plain and the atomic accesses.
    unsafe {
        *counts.add(thread_idx) = 0;
        thread::sync_threads();
        let mut i = thread::index_1d();
        while let Some(value) = x.get(i as usize) {
            atomic_fetch_add_relaxed_u32_device(counts.add(*value as usize), 1);
            i += stride;
        }
        thread::sync_threads();
        let count = *counts.add(thread_idx);
        atomic_fetch_add_relaxed_u32_device(bins.add(thread_idx), count);
    }
}

/// `y[i] = Σ x[j]` over the `j <= i` of the same block. Launch: blocks of 256 threads, one for each
/// element.
#[kernel]
pub fn scan(x: &[u32], mut y: DisjointSlice<u32>) {
    let s_warps = shared_tile![u32; 8];
    let i = thread::block_idx_x() * 256 + thread::thread_idx_x();
    let (lane, warp) = (
        thread::thread_idx_x() % WARP_SIZE,
        thread::thread_idx_x() / WARP_SIZE,
    );
    let mut sum = x.get(i as usize).copied().unwrap_or(0);
    for distance in [1, 2, 4, 8, 16] {
        // SAFETY: all lanes are here.
        let (below, _) = unsafe { warp_shuffle_up(FULL_MASK, sum, distance, WARP_SIZE) };
        if lane >= distance {
            sum += below;
        }
    }
    if lane == 31 {
        // SAFETY: one lane of each warp writes that warp's entry.
        unsafe { s_warps.write(warp as usize, sum) };
    }
    thread::sync_threads();
    for other in 0..7 {
        if other < warp {
            // SAFETY: written before the barrier, and by no one after it.
            sum += unsafe { s_warps.read::<u32>(other as usize) };
        }
    }
    // SAFETY: the index is this thread's own.
    if let Some(y) = unsafe { y.get_mut(i as usize) } {
        *y = sum;
    }
}

#[address_space(constant)]
static mut WEIGHTS: [f32; 7] = [
    0.03125, 0.109375, 0.21875, 0.28125, 0.21875, 0.109375, 0.03125,
];

/// `y[i] = Σ WEIGHTS[j] x[i + j]`. Launch: blocks of 256 threads, one for each element of `y`.
///
/// `x` has `n + 6` elements.
///
/// # Safety
///
/// - `y` points to `n` elements, and is nobody else's.
#[kernel]
pub unsafe fn convolution(x: *const f32, y: *mut f32, n: u32) {
    let s_tile = shared_tile![f32; 256 + 6];
    let start = thread::block_idx_x() * 256;
    let thread_idx = thread::thread_idx_x();
    let mut t = thread_idx;
    while t < 262 {
        // SAFETY: in bounds by the comparison; each thread writes its own elements.
        unsafe {
            let value = if start + t < n + 6 {
                *x.add((start + t) as usize)
            } else {
                0.0
            };
            s_tile.write(t as usize, value);
        }
        t += 256;
    }
    thread::sync_threads();
    let mut sum = 0.0f32;
    for i in 0..7 {
        // SAFETY: in bounds, and written before the barrier.
        unsafe {
            let value = s_tile.read((thread_idx + i) as usize);
            sum = WEIGHTS[i as usize].mul_add(value, sum);
        }
    }
    if start + thread_idx < n {
        // SAFETY: in bounds by the comparison.
        unsafe { *y.add((start + thread_idx) as usize) = sum };
    }
}

/// One step of Adam without the correction of its start. Launch: a thread for each weight.
///
/// # Safety
///
/// - The pointers are those of `n` elements each, and all but `gradients` are nobody else's.
#[kernel]
pub unsafe fn adam(
    weights: *mut f32,
    gradients: *const f32,
    means: *mut f32,
    squares: *mut f32,
    rate: f32,
    n: u32,
) {
    let i = thread::index_1d();
    if i >= n {
        return;
    }
    let i = i as usize;
    // SAFETY: in bounds by the comparison, and this thread's own.
    unsafe {
        let gradient = *gradients.add(i);
        let mean = 0.9f32.mul_add(*means.add(i), 0.1 * gradient);
        let square = 0.999f32.mul_add(*squares.add(i), 0.001 * (gradient * gradient));
        *means.add(i) = mean;
        *squares.add(i) = square;
        *weights.add(i) -= fast_fdividef(rate * mean, square.sqrt() + 1e-8);
    }
}

/// For each point `c`, how many steps of `z = z² + c` stay within 2, at most `limit`. Launch: a
/// thread for each point, in two dimensions.
///
/// # Safety
///
/// - `counts` points to `width · height` counts, and is nobody else's.
#[kernel]
pub unsafe fn mandelbrot(
    counts: *mut u32,
    width: u32,
    height: u32,
    left: f32,
    top: f32,
    step: f32,
    limit: u32,
) {
    let UVec2 { x: column, y: row } = thread::index_2d();
    if column >= width || row >= height {
        return;
    }
    let c_re = step.mul_add(column as f32, left);
    let c_im = step.mul_add(row as f32, top);
    let (mut re, mut im) = (0.0f32, 0.0f32);
    let (mut re_squared, mut im_squared) = (0.0f32, 0.0f32);
    let mut count = 0;
    while count < limit && re_squared + im_squared <= 4.0 {
        im = (2.0 * re).mul_add(im, c_im);
        re = re_squared - im_squared + c_re;
        (re_squared, im_squared) = (re * re, im * im);
        count += 1;
    }
    // SAFETY: in bounds by the comparison.
    unsafe { *counts.add((row * width + column) as usize) = count };
}
