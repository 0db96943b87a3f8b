#[path = "kernels.rs"]
mod kernels;

use cuda_launch::{Argument, Kernels, LaunchConfig};
use cust::memory::DeviceBox;
use cust::prelude::*;

fn launch(
    kernels: &Kernels,
    stream: &Stream,
    x: &DeviceBuffer<f32>,
    value: &DeviceBox<f32>,
    y: &mut DeviceBuffer<f32>,
) {
    let config = LaunchConfig::for_elements(1000, 256);
    let arguments = kernels::scale {
        a: 2.0,
        x: x.argument(),
        y: y.argument_mut(),
    };
    // SAFETY: the kernel looks at its bounds.
    unsafe { kernels.launch(stream, config, arguments) }.unwrap();
    let arguments = kernels::fill {
        value: value.argument(),
        y: y.argument_mut(),
    };
    // SAFETY: as above.
    unsafe { kernels.launch(stream, config, arguments) }.unwrap();
}

pub fn main() {
    let _ = launch;
}
