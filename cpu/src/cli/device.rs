//! Which device computes: chosen once, here; everything else is written for any [`Backend`].

use std::fs;
use std::path::Path;

use cpu::backend::{Backend, CudaBackend, HostBackend, cuda};
use cpu::checkpoint;
use cpu::{Error, Result};

use super::arguments::{Device, DeviceChoice, name};

/// Work that any device can do.
pub trait Task: Send {
    /// Does it.
    fn run<B: Backend + 'static>(self, backend: &B, device: &Chosen) -> Result<()>;
}

/// The device that was taken.
pub struct Chosen {
    /// `cpu`, `cuda` or `sim`.
    pub name: &'static str,
    /// What it is, and why it was taken if that was left to the program.
    pub description: String,
    /// Threads that compute, on the CPU.
    pub threads: Option<usize>,
}

impl Chosen {
    /// As a checkpoint keeps it.
    pub fn of_checkpoint(&self) -> checkpoint::Device {
        checkpoint::Device {
            name: self.name.to_owned(),
            threads: self.threads,
        }
    }
}

/// Does the task on the device that the command line asks for.
pub fn run(arguments: &Device, task: impl Task) -> Result<()> {
    let counters = &arguments.counters;
    if counters.are_asked_for() && arguments.choice != DeviceChoice::Sim {
        return Err(Error::Input(format!(
            "--profile counts what the simulated device does, so it goes with --device sim and not with \
             --device {}",
            name(arguments.choice)
        )));
    }
    match arguments.choice {
        DeviceChoice::Cpu => on_cpu(arguments, None, task),
        DeviceChoice::Cuda => on_cuda("cuda", CudaBackend::new()?, task),
        DeviceChoice::Sim => {
            cuda::simulate(counters.are_asked_for())?;
            let result = on_cuda("sim", CudaBackend::new()?, task);
            // What was counted until then may say why it failed.
            counters.write(Path::new("."), cuda::profile)?;
            result
        }
        DeviceChoice::Auto => match CudaBackend::new() {
            Ok(backend) => on_cuda("cuda", backend, task),
            Err(_) if cuda::devices().gpus.is_empty() => on_cpu(
                arguments,
                Some("no CUDA device; the subcommand `devices` says why".to_owned()),
                task,
            ),
            Err(reason) => on_cpu(arguments, Some(reason.to_string()), task),
        },
    }
}

fn on_cpu(arguments: &Device, reason: Option<String>, task: impl Task) -> Result<()> {
    let backend = HostBackend::new(arguments.threads())?;
    let n_threads = backend.n_threads();
    let threads = if n_threads == 1 { "thread" } else { "threads" };
    let reason = reason.map_or(String::new(), |reason| format!("; {reason}"));
    let device = Chosen {
        name: "cpu",
        description: format!("{}, {n_threads} {threads}{reason}", processor()),
        threads: Some(n_threads),
    };
    backend.install(|| task.run(&backend, &device))
}

fn on_cuda(name: &'static str, backend: CudaBackend, task: impl Task) -> Result<()> {
    let device = Chosen {
        name,
        description: format!("{}, kernels for sm_{}", backend.name(), backend.level()),
        threads: None,
    };
    task.run(&backend, &device)?;
    // Memory that nobody has freed is found when the context ends.
    drop(backend);
    let count: u64 = cuda::findings().iter().map(|report| report.count).sum();
    if count > 0 {
        return Err(Error::Device(format!(
            "the simulator found {count} errors, which it has printed above"
        )));
    }
    Ok(())
}

/// The processor's name for itself, or its architecture where that is not to be had.
pub fn processor() -> String {
    let name = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}
