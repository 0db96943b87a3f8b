//! π by Monte Carlo: the share of random points of a square that lie within a quarter of a circle.
//!
//! A point uniform in `[0, 1)²` lies within the unit circle with the probability `p = π / 4`, so with
//! `k` of `n` points in it, `π ≈ 4 k / n`. The estimate's standard deviation is `4 √(p (1 - p) / n) =
//! 1.64 / √n`: each further digit takes a hundred times as many points, in any number of dimensions,
//! which is why one integrates this way in many dimensions and not in one or two.
//!
//! Draw `i` takes its two points from the random words of counter `i` (Philox; Salmon et al., "Parallel
//! random numbers: as easy as 1, 2, 3", 2011), so the count is the same on every device and for any
//! number of threads, and nothing has to be passed on from draw to draw.
//!
//! **Caveats.** Points are multiples of 2⁻²⁴: the lattice's own error is about `10⁻⁷`, which `10¹⁴`
//! points would show.

use clap::Args;
use gpu::fundamentals::pi::{self, in_circle};
use rayon::prelude::*;

use crate::Result;
use crate::backend::CudaBackend;
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::fundamentals::{Algorithm, Harness, Work, harness};

/// Draws that a thread takes at a time.
const DRAWS_PER_PART: u64 = 1 << 14;
/// Draws that the lanes of vectors take at once.
const N_LANES: u64 = 16;

/// The options of `pi`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How many points are drawn, two at a time
    #[arg(long, value_name = "N", default_value_t = 20_000_000, value_parser = clap::value_parser!(u64).range(2..=1 << 40))]
    points: u64,
}

/// Counts the points of `n_draws` draws, two each, that lie in the circle.
pub fn count(seed: u64, n_draws: u64) -> u64 {
    (0..n_draws)
        .map(|draw| u64::from(in_circle(seed, draw)))
        .sum()
}

/// The same, on all threads, with vectors.
pub fn count_threads(seed: u64, n_draws: u64) -> u64 {
    (0..n_draws.div_ceil(DRAWS_PER_PART))
        .into_par_iter()
        .map(|part| {
            let begin = part * DRAWS_PER_PART;
            count_lanes(seed, begin, n_draws.min(begin + DRAWS_PER_PART))
        })
        .sum()
}

/// The same for the draws from `begin` to `end`, with vectors: a draw in each lane.
pub fn count_lanes(seed: u64, begin: u64, end: u64) -> u64 {
    harness::vectorized(
        #[inline(always)]
        || {
            let whole = begin + (end - begin) / N_LANES * N_LANES;
            let mut counts = [0_u64; N_LANES as usize];
            for first in (begin..whole).step_by(N_LANES as usize) {
                for (lane, count) in (0..).zip(&mut counts) {
                    *count += u64::from(in_circle(seed, first + lane));
                }
            }
            let of_rest = (whole..end).map(|draw| u64::from(in_circle(seed, draw)));
            counts.into_iter().chain(of_rest).sum()
        },
    )
}

/// The same, on a device.
///
/// # Errors
///
/// If the device fails.
pub fn count_device(device: &CudaBackend, seed: u64, n_draws: u64) -> Result<u64> {
    let mut counts = device.zeroed(n_blocks(n_draws))?;
    launch(device, seed, n_draws, &mut counts)?;
    let counts = device.download(&counts, counts.len())?;
    Ok(counts.into_iter().map(u64::from).sum())
}

fn n_blocks(n_draws: u64) -> usize {
    n_draws
        .div_ceil(pi::N_THREADS.into())
        .clamp(1, pi::MAX_BLOCKS.into()) as usize
}

fn launch(device: &CudaBackend, seed: u64, n_draws: u64, counts: &mut Buffer<u32>) -> Result<()> {
    let n_blocks = counts.len();
    let arguments = pi::count_in_circle {
        seed,
        n_draws,
        counts: counts.slice_mut(0..n_blocks),
    };
    let config = Operation("count_in_circle").blocks(n_blocks, pi::N_THREADS)?;
    // SAFETY: at most so many blocks, an entry for each; 2⁴¹ points are 2³¹ for each of 1024 blocks.
    unsafe { device.launch(config, arguments) }
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let seed = harness.seed();
        let n_draws = self.points / 2;
        let n = 2.0 * n_draws as f64;
        let mut table = harness.table(Work {
            bytes: 0.0,
            // Two products, a sum and a comparison for each point.
            operations: 4.0 * n,
        });
        let plain = table.host("plain loop", || count(seed, n_draws));
        let mut others = vec![
            table.host("SIMD", || count_lanes(seed, 0, n_draws)),
            table.host("SIMD, threads", || count_threads(seed, n_draws)),
        ];
        if let Some(device) = harness.device() {
            let mut counts = device.zeroed(n_blocks(n_draws))?;
            table.device("GPU", device, || launch(device, seed, n_draws, &mut counts))?;
            let counts = device.download(&counts, counts.len())?;
            others.push(counts.into_iter().map(u64::from).sum());
        }
        let estimate = 4.0 * plain as f64 / n;
        let deviation = (std::f64::consts::PI * (4.0 - std::f64::consts::PI) / n).sqrt();
        harness.print(format_args!(
            "{plain} of {n} points lie in the circle: pi is about {estimate:.6}, give or take {deviation:.6}"
        ))?;
        let differences = others.iter().map(|&other| other.abs_diff(plain)).max();
        harness.check(
            "the same points in all versions",
            differences.unwrap_or(0) as f64,
            0.0,
        )?;
        // Beyond six standard deviations is one seed of 500 million.
        let error = (estimate - std::f64::consts::PI).abs();
        harness.check("distance from pi", error, 6.0 * deviation)?;
        harness.print_table(table)
    }
}
