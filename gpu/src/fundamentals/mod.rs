//! The fundamentals on a device, a file each; `cpu/src/fundamentals/` has the same files, with the
//! mathematics and the versions for the CPU.

pub mod cosine;
pub mod dual;
pub mod integration;
pub mod machine;
pub mod matrix_vector;
pub mod ode;
pub mod pi;
pub mod random;
pub mod statistics;
pub mod sums;
