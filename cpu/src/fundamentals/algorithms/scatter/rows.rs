//! Sums over the rows of a table and of the products of its columns, in the lanes of vectors.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::simd::prefetch;

/// Rows whose products are added at once: those of a few columns lie in the first cache.
pub const N_ROWS: usize = 64;
/// Columns whose pairs are added at once, in registers.
const N_LANES: usize = 8;

/// What at most [`N_ROWS`] rows count.
pub struct Weights {
    /// In the sums.
    pub of_sums: [f64; N_ROWS],
    /// In the products.
    pub of_products: [f64; N_ROWS],
}

/// Says what rows count.
pub trait Weigh {
    /// Weighs at most [`N_ROWS`] rows, group after group.
    fn weigh(&mut self, rows: Range<usize>, weights: &mut Weights);
}

/// `sums += Σ weight (x - c)` and `products += Σ weight (x - c)(x - c)ᵀ` over the rows, the products above the
/// diagonal and on it; what is below it is something else. `weigh` says what rows count, group after group; without
/// it, it is 1.
pub fn add_products(
    rows: &[f64],
    center: &[f64],
    mut weigh: Option<&mut dyn Weigh>,
    sums: &mut [f64],
    products: &mut [f64],
) {
    let n = center.len();
    let mut centers = vec![[0.0; N_LANES]; n.div_ceil(N_LANES)];
    centers.as_flattened_mut()[..n].copy_from_slice(center);
    // Rows about the center, and the same times their weights, tile after tile of columns. Beyond the last
    // column a tile holds what comes next in the table, whose sums nobody reads.
    let mut centered = vec![[[0.0; N_LANES]; N_ROWS]; centers.len()];
    let mut weighted = match weigh {
        Some(_) => centered.clone(),
        None => Vec::new(),
    };
    let mut weights = Weights {
        of_sums: [0.0; N_ROWS],
        of_products: [0.0; N_ROWS],
    };
    let instructions = pulp::Arch::new();
    let n_all = rows.len() / n;
    for first in (0..n_all).step_by(N_ROWS) {
        let n_rows = (n_all - first).min(N_ROWS);
        let weights = weigh.as_mut().map(|weigh| {
            weigh.weigh(first..first + n_rows, &mut weights);
            &weights
        });
        for (tile, (centered, center)) in centered.iter_mut().zip(&centers).enumerate() {
            let begin = tile * N_LANES;
            let added = instructions.dispatch(TileRows {
                rows: &rows[first * n + begin..],
                n,
                center,
                weights,
                centered: &mut centered[..n_rows],
                weighted: weighted
                    .get_mut(tile)
                    .map_or(&mut [], |rows| &mut rows[..n_rows]),
            });
            let sums = sums[begin..].iter_mut().zip(added);
            sums.for_each(|(sum, x)| *sum += x);
        }
        let next = &rows[(first + n_rows) * n..];
        let next = &next[..next.len().min(N_ROWS * n)];
        let left = if weights.is_some() {
            &weighted
        } else {
            &centered
        };
        for (i, left) in left.iter().enumerate() {
            let left = &left[..n_rows];
            let products = &mut products[i * N_LANES * n..];
            let mut next = next.chunks(next.len().div_ceil(centers.len()).max(1));
            prefetch(bytemuck::cast_slice(next.nth(i).unwrap_or_default()));
            let (pairs, rest) = centered[i..].as_chunks::<2>();
            for (pair, right) in pairs.iter().enumerate() {
                let right = right.each_ref().map(|right| &right[..n_rows]);
                let added = instructions.dispatch(TileProducts { left, right });
                add_tiles(added, n, (i + 2 * pair) * N_LANES, products);
            }
            if let [right] = rest {
                let right = [&right[..n_rows]];
                let added = instructions.dispatch(TileProducts { left, right });
                add_tiles(added, n, (centers.len() - 1) * N_LANES, products);
            }
        }
    }
}

/// Adds tiles side by side to rows of `n` products, from a column on; what is beyond the last row or column is
/// dropped.
fn add_tiles<const N: usize>(
    tiles: [[[f64; N_LANES]; N_LANES]; N],
    n: usize,
    begin: usize,
    products: &mut [f64],
) {
    for (idx, tile) in tiles.iter().enumerate() {
        for (products, added) in products.chunks_exact_mut(n).zip(tile) {
            let products = products[begin + idx * N_LANES..].iter_mut();
            products.zip(added).for_each(|(product, x)| *product += x);
        }
    }
}

/// Brings columns of some rows into a tile, less their center, and returns their sums.
struct TileRows<'a> {
    /// From the first one's first column on.
    rows: &'a [f64],
    /// From one row to the next.
    n: usize,
    center: &'a [f64; N_LANES],
    weights: Option<&'a Weights>,
    /// As many rows as there are.
    centered: &'a mut [[f64; N_LANES]],
    /// The same times their weights, if there are some.
    weighted: &'a mut [[f64; N_LANES]],
}

impl WithSimd for TileRows<'_> {
    type Output = [f64; N_LANES];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        match S::F64_LANES {
            8 => self.bring::<S, 1>(simd),
            4 => self.bring::<S, 2>(simd),
            2 => self.bring::<S, 4>(simd),
            _ => self.bring::<S, 8>(simd),
        }
    }
}

impl TileRows<'_> {
    /// With `N_VECTORS` to a row.
    #[inline(always)]
    fn bring<S: Simd, const N_VECTORS: usize>(self, simd: S) -> [f64; N_LANES] {
        #[inline(always)]
        fn vectors<S: Simd, const N_VECTORS: usize>(row: &[f64; N_LANES]) -> [S::f64s; N_VECTORS] {
            let vectors = S::as_simd_f64s(row).0;
            *vectors.first_chunk().expect("they are all lanes")
        }
        let mut sums = [simd.splat_f64s(0.0); N_VECTORS];
        let center = vectors::<S, N_VECTORS>(self.center);
        // Only at the end of the table are there fewer numbers.
        let mut last = [0.0; N_LANES];
        for (idx, centered) in self.centered.iter_mut().enumerate() {
            let row = &self.rows[idx * self.n..];
            let mut values = match row.first_chunk() {
                Some(row) => vectors::<S, N_VECTORS>(row),
                None => {
                    last[..row.len()].copy_from_slice(row);
                    vectors::<S, N_VECTORS>(&last)
                }
            };
            for (x, &c) in values.iter_mut().zip(&center) {
                *x = simd.sub_f64s(*x, c);
            }
            let (places, _) = S::as_mut_simd_f64s(centered);
            places.copy_from_slice(&values);
            if let Some(weights) = self.weights {
                let (places, _) = S::as_mut_simd_f64s(&mut self.weighted[idx]);
                let weight = simd.splat_f64s(weights.of_products[idx]);
                for (place, &x) in places.iter_mut().zip(&values) {
                    *place = simd.mul_f64s(weight, x);
                }
                let weight = simd.splat_f64s(weights.of_sums[idx]);
                for x in &mut values {
                    *x = simd.mul_f64s(weight, *x);
                }
            }
            for (sum, x) in sums.iter_mut().zip(values) {
                *sum = simd.add_f64s(*sum, x);
            }
        }
        let mut output = [0.0; N_LANES];
        S::as_mut_simd_f64s(&mut output).0.copy_from_slice(&sums);
        output
    }
}

/// Columns of some rows, side by side.
type Tile<'a> = &'a [[f64; N_LANES]];

/// `Σ a bᵀ` over rows, for one tile on the left and some on the right.
struct TileProducts<'a, const N: usize> {
    left: Tile<'a>,
    right: [Tile<'a>; N],
}

impl<const N: usize> WithSimd for TileProducts<'_, N> {
    type Output = [[[f64; N_LANES]; N_LANES]; N];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let TileProducts { left, right } = self;
        // As many sums as there are registers for.
        match S::F64_LANES {
            8 => products::<S, 1, N>(simd, left, right),
            4 => right.map(|right| products::<S, 2, 1>(simd, left, [right])[0]),
            2 => right.map(|right| products::<S, 4, 1>(simd, left, [right])[0]),
            _ => right.map(|right| products::<S, 8, 1>(simd, left, [right])[0]),
        }
    }
}

/// With `N_VECTORS` to a row.
#[inline(always)]
fn products<S: Simd, const N_VECTORS: usize, const N: usize>(
    simd: S,
    left: Tile<'_>,
    right: [Tile<'_>; N],
) -> [[[f64; N_LANES]; N_LANES]; N] {
    let right = right.map(|tile| {
        let vectors = S::as_simd_f64s(tile.as_flattened()).0;
        &vectors.as_chunks::<N_VECTORS>().0[..left.len()]
    });
    let mut sums = [[[simd.splat_f64s(0.0); N_VECTORS]; N_LANES]; N];
    for (idx, left) in left.iter().enumerate() {
        let right = right.map(|tile| tile[idx]);
        for (row, &a) in left.iter().enumerate() {
            let a = simd.splat_f64s(a);
            for (sums, right) in sums.iter_mut().zip(&right) {
                for (sum, &b) in sums[row].iter_mut().zip(right) {
                    *sum = simd.mul_add_e_f64s(a, b, *sum);
                }
            }
        }
    }
    let mut output = [[[0.0; N_LANES]; N_LANES]; N];
    for (output, sums) in output.iter_mut().zip(&sums) {
        let (output, _) = S::as_mut_simd_f64s(output.as_flattened_mut());
        output.copy_from_slice(sums.as_flattened());
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sums of a tile of a table of whole numbers, and its products by itself and another.
    fn sums_and_products<S: Simd>(simd: S) -> ([f64; N_LANES], [[[f64; N_LANES]; N_LANES]; 2]) {
        let table: Vec<f64> = (0..3 * 9).map(|i| f64::from(i % 7)).collect();
        let mut tile = [[0.0; N_LANES]; 3];
        let sums = TileRows {
            rows: &table[2..],
            n: 9,
            center: &[1.0; N_LANES],
            weights: None,
            centered: &mut tile,
            weighted: &mut [],
        }
        .with_simd(simd);
        let other = tile.map(|row| row.map(|x| x + 1.0));
        let products = TileProducts {
            left: &tile,
            right: [&tile, &other],
        };
        (sums, products.with_simd(simd))
    }

    #[test]
    fn vectors_of_any_width_give_the_same() {
        let (sums, products) = sums_and_products(pulp::Scalar);
        // The table's rows from the third column on: 2 3 4 5 6 0 1 2, 4 5 6 0 1 2 3 4, and 6 0 1 2 3 4 5 and no more.
        assert_eq!(sums, [9.0, 5.0, 8.0, 4.0, 7.0, 3.0, 6.0, 3.0]);
        assert_eq!(products[0][0][1], 1.0 * 2.0 + 3.0 * 4.0 - 5.0);
        assert_eq!(products[1][0][1], products[0][0][1] + sums[0]);
        #[cfg(target_arch = "x86_64")]
        {
            let others = [
                pulp::x86::V3::try_new().map(sums_and_products),
                pulp::x86::V4::try_new().map(sums_and_products),
            ];
            for other in others.into_iter().flatten() {
                assert_eq!(other, (sums, products));
            }
        }
    }
}
