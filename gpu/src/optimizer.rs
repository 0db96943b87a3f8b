//! Optimizers: stochastic gradient descent, Adam, RMSprop, Adagrad.
//!
//! Every kernel updates a parameter, and what the optimizer keeps of it from step to step, in place
//! and in one pass. The update rules are those of PyTorch's `torch.optim`, in its order of operations,
//! but for products that are added, which are rounded once.

use cuda_std::kernel::DeviceValue;
use cuda_std::prelude::*;
use cuda_std::vector::{F32x4, Vec4, as_vectors};

use crate::elements;

/// Threads of a block.
pub const N_THREADS: u32 = 256;

/// `parameter -= learning_rate (gradient + weight_decay parameter)`: updates `parameter` in place.
/// Both have the same length `n`.
///
/// Launch: along x, a thread per element, or per four elements if `n` is a multiple of 4.
/// Cost: `12 n` bytes.
#[kernel]
pub fn sgd(parameter: PerThread<f32>, gradient: &[f32], learning_rate: f32, weight_decay: f32) {
    let step = |parameter, gradient, nothing| {
        let gradient = weight_decay.mul_add(parameter, gradient);
        ((-learning_rate).mul_add(gradient, parameter), nothing)
    };
    // SAFETY: all threads are here, with the same buffers.
    unsafe {
        update(parameter, gradient, (none(), none(), none()), step);
    }
}

/// With `g = gradient + weight_decay parameter`: `velocity = momentum velocity + g`, then
/// `parameter -= learning_rate velocity`, or `learning_rate (g + momentum velocity)` with Nesterov's
/// momentum. Updates both in place. All three have the same length `n`.
///
/// Launch: along x, a thread per element, or per four elements if `n` is a multiple of 4.
/// Cost: `20 n` bytes.
#[kernel]
pub fn sgd_momentum(
    parameter: PerThread<f32>,
    gradient: &[f32],
    velocity: PerThread<f32>,
    learning_rate: f32,
    momentum: f32,
    nesterov: bool,
    weight_decay: f32,
) {
    let step = |parameter, gradient, [velocity, ..]: [f32; 3]| {
        let gradient = weight_decay.mul_add(parameter, gradient);
        let velocity = momentum.mul_add(velocity, gradient);
        let direction = if nesterov {
            momentum.mul_add(velocity, gradient)
        } else {
            velocity
        };
        (
            (-learning_rate).mul_add(direction, parameter),
            [velocity, 0.0, 0.0],
        )
    };
    // SAFETY: all threads are here, with the same buffers.
    unsafe { update(parameter, gradient, (velocity, none(), none()), step) };
}

/// The numbers of one step of Adam, which the host computes in double precision: `1 - 0.999` has
/// lost half of its digits in single precision.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct AdamScalars {
    /// What the parameter is multiplied by first: 1, or `1 - learning_rate · weight_decay` where the
    /// decay is decoupled from the gradient.
    pub parameter_factor: f32,
    /// What is added to the gradient for each unit of the parameter, where it is not.
    pub weight_decay: f32,
    /// β₁
    pub beta1: f32,
    /// 1 - β₁
    pub one_minus_beta1: f32,
    /// β₂
    pub beta2: f32,
    /// 1 - β₂
    pub one_minus_beta2: f32,
    /// `learning_rate / (1 - β₁^step)`
    pub step_size: f32,
    /// `1 / sqrt(1 - β₂^step)`
    pub root_correction: f32,
    /// ε
    pub epsilon: f32,
}

// SAFETY: numbers of 4 bytes side by side, and no address.
unsafe impl DeviceValue for AdamScalars {}

impl AdamScalars {
    /// A parameter after the step, and the two means, which come as they were before.
    #[inline(always)]
    pub fn step(
        &self,
        parameter: f32,
        gradient: f32,
        [exp_avg, exp_avg_sq]: [f32; 2],
    ) -> (f32, [f32; 2]) {
        let gradient = self.weight_decay.mul_add(parameter, gradient);
        let exp_avg = self.beta1.mul_add(exp_avg, self.one_minus_beta1 * gradient);
        let square = self.one_minus_beta2 * gradient * gradient;
        let exp_avg_sq = self.beta2.mul_add(exp_avg_sq, square);
        let root = GpuFloat::sqrt(exp_avg_sq);
        let denominator = self.root_correction.mul_add(root, self.epsilon);
        let parameter = self.parameter_factor * parameter;
        let parameter = (-self.step_size).mul_add(exp_avg / denominator, parameter);
        (parameter, [exp_avg, exp_avg_sq])
    }
}

/// With `p = parameter_factor parameter` and `g = gradient + weight_decay parameter`:
/// `exp_avg = β₁ exp_avg + (1 - β₁) g`, `exp_avg_sq = β₂ exp_avg_sq + (1 - β₂) g²`, then
/// `parameter = p - step_size exp_avg / (root_correction sqrt(exp_avg_sq) + ε)`. Updates all three in
/// place. All four arrays have the same length `n`.
///
/// Launch: along x, a thread per element, or per four elements if `n` is a multiple of 4.
/// Cost: `28 n` bytes.
#[kernel]
pub fn adam(
    parameter: PerThread<f32>,
    gradient: &[f32],
    exp_avg: PerThread<f32>,
    exp_avg_sq: PerThread<f32>,
    scalars: AdamScalars,
) {
    let step = |parameter: f32, gradient, [exp_avg, exp_avg_sq, _]: [f32; 3]| {
        let (parameter, means) = scalars.step(parameter, gradient, [exp_avg, exp_avg_sq]);
        (parameter, [means[0], means[1], 0.0])
    };
    // SAFETY: all threads are here, with the same buffers.
    unsafe { update(parameter, gradient, (exp_avg, exp_avg_sq, none()), step) };
}

/// The numbers of one step of RMSprop.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct RmspropScalars {
    /// Step size.
    pub learning_rate: f32,
    /// L2 penalty.
    pub weight_decay: f32,
    /// α
    pub alpha: f32,
    /// 1 - α, from double precision.
    pub one_minus_alpha: f32,
    /// ε
    pub epsilon: f32,
    /// Share of the velocity that is kept.
    pub momentum: f32,
}

// SAFETY: numbers of 4 bytes side by side, and no address.
unsafe impl DeviceValue for RmspropScalars {}

/// With `g = gradient + weight_decay parameter`: `square_avg = α square_avg + (1 - α) g²`,
/// `grad_avg = α grad_avg + (1 - α) g`,
/// `velocity = momentum velocity + g / (sqrt(square_avg - grad_avg²) + ε)`, then
/// `parameter -= learning_rate velocity`. Updates all in place.
///
/// All arrays have the same length `n`, but `velocity` and `grad_avg` may be empty: the step is then
/// without momentum, or not centered (as if `grad_avg` were 0). A variance that rounding has made
/// negative counts as 0.
///
/// Launch: along x, a thread per element, or per four elements if `n` is a multiple of 4.
/// Cost: `20 n` bytes, and `8 n` for each of `velocity` and `grad_avg`.
#[kernel]
pub fn rmsprop(
    parameter: PerThread<f32>,
    gradient: &[f32],
    square_avg: PerThread<f32>,
    velocity: PerThread<f32>,
    grad_avg: PerThread<f32>,
    scalars: RmspropScalars,
) {
    let (velocity, grad_avg) = (optional(velocity), optional(grad_avg));
    let is_centered = !grad_avg.is_empty();
    let step = |parameter, gradient, [square_avg, velocity, grad_avg]: [f32; 3]| {
        let s = &scalars;
        let gradient = s.weight_decay.mul_add(parameter, gradient);
        let square = s.one_minus_alpha * gradient * gradient;
        let square_avg = s.alpha.mul_add(square_avg, square);
        let grad_avg = s.alpha.mul_add(grad_avg, s.one_minus_alpha * gradient);
        let mut variance = square_avg;
        if is_centered {
            variance = (-grad_avg).mul_add(grad_avg, square_avg);
            // Not `max`, which drops a NaN.
            variance = if variance < 0.0 { 0.0 } else { variance };
        }
        let direction = gradient / (variance.sqrt() + s.epsilon);
        let velocity = s.momentum.mul_add(velocity, direction);
        let parameter = (-s.learning_rate).mul_add(velocity, parameter);
        (parameter, [square_avg, velocity, grad_avg])
    };
    // SAFETY: all threads are here, with the same buffers.
    unsafe { update(parameter, gradient, (square_avg, velocity, grad_avg), step) };
}

/// With `g = gradient + weight_decay parameter`: `sum += g²`, then
/// `parameter -= learning_rate g / (sqrt(sum) + ε)`. Updates both in place. All three arrays have the
/// same length `n`.
///
/// Launch: along x, a thread per element, or per four elements if `n` is a multiple of 4.
/// Cost: `20 n` bytes.
#[kernel]
pub fn adagrad(
    parameter: PerThread<f32>,
    gradient: &[f32],
    sum: PerThread<f32>,
    learning_rate: f32,
    weight_decay: f32,
    epsilon: f32,
) {
    let step = |parameter, gradient, [sum, ..]: [f32; 3]| {
        let gradient = weight_decay.mul_add(parameter, gradient);
        let sum = gradient.mul_add(gradient, sum);
        let direction = gradient / (sum.sqrt() + epsilon);
        (
            (-learning_rate).mul_add(direction, parameter),
            [sum, 0.0, 0.0],
        )
    };
    // SAFETY: all threads are here, with the same buffers.
    unsafe { update(parameter, gradient, (sum, none(), none()), step) };
}

/// Updates this thread's elements of a parameter and of up to three arrays that are kept of it: `step`
/// makes new ones of the parameter, its gradient and the arrays. Of an array that is empty it gets 0.
///
/// The arrays have names rather than indices, and so have the lanes of a vector: the compiler would put
/// an array of handles into local memory.
///
/// # Safety
///
/// - All threads of the launch call it with the same buffers.
#[inline(always)]
unsafe fn update(
    parameter: PerThread<f32>,
    gradient: &[f32],
    (first, second, third): (PerThread<f32>, PerThread<f32>, PerThread<f32>),
    step: impl Fn(f32, f32, [f32; 3]) -> (f32, [f32; 3]),
) {
    let i = thread::index_1d() as usize;
    // SAFETY: lengths and addresses are the same for all threads, and so is what they convert.
    let (parameter, first, second, third) = unsafe {
        (
            parameter.into_vectors::<F32x4>(),
            first.into_vectors::<F32x4>(),
            second.into_vectors::<F32x4>(),
            third.into_vectors::<F32x4>(),
        )
    };
    let gradient_vectors = as_vectors::<F32x4>(gradient);
    match (parameter, gradient_vectors, first, second, third) {
        (Ok(mut parameter), Some(gradient), Ok(mut first), Ok(mut second), Ok(mut third)) => {
            if let Some(Vec4(parameter)) = parameter.get_mut()
                && let Some(Vec4(gradient)) = gradient.get(i)
            {
                let (first, second, third) = (first.get_mut(), second.get_mut(), third.get_mut());
                // All is loaded before anything is stored, so loads of 16 bytes stay whole.
                let (a, b, c) = (value(&first), value(&second), value(&third));
                let (old, gradient) = (*parameter, *gradient);
                let step = |lane: usize| {
                    step(old[lane], gradient[lane], [a.0[lane], b.0[lane], c.0[lane]])
                };
                let ((p0, s0), (p1, s1), (p2, s2), (p3, s3)) = (step(0), step(1), step(2), step(3));
                *parameter = [p0, p1, p2, p3];
                store(first, Vec4([s0[0], s1[0], s2[0], s3[0]]));
                store(second, Vec4([s0[1], s1[1], s2[1], s3[1]]));
                store(third, Vec4([s0[2], s1[2], s2[2], s3[2]]));
            }
        }
        (parameter, _, first, second, third) => {
            // SAFETY: as above.
            let (mut parameter, mut first, mut second, mut third) = unsafe {
                (
                    elements(parameter),
                    elements(first),
                    elements(second),
                    elements(third),
                )
            };
            if let Some(parameter) = parameter.get_mut()
                && let Some(gradient) = gradient.get(i)
            {
                let (first, second, third) = (first.get_mut(), second.get_mut(), third.get_mut());
                let old = [value(&first), value(&second), value(&third)];
                let new;
                (*parameter, new) = step(*parameter, *gradient, old);
                store(first, new[0]);
                store(second, new[1]);
                store(third, new[2]);
            }
        }
    }
}

/// What an array holds for this thread; zeros, if there is no array.
#[inline(always)]
fn value<T: Copy + Default>(element: &Option<&mut T>) -> T {
    match element {
        Some(element) => **element,
        None => T::default(),
    }
}

#[inline(always)]
fn store<T>(element: Option<&mut T>, value: T) {
    if let Some(element) = element {
        *element = value;
    }
}

/// An array that may be empty: wherever that begins, it does not keep the others from being vectors.
#[inline(always)]
fn optional(array: PerThread<f32>) -> PerThread<f32> {
    if array.is_empty() { none() } else { array }
}

/// Stands for an array that a rule does not keep.
#[inline(always)]
fn none() -> PerThread<f32> {
    // SAFETY: there is no element.
    unsafe { PerThread::from_raw_parts(core::ptr::dangling_mut::<F32x4>().cast(), 0) }
}
