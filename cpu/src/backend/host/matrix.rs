//! Matrices as the products see them, and the product.

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
    pub(super) fn columns(self, columns: Range<usize>) -> Self {
        assert!(columns.start <= columns.end && columns.end <= self.n_columns);
        // The start of an empty range of columns may lie behind the last value.
        let start = (columns.start * self.column_stride).min(self.values.len());
        Matrix {
            values: &self.values[start..],
            n_columns: columns.len(),
            ..self
        }
    }

    /// All columns of some rows.
    pub(super) fn rows(self, rows: Range<usize>) -> Self {
        self.transposed().columns(rows).transposed()
    }
}

/// A row-major matrix whose columns are written by several threads side by side.
pub(super) struct SharedColumns<'a> {
    pointer: *mut f32,
    n_rows: usize,
    n_columns: usize,
    values: PhantomData<&'a mut [f32]>,
}

// SAFETY: the only access is through `block`, whose caller vouches that no two threads hold the
// same column.
unsafe impl Sync for SharedColumns<'_> {}

impl<'a> SharedColumns<'a> {
    /// `values` as `[n_rows, n_columns]`.
    pub(super) fn new(values: &'a mut [f32], n_rows: usize, n_columns: usize) -> Self {
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
    pub(super) unsafe fn block(&self, columns: Range<usize>) -> ColumnBlock<'_> {
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

/// Some columns of a row-major matrix, held by one thread.
pub(super) struct ColumnBlock<'a> {
    pointer: *mut f32,
    n_rows: usize,
    n_columns: usize,
    row_stride: usize,
    values: PhantomData<&'a mut [f32]>,
}

impl ColumnBlock<'_> {
    /// One row of the block, `[n_columns]`.
    pub(super) fn row(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.n_rows);
        // SAFETY: the row lies within the matrix, the block is the only one that holds these
        // columns, and the borrow of `self` keeps this thread from a second slice.
        unsafe {
            std::slice::from_raw_parts_mut(self.pointer.add(row * self.row_stride), self.n_columns)
        }
    }

    /// `self[m, n] = keep · self[m, n] + scale · a[m, k] · b[k, n]`; with a `keep` of 0 what was
    /// there before does not count, not even as NaN.
    pub(super) fn product(&mut self, keep: f32, scale: f32, a: Matrix<'_>, b: Matrix<'_>) {
        assert_eq!((a.n_rows, a.n_columns), (self.n_rows, b.n_rows));
        assert_eq!(b.n_columns, self.n_columns);
        // SAFETY: `a` and `b` were cut from slices that hold them, the block is this thread's own
        // and does not overlap them, since it is borrowed mutably and they are not.
        unsafe {
            gemm::gemm(
                self.n_rows,
                self.n_columns,
                a.n_columns,
                self.pointer,
                1,
                self.row_stride as isize,
                keep != 0.0,
                a.values.as_ptr(),
                a.column_stride as isize,
                a.row_stride as isize,
                b.values.as_ptr(),
                b.column_stride as isize,
                b.row_stride as isize,
                keep,
                scale,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    }
}
