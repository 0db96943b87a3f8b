//! Level 1: a loop.

use cuda_std::prelude::*;

/// `y[i] = x[0] + ... + x[i]`: overwrites `y`.
///
/// Shapes: `x` and `y` `[N]`.
/// Launch: one thread.
/// Cost: `N` additions, one after the other; `8 N` bytes.
#[kernel]
pub fn scan_one_thread(x: &[u32], mut y: DisjointSlice<u32>) {
    let mut sum = 0u32;
    for (i, x) in x.iter().enumerate() {
        sum = sum.wrapping_add(*x);
        // SAFETY: there is no other thread.
        if let Some(y) = unsafe { y.get_mut(i) } {
            *y = sum;
        }
    }
}
