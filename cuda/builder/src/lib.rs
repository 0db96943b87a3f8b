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
//! # Where the compiler comes from
//!
//! The first of these; the build says in one line which it took:
//!
//! 1. the rustc that `CUDA_BUILDER_RUSTC` names; if that is `none`, only 4 is tried;
//! 2. the rustc that cargo uses, if its library sources are there (rustup's component `rust-src`);
//! 3. another rustc on the `PATH` or in `/usr/bin`, 1.95 or later, with its library sources;
//! 4. no compiler: the PTX in the kernel crate's folder `ptx/`, if it was made from these sources.
//!
//! If none of these is there the build goes on without kernels, and says what mends it. A compiler
//! of 2 or 3 that fails on sources which the PTX in `ptx/` was made from gives way to that PTX.
//!
//! Kernels are compiled by a cargo of their own: its build folder, its lock, its flags and its
//! profile are not those of the build around it.

mod compile;
mod error;
mod lines;
mod panics;
mod pregenerated;
mod sources;
mod spaces;
mod toolchain;

use std::env;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

pub use error::Error;
pub use panics::Panics;
pub use pregenerated::Pregenerated;
pub use sources::Sources;
pub use toolchain::Toolchain;

/// What PTX is compiled for: a device runs the PTX of its own compute capability or a lower one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Arch {
    /// Turing.
    Sm75,
    /// Ampere (A100).
    Sm80,
    /// Ampere (GeForce 30).
    Sm86,
    /// Ada.
    Sm89,
    /// Hopper.
    Sm90,
    /// Blackwell (B200).
    Sm100,
    /// Blackwell (GeForce 50).
    Sm120,
}

impl Arch {
    /// The compute capability as one number: 80 for 8.0.
    pub fn level(self) -> u32 {
        match self {
            Arch::Sm75 => 75,
            Arch::Sm80 => 80,
            Arch::Sm86 => 86,
            Arch::Sm89 => 89,
            Arch::Sm90 => 90,
            Arch::Sm100 => 100,
            Arch::Sm120 => 120,
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sm_{}", self.level())
    }
}

/// What PTX says of the source lines that it was compiled from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DebugInfo {
    /// Nothing.
    None,
    /// The file, line and column of each instruction, for profilers, debuggers and simulators; and
    /// for what was inlined, in a comment, where each of the functions around it was called. The
    /// instructions are the same as without.
    #[default]
    LineTables,
}

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
}

/// Compiles one crate of kernels.
#[derive(Debug, Clone)]
pub struct CudaBuilder {
    path: PathBuf,
    archs: Vec<Arch>,
    copy_to: Option<PathBuf>,
    debug: DebugInfo,
    panics: Panics,
}

impl CudaBuilder {
    /// A builder for the crate in the folder `path`: relative to the folder of the package that is
    /// built, or to one of the folders around it.
    pub fn new(path: impl Into<PathBuf>) -> CudaBuilder {
        CudaBuilder {
            path: path.into(),
            archs: Vec::new(),
            copy_to: None,
            debug: DebugInfo::default(),
            panics: Panics::default(),
        }
    }

    /// Compiles for this level too; without any, for [`Arch::Sm75`].
    #[must_use]
    pub fn arch(mut self, arch: Arch) -> CudaBuilder {
        if !self.archs.contains(&arch) {
            self.archs.push(arch);
            self.archs.sort();
        }
        self
    }

    /// Copies the PTX to `path` as well: to that file if it ends in `.ptx` and there is one level,
    /// else into that folder as `NAME.sm_80.ptx`. Relative to the package that is built.
    #[must_use]
    pub fn copy_to(mut self, path: impl Into<PathBuf>) -> CudaBuilder {
        self.copy_to = Some(path.into());
        self
    }

    /// Says whether the PTX names source lines; it does by default. Files are named relative to the
    /// workspace of the kernels, those of other crates as `NAME-VERSION/src/lib.rs`, those of the
    /// standard library as `core/src/lib.rs`.
    #[must_use]
    pub fn debug(mut self, debug: DebugInfo) -> CudaBuilder {
        self.debug = debug;
        self
    }

    /// Says what a kernel tells of its panic; [`Panics::Message`] by default.
    #[must_use]
    pub fn panics(mut self, panics: Panics) -> CudaBuilder {
        self.panics = panics;
        self
    }

    /// Builds from a build script: finds a compiler, compiles, and writes `OUT_DIR/NAME_ptx.rs`.
    ///
    /// # Errors
    ///
    /// If a kernel does not compile: the compiler's own messages are then on standard error. If
    /// there is no such crate, or a file cannot be written. That there is no compiler is no error.
    pub fn build(&self) -> Result<Built, Error> {
        let out_dir = PathBuf::from(env::var_os("OUT_DIR").ok_or(Error::NotABuildScript)?);
        let sources = self.sources()?;
        for path in sources.files.values() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
        for folder in &sources.folders {
            println!("cargo::rerun-if-changed={}", folder.display());
        }
        if sources.ptx_folder().is_dir() {
            println!("cargo::rerun-if-changed={}", sources.ptx_folder().display());
        }
        println!("cargo::rerun-if-env-changed={}", toolchain::VARIABLE);
        if let Some(path) = toolchain::component_list() {
            println!("cargo::rerun-if-changed={}", path.display());
        }

        let built = self.compile_or_take(&sources, &build_folder(&out_dir))?;
        if built.ptx.is_empty() {
            println!(
                "cargo::warning=no GPU kernels in this build: {}",
                built.origin
            );
        } else {
            let levels: Vec<_> = built.ptx.iter().map(|ptx| ptx.arch.to_string()).collect();
            println!(
                "cargo::warning=GPU kernels for {}: {}",
                levels.join(", "),
                built.origin
            );
        }
        self.write(&built, &sources, &out_dir)?;
        Ok(built)
    }

    /// Compiles with the given compiler, outside of a build script; `build_folder` keeps what cargo
    /// builds on the way.
    ///
    /// # Errors
    ///
    /// As for [`CudaBuilder::build`].
    pub fn compile(&self, toolchain: &Toolchain, build_folder: &Path) -> Result<Vec<Ptx>, Error> {
        compile::compile(&self.sources()?, toolchain, &self.levels(), build_folder)
    }

    /// Compiles with `toolchain` and replaces what lies in the crate's folder `ptx/`.
    ///
    /// # Errors
    ///
    /// As for [`CudaBuilder::build`].
    pub fn pregenerate(&self, toolchain: &Toolchain, build_folder: &Path) -> Result<(), Error> {
        let sources = self.sources()?;
        let ptx = compile::compile(&sources, toolchain, &self.levels(), build_folder)?;
        pregenerated::write(&sources, &ptx, toolchain)
    }

    /// The sources that the kernels are compiled from.
    ///
    /// # Errors
    ///
    /// If there is no such crate, or it cannot be read.
    pub fn sources(&self) -> Result<Sources, Error> {
        Sources::find(&self.path, self.debug, self.panics)
    }

    /// The PTX in the crate's folder `ptx/`, if it was made from these sources for these levels;
    /// otherwise why not.
    ///
    /// # Errors
    ///
    /// If there is no such crate, or it cannot be read.
    pub fn pregenerated(&self) -> Result<Result<Pregenerated, String>, Error> {
        Ok(pregenerated::read(&self.sources()?, &self.levels()))
    }

    fn levels(&self) -> Vec<Arch> {
        if self.archs.is_empty() {
            vec![Arch::Sm75]
        } else {
            self.archs.clone()
        }
    }

    fn compile_or_take(&self, sources: &Sources, build_folder: &Path) -> Result<Built, Error> {
        let levels = self.levels();
        let pregenerated = pregenerated::read(sources, &levels);
        match Toolchain::find()? {
            Ok(toolchain) => {
                let compiled = compile::compile(sources, &toolchain, &levels, build_folder);
                match (compiled, pregenerated) {
                    (Ok(ptx), _) => Ok(Built {
                        ptx,
                        origin: format!("compiled by {toolchain}"),
                    }),
                    // These very sources have compiled before: it is the compiler that fails.
                    (Err(error), Ok(pregenerated)) if !toolchain.is_explicit() => Ok(Built {
                        ptx: pregenerated.ptx,
                        origin: format!(
                            "taken from {}, since {toolchain} failed on them ({error})",
                            sources.ptx_folder().display()
                        ),
                    }),
                    (Err(error), _) => Err(error),
                }
            }
            Err(no_toolchain) => Ok(match pregenerated {
                Ok(pregenerated) => Built {
                    ptx: pregenerated.ptx,
                    origin: format!(
                        "taken from {}, made from these sources; {no_toolchain}",
                        sources.ptx_folder().display()
                    ),
                },
                Err(no_ptx) => Built {
                    ptx: Vec::new(),
                    origin: format!("{no_ptx}, and {no_toolchain}. {}", toolchain::REMEDY),
                },
            }),
        }
    }

    /// Writes each level's PTX and the Rust file that includes them.
    fn write(&self, built: &Built, sources: &Sources, out_dir: &Path) -> Result<(), Error> {
        let mut list = String::from("&[\n");
        for ptx in &built.ptx {
            let path = out_dir.join(ptx_file_name(&sources.name, ptx.arch));
            write_file(&path, &ptx.text)?;
            writeln!(
                list,
                "    ({}, include_str!({:?})),",
                ptx.arch.level(),
                path.display().to_string()
            )
            .expect("a String takes everything");
        }
        list.push_str("]\n");
        write_file(&out_dir.join(format!("{}_ptx.rs", sources.name)), &list)?;

        let Some(copy_to) = &self.copy_to else {
            return Ok(());
        };
        match &built.ptx[..] {
            [only] if copy_to.extension().is_some_and(|end| end == "ptx") => {
                write_file(copy_to, &only.text)
            }
            all => all.iter().try_for_each(|ptx| {
                write_file(
                    &copy_to.join(ptx_file_name(&sources.name, ptx.arch)),
                    &ptx.text,
                )
            }),
        }
    }
}

fn ptx_file_name(crate_name: &str, arch: Arch) -> String {
    format!("{crate_name}.{arch}.ptx")
}

/// Writes under a temporary name first, and not at all if that is what the file holds: a file's
/// time says when it changed.
fn write_file(path: &Path, text: &str) -> Result<(), Error> {
    if fs::read_to_string(path).is_ok_and(|present| present == text) {
        return Ok(());
    }
    let failed = |source| Error::Write {
        path: path.to_path_buf(),
        source,
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    fs::write(&temporary, text).map_err(failed)?;
    fs::rename(&temporary, path).map_err(failed)
}

/// A folder that all builds of a workspace share: beside the profiles' in cargo's target folder,
/// which bears a tag; failing that, in `OUT_DIR` itself.
fn build_folder(out_dir: &Path) -> PathBuf {
    out_dir
        .ancestors()
        .filter(|folder| folder.join("CACHEDIR.TAG").is_file())
        .last()
        .unwrap_or(out_dir)
        .join("cuda_builder")
}
