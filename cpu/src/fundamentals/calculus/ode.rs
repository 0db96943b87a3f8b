//! Ordinary differential equations: Euler's method and that of Runge and Kutta.
//!
//! `y' = f(y)` from a known `y(0)`, in steps of `h`. Euler goes along the slope where it stands,
//! `y + h f(y)`, an error of `h²` in each step and of `h` in the end. The classical method of Runge and Kutta
//! takes four slopes, `a = f(y)`, `b = f(y + h/2 a)`, `c = f(y + h/2 b)`, `d = f(y + h c)`, and goes along
//! `(a + 2 b + 2 c + d) / 6`: an error of `h⁵` in each step and of `h⁴` in the end. Half the step halves
//! Euler's error and divides the other by 16, which is how one sees that a method is coded rightly.
//!
//! The equation is a damped oscillator, `x'' = -x - 2 γ x'`, whose solution is known:
//! `x = e^(-γ t) (x₀ cos ωt + (v₀ + γ x₀) / ω sin ωt)` with `ω = √(1 - γ²)`. One trajectory is a chain of
//! steps, each waiting for the last; many of them, each with a damping of its own, are what threads, and
//! the lanes of a device, work on.
//!
//! **Caveats.** With `|1 + h λ| > 1` for an eigenvalue `λ` of the equation Euler's method explodes where
//! the solution falls; for equations with very different speeds ("stiff") all explicit methods need steps
//! of the fastest one. Each step rounds, so that very many of them make it worse again.
//!
//! Source: Hairer, Nørsett and Wanner, "Solving Ordinary Differential Equations I" (1993), II.1.

use clap::Args;
use gpu::fundamentals::ode;
use rayon::prelude::*;

pub use gpu::fundamentals::ode::{State, euler_step, runge_kutta_step};

use crate::Result;
use crate::backend::CudaBackend;
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::fundamentals::data::count;
use crate::fundamentals::{Algorithm, Harness, Work, harness};

/// How long the oscillators are followed.
const TIME: f64 = 10.0;
/// Where all of them begin.
const BEGIN: State = [1.0, 0.0];

/// Oscillators that are followed at once: four of the widest vectors.
const N_LANES: usize = 32;

/// The options of `ode`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Steps in which the oscillators are followed, for a time of 10
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    steps: u32,

    /// How many oscillators there are, with dampings from 0 to below 1
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = count)]
    trajectories: usize,
}

/// Follows one oscillator for `n_steps` steps of length `h`.
pub fn follow(
    step: impl Fn(State, f64, f64) -> State,
    begin: State,
    damping: f64,
    h: f64,
    n_steps: u32,
) -> State {
    (0..n_steps).fold(begin, |state, _| step(state, damping, h))
}

/// Where the oscillator is at a time, by the formula; the damping must be below 1.
pub fn exact([x, v]: State, damping: f64, time: f64) -> f64 {
    let frequency = (1.0 - damping * damping).sqrt();
    let (sin, cos) = (frequency * time).sin_cos();
    (-damping * time).exp() * (x * cos + (v + damping * x) / frequency * sin)
}

/// Follows many oscillators, one after the other: where they end, `[n]`, overwritten.
pub fn follow_all(dampings: &[f64], h: f64, n_steps: u32, places: &mut [f64]) {
    for (&damping, place) in dampings.iter().zip(places) {
        [*place, _] = follow(runge_kutta_step, BEGIN, damping, h, n_steps);
    }
}

/// The same, in the lanes of vectors: while one oscillator waits for its last step, others take theirs.
pub fn follow_all_lanes(dampings: &[f64], h: f64, n_steps: u32, places: &mut [f64]) {
    let (groups, rest) = dampings.as_chunks::<N_LANES>();
    let (places, places_of_rest) = places.as_chunks_mut::<N_LANES>();
    harness::vectorized(
        #[inline(always)]
        || {
            for (dampings, places) in groups.iter().zip(places.iter_mut()) {
                let [mut x, mut v] = BEGIN.map(|begin| [begin; N_LANES]);
                for _ in 0..n_steps {
                    for ((x, v), &damping) in x.iter_mut().zip(&mut v).zip(dampings) {
                        [*x, *v] = runge_kutta_step([*x, *v], damping, h);
                    }
                }
                *places = x;
            }
        },
    );
    follow_all(rest, h, n_steps, places_of_rest);
}

/// The same, on all threads.
pub fn follow_all_threads(dampings: &[f64], h: f64, n_steps: u32, places: &mut [f64]) {
    dampings
        .par_chunks(N_LANES)
        .zip(places.par_chunks_mut(N_LANES))
        .for_each(|(dampings, places)| follow_all_lanes(dampings, h, n_steps, places));
}

/// The same, on a device.
///
/// # Errors
///
/// If the device fails.
pub fn follow_all_device(
    device: &CudaBackend,
    dampings: &[f64],
    h: f64,
    n_steps: u32,
) -> Result<Vec<f64>> {
    let n = dampings.len();
    let dampings = device.upload(dampings)?;
    let mut places = device.upload(&vec![BEGIN[0]; n])?;
    let mut speeds = device.upload(&vec![BEGIN[1]; n])?;
    launch(device, &dampings, h, n_steps, [&mut places, &mut speeds])?;
    device.download(&places, n)
}

fn launch(
    device: &CudaBackend,
    dampings: &Buffer<f64>,
    h: f64,
    n_steps: u32,
    [places, speeds]: [&mut Buffer<f64>; 2],
) -> Result<()> {
    let n = dampings.len();
    let arguments = ode::trajectories {
        dampings: dampings.slice(0..n),
        h,
        n_steps,
        places: places.slice_mut(0..n),
        speeds: speeds.slice_mut(0..n),
    };
    let config = Operation("trajectories").threads(n, ode::N_THREADS)?;
    // SAFETY: a thread for each oscillator.
    unsafe { device.launch(config, arguments) }
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let n_steps = self.steps;
        let h = TIME / f64::from(n_steps);
        harness.print(format_args!(
            "{:>10}{:>18}{:>18}",
            "steps", "Euler, error", "Runge-Kutta, error"
        ))?;
        for shift in (0..4).rev() {
            let n_steps = (n_steps >> shift).max(1);
            let h = TIME / f64::from(n_steps);
            let error = |step: fn(State, f64, f64) -> State| {
                let [x, _] = follow(step, BEGIN, 0.1, h, n_steps);
                (x - exact(BEGIN, 0.1, TIME)).abs()
            };
            harness.print(format_args!(
                "{n_steps:>10}{:>18.2e}{:>18.2e}",
                error(euler_step),
                error(runge_kutta_step)
            ))?;
        }

        let n = self.trajectories;
        let dampings: Vec<f64> = (0..n).map(|i| i as f64 / n as f64 * 0.99).collect();
        let mut table = harness.table(Work {
            bytes: 40.0 * n as f64,
            operations: 44.0 * n as f64 * f64::from(n_steps),
        });
        let mut results = Vec::new();
        type Version = fn(&[f64], f64, u32, &mut [f64]);
        for (version, f) in [
            ("one after the other", follow_all as Version),
            ("SIMD", follow_all_lanes),
            ("SIMD, threads", follow_all_threads),
        ] {
            let mut places = vec![f64::NAN; n];
            table.host(version, || f(&dampings, h, n_steps, &mut places));
            results.push((version, places));
        }
        if let Some(device) = harness.device() {
            let on_device = device.upload(&dampings)?;
            let mut places = device.upload(&vec![BEGIN[0]; n])?;
            let mut speeds = device.upload(&vec![BEGIN[1]; n])?;
            table.device("GPU, a thread for each", device, || {
                launch(device, &on_device, h, n_steps, [&mut places, &mut speeds])
            })?;
            results.push(("GPU", follow_all_device(device, &dampings, h, n_steps)?));
        }
        // The fifth derivatives are at most 2⁵ where γ is below 1, and each step's h⁵/120 of them stays or
        // falls; beyond a step of 1 the method is not yet in that order. Rounding: a unit for each step.
        let limit =
            TIME * (h.powi(4) * 32.0 / 120.0 * 4.0) + f64::from(n_steps) * 2.0 * f64::EPSILON;
        if h > 1.0 {
            harness
                .print("the steps are too long for an error to be expected: take more --steps")?;
        } else {
            for (what, places) in results {
                let errors = dampings
                    .iter()
                    .zip(&places)
                    .map(|(&damping, &x)| (x - exact(BEGIN, damping, TIME)).abs());
                harness.check(what, harness::largest(errors), limit)?;
            }
        }
        harness.print_table(table)
    }
}
