//! What loops over vectors share: sums and maxima in lanes, functions without branches, rows that are
//! brought into lanes, and reading ahead.
//!
//! A compiler may not reorder what is added up, so that one number after the other would wait for the one before;
//! and it makes no vectors of a loop that calls a function of a library.
//! What is here is compiled for wide vectors where it is inlined into code that is.

mod lanes;

use std::ops::AddAssign;

pub(crate) use lanes::Lanes;

/// Lanes of a sum of `f32`: two of the widest vectors, so that additions need not wait for each other.
const N_LANES: usize = 32;

/// The sum of what `term`, which has to be `#[inline(always)]`, gives for the elements of two arrays.
#[inline(always)]
pub(crate) fn sum(first: &[f32], second: &[f32], term: impl Fn(f32, f32) -> f32) -> f64 {
    let mut sums = [0.0_f32; N_LANES];
    let (first_chunks, first_rest) = first.as_chunks::<N_LANES>();
    let (second_chunks, second_rest) = second.as_chunks::<N_LANES>();
    for (first, second) in first_chunks.iter().zip(second_chunks) {
        for (sum, (first, second)) in sums.iter_mut().zip(first.iter().zip(second)) {
            *sum += term(*first, *second);
        }
    }
    let rest = first_rest.iter().zip(second_rest);
    let sum = rest.fold(sum_of_lanes(sums), |sum, (first, second)| {
        sum + term(*first, *second)
    });
    f64::from(sum)
}

/// The largest number that is one, `-∞` if there is none: a NaN does not count.
#[inline(always)]
pub(crate) fn largest(x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; N_LANES];
    let (chunks, rest) = x.as_chunks::<N_LANES>();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, x);
        }
    }
    let of_lanes = reduce(lanes, larger);
    rest.iter().fold(of_lanes, |max, &x| larger(max, x))
}

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// The sum of lanes, of which there are a power of two.
#[inline(always)]
pub(crate) fn sum_of_lanes<T: Copy + AddAssign, const N: usize>(lanes: [T; N]) -> T {
    reduce(
        lanes,
        #[inline(always)]
        |mut a, b| {
            a += b;
            a
        },
    )
}

/// Halves onto halves, which are vectors as well.
#[inline(always)]
fn reduce<T: Copy, const N: usize>(mut lanes: [T; N], combine: impl Fn(T, T) -> T) -> T {
    const { assert!(N.is_power_of_two()) };
    let mut half = N / 2;
    while half > 0 {
        let (front, back) = lanes.split_at_mut(half);
        for (one, other) in front.iter_mut().zip(back) {
            *one = combine(*one, *other);
        }
        half /= 2;
    }
    lanes[0]
}

/// `e^x` without a branch or a table, so that loops over it become vector code.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Beyond these bounds the result is 0 or infinite. NaN stays NaN.
    let (power_of_two, remainder) = split_exponential(0.5 * x.clamp(-104.0, 89.0));
    let root = power_of_two * remainder + power_of_two;
    root * root
}

/// `(2^n, e^r - 1)` with `x = n ln 2 + r` and `|r| <= ln(2) / 2`, for `|x| < 80`.
#[inline(always)]
pub(crate) fn split_exponential(x: f32) -> (f32, f32) {
    // Adding 1.5 · 2^23 leaves no room for a fraction: the sum is rounded to an integer, which is
    // then also found in its lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts, of which n times the first has no rounding error.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let power_of_two = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    // The Taylor series; its next term is below 1e-8 of the sum.
    let series = [
        1.0 / 5040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0_f32,
    ];
    let remainder = r * series
        .iter()
        .skip(1)
        .fold(series[0], |sum, term| sum * r + term);
    (power_of_two, remainder)
}

/// `sin x` and `cos x` without a branch or a table, to a few units of `2⁻²⁴`, for `|x|` up to 8192.
#[inline(always)]
pub(crate) fn sin_cos(x: f32) -> [f32; 2] {
    // As above: the sum is rounded to an integer, which is then also found in its lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // π/2 in three parts, of which n times the first two have no rounding error for as many quarters.
    const QUARTER_HIGH: f32 = 1.570_312_5;
    const QUARTER_MIDDLE: f32 = 4.837_513e-4;
    const QUARTER_LOW: f32 = 7.549_79e-8;
    let shifted = x * std::f32::consts::FRAC_2_PI + ROUND;
    let n = shifted - ROUND;
    let r = ((x - n * QUARTER_HIGH) - n * QUARTER_MIDDLE) - n * QUARTER_LOW;
    // The Taylor series for |r| <= π/4; their next terms are below 2e-9.
    let r2 = r * r;
    let sin = [1.0 / 362_880.0, -1.0 / 5040.0, 1.0 / 120.0, -1.0 / 6.0];
    let sin = r + r * r2 * sin.iter().skip(1).fold(sin[0], |sum, term| sum * r2 + term);
    let cos = [1.0 / 40_320.0, -1.0 / 720.0, 1.0 / 24.0, -0.5];
    let cos = 1.0 + r2 * cos.iter().skip(1).fold(cos[0], |sum, term| sum * r2 + term);
    // By whole quarters: swapped after one, negative after two.
    let quarters = shifted.to_bits();
    let [s, c] = if quarters & 1 == 0 {
        [sin, cos]
    } else {
        [cos, sin]
    };
    let sign_of_sin = (quarters & 2) << 30;
    let sign_of_cos = (quarters.wrapping_add(1) & 2) << 30;
    [
        f32::from_bits(s.to_bits() ^ sign_of_sin),
        f32::from_bits(c.to_bits() ^ sign_of_cos),
    ]
}

/// Exchanges the rows and columns of a square.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn transpose(square: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    use std::arch::x86_64::{_mm_movehl_ps, _mm_movelh_ps, _mm_unpackhi_ps, _mm_unpacklo_ps};

    let [a, b, c, d] = bytemuck::must_cast(square);
    // SAFETY: every CPU of this architecture has SSE.
    let columns = unsafe {
        let (ab, cd) = (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d));
        let (ab_high, cd_high) = (_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d));
        [
            _mm_movelh_ps(ab, cd),
            _mm_movehl_ps(cd, ab),
            _mm_movelh_ps(ab_high, cd_high),
            _mm_movehl_ps(cd_high, ab_high),
        ]
    };
    bytemuck::must_cast(columns)
}

/// Exchanges the rows and columns of a square.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(crate) fn transpose(square: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    std::array::from_fn(|i| square.map(|row| row[i]))
}

/// Asks for bytes that will be read soon.
#[inline(always)]
pub(crate) fn prefetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(64) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: SSE is part of the architecture, and a prefetch has no effect that can be seen.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_and_the_rest_are_summed() {
        for n in [0, 1, 31, 32, 33, 100] {
            let x: Vec<f32> = (0..n).map(|i| i as f32).collect();
            // Whole numbers, so that every order is exact.
            assert_eq!(sum(&x, &x, |a, b| a + b), (n * (n.max(1) - 1)) as f64);
        }
    }

    #[test]
    fn sines_and_cosines_are_those_of_the_library() {
        let places = (-80_000..=80_000).map(|i| i as f32 * 0.1);
        let small = (-40..0).map(|exponent| 10.0_f32.powi(exponent));
        for x in places.chain(small) {
            let [sin, cos] = sin_cos(x).map(f64::from);
            let (exact_sin, exact_cos) = f64::from(x).sin_cos();
            let error = (sin - exact_sin).abs().max((cos - exact_cos).abs());
            assert!(error <= 2e-7, "{x}: {error:e}");
        }
        assert_eq!(sin_cos(0.0), [0.0, 1.0]);
        for x in [f32::NAN, f32::INFINITY] {
            assert!(sin_cos(x).iter().all(|y| y.is_nan()), "{x}");
        }
    }

    #[test]
    fn the_largest_is_found_wherever_it_is() {
        assert_eq!(largest(&[]), f32::NEG_INFINITY);
        for n in [1, 31, 32, 33, 100] {
            for place in 0..n {
                let mut x = vec![-2.0; n];
                x[(place + 1) % n] = f32::NAN;
                x[place] = -1.0;
                assert_eq!(largest(&x), -1.0, "{place} of {n}");
            }
        }
    }
}
