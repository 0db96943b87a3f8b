//! Stochastic gradient descent.

use cuda_std::prelude::*;
use cuda_std::vector::{F32x4, Vec4, as_vectors};

use crate::elements;

/// Threads of a block.
pub const N_THREADS: u32 = 256;

/// The numbers of one step, the same for all parameters.
#[derive(Clone, Copy)]
struct Step {
    learning_rate: f32,
    momentum: f32,
    weight_decay: f32,
}

impl Step {
    // Arrays by value: all of them are loaded before any is stored, so loads of 16 bytes stay whole.
    #[inline(always)]
    fn update<const N: usize>(self, parameter: [f32; N], gradient: [f32; N]) -> [f32; N] {
        core::array::from_fn(|idx| {
            let gradient = self.weight_decay.mul_add(parameter[idx], gradient[idx]);
            (-self.learning_rate).mul_add(gradient, parameter[idx])
        })
    }

    /// Gives the velocity; the parameter then takes [`Step::follow`].
    #[inline(always)]
    fn accelerate<const N: usize>(
        self,
        parameter: [f32; N],
        gradient: [f32; N],
        velocity: [f32; N],
    ) -> [f32; N] {
        core::array::from_fn(|idx| {
            let gradient = self.weight_decay.mul_add(parameter[idx], gradient[idx]);
            self.momentum.mul_add(velocity[idx], gradient)
        })
    }

    #[inline(always)]
    fn follow<const N: usize>(self, parameter: [f32; N], velocity: [f32; N]) -> [f32; N] {
        core::array::from_fn(|idx| (-self.learning_rate).mul_add(velocity[idx], parameter[idx]))
    }
}

/// `parameter -= learning_rate (gradient + weight_decay parameter)`: updates `parameter` in place.
/// Both have the same length `n`.
///
/// Launch: along x, a thread per element, or per four elements if `n` is a multiple of 4.
/// Cost: `12 n` bytes.
#[kernel]
pub fn sgd(parameter: PerThread<f32>, gradient: &[f32], learning_rate: f32, weight_decay: f32) {
    let i = thread::index_1d() as usize;
    let step = Step {
        learning_rate,
        momentum: 0.0,
        weight_decay,
    };
    // SAFETY: lengths and addresses are the same for all threads, and so is what they convert.
    let vectors = unsafe { parameter.into_vectors::<F32x4>() };
    match (vectors, as_vectors::<F32x4>(gradient)) {
        (Ok(mut parameter), Some(gradient)) => {
            if let Some(parameter) = parameter.get_mut()
                && let Some(gradient) = gradient.get(i)
            {
                *parameter = Vec4(step.update(parameter.0, gradient.0));
            }
        }
        (parameter, _) => {
            // SAFETY: as above.
            let mut parameter = unsafe { elements(parameter) };
            if let Some(parameter) = parameter.get_mut()
                && let Some(gradient) = gradient.get(i)
            {
                [*parameter] = step.update([*parameter], [*gradient]);
            }
        }
    }
}

/// `velocity = momentum velocity + gradient + weight_decay parameter`, then
/// `parameter -= learning_rate velocity`: updates both in place. All three have the same length `n`.
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
    weight_decay: f32,
) {
    let i = thread::index_1d() as usize;
    let step = Step {
        learning_rate,
        momentum,
        weight_decay,
    };
    // SAFETY: lengths and addresses are the same for all threads, and so is what they convert.
    let (parameter_vectors, velocity_vectors) = unsafe {
        (
            parameter.into_vectors::<F32x4>(),
            velocity.into_vectors::<F32x4>(),
        )
    };
    match (
        parameter_vectors,
        as_vectors::<F32x4>(gradient),
        velocity_vectors,
    ) {
        (Ok(mut parameter), Some(gradient), Ok(mut velocity)) => {
            if let Some(parameter) = parameter.get_mut()
                && let Some(velocity) = velocity.get_mut()
                && let Some(gradient) = gradient.get(i)
            {
                let old = parameter.0;
                let new_velocity = step.accelerate(old, gradient.0, velocity.0);
                *velocity = Vec4(new_velocity);
                *parameter = Vec4(step.follow(old, new_velocity));
            }
        }
        (parameter, _, velocity) => {
            // SAFETY: as above.
            let (mut parameter, mut velocity) =
                unsafe { (elements(parameter), elements(velocity)) };
            if let Some(parameter) = parameter.get_mut()
                && let Some(velocity) = velocity.get_mut()
                && let Some(gradient) = gradient.get(i)
            {
                [*velocity] = step.accelerate([*parameter], [*gradient], [*velocity]);
                [*parameter] = step.follow([*parameter], [*velocity]);
            }
        }
    }
}
