//! The checks that every device makes before it computes.

use crate::{Error, Result};

/// Names an operation in the errors of its checks.
#[derive(Clone, Copy)]
pub(crate) struct Operation(pub(crate) &'static str);

impl Operation {
    /// The elements that an operation reads: the first of `values`, as many as `shape` has.
    pub(crate) fn read<'a, T>(
        self,
        buffer: &'static str,
        values: &'a [T],
        shape: &[usize],
    ) -> Result<&'a [T]> {
        let n = self.n_elements(buffer, values.len(), shape)?;
        Ok(&values[..n])
    }

    /// The elements that an operation writes: the first of `values`, as many as `shape` has.
    pub(crate) fn write<'a, T>(
        self,
        buffer: &'static str,
        values: &'a mut [T],
        shape: &[usize],
    ) -> Result<&'a mut [T]> {
        let n = self.n_elements(buffer, values.len(), shape)?;
        Ok(&mut values[..n])
    }

    /// Elements of `shape`, of which a buffer of `actual` elements has to have at least as many.
    pub(crate) fn n_elements(
        self,
        buffer: &'static str,
        actual: usize,
        shape: &[usize],
    ) -> Result<usize> {
        // A product that overflows saturates, and is then larger than any buffer.
        let expected = shape.iter().fold(1_usize, |n, &d| n.saturating_mul(d));
        if actual < expected {
            return Err(Error::Shape {
                operation: self.0,
                buffer,
                expected,
                actual,
            });
        }
        Ok(expected)
    }

    /// Checks that there is something to take a mean over.
    pub(crate) fn at_least_one(self, dimension: &'static str, n: usize) -> Result<()> {
        if n == 0 {
            return Err(Error::Empty {
                operation: self.0,
                dimension,
            });
        }
        Ok(())
    }

    /// Checks that every one of `indices` is below `limit`.
    pub(crate) fn below<I: Copy + Into<u32>>(
        self,
        buffer: &'static str,
        indices: &[I],
        limit: usize,
    ) -> Result<()> {
        let outside = |&index: &I| index.into() as usize >= limit;
        match indices.iter().position(outside) {
            None => Ok(()),
            Some(position) => Err(Error::Index {
                operation: self.0,
                buffer,
                position,
                value: indices[position].into() as usize,
                limit,
            }),
        }
    }
}
