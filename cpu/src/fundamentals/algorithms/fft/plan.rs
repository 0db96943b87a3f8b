//! Many transforms of one length: one after the other, in the lanes of vectors, on threads.

use std::f64::consts::SQRT_2;
use std::mem;

use num_complex::Complex32;
use rayon::prelude::*;

use super::{Chirp, by_chirps, by_halves, roots};
use crate::fundamentals::harness;
use crate::{Error, Result, simd};

/// Transforms side by side in vectors.
pub const N_LANES: usize = 16;
/// Numbers of a signal that are brought into lanes before those of the next: a line of the cache, so that what is
/// written stays in the first cache.
const N_AT_ONCE: usize = 8;
/// Most numbers of a signal: with the fifteen others of its vectors they take 128 MiB, or twice as many for
/// Bluestein, and the space to work in as many again.
const MAX_VALUES: usize = 1 << 20;

/// What all transforms of one length have in common.
pub struct Plan {
    pub(super) n: usize,
    /// Of the length itself, or of that of Bluestein's convolution.
    pub(super) roots: Vec<Complex32>,
    pub(super) chirp: Option<Chirp<f32>>,
}

/// Real parts, and imaginary parts, of a number of each transform.
type Lanes = [[f32; N_LANES]; 2];

impl Plan {
    /// For transforms of `n` numbers.
    ///
    /// # Errors
    ///
    /// If there are no numbers, or more than 2²⁰.
    pub fn new(n: usize) -> Result<Plan> {
        if !(1..=MAX_VALUES).contains(&n) {
            return Err(Error::Input(format!(
                "a signal of {n} numbers: from 1 to {MAX_VALUES} can be transformed"
            )));
        }
        let chirp = (!n.is_power_of_two()).then(|| Chirp::new(n));
        Ok(Plan {
            n,
            roots: roots(chirp.as_ref().map_or(n, |chirp| chirp.filter.len())),
            chirp,
        })
    }

    /// The error that a transform may have, relative, in the norm `|·|₂`: the bounds at the top.
    pub fn bound(&self) -> f64 {
        let unit = f64::from(f32::EPSILON) / 2.0;
        let gamma = 4.0 * unit / (1.0 - 4.0 * unit);
        let m = self.roots.len() as f64;
        let steps = m.log2() * (unit + gamma * (SQRT_2 + unit));
        match &self.chirp {
            None => steps,
            Some(chirp) => {
                let sizes = chirp.filter.iter().map(|z| f64::from(z.norm()) * m);
                let largest = sizes.fold(0.0, f64::max) / (self.n as f64).sqrt();
                // Two factors and two products besides.
                largest * (2.0 * steps + 4.0 * (unit + gamma))
            }
        }
    }

    /// The plain version, signal after signal: `x` and `y` `[B, n]`, `y` is overwritten.
    pub fn one_by_one(&self, x: &[Complex32], y: &mut [Complex32]) {
        for (x, y) in x.chunks_exact(self.n).zip(y.chunks_exact_mut(self.n)) {
            y.copy_from_slice(&match &self.chirp {
                None => by_halves(x, 1, &self.roots),
                Some(chirp) => by_chirps(x, chirp),
            });
        }
    }

    /// Sixteen signals at a time, in the lanes of vectors.
    pub fn by_lanes(&self, x: &[Complex32], y: &mut [Complex32]) {
        let mut scratch = Default::default();
        self.parts(x, y)
            .for_each(|(x, y)| self.part(x, y, &mut scratch));
    }

    /// The same, on all threads.
    pub fn by_threads(&self, x: &[Complex32], y: &mut [Complex32]) {
        let parts: Vec<_> = self.parts(x, y).collect();
        parts
            .into_par_iter()
            .for_each_init(Default::default, |scratch, (x, y)| self.part(x, y, scratch));
    }

    fn parts<'a>(
        &self,
        x: &'a [Complex32],
        y: &'a mut [Complex32],
    ) -> impl Iterator<Item = (&'a [Complex32], &'a mut [Complex32])> {
        x.chunks(N_LANES * self.n)
            .zip(y.chunks_mut(N_LANES * self.n))
    }

    /// Up to sixteen signals.
    fn part(&self, x: &[Complex32], y: &mut [Complex32], scratch: &mut [Vec<Lanes>; 2]) {
        harness::vectorized(
            #[inline(always)]
            || {
                let [a, b] = scratch;
                for lanes in [&mut *a, &mut *b] {
                    lanes.resize(self.roots.len(), Lanes::default());
                }
                load(x, &mut a[..self.n]);
                let result = match &self.chirp {
                    None => stockham(a, b, &self.roots),
                    Some(chirp) => {
                        each(&mut a[..self.n], &chirp.factors, product);
                        a[self.n..].fill(Lanes::default());
                        let (a, b) = stockham(a, b, &self.roots);
                        each(a, &chirp.filter, |a, filter| conjugate(&product(a, filter)));
                        let (c, a) = stockham(a, b, &self.roots);
                        let c_of_n = &mut c[..self.n];
                        each(c_of_n, &chirp.factors, |c, chirp| {
                            product(&conjugate(c), chirp)
                        });
                        (c, a)
                    }
                };
                store(&result.0[..self.n], y);
            },
        );
    }
}

/// Up to sixteen signals of `n` numbers, a lane for each; all in all they have `n_numbers`.
fn signals(n: usize, n_numbers: usize) -> simd::Lanes {
    simd::Lanes {
        n: N_LANES,
        n_rows: n_numbers / n,
        stride: 2 * n,
    }
}

/// Brings signals into lanes, as many numbers of each as there is room for.
#[inline(always)]
fn load(x: &[Complex32], lanes: &mut [Lanes]) {
    let signals = signals(lanes.len(), x.len());
    let x = bytemuck::must_cast_slice::<_, [f32; 2]>(x);
    for (block, lanes) in lanes.chunks_mut(N_AT_ONCE).enumerate() {
        let x = x[block * N_AT_ONCE..].as_flattened();
        signals.load(x, lanes.as_flattened_mut().as_flattened_mut());
    }
}

/// The way back.
#[inline(always)]
fn store(lanes: &[Lanes], y: &mut [Complex32]) {
    let n = lanes.len();
    let signals = signals(n, y.len());
    let y = bytemuck::must_cast_slice_mut::<_, [f32; 2]>(y);
    for (block, lanes) in lanes.chunks(N_AT_ONCE).enumerate() {
        let rows = y.chunks_exact_mut(n);
        let rows = rows.map(|y| y[block * N_AT_ONCE..][..lanes.len()].as_flattened_mut());
        signals.store(lanes.as_flattened().as_flattened(), rows);
    }
}

/// Replaces each number of all transforms by what `f` makes of it and of a factor.
#[inline(always)]
fn each(x: &mut [Lanes], factors: &[Complex32], f: impl Fn(&Lanes, Complex32) -> Lanes) {
    for (x, &factor) in x.iter_mut().zip(factors) {
        *x = f(x, factor);
    }
}

/// Transforms `x`, whose length is a power of two, by way of `y`; the first of what it returns has the
/// result.
#[inline(always)]
fn stockham<'a>(
    mut x: &'a mut [Lanes],
    mut y: &'a mut [Lanes],
    roots: &[Complex32],
) -> (&'a mut [Lanes], &'a mut [Lanes]) {
    let n = roots.len();
    let mut stride = 1;
    while 4 * stride <= n {
        for (p, y) in y.chunks_exact_mut(4 * stride).enumerate() {
            let powers = [1, 2, 3].map(|k| roots[k * p * stride]);
            let [x0, x1, x2, x3] = [0, 1, 2, 3].map(|k| &x[p * stride + k * (n / 4)..][..stride]);
            let (y01, y23) = y.split_at_mut(2 * stride);
            let (y0, y1) = y01.split_at_mut(stride);
            let (y2, y3) = y23.split_at_mut(stride);
            for q in 0..stride {
                [y0[q], y1[q], y2[q], y3[q]] = butterfly([&x0[q], &x1[q], &x2[q], &x3[q]], powers);
            }
        }
        stride *= 4;
        mem::swap(&mut x, &mut y);
    }
    if stride < n {
        let (low, high) = y.split_at_mut(stride);
        let (even, odd) = x.split_at(stride);
        for (((low, high), even), odd) in low.iter_mut().zip(high).zip(even).zip(odd) {
            (*low, *high) = (sum(even, odd), difference(even, odd));
        }
        mem::swap(&mut x, &mut y);
    }
    (x, y)
}

/// Four numbers of a transform of four, times the powers for the next step.
#[inline(always)]
fn butterfly([a, b, c, d]: [&Lanes; 4], powers: [Complex32; 3]) -> [Lanes; 4] {
    let (even, odd) = (sum(a, c), sum(b, d));
    let (left, right) = (difference(a, c), turned(&difference(b, d)));
    [
        sum(&even, &odd),
        product(&difference(&left, &right), powers[0]),
        product(&difference(&even, &odd), powers[1]),
        product(&sum(&left, &right), powers[2]),
    ]
}

#[inline(always)]
fn sum(a: &Lanes, b: &Lanes) -> Lanes {
    let mut y = *a;
    for (y, b) in y.as_flattened_mut().iter_mut().zip(b.as_flattened()) {
        *y += b;
    }
    y
}

#[inline(always)]
fn difference(a: &Lanes, b: &Lanes) -> Lanes {
    let mut y = *a;
    for (y, b) in y.as_flattened_mut().iter_mut().zip(b.as_flattened()) {
        *y -= b;
    }
    y
}

/// Times one number, the same for all.
#[inline(always)]
fn product([re, im]: &Lanes, factor: Complex32) -> Lanes {
    let mut y = Lanes::default();
    for lane in 0..N_LANES {
        y[0][lane] = re[lane] * factor.re - im[lane] * factor.im;
    }
    for lane in 0..N_LANES {
        y[1][lane] = re[lane] * factor.im + im[lane] * factor.re;
    }
    y
}

/// Times i.
#[inline(always)]
fn turned([re, im]: &Lanes) -> Lanes {
    [im.map(|x| -x), *re]
}

#[inline(always)]
fn conjugate([re, im]: &Lanes) -> Lanes {
    [*re, im.map(|x| -x)]
}
