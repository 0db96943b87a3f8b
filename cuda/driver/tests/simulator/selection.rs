//! How the simulator is chosen: in code, which the other tests do, or by the environment. A process
//! chooses once, so each case here is one of its own.

use std::process::Command;

use cuda_driver::{SOURCE_VARIABLE, Source, driver, select, sim};
use cust::error::CudaError;

const CASE_VARIABLE: &str = "CUDA_DRIVER_TEST_CASE";

/// Runs `body` in a process with these environment variables; `test` is the calling test's name.
fn with_variables(test: &str, variables: &[(&str, &str)], body: fn()) {
    if std::env::var_os(CASE_VARIABLE).is_some() {
        return body();
    }
    let child = Command::new(std::env::current_exe().expect("this test is a file"))
        .args(["--exact", &format!("selection::{test}")])
        .env_remove(SOURCE_VARIABLE)
        .env(CASE_VARIABLE, "1")
        .envs(variables.iter().copied())
        .output()
        .expect("this test starts again");
    let output = String::from_utf8_lossy(&child.stdout);
    let ran = child.status.success() && output.contains("1 passed");
    assert!(ran, "{output}\n{}", String::from_utf8_lossy(&child.stderr));
}

#[test]
fn the_environment_chooses_the_device() {
    let variables = [(SOURCE_VARIABLE, "sim"), ("CUDA_SIM_DEVICE", "rtx4090")];
    with_variables("the_environment_chooses_the_device", &variables, || {
        let device = || cust::device::Device::get_device(0);
        assert_eq!(device().err(), Some(CudaError::NotInitialized));
        cust::init(cust::CudaFlags::empty()).expect("the simulator starts");
        let name = device()
            .and_then(|device| device.name())
            .expect("it has a name");
        assert_eq!(name, "NVIDIA GeForce RTX 4090 (simulated)");
        let error = select(Source::Library).expect_err("the simulator is chosen already");
        assert!(error.to_string().contains("loaded already"));
    });
}

#[test]
fn an_unknown_choice_is_an_error() {
    let variables = [(SOURCE_VARIABLE, "simulator")];
    with_variables("an_unknown_choice_is_an_error", &variables, || {
        let error = driver().expect_err("there is no such driver").to_string();
        for word in [SOURCE_VARIABLE, "\"simulator\"", "cuda", "sim,"] {
            assert!(error.contains(word), "{error}");
        }
        let error = cust::init(cust::CudaFlags::empty()).expect_err("there is no driver");
        assert_eq!(error, CudaError::NoDevice);
        assert!(error.to_string().contains("expected cuda"), "{error}");
        assert!(sim::reports().is_empty());
    });
}

#[test]
fn an_unknown_device_is_an_error() {
    let variables = [(SOURCE_VARIABLE, "sim"), ("CUDA_SIM_DEVICE", "voodoo2")];
    with_variables("an_unknown_device_is_an_error", &variables, || {
        let error = driver().expect_err("there is no such device").to_string();
        assert!(
            error.contains("voodoo2") && error.contains("h100"),
            "{error}"
        );
    });
}

#[test]
fn the_library_is_the_default() {
    for choice in ["", "cuda"] {
        let variables = [
            (SOURCE_VARIABLE, choice),
            (cuda_driver::LIBRARY_VARIABLE, "/no/such/libcuda.so.1"),
        ];
        with_variables("the_library_is_the_default", &variables, || {
            let error = driver().expect_err("there is no such library");
            assert_eq!(error.library, "/no/such/libcuda.so.1");
        });
    }
}

#[test]
fn code_comes_before_the_environment() {
    let variables = [(SOURCE_VARIABLE, "nonsense")];
    with_variables("code_comes_before_the_environment", &variables, || {
        select(Source::Simulator(sim::Options::default())).expect("this is the first call");
        assert!(driver().expect("it is the simulator").is_simulated());
    });
}
