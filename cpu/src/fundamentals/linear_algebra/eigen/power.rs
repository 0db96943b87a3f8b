//! The power iteration: the eigenvalue of a symmetric matrix that is the largest in size.

use gpu::fundamentals::eigen;
use rayon::prelude::*;

use super::super::vectors::{self, dot, length};
use super::jacobi::scaled;
use crate::backend::CudaBackend;
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::fundamentals::harness;
use crate::{Error, Result};

/// Iterations of a device between two looks at its residual, for which the host waits.
const N_BETWEEN_LOOKS: usize = 16;

/// An eigenvalue and its vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Dominant {
    /// The eigenvalue.
    pub value: f64,
    /// Its vector, of length 1.
    pub vector: Vec<f64>,
    /// `|A v - λ v| / |λ|`: an eigenvalue is at most as far from `value`, as a share of it.
    pub residual: f64,
    /// Products with the matrix.
    pub n_iterations: usize,
}

/// The eigenvalue of a symmetric matrix `[n, n]` that is the largest in size, from a vector `begin` that is
/// not orthogonal to its eigenvector.
///
/// # Errors
///
/// [`Error::Input`] if the matrix is empty, not finite or not symmetric, `begin` is zero or has another
/// size, or the iteration has not come to rest after `max_iterations`.
pub fn power_iteration(
    a: &[f64],
    n: usize,
    begin: &[f64],
    max_iterations: usize,
) -> Result<Dominant> {
    iterate(a, n, begin, max_iterations, |a, x, y| {
        for (row, y) in a.chunks(n).zip(y) {
            *y = row.iter().zip(x).map(|(a, x)| a * x).sum();
        }
    })
}

/// The same, on all threads, with vectors.
///
/// # Errors
///
/// As [`power_iteration`].
pub fn power_iteration_with_threads(
    a: &[f64],
    n: usize,
    begin: &[f64],
    max_iterations: usize,
) -> Result<Dominant> {
    // What a thread takes has to pay for its waking.
    const ELEMENTS_PER_PART: usize = 1 << 15;
    iterate(a, n, begin, max_iterations, |a, x, y| {
        let rows = a.par_chunks(n).zip(y);
        let rows = rows.with_min_len(ELEMENTS_PER_PART.div_ceil(n));
        rows.for_each(|(row, y)| {
            *y = harness::vectorized(
                #[inline(always)]
                || dot(row, x),
            );
        });
    })
}

fn iterate(
    a: &[f64],
    n: usize,
    begin: &[f64],
    max_iterations: usize,
    product: impl Fn(&[f64], &[f64], &mut [f64]),
) -> Result<Dominant> {
    let (a, exponent) = scaled(a, n)?;
    let mut x = unit(begin, n)?;
    let mut y = vec![0.0; n];
    let mut residual = f64::NAN;
    for n_iterations in 1..=max_iterations {
        product(&a, &x, &mut y);
        let value = dot(&x, &y);
        let differences = y.iter().zip(&x).map(|(y, x)| y - value * x);
        residual = differences.map(|d| d * d).sum::<f64>().sqrt();
        if residual <= limit(n) * value.abs() {
            return dominant(x, value, residual, exponent, n_iterations);
        }
        let size = length(&y);
        for (x, y) in x.iter_mut().zip(&y) {
            *x = y / size;
        }
    }
    Err(restless(max_iterations, residual))
}

/// The same, on a device.
///
/// # Errors
///
/// As [`power_iteration`], and if the device fails.
pub fn power_iteration_on_device(
    device: &CudaBackend,
    a: &[f64],
    n: usize,
    begin: &[f64],
    max_iterations: usize,
) -> Result<Dominant> {
    let (a, exponent) = scaled(a, n)?;
    let a = device.upload(&a)?;
    let mut x = device.upload(&unit(begin, n)?)?;
    let mut y = device.zeroed(n)?;
    let mut result = device.zeroed(2)?;
    let mut residual = f64::NAN;
    for n_iterations in 1..=max_iterations {
        launch(device, &a, &mut x, &mut y, &mut result)?;
        if n_iterations % N_BETWEEN_LOOKS != 0 && n_iterations != max_iterations {
            continue;
        }
        let read = device.download(&result, 2)?;
        residual = read[1];
        if residual <= limit(n) * read[0].abs() {
            let x = device.download(&x, n)?;
            return dominant(x, read[0], residual, exponent, n_iterations);
        }
    }
    Err(restless(max_iterations, residual))
}

fn launch(
    device: &CudaBackend,
    a: &Buffer<f64>,
    x: &mut Buffer<f64>,
    y: &mut Buffer<f64>,
    result: &mut Buffer<f64>,
) -> Result<()> {
    let check = Operation("power_iteration");
    let n = y.len();
    let arguments = eigen::power_product {
        a: check.argument("a", a, &[n, n])?,
        x: check.argument("x", x, &[n])?,
        y: check.argument_mut("y", y, &[n])?,
    };
    // SAFETY: a warp for each row.
    unsafe { device.launch(check.warps(n, eigen::N_THREADS)?, arguments)? };
    let arguments = eigen::power_normalize {
        y: check.argument("y", y, &[n])?,
        x: check.argument_mut("x", x, &[n])?,
        result: check.argument_mut("result", result, &[2])?,
    };
    // SAFETY: one block.
    unsafe { device.launch(check.blocks(1, eigen::N_THREADS)?, arguments) }
}

/// The share of the eigenvalue at which the residual is at rest: rounding leaves `n u` of it.
fn limit(n: usize) -> f64 {
    (n as f64 * f64::EPSILON).max(1e-12)
}

/// A vector of length 1.
fn unit(begin: &[f64], n: usize) -> Result<Vec<f64>> {
    if n == 0 {
        return Err(Error::Input(
            "an empty matrix has no eigenvalue: expected at least one row".to_owned(),
        ));
    }
    if begin.len() != n || begin.iter().all(|&x| x == 0.0) {
        return Err(Error::Input(format!(
            "the iteration begins with {} numbers: expected {n}, not all of them 0",
            begin.len()
        )));
    }
    vectors::refuse_what_is_not_finite("the first vector", begin)?;
    let mut x = begin.to_vec();
    vectors::scale(&mut x, -vectors::exponent(begin));
    let size = length(&x);
    x.iter_mut().for_each(|x| *x /= size);
    Ok(x)
}

fn dominant(
    vector: Vec<f64>,
    value: f64,
    residual: f64,
    exponent: i32,
    n_iterations: usize,
) -> Result<Dominant> {
    Ok(Dominant {
        value: libm::scalbn(value, exponent),
        vector,
        residual: if residual == 0.0 {
            0.0
        } else {
            residual / value.abs()
        },
        n_iterations,
    })
}

fn restless(max_iterations: usize, residual: f64) -> Error {
    Error::Input(format!(
        "the power iteration has not come to rest after {max_iterations} iterations, its residual is \
         {residual:.1e}: the two largest eigenvalues are of nearly the same size; take more --iterations"
    ))
}
