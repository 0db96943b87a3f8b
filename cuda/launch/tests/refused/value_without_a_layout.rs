#[path = "kernels.rs"]
mod kernels;

use cuda_launch::{Argument, Kernels, LaunchConfig};
use cust::prelude::*;

fn launch(kernels: &Kernels, stream: &Stream, y: &mut DeviceBuffer<f32>) {
    let config = LaunchConfig::for_elements(1000, 256);
    let range = kernels::Range {
        low: 0.0,
        high: 1.0,
    };
    let y = y.argument_mut();
    // SAFETY: the kernel looks at its bounds.
    unsafe { kernels.launch(stream, config, kernels::clamp { range, y }) }.unwrap();
}

fn main() {
    let _ = launch;
}
