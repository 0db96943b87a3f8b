//! Linear algebra.

mod cosine;
mod matrix_product;
mod matrix_vector;

/// Numbers between -1 and 1.
fn random(n: usize, seed: u64) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..n).map(|_| 2.0 * random.f32() - 1.0).collect()
}
