//! What samples say of a logistic model.

use cuda_std::prelude::*;
use cuda_std::warp::{WARP_SIZE, lane_id};

use super::write;
use crate::reduce::{for_each_of_lane, warp_reduce};

pub use crate::reduce::N_THREADS;

/// Terms of the series of `e^r`: with `|r| <= ln 2 / 2` the next one is below 10⁻¹⁷.
pub const N_EXP: usize = 14;
/// Terms of the series of `ln (1 + e)`: with `e <= 1` the next one is below 10⁻¹⁸.
pub const N_LN: usize = 18;
/// `1 / k!`.
pub const FACTORIALS: [f64; N_EXP] = {
    let mut result = [1.0; N_EXP];
    let mut k = 1;
    while k < N_EXP {
        result[k] = result[k - 1] / k as f64;
        k += 1;
    }
    result
};
/// `1 / (2 k + 1)`.
pub const ODD: [f64; N_LN] = {
    let mut result = [1.0; N_LN];
    let mut k = 1;
    while k < N_LN {
        result[k] = 1.0 / (2 * k + 1) as f64;
        k += 1;
    }
    result
};

/// A polynomial, by Horner's rule.
#[inline(always)]
fn polynomial<const N: usize>(coefficients: &[f64; N], x: f64) -> f64 {
    let mut sum = 0.0;
    for k in (0..N).rev() {
        sum = f64::mul_add(sum, x, coefficients[k]);
    }
    sum
}

/// `e^-a` for `a >= 0`; 0 beyond 708, where it is below 10⁻³⁰⁷. In double precision, `GpuFloat`'s has branches
/// that keep numbers in local memory.
#[inline(always)]
fn exp_minus(a: f64) -> f64 {
    // What rounding takes from ln 2.
    const LN_2_REST: f64 = 2.319_046_813_846_299_6e-17;
    if a > 708.0 {
        return 0.0;
    }
    // e^-a = 2^-n e^r with r = n ln 2 - a.
    let n = (a * core::f64::consts::LOG2_E + 0.5) as u64;
    let factor = n as f64;
    let r = factor.mul_add(core::f64::consts::LN_2, -a);
    let r = factor.mul_add(LN_2_REST, r);
    polynomial(&FACTORIALS, r) * f64::from_bits((1023 - n) << 52)
}

/// `ln (1 + e)` for `e` from 0 to 1: `2 artanh s` with `s = e / (2 + e)`.
#[inline(always)]
fn ln_1_plus(e: f64) -> f64 {
    let s = e / (2.0 + e);
    2.0 * s * polynomial(&ODD, s * s)
}

/// Of a sample with the score `z` and the target `y`, 0 or 1: the loss `ln(1 + e^z) - y z`, and its first and
/// second derivative by the score, `p - y` and `p (1 - p)` with `p = 1 / (1 + e^-z)`. Overflows nowhere.
#[inline(always)]
pub fn of_score(z: f64, y: f64) -> [f64; 3] {
    // At most 1, whatever the score is.
    let e = exp_minus(GpuFloat::abs(z));
    let larger = 1.0 / (1.0 + e);
    let p = if z >= 0.0 { larger } else { e * larger };
    let loss = f64::max(z, 0.0) - y * z + ln_1_plus(e);
    [loss, p - y, e * larger * larger]
}

/// The [`of_score`] of each row's score, `z = Σ parameters[j] table[i, j]`: overwrites `losses`, `slopes` and
/// `curvatures`.
///
/// Shapes: `table` `[N, D]`, `targets` `[N]`, `parameters` `[D]`, the outputs `[N]`.
/// Launch: along x, a warp for each row, in blocks of [`N_THREADS`] threads.
/// Cost: `8 N (D + 4)` bytes, `2 N D` operations, an exponential and a logarithm for each row.
///
/// # Panics
///
/// If `table` or `targets` is shorter than its shape.
#[kernel]
pub fn score_samples(
    table: &[f64],
    targets: &[f64],
    parameters: &[f64],
    mut losses: DisjointSlice<f64>,
    mut slopes: DisjointSlice<f64>,
    mut curvatures: DisjointSlice<f64>,
) {
    let n = parameters.len();
    let row_idx = (thread::index_1d() / WARP_SIZE) as usize;
    if row_idx >= losses.len() {
        return;
    }
    let row = &table[row_idx * n..][..n];
    let mut score = 0.0;
    for_each_of_lane(n, |idx| score = row[idx].mul_add(parameters[idx], score));
    // SAFETY: the whole warp works on this row.
    let score = unsafe { warp_reduce(score, |a, b| a + b) };
    if lane_id() == 0 {
        let [loss, slope, curvature] = of_score(score, targets[row_idx]);
        // SAFETY: one lane of each warp writes that warp's entries.
        unsafe {
            write(&mut losses, row_idx, loss);
            write(&mut slopes, row_idx, slope);
            write(&mut curvatures, row_idx, curvature);
        }
    }
}
