//! The name that programs look for the library by, that its functions call each other, and where the
//! examples of `cudarc` are.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../Cargo.lock");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libcuda.so.1");
        println!("cargo::rustc-cdylib-link-arg=-Wl,-Bsymbolic");
    }
    // The library itself does without, where the crate was never fetched.
    if let Some(folder) = cudarc() {
        println!("cargo::rustc-env=CUDARC={folder}");
    }
}

/// The folder of the crate `cudarc`, which cargo is asked for.
fn cudarc() -> Option<String> {
    let target = std::env::var("TARGET").ok()?;
    let output = Command::new(std::env::var_os("CARGO")?)
        .args(["metadata", "--format-version=1", "--offline"])
        .arg(format!("--filter-platform={target}"))
        .output()
        .ok()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let packages = metadata["packages"].as_array()?;
    let package = packages
        .iter()
        .find(|package| package["name"] == "cudarc")?;
    let folder = Path::new(package["manifest_path"].as_str()?).parent()?;
    Some(folder.to_str()?.to_owned())
}
