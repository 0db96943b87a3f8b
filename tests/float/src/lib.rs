//! Runs the kernels.
