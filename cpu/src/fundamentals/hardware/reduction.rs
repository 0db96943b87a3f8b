//! One sum, `Σ xᵢ`, in five ways: as a loop, an iterator, vectors, threads, and on a GPU.
//!
//! A sum reads 4 bytes for one addition: it should be as fast as memory is. What keeps it from that is its
//! order. **A loop**, and `iter().sum()`, which is the same loop, add to one number: each addition waits
//! four cycles for the last one, and no compiler may change that, since another order rounds differently.
//! **Vectors** add to 16 numbers at once, and four of them in turn to 64, none of which waits; that is
//! written down here by [`pulp`], whose vectors are as wide as the CPU's. **Threads** take a part each,
//! since one core cannot ask for as many cache lines at once as the memory could send. **On a GPU** ten
//! thousands of threads add up what lies apart from each other and halve what is left in a tree, which the
//! guide's page on sums builds step by step; a second launch adds up the blocks' sums.
//!
//! **Caveats.** Each order rounds differently, at most by `d u Σ |xᵢ|`, where `d` is in how many additions
//! a number takes part: `n` in a loop, far fewer in the others.
//! [`sums`](crate::fundamentals::basics::sums) has better ones. An array that fits into a cache is read
//! faster than memory is.
//!
//! Source: Harris, "Optimizing Parallel Reduction in CUDA" (2007), for the GPU.

use clap::Args;
use gpu::sum;
use pulp::{Simd, WithSimd};
use rand::RngExt;
use rayon::prelude::*;

use crate::Result;
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::backend::{CudaBackend, Memory};
use crate::fundamentals::data::{Columns, count};
use crate::fundamentals::{Algorithm, Harness, Work};

/// Numbers that a thread adds up at a time. The parts depend on nothing else, so that any number of
/// threads gives the same bits.
const N_PER_PART: usize = 1 << 16;
/// Blocks of the first launch at most: what any GPU can have in flight.
const MAX_BLOCKS: usize = 1024;

/// The options of `reduction`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How many random numbers are added, uniform between 0 and 1
    #[arg(long, value_name = "N", default_value_t = 1 << 25, value_parser = count)]
    n: usize,

    #[command(flatten)]
    columns: Columns,
}

/// A loop over indices.
pub fn by_loop(values: &[f32]) -> f32 {
    let mut sum = 0.0;
    let mut idx = 0;
    while idx < values.len() {
        sum += values[idx];
        idx += 1;
    }
    sum
}

/// What the standard library has.
pub fn by_iterator(values: &[f32]) -> f32 {
    values.iter().sum()
}

/// Four of the widest vectors that the CPU has, in turn.
pub fn by_vectors(values: &[f32]) -> f32 {
    struct Sum<'a>(&'a [f32]);

    impl WithSimd for Sum<'_> {
        type Output = f32;

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> f32 {
            let (vectors, rest) = S::as_simd_f32s(self.0);
            let (quads, last) = vectors.as_chunks::<4>();
            let mut sums = [simd.splat_f32s(0.0); 4];
            for quad in quads {
                for (sum, &vector) in sums.iter_mut().zip(quad) {
                    *sum = simd.add_f32s(*sum, vector);
                }
            }
            for (sum, &vector) in sums.iter_mut().zip(last) {
                *sum = simd.add_f32s(*sum, vector);
            }
            let [a, b, c, d] = sums;
            let sum = simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d));
            simd.reduce_sum_f32s(sum) + by_loop(rest)
        }
    }

    pulp::Arch::new().dispatch(Sum(values))
}

/// Vectors on all threads.
pub fn by_threads(values: &[f32]) -> f32 {
    let mut parts = vec![0.0; values.len().div_ceil(N_PER_PART)];
    parts
        .par_iter_mut()
        .zip(values.par_chunks(N_PER_PART))
        .for_each(|(part, values)| *part = by_vectors(values));
    by_vectors(&parts)
}

/// On a device, each of whose threads adds many numbers before the tree begins.
///
/// # Errors
///
/// If the device fails.
pub fn on_device(device: &CudaBackend, values: &[f32]) -> Result<f32> {
    reduce_on_device(device, values, sum_many, n_blocks)
}

/// The same, by a tree alone: a number for each thread.
///
/// # Errors
///
/// If the device fails.
pub fn tree_on_device(device: &CudaBackend, values: &[f32]) -> Result<f32> {
    reduce_on_device(device, values, sum_tree, n_trees)
}

/// Launches a kernel that writes each block's sum.
type Launch = fn(&CudaBackend, &Buffer<f32>, &mut Buffer<f32>) -> Result<()>;

fn reduce_on_device(
    device: &CudaBackend,
    values: &[f32],
    first: Launch,
    n_blocks: fn(usize) -> usize,
) -> Result<f32> {
    let x = device.upload_floats(values)?;
    let (mut sums, mut sum) = (device.zeros(n_blocks(values.len()))?, device.zeros(1)?);
    first(device, &x, &mut sums)?;
    sum_many(device, &sums, &mut sum)?;
    Ok(device.download_floats(&sum)?[0])
}

fn n_trees(n: usize) -> usize {
    n.div_ceil(sum::N_THREADS as usize).max(1)
}

fn n_blocks(n: usize) -> usize {
    n_trees(n).min(MAX_BLOCKS)
}

fn sum_many(device: &CudaBackend, x: &Buffer<f32>, sums: &mut Buffer<f32>) -> Result<()> {
    let n_blocks = sums.len();
    let arguments = sum::sum_many {
        x: x.slice(0..x.len()),
        sums: sums.slice_mut(0..n_blocks),
    };
    let config = Operation("sum_many").blocks(n_blocks, sum::N_THREADS)?;
    // SAFETY: an element of the sums for each block.
    unsafe { device.launch(config, arguments) }
}

fn sum_tree(device: &CudaBackend, x: &Buffer<f32>, sums: &mut Buffer<f32>) -> Result<()> {
    let n_blocks = sums.len();
    let arguments = sum::sum_sequential {
        x: x.slice(0..x.len()),
        sums: sums.slice_mut(0..n_blocks),
    };
    let config = Operation("sum_sequential").blocks(n_blocks, sum::N_THREADS)?;
    // SAFETY: a thread for each number, and an element of the sums for each block.
    unsafe { device.launch(config, arguments) }
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let mut random = harness.random();
        let numbers = self.columns.floats_or(self.n, || random.random())?;
        let values = numbers.values;
        let n = values.len();
        let mut table = harness.table(Work {
            bytes: 4.0 * n as f64,
            operations: n as f64,
        });
        type Version = fn(&[f32]) -> f32;
        let versions: [(&str, Version, usize); 4] = [
            ("loop", by_loop, n),
            ("iterator", by_iterator, n),
            ("SIMD", by_vectors, longest_of_vectors(n)),
            (
                "SIMD, threads",
                by_threads,
                longest_of_vectors(N_PER_PART) + longest_of_vectors(n.div_ceil(N_PER_PART)),
            ),
        ];
        let mut results = Vec::new();
        for (name, sum, longest) in versions {
            results.push((name, table.host(name, || sum(&values)), longest));
        }
        if let Some(device) = harness.device() {
            let x = device.upload_floats(&values)?;
            let mut sum = device.zeros(1)?;
            let versions: [(&str, Launch, usize); 2] = [
                ("GPU, a tree in each block", sum_tree, n_trees(n)),
                ("GPU, many numbers a thread", sum_many, n_blocks(n)),
            ];
            for (name, first, n_blocks) in versions {
                let mut sums = device.zeros(n_blocks)?;
                table.device(name, device, || {
                    first(device, &x, &mut sums)?;
                    sum_many(device, &sums, &mut sum)
                })?;
                let longest = longest_of_blocks(n, n_blocks) + longest_of_blocks(n_blocks, 1);
                results.push((name, device.download_floats(&sum)?[0], longest));
            }
        }
        let exact: f64 = values.iter().map(|&x| f64::from(x)).sum();
        let sum_of_sizes: f64 = values.iter().map(|&x| f64::from(x).abs()).sum();
        harness.print(format_args!("the sum of {n} numbers of f32 is {exact:?}"))?;
        let unit = f64::from(f32::EPSILON) / 2.0;
        for (name, result, longest) in results {
            let limit = unit * ((numbers.growth)(longest as f64) * sum_of_sizes + exact.abs());
            harness.check(name, (f64::from(result) - exact).abs(), limit)?;
        }
        harness.print_table(table)
    }
}

/// Additions that a number takes part in at most, in [`by_vectors`]: with 4 lanes or more in each of four
/// vectors, these, the lanes and the rest.
pub fn longest_of_vectors(n: usize) -> usize {
    n / 16 + 2 + 4 + 16
}

/// Additions that a number takes part in at most, in blocks of a device: a thread's own, and the tree.
pub fn longest_of_blocks(n: usize, n_blocks: usize) -> usize {
    let n_threads = sum::N_THREADS as usize;
    n.div_ceil(n_blocks * n_threads) + n_threads.ilog2() as usize
}
