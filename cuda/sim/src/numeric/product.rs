//! Products of small matrices, as tensor cores compute them.
//!
//! The manual says of sums of halves and their like that they have at least the precision of singles,
//! and leaves their order open. Here products are exact, they are added to the addend in doubles, in
//! the order of the inner dimension, and the sum is rounded to the nearest once.

/// The most rows of the first factor, and the columns of the second one.
pub(crate) const ROWS: usize = 16;
pub(crate) const COLUMNS: usize = 8;
/// The most stored elements in a row of the first factor.
const MOST_STORED: usize = 64;

/// The rows of a first factor in words of 32 bits.
pub(crate) type FirstWords = [[u32; 8]; ROWS];
/// The words of a second factor, each in all columns.
pub(crate) type SecondWords = [[u32; COLUMNS]; 16];

/// The sum, in the first rows of a matrix that has room for all shapes.
pub(crate) type Sums<T> = [[T; COLUMNS]; ROWS];

/// Where the elements that a sparse matrix stores of each row belong.
pub(crate) type Places = [[u8; MOST_STORED]; ROWS];

/// Adds `a * b` to `c`. Where products are exact, `FUSED` changes no result.
#[inline(always)]
pub(crate) fn multiply<const FUSED: bool, const K: usize>(
    a: &[[f64; K]],
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

/// As [`multiply`], of the `stored` elements in each row of a sparse matrix: what it does not store is
/// not multiplied, not even with an infinity.
#[inline(always)]
pub(crate) fn multiply_sparse<const K: usize>(
    a: &[[f64; K]],
    stored: usize,
    places: &Places,
    b: &[[f64; COLUMNS]],
    c: &mut Sums<f64>,
) {
    for ((sums, row), places) in c.iter_mut().zip(a).zip(places) {
        for (&factor, &place) in row[..stored].iter().zip(places) {
            for (sum, &other) in sums.iter_mut().zip(&b[usize::from(place)]) {
                *sum += factor * other;
            }
        }
    }
}

/// `a * b` of whole numbers.
#[inline(always)]
pub(crate) fn multiply_integers<const K: usize>(a: &[[i32; K]], b: &[[i32; COLUMNS]]) -> Sums<i32> {
    // At most 128 products of 16 bits are added.
    let mut products = [[0_i32; COLUMNS]; ROWS];
    for (products, row) in products.iter_mut().zip(a) {
        let mut sums = [0_i32; COLUMNS];
        for (&factor, column) in row.iter().zip(b) {
            for (sum, &other) in sums.iter_mut().zip(column) {
                *sum += factor * other;
            }
        }
        *products = sums;
    }
    products
}

/// As [`multiply_integers`], of the `stored` elements in each row of a sparse matrix.
#[inline(always)]
pub(crate) fn multiply_sparse_integers<const K: usize>(
    a: &[[i32; K]],
    stored: usize,
    places: &Places,
    b: &[[i32; COLUMNS]],
) -> Sums<i32> {
    let mut products = [[0_i32; COLUMNS]; ROWS];
    for ((products, row), places) in products.iter_mut().zip(a).zip(places) {
        for (&factor, &place) in row[..stored].iter().zip(places) {
            for (product, &other) in products.iter_mut().zip(&b[usize::from(place)]) {
                *product += factor * other;
            }
        }
    }
    products
}

/// How many bits of two words are set in both, or with `DIFFERENT` in one alone.
#[inline(always)]
pub(crate) fn count_bits<const DIFFERENT: bool>(a: u32, b: u32) -> i32 {
    let bits = if DIFFERENT { a ^ b } else { a & b };
    bits.count_ones() as i32
}

/// Adds products to sums of whole numbers: what does not fit into 32 bits is cut off, or with
/// `saturates` the nearest that does.
#[inline(always)]
pub(crate) fn add_integers(sums: &mut Sums<i32>, products: &Sums<i32>, saturates: bool) {
    for (sum, &product) in sums
        .as_flattened_mut()
        .iter_mut()
        .zip(products.as_flattened())
    {
        *sum = if saturates {
            sum.saturating_add(product)
        } else {
            sum.wrapping_add(product)
        };
    }
}
