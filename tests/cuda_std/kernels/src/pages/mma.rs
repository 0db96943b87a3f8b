//! A product of matrices on tensor cores.

use cuda_std::f16;
use cuda_std::mma::{A, B, C, Fragment};
use cuda_std::phased_tile;
use cuda_std::prelude::*;

/// `C[m, n] = A[m, k] · B[k, n]`, all by rows; `m`, `n` and `k` are multiples of 16, 8 and 16.
/// Launch: a warp for each 16 × 8 elements of `C`, `n / 8` along x and `m / 16` along y.
#[kernel]
pub fn product(n: u32, k: u32, a: &[u16], b: &[u16], mut c: DisjointSlice<f32>) {
    let (n, k) = (n as usize, k as usize);
    let first_row = 16 * thread::block_idx_y() as usize;
    let first_column = 8 * thread::block_idx_x() as usize;

    let mut sums = Fragment::<C<f32, 16, 8>>::from_fn(|_, _| 0.0); // (16, 8)
    // A pitch of 24: the eight rows that a load reads at once lie in different banks.
    // SAFETY: evaluated once.
    let mut s_a = unsafe { phased_tile![f16; 16, 16; pitch 24] }.fill(|_| f16::ZERO); // (16, 16)
    // SAFETY: as above.
    let mut s_b = unsafe { phased_tile![f16; 16, 8] }.fill(|_| f16::ZERO); // (16, 8)
    for start in (0..k).step_by(16) {
        s_a.fill(|(row, column)| f16::from_bits(a[(first_row + row) * k + start + column]));
        s_b.fill(|(row, column)| f16::from_bits(b[(start + row) * n + first_column + column]));
        // SAFETY: the block is one warp, and all of it gets to each of these calls.
        unsafe {
            let tiles = cuda_std::phased::publish((s_a, s_b));
            let r_a = Fragment::<A<f16, 16, 16>>::load(&tiles.0, (0, 0)); // (16, 16)
            let r_b = Fragment::<B<f16, 16, 8>>::load(&tiles.1, (0, 0)); // (16, 8)
            sums = r_a.multiply_add(r_b, sums);
            (s_a, s_b) = cuda_std::phased::reuse(tiles);
        }
    }
    sums.for_each(|row, column, sum| {
        // SAFETY: an element of `C` belongs to one warp, and in it to one thread.
        if let Some(c) = unsafe { c.get_mut((first_row + row) * n + first_column + column) } {
            *c = sum;
        }
    });
}
