//! What the simulator says of a kernel, whether that ends its launch or not.

use ptx_sim::{Device, Launch, LaunchError, Report};

/// Launches the kernel `test` of a text; returns how that ended, and everything that was found.
pub fn findings(
    device: &Device,
    ptx: &str,
    launch: &Launch<'_>,
) -> (Result<(), LaunchError>, Vec<Report>) {
    let program = device
        .load(ptx)
        .unwrap_or_else(|error| panic!("{error}\n{ptx}"));
    let launched = device.launch(program.kernel("test").unwrap(), launch);
    let mut reports = device.reports();
    if let Err(LaunchError::Fault(report)) = &launched {
        reports.push(*report.clone());
    }
    (launched.map(drop), reports)
}
