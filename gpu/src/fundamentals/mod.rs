//! The fundamentals on a device, a file each; `cpu/src/fundamentals/` has the same files, with the
//! mathematics and the versions for the CPU.

mod block;
pub mod conjugate_gradient;
pub mod cosine;
pub mod dual;
pub mod eigen;
pub mod fft;
pub mod integration;
pub mod k_means;
pub mod least_squares;
pub mod logistic_regression;
pub mod lu;
pub mod machine;
pub mod matrix_vector;
pub mod nearest_neighbours;
pub mod ode;
pub mod pi;
pub mod random;
pub mod scatter;
pub mod statistics;
pub mod sums;
pub mod svd;
pub mod tournament;

use cuda_std::output::DisjointSlice;

/// Writes an element, if there is one of that number. To walk through an array of such values would put it
/// into local memory.
///
/// # Safety
///
/// - No other thread has to do with this element.
#[inline(always)]
unsafe fn write<T>(output: &mut DisjointSlice<T>, idx: usize, value: T) {
    // SAFETY: the caller's promise.
    if let Some(element) = unsafe { output.get_mut(idx) } {
        *element = value;
    }
}
