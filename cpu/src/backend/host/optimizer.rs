//! Updates of parameters by their gradients.

use std::array;

use gpu::optimizer::{AdamScalars, RmspropScalars};

use super::matrix::SharedColumns;
use super::{Floats, GRANULARITY, HostBackend, Operation};
use crate::Result;
use crate::backend::{AdagradStep, AdamStep, OptimizerOperations, RmspropStep, SgdStep};

impl OptimizerOperations for HostBackend {
    fn sgd_step(&self, op: SgdStep<'_, Floats>) -> Result<()> {
        sgd_step(self, op)
    }

    fn adam_step(&self, op: AdamStep<'_, Floats>) -> Result<()> {
        adam_step(self, op)
    }

    fn rmsprop_step(&self, op: RmspropStep<'_, Floats>) -> Result<()> {
        rmsprop_step(self, op)
    }

    fn adagrad_step(&self, op: AdagradStep<'_, Floats>) -> Result<()> {
        adagrad_step(self, op)
    }
}

/// About what an element costs, in the units of the products' arithmetic.
const WORK_PER_ELEMENT: usize = 8;
/// The same, with a square root and a division.
const WORK_PER_ROOT: usize = 32;

pub(super) fn sgd_step(backend: &HostBackend, op: SgdStep<'_, Floats>) -> Result<()> {
    let check = Operation("sgd_step");
    let SgdStep {
        learning_rate,
        momentum,
        nesterov,
        weight_decay,
        n,
        ..
    } = op;
    let parameter = check.write("parameter", op.parameter, &[n])?;
    let gradient = check.read("gradient", op.gradient, &[n])?;
    let update = Update {
        backend,
        parameter,
        gradient,
        work_per_element: WORK_PER_ELEMENT,
    };
    let Some(velocity) = op.velocity else {
        update.each(
            [],
            #[inline(always)]
            |parameter, gradient, []| {
                let gradient = gradient + weight_decay * parameter;
                (parameter - learning_rate * gradient, [])
            },
        );
        return Ok(());
    };
    update.each(
        [check.write("velocity", velocity, &[n])?],
        #[inline(always)]
        |parameter, gradient, [velocity]| {
            let gradient = gradient + weight_decay * parameter;
            let velocity = momentum * velocity + gradient;
            let direction = if nesterov {
                gradient + momentum * velocity
            } else {
                velocity
            };
            (parameter - learning_rate * direction, [velocity])
        },
    );
    Ok(())
}

fn adam_step(backend: &HostBackend, op: AdamStep<'_, Floats>) -> Result<()> {
    let check = Operation("adam_step");
    let s = op.scalars();
    let update = Update {
        backend,
        parameter: check.write("parameter", op.parameter, &[op.n])?,
        gradient: check.read("gradient", op.gradient, &[op.n])?,
        work_per_element: WORK_PER_ROOT,
    };
    let exp_avg = check.write("exp_avg", op.exp_avg, &[op.n])?;
    let exp_avg_sq = check.write("exp_avg_sq", op.exp_avg_sq, &[op.n])?;
    update.each(
        [exp_avg, exp_avg_sq],
        #[inline(always)]
        |parameter, gradient, means| adam(&s, parameter, gradient, means),
    );
    Ok(())
}

/// A parameter after a step of Adam, and the two means, which come as they were before.
#[inline(always)]
pub(super) fn adam(
    s: &AdamScalars,
    parameter: f32,
    gradient: f32,
    [exp_avg, exp_avg_sq]: [f32; 2],
) -> (f32, [f32; 2]) {
    let gradient = gradient + s.weight_decay * parameter;
    let exp_avg = s.beta1 * exp_avg + s.one_minus_beta1 * gradient;
    let exp_avg_sq = s.beta2 * exp_avg_sq + s.one_minus_beta2 * gradient * gradient;
    let denominator = s.root_correction * exp_avg_sq.sqrt() + s.epsilon;
    let parameter = s.parameter_factor * parameter - s.step_size * (exp_avg / denominator);
    (parameter, [exp_avg, exp_avg_sq])
}

fn rmsprop_step(backend: &HostBackend, op: RmspropStep<'_, Floats>) -> Result<()> {
    let check = Operation("rmsprop_step");
    let n = op.n;
    let s = op.scalars();
    let update = Update {
        backend,
        parameter: check.write("parameter", op.parameter, &[n])?,
        gradient: check.read("gradient", op.gradient, &[n])?,
        work_per_element: WORK_PER_ROOT,
    };
    let square_avg = check.write("square_avg", op.square_avg, &[n])?;
    let velocity = match op.velocity {
        Some(velocity) => Some(check.write("velocity", velocity, &[n])?),
        None => None,
    };
    let grad_avg = match op.grad_avg {
        Some(grad_avg) => Some(check.write("grad_avg", grad_avg, &[n])?),
        None => None,
    };

    let is_centered = grad_avg.is_some();
    match (velocity, grad_avg) {
        (None, None) => update.each(
            [square_avg],
            #[inline(always)]
            |parameter, gradient, [a]| {
                let (parameter, [a, _, _]) =
                    rmsprop(&s, is_centered, parameter, gradient, [a, 0.0, 0.0]);
                (parameter, [a])
            },
        ),
        (Some(velocity), None) => update.each(
            [square_avg, velocity],
            #[inline(always)]
            |parameter, gradient, [a, b]| {
                let (parameter, [a, b, _]) =
                    rmsprop(&s, is_centered, parameter, gradient, [a, b, 0.0]);
                (parameter, [a, b])
            },
        ),
        (None, Some(grad_avg)) => update.each(
            [square_avg, grad_avg],
            #[inline(always)]
            |parameter, gradient, [a, c]| {
                let (parameter, [a, _, c]) =
                    rmsprop(&s, is_centered, parameter, gradient, [a, 0.0, c]);
                (parameter, [a, c])
            },
        ),
        (Some(velocity), Some(grad_avg)) => update.each(
            [square_avg, velocity, grad_avg],
            #[inline(always)]
            |parameter, gradient, state| rmsprop(&s, is_centered, parameter, gradient, state),
        ),
    }
    Ok(())
}

/// One element: the parameter, and the mean of squares, the velocity and the mean of gradients.
#[inline(always)]
fn rmsprop(
    s: &RmspropScalars,
    is_centered: bool,
    parameter: f32,
    gradient: f32,
    [square_avg, velocity, grad_avg]: [f32; 3],
) -> (f32, [f32; 3]) {
    let gradient = gradient + s.weight_decay * parameter;
    let square_avg = s.alpha * square_avg + s.one_minus_alpha * gradient * gradient;
    let grad_avg = s.alpha * grad_avg + s.one_minus_alpha * gradient;
    let mut variance = square_avg;
    if is_centered {
        variance -= grad_avg * grad_avg;
        // Not `max`, which drops a NaN.
        variance = if variance < 0.0 { 0.0 } else { variance };
    }
    let velocity = s.momentum * velocity + gradient / (variance.sqrt() + s.epsilon);
    let parameter = parameter - s.learning_rate * velocity;
    (parameter, [square_avg, velocity, grad_avg])
}

fn adagrad_step(backend: &HostBackend, op: AdagradStep<'_, Floats>) -> Result<()> {
    let check = Operation("adagrad_step");
    let AdagradStep {
        learning_rate,
        epsilon,
        weight_decay,
        n,
        ..
    } = op;
    let update = Update {
        backend,
        parameter: check.write("parameter", op.parameter, &[n])?,
        gradient: check.read("gradient", op.gradient, &[n])?,
        work_per_element: WORK_PER_ROOT,
    };
    update.each(
        [check.write("sum", op.sum, &[n])?],
        #[inline(always)]
        |parameter, gradient, [sum]| {
            let gradient = gradient + weight_decay * parameter;
            let sum = sum + gradient * gradient;
            let direction = gradient / (sum.sqrt() + epsilon);
            (parameter - learning_rate * direction, [sum])
        },
    );
    Ok(())
}

/// What every step needs.
struct Update<'a> {
    backend: &'a HostBackend,
    parameter: &'a mut [f32],
    gradient: &'a [f32],
    work_per_element: usize,
}

impl Update<'_> {
    /// Makes new values of each element of the parameter, its gradient and `S` arrays that are kept of
    /// it, by a `step` that has to be `#[inline(always)]`. All have the same length.
    fn each<const S: usize>(
        self,
        state: [&mut [f32]; S],
        step: impl Fn(f32, f32, [f32; S]) -> (f32, [f32; S]) + Sync,
    ) {
        let n = self.parameter.len();
        let parameter = SharedColumns::new(self.parameter, 1, n);
        let state = state.map(|array| SharedColumns::new(array, 1, n));
        let work = n.saturating_mul(self.work_per_element);
        self.backend.for_each_part(n, GRANULARITY, work, |part| {
            // SAFETY: the parts are disjoint.
            let (mut parameter, mut state) = unsafe {
                (
                    parameter.block(part.clone()),
                    state.each_ref().map(|array| array.block(part.clone())),
                )
            };
            let gradient = &self.gradient[part];
            let n = gradient.len();
            vectorized!(self.backend, {
                // Lengths that the compiler sees to be the same.
                let parameter = &mut parameter.row(0)[..n];
                let mut state = state.each_mut().map(|array| &mut array.row(0)[..n]);
                for i in 0..n {
                    let old = array::from_fn(|idx| state[idx][i]);
                    let (value, values) = step(parameter[i], gradient[i], old);
                    parameter[i] = value;
                    for (array, value) in state.iter_mut().zip(values) {
                        array[i] = value;
                    }
                }
            });
        });
    }
}
