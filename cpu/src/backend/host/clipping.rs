//! Clipping of gradients.

use super::{Floats, HostBackend, Operation};
use crate::Result;
use crate::backend::{ClipNorm, ClippingOperations, SumOfSquares};

impl ClippingOperations for HostBackend {
    fn sum_of_squares(&self, op: SumOfSquares<'_, Floats>) -> Result<()> {
        sum_of_squares(self, op)
    }

    fn clip_norm(&self, op: ClipNorm<'_, Floats>) -> Result<()> {
        clip_norm(self, op)
    }

    fn clip_value(&self, values: &mut Floats, n: usize, limit: f32) -> Result<()> {
        clip_value(self, values, n, limit)
    }
}

/// About what an element costs, in the units of the products' arithmetic.
const WORK_PER_ELEMENT: usize = 8;

fn sum_of_squares(backend: &HostBackend, op: SumOfSquares<'_, Floats>) -> Result<()> {
    const N_LANES: usize = 16;
    let check = Operation("sum_of_squares");
    let values = check.read("values", op.values, &[op.n])?;
    let sum = check.write("sum", op.sum, &[1])?;
    let (rows, rest) = values.as_chunks::<N_LANES>();
    let mut lanes = [0.0_f64; N_LANES];
    vectorized!(backend, {
        for row in rows {
            for (lane, &value) in lanes.iter_mut().zip(row) {
                *lane += f64::from(value) * f64::from(value);
            }
        }
    });
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        *lane += f64::from(value) * f64::from(value);
    }
    let total: f64 = lanes.iter().sum();
    let before = if op.adds { f64::from(sum[0]) } else { 0.0 };
    sum[0] = (before + total) as f32;
    Ok(())
}

fn clip_norm(backend: &HostBackend, op: ClipNorm<'_, Floats>) -> Result<()> {
    let check = Operation("clip_norm");
    let values = check.write("values", op.values, &[op.n])?;
    let sum_of_squares = check.read("sum_of_squares", op.sum_of_squares, &[1])?[0];
    let scale = op.max_norm / (sum_of_squares.sqrt() + 1e-6);
    // Not `min`, which drops a NaN.
    let scale = if scale > 1.0 { 1.0 } else { scale };
    backend.for_each_chunk(
        values,
        WORK_PER_ELEMENT,
        #[inline(always)]
        |_, values| values.iter_mut().for_each(|value| *value *= scale),
    );
    Ok(())
}

fn clip_value(backend: &HostBackend, values: &mut Floats, n: usize, limit: f32) -> Result<()> {
    let check = Operation("clip_value");
    let values = check.write("values", values, &[n])?;
    backend.for_each_chunk(
        values,
        WORK_PER_ELEMENT,
        #[inline(always)]
        |_, values| {
            for value in values {
                *value = clamp(*value, limit);
            }
        },
    );
    Ok(())
}

/// `value` brought into `-limit..=limit`; NaN stays. `f32::clamp` panics if the limit is NaN or
/// below 0.
#[inline(always)]
pub(super) fn clamp(value: f32, limit: f32) -> f32 {
    let value = if value > limit { limit } else { value };
    if value < -limit { -limit } else { value }
}
