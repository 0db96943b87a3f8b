//! What the methods on matrices share: products and lengths of vectors, and scales that do not round.

use crate::simd::sum_of_lanes;
use crate::{Error, Result};

/// Lanes of a dot product: four of the widest vectors, so that additions need not wait for each other.
const N_LANES: usize = 32;

/// `Σ a b`, in lanes.
#[inline(always)]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; N_LANES];
    let (a_chunks, a_rest) = a.as_chunks::<N_LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<N_LANES>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let of_rest = a_rest.iter().zip(b_rest).map(|(a, b)| a * b);
    sum_of_lanes(sums) + of_rest.sum::<f64>()
}

/// `√(Σ x²)`.
#[inline(always)]
pub fn length(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

/// `y += factor x`.
#[inline(always)]
pub fn add_multiple(factor: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}

/// The `e` for which `2⁻ᵉ` brings the largest of these numbers between 1/2 and 1, so that no square of them
/// overflows, and none that counts vanishes; 0 if all are zeros.
pub fn exponent(numbers: &[f64]) -> i32 {
    let largest = numbers.iter().fold(0.0_f64, |max, x| max.max(x.abs()));
    libm::frexp(largest).1
}

/// Multiplies by `2ᵉ`, which rounds only what becomes smaller than `2⁻¹⁰²²`.
pub fn scale(numbers: &mut [f64], exponent: i32) {
    if exponent != 0 {
        for number in numbers {
            *number = libm::scalbn(*number, exponent);
        }
    }
}

/// # Errors
///
/// [`Error::Input`] if one of these numbers is infinite or NaN.
pub fn refuse_what_is_not_finite(what: &str, numbers: &[f64]) -> Result<()> {
    match numbers.iter().find(|number| !number.is_finite()) {
        Some(number) => Err(Error::Input(format!(
            "{what}: it holds {number}, expected finite numbers"
        ))),
        None => Ok(()),
    }
}

/// # Errors
///
/// [`Error::Input`] if a matrix has not as many numbers as its shape, or some that are not finite.
pub fn check_matrix(a: &[f64], [n_rows, n_columns]: [usize; 2]) -> Result<()> {
    if n_rows.checked_mul(n_columns) != Some(a.len()) {
        return Err(Error::Input(format!(
            "the matrix has {} numbers, expected {n_rows} rows of {n_columns}",
            a.len()
        )));
    }
    refuse_what_is_not_finite("the matrix", a)
}

/// The first of some numbers, to be shown.
pub fn first_of(numbers: &[f64]) -> String {
    const MAX_SHOWN: usize = 6;
    let first = numbers.iter().take(MAX_SHOWN);
    let mut shown: Vec<String> = first.map(|&number| show(number)).collect();
    if numbers.len() > MAX_SHOWN {
        shown.push("...".to_owned());
    }
    shown.join(", ")
}

/// A number with six digits behind its point, with an exponent where these would not do.
pub fn show(number: f64) -> String {
    match number.abs() {
        0.0 | 1e-4..1e9 => format!("{number:.6}"),
        _ => format!("{number:.6e}"),
    }
}
