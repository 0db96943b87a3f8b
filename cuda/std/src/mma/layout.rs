//! Which elements of a matrix a thread holds.

use core::marker::PhantomData;

use super::{Tf32, Value};
use crate::{bf16, f16};

/// An operand of a product, and which of its elements each thread of the warp holds.
pub trait Layout {
    /// What the matrix is made of.
    type Element: Value;
    /// A thread's share.
    #[doc(hidden)]
    type Registers: Copy + Default + AsRef<[u32]> + AsMut<[u32]>;
    /// Rows of the matrix.
    const ROWS: usize;
    /// Columns of the matrix.
    const COLUMNS: usize;
    /// Elements that each thread holds.
    const N_OWN: usize = Self::ROWS * Self::COLUMNS / 32;
    /// Row and column of element `i` of lane `lane`.
    fn position(lane: usize, i: usize) -> (usize, usize);
}

/// The left operand: `M` rows and `K` columns.
pub struct A<T, const M: usize, const K: usize>(PhantomData<T>);

/// The right operand: `K` rows and `N` columns.
pub struct B<T, const K: usize, const N: usize>(PhantomData<T>);

/// What is added, and the result: `M` rows and `N` columns.
pub struct C<T, const M: usize, const N: usize>(PhantomData<T>);

/// The layouts of PTX ISA, "Matrix Fragments for mma.m16n8k4", "... m16n8k8" and "... m16n8k16".
///
/// A warp is eight groups of four lanes. `group` is the group's number, `member` the lane's in it, `i`
/// the element's number.
macro_rules! layouts {
    ($($operand:ident<$ty:ty, $rows:literal, $columns:literal>, $n_registers:literal registers:
        |$group:pat_param, $member:pat_param, $i:pat_param| $position:expr;)*) => {$(
        impl Layout for $operand<$ty, $rows, $columns> {
            type Element = $ty;
            type Registers = [u32; $n_registers];
            const ROWS: usize = $rows;
            const COLUMNS: usize = $columns;

            #[inline(always)]
            fn position(lane: usize, i: usize) -> (usize, usize) {
                let ($group, $member, $i) = (lane / 4, lane % 4, i);
                $position
            }
        }
        const _: () = assert!(
            $rows * $columns / 32 == $n_registers * <$ty as Value>::PER_REGISTER
        );
    )*};
}

layouts! {
    // Pairs of neighbours in a row; then 8 rows below, then 8 columns on.
    A<f16, 16, 8>, 2 registers: |group, member, i| (group + 8 * (i / 2), 2 * member + i % 2);
    A<bf16, 16, 8>, 2 registers: |group, member, i| (group + 8 * (i / 2), 2 * member + i % 2);
    A<f16, 16, 16>, 4 registers:
        |group, member, i| (group + 8 * (i / 2 % 2), 2 * member + i % 2 + 8 * (i / 4));
    A<bf16, 16, 16>, 4 registers:
        |group, member, i| (group + 8 * (i / 2 % 2), 2 * member + i % 2 + 8 * (i / 4));
    A<Tf32, 16, 4>, 2 registers: |group, member, i| (group + 8 * i, member);
    A<Tf32, 16, 8>, 4 registers: |group, member, i| (group + 8 * (i % 2), member + 4 * (i / 2));

    // Pairs of neighbours in a column; then further rows.
    B<f16, 8, 8>, 1 registers: |group, member, i| (2 * member + i, group);
    B<bf16, 8, 8>, 1 registers: |group, member, i| (2 * member + i, group);
    B<f16, 16, 8>, 2 registers: |group, member, i| (2 * member + i % 2 + 8 * (i / 2), group);
    B<bf16, 16, 8>, 2 registers: |group, member, i| (2 * member + i % 2 + 8 * (i / 2), group);
    B<Tf32, 4, 8>, 1 registers: |group, member, _| (member, group);
    B<Tf32, 8, 8>, 2 registers: |group, member, i| (member + 4 * i, group);

    // Pairs of neighbours in a row; then 8 rows below.
    C<f16, 16, 8>, 2 registers: |group, member, i| (group + 8 * (i / 2), 2 * member + i % 2);
    C<f32, 16, 8>, 4 registers: |group, member, i| (group + 8 * (i / 2), 2 * member + i % 2);
}
