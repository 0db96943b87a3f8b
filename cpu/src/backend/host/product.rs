//! The matrix product, for the small and narrow matrices of a training step.
//!
//! ```text
//! for each block of up to DEPTH rows of b, and of as many columns as VECTORS vectors hold:
//!     panel = that block of b, contiguous              32 KB, stays in the first cache
//!     for each tile of ROWS rows of c:
//!         sums = 0                                     ROWS x VECTORS registers
//!         for k in block:
//!             sums[row] += a[row, k] * panel[k]
//!         c = keep * c + scale * sums
//! ```
//!
//! 1. Nothing is allocated: the panel lies on the stack.
//! 2. Only `b` is packed. An element of `a` is read by a broadcast, for which any stride will do.
//! 3. ROWS is as many as the registers hold, then 8, 4, 2, 1 for the rows that are left.
//! 4. Columns past the last are zeros in the panel, and are not written.
//!
//! The `gemm` crate (0.19) was measured first: it allocates in every call, and takes up to a fifth
//! longer on these shapes.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::matrix::{ColumnBlock, Matrix};

/// Rows of the largest panel.
const DEPTH: usize = 256;
/// Vectors in a row of the widest panel.
const VECTORS: usize = 2;
/// Floats in the widest vector that there is.
const MAX_LANES: usize = 16;

/// Aligned for any vector.
#[repr(align(64))]
struct Panel([f32; DEPTH * VECTORS * MAX_LANES]);

/// `c[m, n] = keep · c[m, n] + scale · a[m, k] · b[k, n]`; with a `keep` of 0 what was in `c` does
/// not count, not even as NaN.
pub(super) struct Product<'a, 'c> {
    pub(super) c: &'a mut ColumnBlock<'c>,
    pub(super) keep: f32,
    pub(super) scale: f32,
    pub(super) a: Matrix<'a>,
    pub(super) b: Matrix<'a>,
}

impl Product<'_, '_> {
    /// Computes it with the widest vectors that `instructions` has.
    pub(super) fn compute(self, instructions: Arch) {
        assert_eq!(self.a.n_rows(), self.c.n_rows());
        assert_eq!(self.a.n_columns(), self.b.n_rows());
        assert_eq!(self.b.n_columns(), self.c.n_columns());
        instructions.dispatch(self);
    }

    /// Adds the products over `depth` to some columns of `c`.
    #[inline(always)]
    fn block<S: Simd, const VECTORS: usize>(
        &mut self,
        simd: S,
        depth: Range<usize>,
        columns: Range<usize>,
        panel: &mut [S::f32s],
    ) {
        let (panel, _) = panel.as_chunks_mut::<VECTORS>();
        let panel = &mut panel[..depth.len()];
        if self.b.column_stride() == 1 {
            pack_rows(simd, self.b, depth.clone(), columns.clone(), panel);
        } else {
            pack_columns::<S, VECTORS>(self.b, depth.clone(), columns.clone(), panel);
        }
        let mut rows = 0..self.c.n_rows();
        if S::REGISTER_COUNT >= 32 {
            self.tiles::<S, VECTORS, 12>(simd, &mut rows, &depth, &columns, panel);
            self.tiles::<S, VECTORS, 8>(simd, &mut rows, &depth, &columns, panel);
        } else {
            self.tiles::<S, VECTORS, 6>(simd, &mut rows, &depth, &columns, panel);
        }
        self.tiles::<S, VECTORS, 4>(simd, &mut rows, &depth, &columns, panel);
        self.tiles::<S, VECTORS, 2>(simd, &mut rows, &depth, &columns, panel);
        self.tiles::<S, VECTORS, 1>(simd, &mut rows, &depth, &columns, panel);
    }

    /// Computes tiles of `ROWS` rows, as long as `rows` has as many, and takes them from it.
    #[inline(always)]
    fn tiles<S: Simd, const VECTORS: usize, const ROWS: usize>(
        &mut self,
        simd: S,
        rows: &mut Range<usize>,
        depth: &Range<usize>,
        columns: &Range<usize>,
        panel: &[[S::f32s; VECTORS]],
    ) {
        let a = self.a.columns(depth.clone());
        let (keep, scale) = (self.keep, simd.splat_f32s(self.scale));
        let new = |c: S::f32s, sum| {
            let sum = simd.mul_f32s(scale, sum);
            if keep == 0.0 {
                sum
            } else {
                simd.mul_add_f32s(simd.splat_f32s(keep), c, sum)
            }
        };
        while rows.len() >= ROWS {
            let a = a.rows(rows.start..rows.start + ROWS);
            let sums = tile_sums::<S, VECTORS, ROWS>(simd, a, panel);
            let is_whole = columns.len() == VECTORS * S::F32_LANES;
            for (row, sums) in sums.iter().enumerate() {
                // SAFETY: `rows` has `ROWS` more rows, and `with_simd` keeps `columns` within `c`.
                let c = unsafe { self.c.row_unchecked(rows.start + row, columns.clone()) };
                let (c, last) = S::as_mut_simd_f32s(c);
                if is_whole {
                    for (c, &sum) in c.iter_mut().zip(sums) {
                        *c = new(*c, sum);
                    }
                } else {
                    let sum = sums[c.len()];
                    for (c, &sum) in c.iter_mut().zip(sums) {
                        *c = new(*c, sum);
                    }
                    simd.partial_store_f32s(last, new(simd.partial_load_f32s(last), sum));
                }
            }
            rows.start += ROWS;
        }
    }
}

impl WithSimd for Product<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let mut panel = Panel([0.0; _]);
        let panel = bytemuck::cast_slice_mut(&mut panel.0);
        let (k, n) = (self.b.n_rows(), self.b.n_columns());
        // At least one block, for what `keep` does; all of about the same depth.
        let n_blocks = k.div_ceil(DEPTH).max(1);
        for block in 0..n_blocks {
            let depth = k * block / n_blocks..k * (block + 1) / n_blocks;
            for begin in (0..n).step_by(VECTORS * S::F32_LANES) {
                let columns = begin..n.min(begin + VECTORS * S::F32_LANES);
                if columns.len() <= S::F32_LANES {
                    self.block::<S, 1>(simd, depth.clone(), columns, panel);
                } else {
                    self.block::<S, VECTORS>(simd, depth.clone(), columns, panel);
                }
            }
            // What follows the first block is added to it.
            self.keep = 1.0;
        }
    }
}

/// `a[ROWS, depth] · panel[depth, VECTORS]`, in registers.
#[inline(always)]
fn tile_sums<S: Simd, const VECTORS: usize, const ROWS: usize>(
    simd: S,
    a: Matrix<'_>,
    panel: &[[S::f32s; VECTORS]],
) -> [[S::f32s; VECTORS]; ROWS] {
    assert!(a.n_rows() == ROWS && a.n_columns() == panel.len());
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    for (k, b) in panel.iter().enumerate() {
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the assertion above bounds both indices.
            let a = simd.splat_f32s(unsafe { a.get_unchecked(row, k) });
            for (sum, &b) in sums.iter_mut().zip(b) {
                *sum = simd.mul_add_f32s(a, b, *sum);
            }
        }
    }
    sums
}

/// Packs a block of a matrix whose rows are contiguous.
#[inline(always)]
fn pack_rows<S: Simd, const VECTORS: usize>(
    simd: S,
    b: Matrix<'_>,
    depth: Range<usize>,
    columns: Range<usize>,
    panel: &mut [[S::f32s; VECTORS]],
) {
    for (k, packed) in depth.zip(panel) {
        let (vectors, last) = S::as_simd_f32s(&b.row(k)[columns.clone()]);
        if let Some(vectors) = vectors.first_chunk() {
            *packed = *vectors;
        } else {
            packed[..vectors.len()].copy_from_slice(vectors);
            packed[vectors.len()] = simd.partial_load_f32s(last);
        }
    }
}

/// Packs a block of a matrix whose columns are contiguous.
#[inline(always)]
fn pack_columns<S: Simd, const VECTORS: usize>(
    b: Matrix<'_>,
    depth: Range<usize>,
    columns: Range<usize>,
    panel: &mut [[S::f32s; VECTORS]],
) {
    let width = VECTORS * S::F32_LANES;
    let panel: &mut [f32] = bytemuck::cast_slice_mut(panel.as_flattened_mut());
    let b = b.transposed();
    let column = |j| &b.row(columns.start + j)[depth.clone()];
    // Squares of 4 by 4, then what is left below them, then beside them.
    let n_columns = columns.len() / 4 * 4;
    for j in (0..n_columns).step_by(4) {
        let columns = [column(j), column(j + 1), column(j + 2), column(j + 3)];
        let squares = columns.map(|column| column.as_chunks::<4>().0);
        for k in 0..depth.len() / 4 {
            let square = [squares[0][k], squares[1][k], squares[2][k], squares[3][k]];
            for (i, row) in transpose(square).iter().enumerate() {
                panel[(4 * k + i) * width + j..][..4].copy_from_slice(row);
            }
        }
        for k in depth.len() / 4 * 4..depth.len() {
            for (i, column) in columns.iter().enumerate() {
                panel[k * width + j + i] = column[k];
            }
        }
    }
    for j in n_columns..width {
        for k in 0..depth.len() {
            panel[k * width + j] = if j < columns.len() { column(j)[k] } else { 0.0 };
        }
    }
}

/// Exchanges the rows and columns of a square.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn transpose(square: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    use std::arch::x86_64::{_mm_movehl_ps, _mm_movelh_ps, _mm_unpackhi_ps, _mm_unpacklo_ps};

    let [a, b, c, d] = bytemuck::must_cast(square);
    // SAFETY: every CPU of this architecture has SSE.
    let columns = unsafe {
        let (ab, cd) = (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d));
        let (ab_high, cd_high) = (_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d));
        [
            _mm_movelh_ps(ab, cd),
            _mm_movehl_ps(cd, ab),
            _mm_movelh_ps(ab_high, cd_high),
            _mm_movehl_ps(cd_high, ab_high),
        ]
    };
    bytemuck::must_cast(columns)
}

/// Exchanges the rows and columns of a square.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn transpose(square: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    std::array::from_fn(|i| square.map(|row| row[i]))
}

#[cfg(test)]
mod tests {
    use super::super::matrix::SharedColumns;
    use super::*;

    /// The widest vectors of this CPU, and all narrower ones that the product has code for.
    fn instruction_sets() -> Vec<Arch> {
        let mut sets = vec![Arch::Scalar];
        #[cfg(target_arch = "x86_64")]
        {
            sets.extend(pulp::x86::V3::try_new().map(Arch::V3));
            sets.extend(pulp::x86::V4::try_new().map(Arch::V4));
        }
        sets.push(Arch::new());
        sets
    }

    /// Small integers, whose products and sums have no rounding error in `f32`; no two rows or
    /// columns are alike.
    fn values(n: usize) -> Vec<f32> {
        (0..n).map(|i| (i * i % 23) as f32 - 11.0).collect()
    }

    /// All four forms, in the middle columns of a wider `c`, against the definition.
    fn check(instructions: Arch, [m, n, k]: [usize; 3], keep: f32, scale: f32) {
        let n_before = 3;
        let n_columns = n_before + n + 2;
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
            Product {
                c: &mut c,
                keep,
                scale,
                a,
                b,
            }
            .compute(instructions);

            for row in 0..m {
                for column in 0..n_columns {
                    let before = before[row * n_columns + column];
                    let expected = match column.checked_sub(n_before) {
                        Some(j) if j < n => {
                            // SAFETY: the indices are within the shapes.
                            let term =
                                |l| unsafe { a.get_unchecked(row, l) * b.get_unchecked(l, j) };
                            let sum: f32 = (0..k).map(term).sum();
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
                        actual.to_bits() == expected.to_bits() || actual == expected,
                        "{instructions:?}, [{m}, {n}, {k}], transposed: {a_is_transposed} \
                         {b_is_transposed}, keep {keep}, scale {scale}: [{row}, {column}] is \
                         {actual}, expected {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn products_are_exact_where_rounding_is_not_at_work() {
        for instructions in instruction_sets() {
            for m in [0, 1, 2, 3, 5, 7, 11, 12, 13, 23, 25] {
                for n in [0, 1, 2, 15, 16, 17, 31, 32, 33, 37] {
                    for k in [0, 1, 3, 4, 5, 17] {
                        check(instructions, [m, n, k], 0.0, 1.0);
                    }
                }
            }
            // Depths of one panel and more.
            for k in [DEPTH - 1, DEPTH, DEPTH + 1, 2 * DEPTH + 5] {
                check(instructions, [13, 35, k], 0.0, 1.0);
                check(instructions, [13, 35, k], 0.5, -2.0);
                check(instructions, [13, 35, k], 1.0, 1.0);
            }
        }
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
            let (a, b) = (Matrix::new(&a, 13, 5), Matrix::new(&b, 5, 33));
            let product = Product {
                c: &mut block,
                keep: 0.0,
                scale: 1.0,
                a,
                b,
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
