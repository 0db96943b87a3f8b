//! Products of small matrices, as tensor cores compute them.
//!
//! The manual says of sums of halves and their like that they have at least the precision of singles,
//! and leaves their order open. Here products are exact, they are added to the addend in doubles, in
//! the order of the inner dimension, and the sum is rounded to the nearest once.

/// `a * b + c`, of `M` by `K` and `K` by `N`. Where products are exact, `FUSED` changes no result.
#[inline(always)]
pub(crate) fn multiply<const M: usize, const N: usize, const K: usize, const FUSED: bool>(
    a: &[[f64; K]; M],
    b: &[[f64; N]; K],
    mut c: [[f64; N]; M],
) -> [[f64; N]; M] {
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
    c
}

/// `a * b + c` of whole numbers: what does not fit into 32 bits is cut off, or with `saturates` the
/// nearest that does.
#[inline(always)]
pub(crate) fn multiply_integers<const M: usize, const N: usize, const K: usize>(
    a: &[[i32; K]; M],
    b: &[[i32; N]; K],
    mut c: [[i32; N]; M],
    saturates: bool,
) -> [[i32; N]; M] {
    for (sums, row) in c.iter_mut().zip(a) {
        // At most 128 products of 16 bits are added.
        let mut products = [0_i32; N];
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
    c
}
