//! The area of a quarter of a circle, by chance.

use cuda_std::prelude::*;
use cuda_std::random::Philox;

/// How many of `n_points` points in a square are within a quarter of a circle, for each thread.
#[kernel]
pub fn count_hits(seed: u64, n_points: u32, mut hits: PerThread<u32>) {
    if let Some(hits) = hits.get_mut() {
        *hits = hits_of(seed, thread::index_1d().into(), n_points);
    }
}

/// What a thread counts: the same on the host.
pub fn hits_of(seed: u64, thread: u64, n_points: u32) -> u32 {
    let mut random = Philox::new(seed, thread);
    let is_hit = |_: &u32| {
        let (x, y) = (random.uniform_f32(), random.uniform_f32());
        x * x + y * y < 1.0
    };
    (0..n_points).filter(is_hit).count() as u32
}
