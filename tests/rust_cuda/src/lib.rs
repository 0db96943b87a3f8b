//! Launches the kernels of `kernels/`, which are written as for Rust-CUDA, in the simulator.

use cuda_std_tests::{Run, Shape};

/// The PTX; empty if the build found neither a compiler nor PTX that fits the sources.
static PTX: &[(u32, &str)] = include!(concat!(env!("OUT_DIR"), "/rust_cuda_kernels_ptx.rs"));

/// A launch of one of the kernels with this grid and this block.
///
/// # Panics
///
/// If the build has no PTX.
pub fn run(kernel: &str, grid: impl Into<Shape>, block: impl Into<Shape>) -> Run {
    let [(_, ptx)] = PTX else {
        panic!("this build has no PTX of the kernels: `cargo xtask ptx` makes it");
    };
    Run::new(kernel, grid, block).with_ptx(ptx)
}
