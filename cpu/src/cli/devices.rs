//! `devices`: what there is to run on, and why something is missing.

use std::fmt::Display;
use std::num::NonZero;
use std::thread;

use cpu::Result;
use cpu::backend::cuda;

use super::device::processor;
use super::output::print;

/// Describes the CPU and the CUDA devices.
pub fn run() -> Result<()> {
    let n_threads = thread::available_parallelism().map_or(1, NonZero::get);
    print(format_args!("cpu     {}", processor()))?;
    entry("threads", n_threads)?;
    entry("instructions", instructions().join(", "))?;

    let devices = cuda::devices();
    print("cuda")?;
    entry(
        "driver",
        match devices.driver_version {
            Some((major, minor)) => format!("runs CUDA up to {major}.{minor}"),
            None => "none".to_owned(),
        },
    )?;
    let levels: Vec<String> = cuda::PTX
        .iter()
        .map(|(level, _)| format!("sm_{level}"))
        .collect();
    entry(
        "kernels",
        if levels.is_empty() {
            "none".to_owned()
        } else {
            format!("for {}", levels.join(", "))
        },
    )?;
    for (index, gpu) in devices.gpus.iter().enumerate() {
        entry(&format!("device {index}"), describe(gpu))?;
    }
    if let Some(missing) = &devices.missing {
        entry("missing", missing)?;
    }
    let taken = if devices.missing.is_some() {
        "cpu"
    } else {
        "cuda, device 0"
    };
    print(format_args!("\n--device auto takes {taken}"))
}

fn entry(name: &str, value: impl Display) -> Result<()> {
    print(format_args!("        {name:<12}  {value}"))
}

fn describe(gpu: &cuda::Gpu) -> String {
    format!(
        "{}, {:.1} GiB, {} multiprocessors, compute capability {}.{}, {}",
        gpu.name,
        gpu.memory as f64 / f64::from(1 << 30),
        gpu.n_multiprocessors,
        gpu.compute_capability / 10,
        gpu.compute_capability % 10,
        match gpu.level {
            Some(level) => format!("loads the kernels for sm_{level}"),
            None => "runs none of the kernels".to_owned(),
        }
    )
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
