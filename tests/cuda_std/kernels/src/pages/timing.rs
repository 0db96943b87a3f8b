//! How long a search takes, and where the time goes.

use cuda_std::prelude::*;
use cuda_std::time::{CycleTimer, NanosecondTimer};

/// Looks for the square root of each number by halving, and tells the cycles that it took, and the
/// nanoseconds. Launch: one thread per number.
#[kernel]
pub fn search(
    squares: &[u32],
    mut roots: PerThread<u32>,
    mut cycles: PerThread<u64>,
    mut nanoseconds: PerThread<u64>,
) {
    let Some(square) = squares.get(thread::index_1d() as usize) else {
        return;
    };
    let (cycle_timer, nanosecond_timer) = (CycleTimer::start(), NanosecondTimer::start());
    let (mut low, mut high) = (0, 1 << 16);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if middle * middle <= *square {
            low = middle;
        } else {
            high = middle;
        }
    }
    if let (Some(root), Some(cycles), Some(nanoseconds)) =
        (roots.get_mut(), cycles.get_mut(), nanoseconds.get_mut())
    {
        *root = low;
        *cycles = cycle_timer.elapsed();
        *nanoseconds = nanosecond_timer.elapsed();
    }
}
