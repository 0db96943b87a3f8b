//! Runs the cargo that compiles kernels.

use std::env;
use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{
    Arch, DebugInfo, Error, Panics, Ptx, Sources, Toolchain, lines, ptx_file_name, spaces,
};

/// The target.
pub const TARGET: &str = "nvptx64-nvidia-cuda";

/// For every crate, `core` among them.
///
/// Jump threading may copy a barrier into the two arms of a branch (rust-lang/rust#137086).
///
/// Crates for Rust-CUDA leave `no_std` to their builder.
pub const FLAGS: [&str; 3] = [
    "-Zmir-enable-passes=-JumpThreading",
    "-Zcrate-attr=no_std",
    "-Aunused_attributes",
];

/// All crates in one module: what a kernel calls is inlined or linked into its PTX.
pub const PROFILE: [&str; 6] = [
    "profile.release.opt-level=3",
    "profile.release.lto=\"fat\"",
    "profile.release.codegen-units=1",
    "profile.release.panic=\"abort\"",
    "profile.release.debug-assertions=false",
    "profile.release.overflow-checks=false",
];

/// What makes rustc write source lines, as flags and as a setting of the profile.
///
/// More than the `.loc` lines of `line-directives-only`, and ptxas refuses the PTX. They name the
/// line of an inlined function; only the comment beside them names its callers.
pub fn debug_flags(debug: DebugInfo) -> (&'static [&'static str], &'static str) {
    match debug {
        DebugInfo::None => (&[], "profile.release.debug=false"),
        DebugInfo::LineTables => (
            &["-Zverbose-asm"],
            "profile.release.debug=\"line-directives-only\"",
        ),
    }
}

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

/// PTX for each level, in the order given.
pub fn compile(
    sources: &Sources,
    toolchain: &Toolchain,
    levels: &[Arch],
    build_folder: &Path,
) -> Result<Vec<Ptx>, Error> {
    levels
        .iter()
        .map(|&arch| {
            Ok(Ptx {
                arch,
                text: compile_level(sources, toolchain, arch, build_folder)?,
            })
        })
        .collect()
}

fn compile_level(
    sources: &Sources,
    toolchain: &Toolchain,
    arch: Arch,
    build_folder: &Path,
) -> Result<String, Error> {
    let ptx_folder = build_folder.join("ptx");
    std::fs::create_dir_all(&ptx_folder).map_err(|source| Error::Write {
        path: ptx_folder.clone(),
        source,
    })?;
    let ptx_path = ptx_folder.join(ptx_file_name(&sources.name, arch));
    let mut emit = OsStr::new("--emit=asm=").to_owned();
    emit.push(&ptx_path);

    let mut flags: Vec<String> = FLAGS.map(str::to_owned).to_vec();
    flags.push(format!("-Ctarget-cpu={arch}"));
    // PTX may be committed: it names no folder of this machine.
    for (folder, name) in sources.names_of_folders(toolchain) {
        flags.push(format!("--remap-path-prefix={}={name}", folder.display()));
    }
    let (debug_flags, debug_setting) = debug_flags(sources.debug);
    flags.extend(debug_flags.iter().copied().map(str::to_owned));

    let mut cargo = Command::new(cargo());
    clean_environment(&mut cargo);
    cargo
        .env("RUSTC", toolchain.rustc())
        // Stock compilers build `core` and know this target's ABI, but only when told so.
        .env("RUSTC_BOOTSTRAP", "1")
        // For `cuda_std::cfg`: 800 is sm_80.
        .env("CUDA_ARCH", (arch.level() * 10).to_string())
        .env(Panics::VARIABLE, sources.panics.name())
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .current_dir(&sources.folder)
        .args(["rustc", "--release", "--lib", "--crate-type=staticlib"])
        .args(["-Zbuild-std=core,alloc", "--target", TARGET])
        .arg("--target-dir")
        .arg(build_folder);
    for setting in PROFILE.into_iter().chain([debug_setting]) {
        cargo.args(["--config", setting]);
    }
    // Assembly is what this target's backend writes; nothing is linked.
    cargo.arg("--").arg(emit);

    let output = cargo
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|source| Error::Run {
            program: PathBuf::from(cargo.get_program()),
            source,
        })?;
    if !output.status.success() {
        // Cargo shows a failed build script's standard error as it is.
        let _ = std::io::stderr().write_all(&output.stderr);
        return Err(Error::Compile {
            path: sources.folder.clone(),
            arch,
        });
    }
    let text = std::fs::read_to_string(&ptx_path).map_err(|source| Error::Read {
        path: ptx_path,
        source,
    })?;
    let text = match sources.debug {
        DebugInfo::None => text,
        DebugInfo::LineTables => lines::tidy(&text),
    };
    spaces::place(&text).map_err(|message| Error::AddressSpace {
        path: sources.folder.clone(),
        arch,
        message,
    })
}
