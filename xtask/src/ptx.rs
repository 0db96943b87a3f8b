//! `cargo xtask ptx`: the PTX beside the kernels of this workspace.

use std::path::{Path, PathBuf};

use cuda_builder::{CudaBuilder, Toolchain};

/// The build scripts of the crates that embed kernels: each says what it builds, and for what.
macro_rules! build_scripts {
    ($($name:ident = $path:literal;)*) => {
        $(
            #[path = $path]
            #[allow(dead_code, reason = "its main is for cargo")]
            mod $name;
        )*
    };
}

build_scripts! {
    networks = "../../build.rs";
    cuda_std = "../../tests/cuda_std/build.rs";
    faults = "../../tests/faults/build.rs";
    float = "../../tests/float/build.rs";
    rust_cuda = "../../tests/rust_cuda/build.rs";
    own_layer = "../../examples/own_layer/build.rs";
    sass = "../../tests/sass/build.rs";
}

/// The folders of pregenerated PTX, each with what makes it; one after the other, since they share a
/// build folder.
fn kernels() -> Vec<(&'static str, CudaBuilder)> {
    vec![
        (
            "examples/own_layer/kernels/ptx/",
            own_layer::own_layer_kernels(),
        ),
        ("gpu/ptx/", networks::kernels()),
        ("tests/cuda_std/kernels/ptx/", cuda_std::cuda_std_kernels()),
        ("tests/faults/kernels/ptx/", faults::faulty_kernels()),
        ("tests/float/kernels/ptx/", float::float_kernels()),
        (
            "tests/rust_cuda/kernels/ptx/",
            rust_cuda::rust_cuda_kernels(),
        ),
        ("tests/sass/kernels/ptx/", sass::kernels()),
    ]
}

/// Compiles the kernels and replaces the PTX beside them.
pub fn replace() -> Result<String, String> {
    let toolchain = Toolchain::find().map_err(|error| error.to_string())??;
    lines(kernels().into_iter().map(|(folder, builder)| {
        builder
            .pregenerate(&toolchain, &build_folder())
            .map_err(|error| error.to_string())?;
        Ok(format!(
            "{folder} is now what {toolchain} makes of the kernels"
        ))
    }))
}

/// Fails if that PTX is not what the sources compile to.
pub fn check() -> Result<String, String> {
    lines(
        kernels()
            .into_iter()
            .map(|(folder, builder)| check_one(folder, &builder)),
    )
}

/// The messages, or the first error.
fn lines(messages: impl Iterator<Item = Result<String, String>>) -> Result<String, String> {
    Ok(messages.collect::<Result<Vec<_>, _>>()?.join("\n"))
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

/// Shared with the builds' own, under the very name that they have for it, so that nothing is compiled
/// twice.
fn build_folder() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(
            || workspace.expect("xtask lies in it").join("target"),
            PathBuf::from,
        )
        .join("cuda_builder")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// A crate of kernels with PTX beside it that is not in the list would never be made anew.
    #[test]
    fn every_folder_of_ptx_is_in_the_list() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut folders = vec!["gpu/ptx/".to_owned()];
        for parent in ["examples", "tests"] {
            let entries = workspace.join(parent).read_dir().expect("there is one");
            let of_kernels = entries
                .map(|entry| entry.expect("an entry"))
                .filter(|entry| entry.path().join("kernels/Cargo.toml").is_file())
                .map(|entry| format!("{parent}/{}/kernels/ptx/", entry.file_name().display()));
            folders.extend(of_kernels);
        }
        folders.sort();
        let listed: Vec<&str> = super::kernels().iter().map(|(folder, _)| *folder).collect();
        assert_eq!(listed, folders);
    }
}
