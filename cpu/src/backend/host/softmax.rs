//! Softmax over rows, forward and backward.

use super::matrix::SharedColumns;
use super::{Floats, HostBackend, Operation};
use crate::Result;
use crate::backend::{SoftmaxBackward, SoftmaxForward, SoftmaxOperations};
use crate::simd::{exp, largest, sum};

/// About what a value costs, in the units of the products' arithmetic.
const WORK_PER_VALUE: usize = 32;

impl SoftmaxOperations for HostBackend {
    fn softmax_forward(&self, op: SoftmaxForward<'_, Floats>) -> Result<()> {
        let check = Operation("softmax_forward");
        let [n_rows, n] = [op.n_rows, op.n_values];
        check.at_least_one("n_values", n)?;
        let x = check.read("x", op.x, &[n_rows, n])?;
        let y = SharedColumns::new(check.write("y", op.y, &[n_rows, n])?, 1, n_rows * n);
        self.for_each_part(n_rows, 1, n_rows * n * WORK_PER_VALUE, |part| {
            let part = part.start * n..part.end * n;
            // SAFETY: the parts are disjoint.
            let mut y = unsafe { y.block(part.clone()) };
            vectorized!(self, {
                let rows = x[part].chunks_exact(n).zip(y.row(0).chunks_exact_mut(n));
                for (x, y) in rows {
                    let largest = largest(x);
                    for (y, x) in y.iter_mut().zip(x) {
                        *y = exp(x - largest);
                    }
                    let sum = sum(
                        y,
                        y,
                        #[inline(always)]
                        |y, _| y,
                    ) as f32;
                    y.iter_mut().for_each(|y| *y /= sum);
                }
            });
        });
        Ok(())
    }

    fn softmax_backward(&self, op: SoftmaxBackward<'_, Floats>) -> Result<()> {
        let check = Operation("softmax_backward");
        let [n_rows, n] = [op.n_rows, op.n_values];
        check.at_least_one("n_values", n)?;
        let y = check.read("y", op.y, &[n_rows, n])?;
        let dy = check.read("dy", op.dy, &[n_rows, n])?;
        let dx = SharedColumns::new(check.write("dx", op.dx, &[n_rows, n])?, 1, n_rows * n);
        self.for_each_part(n_rows, 1, n_rows * n * WORK_PER_VALUE, |part| {
            let part = part.start * n..part.end * n;
            // SAFETY: the parts are disjoint.
            let mut dx = unsafe { dx.block(part.clone()) };
            vectorized!(self, {
                let rows = y[part.clone()]
                    .chunks_exact(n)
                    .zip(dy[part].chunks_exact(n));
                for ((y, dy), dx) in rows.zip(dx.row(0).chunks_exact_mut(n)) {
                    let sum = sum(
                        y,
                        dy,
                        #[inline(always)]
                        |y, dy| y * dy,
                    ) as f32;
                    for ((dx, y), dy) in dx.iter_mut().zip(y).zip(dy) {
                        *dx = y * (dy - sum);
                    }
                }
            });
        });
        Ok(())
    }
}
