//! Integrals by sums: trapezoid, Simpson, Gauss and Legendre, Monte Carlo.
//!
//! `∫ f` over `[a, b]`, with `n` intervals of length `h = (b - a) / n`:
//!
//! | rule              | places  | error                           |
//! |-------------------|---------|---------------------------------|
//! | trapezoid         | `n + 1` | `(b - a) h²/12 max|f''|`        |
//! | midpoint          | `n`     | `(b - a) h²/24 max|f''|`        |
//! | Simpson           | `n + 1` | `(b - a) h⁴/180 max|f''''|`     |
//! | Gauss-Legendre    | `n`     | exact for degree `2 n - 1`      |
//! | Monte Carlo       | `n`     | `(b - a) σ / √n`, at random     |
//!
//! Gauss and Legendre's places are the roots of the Legendre polynomial `Pₙ`, its weights
//! `2 / ((1 - x²) Pₙ'(x)²)`; the roots are found by Newton's method from `cos(π (i - 1/4) / (n + 1/2))`. For
//! a function as smooth as this one, `e^(-x²)`, 20 of them give all digits of `f64`. Monte Carlo's error
//! does not depend on the number of dimensions; in one it is the slowest of all.
//!
//! **Caveats.** The bounds need derivatives: at a kink or a pole rules of high order lose theirs. Sums of
//! many terms round (see [`sums`](crate::fundamentals::basics::sums)); the device adds up in `f32`.
//!
//! Source: Davis and Rabinowitz, "Methods of Numerical Integration" (1984).

use clap::Args;
use gpu::fundamentals::integration::{self, MAX_BLOCKS, N_THREADS};
use rand::{Rng, RngExt};
use rayon::prelude::*;

use crate::backend::CudaBackend;
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::fundamentals::{Algorithm, Harness, Work, harness};
use crate::{Error, Result};

/// Places of the rule of Gauss and Legendre.
const N_NODES: usize = 20;
/// Places that a thread takes at a time.
const N_PER_PART: u32 = 1 << 14;

/// The options of `integration`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Where the integral of e^(-x²) begins, from -20 to 20
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    from: f64,

    /// Where it ends, from -20 to 20
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 2.0,
        allow_negative_numbers = true
    )]
    to: f64,

    /// How many places the function is taken at, by the rules with many of them
    #[arg(long, value_name = "N", default_value_t = 1 << 22, value_parser = clap::value_parser!(u32).range(2..=1 << 30))]
    n: u32,
}

/// The trapezoid rule with `n` intervals.
pub fn trapezoid(f: impl Fn(f64) -> f64, a: f64, b: f64, n: u32) -> f64 {
    let h = (b - a) / f64::from(n);
    let inner: f64 = (1..n).map(|i| f(a + f64::from(i) * h)).sum();
    h * ((f(a) + f(b)) / 2.0 + inner)
}

/// The midpoint rule with `n` intervals.
pub fn midpoint(f: impl Fn(f64) -> f64, a: f64, b: f64, n: u32) -> f64 {
    let h = (b - a) / f64::from(n);
    let sum: f64 = (0..n).map(|i| f(a + (f64::from(i) + 0.5) * h)).sum();
    h * sum
}

/// Simpson's rule with `n` intervals, an even number; of an odd one the next.
pub fn simpson(f: impl Fn(f64) -> f64, a: f64, b: f64, n: u32) -> f64 {
    let n = n.next_multiple_of(2);
    let h = (b - a) / f64::from(n);
    let inner: f64 = (1..n)
        .map(|i| {
            let weight = if i % 2 == 1 { 4.0 } else { 2.0 };
            weight * f(a + f64::from(i) * h)
        })
        .sum();
    h / 3.0 * (f(a) + f(b) + inner)
}

/// Places and weights of the rule of Gauss and Legendre on `[-1, 1]`.
pub fn gauss_legendre_nodes(n: usize) -> Vec<[f64; 2]> {
    (1..=n)
        .map(|i| {
            let mut x = (std::f64::consts::PI * (i as f64 - 0.25) / (n as f64 + 0.5)).cos();
            let mut slope = 1.0;
            // Quadratic from so good a beginning: five steps are more than it takes.
            for _ in 0..8 {
                let (mut before, mut value) = (0.0, 1.0);
                for k in 1..=n {
                    let k = k as f64;
                    (before, value) = (
                        value,
                        ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k,
                    );
                }
                slope = n as f64 * (x * value - before) / (x * x - 1.0);
                x -= value / slope;
            }
            [x, 2.0 / ((1.0 - x * x) * slope * slope)]
        })
        .collect()
}

/// The rule of Gauss and Legendre with `n` places.
pub fn gauss_legendre(f: impl Fn(f64) -> f64, a: f64, b: f64, n: usize) -> f64 {
    let (middle, half) = ((a + b) / 2.0, (b - a) / 2.0);
    let terms = gauss_legendre_nodes(n).into_iter();
    half * terms
        .map(|[x, weight]| weight * f(middle + half * x))
        .sum::<f64>()
}

/// An estimate, and its standard deviation as the drawn values tell it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The integral.
    pub value: f64,
    /// Its standard deviation.
    pub deviation: f64,
}

/// Of `n` values with these sums of values and of squares, over an interval of this length.
fn estimate(sum: f64, squares: f64, n: f64, length: f64) -> Estimate {
    let mean = sum / n;
    let variance = (squares / n - mean * mean).max(0.0);
    Estimate {
        value: length * mean,
        deviation: length.abs() * (variance / n).sqrt(),
    }
}

/// Monte Carlo with `n` random places.
pub fn monte_carlo(
    f: impl Fn(f64) -> f64,
    a: f64,
    b: f64,
    n: u32,
    random: &mut impl Rng,
) -> Estimate {
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..n {
        let y = f(a + (b - a) * random.random::<f64>());
        sum += y;
        squares += y * y;
    }
    estimate(sum, squares, n.into(), b - a)
}

/// The midpoint rule for `e^(-x²)` on all threads, with vectors: in `f32`, as the device computes it.
pub fn midpoint_threads(a: f64, b: f64, n: u32) -> f64 {
    let h = (b - a) / f64::from(n);
    let sum: f64 = (0..n.div_ceil(N_PER_PART))
        .into_par_iter()
        .map(|part| {
            harness::vectorized(
                #[inline(always)]
                || {
                    let begin = part * N_PER_PART;
                    let mut sums = [0.0_f32; 16];
                    for i in begin..n.min(begin + N_PER_PART) {
                        let x = (a + (f64::from(i) + 0.5) * h) as f32;
                        sums[i as usize % 16] += integration::function(x);
                    }
                    f64::from(sums.iter().sum::<f32>())
                },
            )
        })
        .collect::<Vec<f64>>()
        .iter()
        .sum();
    h * sum
}

/// The midpoint rule for `e^(-x²)` on a device.
///
/// # Errors
///
/// If the device fails.
pub fn midpoint_device(device: &CudaBackend, a: f64, b: f64, n: u32) -> Result<f64> {
    let mut sums = device.zeroed(n_blocks(n))?;
    launch_midpoint(device, [a, b], n, &mut sums)?;
    let [sum] = total(device, &sums)?;
    Ok((b - a) / f64::from(n) * sum)
}

/// Monte Carlo for `e^(-x²)` on a device, with at least `n` places.
///
/// # Errors
///
/// If the device fails.
pub fn monte_carlo_device(
    device: &CudaBackend,
    a: f64,
    b: f64,
    n: u32,
    seed: u64,
) -> Result<Estimate> {
    let mut sums = device.zeroed(2 * n_blocks(n))?;
    let n = launch_monte_carlo(device, [a, b], n, seed, &mut sums)?;
    let [sum, squares] = total(device, &sums)?;
    Ok(estimate(sum, squares, n, b - a))
}

fn n_blocks(n: u32) -> usize {
    n.div_ceil(N_THREADS).clamp(1, MAX_BLOCKS) as usize
}

fn launch_midpoint(
    device: &CudaBackend,
    [a, b]: [f64; 2],
    n: u32,
    sums: &mut Buffer<f32>,
) -> Result<()> {
    let n_blocks = sums.len();
    let arguments = integration::midpoint_sums {
        begin: a,
        step: (b - a) / f64::from(n),
        n,
        sums: sums.slice_mut(0..n_blocks),
    };
    let config = Operation("midpoint_sums").blocks(n_blocks, N_THREADS)?;
    // SAFETY: at most so many blocks, an entry for each.
    unsafe { device.launch(config, arguments) }
}

/// Returns how many places there are.
fn launch_monte_carlo(
    device: &CudaBackend,
    [a, b]: [f64; 2],
    n: u32,
    seed: u64,
    sums: &mut Buffer<f32>,
) -> Result<f64> {
    let n_blocks = sums.len() / 2;
    let n_threads = n_blocks as u32 * N_THREADS;
    let n_per_thread = n.div_ceil(n_threads);
    let arguments = integration::monte_carlo_sums {
        seed,
        begin: a as f32,
        length: (b - a) as f32,
        n_per_thread,
        sums: sums.slice_mut(0..2 * n_blocks),
    };
    let config = Operation("monte_carlo_sums").blocks(n_blocks, N_THREADS)?;
    // SAFETY: at most so many blocks, two entries for each.
    unsafe { device.launch(config, arguments)? };
    Ok(f64::from(n_threads) * f64::from(n_per_thread))
}

/// The sum over blocks of each of the `N` entries that a block has.
fn total<const N: usize>(device: &CudaBackend, sums: &Buffer<f32>) -> Result<[f64; N]> {
    let sums = device.download(sums, sums.len())?;
    let of = |idx: usize| {
        sums.iter()
            .skip(idx)
            .step_by(N)
            .map(|&x| f64::from(x))
            .sum()
    };
    Ok(std::array::from_fn(of))
}

/// The integral of `e^(-x²)`, by the error function.
pub fn exact(a: f64, b: f64) -> f64 {
    0.5 * std::f64::consts::PI.sqrt() * (libm::erf(b) - libm::erf(a))
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let (a, b, n) = (self.from, self.to, self.n);
        if !(a.abs() <= 20.0 && b.abs() <= 20.0) {
            return Err(Error::Input(format!(
                "--from {a} --to {b}: both are to be from -20 to 20, beyond which e^(-x²) is 0"
            )));
        }
        let f = |x: f64| (-x * x).exp();
        let exact = exact(a, b);
        harness.print(format_args!(
            "the integral of e^(-x²) from {a} to {b} is {exact:.15}"
        ))?;

        let length = (b - a).abs();
        let h = length / f64::from(n);
        // Rounding: one unit of each term, and of the sum for each of them.
        let rounding = |n: f64, unit: f64| length * (n + 4.0) * unit;
        let unit = f64::EPSILON;
        // |f''| is at most 2, |f''''| at most 12.
        let square = length * h * h / 6.0 + rounding(n.into(), unit);
        let fourth = length * h.powi(4) / 15.0 + rounding(n.into(), unit);
        let mut table = harness.table(Work {
            bytes: 0.0,
            // A place, its square, an exponential and a sum.
            operations: 5.0 * f64::from(n),
        });
        let mut results = vec![
            (
                "trapezoid",
                table.host("trapezoid, plain", || trapezoid(f, a, b, n)),
                square,
            ),
            (
                "midpoint",
                table.host("midpoint, plain", || midpoint(f, a, b, n)),
                square,
            ),
            (
                "Simpson",
                table.host("Simpson, plain", || simpson(f, a, b, n)),
                fourth,
            ),
        ];
        let in_f32 =
            square + length * f64::from(f32::EPSILON) * 20.0 * f64::from(N_PER_PART).sqrt();
        results.push((
            "midpoint, threads",
            table.host("midpoint, threads", || midpoint_threads(a, b, n)),
            in_f32,
        ));
        let mut random = harness.random();
        let drawn = table.host("Monte Carlo, plain", || {
            monte_carlo(f, a, b, n, &mut random)
        });
        let mut estimates = vec![("Monte Carlo", drawn)];
        if let Some(device) = harness.device() {
            let seed = harness.seed();
            let mut sums = device.zeroed(n_blocks(n))?;
            table.device("midpoint, GPU", device, || {
                launch_midpoint(device, [a, b], n, &mut sums)
            })?;
            results.push(("midpoint, GPU", midpoint_device(device, a, b, n)?, in_f32));
            let mut sums = device.zeroed(2 * n_blocks(n))?;
            let n_places = table.device("Monte Carlo, GPU", device, || {
                launch_monte_carlo(device, [a, b], n, seed, &mut sums)
            })?;
            let [sum, squares] = total(device, &sums)?;
            let drawn = estimate(sum, squares, n_places, b - a);
            estimates.push(("Monte Carlo, GPU", drawn));
        }
        // The 41st derivative's share of an interval as long as this one; 20 places are for 4.
        if length <= 4.0 {
            let value = gauss_legendre(f, a, b, N_NODES);
            results.push((
                "Gauss-Legendre, 20 places",
                value,
                rounding(N_NODES as f64, unit),
            ));
        }
        for (what, value, limit) in results {
            harness.check(what, (value - exact).abs(), limit)?;
        }
        for (what, estimate) in estimates {
            // Six deviations are one seed of 500 million; f32 rounds the device's sums.
            let limit = 6.0 * estimate.deviation + in_f32;
            harness.check(what, (estimate.value - exact).abs(), limit)?;
        }
        harness.print_table(table)
    }
}
