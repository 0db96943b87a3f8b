//! Random numbers: uniform from a counter, normal by Box and Muller and by the Ziggurat, and how one
//! tells whether they are.
//!
//! **Uniform**: 24 of 32 random bits, times 2⁻²⁴, in `[0, 1)`. The bits are those of Philox (Salmon et
//! al., 2011): a function of the seed and a counter, so every thread has its own stream and no state.
//!
//! **Box and Muller** (1958): with `u` and `v` uniform in `(0, 1]` and `[0, 1)`, `√(-2 ln u)` times
//! `cos 2πv` and `sin 2πv` are two independent normal numbers. A logarithm, a root, a sine and a cosine
//! for two numbers, without branches: the way for vectors and devices.
//!
//! **Ziggurat** (Marsaglia and Tsang, "The ziggurat method for generating random variables", 2000): the
//! bell is covered by 128 layers of the same area. A layer is drawn, and a place in it; 98.8 % of places
//! lie in the part of the layer below the curve for certain, and are taken after one product and one
//! comparison. Else the place is compared with the curve, or, in the lowest layer, drawn from the tail
//! beyond `r = 3.44` by Marsaglia's method. Fast on a CPU; the lanes of a warp would wait for those whose
//! place is refused, so that there is no version for devices.
//!
//! **Tests.** The moments of `n` numbers deviate from their expectations by multiples of `1/√n`: for
//! normal numbers the mean has the standard deviation `1/√n`, the variance `√(2/n)`, the third moment
//! `√(15/n)` and the fourth `√(96/n)`. Kolmogorov and Smirnov: the largest distance `D` between the
//! sorted numbers' distribution and the true one is beyond `λ/√n` with a probability of about
//! `2 e^(-2λ²)`.
//!
//! **Caveats.** A normal number of Box and Muller from 24 bits is never beyond 5.8. Tests like these find
//! blunders, not weaknesses of a generator: those take batteries such as TestU01, which Philox passes.

use clap::Args;
use cuda_std::random::Philox;
use gpu::fundamentals::random;
use rayon::prelude::*;

use crate::Result;
use crate::backend::cuda::Buffer;
use crate::backend::operation::Operation;
use crate::backend::{CudaBackend, Memory};
use crate::fundamentals::data::count;
use crate::fundamentals::{Algorithm, Harness, Work};

/// Layers of the Ziggurat.
const N_LAYERS: usize = 128;
/// Where the lowest layer's tail begins, and the area of each layer: of 128 layers, from the paper.
const TAIL: f64 = 3.442_619_855_899;
const AREA: f64 = 9.912_563_035_262_17e-3;
/// Numbers that a thread draws at a time.
const N_PER_PART: usize = 1 << 14;

/// The options of `random`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How many numbers of each kind are drawn
    #[arg(long, value_name = "N", default_value_t = 1 << 22, value_parser = count)]
    n: usize,
}

/// Uniform numbers in `[0, 1)`: four from each stream of the seed, as a device draws them.
pub fn uniform(seed: u64, y: &mut [f32]) {
    draw(y, 0, |stream| {
        let mut random = Philox::new(seed, stream);
        [(); 4].map(|()| random.uniform_f32())
    });
}

/// Normal numbers by Box and Muller: two from each stream of the seed, as a device draws them.
pub fn box_muller(seed: u64, y: &mut [f32]) {
    draw(y, 0, |stream| Philox::new(seed, stream).normal_pair_f32());
}

/// Fills `y` with what `f` draws from stream after stream, beginning with `first`.
fn draw<const N: usize>(y: &mut [f32], first: u64, f: impl Fn(u64) -> [f32; N]) {
    for (stream, y) in (first..).zip(y.chunks_mut(N)) {
        let numbers = f(stream);
        y.copy_from_slice(&numbers[..y.len()]);
    }
}

/// The same, on all threads.
fn draw_threads<const N: usize>(y: &mut [f32], f: impl Fn(u64) -> [f32; N] + Sync) {
    y.par_chunks_mut(N_PER_PART)
        .enumerate()
        .for_each(|(part, y)| draw(y, (part * (N_PER_PART / N)) as u64, &f));
}

/// Draws normal numbers by the method of Marsaglia and Tsang.
pub struct Ziggurat {
    /// The right ends of the layers, the lowest first, and 0 in the end.
    edges: [f64; N_LAYERS + 1],
    /// The curve `e^(-x²/2)` there.
    heights: [f64; N_LAYERS + 1],
}

impl Default for Ziggurat {
    fn default() -> Self {
        let curve = |x: f64| (-0.5 * x * x).exp();
        let mut edges = [0.0; N_LAYERS + 1];
        // The lowest layer is as wide as a rectangle of its area and its height would be.
        edges[0] = AREA / curve(TAIL);
        edges[1] = TAIL;
        for layer in 2..N_LAYERS {
            let below: f64 = edges[layer - 1];
            edges[layer] = (-2.0 * (AREA / below + curve(below)).ln()).sqrt();
        }
        Ziggurat {
            edges,
            heights: edges.map(curve),
        }
    }
}

impl Ziggurat {
    /// The next normal number.
    pub fn sample(&self, random: &mut Philox) -> f32 {
        loop {
            // One word: 7 bits for the layer, 25 for the place and its sign.
            let word = random.next_u32();
            let layer = (word & 127) as usize;
            let share = f64::from((word >> 7) as i32 - (1 << 24)) / f64::from(1 << 24);
            let x = share * self.edges[layer];
            if x.abs() < self.edges[layer + 1] {
                return x as f32;
            }
            if layer == 0 {
                return (self.tail(random).copysign(share)) as f32;
            }
            let [above, below] = [self.heights[layer + 1], self.heights[layer]];
            let height = below + (above - below) * random.uniform_f64();
            if height < (-0.5 * x * x).exp() {
                return x as f32;
            }
        }
    }

    /// A number beyond the tail's beginning (Marsaglia, 1964).
    fn tail(&self, random: &mut Philox) -> f64 {
        loop {
            // 1 - u is in (0, 1], so that its logarithm is finite.
            let x = -(1.0 - random.uniform_f64()).ln() / TAIL;
            let y = -(1.0 - random.uniform_f64()).ln();
            if 2.0 * y > x * x {
                return TAIL + x;
            }
        }
    }
}

/// Normal numbers by the Ziggurat, from stream 0 of the seed.
pub fn ziggurat(seed: u64, y: &mut [f32]) {
    let ziggurat = Ziggurat::default();
    let mut random = Philox::new(seed, 0);
    y.fill_with(|| ziggurat.sample(&mut random));
}

/// Uniform numbers from a device: the bits of [`uniform`].
///
/// # Errors
///
/// If the device fails.
pub fn uniform_device(device: &CudaBackend, seed: u64, n: usize) -> Result<Vec<f32>> {
    let mut y = device.zeros(n)?;
    launch_uniform(device, seed, &mut y)?;
    device.download_floats(&y)
}

/// Normal numbers by Box and Muller from a device: those of [`box_muller`], up to the rounding of its
/// functions.
///
/// # Errors
///
/// If the device fails.
pub fn normal_device(device: &CudaBackend, seed: u64, n: usize) -> Result<Vec<f32>> {
    let mut y = device.zeros(n)?;
    launch_normal(device, seed, &mut y)?;
    device.download_floats(&y)
}

fn launch_uniform(device: &CudaBackend, seed: u64, y: &mut Buffer<f32>) -> Result<()> {
    let n = y.len();
    let config = Operation("uniform").threads(n.div_ceil(4), random::N_THREADS)?;
    let y = y.slice_mut(0..n);
    // SAFETY: a thread for each four numbers.
    unsafe { device.launch(config, random::uniform { seed, y }) }
}

fn launch_normal(device: &CudaBackend, seed: u64, y: &mut Buffer<f32>) -> Result<()> {
    let n = y.len();
    let config = Operation("normal").threads(n.div_ceil(2), random::N_THREADS)?;
    let y = y.slice_mut(0..n);
    // SAFETY: a thread for each pair.
    unsafe { device.launch(config, random::normal { seed, y }) }
}

/// The probability that a normal number is below `x`.
pub fn normal_distribution(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// Kolmogorov's and Smirnov's `√n D` of numbers that should have this distribution.
pub fn kolmogorov_smirnov(values: &[f32], distribution: impl Fn(f64) -> f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let n = sorted.len() as f64;
    let mut distance = 0.0_f64;
    for (idx, &value) in sorted.iter().enumerate() {
        let expected = distribution(value.into());
        let [before, after] = [idx as f64 / n, (idx + 1) as f64 / n];
        distance = distance
            .max((expected - before).abs())
            .max((after - expected).abs());
    }
    distance * n.sqrt()
}

/// How far the first four moments are from those expected, in standard deviations: the largest of them.
/// `expected` are the moments about 0, and those of twice the order, which give the deviations.
pub fn moments(values: &[f32], expected: [f64; 8]) -> f64 {
    let n = values.len() as f64;
    let mut largest = 0.0_f64;
    for order in 1..=4 {
        let sum: f64 = values.iter().map(|&x| f64::from(x).powi(order)).sum();
        let mean = expected[order as usize - 1];
        let deviation = ((expected[2 * order as usize - 1] - mean * mean) / n).sqrt();
        largest = largest.max((sum / n - mean).abs() / deviation);
    }
    largest
}

/// `E xᵏ` for `k` from 1 to 8, of numbers uniform in `[0, 1)`.
pub const UNIFORM_MOMENTS: [f64; 8] = [
    1.0 / 2.0,
    1.0 / 3.0,
    1.0 / 4.0,
    1.0 / 5.0,
    1.0 / 6.0,
    1.0 / 7.0,
    1.0 / 8.0,
    1.0 / 9.0,
];
/// The same of normal numbers.
pub const NORMAL_MOMENTS: [f64; 8] = [0.0, 1.0, 0.0, 3.0, 0.0, 15.0, 0.0, 105.0];

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let n = self.n;
        let seed = harness.seed();
        let work = Work {
            bytes: 4.0 * n as f64,
            operations: 0.0,
        };
        let mut uniforms = harness.table(work);
        let mut normals = harness.table(work);
        let mut y = vec![0.0; n];
        let mut tested = Vec::new();

        uniforms.host("uniform, plain loop", || uniform(seed, &mut y));
        tested.push(("uniform", true, y.clone()));
        uniforms.host("uniform, threads", || {
            draw_threads(&mut y, |stream| {
                let mut random = Philox::new(seed, stream);
                [(); 4].map(|()| random.uniform_f32())
            });
        });
        let differing = y.iter().zip(&tested[0].2).filter(|(a, b)| a != b).count();
        normals.host("Box-Muller, plain loop", || box_muller(seed, &mut y));
        tested.push(("normal by Box-Muller", false, y.clone()));
        normals.host("Box-Muller, threads", || {
            draw_threads(&mut y, |stream| Philox::new(seed, stream).normal_pair_f32());
        });
        normals.host("Ziggurat, plain loop", || ziggurat(seed, &mut y));
        tested.push(("normal by the Ziggurat", false, y));
        if let Some(device) = harness.device() {
            let mut y = device.zeros(n)?;
            uniforms.device("uniform, GPU", device, || {
                launch_uniform(device, seed, &mut y)
            })?;
            tested.push(("uniform, GPU", true, device.download_floats(&y)?));
            normals.device("Box-Muller, GPU", device, || {
                launch_normal(device, seed, &mut y)
            })?;
            tested.push(("normal, GPU", false, device.download_floats(&y)?));
        }
        harness.check("threads draw the same numbers", differing as f64, 0.0)?;
        for (what, is_uniform, values) in tested {
            let (moments, distance) = match is_uniform {
                true => (
                    moments(&values, UNIFORM_MOMENTS),
                    kolmogorov_smirnov(&values, |x| x.clamp(0.0, 1.0)),
                ),
                false => (
                    moments(&values, NORMAL_MOMENTS),
                    kolmogorov_smirnov(&values, normal_distribution),
                ),
            };
            // One seed of 100 million has a moment further away; `2 e^(-2 · 3.2²)` is one of 400 million.
            // Fewer than 1000 numbers have fourth moments that are not yet normal themselves.
            let limit = if n < 1000 { 50.0 } else { 6.0 };
            harness.check(&format!("{what}: moments, in deviations"), moments, limit)?;
            harness.check(&format!("{what}: Kolmogorov-Smirnov"), distance, 3.2)?;
        }
        harness.print_table(uniforms)?;
        harness.print_table(normals)
    }
}
