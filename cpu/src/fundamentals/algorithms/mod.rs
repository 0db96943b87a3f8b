//! Algorithms that learn from data, or search and transform them.
//!
//! Samples are rows of a table, `[N, D]`; what is learned to predict is its last column.

pub mod cholesky;
pub mod fft;
pub mod hnsw;
pub mod k_means;
pub mod linear_regression;
pub mod logistic_regression;
pub mod nearest_neighbours;
pub mod pca;
pub mod ridge;
pub mod samples;
pub mod scatter;
pub mod text;

use clap::Subcommand;

use super::Algorithm;

/// The subcommands of this group.
#[derive(Debug, Clone, Subcommand)]
pub enum Algorithms {
    /// Fit a linear function to samples
    #[command(after_help = samples::TARGET)]
    LinearRegression(linear_regression::Options),
    /// Fit a linear function with small weights
    #[command(after_help = samples::TARGET)]
    Ridge(ridge::Options),
    /// Fit the probability of a class, by Newton's method and by gradient descent
    #[command(after_help = logistic_regression::TARGET)]
    LogisticRegression(logistic_regression::Options),
    /// Divide points into clusters
    KMeans(k_means::Options),
    /// Guess the classes of points by those nearby
    #[command(after_help = nearest_neighbours::TARGET)]
    NearestNeighbours(nearest_neighbours::Options),
    /// Find the directions along which points vary most
    Pca(pca::Options),
    /// Find near vectors by a graph, and how many of the nearest it misses
    Hnsw(hnsw::Options),
    /// Find the waves in signals, by the fast Fourier transform
    Fft(fft::Options),
    /// Tell what texts are about, by their words
    Text(text::Options),
}

impl Algorithms {
    pub(super) fn algorithm(&self) -> &dyn Algorithm {
        match self {
            Algorithms::LinearRegression(options) => options,
            Algorithms::Ridge(options) => options,
            Algorithms::LogisticRegression(options) => options,
            Algorithms::KMeans(options) => options,
            Algorithms::NearestNeighbours(options) => options,
            Algorithms::Pca(options) => options,
            Algorithms::Hnsw(options) => options,
            Algorithms::Fft(options) => options,
            Algorithms::Text(options) => options,
        }
    }
}
