//! What many samples say of a logistic model, in the lanes of vectors.

use std::ops::Range;

use gpu::fundamentals::logistic_regression::{FACTORIALS, ODD};
use pulp::{Simd, WithSimd};

use super::super::scatter::{N_ROWS, Weigh, Weights};
use crate::simd::sum_of_lanes;

/// Rows `[N, D]` with targets `[N]`, and parameters `[D]`.
pub struct Scores<'a> {
    rows: &'a [f64],
    targets: &'a [f64],
    parameters: &'a [f64],
    losses: [f64; N_ROWS],
}

impl<'a> Scores<'a> {
    /// Of rows whose losses are yet to be added up.
    pub fn new(rows: &'a [f64], targets: &'a [f64], parameters: &'a [f64]) -> Self {
        Scores {
            rows,
            targets,
            parameters,
            losses: [0.0; N_ROWS],
        }
    }

    /// The sum of the losses.
    pub fn loss(&self) -> f64 {
        sum_of_lanes(self.losses)
    }
}

/// Weighs rows with the derivatives by their scores in the sums, and the second derivatives in the products, and adds
/// their losses.
impl Weigh for Scores<'_> {
    fn weigh(&mut self, rows: Range<usize>, weights: &mut Weights) {
        pulp::Arch::new().dispatch(Group {
            scores: self,
            rows,
            weights,
        });
    }
}

/// Some rows that are weighed.
struct Group<'a, 'b> {
    scores: &'b mut Scores<'a>,
    rows: Range<usize>,
    weights: &'b mut Weights,
}

impl WithSimd for Group<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Scores {
            rows,
            targets,
            parameters,
            losses,
        } = self.scores;
        let n = parameters.len();
        let n_rows = self.rows.len();
        let rows = &rows[self.rows.start * n..self.rows.end * n];
        let mut scores = [0.0; N_ROWS];
        for (score, row) in scores.iter_mut().zip(rows.chunks_exact(n)) {
            *score = score_of(simd, row, parameters);
        }
        let mut labels = [0.0; N_ROWS];
        labels[..n_rows].copy_from_slice(&targets[self.rows]);
        let mut of_group = [0.0; N_ROWS];
        let Weights {
            of_sums,
            of_products,
        } = self.weights;
        let results = of_sums.iter_mut().zip(of_products);
        let samples = scores.iter().zip(&labels);
        for (((z, y), loss), (slope, curvature)) in samples.zip(&mut of_group).zip(results) {
            [*loss, *slope, *curvature] = of_score(*z, *y);
        }
        let of_rows = losses.iter_mut().zip(&of_group[..n_rows]);
        of_rows.for_each(|(sum, loss)| *sum += loss);
    }
}

/// `Σ w x`.
#[inline(always)]
fn score_of<S: Simd>(simd: S, row: &[f64], parameters: &[f64]) -> f64 {
    let (x, x_rest) = S::as_simd_f64s(row);
    let (w, w_rest) = S::as_simd_f64s(parameters);
    // The rest takes as long as several vectors.
    let mut sum = match w_rest {
        [] => simd.splat_f64s(0.0),
        _ => simd.mul_f64s(
            simd.partial_load_f64s(x_rest),
            simd.partial_load_f64s(w_rest),
        ),
    };
    for (&x, &w) in x.iter().zip(w) {
        sum = simd.mul_add_e_f64s(x, w, sum);
    }
    simd.reduce_sum_f64s(sum)
}

/// The same as [`of_score`](super::of_score), without a branch or a function of a library, so that loops over it
/// become vector code.
#[inline(always)]
fn of_score(z: f64, y: f64) -> [f64; 3] {
    let e = exp_minus(z.abs());
    let larger = 1.0 / (1.0 + e);
    let smaller = e * larger;
    let p = if z >= 0.0 { larger } else { smaller };
    let positive = if z < 0.0 { 0.0 } else { z };
    [positive - y * z + ln_1_plus(e), p - y, smaller * larger]
}

/// `e^-a` for `a >= 0`; 0 beyond 708, where it is below 10⁻³⁰⁷. NaN stays NaN.
#[inline(always)]
fn exp_minus(a: f64) -> f64 {
    // Adding 1.5 · 2⁵² leaves no room for a fraction: the sum is rounded to an integer, which is then also found in
    // its lowest bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    // ln 2 in two parts, of which n times the first has no rounding error.
    const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let x = if a > 708.0 { -708.0 } else { -a };
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let power_of_two = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52));
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let result = power_of_two * polynomial(&FACTORIALS, r);
    if a > 708.0 { 0.0 } else { result }
}

/// `ln (1 + e)` for `e` from 0 to 1: `2 artanh s` with `s = e / (2 + e)`.
#[inline(always)]
fn ln_1_plus(e: f64) -> f64 {
    let s = e / (2.0 + e);
    2.0 * s * polynomial(&ODD, s * s)
}

/// By Horner's rule; fused, which is one instruction where vectors are wide.
#[inline(always)]
fn polynomial<const N: usize>(coefficients: &[f64; N], x: f64) -> f64 {
    let mut sum = coefficients[N - 1];
    for &coefficient in coefficients[..N - 1].iter().rev() {
        sum = sum.mul_add(x, coefficient);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_says_the_same_as_by_the_functions_of_the_library() {
        let numbers = (-8000..=8000).map(|i| f64::from(i) * 0.1);
        let small = (-300..0).map(|exponent| 10.0_f64.powi(exponent));
        for z in numbers.chain(small).chain([0.0, -0.0, 1e300, -1e300]) {
            for y in [0.0, 1.0] {
                let expected = super::super::of_score(z, y);
                for (a, b) in of_score(z, y).into_iter().zip(expected) {
                    // A few roundings each, and 0 for what is below 10⁻³⁰⁷.
                    let limit = 8.0 * f64::EPSILON * b.abs() + 1e-307;
                    assert!((a - b).abs() <= limit, "{z} {y}: {a}, not {b}");
                }
            }
        }
        assert!(of_score(f64::NAN, 0.0).iter().all(|x| x.is_nan()));
    }
}
