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
    /// The compiler does not know the level.
    #[error(
        "{toolchain} does not compile for {arch}: `rustc --print target-cpus --target nvptx64-nvidia-cuda` lists what it does"
    )]
    UnsupportedArch {
        /// The level.
        arch: crate::Arch,
        /// Which compiler, and where.
        toolchain: String,
    },
    /// Two functions of the PTX have one name.
    #[error(
        "two functions of the PTX are named `{name}`{}: kernels of a crate and of the libraries that are linked with it share one space of names; rename one of them",
        at(.places)
    )]
    DefinedTwice {
        /// The name.
        name: String,
        /// Where it is defined, as far as the sources say.
        places: Vec<String>,
    },
    /// Two builds of one build script would write one file.
    #[error(
        "this build script builds `{name}` twice, with other options, and both would be {name}_ptx.rs: give one of them another name by `CudaBuilder::name`, or a file by `CudaBuilder::copy_to`"
    )]
    NameTaken {
        /// The name.
        name: String,
    },
    /// `copy_to` asks for a file that there is nothing for.
    #[error("there is no PTX to copy to {path}, since {reason}")]
    NothingToCopy {
        /// The file.
        path: PathBuf,
        /// Why no kernels were built, and what mends it.
        reason: String,
    },
    /// One file cannot hold several levels.
    #[error(
        "{path} would be one file for {count} levels: name a folder, which gets a file for each, or build for one level at a time"
    )]
    ManyLevels {
        /// The file.
        path: PathBuf,
        /// How many levels are built.
        count: usize,
    },
    /// `nvptx_32` was asked for.
    #[error(
        "there is no 32-bit target: current compilers and drivers know nvptx64-nvidia-cuda alone; remove `nvptx_32(true)`"
    )]
    Only64Bit,
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

/// ` in A and B`
fn at(places: &[String]) -> String {
    match places {
        [] => String::new(),
        places => format!(", in {}", places.join(" and ")),
    }
}

/// The same sentence as `Display`: it is what a build script that ends with this error prints.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
