//! Linear algebra.

mod conjugate_gradient;
mod cosine;
mod eigen;
mod least_squares;
mod lu;
mod matrix_product;
mod matrix_vector;
mod svd;
mod tournament;

/// Numbers between -1 and 1.
fn random(n: usize, seed: u64) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..n).map(|_| 2.0 * random.f32() - 1.0).collect()
}

/// The same in `f64`.
fn random_f64(n: usize, seed: u64) -> Vec<f64> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..n).map(|_| 2.0 * random.f64() - 1.0).collect()
}

/// `1 / (i + j + 1)`, whose condition is 10¹³ with 10 rows.
fn hilbert(n: usize) -> Vec<f64> {
    (0..n * n)
        .map(|place| 1.0 / (place / n + place % n + 1) as f64)
        .collect()
}
