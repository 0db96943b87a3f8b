//! Algorithms.

mod cholesky;
mod fft;
mod hnsw;
mod linear_regression;
mod scatter;
mod text;

/// Numbers between -1 and 1.
fn random(n: usize, seed: u64) -> Vec<f64> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..n).map(|_| 2.0 * random.f64() - 1.0).collect()
}
