//! Projects as users have them, and the cargo that builds them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub const KERNELS: &str = r#"
#![no_std]

use cuda_std::prelude::*;

#[kernel]
pub fn double(x: &[f32], mut y: PerThread<f32>) {
    if let Some(y) = y.get_mut() {
        *y = 2.0 * x[thread::index_1d() as usize];
    }
}
"#;

pub const BUILD_SCRIPT: &str = r#"
use cuda_builder::{Arch, CudaBuilder};

fn main() -> Result<(), cuda_builder::Error> {
    CudaBuilder::new("kernels").arch(Arch::Sm80).copy_to("copy").build()?;
    Ok(())
}
"#;

const HOST: &str = r#"
//! Prints the PTX.
static PTX: &[(u32, &str)] = include!(concat!(env!("OUT_DIR"), "/kernels_ptx.rs"));

fn main() {
    for (level, ptx) in PTX {
        println!("level {level}\n{ptx}");
    }
}
"#;

pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A line of a manifest: the crate of this workspace at `path`.
pub fn dependency(name: &str, path: &str) -> String {
    format!("{name} = {{ path = {:?} }}\n", workspace().join(path))
}

/// `cuda_std` as in `templates/kernel`: without what compiles slowly.
pub fn cuda_std() -> String {
    let folder = workspace().join("cuda/std");
    format!("cuda_std = {{ path = {folder:?}, default-features = false }}\n")
}

/// All projects lie at one path, one after the other, and share a target folder: what is compiled for
/// one, `core` for the device above all, serves the next.
pub struct Project {
    _alone: File,
    pub root: PathBuf,
    target: PathBuf,
}

impl Project {
    /// A host that only embeds its kernels.
    pub fn new() -> Project {
        let project = Project::with_host("");
        project.write("kernels/src/lib.rs", KERNELS);
        project.write("build.rs", BUILD_SCRIPT);
        project.write("src/main.rs", HOST);
        project
    }

    /// The manifests, without sources; `dependencies` are the host's, beside its kernels.
    pub fn with_host(dependencies: &str) -> Project {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("projects");
        fs::create_dir_all(&folder).expect("a folder");
        let alone = File::create(folder.join("lock")).expect("a file");
        alone.lock().expect("a lock");
        let root = folder.join("my project");
        if root.exists() {
            fs::remove_dir_all(&root).expect("the last test's project can be removed");
        }
        let workspace = workspace();
        let package = |name: &str| {
            format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n")
        };
        let project = Project {
            _alone: alone,
            root,
            target: folder.join("target"),
        };
        project.write(
            "Cargo.toml",
            &format!(
                "[workspace]\nmembers = [\"kernels\"]\n{}[build-dependencies]\n{}[patch.crates-io]\n{}[dependencies]\nkernels = {{ path = \"kernels\" }}\n{dependencies}",
                package("host"),
                dependency("cuda_builder", "cuda/builder"),
                dependency("find_cuda_helper", "cuda/find_cuda_helper"),
            ),
        );
        project.write(
            "kernels/Cargo.toml",
            &format!("{}[dependencies]\n{}", package("kernels"), cuda_std()),
        );
        // The same versions as this build's: they are on this machine.
        fs::copy(
            workspace.join("Cargo.lock"),
            project.root.join("Cargo.lock"),
        )
        .expect("the workspace has a lock file");
        project
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// Runs cargo as a user would: none of this test's own environment reaches it, and flags for the
    /// host, which the device's compiler would not take, are set. What it runs finds a simulated GPU.
    pub fn cargo(&self, arguments: &[&str], rustc: Option<&str>) -> Output {
        let mut cargo = Command::new(env!("CARGO"));
        for (name, _) in std::env::vars() {
            if name.starts_with("CARGO_") && name != "CARGO_HOME" {
                cargo.env_remove(name);
            }
        }
        match rustc {
            Some(rustc) => cargo.env("CUDA_BUILDER_RUSTC", rustc),
            None => cargo.env_remove("CUDA_BUILDER_RUSTC"),
        };
        cargo
            .env("RUSTFLAGS", "-Ctarget-cpu=x86-64-v2")
            .env("CARGO_TARGET_DIR", &self.target)
            // Nobody debugs it, and most is built once.
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_INCREMENTAL", "0")
            .env("CUDA_DRIVER", "sim")
            .current_dir(&self.root)
            .arg(arguments[0])
            .arg("--offline")
            .args(&arguments[1..])
            .output()
            .expect("cargo runs")
    }
}

pub fn text(output: &Output) -> String {
    format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[track_caller]
pub fn assert_success(output: &Output) {
    assert!(output.status.success(), "{}", text(output));
}
