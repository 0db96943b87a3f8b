//! Matrices as the product sees them.

use std::marker::PhantomData;
use std::ops::Range;

/// A matrix that is read: `values[row * row_stride + column * column_stride]`.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    n_rows: usize,
    n_columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// `values` as a row-major matrix, `[values.len() / n_columns, n_columns]`.
    pub(super) fn new(values: &'a [f32], n_rows: usize, n_columns: usize) -> Self {
        assert_eq!(values.len(), n_rows * n_columns);
        Matrix {
            values,
            n_rows,
            n_columns,
            row_stride: n_columns,
            column_stride: 1,
        }
    }

    /// The same values with rows and columns exchanged.
    #[inline(always)]
    pub(super) fn transposed(self) -> Self {
        Matrix {
            values: self.values,
            n_rows: self.n_columns,
            n_columns: self.n_rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }

    /// All rows of some columns.
    #[inline(always)]
    pub(super) fn columns(self, columns: Range<usize>) -> Self {
        assert!(columns.start <= columns.end && columns.end <= self.n_columns);
        let start = columns.start * self.column_stride;
        // Where a matrix without elements would begin, there may be no value any more.
        let is_empty = columns.is_empty() || self.n_rows == 0;
        let values = if is_empty { &[] } else { &self.values[start..] };
        Matrix {
            values,
            n_columns: columns.len(),
            ..self
        }
    }

    /// All columns of some rows.
    #[inline(always)]
    pub(super) fn rows(self, rows: Range<usize>) -> Self {
        self.transposed().columns(rows).transposed()
    }

    /// One row of a matrix whose rows are contiguous, `[n_columns]`.
    #[inline(always)]
    pub(super) fn row(self, row: usize) -> &'a [f32] {
        assert!(row < self.n_rows && self.column_stride == 1);
        &self.values[row * self.row_stride..][..self.n_columns]
    }

    pub(super) fn as_ptr(self) -> *const f32 {
        self.values.as_ptr()
    }

    /// One element.
    #[cfg(test)]
    pub(super) fn get(self, row: usize, column: usize) -> f32 {
        assert!(row < self.n_rows && column < self.n_columns);
        self.values[row * self.row_stride + column * self.column_stride]
    }

    pub(super) fn n_rows(self) -> usize {
        self.n_rows
    }

    pub(super) fn n_columns(self) -> usize {
        self.n_columns
    }

    pub(super) fn row_stride(self) -> usize {
        self.row_stride
    }

    pub(super) fn column_stride(self) -> usize {
        self.column_stride
    }
}

/// Some rows or columns of a matrix, in ascending order.
#[derive(Debug, Clone, Copy)]
pub(super) enum Indices<'a> {
    /// All of so many.
    All(usize),
    /// These.
    List(&'a [u32]),
}

impl<'a> Indices<'a> {
    #[inline(always)]
    pub(super) fn len(self) -> usize {
        match self {
            Indices::All(n) => n,
            Indices::List(list) => list.len(),
        }
    }

    #[inline(always)]
    pub(super) fn get(self, i: usize) -> usize {
        match self {
            Indices::All(_) => i,
            Indices::List(list) => list[i] as usize,
        }
    }

    pub(super) fn are_below(self, limit: usize) -> bool {
        match self {
            Indices::All(n) => n <= limit,
            Indices::List(list) => list.iter().all(|&index| (index as usize) < limit),
        }
    }

    /// The ranges of `0..n` that are left out.
    pub(super) fn gaps(self, n: usize) -> impl Iterator<Item = Range<usize>> + 'a {
        let (first, list) = match self {
            Indices::All(length) => (length, &[][..]),
            Indices::List(list) => (0, list),
        };
        let begins = std::iter::once(first).chain(list.iter().map(|&index| index as usize + 1));
        let ends = list.iter().map(|&index| index as usize).chain([n]);
        begins
            .zip(ends)
            .map(|(begin, end)| begin..end)
            .filter(|gap| !gap.is_empty())
    }
}

/// A row-major matrix whose columns are written by several threads side by side.
pub(super) struct SharedColumns<'a, T = f32> {
    pointer: *mut T,
    n_rows: usize,
    n_columns: usize,
    values: PhantomData<&'a mut [T]>,
}

// SAFETY: the only access is through `block`, whose caller vouches that no two threads hold the
// same column.
unsafe impl<T: Send> Sync for SharedColumns<'_, T> {}

impl<'a, T> SharedColumns<'a, T> {
    /// `values` as `[n_rows, n_columns]`.
    pub(super) fn new(values: &'a mut [T], n_rows: usize, n_columns: usize) -> Self {
        assert_eq!(values.len(), n_rows * n_columns);
        SharedColumns {
            pointer: values.as_mut_ptr(),
            n_rows,
            n_columns,
            values: PhantomData,
        }
    }

    /// Some columns, to write to.
    ///
    /// # Safety
    ///
    /// - Until the block is dropped, no other block holds any of these columns.
    pub(super) unsafe fn block(&self, columns: Range<usize>) -> ColumnBlock<'_, T> {
        assert!(columns.start <= columns.end && columns.end <= self.n_columns);
        ColumnBlock {
            // The start of an empty matrix's columns is not in it: no `add`.
            pointer: self.pointer.wrapping_add(columns.start),
            n_rows: self.n_rows,
            n_columns: columns.len(),
            row_stride: self.n_columns,
            values: PhantomData,
        }
    }
}

impl<T> SharedColumns<'_, T> {
    /// Some columns of a matrix of one row, to write to.
    ///
    /// # Safety
    ///
    /// - As long as the slice is used, no other slice or block holds any of these columns.
    #[inline(always)]
    #[allow(
        clippy::mut_from_ref,
        reason = "the caller vouches that it is the only one"
    )]
    pub(super) unsafe fn slice(&self, columns: Range<usize>) -> &mut [T] {
        assert!(columns.start <= columns.end && columns.end <= self.n_columns && self.n_rows == 1);
        // SAFETY: inside of the matrix, and no one else holds it.
        unsafe { std::slice::from_raw_parts_mut(self.pointer.add(columns.start), columns.len()) }
    }
}

/// Some columns of a row-major matrix, held by one thread.
pub(super) struct ColumnBlock<'a, T = f32> {
    pointer: *mut T,
    n_rows: usize,
    n_columns: usize,
    row_stride: usize,
    values: PhantomData<&'a mut [T]>,
}

impl<T> ColumnBlock<'_, T> {
    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    pub(super) fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// One row of the block, `[n_columns]`.
    #[inline(always)]
    pub(super) fn row(&mut self, row: usize) -> &mut [T] {
        assert!(row < self.n_rows);
        // SAFETY: the row lies within the matrix, the block is the only one that holds these
        // columns, and the borrow of `self` keeps this thread from a second slice.
        unsafe {
            std::slice::from_raw_parts_mut(self.pointer.add(row * self.row_stride), self.n_columns)
        }
    }

    /// Some columns of one row.
    ///
    /// # Safety
    ///
    /// - `row < n_rows` and `columns.start <= columns.end <= n_columns`.
    #[inline(always)]
    pub(super) unsafe fn row_unchecked(&mut self, row: usize, columns: Range<usize>) -> &mut [T] {
        debug_assert!(row < self.n_rows && columns.end <= self.n_columns);
        // SAFETY: the caller keeps the slice within the block, which is the only one that holds
        // these columns, and the borrow of `self` keeps this thread from a second slice.
        unsafe {
            let first = self.pointer.add(row * self.row_stride + columns.start);
            std::slice::from_raw_parts_mut(first, columns.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_indices_make_up_the_whole() {
        assert_eq!(Indices::All(3).gaps(3).count(), 0);
        for (list, n, expected) in [
            (&[][..], 0, &[][..]),
            (&[], 3, &[0, 1, 2]),
            (&[0, 1, 2], 3, &[]),
            (&[1, 2, 5], 8, &[0, 3, 4, 6, 7]),
        ] {
            let gaps: Vec<usize> = Indices::List(list).gaps(n).flatten().collect();
            assert_eq!(gaps, expected);
        }
    }
}
