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
