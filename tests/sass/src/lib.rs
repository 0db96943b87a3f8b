//! Kernels that are written twice, in Rust (`kernels/`) and in CUDA C++ (`kernels.cu`).
//!
//! `tests/results.rs` runs both in the simulator; `compare.py` counts the instructions and registers
//! of both.

/// The PTX of the kernels in Rust; empty if the build found neither a compiler nor PTX that fits the
/// sources.
pub static RUST: &[(u32, &str)] = include!(concat!(env!("OUT_DIR"), "/sass_kernels_ptx.rs"));

/// What nvcc makes of `kernels.cu`.
pub static CUDA: &str = include_str!("../kernels.nvcc.ptx");
