//! A network that learns the density of a two-dimensional normal distribution from random points:
//! the points, and many steps of training in one launch.
//!
//! B points of a step, of which [`N_POINTS`] are worked on at a time. The network is a chain of dense
//! layers `y = activation(x · weight + bias)`, the last one without activation, and learns the density as
//! a share of its largest value, which is between 0 and 1 whatever the covariance. The loss of a step is
//! the mean over its points of the squared error.
//!
//! What a step draws follows from the seed, the step and the point's place in the batch. The host's
//! version calls the functions that the kernels call.

mod steps;

use cuda_std::kernel::DeviceValue;
use cuda_std::output::DisjointSlice;
use cuda_std::prelude::*;
use cuda_std::random::Philox;

use crate::activation::Activation;
use crate::optimizer::AdamScalars;

pub use steps::train_network;

/// Threads of a block.
pub const N_THREADS: u32 = 128;
/// Points that are worked on at a time.
pub const N_POINTS: usize = 16;
/// Points are uniform in the square from minus to plus this.
pub const EXTENT: f32 = 3.0;
/// Inputs of the network.
pub const N_INPUTS: usize = 2;
/// Hidden layers that a [`SmallNetwork`] has at most.
pub const MAX_HIDDEN_LAYERS: usize = 6;
/// Units that a hidden layer has at most.
pub const MAX_WIDTH: usize = 64;
/// Inputs, units and the output together.
pub const MAX_UNITS: usize = N_INPUTS + 2 * MAX_WIDTH + 1;
/// Weights and biases together: two hidden layers of [`MAX_WIDTH`] have so many.
pub const MAX_PARAMETERS: usize = (N_INPUTS + 1) * MAX_WIDTH + (MAX_WIDTH + 1) * (MAX_WIDTH + 1);

/// The density of a normal distribution as a share of its largest value, at the point v:
/// `e^(-|z|² / 2)` with `z = whitening (v - mean)`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct Density {
    /// Where it is largest.
    pub mean: [f32; 2],
    /// The inverse of the covariance's Cholesky factor: `z[0] = a dx` and `z[1] = b dx + c dy` for
    /// `[a, b, c]`.
    pub whitening: [f32; 3],
}

// SAFETY: numbers of 4 bytes side by side, and no address.
unsafe impl DeviceValue for Density {}

impl Density {
    /// The share at a point, with the exponential function `exp`: the host has its own.
    #[inline(always)]
    pub fn share(self, [x, y]: [f32; 2], exp: impl Fn(f32) -> f32) -> f32 {
        let [a, b, c] = self.whitening;
        let (dx, dy) = (x - self.mean[0], y - self.mean[1]);
        let (z0, z1) = (a * dx, b * dx + c * dy);
        exp(-0.5 * (z0 * z0 + z1 * z1))
    }
}

/// A coordinate of a point, from a random word.
#[inline(always)]
pub fn coordinate(word: u32) -> f32 {
    const SCALE: f32 = 2.0 * EXTENT / (1 << 24) as f32;
    // 24 bits, which a signed integer of 32 has room for: vectors convert these.
    (word >> 8) as i32 as f32 * SCALE - EXTENT
}

/// Half of the [`N_POINTS`] points of a group with one half's index: a block of words has the
/// coordinates of point `idx` and those of point `idx + N_POINTS / 2`.
#[inline(always)]
pub fn words(seed: u64, step: u64, group_idx: u32, idx: u32) -> [u32; 4] {
    let mut random = Philox::new(seed, step);
    random.seek(u64::from(group_idx) * (N_POINTS as u64 / 2) + u64::from(idx));
    random.next_block()
}

/// The point at a place in the batch of a step.
#[inline(always)]
pub fn point(seed: u64, step: u64, place: u32) -> [f32; 2] {
    const HALF: u32 = N_POINTS as u32 / 2;
    let (group_idx, idx) = (place / N_POINTS as u32, place % N_POINTS as u32);
    let [x0, y0, x1, y1] = words(seed, step, group_idx, idx % HALF);
    let [x, y] = if idx < HALF { [x0, y0] } else { [x1, y1] };
    [coordinate(x), coordinate(y)]
}

/// A network that is small enough for all of it to lie in shared memory, or in the host's first cache.
///
/// Its parameters lie side by side: of each layer with K inputs and N outputs the weight, `[K, N]`, then
/// the bias, `[N]`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct SmallNetwork {
    /// Units of the hidden layers, a byte for each, the first one lowest: a word needs no memory to be
    /// looked up in.
    widths: u64,
    n_layers: u64,
}

// SAFETY: two numbers of 8 bytes, and no address.
unsafe impl DeviceValue for SmallNetwork {}

impl SmallNetwork {
    /// The network with these hidden layers; `None` if it is not small.
    pub fn new(hidden: &[usize]) -> Option<SmallNetwork> {
        let n_units: usize = hidden.iter().fold(0, |sum, &n| n.saturating_add(sum));
        let is_small = hidden.iter().all(|width| (1..=MAX_WIDTH).contains(width))
            && hidden.len() <= MAX_HIDDEN_LAYERS
            && N_INPUTS + n_units < MAX_UNITS;
        if !is_small {
            return None;
        }
        let widths = hidden.iter().rev().fold(0, |all, &n| all << 8 | n as u64);
        let network = SmallNetwork {
            widths,
            n_layers: hidden.len() as u64 + 1,
        };
        (network.n_parameters() <= MAX_PARAMETERS).then_some(network)
    }

    /// Dense layers.
    #[inline(always)]
    pub fn n_layers(self) -> usize {
        self.n_layers as usize
    }

    /// Inputs of layer `layer_idx`, which are the outputs of the one before; there is one after the last.
    #[inline(always)]
    pub fn width(self, layer_idx: usize) -> usize {
        if layer_idx == 0 {
            N_INPUTS
        } else if layer_idx == self.n_layers() {
            1
        } else {
            (self.widths >> (8 * (layer_idx - 1)) & 0xff) as usize
        }
    }

    /// Weights and biases of all layers.
    pub fn n_parameters(self) -> usize {
        let of_layer = |idx| (self.width(idx) + 1) * self.width(idx + 1);
        (0..self.n_layers()).map(of_layer).sum()
    }
}

/// What updates the parameters: gradient descent, or Adam where a launch brings its means.
///
/// The powers of Adam's β are kept from step to step as products, in double precision.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct Descent {
    /// Step size.
    pub learning_rate: f64,
    /// β₁ and β₂.
    pub betas: [f64; 2],
    /// β₁ and β₂ to the power of the steps that are done.
    pub powers: [f64; 2],
    /// ε
    pub epsilon: f64,
}

// SAFETY: numbers of 8 bytes side by side, and no address.
unsafe impl DeviceValue for Descent {}

impl Descent {
    /// The numbers of Adam's next step.
    #[inline(always)]
    pub fn next_adam(&mut self) -> AdamScalars {
        let [beta1, beta2] = self.betas;
        self.powers = [self.powers[0] * beta1, self.powers[1] * beta2];
        let root = GpuFloat::sqrt(1.0 - self.powers[1]);
        AdamScalars {
            parameter_factor: 1.0,
            weight_decay: 0.0,
            beta1: beta1 as f32,
            one_minus_beta1: (1.0 - beta1) as f32,
            beta2: beta2 as f32,
            one_minus_beta2: (1.0 - beta2) as f32,
            step_size: (self.learning_rate / (1.0 - self.powers[0])) as f32,
            root_correction: (1.0 / root) as f32,
            epsilon: self.epsilon as f32,
        }
    }
}

/// The points of a step, and the density's share at each: overwrites `x` and `target`.
///
/// Shapes: `x` `[B, 2]`, `target` `[B]`.
/// Launch: along x, a thread per point, in blocks of [`N_THREADS`].
/// Cost: `12 B` bytes; 20 multiplications of 32 bits for each point.
#[kernel]
pub fn draw_points(
    density: Density,
    seed: u64,
    step: u64,
    mut x: DisjointSlice<f32>,
    mut target: PerThread<f32>,
) {
    let place = thread::index_1d();
    if let Some(target) = target.get_mut() {
        let point = point(seed, step, place);
        *target = density.share(point, GpuFloat::exp);
        let at = N_INPUTS * place as usize;
        // SAFETY: this thread alone has this point.
        unsafe {
            if let Some(x) = x.get_mut(at) {
                *x = point[0];
            }
            if let Some(x) = x.get_mut(at + 1) {
                *x = point[1];
            }
        }
    }
}

/// What steps of training are about, but for the buffers.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct Course {
    /// What is trained.
    pub network: SmallNetwork,
    /// Of all random numbers.
    pub seed: u64,
    /// The first step's number.
    pub first_step: u64,
    /// Steps of the launch.
    pub n_steps: u64,
    /// What updates the parameters.
    pub descent: Descent,
    /// What is learned.
    pub density: Density,
    /// B, at least 1.
    pub n_rows: u32,
    /// Behind each hidden layer, one that [`Activation::is_known_from_output`].
    pub activation: Activation,
}

// SAFETY: numbers and values of devices side by side, no address.
unsafe impl DeviceValue for Course {}
