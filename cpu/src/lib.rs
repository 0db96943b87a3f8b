//! Networks trained on CUDA kernels written in Rust, or on the CPU.

pub mod backend;
pub mod bench;
pub mod checkpoint;
pub mod data;
mod error;
pub mod files;
pub mod image;
pub mod nn;
pub mod onnx;
pub mod predict;
pub mod train;

pub use error::{Error, Result};
