//! Networks trained on CUDA kernels written in Rust, or on the CPU.

pub mod backend;
pub mod data;
mod error;

pub use error::{Error, Result};
