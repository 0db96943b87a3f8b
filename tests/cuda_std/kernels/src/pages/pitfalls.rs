//! Four sums at once: in local memory, and in registers.

use cuda_std::prelude::*;

/// `sums[lane] = x[lane] + x[lane + 4] + ...`: an index that is known at run time.
/// Launch: one thread.
#[kernel]
pub fn four_sums_in_memory(x: &[f32], mut sums: PerThread<[f32; 4]>) {
    let mut r_sums = [0.0; 4];
    for (i, x) in x.iter().enumerate() {
        r_sums[i % 4] += x;
    }
    if let Some(sums) = sums.get_mut() {
        *sums = r_sums;
    }
}

/// The same: every index is known when the kernel is compiled.
/// Launch: one thread.
#[kernel]
pub fn four_sums_in_registers(x: &[f32], mut sums: PerThread<[f32; 4]>) {
    let mut r_sums = [0.0; 4];
    let (quads, rest) = x.as_chunks::<4>();
    for quad in quads {
        for (sum, x) in r_sums.iter_mut().zip(quad) {
            *sum += x;
        }
    }
    for (i, sum) in r_sums.iter_mut().enumerate() {
        *sum += rest.get(i).copied().unwrap_or(0.0);
    }
    if let Some(sums) = sums.get_mut() {
        *sums = r_sums;
    }
}
