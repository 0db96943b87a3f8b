//! Which device computes: chosen once, here; everything else is written for any [`Backend`].

use std::fs;

use cpu::backend::{Backend, HostBackend};
use cpu::{Error, Result};

use super::arguments::{Device, DeviceChoice};

/// Work that any device can do.
pub trait Task: Send {
    /// Does it.
    fn run<B: Backend + 'static>(self, backend: &B, device: &Chosen) -> Result<()>;
}

/// The device that was taken.
pub struct Chosen {
    /// `cpu` or `cuda`.
    pub name: &'static str,
    /// What it is, and why it was taken if that was left to the program.
    pub description: String,
    /// Threads that compute, on the CPU.
    pub threads: Option<usize>,
}

/// Does the task on the device that the command line asks for.
pub fn run(arguments: &Device, task: impl Task) -> Result<()> {
    let reason = match arguments.choice {
        DeviceChoice::Cpu => None,
        DeviceChoice::Auto => Some(NO_CUDA),
        DeviceChoice::Cuda => return Err(Error::Device(format!("--device cuda: {NO_CUDA}"))),
    };
    let backend = HostBackend::new(arguments.threads())?;
    let n_threads = backend.n_threads();
    let device = Chosen {
        name: "cpu",
        description: format!(
            "{}, {n_threads} {}{}",
            processor(),
            if n_threads == 1 { "thread" } else { "threads" },
            reason.map_or(String::new(), |reason| format!(" ({reason})")),
        ),
        threads: Some(n_threads),
    };
    backend.install(|| task.run(&backend, &device))
}

const NO_CUDA: &str = "this build has no CUDA backend";

/// The processor's name for itself, or its architecture where that is not to be had.
pub fn processor() -> String {
    let name = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}
