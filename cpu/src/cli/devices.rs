//! `devices`: what there is to run on, and why something is missing.

use std::thread;

use cpu::Result;

use super::device::processor;
use super::output::print;

/// Describes the CPU and the CUDA devices.
pub fn run() -> Result<()> {
    let n_threads = thread::available_parallelism().map_or(1, |n| n.get());
    print(format_args!("cpu     {}", processor()))?;
    print(format_args!("        threads       {n_threads}"))?;
    print(format_args!(
        "        instructions  {}",
        instructions().join(", ")
    ))?;
    Ok(())
}

/// The vector instructions that this processor has, of those that matter for matrix products.
fn instructions() -> Vec<&'static str> {
    let mut found = Vec::new();
    #[cfg(target_arch = "x86_64")]
    for (name, is_there) in [
        ("AVX", is_x86_feature_detected!("avx")),
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("FMA", is_x86_feature_detected!("fma")),
        ("AVX-512F", is_x86_feature_detected!("avx512f")),
    ] {
        if is_there {
            found.push(name);
        }
    }
    #[cfg(target_arch = "aarch64")]
    if std::arch::is_aarch64_feature_detected!("neon") {
        found.push("NEON");
    }
    if found.is_empty() {
        found.push("none that are known here");
    }
    found
}
