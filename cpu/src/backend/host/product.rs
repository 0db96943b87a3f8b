//! The matrix product, for the small and narrow matrices of a training step.
//!
//! ```text
//! for each block of up to DEPTH of the terms, and of as many columns as VECTORS vectors hold:
//!     panel = that block of b, contiguous              32 KB, stays in the first cache
//!     for each tile of ROWS rows of c:
//!         sums = 0                                     ROWS x VECTORS registers
//!         for k in block:
//!             sums[row] += a[row, k] * panel[k]
//!         c = keep * c + scale * sums
//! ```
//!
//! 1. Nothing is allocated: each thread has room for its panel.
//! 2. Only `b` is packed. An element of `a` is read by a broadcast, for which any stride will do.
//! 3. ROWS is 8, or 4 where there are fewer registers; then 4, 2, 1 for the rows that are left. With
//!    8 by 2, all sums and operands of a term fit into 32 registers in any order.
//! 4. Columns past the last are zeros in the panel, and are not written.
//! 5. Rows and terms can be left out by listing those that take part, see [`super::zeros`].
//!
//! The `gemm` crate (0.19) was measured first: it allocates in every call, and takes up to a fifth
//! longer on these shapes.

use std::cell::RefCell;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::matrix::{ColumnBlock, Indices, Matrix};
use crate::simd::transpose;

/// Rows of the largest panel.
const DEPTH: usize = 256;
/// Vectors in a row of the widest panel.
const VECTORS: usize = 2;
/// Floats in the widest vector that there is.
const MAX_LANES: usize = 16;

/// Aligned for any vector.
#[repr(align(64))]
struct Panel([f32; DEPTH * VECTORS * MAX_LANES]);

thread_local! {
    static PANEL: RefCell<Panel> = const { RefCell::new(Panel([0.0; _])) };
}

/// `c[m, n] = keep · c[m, n] + scale · a[m, k] · b[k, n]`; with a `keep` of 0 what was in `c` does
/// not count, not even as NaN.
pub(super) struct Product<'a, 'c> {
    pub(super) c: &'a mut ColumnBlock<'c>,
    pub(super) keep: f32,
    pub(super) scale: f32,
    pub(super) a: Matrix<'a>,
    pub(super) b: Matrix<'a>,
    /// The rows of `c` to compute; the others stay as they are.
    pub(super) rows: Indices<'a>,
    /// The terms to add: columns of `a` and rows of `b`.
    pub(super) terms: Indices<'a>,
}

impl Product<'_, '_> {
    /// Computes it with the widest vectors that `instructions` has.
    pub(super) fn compute(self, instructions: Arch) {
        assert_eq!(self.a.n_rows(), self.c.n_rows());
        assert_eq!(self.a.n_columns(), self.b.n_rows());
        assert_eq!(self.b.n_columns(), self.c.n_columns());
        assert!(self.rows.are_below(self.c.n_rows()) && self.terms.are_below(self.b.n_rows()));
        PANEL.with_borrow_mut(|panel| instructions.dispatch(WithPanel(self, panel)));
    }

    /// Adds some of the terms, at most [`DEPTH`] of them, to some columns of `c`.
    #[inline(always)]
    fn block<S: Simd, const VECTORS: usize>(
        &mut self,
        simd: S,
        terms: Range<usize>,
        columns: Range<usize>,
        panel: &mut [S::f32s],
    ) {
        let (panel, _) = panel.as_chunks_mut::<VECTORS>();
        let panel = &mut panel[..terms.len()];
        let mut offsets = [0; DEPTH];
        let offsets = &mut offsets[..terms.len()];
        for (offset, term) in offsets.iter_mut().zip(terms.clone()) {
            *offset = self.terms.get(term) * self.a.column_stride();
        }
        if self.b.column_stride() == 1 {
            pack_rows(simd, self.b, self.terms, terms, columns.clone(), panel);
        } else {
            pack_columns::<S, VECTORS>(self.b, self.terms, terms, columns.clone(), panel);
        }
        let mut rows = 0..self.rows.len();
        if S::REGISTER_COUNT >= 32 {
            self.tiles::<S, VECTORS, 8>(simd, &mut rows, offsets, &columns, panel);
        }
        self.tiles::<S, VECTORS, 4>(simd, &mut rows, offsets, &columns, panel);
        self.tiles::<S, VECTORS, 2>(simd, &mut rows, offsets, &columns, panel);
        self.tiles::<S, VECTORS, 1>(simd, &mut rows, offsets, &columns, panel);
    }

    /// Computes tiles of `ROWS` rows, as long as `rows` has as many, and takes them from it.
    #[inline(always)]
    fn tiles<S: Simd, const VECTORS: usize, const ROWS: usize>(
        &mut self,
        simd: S,
        rows: &mut Range<usize>,
        offsets: &[usize],
        columns: &Range<usize>,
        panel: &[[S::f32s; VECTORS]],
    ) {
        let (keep, scale) = (self.keep, simd.splat_f32s(self.scale));
        let new = |c: S::f32s, sum| {
            let sum = simd.mul_f32s(scale, sum);
            if keep == 0.0 {
                sum
            } else {
                simd.mul_add_e_f32s(simd.splat_f32s(keep), c, sum)
            }
        };
        while rows.len() >= ROWS {
            let mut tile = [0; ROWS];
            for (i, row) in tile.iter_mut().enumerate() {
                *row = self.rows.get(rows.start + i);
            }
            rows.start += ROWS;
            // SAFETY: `compute` has checked the rows, and the terms that the offsets come from.
            let sums =
                unsafe { tile_sums::<S, VECTORS, ROWS>(simd, self.a, &tile, offsets, panel) };
            for i in 0..ROWS {
                // SAFETY: `compute` has checked the rows, and `with_simd` keeps `columns` within `c`.
                let c = unsafe { self.c.row_unchecked(tile[i], columns.clone()) };
                let (c, last) = S::as_mut_simd_f32s(c);
                if let Some(c) = c.first_chunk_mut::<VECTORS>() {
                    for j in 0..VECTORS {
                        c[j] = new(c[j], sums[i][j]);
                    }
                } else {
                    let n_whole = c.len();
                    for j in 0..n_whole {
                        c[j] = new(c[j], sums[i][j]);
                    }
                    let value = new(simd.partial_load_f32s(last), sums[i][n_whole]);
                    simd.partial_store_f32s(last, value);
                }
            }
        }
    }
}

/// A product with room for its panels.
struct WithPanel<'a, 'b, 'c>(Product<'a, 'b>, &'c mut Panel);

impl WithSimd for WithPanel<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let WithPanel(mut product, panel) = self;
        let panel = bytemuck::cast_slice_mut(&mut panel.0);
        let (k, n) = (product.terms.len(), product.b.n_columns());
        // At least one block, for what `keep` does; all of about the same depth.
        let n_blocks = k.div_ceil(DEPTH).max(1);
        for block in 0..n_blocks {
            let terms = k * block / n_blocks..k * (block + 1) / n_blocks;
            for begin in (0..n).step_by(VECTORS * S::F32_LANES) {
                let columns = begin..n.min(begin + VECTORS * S::F32_LANES);
                if columns.len() <= S::F32_LANES {
                    product.block::<S, 1>(simd, terms.clone(), columns, panel);
                } else {
                    product.block::<S, VECTORS>(simd, terms.clone(), columns, panel);
                }
            }
            // What follows the first block is added to it.
            product.keep = 1.0;
        }
    }
}

/// `a[rows, terms] · panel[terms, VECTORS]`, in registers.
///
/// # Safety
///
/// - `a` has all of `rows`.
/// - Each of `offsets` is a column of `a` times its column stride.
#[inline(always)]
unsafe fn tile_sums<S: Simd, const VECTORS: usize, const ROWS: usize>(
    simd: S,
    a: Matrix<'_>,
    rows: &[usize; ROWS],
    offsets: &[usize],
    panel: &[[S::f32s; VECTORS]],
) -> [[S::f32s; VECTORS]; ROWS] {
    let mut pointers = [a.as_ptr(); ROWS];
    for (pointer, row) in pointers.iter_mut().zip(rows) {
        *pointer = pointer.wrapping_add(row * a.row_stride());
    }
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    assert!(offsets.len() == panel.len());
    for (&offset, b) in offsets.iter().zip(panel) {
        for (pointer, sums) in pointers.iter().zip(&mut sums) {
            // SAFETY: the caller vouches for row and column, and `a` keeps its elements within it.
            let a = simd.splat_f32s(unsafe { *pointer.add(offset) });
            for (sum, &b) in sums.iter_mut().zip(b) {
                *sum = simd.mul_add_e_f32s(a, b, *sum);
            }
        }
    }
    sums
}

/// Packs some rows of a matrix whose rows are contiguous.
#[inline(always)]
fn pack_rows<S: Simd, const VECTORS: usize>(
    simd: S,
    b: Matrix<'_>,
    rows: Indices<'_>,
    range: Range<usize>,
    columns: Range<usize>,
    panel: &mut [[S::f32s; VECTORS]],
) {
    for (i, packed) in range.zip(panel) {
        let (vectors, last) = S::as_simd_f32s(&b.row(rows.get(i))[columns.clone()]);
        if let Some(vectors) = vectors.first_chunk() {
            *packed = *vectors;
        } else {
            packed[..vectors.len()].copy_from_slice(vectors);
            packed[vectors.len()] = simd.partial_load_f32s(last);
        }
    }
}

/// Packs some rows of a matrix whose columns are contiguous.
#[inline(always)]
fn pack_columns<S: Simd, const VECTORS: usize>(
    b: Matrix<'_>,
    rows: Indices<'_>,
    range: Range<usize>,
    columns: Range<usize>,
    panel: &mut [[S::f32s; VECTORS]],
) {
    let width = VECTORS * S::F32_LANES;
    let panel: &mut [f32] = bytemuck::cast_slice_mut(panel.as_flattened_mut());
    let b = b.transposed();
    let column = |j| b.row(columns.start + j);
    // Squares of 4 by 4 where the rows are consecutive, then what is left below and beside them.
    let n_rows = match rows {
        Indices::All(_) => range.len() / 4 * 4,
        Indices::List(_) => 0,
    };
    let n_columns = columns.len() / 4 * 4;
    for j in (0..n_columns).step_by(4) {
        let columns = [column(j), column(j + 1), column(j + 2), column(j + 3)];
        let squares = columns.map(|column| column[range.clone()].as_chunks::<4>().0);
        for k in 0..n_rows / 4 {
            let square = [squares[0][k], squares[1][k], squares[2][k], squares[3][k]];
            for (i, row) in transpose(square).iter().enumerate() {
                panel[(4 * k + i) * width + j..][..4].copy_from_slice(row);
            }
        }
    }
    for j in 0..width {
        for k in if j < n_columns { n_rows } else { 0 }..range.len() {
            let is_past = j >= columns.len();
            panel[k * width + j] = if is_past {
                0.0
            } else {
                column(j)[rows.get(range.start + k)]
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::instruction_sets;
    use super::super::matrix::SharedColumns;
    use super::*;

    /// Small integers, whose products and sums have no rounding error in `f32`; no two rows or
    /// columns are alike.
    fn values(n: usize) -> Vec<f32> {
        (0..n).map(|i| (i * i % 23) as f32 - 11.0).collect()
    }

    /// All four forms, in the middle columns of a wider `c`, against the definition.
    fn check(
        instructions: Arch,
        [m, n, k]: [usize; 3],
        [keep, scale]: [f32; 2],
        [rows, terms]: [Indices<'_>; 2],
    ) {
        let n_before = 3;
        let n_columns = n_before + n + 2;
        let takes_part = |indices: Indices<'_>, i| (0..indices.len()).any(|j| indices.get(j) == i);
        let (a_values, b_values) = (values(m * k), values(k * n));
        for (a_is_transposed, b_is_transposed) in
            [(false, false), (true, false), (false, true), (true, true)]
        {
            let a = match a_is_transposed {
                false => Matrix::new(&a_values, m, k),
                true => Matrix::new(&a_values, k, m).transposed(),
            };
            let b = match b_is_transposed {
                false => Matrix::new(&b_values, k, n),
                true => Matrix::new(&b_values, n, k).transposed(),
            };
            let before = match keep {
                0.0 => vec![f32::NAN; m * n_columns],
                _ => values(m * n_columns),
            };
            let mut actual = before.clone();
            let shared = SharedColumns::new(&mut actual, m, n_columns);
            // SAFETY: there is no other block.
            let mut c = unsafe { shared.block(n_before..n_before + n) };
            let product = Product {
                c: &mut c,
                keep,
                scale,
                a,
                b,
                rows,
                terms,
            };
            product.compute(instructions);

            for row in 0..m {
                for column in 0..n_columns {
                    let before = before[row * n_columns + column];
                    let expected = match column.checked_sub(n_before) {
                        Some(j) if j < n && takes_part(rows, row) => {
                            let terms = (0..k).filter(|&term| takes_part(terms, term));
                            let sum: f32 =
                                terms.map(|term| a.get(row, term) * b.get(term, j)).sum();
                            if keep == 0.0 {
                                scale * sum
                            } else {
                                keep * before + scale * sum
                            }
                        }
                        _ => before,
                    };
                    let actual = actual[row * n_columns + column];
                    assert!(
                        actual == expected || actual.is_nan() && expected.is_nan(),
                        "{instructions:?}, [{m}, {n}, {k}], transposed: {a_is_transposed} \
                         {b_is_transposed}, keep {keep}, scale {scale}, rows {rows:?}, terms \
                         {terms:?}: [{row}, {column}] is {actual}, expected {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn products_are_exact_where_rounding_is_not_at_work() {
        for instructions in instruction_sets() {
            let check = |[m, n, k]: [usize; 3], keep_and_scale| {
                let all = [Indices::All(m), Indices::All(k)];
                check(instructions, [m, n, k], keep_and_scale, all);
            };
            for m in [0, 1, 2, 3, 5, 7, 8, 13, 23] {
                for n in [0, 1, 2, 15, 16, 17, 31, 32, 33, 37] {
                    for k in [0, 1, 3, 4, 5, 17] {
                        check([m, n, k], [0.0, 1.0]);
                    }
                }
            }
            // Depths of one panel and more.
            for k in [DEPTH - 1, DEPTH, DEPTH + 1, 2 * DEPTH + 5] {
                check([13, 35, k], [0.0, 1.0]);
                check([13, 35, k], [0.5, -2.0]);
                check([13, 35, k], [1.0, 1.0]);
            }
            check([13, 35, 0], [0.5, 1.0]);
        }
    }

    #[test]
    fn rows_and_terms_that_are_not_listed_have_no_part() {
        let every_third: Vec<u32> = (0..300).step_by(3).collect();
        let lists = [
            &[][..],
            &[0],
            &[1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12],
            &[4, 12],
            &every_third,
        ];
        for instructions in instruction_sets() {
            for rows in lists {
                for terms in lists {
                    let indices = [Indices::List(rows), Indices::List(terms)];
                    let least = rows
                        .iter()
                        .chain(terms)
                        .max()
                        .map_or(0, |&last| last as usize + 1);
                    let shape = [least + 1, 35, least + 2];
                    check(instructions, shape, [0.0, 1.0], indices);
                    check(instructions, shape, [0.5, -1.0], indices);
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "are_below")]
    fn indices_past_the_end_are_refused() {
        check(
            Arch::new(),
            [2, 2, 2],
            [0.0, 1.0],
            [Indices::All(2), Indices::List(&[0, 2])],
        );
    }

    #[test]
    fn not_a_number_reaches_its_row_and_column() {
        let (mut a, mut b) = (vec![0.0; 13 * 5], vec![0.0; 5 * 33]);
        a[2 * 5 + 4] = f32::NAN;
        b[3 * 33 + 32] = f32::INFINITY;
        for instructions in instruction_sets() {
            let mut c = vec![0.0; 13 * 33];
            let shared = SharedColumns::new(&mut c, 13, 33);
            // SAFETY: there is no other block.
            let mut block = unsafe { shared.block(0..33) };
            let product = Product {
                c: &mut block,
                keep: 0.0,
                scale: 1.0,
                a: Matrix::new(&a, 13, 5),
                b: Matrix::new(&b, 5, 33),
                rows: Indices::All(13),
                terms: Indices::All(5),
            };
            product.compute(instructions);
            for (index, value) in c.iter().enumerate() {
                // Zero times infinity is not a number either.
                let is_nan = index / 33 == 2 || index % 33 == 32;
                assert_eq!(
                    value.is_nan(),
                    is_nan,
                    "{instructions:?}: [{index}] is {value}"
                );
            }
        }
    }
}
