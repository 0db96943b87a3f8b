//! `cuda_std::time`.

use cuda_std::prelude::*;
use cuda_std::time::{CycleTimer, NanosecondTimer, clock, clock64, globaltimer};

/// What the clocks say before and after a sum over `n` words, and what the timers say: nine numbers
/// for each thread. One block.
#[kernel]
pub unsafe fn time_clocks(x: &[u32], times: *mut u64, sums: *mut u32) {
    let times = times.add(9 * thread::index() as usize);
    let (mut cycles, mut nanoseconds) = (CycleTimer::start(), NanosecondTimer::start());
    let before = (clock(), clock64(), globaltimer());
    let mut sum = 0u32;
    for x in x {
        sum = sum.wrapping_add(*x);
    }
    *sums.add(thread::index() as usize) = sum;
    let after = (clock(), clock64(), globaltimer());
    *times = after.0.wrapping_sub(before.0).into();
    *times.add(1) = after.1 - before.1;
    *times.add(2) = after.2 - before.2;
    *times.add(3) = cycles.elapsed();
    *times.add(4) = nanoseconds.elapsed();
    cycles.lap();
    let middle = globaltimer();
    nanoseconds.lap();
    *times.add(5) = cycles.lap();
    *times.add(6) = nanoseconds.lap();
    *times.add(7) = globaltimer() - middle;
    *times.add(8) = after.1;
}
