//! Stochastic gradient descent.

use cuda_std::prelude::*;
use cuda_std::vector::{F32x4, as_vectors};

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
    #[inline(always)]
    fn update(self, parameter: &mut f32, gradient: f32) {
        let gradient = self.weight_decay.mul_add(*parameter, gradient);
        *parameter = (-self.learning_rate).mul_add(gradient, *parameter);
    }

    #[inline(always)]
    fn update_with_velocity(self, parameter: &mut f32, gradient: f32, velocity: &mut f32) {
        let gradient = self.weight_decay.mul_add(*parameter, gradient);
        *velocity = self.momentum.mul_add(*velocity, gradient);
        *parameter = (-self.learning_rate).mul_add(*velocity, *parameter);
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
            if let (Some(parameter), Some(gradient)) = (parameter.get_mut(), gradient.get(i)) {
                for (parameter, gradient) in parameter.0.iter_mut().zip(&gradient.0) {
                    step.update(parameter, *gradient);
                }
            }
        }
        (parameter, _) => {
            // SAFETY: as above.
            let mut parameter = unsafe { elements(parameter) };
            if let (Some(parameter), Some(gradient)) = (parameter.get_mut(), gradient.get(i)) {
                step.update(parameter, *gradient);
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
            if let (Some(parameter), Some(gradient), Some(velocity)) =
                (parameter.get_mut(), gradient.get(i), velocity.get_mut())
            {
                for ((parameter, gradient), velocity) in
                    parameter.0.iter_mut().zip(&gradient.0).zip(&mut velocity.0)
                {
                    step.update_with_velocity(parameter, *gradient, velocity);
                }
            }
        }
        (parameter, _, velocity) => {
            // SAFETY: as above.
            let (mut parameter, mut velocity) =
                unsafe { (elements(parameter), elements(velocity)) };
            if let (Some(parameter), Some(gradient), Some(velocity)) =
                (parameter.get_mut(), gradient.get(i), velocity.get_mut())
            {
                step.update_with_velocity(parameter, *gradient, velocity);
            }
        }
    }
}
