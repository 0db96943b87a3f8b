//! Build script of `cuda_std_macros`: says whether this build may use unstable features.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_BOOTSTRAP");
    println!("cargo::rustc-check-cfg=cfg(unstable_features)");
    // `cuda_builder` sets it. What the macros write then needs no feature in the kernels' crate.
    if std::env::var_os("RUSTC_BOOTSTRAP").is_some() {
        println!("cargo::rustc-cfg=unstable_features");
    }
}
