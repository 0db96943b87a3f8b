//! Embeddings, forward and backward.

use super::matrix::SharedColumns;
use super::{Floats, GRANULARITY, HostBackend, Operation};
use crate::backend::{EmbeddingBackward, EmbeddingForward, EmbeddingOperations};
use crate::{Error, Result};

/// About what a value costs, in the units of the products' arithmetic.
const WORK_PER_VALUE: usize = 8;

impl EmbeddingOperations for HostBackend {
    fn embedding_forward(&self, op: EmbeddingForward<'_, Floats>) -> Result<()> {
        let check = Operation("embedding_forward");
        let shape = op.shape;
        shape.check()?;
        let n = shape.n_values;
        let x = check.read("x", op.x, &[shape.n_positions])?;
        let table = check.read("table", op.table, &shape.table())?;
        let y = check.write("y", op.y, &shape.output())?;
        check_indices(check, x, shape.n_entries)?;

        let y = SharedColumns::new(y, 1, shape.n_positions * n);
        let work = shape.n_positions * n * WORK_PER_VALUE;
        self.for_each_part(shape.n_positions, 1, work, |part| {
            // SAFETY: the parts are disjoint.
            let mut y = unsafe { y.block(part.start * n..part.end * n) };
            for (y, index) in y.row(0).chunks_exact_mut(n).zip(&x[part]) {
                y.copy_from_slice(&table[*index as usize * n..][..n]);
            }
        });
        Ok(())
    }

    fn embedding_backward(&self, op: EmbeddingBackward<'_, Floats>) -> Result<()> {
        let check = Operation("embedding_backward");
        let shape = op.shape;
        shape.check()?;
        let x = check.read("x", op.x, &[shape.n_positions])?;
        let dy = check.read("dy", op.dy, &shape.output())?;
        let dtable = check.write("dtable", op.dtable, &shape.table())?;
        check_indices(check, x, shape.n_entries)?;

        let dtable = SharedColumns::new(dtable, shape.n_entries, shape.n_values);
        let work = (shape.n_positions + shape.n_entries) * shape.n_values * WORK_PER_VALUE;
        self.for_each_part(shape.n_values, GRANULARITY, work, |columns| {
            // SAFETY: the parts are disjoint.
            let mut dtable = unsafe { dtable.block(columns.clone()) };
            vectorized!(self, {
                for entry in 0..shape.n_entries {
                    dtable.row(entry).fill(0.0);
                }
                for (index, dy) in x.iter().zip(dy.chunks_exact(shape.n_values)) {
                    let row = dtable.row(*index as usize);
                    for (dtable, dy) in row.iter_mut().zip(&dy[columns.clone()]) {
                        *dtable += dy;
                    }
                }
            });
        });
        Ok(())
    }
}

/// Every index has to be a whole number below `n_entries`.
fn check_indices(check: Operation, x: &[f32], n_entries: usize) -> Result<()> {
    let is_index = |&index: &f32| index.fract() == 0.0 && (0.0..n_entries as f32).contains(&index);
    match x.iter().position(|index| !is_index(index)) {
        None => Ok(()),
        Some(position) => Err(Error::Input(format!(
            "{}: `x[{position}]` is {}, indices are whole numbers below {n_entries}",
            check.0, x[position]
        ))),
    }
}
