//! Sums of matrices, a thread some of the rows.

use super::matrix::SharedColumns;
use super::{Floats, HostBackend, Operation};
use crate::Result;
use crate::backend::{AddMatrix, AdditionOperations};

impl AdditionOperations for HostBackend {
    fn add_matrix(&self, op: AddMatrix<'_, Floats>) -> Result<()> {
        add_matrix(self, op)
    }
}

/// About what an element costs, in the units of the products' arithmetic.
const WORK_PER_ELEMENT: usize = 16;

pub(super) fn add_matrix(backend: &HostBackend, op: AddMatrix<'_, Floats>) -> Result<()> {
    let check = Operation("add_matrix");
    let [n_rows, n_columns] = [op.n_rows, op.n_columns];
    let x = check.read("x", op.x, &[n_rows, n_columns])?;
    let y = check.write("y", op.y, &[n_rows, n_columns])?;
    let n = y.len();
    let y = SharedColumns::new(y, 1, n);
    backend.for_each_part(n_rows, 1, n * WORK_PER_ELEMENT, |rows| {
        for row in rows {
            // SAFETY: the parts are disjoint, and so are the rows of one.
            let mut y = unsafe { y.block(row * n_columns..(row + 1) * n_columns) };
            vectorized!(backend, {
                if op.is_transposed {
                    let column = x.get(row..).unwrap_or_default();
                    add(op.keep, column.iter().step_by(n_rows), y.row(0));
                } else {
                    add(op.keep, &x[row * n_columns..], y.row(0));
                }
            });
        }
    });
    Ok(())
}

#[inline(always)]
fn add<'a>(keep: f32, x: impl IntoIterator<Item = &'a f32>, y: &mut [f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = if keep == 0.0 { *x } else { keep * *y + x };
    }
}
