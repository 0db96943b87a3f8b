//! `CudaBuilder`: the options, and what a build script does.

use std::env;
use std::path::{Path, PathBuf};

use crate::compile::{self, Compiled};
use crate::options::{DebugInfo, Options};
use crate::output::{self, Output};
use crate::{
    Arch, Built, Error, Panics, Pregenerated, Ptx, Sources, Toolchain, libraries, pregenerated,
    toolchain,
};

/// Compiles one crate of kernels.
///
/// The options have the names of Rust-CUDA's builder. What has another meaning here says so.
#[derive(Debug, Clone)]
pub struct CudaBuilder {
    path: PathBuf,
    name: Option<String>,
    archs: Vec<Arch>,
    copy_to: Option<PathBuf>,
    final_module: Option<PathBuf>,
    emits_llvm_ir: bool,
    is_32_bit: bool,
    options: Options,
}

impl CudaBuilder {
    /// A builder for the crate in the folder `path`: relative to the folder of the package that is
    /// built, or to one of the folders around it.
    pub fn new(path: impl AsRef<Path>) -> CudaBuilder {
        CudaBuilder {
            path: path.as_ref().to_path_buf(),
            name: None,
            archs: Vec::new(),
            copy_to: None,
            final_module: None,
            emits_llvm_ir: false,
            is_32_bit: false,
            options: Options::default(),
        }
    }

    /// Compiles for this level too; without any, for [`Arch::Sm75`].
    ///
    /// A kernel sees the level in `cuda_std::cfg`, and by `#[cfg(target_feature = "compute_80")]`,
    /// which holds for 8.0 and later.
    #[must_use]
    pub fn arch(mut self, arch: Arch) -> CudaBuilder {
        if !self.archs.contains(&arch) {
            self.archs.push(arch);
            self.archs.sort();
        }
        self
    }

    /// What the files in `OUT_DIR` are called, `NAME_ptx.rs` and the rest; the crate's name by
    /// default. Several builds of one crate in one build script each want a name of their own.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> CudaBuilder {
        self.name = Some(name.into());
        self
    }

    /// Copies the PTX to `path` as well: to that file if it ends in `.ptx`, else into that folder as
    /// `NAME.sm_80.ptx`. Relative to the package that is built.
    ///
    /// With a file there must be kernels to copy: where there is neither a compiler nor PTX that fits
    /// the sources, the build fails.
    #[must_use]
    pub fn copy_to(mut self, path: impl AsRef<Path>) -> CudaBuilder {
        self.copy_to = Some(path.as_ref().to_path_buf());
        self
    }

    /// Optimizes for speed; true by default.
    ///
    /// Without, kernels panic on integer overflow and on what `debug_assert!` finds, `core`'s own
    /// checks of unsafe functions included, and the code stays nearer to the source. It is not free of
    /// optimizations: LLVM's level 1, since below it unused code of `core` would remain, which the
    /// target cannot link.
    #[must_use]
    pub fn release(mut self, release: bool) -> CudaBuilder {
        self.options.release = release;
        self.options.optimize = release;
        self
    }

    /// Whether LLVM optimizes at level 3, as it does by default, or at level 1. After
    /// [`CudaBuilder::release`], which sets it too.
    #[must_use]
    pub fn nvvm_opts(mut self, optimize: bool) -> CudaBuilder {
        self.options.optimize = optimize;
        self
    }

    /// Says whether the PTX names source lines; it does by default, unlike Rust-CUDA's. Files are
    /// named relative to the workspace of the kernels, those of other crates as
    /// `NAME-VERSION/src/lib.rs`, those of the standard library as `core/src/lib.rs`.
    #[must_use]
    pub fn debug(mut self, debug: DebugInfo) -> CudaBuilder {
        self.options.debug = debug;
        self
    }

    /// `false` is [`DebugInfo::None`], whatever [`CudaBuilder::debug`] says.
    #[must_use]
    pub fn generate_line_info(mut self, generate_line_info: bool) -> CudaBuilder {
        self.options.line_info = generate_line_info;
        self
    }

    /// Says what a kernel tells of its panic; [`Panics::Message`] by default.
    #[must_use]
    pub fn panics(mut self, panics: Panics) -> CudaBuilder {
        self.options.panics = panics;
        self
    }

    /// Takes subnormal numbers for zero, as operands and as results of `f32` arithmetic; false by
    /// default. What a kernel writes as inline assembly is as it says.
    #[must_use]
    pub fn ftz(mut self, ftz: bool) -> CudaBuilder {
        self.options.ftz = ftz;
        self
    }

    /// Takes `sqrt.approx.f32` for a square root, with an error of 1 ulp; false by default.
    #[must_use]
    pub fn fast_sqrt(mut self, fast_sqrt: bool) -> CudaBuilder {
        self.options.fast_sqrt = fast_sqrt;
        self
    }

    /// Divides `f32` by `div.full.f32`, with an error of 2 ulp, and takes reciprocals by
    /// `rcp.approx.f32`; false by default.
    #[must_use]
    pub fn fast_div(mut self, fast_div: bool) -> CudaBuilder {
        self.options.fast_div = fast_div;
        self
    }

    /// Lets LLVM compute `a * b + c` with one rounding where the product has no other use; true by
    /// default. The assembler contracts nothing beyond that, so that a kernel computes the same bits
    /// on every device and in the simulator.
    #[must_use]
    pub fn fma_contraction(mut self, fma_contraction: bool) -> CudaBuilder {
        self.options.fma_contraction = fma_contraction;
        self
    }

    /// As nvcc's `--use_fast_math`: [`ftz`](CudaBuilder::ftz), [`fast_sqrt`](CudaBuilder::fast_sqrt),
    /// [`fast_div`](CudaBuilder::fast_div) and [`fma_contraction`](CudaBuilder::fma_contraction). Each
    /// can be taken back after it.
    #[must_use]
    pub fn fast_math(self) -> CudaBuilder {
        self.ftz(true)
            .fast_sqrt(true)
            .fast_div(true)
            .fma_contraction(true)
    }

    /// Writes the LLVM IR that the PTX is made from to `OUT_DIR/NAME.sm_80.ll`.
    #[must_use]
    pub fn emit_llvm_ir(mut self, emit_llvm_ir: bool) -> CudaBuilder {
        self.emits_llvm_ir = emit_llvm_ir;
        self
    }

    /// Writes the LLVM bitcode that the PTX is made from to `OUT_DIR/NAME.sm_80.bc`.
    #[must_use]
    pub fn emit_llvm_bitcode(mut self, emit_llvm_bitcode: bool) -> CudaBuilder {
        self.options.bitcode = emit_llvm_bitcode;
        self
    }

    /// Writes the LLVM IR that the PTX is made from to `path`: to that file if one level is built, else
    /// into that folder as `NAME.sm_80.ll`. Relative to the package that is built.
    #[must_use]
    pub fn final_module_path(mut self, path: impl AsRef<Path>) -> CudaBuilder {
        self.final_module = Some(path.as_ref().to_path_buf());
        self
    }

    /// Further arguments for the cargo that compiles the kernels: `--features`, `--locked`, `--config`.
    #[must_use]
    pub fn build_args(mut self, args: &[impl AsRef<str>]) -> CudaBuilder {
        let args = args.iter().map(|arg| arg.as_ref().to_owned());
        self.options.build_args.extend(args);
        self
    }

    /// Shows what that cargo and its compiler say, warnings among it, also if all goes well; false by
    /// default.
    #[must_use]
    pub fn verbose(mut self, verbose: bool) -> CudaBuilder {
        self.options.verbose = verbose;
        self
    }

    /// Sets `cfg(optix)`, and lets a panic trap at once, without a handler and without
    /// a word; false by default. The target is CUDA all the same: what OptiX itself asks of a module,
    /// its entry points and intrinsics, is the crate's own business.
    #[must_use]
    pub fn optix(mut self, optix: bool) -> CudaBuilder {
        self.options.optix = optix;
        self
    }

    /// Does nothing, since there is no libdevice to take functions from: the crate `libm` is compiled
    /// as any other, and gives the bits that it gives on the host. `cuda_std::GpuFloat` has the fast
    /// functions.
    #[must_use]
    pub fn override_libm(self, _: bool) -> CudaBuilder {
        self
    }

    /// Does nothing: no static is moved to constant memory unless it says
    /// `#[address_space(constant)]`.
    #[must_use]
    pub fn use_constant_memory_space(self, _: bool) -> CudaBuilder {
        self
    }

    /// With `true` the build fails: there is no 32-bit target any more.
    #[must_use]
    pub fn nvptx_32(mut self, nvptx_32: bool) -> CudaBuilder {
        self.is_32_bit = nvptx_32;
        self
    }

    /// Builds from a build script: finds a compiler, compiles, and writes `OUT_DIR/NAME_ptx.rs`.
    ///
    /// # Errors
    ///
    /// If a kernel does not compile: the compiler's own messages are then on standard error. If
    /// there is no such crate, or a file cannot be written. That there is no compiler is an error
    /// only if [`CudaBuilder::copy_to`] names a file.
    pub fn build(&self) -> Result<Built, Error> {
        let out_dir = PathBuf::from(env::var_os("OUT_DIR").ok_or(Error::NotABuildScript)?);
        let sources = self.sources()?;
        for path in sources.files.values().chain(&sources.folders) {
            println!("cargo::rerun-if-changed={}", path.display());
        }
        if sources.ptx_folder().is_dir() {
            println!("cargo::rerun-if-changed={}", sources.ptx_folder().display());
        }
        println!("cargo::rerun-if-env-changed={}", toolchain::VARIABLE);
        if let Some(path) = toolchain::component_list() {
            println!("cargo::rerun-if-changed={}", path.display());
        }

        let (built, compiled) = self.compile_or_take(&sources, &output::build_folder(&out_dir))?;
        if built.ptx.is_empty() {
            warn(&format!("no GPU kernels in this build: {}", built.origin));
        } else {
            let levels: Vec<_> = built.ptx.iter().map(|ptx| ptx.arch.to_string()).collect();
            warn(&format!(
                "GPU kernels for {}: {}",
                levels.join(", "),
                built.origin
            ));
        }
        self.warn_of_libraries(&sources, &built)?;
        let output = Output {
            name: self.name.as_deref().unwrap_or(&sources.name),
            out_dir: &out_dir,
            key: format!("{}{:?}", sources.build_key(), self.levels()),
            copy_to: self.copy_to.as_deref(),
        };
        let built = output.write_ptx(built)?;
        self.write_llvm(&output, &compiled)?;
        Ok(built)
    }

    /// Compiles with the given compiler, outside of a build script; `build_folder` keeps what cargo
    /// builds on the way.
    ///
    /// # Errors
    ///
    /// As for [`CudaBuilder::build`].
    pub fn compile(&self, toolchain: &Toolchain, build_folder: &Path) -> Result<Vec<Ptx>, Error> {
        compile::compile_ptx(&self.sources()?, toolchain, &self.levels(), build_folder)
    }

    /// Compiles with `toolchain` and replaces what lies in the crate's folder `ptx/`.
    ///
    /// # Errors
    ///
    /// As for [`CudaBuilder::build`].
    pub fn pregenerate(&self, toolchain: &Toolchain, build_folder: &Path) -> Result<(), Error> {
        let sources = self.sources()?;
        let ptx = compile::compile_ptx(&sources, toolchain, &self.levels(), build_folder)?;
        pregenerated::write(&sources, &ptx, toolchain)
    }

    /// The sources that the kernels are compiled from.
    ///
    /// # Errors
    ///
    /// If there is no such crate, or it cannot be read.
    pub fn sources(&self) -> Result<Sources, Error> {
        if self.is_32_bit {
            return Err(Error::Only64Bit);
        }
        let mut options = self.options.clone();
        options.llvm_ir = self.emits_llvm_ir || self.final_module.is_some();
        Sources::find(&self.path, &options)
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
            vec![Arch::default()]
        } else {
            self.archs.clone()
        }
    }

    fn compile_or_take(
        &self,
        sources: &Sources,
        build_folder: &Path,
    ) -> Result<(Built, Vec<Compiled>), Error> {
        let levels = self.levels();
        let pregenerated = pregenerated::read(sources, &levels);
        let folder = sources.ptx_folder();
        let taken = |ptx, origin| {
            let files = Vec::new();
            Ok((Built { ptx, origin, files }, Vec::new()))
        };
        match Toolchain::find()? {
            Ok(toolchain) => {
                match (
                    compile::compile(sources, &toolchain, &levels, build_folder),
                    pregenerated,
                ) {
                    (Ok(compiled), _) => {
                        let built = Built {
                            ptx: compiled.iter().map(|level| level.ptx.clone()).collect(),
                            origin: format!("compiled by {toolchain}"),
                            files: Vec::new(),
                        };
                        Ok((built, compiled))
                    }
                    // These very sources have compiled before: it is the compiler that fails.
                    (Err(error), Ok(pregenerated)) if !toolchain.is_explicit() => taken(
                        pregenerated.ptx,
                        format!(
                            "taken from {}, since {toolchain} failed on them ({error})",
                            folder.display()
                        ),
                    ),
                    (Err(error), _) => Err(error),
                }
            }
            Err(no_toolchain) => match pregenerated {
                Ok(pregenerated) => taken(
                    pregenerated.ptx,
                    format!(
                        "taken from {}, made from these sources; {no_toolchain}",
                        folder.display()
                    ),
                ),
                Err(no_ptx) => taken(
                    Vec::new(),
                    format!("{no_ptx}, and {no_toolchain}. {}", toolchain::REMEDY),
                ),
            },
        }
    }

    /// A library that no line of the kernel crate names is not linked: easily overlooked.
    fn warn_of_libraries(&self, sources: &Sources, built: &Built) -> Result<(), Error> {
        let Some(ptx) = built.ptx.first() else {
            return Ok(());
        };
        for library in libraries::not_linked(&sources.kernel_crates, &ptx.text)? {
            warn(&format!(
                "the kernels of the library {name} are not in the PTX of {}: rustc links a crate that is named, so write `use {name} as _;` to have them",
                sources.name,
                name = library.name
            ));
        }
        Ok(())
    }

    fn write_llvm(&self, output: &Output<'_>, compiled: &[Compiled]) -> Result<(), Error> {
        let options = &self.options;
        if compiled.is_empty()
            && (self.emits_llvm_ir || options.bitcode || self.final_module.is_some())
        {
            warn("no LLVM IR and no bitcode is written, since nothing was compiled");
        }
        for level in compiled {
            let arch = level.ptx.arch;
            if let Some(llvm_ir) = &level.llvm_ir {
                let file = output.file(arch, "ll");
                if self.emits_llvm_ir {
                    output::copy(llvm_ir, &output.out_dir.join(&file))?;
                }
                match &self.final_module {
                    Some(path) if compiled.len() == 1 => output::copy(llvm_ir, path)?,
                    Some(folder) => output::copy(llvm_ir, &folder.join(&file))?,
                    None => {}
                }
            }
            if let Some(bitcode) = &level.bitcode {
                output::copy(bitcode, &output.out_dir.join(output.file(arch, "bc")))?;
            }
        }
        Ok(())
    }
}

/// What cargo shows of a build script that succeeds.
fn warn(message: &str) {
    println!("cargo::warning={message}");
}
