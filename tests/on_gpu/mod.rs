//! Tests that run on the simulator, and once more on a GPU where there is one: in a process of their
//! own, for a process has one driver.

use std::io::Write;
use std::process::Command;

/// Names the devices to test on, as a list such as `cpu,cuda`.
pub const DEVICES_VARIABLE: &str = "TEST_DEVICES";

/// Past the test harness, which shows what failing tests print and hides the rest.
fn say(message: &str) {
    let line = format!("{}: {message}\n", env!("CARGO_CRATE_NAME"));
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Starts this test program again with `devices`, if there is a GPU and nobody has chosen devices.
pub fn again_on_the_gpu(devices: &str) {
    if std::env::var_os(DEVICES_VARIABLE).is_some() {
        return;
    }
    let found = Command::new(env!("CARGO_BIN_EXE_cpu"))
        .arg("devices")
        .env_remove("CUDA_DRIVER")
        .output()
        .unwrap();
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    if !found.contains("device 0") {
        let missing = found
            .lines()
            .find_map(|line| line.trim().strip_prefix("missing"));
        let missing = missing.unwrap_or(&found).trim();
        say(&format!("no tests on a GPU: {missing}"));
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .env(DEVICES_VARIABLE, devices)
        .env_remove("CUDA_DRIVER")
        .output()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "on the GPU:\n{stdout}\n{stderr}");
    say("all tests on the GPU as well");
}
