//! The devices that tests run on, and how a body runs on each.

use std::num::NonZero;
use std::sync::Once;

use cpu::backend::cuda::{self, DenseVersion};
use cpu::backend::{CudaBackend, HostBackend};

use crate::on_gpu::{self, DEVICES_VARIABLE};

pub enum Device {
    Host(HostBackend),
    Cuda(Box<CudaBackend>),
}

/// The names of the devices to test on.
pub fn names() -> Vec<String> {
    let chosen = std::env::var(DEVICES_VARIABLE);
    let names = chosen.as_deref().unwrap_or("cpu,sim").split(',');
    let names: Vec<_> = names.map(|name| name.trim().to_owned()).collect();
    for name in &names {
        assert!(
            ["cpu", "cuda", "sim"].contains(&name.as_str()),
            "{DEVICES_VARIABLE} names `{name}`, which is none of `cpu`, `sim` and `cuda`"
        );
    }
    assert!(
        !(names.iter().any(|name| name == "sim") && names.iter().any(|name| name == "cuda")),
        "{DEVICES_VARIABLE} names `sim` and `cuda`, but a process has one driver"
    );
    names
}

pub fn cuda_backend(name: &str) -> CudaBackend {
    static SIMULATE: Once = Once::new();
    if name == "sim" {
        SIMULATE.call_once(|| cuda::simulate(false).unwrap());
    }
    CudaBackend::new().unwrap_or_else(|error| panic!("`{name}` is to be tested: {error}"))
}

/// The devices to test on, with their names.
pub fn devices() -> Vec<(String, Device)> {
    let device = |name: String| {
        let device = match name.as_str() {
            "cpu" => Device::Host(HostBackend::new(NonZero::new(2)).unwrap()),
            _ => Device::Cuda(Box::new(cuda_backend(&name))),
        };
        (name, device)
    };
    names().into_iter().map(device).collect()
}

/// The same, and CUDA devices once more for each version of their matrix products.
pub fn devices_and_versions() -> Vec<(String, Device)> {
    let mut devices = devices();
    for version in [
        DenseVersion::Naive,
        DenseVersion::Small,
        DenseVersion::Large,
    ] {
        for name in names().iter().filter(|name| *name != "cpu") {
            let backend = cuda_backend(name).with_dense_version(version);
            devices.push((
                format!("{name}, {version:?}"),
                Device::Cuda(Box::new(backend)),
            ));
        }
    }
    devices
}

/// All tests once more, on the GPU, where there is one.
#[test]
pub fn on_the_gpu_too() {
    on_gpu::again_on_the_gpu("cpu,cuda");
}

/// The simulator finds nothing wrong with the kernels.
pub fn assert_no_reports() {
    let reports: Vec<_> = cuda::findings().iter().map(ToString::to_string).collect();
    assert!(
        reports.is_empty(),
        "the simulator found:\n{}",
        reports.join("\n")
    );
}

/// Runs a body on each device and compares its outputs with their references, and with those of the
/// first device.
macro_rules! on_each {
    ($devices:expr, |$backend:ident| $body:block) => {{
        fn body<B: cpu::backend::Backend>(
            $backend: &B,
        ) -> cpu::Result<Vec<$crate::compare::Output>> $body
        let mut first: Option<(String, Vec<$crate::compare::Output>)> = None;
        for (name, device) in $devices {
            let outputs = match &device {
                $crate::devices::Device::Host(backend) => body(backend),
                $crate::devices::Device::Cuda(backend) => body(&**backend),
            }
            .unwrap_or_else(|error| panic!("{name}: {error}"));
            drop(device);
            $crate::devices::assert_no_reports();
            outputs.iter().for_each(|output| output.check(&name));
            match &first {
                None => first = Some((name, outputs)),
                Some((first_name, first)) => {
                    for (output, other) in outputs.iter().zip(first) {
                        output.check_against(&name, other, first_name);
                    }
                }
            }
        }
    }};
}
