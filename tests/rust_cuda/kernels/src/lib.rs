//! Kernels as one writes them for Rust-CUDA, each for something that such kernels rely on. What they
//! are launched with, and what must come out, stands in the file of the same name in
//! `tests/rust_cuda/tests/`.
#![allow(
    improper_ctypes_definitions,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    reason = "Rust-CUDA's kernels are written so; each of these has one launch, that of its test"
)]

extern crate alloc;

pub mod atomics;
pub mod crates;
pub mod heap;
pub mod language;
pub mod math;
pub mod output;
pub mod parameters;
pub mod random;
pub mod shared;
pub mod warps;
