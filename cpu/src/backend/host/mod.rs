//! The CPU: vector code by `pulp`, which takes the widest vectors that the machine has, and threads by
//! `rayon`.
//!
//! An operation is cut into as many parts as there are threads, by its shape alone, so that the
//! same thread count gives the same bits. Products are cut by columns of the output: one part of a
//! weight matrix is then read in the forward pass, and written in the backward pass and by the
//! optimizer, by the same core, whose cache keeps it.
//!
//! No operation allocates, except those that return a new buffer, and those that make room for what
//! they need meanwhile, at their first call.

/// Runs a block compiled for the widest vectors that the CPU has. What it calls has to be
/// `#[inline(always)]`: what is not inlined is compiled for any CPU.
macro_rules! vectorized {
    ($backend:expr, $block:block) => {
        $backend.instructions.dispatch(
            #[inline(always)]
            || $block,
        )
    };
}

mod activation;
mod addition;
mod augmentation;
mod batch;
mod buffer;
mod clipping;
mod convolution;
mod dense;
mod dropout;
mod embedding;
mod gaussian;
mod loss;
mod matrix;
mod normalization;
mod optimizer;
mod pooling;
mod product;
mod scratch;
mod softmax;
mod zeros;

use std::num::NonZero;
use std::ops::Range;

use super::operation::Operation;
use super::{Memory, StepStatistics};
use crate::{Error, Result};

pub use buffer::Floats;
use matrix::SharedColumns;
use scratch::Scratch;

/// Elements per cache line: threads that write side by side do not share one.
const GRANULARITY: usize = 16;

/// Computes on the CPU.
///
/// ```
/// use cpu::backend::{HostBackend, Memory};
///
/// # fn main() -> cpu::Result<()> {
/// let backend = HostBackend::new(std::num::NonZero::new(2))?;
/// let buffer = backend.upload_floats(&[1.0, 2.0])?;
/// assert_eq!(backend.download_floats(&buffer)?, [1.0, 2.0]);
/// # Ok(())
/// # }
/// ```
pub struct HostBackend {
    pool: rayon::ThreadPool,
    instructions: pulp::Arch,
    scratch: Scratch,
}

impl HostBackend {
    /// Starts the threads: as many as asked for, or one per core.
    pub fn new(n_threads: Option<NonZero<usize>>) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n_threads.map_or(0, NonZero::get))
            .thread_name(|index| format!("cpu-{index}"))
            .build()
            .map_err(|e| Error::Device(format!("cpu: threads could not be started: {e}")))?;
        Ok(HostBackend {
            pool,
            instructions: pulp::Arch::new(),
            scratch: Scratch::default(),
        })
    }

    /// Number of threads that compute.
    pub fn n_threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Runs `f` on one of the threads that compute.
    ///
    /// Operations can be called from anywhere. Called from inside of `f` they start at once; from
    /// elsewhere each has to wake a sleeping thread first, which can take longer than its work.
    pub fn install<R: Send>(&self, f: impl FnOnce() -> R + Send) -> R {
        self.pool.install(f)
    }

    /// Cuts `0..n` into parts that begin at multiples of `granularity`, and runs `f` on each, side
    /// by side: a part per thread, or fewer if `work`, the number of arithmetic operations, does
    /// not pay for them.
    fn for_each_part(
        &self,
        n: usize,
        granularity: usize,
        work: usize,
        f: impl Fn(Range<usize>) + Sync,
    ) {
        // A second thread costs about a microsecond; a core does 100 to 250 such operations in a
        // nanosecond in products, fewer elsewhere.
        const WORK_PER_PART: usize = 1 << 17;
        let n_blocks = n.div_ceil(granularity);
        let n_parts = self
            .n_threads()
            .min(n_blocks)
            .min(work / WORK_PER_PART)
            .max(1);
        let part = |index: usize| {
            let begin = |index: usize| n.min(index * n_blocks / n_parts * granularity);
            begin(index)..begin(index + 1)
        };
        if n_parts == 1 {
            f(part(0));
        } else {
            self.pool
                .install(|| join_all(0..n_parts, &|index| f(part(index))));
        }
    }

    /// Cuts a slice into parts as [`Self::for_each_part`] does and runs `f(begin of the part, part)`,
    /// which has to be `#[inline(always)]`, on each, compiled for the widest vectors.
    fn for_each_chunk(
        &self,
        values: &mut [f32],
        work_per_element: usize,
        f: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        let n = values.len();
        let values = SharedColumns::new(values, 1, n);
        self.for_each_part(n, GRANULARITY, n * work_per_element, |part| {
            // SAFETY: the parts are disjoint.
            let mut chunk = unsafe { values.block(part.clone()) };
            vectorized!(self, { f(part.start, chunk.row(0)) });
        });
    }
}

fn join_all(indices: Range<usize>, f: &(impl Fn(usize) + Sync)) {
    match indices.len() {
        0 => {}
        1 => f(indices.start),
        n => {
            let middle = indices.start + n / 2;
            rayon::join(
                || join_all(indices.start..middle, f),
                || join_all(middle..indices.end, f),
            );
        }
    }
}

impl Memory for HostBackend {
    type Floats = Floats;
    type Bytes = Vec<u8>;
    type Indices = Vec<u32>;
    type Statistics = StepStatistics;

    fn zeros(&self, n: usize) -> Result<Floats> {
        Floats::zeros(n)
    }

    fn upload_floats(&self, values: &[f32]) -> Result<Floats> {
        let mut floats = Floats::zeros(values.len())?;
        floats.copy_from_slice(values);
        Ok(floats)
    }

    fn upload_bytes(&self, values: &[u8]) -> Result<Vec<u8>> {
        Ok(values.to_vec())
    }

    fn upload_indices(&self, values: &[u32]) -> Result<Vec<u32>> {
        Ok(values.to_vec())
    }

    fn write_indices(&self, buffer: &mut Vec<u32>, values: &[u32]) -> Result<()> {
        if buffer.len() != values.len() {
            return Err(Error::Shape {
                operation: "write_indices",
                buffer: "buffer",
                expected: values.len(),
                actual: buffer.len(),
            });
        }
        buffer.copy_from_slice(values);
        Ok(())
    }

    fn download_floats(&self, buffer: &Floats) -> Result<Vec<f32>> {
        Ok(buffer.to_vec())
    }

    fn download_bytes(&self, buffer: &Vec<u8>) -> Result<Vec<u8>> {
        Ok(buffer.clone())
    }

    fn statistics(&self, n_steps: usize) -> Result<StepStatistics> {
        Ok(StepStatistics {
            loss: vec![0.0; n_steps],
            n_correct: vec![0; n_steps],
        })
    }

    fn upload_statistics(&self, values: &StepStatistics) -> Result<StepStatistics> {
        Ok(values.clone())
    }

    fn read_statistics(&self, statistics: &StepStatistics) -> Result<StepStatistics> {
        Ok(statistics.clone())
    }

    fn synchronize(&self) -> Result<()> {
        Ok(())
    }
}

/// The widest vectors of this CPU, and all narrower ones that there is code for.
#[cfg(test)]
fn instruction_sets() -> Vec<pulp::Arch> {
    let mut sets = vec![pulp::Arch::Scalar];
    #[cfg(target_arch = "x86_64")]
    {
        sets.extend(pulp::x86::V3::try_new().map(pulp::Arch::V3));
        sets.extend(pulp::x86::V4::try_new().map(pulp::Arch::V4));
    }
    sets.push(pulp::Arch::new());
    sets
}
