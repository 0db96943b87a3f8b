//! Runs the cargo that compiles kernels.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use sha2::{Digest, Sha256};

use crate::output::write_file;
use crate::sources::hexadecimal;
use crate::{
    Arch, Error, Panics, Ptx, Sources, Toolchain, arithmetic, attributes, entries, libraries,
    lines, spaces, version,
};

/// The target.
pub const TARGET: &str = "nvptx64-nvidia-cuda";

/// The cargo that runs this build.
pub fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// Takes away what the build around this one set for its own rustc, its own flags and its own job
/// server, and keeps what says where to download from.
pub fn clean_environment(command: &mut Command) {
    const KEPT: [&str; 5] = [
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTRIES_",
        "CARGO_REGISTRY_",
    ];
    const REMOVED: [&str; 13] = [
        "CARGO",
        "RUSTC",
        "RUSTDOC",
        "RUSTFLAGS",
        "CLIPPY_",
        "DEP_",
        "MAKEFLAGS",
        "MFLAGS",
        "OUT_DIR",
        "TARGET",
        "HOST",
        "PROFILE",
        "OPT_LEVEL",
    ];
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let begins_with = |prefixes: &[&str]| prefixes.iter().any(|start| text.starts_with(start));
        if begins_with(&REMOVED) && !begins_with(&KEPT) {
            command.env_remove(&name);
        }
    }
}

/// What the compiler made for one level.
#[derive(Debug)]
pub struct Compiled {
    pub ptx: Ptx,
    /// The LLVM IR and the bitcode that the PTX was made from, as far as the options ask for them.
    pub llvm_ir: Option<PathBuf>,
    pub bitcode: Option<PathBuf>,
}

/// PTX for each level, in the order given.
pub fn compile(
    sources: &Sources,
    toolchain: &Toolchain,
    levels: &[Arch],
    build_folder: &Path,
) -> Result<Vec<Compiled>, Error> {
    if let Some(&arch) = levels.iter().find(|&&arch| !toolchain.compiles_for(arch)) {
        return Err(Error::UnsupportedArch {
            arch,
            toolchain: toolchain.to_string(),
        });
    }
    levels
        .iter()
        .map(|&arch| compile_level(sources, toolchain, arch, build_folder))
        .collect()
}

/// The PTX alone.
pub fn compile_ptx(
    sources: &Sources,
    toolchain: &Toolchain,
    levels: &[Arch],
    build_folder: &Path,
) -> Result<Vec<Ptx>, Error> {
    let compiled = compile(sources, toolchain, levels, build_folder)?;
    Ok(compiled.into_iter().map(|compiled| compiled.ptx).collect())
}

fn compile_level(
    sources: &Sources,
    toolchain: &Toolchain,
    arch: Arch,
    build_folder: &Path,
) -> Result<Compiled, Error> {
    let options = &sources.options;
    // Cargo does not know this file: a build with other options must not find it in its place.
    let folder = build_folder.join("ptx").join(sources.build_key());
    fs::create_dir_all(&folder).map_err(|source| Error::Write {
        path: folder.clone(),
        source,
    })?;
    let emitted = |end: &str| folder.join(format!("{}.{arch}.{end}", sources.name));
    let ptx_path = emitted("ptx");
    let llvm_ir = options.llvm_ir.then(|| emitted("ll"));
    let bitcode = options.bitcode.then(|| emitted("bc"));

    let flags = write_flags(&flags(sources, toolchain, arch), build_folder)?;
    let mut cargo = cargo_rustc(sources, toolchain, arch, build_folder, &flags);
    let root = attributes::root(sources, build_folder)?;
    if let Some(wrapper) = root.wrapper {
        // Only for the crates of the kernels' workspace: `core` stays as it is.
        cargo.env("RUSTC_WORKSPACE_WRAPPER", wrapper);
    }
    // Assembly is what this target's backend writes; nothing is linked.
    cargo
        .arg("--")
        .args(options.codegen_flags())
        .args(root.flags);
    let emits = [
        ("asm", Some(&ptx_path)),
        ("llvm-ir", llvm_ir.as_ref()),
        ("llvm-bc", bitcode.as_ref()),
    ];
    for (kind, path) in emits {
        if let Some(path) = path {
            let mut emit = OsString::from(format!("--emit={kind}="));
            emit.push(path);
            cargo.arg(emit);
        }
    }
    run(cargo, sources, arch)?;

    let text = fs::read_to_string(&ptx_path).map_err(|source| Error::Read {
        path: ptx_path,
        source,
    })?;
    let text = finish(text, sources).map_err(|message| Error::AddressSpace {
        path: sources.folder.clone(),
        arch,
        message,
    })?;
    Ok(Compiled {
        ptx: Ptx { arch, text },
        llvm_ir,
        bitcode,
    })
}

/// Flags for the compiler of every crate.
fn flags(sources: &Sources, toolchain: &Toolchain, arch: Arch) -> Vec<String> {
    let mut flags = sources.options.flags();
    flags.push(format!("-Ctarget-cpu={arch}"));
    // As Rust-CUDA has it: `#[cfg(target_feature = "compute_80")]`.
    let enabled = arch.all_target_features();
    flags.extend(
        enabled
            .iter()
            .map(|feature| format!("--cfg=target_feature=\"{feature}\"")),
    );
    let known: Vec<String> = Arch::ALL
        .iter()
        .map(|arch| format!("\"{}\"", arch.target_feature()))
        .collect();
    flags.push(format!(
        "--check-cfg=cfg(target_feature,values({}))",
        known.join(",")
    ));
    // PTX may be committed: it names no folder of this machine.
    for (folder, name) in sources.names_of_folders(toolchain) {
        flags.push(format!("--remap-path-prefix={}={name}", folder.display()));
    }
    flags
}

/// Writes the flags to a file of their own, and gives the flag that has rustc read it.
///
/// Were cargo to see `--remap-path-prefix`, it would keep one build of `core` for all flags, and make it
/// anew whenever they change: for every level of every build.
fn write_flags(flags: &[String], build_folder: &Path) -> Result<OsString, Error> {
    let text = flags.join("\n");
    let name = hexadecimal(Sha256::new().chain_update(&text));
    let path = build_folder.join("flags").join(&name[..16]);
    write_file(&path, text)?;
    let mut flag = OsString::from("@");
    flag.push(path);
    Ok(flag)
}

/// The cargo that compiles the kernels, up to what it emits.
fn cargo_rustc(
    sources: &Sources,
    toolchain: &Toolchain,
    arch: Arch,
    build_folder: &Path,
    flags: &OsStr,
) -> Command {
    let options = &sources.options;
    let mut cargo = Command::new(self::cargo());
    clean_environment(&mut cargo);
    cargo
        .env("RUSTC", toolchain.rustc())
        // Stock compilers build `core` and know this target's ABI, but only when told so.
        .env("RUSTC_BOOTSTRAP", "1")
        // For `cuda_std::cfg`: 800 is sm_80.
        .env("CUDA_ARCH", (arch.level() * 10).to_string())
        .env(Panics::VARIABLE, options.panics.name())
        .env("CARGO_ENCODED_RUSTFLAGS", flags)
        .current_dir(&sources.folder)
        .args(["rustc", "--lib", "--crate-type=staticlib"])
        .args(options.release.then_some("--release"))
        .args(["-Zbuild-std=core,alloc", "--target", TARGET])
        .arg("--target-dir")
        .arg(build_folder);
    for setting in options.settings() {
        cargo.args(["--config", &setting]);
    }
    cargo.args(&options.build_args);
    cargo
}

/// Runs it; what it prints is shown if it fails, or if the options say so.
fn run(mut cargo: Command, sources: &Sources, arch: Arch) -> Result<(), Error> {
    let output = cargo
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|source| Error::Run {
            program: PathBuf::from(cargo.get_program()),
            source,
        })?;
    let messages = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        // Cargo shows a failed build script's standard error as it is.
        let _ = std::io::stderr().write_all(&output.stderr);
        if let Some(name) = libraries::defined_twice(&messages) {
            return Err(Error::DefinedTwice {
                name: name.to_owned(),
                places: libraries::places(&sources.kernel_crates, name)?,
            });
        }
        return Err(Error::Compile {
            path: sources.folder.clone(),
            arch,
        });
    }
    if sources.options.verbose {
        // Cargo hides what a build script that succeeds prints, other than this.
        let is_build_script = env::var_os("OUT_DIR").is_some();
        for line in messages.lines().filter(|line| !line.trim().is_empty()) {
            if is_build_script {
                println!("cargo::warning={line}");
            } else {
                eprintln!("{line}");
            }
        }
    }
    Ok(())
}

/// What LLVM leaves to do in the text.
fn finish(text: String, sources: &Sources) -> Result<String, String> {
    let options = &sources.options;
    let text = if options.fma_contraction || options.ftz {
        arithmetic::settle(&text, options.ftz)
    } else {
        text
    };
    let text = lines::tidy(&text, options.has_lines());
    Ok(version::raise(entries::finish(&spaces::place(&text)?)))
}
