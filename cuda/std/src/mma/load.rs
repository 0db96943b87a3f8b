//! Operands from shared memory, by a whole warp: `ldmatrix`.

use super::{A, B, Fragment, Layout};
use crate::phased::{Element, Plane, Readable};
use crate::warp;
use crate::{bf16, f16};

/// An operand that `ldmatrix` loads: one of `f16` or `bf16`.
pub trait Loadable: Layout {
    /// Where matrix `j` of eight by eight begins in the operand: row and column.
    #[doc(hidden)]
    fn start_of(j: usize) -> (usize, usize);
    /// Loads the matrices whose rows the lanes point to; a lane's pair of elements are neighbours in a
    /// row, or, if `across`, in a column.
    #[doc(hidden)]
    unsafe fn load_rows(row: *const u8, across: bool) -> Self::Registers;
    /// Whether a lane's pairs are neighbours in a column of the operand.
    #[doc(hidden)]
    const IS_RIGHT: bool;
}

#[cfg(target_arch = "nvptx64")]
mod intrinsics {
    #[repr(C)]
    pub struct Two(pub u32, pub u32);

    #[repr(C)]
    pub struct Four(pub u32, pub u32, pub u32, pub u32);

    // The results are several values, which only this ABI passes as LLVM does.
    unsafe extern "unadjusted" {
        #[link_name = "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x1.b16.p0"]
        pub fn x1(row: *const u8) -> u32;
        #[link_name = "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x1.trans.b16.p0"]
        pub fn x1_across(row: *const u8) -> u32;
        #[link_name = "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x2.b16.p0"]
        pub fn x2(row: *const u8) -> Two;
        #[link_name = "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x2.trans.b16.p0"]
        pub fn x2_across(row: *const u8) -> Two;
        #[link_name = "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16.p0"]
        pub fn x4(row: *const u8) -> Four;
        #[link_name = "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.trans.b16.p0"]
        pub fn x4_across(row: *const u8) -> Four;
    }
}

macro_rules! loadables {
    ($($ty:ty, is_right $is_right:literal: $plain:ident, $across:ident,
        |$result:ident| $registers:expr, |$j:pat_param| $start:expr;)*) => {$(
        impl Loadable for $ty {
            const IS_RIGHT: bool = $is_right;

            #[inline(always)]
            fn start_of($j: usize) -> (usize, usize) {
                $start
            }

            #[inline(always)]
            unsafe fn load_rows(row: *const u8, across: bool) -> Self::Registers {
                #[cfg(target_arch = "nvptx64")]
                {
                    // SAFETY: the caller vouches for the rows.
                    let $result = unsafe {
                        if across {
                            intrinsics::$across(row)
                        } else {
                            intrinsics::$plain(row)
                        }
                    };
                    $registers
                }
                #[cfg(not(target_arch = "nvptx64"))]
                {
                    let _ = (row, across);
                    crate::only_on_device("mma::Fragment::load")
                }
            }
        }
    )*};
}

// Register `j` of a fragment is a matrix of eight by eight: `layouts!` counts them the same way.
loadables! {
    A<f16, 16, 8>, is_right false: x2, x2_across, |d| [d.0, d.1], |j| (8 * j, 0);
    A<bf16, 16, 8>, is_right false: x2, x2_across, |d| [d.0, d.1], |j| (8 * j, 0);
    A<f16, 16, 16>, is_right false: x4, x4_across, |d| [d.0, d.1, d.2, d.3],
        |j| (8 * (j % 2), 8 * (j / 2));
    A<bf16, 16, 16>, is_right false: x4, x4_across, |d| [d.0, d.1, d.2, d.3],
        |j| (8 * (j % 2), 8 * (j / 2));
    B<f16, 8, 8>, is_right true: x1, x1_across, |d| [d], |_| (0, 0);
    B<bf16, 8, 8>, is_right true: x1, x1_across, |d| [d], |_| (0, 0);
    B<f16, 16, 8>, is_right true: x2, x2_across, |d| [d.0, d.1], |j| (8 * j, 0);
    B<bf16, 16, 8>, is_right true: x2, x2_across, |d| [d.0, d.1], |j| (8 * j, 0);
}

impl<L: Loadable<Element: Element>> Fragment<L> {
    /// The operand that begins at `(row, column)` of a tile of shared memory.
    ///
    /// # Panics
    ///
    /// If the operand is not within the tile, or its rows do not begin at multiples of 16 bytes: the
    /// pitch and `column` are multiples of 8. Nothing is left of this check where they are constants.
    ///
    /// # Safety
    ///
    /// - [Collective](crate::groups#collective): every thread of the warp makes this call, with the same
    ///   `row` and `column`.
    #[inline(always)]
    pub unsafe fn load<const ROWS: usize, const COLUMNS: usize, const PITCH: usize>(
        tile: &Readable<L::Element, Plane<ROWS, COLUMNS, PITCH>>,
        (row, column): (usize, usize),
    ) -> Fragment<L> {
        // SAFETY: the caller's promise.
        unsafe { load(tile, (row, column), false) }
    }

    /// The operand whose transpose begins at `(row, column)` of a tile of shared memory.
    ///
    /// # Panics
    ///
    /// As [`load`](Fragment::load).
    ///
    /// # Safety
    ///
    /// - As for [`load`](Fragment::load).
    #[inline(always)]
    pub unsafe fn load_transposed<const ROWS: usize, const COLUMNS: usize, const PITCH: usize>(
        tile: &Readable<L::Element, Plane<ROWS, COLUMNS, PITCH>>,
        (row, column): (usize, usize),
    ) -> Fragment<L> {
        // SAFETY: the caller's promise.
        unsafe { load(tile, (row, column), true) }
    }
}

/// # Safety
///
/// - As for [`Fragment::load`].
#[inline(always)]
unsafe fn load<L, const ROWS: usize, const COLUMNS: usize, const PITCH: usize>(
    tile: &Readable<L::Element, Plane<ROWS, COLUMNS, PITCH>>,
    (row, column): (usize, usize),
    is_transposed: bool,
) -> Fragment<L>
where
    L: Loadable<Element: Element>,
{
    let (n_rows, n_columns) = match is_transposed {
        false => (L::ROWS, L::COLUMNS),
        true => (L::COLUMNS, L::ROWS),
    };
    assert!(
        row + n_rows <= ROWS && column + n_columns <= COLUMNS,
        "an operand reaches past the end of a shared tile"
    );
    assert!(
        PITCH.is_multiple_of(8) && column.is_multiple_of(8),
        "the rows of an operand do not begin at multiples of 16 bytes"
    );
    // Eight lanes point to the eight rows of a matrix; the lanes that are left repeat the first ones.
    let lane = warp::lane_id() as usize;
    let n_matrices = L::ROWS * L::COLUMNS / 64;
    let (start_row, start_column) = L::start_of(lane / 8 % n_matrices);
    let (lane_row, lane_column) = match is_transposed {
        false => (start_row + lane % 8, start_column),
        true => (start_column + lane % 8, start_row),
    };
    let place = (row + lane_row) * PITCH + column + lane_column;
    // SAFETY: eight elements of a row of the tile, by the asserts, at a multiple of 16 bytes, since a
    // tile begins at one. All lanes make the call by the caller's promise.
    let registers = unsafe {
        L::load_rows(
            tile.as_ptr().wrapping_add(place).cast(),
            is_transposed != L::IS_RIGHT,
        )
    };
    Fragment { registers }
}
