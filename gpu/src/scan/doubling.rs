//! Level 2: a block adds, in each step, what lies twice as far back as in the step before.

use cuda_std::phased_tile;
use cuda_std::prelude::*;

use super::{N, N_THREADS};

/// `y[i] = x[0] + ... + x[i]`, for [`N_THREADS`] numbers at most: overwrites `y`.
///
/// Shapes: `x` and `y` `[N]`.
/// Launch: one block of [`N_THREADS`] threads.
/// Cost: `N log₂ N` additions, 16 barriers.
#[kernel(launch_bounds(N_THREADS))]
pub fn scan_doubling(x: &[u32], mut y: PerThread<u32>) {
    let thread = thread::thread_idx_x() as usize % N;
    // SAFETY: evaluated once.
    let s_sums = unsafe { phased_tile![u32; N] };
    let mut s_sums = s_sums.fill(|i| x.get(i).copied().unwrap_or(0));
    let mut distance = 1;
    while distance < N {
        // SAFETY: every thread of the block gets here, eight times.
        let readable = unsafe { s_sums.publish() };
        let before = thread.checked_sub(distance).map_or(0, |i| readable[i]);
        // SAFETY: as above.
        s_sums = unsafe { readable.reuse() };
        s_sums.update(|_, sum| *sum = sum.wrapping_add(before));
        distance *= 2;
    }
    s_sums.update(|_, sum| {
        if let Some(y) = y.get_mut() {
            *y = *sum;
        }
    });
}
