//! Normalization of rows, forward and backward.

use super::super::matrix::SharedColumns;
use super::super::{Floats, GRANULARITY, HostBackend, Operation};
use super::{WORK_PER_VALUE, inverse_deviation, moments};
use crate::Result;
use crate::backend::{LayerNormBackward, LayerNormForward};
use crate::simd::sum;

pub(super) fn forward(backend: &HostBackend, op: LayerNormForward<'_, Floats>) -> Result<()> {
    let check = Operation("layer_norm_forward");
    let [n_rows, n] = [op.n_rows, op.n_values];
    check.at_least_one("n_values", n)?;
    let x = check.read("x", op.x, &[n_rows, n])?;
    let weight = check.read("weight", op.weight, &[n])?;
    let bias = check.read("bias", op.bias, &[n])?;
    let y = check.write("y", op.y, &[n_rows, n])?;
    let mean = check.write("mean", op.mean, &[n_rows])?;
    let variance = check.write("variance", op.variance, &[n_rows])?;

    let y = SharedColumns::new(y, 1, n_rows * n);
    let mean = SharedColumns::new(mean, 1, n_rows);
    let variance = SharedColumns::new(variance, 1, n_rows);
    backend.for_each_part(n_rows, 1, n_rows * n * WORK_PER_VALUE, |part| {
        // SAFETY: the parts are disjoint.
        let (mut mean, mut variance, mut y) = unsafe {
            (
                mean.block(part.clone()),
                variance.block(part.clone()),
                y.block(part.start * n..part.end * n),
            )
        };
        vectorized!(backend, {
            let x = x[part.start * n..].chunks_exact(n);
            let rows = x.zip(y.row(0).chunks_exact_mut(n));
            let statistics = mean.row(0).iter_mut().zip(variance.row(0));
            for ((x, y), (mean, variance)) in rows.zip(statistics) {
                (*mean, *variance) = moments(&[x].into_iter(), n);
                let inverse_deviation = inverse_deviation(*variance, op.epsilon);
                let numbers = weight.iter().zip(bias);
                for ((y, x), (weight, bias)) in y.iter_mut().zip(x).zip(numbers) {
                    *y = (x - *mean) * inverse_deviation * weight + bias;
                }
            }
        });
    });
    Ok(())
}

pub(super) fn backward(backend: &HostBackend, op: LayerNormBackward<'_, Floats>) -> Result<()> {
    let check = Operation("layer_norm_backward");
    let [n_rows, n] = [op.n_rows, op.n_values];
    check.at_least_one("n_values", n)?;
    let x = check.read("x", op.x, &[n_rows, n])?;
    let dy = check.read("dy", op.dy, &[n_rows, n])?;
    let mean = check.read("mean", op.mean, &[n_rows])?;
    let variance = check.read("variance", op.variance, &[n_rows])?;
    let weight = check.read("weight", op.weight, &[n])?;
    let dweight = check.write("dweight", op.dweight, &[n])?;
    let dbias = check.write("dbias", op.dbias, &[n])?;
    let dx = match op.dx {
        Some(dx) => Some(check.write("dx", dx, &[n_rows, n])?),
        None => None,
    };

    let work = n_rows * n * WORK_PER_VALUE;
    let statistics = || mean.iter().zip(variance);
    let (dweight, dbias) = (
        SharedColumns::new(dweight, 1, n),
        SharedColumns::new(dbias, 1, n),
    );
    backend.for_each_part(n, GRANULARITY, work, |part| {
        // SAFETY: the parts are disjoint.
        let (mut dweight, mut dbias) =
            unsafe { (dweight.block(part.clone()), dbias.block(part.clone())) };
        vectorized!(backend, {
            let (dweight, dbias) = (dweight.row(0), dbias.row(0));
            dweight.fill(0.0);
            dbias.fill(0.0);
            let rows = x.chunks_exact(n).zip(dy.chunks_exact(n));
            for ((x, dy), (mean, variance)) in rows.zip(statistics()) {
                let inverse_deviation = inverse_deviation(*variance, op.epsilon);
                let values = x[part.clone()].iter().zip(&dy[part.clone()]);
                let sums = dweight.iter_mut().zip(dbias.iter_mut());
                for ((x, dy), (dweight, dbias)) in values.zip(sums) {
                    *dweight += dy * ((x - mean) * inverse_deviation);
                    *dbias += dy;
                }
            }
        });
    });
    let Some(dx) = dx else { return Ok(()) };
    let dx = SharedColumns::new(dx, 1, n_rows * n);
    backend.for_each_part(n_rows, 1, work, |part| {
        // SAFETY: the parts are disjoint.
        let mut dx = unsafe { dx.block(part.start * n..part.end * n) };
        vectorized!(backend, {
            let values = part.start * n..part.end * n;
            let rows = x[values.clone()]
                .chunks_exact(n)
                .zip(dy[values].chunks_exact(n));
            let rows = rows.zip(dx.row(0).chunks_exact_mut(n));
            for (((x, dy), dx), (mean, variance)) in rows.zip(statistics().skip(part.start)) {
                let inverse_deviation = inverse_deviation(*variance, op.epsilon);
                // The gradient by the normalized value, in the place of the result.
                for ((dx, dy), weight) in dx.iter_mut().zip(dy).zip(weight) {
                    *dx = dy * weight;
                }
                let by_mean = sum(
                    dx,
                    dx,
                    #[inline(always)]
                    |g, _| g,
                );
                let by_deviation = sum(
                    x,
                    dx,
                    #[inline(always)]
                    |x, g| g * (x - mean),
                );
                let by_mean = (by_mean / n as f64) as f32;
                let by_deviation =
                    (by_deviation / n as f64) as f32 * (inverse_deviation * inverse_deviation);
                for (dx, x) in dx.iter_mut().zip(x) {
                    *dx = inverse_deviation * ((*dx - by_mean) - (x - mean) * by_deviation);
                }
            }
        });
    });
    Ok(())
}
