//! The discrete Fourier transform, fast: `y_k = Σ_j x_j e^(-2πi j k / n)`.
//!
//! A signal as a sum of waves: `|y_k| / n` is how much of it goes round `k` times in its length. By the
//! definition that is `8 n²` operations. With `w = e^(-2πi / n)`, `E` the transform of the even places and
//! `O` that of the odd ones, each of half the length (Cooley and Tukey),
//!
//! ```text
//! y_k = E_k + wᵏ O_k        y_(k + n/2) = E_k - wᵏ O_k
//! ```
//!
//! which makes `5 n log₂ n` of them if `n` is a power of two. Four parts instead of two go through memory
//! half as often. **Stockham's order** writes the results of each step where the next one reads along
//! memory, so that nothing is put in order afterwards. **Bluestein's** way takes any length: by
//! `j k = (j² + k² - (k - j)²) / 2` the transform is a convolution with a chirp `e^(πi j² / n)`, and a
//! convolution is three transforms of any length from `2 n - 1` on, such as a power of two.
//!
//! Backwards, `x = conj(transform(conj(y))) / n`.
//!
//! Many transforms lie side by side in the lanes of vectors: each lane does what the plain code does, and
//! nothing is shuffled on the way. On a device each has a block, and all of its steps take place in shared memory;
//! longer ones than fit there would go through global memory, and are left to the CPU.
//!
//! **Errors.** `|ŷ - y| <= log₂ n (μ + γ₄ (√2 + μ)) |y|` in the norm `|·|₂` (Higham, "Accuracy and Stability
//! of Numerical Algorithms", theorem 24.2), where `γ₄ = 4u / (1 - 4u)` and `μ` is the error of the powers
//! of `w`: `u` if each comes from a sine and a cosine, but `n u` if they are multiplied up, which would
//! spoil all. Bluestein's way has the error of two transforms, times the largest number of the chirp's
//! transform divided by `√n`, which is 2 to 2.5. A NaN in a signal makes all of its transform NaN. The bounds
//! are for numbers that neither overflow nor vanish on the way.
//!
//! Sources: Cooley and Tukey, Mathematics of Computation 19 (1965); Van Loan, "Computational Frameworks
//! for the Fast Fourier Transform" (1992), 1.7 and 4.2; Bluestein, IEEE Trans. Audio Electroacoust. 18
//! (1970).

mod on_device;
mod plan;

use std::f64::consts::TAU;

use clap::Args;
use num_complex::{Complex, Complex32, Complex64};
use num_traits::Float;
use rand::RngExt;

pub use plan::Plan;

use crate::fundamentals::data::{Columns, count};
use crate::fundamentals::{Algorithm, Harness, Work, harness};
use crate::{Error, Result};
use on_device::OnDevice;
use plan::N_LANES;

/// Most numbers of all signals.
const MAX_TOTAL: usize = 1 << 28;
/// Up to which length the definition is computed, for the time it takes.
const MAX_BY_DEFINITION: usize = 1 << 13;

/// The options of `fft`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Numbers of a signal; a power of two is fastest
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = count)]
    n: usize,

    /// How many signals there are
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = count)]
    signals: usize,

    #[command(flatten)]
    columns: Columns,
}

/// `e^(-2πi k / n)`, without an error that grows with `k`.
fn root<T: Float>(k: usize, n: usize) -> Complex<T> {
    let (sin, cos) = (-TAU * (k % n) as f64 / n as f64).sin_cos();
    complex(Complex64::new(cos, sin))
}

/// Rounded to the numbers that a transform computes with.
fn complex<T: Float>(z: Complex64) -> Complex<T> {
    let rounded = |x| T::from(x).expect("floats are rounded, never refused");
    Complex::new(rounded(z.re), rounded(z.im))
}

/// All of them.
fn roots<T: Float>(n: usize) -> Vec<Complex<T>> {
    (0..n).map(|k| root(k, n)).collect()
}

/// By the definition.
pub fn by_definition<T: Float>(x: &[Complex<T>]) -> Vec<Complex<T>> {
    let n = x.len();
    let roots = roots::<T>(n);
    let zero = Complex::new(T::zero(), T::zero());
    (0..n)
        .map(|k| {
            let terms = x.iter().enumerate().map(|(j, &x)| x * roots[j * k % n]);
            terms.fold(zero, |sum, term| sum + term)
        })
        .collect()
}

/// By halves, for powers of two; other lengths, by Bluestein's convolution of such.
pub fn transform<T: Float>(x: &[Complex<T>]) -> Vec<Complex<T>> {
    match x.len() {
        0 => Vec::new(),
        n if n.is_power_of_two() => by_halves(x, 1, &roots(n)),
        n => by_chirps(x, &Chirp::new(n)),
    }
}

/// The transform of every `stride`-th number of `x`. `roots` are those of `n` times `stride`.
fn by_halves<T: Float>(x: &[Complex<T>], stride: usize, roots: &[Complex<T>]) -> Vec<Complex<T>> {
    let n = roots.len() / stride;
    if n == 1 {
        return vec![x[0]];
    }
    let even = by_halves(x, 2 * stride, roots);
    let odd = by_halves(&x[stride..], 2 * stride, roots);
    let odd = odd
        .iter()
        .zip(roots.iter().step_by(stride))
        .map(|(&odd, &root)| root * odd);
    let halves = even.iter().zip(odd);
    let (mut low, high): (Vec<_>, Vec<_>) =
        halves.map(|(&even, odd)| (even + odd, even - odd)).unzip();
    low.extend(high);
    low
}

/// What is convolved with.
struct Chirp<T> {
    /// `e^(-πi j² / n)`, `[n]`.
    factors: Vec<Complex<T>>,
    /// The transform of its conjugate from `-n` to `n`, wrapped round, divided by its length `m`, `[m]`.
    filter: Vec<Complex<T>>,
}

impl<T: Float> Chirp<T> {
    fn new(n: usize) -> Chirp<T> {
        let m = (2 * n - 1).next_power_of_two();
        // The square is taken of what is left after whole turns, so that it stays exact.
        let factors: Vec<Complex64> = (0..n)
            .map(|j| root((j as u128 * j as u128 % (2 * n) as u128) as usize, 2 * n))
            .collect();
        let mut wrapped = vec![Complex64::ZERO; m];
        for (j, factor) in factors.iter().enumerate() {
            wrapped[j] = factor.conj() / m as f64;
            wrapped[(m - j) % m] = wrapped[j];
        }
        Chirp {
            factors: factors.into_iter().map(complex).collect(),
            filter: transform(&wrapped).into_iter().map(complex).collect(),
        }
    }
}

fn by_chirps<T: Float>(x: &[Complex<T>], chirp: &Chirp<T>) -> Vec<Complex<T>> {
    let mut a: Vec<_> = x
        .iter()
        .zip(&chirp.factors)
        .map(|(&x, &chirp)| x * chirp)
        .collect();
    a.resize(chirp.filter.len(), Complex::new(T::zero(), T::zero()));
    let a = transform(&a);
    let c: Vec<_> = a
        .iter()
        .zip(&chirp.filter)
        .map(|(&a, &filter)| (a * filter).conj())
        .collect();
    let c = transform(&c);
    c.iter()
        .zip(&chirp.factors)
        .map(|(c, &chirp)| c.conj() * chirp)
        .collect()
}

/// Backwards: the signals whose transforms `y` are, by any of the versions for transforms of `n` numbers.
pub fn inverse<T: Float>(
    transform: impl FnOnce(&[Complex<T>]) -> Result<Vec<Complex<T>>>,
    y: &[Complex<T>],
    n: usize,
) -> Result<Vec<Complex<T>>> {
    let n = T::from(n).expect("a float is never refused");
    let y: Vec<_> = y.iter().map(Complex::conj).collect();
    Ok(transform(&y)?.iter().map(|x| x.conj() / n).collect())
}

/// How far `y` is from `expected`, relative, in the norm `|·|₂`; the largest such error of all signals of
/// `n` numbers.
pub fn largest_error(y: &[Complex32], expected: &[Complex64], n: usize) -> f64 {
    harness::largest(y.chunks(n).zip(expected.chunks(n)).map(|(y, expected)| {
        let squares = |sum: f64, z: Complex64| sum + z.norm_sqr();
        let wide = y.iter().map(|z| Complex64::new(z.re.into(), z.im.into()));
        let error = wide
            .zip(expected)
            .map(|(y, expected)| y - expected)
            .fold(0.0, squares);
        let size = expected.iter().copied().fold(0.0, squares);
        if error == 0.0 {
            0.0
        } else {
            (error / size).sqrt()
        }
    }))
}

/// A wave in a signal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wave {
    /// How many times it goes round in the signal's length.
    pub frequency: usize,
    /// How far it goes to each side.
    pub amplitude: f64,
}

/// The strongest waves of a real signal with the transform `y`, up to `n_waves` of them; those of the same
/// strength by their frequencies.
pub fn strongest(y: &[Complex32], n_waves: usize) -> Vec<Wave> {
    let n = y.len();
    let wave = |frequency: usize| {
        // The other half of a wave is at `n - frequency`.
        let n_halves = if 2 * frequency == n { 1.0 } else { 2.0 };
        Wave {
            frequency,
            amplitude: n_halves * f64::from(y[frequency].norm()) / n as f64,
        }
    };
    let mut waves: Vec<Wave> = (1..=n / 2).map(wave).collect();
    waves.sort_by(|a, b| b.amplitude.total_cmp(&a.amplitude));
    waves.truncate(n_waves);
    waves
}

/// Each column of a file as a signal.
fn from_columns(columns: &[Vec<f64>]) -> Result<Vec<Complex32>> {
    const LARGEST: f64 = 1e30;
    for (signal, column) in columns.iter().enumerate() {
        if let Some(place) = column.iter().position(|x| x.abs() > LARGEST) {
            return Err(Error::Input(format!(
                "signal {}, number {}: {:e} is beyond ±{LARGEST:e}, and sums of such numbers overflow; \
                 take another unit",
                signal + 1,
                place + 1,
                column[place]
            )));
        }
    }
    let numbers = columns.iter().flatten();
    Ok(numbers.map(|&x| Complex32::from(x as f32)).collect())
}

/// Two waves and noise in each of `n_signals` signals of `n` numbers.
fn generate(n: usize, n_signals: usize, random: &mut impl rand::Rng) -> Vec<Complex32> {
    let mut signals = Vec::with_capacity(n * n_signals);
    for _ in 0..n_signals {
        let waves = [1.0, 0.5].map(|amplitude| (amplitude, random.random_range(0..=n / 2)));
        signals.extend((0..n).map(|j| {
            let noise: f64 = random.random_range(-1.0..1.0);
            let of_waves = waves.map(|(amplitude, k)| amplitude * root::<f64>(j * k, n).re);
            Complex32::from((of_waves.iter().sum::<f64>() + noise) as f32)
        }));
    }
    signals
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        const N_SHOWN: usize = 4;
        let columns = self.columns.read()?;
        let (n, n_signals) = match &columns {
            Some(columns) => (columns[0].len(), columns.len()),
            None => (self.n, self.signals),
        };
        let plan = Plan::new(n)?;
        if n_signals.saturating_mul(n) > MAX_TOTAL {
            return Err(Error::Input(format!(
                "{n_signals} signals of {n} numbers: at most {MAX_TOTAL} numbers in all are taken"
            )));
        }
        let (x, n_shown) = match columns {
            Some(columns) => (from_columns(&columns)?, n_signals.min(N_SHOWN)),
            None => (generate(n, n_signals, &mut harness.random()), 1),
        };
        let work = |n_signals: usize| Work {
            bytes: 16.0 * (n_signals * n) as f64,
            operations: 5.0 * (n_signals * n) as f64 * (n as f64).log2().max(1.0),
        };

        let mut single = harness.table(work(1));
        if n <= MAX_BY_DEFINITION {
            single.host("one, by the definition", || by_definition(&x[..n]));
        }
        let way = if n.is_power_of_two() {
            "one, by halves"
        } else {
            "one, by chirps"
        };
        single.host(way, || transform(&x[..n]));

        let mut table = harness.table(work(n_signals));
        type Version = fn(&Plan, &[Complex32], &mut [Complex32]);
        let versions = [
            ("plain", Plan::one_by_one as Version),
            ("SIMD over signals", Plan::by_lanes),
            ("SIMD, threads", Plan::by_threads),
        ];
        let mut results = Vec::new();
        for (version, f) in versions {
            let mut y = vec![Complex32::ZERO; x.len()];
            table.host(version, || f(&plan, &x, &mut y));
            results.push((version, y));
        }
        let device = harness.device().filter(|_| plan.fits_a_device());
        if let Some(device) = device {
            let mut transforms = OnDevice::new(device, &plan, &x)?;
            table.device("GPU, a block for each", device, || transforms.launch())?;
            results.push(("GPU", transforms.result()?));
        } else if harness.device().is_some() {
            harness.print(format_args!(
                "signals of {n} numbers are too long for a block of the device"
            ))?;
        }

        for (idx, y) in results[0].1.chunks(n).take(n_shown).enumerate() {
            harness.print(format_args!(
                "signal {}: a mean of {:.4}; its strongest waves",
                idx + 1,
                y[0].re / n as f32
            ))?;
            for Wave {
                frequency,
                amplitude,
            } in strongest(y, 5)
            {
                harness.print(format_args!(
                    "{frequency:>8} times in its length, once in {:.4} numbers: {amplitude:.4} to each side",
                    n as f64 / frequency as f64
                ))?;
            }
        }

        let tones = Tones::new(n);
        let wide: Vec<_> = x
            .iter()
            .map(|z| Complex64::new(z.re.into(), z.im.into()))
            .collect();
        for (idx, (version, y)) in results.into_iter().enumerate() {
            let again = |x: &[Complex32]| match (versions.get(idx), device) {
                (Some((_, f)), _) => {
                    let mut y = vec![Complex32::ZERO; x.len()];
                    f(&plan, x, &mut y);
                    Ok(y)
                }
                (None, Some(device)) => plan.on_device(device, x),
                (None, None) => Err(Error::Device("there is no device".to_owned())),
            };
            harness.check(
                &format!("{version}: pure tones"),
                tones.error(&again(&tones.x)?),
                tones.limit(&plan),
            )?;
            let back = inverse(again, &y, n)?;
            // Both ways keep their bounds, and the division rounds once more.
            let limit = 2.0 * plan.bound() + f64::from(f32::EPSILON);
            harness.check(
                &format!("{version}: there and back"),
                largest_error(&back, &wide, n),
                limit,
            )?;
        }
        harness.print_table(single)?;
        harness.print_table(table)
    }
}

/// Signals that are one wave each, and their transforms, which have one number that is not 0.
struct Tones {
    n: usize,
    x: Vec<Complex32>,
    y: Vec<Complex64>,
}

impl Tones {
    fn new(n: usize) -> Tones {
        // More than are in vectors side by side, if they are short.
        let n_signals = if n <= MAX_BY_DEFINITION {
            N_LANES + 1
        } else {
            1
        };
        let mut y = vec![Complex64::ZERO; n_signals * n];
        let mut x = Vec::with_capacity(y.len());
        for (signal_idx, y) in y.chunks_mut(n).enumerate() {
            let frequency = (1 + 7 * signal_idx) % n;
            x.extend((0..n).map(|j| root::<f32>(j * frequency % n, n).conj()));
            y[frequency] = Complex64::from(n as f64);
        }
        Tones { n, x, y }
    }

    fn error(&self, y: &[Complex32]) -> f64 {
        largest_error(y, &self.y, self.n)
    }

    /// The tones' own numbers are rounded, too.
    fn limit(&self, plan: &Plan) -> f64 {
        plan.bound() + f64::from(f32::EPSILON)
    }
}
