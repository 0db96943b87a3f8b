//! What there is to run on, and why something is missing.

use cuda_driver::Source;
use cuda_driver::sim::{Options, Profile, Report};
use cuda_launch::{compute_capability, select_level};
use cust::CudaFlags;
use cust::device::{Device, DeviceAttribute};
use cust::error::CudaError;

use super::{PTX, device_error};
use crate::{Error, Result};

/// The CUDA devices of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Devices {
    /// The newest version of CUDA that the driver supports, as major and minor number; `None` without
    /// a driver, or if it does not say.
    pub driver_version: Option<(u32, u32)>,
    /// The devices, in the driver's order; a backend takes the first.
    pub gpus: Vec<Gpu>,
    /// Why no kernel can run: no driver, no device, or no kernels in this program. `None` if one can.
    pub missing: Option<String>,
}

/// One CUDA device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpu {
    /// As the driver has it.
    pub name: String,
    /// Bytes of memory.
    pub memory: usize,
    /// 80 for 8.0.
    pub compute_capability: u32,
    /// Multiprocessors.
    pub n_multiprocessors: u32,
    /// The level of the PTX that would be loaded; `None` if it runs none of them.
    pub level: Option<u32>,
}

/// Looks for CUDA devices; opens none.
pub fn devices() -> Devices {
    let mut devices = Devices {
        driver_version: None,
        gpus: Vec::new(),
        missing: None,
    };
    let driver = match cuda_driver::driver() {
        Ok(driver) => driver,
        Err(error) => {
            devices.missing = Some(error.to_string());
            return devices;
        }
    };
    devices.driver_version = driver.version();
    match list() {
        Ok(gpus) => devices.gpus = gpus,
        Err(error) => devices.missing = Some(describe(error)),
    }
    if devices.missing.is_none() {
        devices.missing = missing(&devices.gpus);
    }
    devices
}

/// Why none of `gpus` would be used.
fn missing(gpus: &[Gpu]) -> Option<String> {
    let Some(first) = gpus.first() else {
        return Some(NO_DEVICE.to_owned());
    };
    if PTX.is_empty() {
        return Some(NO_KERNELS.to_owned());
    }
    if first.level.is_none() {
        return Some(format!(
            "{} has compute capability {}.{}, and the kernels need at least {}.{}",
            first.name,
            first.compute_capability / 10,
            first.compute_capability % 10,
            PTX[0].0 / 10,
            PTX[0].0 % 10
        ));
    }
    None
}

const NO_DEVICE: &str = "the CUDA driver is there, but it finds no device; \
                         CUDA_VISIBLE_DEVICES may hide it";
const NO_KERNELS: &str = "this program was built without kernels, since its build found no compiler \
                          for them; the build's warnings say how to get one";

fn list() -> Result<Vec<Gpu>, CudaError> {
    match cust::init(CudaFlags::empty()) {
        Err(CudaError::NoDevice) => return Ok(Vec::new()),
        other => other?,
    }
    Device::devices()?
        .map(|device| {
            let device = device?;
            let compute_capability = compute_capability(device)?;
            let n_multiprocessors = device.get_attribute(DeviceAttribute::MultiprocessorCount)?;
            Ok(Gpu {
                name: device.name()?,
                memory: device.total_memory()?,
                compute_capability,
                n_multiprocessors: n_multiprocessors as u32,
                level: select_level(PTX, compute_capability).map(|(level, _)| level),
            })
        })
        .collect()
}

/// Makes the simulator the CUDA device of this process: what is computed on CUDA runs the same kernels
/// in software, with checks. The environment variables `CUDA_SIM_*` say which device it is like, what
/// it checks and in which order it runs threads. With `counts`, what kernels do is counted, for
/// [`profile`].
///
/// # Errors
///
/// [`Error::Input`] if one of these variables holds what it may not; [`Error::Device`] if this process
/// has already looked for another device.
pub fn simulate(counts: bool) -> Result<()> {
    let mut options = Options::from_env().map_err(Error::Input)?;
    options.profile |= counts;
    cuda_driver::select(Source::Simulator(options)).map_err(device_error)
}

/// What the simulator has found since this was asked last, and has printed when it did: errors in
/// kernels, and memory that was not freed. Empty on a GPU.
pub fn findings() -> Vec<Report> {
    cuda_driver::sim::reports()
}

/// What the kernels have done since the program began, if the simulator runs them and counts it; empty
/// otherwise.
pub fn profile() -> Profile {
    cuda_driver::sim::profile().unwrap_or_default()
}

/// The device that a backend takes.
pub(super) fn first_device() -> Result<Device> {
    if let Some(missing) = devices().missing {
        return Err(device_error(missing));
    }
    Device::get_device(0).map_err(|error| device_error(describe(error)))
}

fn describe(error: CudaError) -> String {
    format!("the CUDA driver failed while looking for devices: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said() {
        let gpu = |level| Gpu {
            name: "Old".to_owned(),
            memory: 1,
            compute_capability: 61,
            n_multiprocessors: 1,
            level,
        };
        assert_eq!(missing(&[]), Some(NO_DEVICE.to_owned()));
        let reason = missing(&[gpu(None)]).unwrap();
        if PTX.is_empty() {
            assert_eq!(reason, NO_KERNELS);
        } else {
            assert!(
                reason.contains("Old has compute capability 6.1"),
                "{reason}"
            );
            assert_eq!(missing(&[gpu(Some(75))]), None);
        }
    }
}
