//! Products of small matrices, as tensor cores compute them.
//!
//! The manual says of sums of halves and their like that they have at least the precision of singles,
//! and leaves their order open. Here products are exact, they are added to the addend in doubles, in
//! the order of the inner dimension, and the sum is rounded to the nearest once.

/// The most rows of the first factor, and the most columns.
pub(crate) const MOST_ROWS: usize = 16;
pub(crate) const MOST_DEPTH: usize = 64;
/// The columns of the second factor.
pub(crate) const COLUMNS: usize = 8;

/// The factors and the sum, in the first rows and columns of matrices that have room for all shapes.
pub(crate) type Rows<T> = [[T; MOST_DEPTH]; MOST_ROWS];
pub(crate) type Columns<T> = [[T; COLUMNS]; MOST_DEPTH];
pub(crate) type Sums<T> = [[T; COLUMNS]; MOST_ROWS];

/// Adds `a * b` to `c`. Where products are exact, `FUSED` changes no result.
#[inline(always)]
pub(crate) fn multiply<const FUSED: bool>(
    a: &[[f64; MOST_DEPTH]],
    b: &[[f64; COLUMNS]],
    c: &mut Sums<f64>,
) {
    for (sums, row) in c.iter_mut().zip(a) {
        let mut sum = *sums;
        for (&factor, column) in row.iter().zip(b) {
            for (sum, &other) in sum.iter_mut().zip(column) {
                *sum = if FUSED {
                    factor.mul_add(other, *sum)
                } else {
                    factor * other + *sum
                };
            }
        }
        *sums = sum;
    }
}

/// Adds `a * b` to `c`, of whole numbers: what does not fit into 32 bits is cut off, or with
/// `saturates` the nearest that does.
#[inline(always)]
pub(crate) fn multiply_integers(
    a: &[[i32; MOST_DEPTH]],
    b: &[[i32; COLUMNS]],
    c: &mut Sums<i32>,
    saturates: bool,
) {
    for (sums, row) in c.iter_mut().zip(a) {
        // At most 64 products of 16 bits are added.
        let mut products = [0_i32; COLUMNS];
        for (&factor, column) in row.iter().zip(b) {
            for (product, &other) in products.iter_mut().zip(column) {
                *product += factor * other;
            }
        }
        for (sum, product) in sums.iter_mut().zip(products) {
            *sum = if saturates {
                sum.saturating_add(product)
            } else {
                sum.wrapping_add(product)
            };
        }
    }
}
