//! Work that is left out because it would add zeros.
//!
//! An input that is zero in every row of a batch adds nothing to a layer's output, and its weights
//! have no gradient. A third of the pixels of a batch of MNIST are such inputs: the margins. Whoever
//! gathers a batch notes them, and the dense layer that reads it leaves them out. Zero times infinity
//! or NaN is NaN: where one of these would meet such a zero, nothing is left out.

use std::ops::Range;

use super::matrix::{Indices, Matrix};

/// Which columns of a buffer hold anything but zeros, if it is read as a certain matrix.
#[derive(Default)]
pub(super) struct UsedColumns {
    /// Rows that are known; 0 if nothing is.
    n_rows: usize,
    list: Vec<u32>,
    /// One for each column of the matrix.
    marks: Vec<u8>,
}

impl UsedColumns {
    /// Forgets what was known.
    pub(super) fn forget(&mut self) {
        self.n_rows = 0;
    }

    /// A mark for each of the columns, to be set to anything but 0 where a column is used, for
    /// [`Self::note`].
    pub(super) fn marks(&mut self, n_columns: usize) -> &mut [u8] {
        self.forget();
        self.marks.resize(n_columns, 0);
        self.marks.fill(0);
        &mut self.marks
    }

    /// From now on the marks are known to be right for the first `n_rows` rows.
    pub(super) fn note(&mut self, n_rows: usize) {
        self.n_rows = n_rows;
        self.list.clear();
        // As many as there can ever be: a later batch may use more columns, and is not to allocate.
        self.list.reserve(self.marks.len());
        let is_used = |(column, &mark): (u32, &u8)| (mark != 0).then_some(column);
        self.list.extend((0..).zip(&self.marks).filter_map(is_used));
    }

    /// The columns that may hold anything but zeros, if the buffer is read as a matrix of this shape.
    pub(super) fn of(&self, n_rows: usize, n_columns: usize) -> Indices<'_> {
        let is_known = n_rows <= self.n_rows && n_columns == self.marks.len();
        if is_known && self.list.len() < n_columns {
            Indices::List(&self.list)
        } else {
            Indices::All(n_columns)
        }
    }
}

/// Whether all values in some rows of a matrix are finite.
#[inline(always)]
pub(super) fn is_finite(matrix: Matrix<'_>, rows: Range<usize>) -> bool {
    const N_LANES: usize = 64;
    let mut largest = [0; N_LANES];
    // The bits of infinity and NaN are larger than those of any other magnitude.
    let mut look_at = |values: &[f32]| {
        for (largest, value) in largest.iter_mut().zip(values) {
            *largest = (*largest).max(value.abs().to_bits());
        }
    };
    for row in rows {
        let (chunks, rest) = matrix.row(row).as_chunks::<N_LANES>();
        chunks.iter().for_each(|chunk| look_at(chunk));
        look_at(rest);
    }
    largest.iter().all(|&bits| f32::from_bits(bits).is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_columns_are_those_that_were_marked_last() {
        let list = |used: &UsedColumns, n_rows, n_columns| match used.of(n_rows, n_columns) {
            Indices::All(n) => (0..n as u32).collect(),
            Indices::List(list) => list.to_vec(),
        };
        let mut used = UsedColumns::default();
        assert_eq!(list(&used, 1, 2), [0, 1]);
        used.marks(4).copy_from_slice(&[0, 3, 0, 255]);
        assert_eq!(list(&used, 2, 4), [0, 1, 2, 3]);
        used.note(2);
        assert_eq!(list(&used, 1, 4), [1, 3]);
        assert_eq!(list(&used, 2, 4), [1, 3]);
        // Read with more rows, or as another matrix.
        assert_eq!(list(&used, 3, 4), [0, 1, 2, 3]);
        assert_eq!(list(&used, 2, 2), [0, 1]);
        used.marks(3)[0] = 1;
        used.note(2);
        assert_eq!(list(&used, 2, 3), [0]);
        used.forget();
        assert_eq!(list(&used, 2, 3), [0, 1, 2]);
    }

    #[test]
    fn infinity_and_not_a_number_are_not_finite() {
        for special in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
            for n_columns in [1, 63, 64, 65, 130] {
                let mut values = vec![f32::MAX; 3 * n_columns];
                values[2 * n_columns - 1] = special;
                let matrix = Matrix::new(&values, 3, n_columns);
                assert!(!is_finite(matrix, 1..2));
                assert!(is_finite(matrix, 0..1) && is_finite(matrix, 2..3));
            }
        }
    }
}
