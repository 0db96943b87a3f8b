//! The device that tests run on: the simulator, or the GPU in the process that is for it.

use std::sync::Once;

use cpu::backend::{CudaBackend, cuda};

use crate::on_gpu::{DEVICES_VARIABLE, again_on_the_gpu};

/// Runs a test on the device. The simulator must find nothing wrong with its kernels.
pub fn on_device(test: impl FnOnce(&CudaBackend)) {
    static SIMULATE: Once = Once::new();
    if std::env::var(DEVICES_VARIABLE).as_deref() != Ok("cuda") {
        SIMULATE.call_once(|| cuda::simulate(false).unwrap());
    }
    let backend = CudaBackend::new().unwrap();
    test(&backend);
    drop(backend);
    let reports: Vec<_> = cuda::findings().iter().map(ToString::to_string).collect();
    assert!(
        reports.is_empty(),
        "the simulator found:\n{}",
        reports.join("\n")
    );
}

#[test]
fn on_the_gpu_too() {
    again_on_the_gpu("cuda");
}
