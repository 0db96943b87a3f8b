//! What loops over vectors share: sums and maxima in lanes, and reading ahead.
//!
//! A compiler may not reorder what is added up, so that one number after the other would wait for the one before.
//! What is here is compiled for wide vectors where it is inlined into code that is.

use std::ops::AddAssign;

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
