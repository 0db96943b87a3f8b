//! What this machine can do at most: bytes from memory and floating-point operations, per second.
//!
//! Every computation is bound by one or the other (Williams, Waterman and Patterson, "Roofline: an
//! insightful visual performance model for multicore architectures", CACM 2009): with `I` operations
//! for each byte that it has to move, it does at most `min(operations, I · bandwidth)` a second.
//!
//! **How it is measured.** Bandwidth: all threads read an array of 128 MiB, far more than caches hold,
//! and add it up, which takes less time than the memory does. Operations: every thread does fused
//! multiply-adds on the widest vectors of `f32` that there are, in 12 chains that do not wait for one
//! another, since a result is there only four cycles later and two are begun in each. A device copies
//! 128 MiB, and runs the same chains in all of its threads.
//!
//! **Caveats.** Shared and virtual machines change from minute to minute, and clocks fall when all
//! cores work: compare what was measured in one run. A single thread does not reach a machine's
//! bandwidth.

use std::hint::black_box;
use std::time::Duration;

use clap::Args;
use gpu::fundamentals::machine;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::reduction::by_vectors;
use crate::Result;
use crate::backend::operation::Operation;
use crate::backend::{CudaBackend, Memory};
use crate::fundamentals::{Algorithm, Harness, Place, harness};

/// `f32`s of the array that is read or copied.
const N: usize = 32 << 20;
/// Multiply-adds of each chain.
const N_LINKS: usize = 1 << 12;
/// Chains of a thread.
const N_CHAINS: usize = 12;

/// The options of `machine`.
#[derive(Debug, Clone, Args)]
pub struct Options {}

/// What all cores, or all multiprocessors, do at most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed {
    /// Bytes a second that come from memory or go there.
    pub bandwidth: f64,
    /// Operations on `f32` a second; a fused multiply-add is two.
    pub operations: f64,
}

/// What the CPU does, and the device if there is one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    /// The CPU, with all its threads.
    pub host: Speed,
    /// The GPU.
    pub device: Option<Speed>,
}

impl Machine {
    /// Measures the machine, for about `patience` each time.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn measure(device: Option<&CudaBackend>, patience: Duration) -> Result<Machine> {
        Ok(Machine {
            host: measure_host(patience)?,
            device: device
                .map(|device| measure_device(device, patience))
                .transpose()?,
        })
    }
}

fn measure_host(patience: Duration) -> Result<Speed> {
    let values: Vec<f32> = (0..N).into_par_iter().map(|i| i as f32).collect();
    let (_, seconds) = harness::median_seconds(patience, || {
        Ok(values.par_chunks(N / 64).map(by_vectors).sum::<f32>())
    })?;
    let bandwidth = size_of_val(&*values) as f64 / seconds;

    let arch = pulp::Arch::new();
    let n_threads = rayon::current_num_threads();
    let n_tasks = 16 * n_threads;
    let (n_lanes, seconds) = harness::median_seconds(patience, || {
        let lanes = (0..n_tasks)
            .into_par_iter()
            .map(|_| arch.dispatch(Chains).0);
        Ok(lanes.max().unwrap_or(1))
    })?;
    let operations = (2 * n_tasks * N_LINKS * N_CHAINS * n_lanes) as f64 / seconds;
    Ok(Speed {
        bandwidth,
        operations,
    })
}

/// Chains of multiply-adds; gives the lanes of a vector, and what they came to.
struct Chains;

impl WithSimd for Chains {
    type Output = (usize, f32);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (usize, f32) {
        let factor = simd.splat_f32s(black_box(0.999));
        let term = simd.splat_f32s(black_box(0.001));
        let mut chains = [term; N_CHAINS];
        for _ in 0..N_LINKS {
            for chain in &mut chains {
                *chain = simd.mul_add_e_f32s(*chain, factor, term);
            }
        }
        let sum = chains.into_iter().fold(term, |a, b| simd.add_f32s(a, b));
        (S::F32_LANES, black_box(simd.reduce_sum_f32s(sum)))
    }
}

fn measure_device(device: &CudaBackend, patience: Duration) -> Result<Speed> {
    let check = Operation("machine");
    let x = device.zeros(N)?;
    let mut y = device.zeros(N)?;
    let ((), seconds) = harness::median_seconds(patience, || {
        let arguments = machine::copy {
            x: x.slice(0..N),
            y: y.slice_mut(0..N),
        };
        // SAFETY: a thread for each four elements, of which there are whole quads.
        unsafe { device.launch(check.threads_of_quads(N, machine::N_THREADS)?, arguments)? };
        device.synchronize()
    })?;
    let bandwidth = (2 * size_of::<f32>() * N) as f64 / seconds;

    let n_threads = 1 << 20;
    let ((), seconds) = harness::median_seconds(patience, || {
        let arguments = machine::multiply_add {
            n_links: N_LINKS as u32,
            factor: 0.999,
            term: 0.001,
            y: y.slice_mut(0..n_threads),
        };
        // SAFETY: a thread for each element.
        unsafe { device.launch(check.threads(n_threads, machine::N_THREADS)?, arguments)? };
        device.synchronize()
    })?;
    let n_links = n_threads * N_LINKS * machine::N_CHAINS;
    Ok(Speed {
        bandwidth,
        operations: 2.0 * n_links as f64 / seconds,
    })
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let machine = harness.machine()?;
        let threads = rayon::current_num_threads();
        for (what, speed) in [
            (format!("CPU, {threads} threads"), Some(machine.host)),
            ("GPU".to_owned(), machine.device),
        ] {
            let Some(speed) = speed else { continue };
            harness.print(format_args!(
                "{what:<18}{:>8.1} GB/s{:>10.1} GFLOP/s    memory is the limit below {:.1} operations a byte",
                speed.bandwidth / 1e9,
                speed.operations / 1e9,
                speed.operations / speed.bandwidth
            ))?;
        }
        if harness.place_of_device() == Some(Place::Simulator) {
            harness.print("a simulated device has no speed")?;
        }
        Ok(())
    }
}
