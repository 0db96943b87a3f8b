//! Chores of this workspace.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cuda_builder::{CudaBuilder, Toolchain};

#[path = "../../build.rs"]
#[allow(dead_code, reason = "its main is for cargo")]
mod build_script;

#[path = "../../tests/cuda_std/build.rs"]
#[allow(dead_code, reason = "its main is for cargo")]
mod cuda_std_build_script;

#[path = "../../tests/faults/build.rs"]
#[allow(dead_code, reason = "its main is for cargo")]
mod faults_build_script;

const USAGE: &str = "\
Chores of this workspace.

cargo xtask ptx            compile the kernels and replace the PTX beside them: gpu/ptx/,
                           tests/cuda_std/kernels/ptx/ and tests/faults/kernels/ptx/
cargo xtask ptx --check    fail if that PTX is not what the sources compile to";

/// The crates of kernels of this workspace, with the folders of their PTX.
fn kernels() -> [(&'static str, CudaBuilder); 3] {
    [
        ("gpu/ptx/", build_script::kernels()),
        (
            "tests/cuda_std/kernels/ptx/",
            cuda_std_build_script::cuda_std_kernels(),
        ),
        (
            "tests/faults/kernels/ptx/",
            faults_build_script::faulty_kernels(),
        ),
    ]
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["ptx"] => replace(),
        ["ptx", "--check"] => check(),
        ["help" | "--help" | "-h"] => Ok(USAGE.to_owned()),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(message) => {
            println!("{message}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn replace() -> Result<String, String> {
    let toolchain = Toolchain::find().map_err(|error| error.to_string())??;
    let replaced = kernels().map(|(folder, builder)| {
        builder
            .pregenerate(&toolchain, &build_folder())
            .map_err(|error| error.to_string())?;
        Ok(format!(
            "{folder} is now what {toolchain} makes of the kernels"
        ))
    });
    lines(replaced)
}

fn check() -> Result<String, String> {
    lines(kernels().map(|(folder, builder)| check_one(folder, &builder)))
}

/// The messages, or the first error.
fn lines(messages: [Result<String, String>; 2]) -> Result<String, String> {
    let messages: Vec<String> = messages.into_iter().collect::<Result<_, _>>()?;
    Ok(messages.join("\n"))
}

/// The hash says whether the sources are those that the PTX was made from. The same compiler must
/// then make the same PTX of them.
fn check_one(folder: &str, builder: &CudaBuilder) -> Result<String, String> {
    const REMEDY: &str = "run `cargo xtask ptx` and commit what it writes";
    let pregenerated = builder
        .pregenerated()
        .map_err(|error| error.to_string())?
        .map_err(|reason| format!("{reason}: {REMEDY}"))?;
    let toolchain = match Toolchain::find().map_err(|error| error.to_string())? {
        Ok(toolchain) if toolchain.version() == pregenerated.compiler => toolchain,
        _ => {
            return Ok(format!(
                "{folder} was made from these sources by {}, which is not here to make it again",
                pregenerated.compiler
            ));
        }
    };
    let compiled = builder
        .compile(&toolchain, &build_folder())
        .map_err(|error| error.to_string())?;
    for (new, old) in compiled.iter().zip(&pregenerated.ptx) {
        if new != old {
            return Err(format!(
                "the PTX for {} in {folder} is not what {toolchain} makes of these sources: {REMEDY}",
                new.arch
            ));
        }
    }
    Ok(format!(
        "{folder} is what {toolchain} makes of these sources"
    ))
}

/// Shared with the builds' own, so that nothing is compiled twice.
fn build_folder() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace.join("target"), PathBuf::from)
        .join("cuda_builder")
}
