//! Build script of `cuda_std_macros`: says whether this build may use unstable features.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_BOOTSTRAP");
    println!("cargo::rustc-check-cfg=cfg(unstable_features)");
    // `cuda_builder` sets it to 1. What the macros write then needs no feature in the kernels' crate.
    // It may also be a list of crates: a host grants features to `gpu_rand` alone.
    let bootstrap = std::env::var("RUSTC_BOOTSTRAP").unwrap_or_default();
    if bootstrap
        .split(',')
        .any(|name| name == "1" || name == "cuda_std_macros")
    {
        println!("cargo::rustc-cfg=unstable_features");
    }
}
