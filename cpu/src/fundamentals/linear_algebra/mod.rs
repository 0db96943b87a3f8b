//! Linear algebra.
//!
//! Matrices are dense, and row-major where a file does not say otherwise.

pub mod conjugate_gradient;
pub mod cosine;
pub mod eigen;
pub mod least_squares;
pub mod lu;
pub mod matrix_product;
pub mod matrix_vector;
pub mod svd;
pub(super) mod vectors;

use clap::Subcommand;

use super::Algorithm;

/// The subcommands of this group.
#[derive(Debug, Clone, Subcommand)]
pub enum LinearAlgebra {
    /// Compare the directions of all pairs of a set of vectors
    Cosine(cosine::Options),
    /// Multiply a matrix by a vector
    MatrixVector(matrix_vector::Options),
    /// Multiply two matrices, step by step faster
    MatrixProduct(matrix_product::Options),
    /// Solve linear equations by elimination with pivots
    Lu(lu::Options),
    /// Solve too many equations as well as can be, by Householder's reflections
    LeastSquares(least_squares::Options),
    /// Find the eigenvalues of a symmetric matrix, by the power iteration and by Jacobi's rotations
    Eigen(eigen::Options),
    /// Find the singular values and vectors of a matrix, by one-sided Jacobi rotations
    Svd(svd::Options),
    /// Solve Poisson's equation by conjugate gradients, without a matrix
    ConjugateGradient(conjugate_gradient::Options),
}

impl LinearAlgebra {
    pub(super) fn algorithm(&self) -> &dyn Algorithm {
        match self {
            LinearAlgebra::Cosine(options) => options,
            LinearAlgebra::MatrixVector(options) => options,
            LinearAlgebra::MatrixProduct(options) => options,
            LinearAlgebra::Lu(options) => options,
            LinearAlgebra::LeastSquares(options) => options,
            LinearAlgebra::Eigen(options) => options,
            LinearAlgebra::Svd(options) => options,
            LinearAlgebra::ConjugateGradient(options) => options,
        }
    }
}
