//! Losses with their gradients, predictions, and the sums over a batch.
//!
//! B rows, C classes. A loss kernel leaves one sum per block, and
//! [`sum_statistics`](struct@sum_statistics) adds those, both in an order that depends on the shapes
//! alone.

use cuda_std::kernel::DeviceValue;
use cuda_std::prelude::*;
use cuda_std::warp::{WARP_SIZE, lane_id};

use crate::clipping::clamp;
use crate::reduce::{N_WARPS, block_sum, for_each_of_lane, warp_reduce};

pub use crate::reduce::{MAX_BLOCKS, N_THREADS};

/// Rows that one block works on at a time, a warp on each.
pub const N_ROWS_PER_BLOCK: usize = N_WARPS;

/// Softmax with cross-entropy, forward and backward, against targets that are
/// `t[i, j] = (1 - s) [j = labels[i]] + s / C` with the label smoothing `s`:
/// `dlogits[i, j] = (softmax(logits[i])[j] - t[i, j]) / B`, and for each block the sum over its rows of
/// `-Σ_j t[i, j] ln softmax(logits[i])[j]` and the number of rows whose largest logit is that of the
/// label (as [`predictions`](struct@predictions) has it).
///
/// The largest logit of a row is subtracted first, so that no exponential overflows.
///
/// Shapes: `logits` `[B, C]`, `labels` `[B]` with entries below C, `dlogits` `[B, C]` or empty for
/// no gradient, `block_loss` and `block_n_correct` `[blocks]`; all outputs are overwritten.
/// Launch: along x, at most [`MAX_BLOCKS`] blocks of [`N_THREADS`] threads; block `b` of `n` works
/// on rows `8 b .. 8 b + 8`, then on those `8 n` further down, a warp on each row.
/// Cost: `16 B C` bytes, of which half come from the cache; `2 B C` exponentials.
///
/// # Panics
///
/// If a label is not below C, or a buffer is shorter than its shape.
#[kernel]
pub fn softmax_cross_entropy(
    logits: &[f32],
    labels: &[u8],
    n_classes: u32,
    label_smoothing: f32,
    mut dlogits: DisjointSlice<f32>,
    mut block_loss: DisjointSlice<f32>,
    mut block_n_correct: DisjointSlice<u32>,
) {
    let n_classes = n_classes as usize;
    let n_rows = labels.len();
    // Of the target: what every class gets, and what the label gets besides.
    let target_of_any = label_smoothing / n_classes as f32;
    let target_of_label = 1.0 - label_smoothing;
    let mut loss = 0.0;
    let mut n_correct = 0;
    let mut row_idx = first_row();
    while row_idx < n_rows {
        let row = &logits[row_idx * n_classes..][..n_classes];
        let label = labels[row_idx] as usize;
        // SAFETY: the whole warp works on this row.
        let largest = unsafe { largest(row) };
        let mut sum = 0.0;
        let mut sum_of_differences = 0.0;
        for_each_of_lane(n_classes, |class_idx| {
            let difference = row[class_idx] - largest.value();
            sum += difference.exp();
            sum_of_differences += difference;
        });
        // SAFETY: the whole warp works on this row.
        let sum = unsafe { warp_reduce(sum, |a, b| a + b) };
        if label_smoothing > 0.0 {
            // SAFETY: the whole warp works on this row.
            sum_of_differences = unsafe { warp_reduce(sum_of_differences, |a, b| a + b) };
        }
        if !dlogits.is_empty() {
            let scale = 1.0 / n_rows as f32;
            let scale_by_sum = scale / sum;
            for_each_of_lane(n_classes, |class_idx| {
                let probability = (row[class_idx] - largest.value()).exp() * scale_by_sum;
                let of_label = if class_idx == label {
                    target_of_label
                } else {
                    0.0
                };
                let target = scale * (target_of_any + of_label);
                // SAFETY: this lane alone has this class of this row.
                if let Some(dlogit) = unsafe { dlogits.get_mut(row_idx * n_classes + class_idx) } {
                    *dlogit = probability - target;
                }
            });
        }
        if lane_id() == 0 {
            loss += sum.ln() - target_of_label * (row[label] - largest.value());
            // Without smoothing, a difference that is infinite does not count.
            if label_smoothing > 0.0 {
                loss -= target_of_any * sum_of_differences;
            }
            n_correct += u32::from(largest.idx as usize == label);
        }
        row_idx += row_stride();
    }

    // SAFETY: the loop has ended for all threads of the block, and a block has `N_THREADS`.
    let (loss, n_correct) = unsafe { block_sum(loss, n_correct) };
    store_block_sums(&mut block_loss, loss);
    store_block_sums(&mut block_n_correct, n_correct);
}

/// A loss of each element by itself, as it is passed to kernels: its number, and the delta of Huber's.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(u32)]
pub enum LossFunction {
    /// `(y - target)²`
    SquaredError = 0,
    /// `|y - target|`, with the derivative 0 at 0.
    AbsoluteError = 1,
    /// `(y - target)² / 2` where `|y - target| <= delta`, else `delta (|y - target| - delta / 2)`, with
    /// this delta above 0.
    Huber(f32) = 2,
    /// `-target ln σ(y) - (1 - target) ln(1 - σ(y))` with the sigmoid `σ`, for targets in `0..=1`.
    BinaryCrossEntropy = 3,
}

impl LossFunction {
    /// The loss of an element, and its derivative by `y`; both are NaN if `y` is.
    #[inline(always)]
    pub fn of(self, y: f32, target: f32) -> (f32, f32) {
        let difference = y - target;
        match self {
            LossFunction::SquaredError => (difference * difference, 2.0 * difference),
            LossFunction::AbsoluteError => {
                let slope = if difference > 0.0 {
                    1.0
                } else if difference < 0.0 {
                    -1.0
                } else {
                    difference
                };
                (difference.abs(), slope)
            }
            LossFunction::Huber(delta) => {
                let slope = clamp(difference, delta);
                (slope * (difference - 0.5 * slope), slope)
            }
            LossFunction::BinaryCrossEntropy => {
                // No larger than 1, so nothing overflows.
                let exponential = (-y.abs()).exp();
                let (of_y, numerator) = if y > 0.0 {
                    (1.0 - target, 1.0)
                } else {
                    (-target, exponential)
                };
                let sigmoid = numerator / (1.0 + exponential);
                (y.mul_add(of_y, exponential.ln_1p()), sigmoid - target)
            }
        }
    }
}

// SAFETY: numbers of 4 bytes, and no address.
unsafe impl DeviceValue for LossFunction {}

/// A loss of each element by itself, forward and backward: `dy[i] = l'(y[i], target[i]) / n`, and for
/// each block the sum over its elements of `l(y[i], target[i])`.
///
/// Shapes: `y` and `target` `[n]`, `dy` `[n]` or empty for no gradient, `block_loss` `[blocks]`; all
/// outputs are overwritten.
/// Launch: along x, at most [`MAX_BLOCKS`] blocks of [`N_THREADS`] threads; a thread works on the
/// element of its index, then on those a whole grid further on.
/// Cost: `12 n` bytes.
#[kernel]
pub fn elementwise_loss(
    function: LossFunction,
    y: &[f32],
    target: &[f32],
    mut dy: DisjointSlice<f32>,
    mut block_loss: DisjointSlice<f32>,
) {
    let scale = 1.0 / y.len() as f32;
    let mut sum = 0.0;
    let mut i = thread::index_1d() as usize;
    while let (Some(&y), Some(&target)) = (y.get(i), target.get(i)) {
        let (loss, slope) = function.of(y, target);
        sum += loss;
        // SAFETY: the index is this thread's, plus whole grids: no other thread has it.
        if let Some(dy) = unsafe { dy.get_mut(i) } {
            *dy = scale * slope;
        }
        i += (thread::grid_dim_x() * thread::block_dim_x()) as usize;
    }

    // SAFETY: the loop has ended for all threads of the block, and a block has `N_THREADS`.
    let (sum, _) = unsafe { block_sum(sum, 0) };
    store_block_sums(&mut block_loss, sum);
}

/// Adds the blocks' sums: `loss[0] = scale Σ block_loss`, `n_correct[0] = Σ block_n_correct`;
/// overwrites both.
///
/// Shapes: `block_loss` `[blocks]`, `block_n_correct` `[blocks]` or empty, `loss` and `n_correct`
/// `[1]`.
/// Launch: one block of [`N_THREADS`] threads.
/// Cost: `8 blocks` bytes.
#[kernel]
pub fn sum_statistics(
    block_loss: &[f32],
    block_n_correct: &[u32],
    scale: f32,
    mut loss: PerThread<f32>,
    mut n_correct: PerThread<u32>,
) {
    let mut sums = (0.0, 0);
    let mut i = thread::thread_idx_x() as usize;
    while let Some(block_loss) = block_loss.get(i) {
        sums.0 += block_loss;
        sums.1 += block_n_correct.get(i).copied().unwrap_or(0);
        i += N_THREADS as usize;
    }

    // SAFETY: the loop has ended for all threads of the block, and a block has `N_THREADS`.
    let sums = unsafe { block_sum(sums.0, sums.1) };
    // Only thread 0 has an element, and only thread 0 has the sums.
    if let (Some(loss), Some(n_correct)) = (loss.get_mut(), n_correct.get_mut()) {
        *loss = scale * sums.0;
        *n_correct = sums.1;
    }
}

/// `classes[i]`: the class of the largest of row `i` of `logits`; overwrites `classes`.
///
/// The first of equal ones counts, and a NaN counts as larger than any number.
///
/// Shapes: `logits` `[B, C]` with C at least 1, `classes` `[B]`.
/// Launch: along x, blocks of [`N_THREADS`] threads; a warp works on a row as in
/// [`softmax_cross_entropy`](struct@softmax_cross_entropy).
/// Cost: `4 B C` bytes.
///
/// # Panics
///
/// If `logits` is shorter than its shape.
#[kernel]
pub fn predictions(logits: &[f32], n_classes: u32, mut classes: DisjointSlice<u32>) {
    let n_classes = n_classes as usize;
    let mut row_idx = first_row();
    while row_idx < classes.len() {
        let row = &logits[row_idx * n_classes..][..n_classes];
        // SAFETY: the whole warp works on this row.
        let largest = unsafe { largest(row) };
        if lane_id() == 0 {
            // SAFETY: lane 0 of the warp that works on this row.
            if let Some(class) = unsafe { classes.get_mut(row_idx) } {
                *class = largest.idx;
            }
        }
        row_idx += row_stride();
    }
}

/// The row that this thread's warp works on first.
#[inline(always)]
fn first_row() -> usize {
    (thread::index_1d() / WARP_SIZE) as usize
}

/// How far it is from there to the next.
#[inline(always)]
fn row_stride() -> usize {
    (thread::grid_dim_x() * N_ROWS_PER_BLOCK as u32) as usize
}

/// Stores what thread 0 has summed as that of its block.
#[inline(always)]
fn store_block_sums<T>(sums: &mut DisjointSlice<T>, sum: T) {
    if thread::thread_idx_x() == 0 {
        // SAFETY: one thread of each block writes that block's entry.
        if let Some(block_sum) = unsafe { sums.get_mut(thread::block_idx_x() as usize) } {
            *block_sum = sum;
        }
    }
}

/// The largest number of a row and where it stands.
#[derive(Clone, Copy)]
struct Largest {
    key: u32,
    idx: u32,
}

impl Largest {
    #[inline(always)]
    fn value(self) -> f32 {
        number(self.key)
    }
}

/// The first of the largest numbers of `row`; a NaN is larger than any number.
///
/// # Safety
///
/// - All lanes of the warp call it together, with the same `row`.
#[inline(always)]
unsafe fn largest(row: &[f32]) -> Largest {
    let mut largest = Largest { key: 0, idx: 0 };
    for_each_of_lane(row.len(), |idx| {
        let key = order_key(row[idx]);
        if key > largest.key {
            largest = Largest {
                key,
                idx: idx as u32,
            };
        }
    });
    // SAFETY: all lanes are here.
    unsafe {
        let key = warp_reduce(largest.key, u32::max);
        let idx = if largest.key == key {
            largest.idx
        } else {
            u32::MAX
        };
        Largest {
            key,
            idx: warp_reduce(idx, u32::min),
        }
    }
}

/// A number above 0 that is larger for a larger `x`, equal for -0 and 0, and largest for NaN.
#[inline(always)]
fn order_key(x: f32) -> u32 {
    // Adding 0 makes -0 positive.
    let bits = (x + 0.0).to_bits();
    if x.is_nan() {
        u32::MAX
    } else if bits >> 31 == 0 {
        bits | 0x8000_0000
    } else {
        !bits
    }
}

/// The number with this key.
#[inline(always)]
fn number(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 0 {
        !key
    } else {
        key & 0x7fff_ffff
    })
}
