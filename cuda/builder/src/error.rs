//! The crate's errors.

use std::fmt;
use std::path::PathBuf;

/// Why kernels were not built.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `OUT_DIR` is not set.
    #[error("OUT_DIR is not set: CudaBuilder::build is called from a build script")]
    NotABuildScript,
    /// The crate is not there.
    #[error(
        "there is no crate of kernels at {path}: looked for {path}/Cargo.toml in {start} and the folders around it"
    )]
    NoCrate {
        /// As it was given.
        path: PathBuf,
        /// Where the search began.
        start: PathBuf,
    },
    /// The crate's cargo metadata could not be had.
    #[error("cargo cannot describe the kernel crate at {path}: {message}")]
    Metadata {
        /// Its manifest.
        path: PathBuf,
        /// What cargo said.
        message: String,
    },
    /// The compiler that was asked for cannot be used.
    #[error("{variable} names {path}, which cannot compile kernels: {message}")]
    Toolchain {
        /// The environment variable.
        variable: &'static str,
        /// Its value.
        path: PathBuf,
        /// What is missing.
        message: String,
    },
    /// The kernels do not compile.
    #[error("the kernels in {path} do not compile for {arch}: the compiler's messages are above")]
    Compile {
        /// The crate's folder.
        path: PathBuf,
        /// The level.
        arch: crate::Arch,
    },
    /// A static cannot lie where its `#[address_space]` says.
    #[error(
        "the kernels in {path} do not build for {arch}: a static cannot lie in the memory of its #[address_space], since {message}; make a pointer to it in the function that uses it"
    )]
    AddressSpace {
        /// The crate's folder.
        path: PathBuf,
        /// The level.
        arch: crate::Arch,
        /// A clause.
        message: String,
    },
    /// A program could not be started.
    #[error("cannot run {program}: {source}")]
    Run {
        /// The program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The same sentence as `Display`: it is what a build script that ends with this error prints.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
