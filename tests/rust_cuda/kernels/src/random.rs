//! Random numbers by `gpu_rand`.
#![cfg(target_os = "cuda")]

use cuda_std::prelude::*;
use gpu_rand::{DefaultRand, GpuRand};
use rand_core::{RngCore, SeedableRng};

/// Seeds a state for each thread, leaves it in memory, and draws whole, uniform and normal numbers.
#[kernel]
pub unsafe fn draw(
    seed: u64,
    states: *mut DefaultRand,
    whole: *mut u64,
    floats: *mut f32,
    doubles: *mut f64,
) {
    let idx = thread::index_1d() as usize;
    states
        .add(idx)
        .write(DefaultRand::seed_from_u64(seed + idx as u64));
    let random = &mut *states.add(idx);
    *whole.add(idx) = random.next_u64() ^ u64::from(random.next_u32());
    let [first, second] = random.normal_f32_2();
    let results = [random.uniform_f32(), random.normal_f32(), first, second];
    for (place, result) in results.into_iter().enumerate() {
        *floats.add(results.len() * idx + place) = result;
    }
    *doubles.add(2 * idx) = random.uniform_f64();
    *doubles.add(2 * idx + 1) = random.normal_f64();
}
