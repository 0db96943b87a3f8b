//! Algorithms.

mod cholesky;
mod csv_files;
mod fft;
mod hnsw;
mod k_means;
mod linear_regression;
mod logistic_regression;
mod nearest_neighbours;
mod pca;
mod ridge;
mod scatter;
mod text;

/// Numbers between -1 and 1.
fn random(n: usize, seed: u64) -> Vec<f64> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..n).map(|_| 2.0 * random.f64() - 1.0).collect()
}

/// The same in single precision.
fn random_floats(n: usize, seed: u64) -> Vec<f32> {
    random(n, seed).into_iter().map(|x| x as f32).collect()
}
