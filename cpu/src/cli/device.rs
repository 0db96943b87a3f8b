//! Which device computes: chosen once, here; everything else is written for any [`Backend`].

use std::fs;
use std::path::Path;

use cpu::backend::{Backend, CudaBackend, HostBackend, cuda};
use cpu::checkpoint;
use cpu::fundamentals;
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
    with_cuda(arguments, |cuda| match cuda {
        Cuda::Open(backend) => {
            let device = Chosen {
                name: match arguments.choice {
                    DeviceChoice::Sim => "sim",
                    _ => "cuda",
                },
                description: format!("{}, kernels for sm_{}", backend.name(), backend.level()),
                threads: None,
            };
            task.run(&*backend, &device)
        }
        Cuda::None(reason) => on_cpu(arguments, reason, task),
    })
}

/// Calls `f` with the CUDA device that is to compute beside the CPU, if there is to be one.
pub fn beside_cpu(
    arguments: &Device,
    f: impl FnOnce(Option<fundamentals::Device>) -> Result<()>,
) -> Result<()> {
    with_cuda(arguments, |cuda| match cuda {
        Cuda::Open(backend) => f(Some(fundamentals::Device {
            backend: &backend,
            is_simulated: arguments.choice == DeviceChoice::Sim,
        })),
        Cuda::None(_) => f(None),
    })
}

/// A CUDA device, or why there is none if that was left to the program.
enum Cuda {
    Open(Box<CudaBackend>),
    None(Option<String>),
}

/// Opens the CUDA device that the command line asks for, and calls `f` with it. Afterwards come the
/// counters and what the simulator has found.
fn with_cuda(arguments: &Device, f: impl FnOnce(Cuda) -> Result<()>) -> Result<()> {
    let counters = &arguments.counters;
    if counters.are_asked_for() && arguments.choice != DeviceChoice::Sim {
        return Err(Error::Input(format!(
            "--profile counts what the simulated device does, so it goes with --device sim and not with \
             --device {}",
            name(arguments.choice)
        )));
    }
    match arguments.choice {
        DeviceChoice::Cpu => f(Cuda::None(None)),
        DeviceChoice::Cuda => f(Cuda::Open(Box::new(CudaBackend::new()?))),
        DeviceChoice::Sim => {
            cuda::simulate(counters.are_asked_for())?;
            // Memory that nobody has freed is found when the context ends: with `f`.
            let result =
                f(Cuda::Open(Box::new(CudaBackend::new()?))).and_then(|()| refuse_findings());
            // What was counted until then may say why it failed.
            counters.write(Path::new("."), cuda::profile)?;
            result
        }
        DeviceChoice::Auto => match CudaBackend::new() {
            Ok(backend) => f(Cuda::Open(Box::new(backend))),
            Err(_) if cuda::devices().gpus.is_empty() => f(Cuda::None(Some(
                "no CUDA device; the subcommand `devices` says why".to_owned(),
            ))),
            Err(reason) => f(Cuda::None(Some(reason.to_string()))),
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

/// Fails if the simulator has found anything.
fn refuse_findings() -> Result<()> {
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
