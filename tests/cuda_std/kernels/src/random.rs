//! `cuda_std::random`.

use cuda_std::prelude::*;
use cuda_std::random::{Philox, philox4x32_10};

/// Blocks of four words: one for each counter.
#[kernel]
pub unsafe fn random_blocks(counters: &[u32], key: u64, words: *mut u32) {
    let t = 4 * thread::index() as usize;
    let counter = [
        counters[t],
        counters[t + 1],
        counters[t + 2],
        counters[t + 3],
    ];
    for (i, word) in philox4x32_10(counter, [key as u32, (key >> 32) as u32])
        .into_iter()
        .enumerate()
    {
        *words.add(t + i) = word;
    }
}

/// Each thread's stream: words, uniform numbers, numbers in ranges.
#[kernel]
pub unsafe fn random_streams(
    seed: u64,
    n: u32,
    words: *mut u64,
    singles: *mut f32,
    doubles: *mut f64,
) {
    let t = thread::index() as usize;
    let mut random = Philox::new(seed, t as u64);
    *words.add(4 * t) = random.next_u32().into();
    *words.add(4 * t + 1) = random.next_u64();
    *words.add(4 * t + 2) = random.below(n).into();
    *words.add(4 * t + 3) = random.range_u32(n / 2..n).into();
    *singles.add(2 * t) = random.uniform_f32();
    *singles.add(2 * t + 1) = random.range_f32(-3.0..5.0);
    random.seek(1 << 40);
    *doubles.add(2 * t) = random.uniform_f64();
    *doubles.add(2 * t + 1) = random.range_f64(-3.0..5.0);
}

/// Each thread's normal numbers.
#[kernel]
pub unsafe fn random_normal(seed: u64, singles: *mut f32, doubles: *mut f64) {
    let t = thread::index() as usize;
    let mut random = Philox::new(seed, t as u64);
    let [a, b] = random.normal_pair_f32();
    *singles.add(3 * t) = a;
    *singles.add(3 * t + 1) = b;
    *singles.add(3 * t + 2) = random.normal_f32();
    let [a, b] = random.normal_pair_f64();
    *doubles.add(3 * t) = a;
    *doubles.add(3 * t + 1) = b;
    *doubles.add(3 * t + 2) = random.normal_f64();
}
