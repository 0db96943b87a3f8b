//! Networks trained on CUDA kernels written in Rust, or on the CPU.

pub mod backend;
mod error;

pub use error::{Error, Result};
