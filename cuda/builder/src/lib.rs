//! Compiles a crate of kernels to PTX from a build script, with a stock rustc.
//!
//! ```no_run
//! // build.rs
//! use cuda_builder::{Arch, CudaBuilder};
//!
//! fn main() -> Result<(), cuda_builder::Error> {
//!     CudaBuilder::new("gpu")
//!         .arch(Arch::Sm75)
//!         .arch(Arch::Sm80)
//!         .build()?;
//!     Ok(())
//! }
//! ```
//!
//! The program then reads what was built by
//! `include!(concat!(env!("OUT_DIR"), "/gpu_ptx.rs"))`: an expression of type `&[(u32, &str)]`, a
//! level (80 for sm_80) and its PTX each, in rising order; empty if there is no kernel.
//!
//! The options are those of [`CudaBuilder`]; `docs/cuda-builder.md` has them in one table, and how
//! libraries of kernels are linked.
//!
//! # Where the compiler comes from
//!
//! The first of these; the build says in one line which it took:
//!
//! 1. the rustc that `CUDA_BUILDER_RUSTC` names; if that is `none`, only 4 is tried;
//! 2. the rustc that cargo uses, if its library sources are there (rustup's component `rust-src`);
//! 3. another rustc on the `PATH` or in `/usr/bin`, 1.95 or later, with its library sources;
//! 4. no compiler: the PTX in the kernel crate's folder `ptx/`, if it was made from these sources.
//!
//! If none of these is there the build goes on without kernels, and says what mends it; it is an error
//! where [`CudaBuilder::copy_to`] names a file. A compiler
//! of 2 or 3 that fails on sources which the PTX in `ptx/` was made from gives way to that PTX.
//!
//! Kernels are compiled by a cargo of their own: its build folder, its lock, its flags and its
//! profile are not those of the build around it.

mod arch;
mod arithmetic;
mod attributes;
mod builder;
mod compile;
mod entries;
mod error;
mod libraries;
mod lines;
mod options;
mod output;
mod panics;
mod pregenerated;
mod sources;
mod spaces;
mod toolchain;
mod version;

use std::path::PathBuf;

pub use arch::Arch;
pub use builder::CudaBuilder;
pub use error::Error;
pub use options::DebugInfo;
pub use panics::Panics;
pub use pregenerated::Pregenerated;
pub use sources::Sources;
pub use toolchain::Toolchain;

/// Rust-CUDA's name of [`Arch`].
pub type NvvmArch = Arch;

/// Rust-CUDA's name of [`Error`].
pub type CudaBuilderError = Error;

/// One level's PTX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ptx {
    /// What it was compiled for.
    pub arch: Arch,
    /// The text.
    pub text: String,
}

/// What a build gave.
#[derive(Debug, Clone)]
pub struct Built {
    /// The PTX of every level, in rising order; empty if no kernels could be built.
    pub ptx: Vec<Ptx>,
    /// Where the PTX came from, as a clause: "compiled by rustc 1.96.0 at /usr/bin/rustc".
    pub origin: String,
    /// The file of each level: the copy if [`CudaBuilder::copy_to`] asks for one, else that in
    /// `OUT_DIR`.
    pub files: Vec<PathBuf>,
}
