//! Level 1: a loop.

use cuda_std::prelude::*;

/// `sums[0] = Σ x`: overwrites `sums`.
///
/// Shapes: `x` `[N]`, `sums` `[1]`.
/// Launch: one thread.
/// Cost: `N` additions, one after the other.
#[kernel]
pub fn sum_one_thread(x: &[f32], mut sums: PerThread<f32>) {
    if let Some(sum) = sums.get_mut() {
        *sum = x.iter().sum();
    }
}
