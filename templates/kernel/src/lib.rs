//! The kernels' host side.

use std::error::Error;

use cuda_launch::{Argument, Kernels, LaunchConfig};
use cust::prelude::*;

static PTX: &[(u32, &str)] = include!(concat!(env!("OUT_DIR"), "/kernels_ptx.rs"));

/// `y[i] += a · x[i]`, on the first device. Both have the same length.
///
/// # Errors
///
/// If the lengths differ, there is no device, or something fails on it.
pub fn axpy(a: f32, x: &[f32], y: &mut [f32]) -> Result<(), Box<dyn Error>> {
    if x.len() != y.len() {
        return Err(format!("x has {} elements and y has {}", x.len(), y.len()).into());
    }
    if x.is_empty() {
        return Ok(());
    }
    let _context = cust::quick_init()?;
    let kernels = Kernels::load(Device::get_device(0)?, PTX)?;
    let stream = Stream::new(StreamFlags::NON_BLOCKING, None)?;
    let device_x = DeviceBuffer::from_slice(x)?;
    let mut device_y = DeviceBuffer::from_slice(y)?;
    let config = LaunchConfig::for_elements(x.len(), 256);
    let axpy = kernels::axpy {
        a,
        x: device_x.argument(),
        y: device_y.argument_mut(),
    };
    // SAFETY: the kernel looks at its bounds, whatever the grid.
    unsafe { kernels.launch(&stream, config, axpy)? };
    kernels.synchronize(&stream)?;
    device_y.copy_to(y)?;
    Ok(())
}
