//! Updates of parameters by their gradients.

use super::matrix::SharedColumns;
use super::{Floats, GRANULARITY, HostBackend, Operation};
use crate::Result;
use crate::backend::{OptimizerOperations, SgdStep};

impl OptimizerOperations for HostBackend {
    fn sgd_step(&self, op: SgdStep<'_, Floats>) -> Result<()> {
        sgd_step(self, op)
    }
}

/// About what an element costs, in the units of the products' arithmetic.
const WORK_PER_ELEMENT: usize = 8;

pub(super) fn sgd_step(backend: &HostBackend, op: SgdStep<'_, Floats>) -> Result<()> {
    let check = Operation("sgd_step");
    let n = op.n;
    let parameter = check.write("parameter", op.parameter, &[n])?;
    let gradient = check.read("gradient", op.gradient, &[n])?;
    let SgdStep {
        learning_rate,
        momentum,
        weight_decay,
        ..
    } = op;

    let Some(velocity) = op.velocity else {
        backend.for_each_chunk(
            parameter,
            WORK_PER_ELEMENT,
            #[inline(always)]
            |begin, parameter| {
                for (p, g) in parameter.iter_mut().zip(&gradient[begin..]) {
                    *p -= learning_rate * (g + weight_decay * *p);
                }
            },
        );
        return Ok(());
    };
    let velocity = SharedColumns::new(check.write("velocity", velocity, &[n])?, 1, n);
    let parameter = SharedColumns::new(parameter, 1, n);
    backend.for_each_part(n, GRANULARITY, n * WORK_PER_ELEMENT, |part| {
        // SAFETY: the parts are disjoint.
        let (mut velocity, mut parameter) =
            unsafe { (velocity.block(part.clone()), parameter.block(part.clone())) };
        vectorized!(backend, {
            let velocity = velocity.row(0);
            for ((p, v), g) in parameter
                .row(0)
                .iter_mut()
                .zip(velocity)
                .zip(&gradient[part])
            {
                *v = momentum * *v + (g + weight_decay * *p);
                *p -= learning_rate * *v;
            }
        });
    });
    Ok(())
}
