//! Derivatives in forward mode: dual numbers.
//!
//! A dual number `a + b ε` with `ε² = 0` carries a value and a derivative: `f(x + ε) = f(x) + f'(x) ε`.
//! Sums, products and functions of such numbers follow the rules of derivatives, so a program that
//! computes `f` computes `f'` as well, as exactly as `f`, for two to four times its cost. For `n` variables
//! it takes `n` runs: many inputs and one output are what the reverse mode is for ([`tape`](super::tape)).
//!
//! The function here is `x sin(x²) + e^(-x) / √(1 + x²)`. One text of it serves the CPU's loop, its
//! vectors and the device: it is written for [`Dual`] in the crate of kernels, which is ordinary Rust, over any
//! [`Number`]. For vectors that is one whose functions have no branches and call no library, so that the compiler
//! takes as many steps of the loop at once as a vector has lanes.
//!
//! **Caveats.** What a program does at a branch is differentiated as the branch that it takes: `|x|` at 0
//! has the derivative of one side.
//!
//! Source: Griewank and Walther, "Evaluating Derivatives" (2008), chapter 3.

use std::ops::{Add, Div, Mul, Neg, Sub};

use clap::Args;
use gpu::fundamentals::dual;
use rand::RngExt;
use rayon::prelude::*;

pub use gpu::fundamentals::dual::{Dual, Number, function};

use crate::Result;
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::backend::{CudaBackend, Memory};
use crate::fundamentals::data::count;
use crate::fundamentals::{Algorithm, Harness, Work, harness};
use crate::simd;

/// Places that a thread takes at a time.
const N_PER_PART: usize = 1 << 12;

/// The options of `dual`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How many random places between -3 and 3 the function is differentiated at
    #[arg(long, value_name = "N", default_value_t = 1 << 20, value_parser = count)]
    n: usize,
}

/// The function's derivative at each place: `dy` `[n]`, overwritten.
pub fn derivatives(x: &[f32], dy: &mut [f32]) {
    for (x, dy) in x.iter().zip(dy) {
        *dy = function(Dual::variable(*x)).derivative;
    }
}

/// A number in one lane of a vector; its sine and cosine are right up to 8192.
#[derive(Clone, Copy)]
struct Lane(f32);

impl Number for Lane {
    #[inline(always)]
    fn from_f32(value: f32) -> Lane {
        Lane(value)
    }

    #[inline(always)]
    fn exp(self) -> Lane {
        Lane(simd::exp(self.0))
    }

    #[inline(always)]
    fn sin_cos(self) -> [Lane; 2] {
        simd::sin_cos(self.0).map(Lane)
    }

    #[inline(always)]
    fn sqrt(self) -> Lane {
        Lane(self.0.sqrt())
    }
}

/// The operations of `f32`.
macro_rules! operations {
    ($($trait:ident $method:ident $operator:tt;)*) => {$(
        impl $trait for Lane {
            type Output = Lane;

            #[inline(always)]
            fn $method(self, other: Lane) -> Lane {
                Lane(self.0 $operator other.0)
            }
        }
    )*};
}

operations! {
    Add add +;
    Sub sub -;
    Mul mul *;
    Div div /;
}

impl Neg for Lane {
    type Output = Lane;

    #[inline(always)]
    fn neg(self) -> Lane {
        Lane(-self.0)
    }
}

/// The same, in the lanes of vectors.
pub fn derivatives_lanes(x: &[f32], dy: &mut [f32]) {
    harness::vectorized(
        #[inline(always)]
        || {
            for (&x, dy) in x.iter().zip(&mut *dy) {
                *dy = function(Dual::variable(Lane(x))).derivative.0;
            }
        },
    );
}

/// The same, on all threads.
pub fn derivatives_threads(x: &[f32], dy: &mut [f32]) {
    x.par_chunks(N_PER_PART)
        .zip(dy.par_chunks_mut(N_PER_PART))
        .for_each(|(x, dy)| derivatives_lanes(x, dy));
}

/// The same, on a device.
///
/// # Errors
///
/// If the device fails.
pub fn derivatives_device(device: &CudaBackend, x: &[f32]) -> Result<Vec<f32>> {
    let mut y = device.zeros(x.len())?;
    let mut dy = device.zeros(x.len())?;
    launch(device, &device.upload_floats(x)?, &mut y, &mut dy)?;
    device.download_floats(&dy)
}

fn launch(
    device: &CudaBackend,
    x: &Buffer<f32>,
    y: &mut Buffer<f32>,
    dy: &mut Buffer<f32>,
) -> Result<()> {
    let n = x.len();
    let arguments = dual::derivatives {
        x: x.slice(0..n),
        y: y.slice_mut(0..n),
        dy: dy.slice_mut(0..n),
    };
    let config = Operation("derivatives").threads(n, dual::N_THREADS)?;
    // SAFETY: a thread for each element.
    unsafe { device.launch(config, arguments) }
}

/// The derivative, as one works it out by hand, in `f64`.
pub fn by_hand(x: f64) -> f64 {
    let squared = x * x;
    let root = (1.0 + squared).sqrt();
    squared.sin() + 2.0 * squared * squared.cos() - (-x).exp() * (1.0 / root + x / root.powi(3))
}

/// The largest error, in roundings of `f32` of the derivative's terms.
pub fn largest_error(x: &[f32], dy: &[f32]) -> f64 {
    let errors = x.iter().zip(dy).map(|(&x, &dy)| {
        let x = f64::from(x);
        let squared = x * x;
        // Each term is of this size or below; x² in the sine is rounded, to as much as it is large.
        let size = 1.0 + 2.0 * squared * (1.0 + squared) + (-x).exp();
        (f64::from(dy) - by_hand(x)).abs() / (size * f64::from(f32::EPSILON))
    });
    harness::largest(errors)
}

/// Roundings of the terms that a derivative takes, each of half an epsilon: at most so many.
pub const MAX_ERROR: f64 = 8.0;

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let mut random = harness.random();
        let x: Vec<f32> = (0..self.n)
            .map(|_| random.random_range(-3.0..3.0))
            .collect();
        let at = function(Dual::variable(x[0]));
        harness.print(format_args!(
            "at {} the function is {} and its derivative {}",
            x[0], at.value, at.derivative
        ))?;
        let n = self.n as f64;
        let mut table = harness.table(Work {
            bytes: 8.0 * n,
            // Sixteen sums and products, and an exponential, a sine, a cosine and a root.
            operations: 20.0 * n,
        });
        let mut results = Vec::new();
        type Version = fn(&[f32], &mut [f32]);
        for (version, f) in [
            ("plain loop", derivatives as Version),
            ("SIMD", derivatives_lanes),
            ("SIMD, threads", derivatives_threads),
        ] {
            let mut dy = vec![f32::NAN; self.n];
            table.host(version, || f(&x, &mut dy));
            results.push((version, dy));
        }
        if let Some(device) = harness.device() {
            let on_device = device.upload_floats(&x)?;
            let (mut y, mut dy) = (device.zeros(self.n)?, device.zeros(self.n)?);
            table.device("GPU", device, || {
                launch(device, &on_device, &mut y, &mut dy)
            })?;
            results.push(("GPU", device.download_floats(&dy)?));
        }
        for (what, dy) in results {
            harness.check(
                &format!("{what}, in roundings"),
                largest_error(&x, &dy),
                MAX_ERROR,
            )?;
        }
        harness.print_table(table)
    }
}
