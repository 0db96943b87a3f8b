//! The simulator as the driver, through `cust` and through the raw functions. Here is a vector sum
//! from the first call to the last; the modules take the areas of the driver one by one.

mod captures;
mod common;
mod errors;
mod graphs;
mod launches;
mod memory;
mod modules;
mod newer;
mod selection;
mod streams;
mod stress;
mod tensor_maps;

use common::{PTX, context, simulator};
use cuda_driver::{driver, sim};
use cust::launch;
use cust::memory::{CopyDestination, DeviceBuffer};
use cust::module::Module;
use cust::stream::{Stream, StreamFlags};

#[test]
fn a_kernel_runs_through_cust() {
    let _turn = simulator();
    let loaded = driver().expect("the simulator is the driver");
    assert!(loaded.is_simulated());
    assert_eq!(loaded.version(), Some((13, 5)));
    assert_eq!(loaded.library(), "ptx_sim");

    let _context = context();
    let module = Module::from_ptx(PTX, &[]).expect("the PTX is valid");
    let function = module.get_function("add").expect("the kernel is there");
    let stream = Stream::new(StreamFlags::NON_BLOCKING, None).expect("a stream");
    const N: usize = 1000;
    let a: Vec<f32> = (0..N).map(|i| i as f32).collect();
    let b: Vec<f32> = (0..N).map(|i| 0.5 * i as f32).collect();
    let (a, b) = (
        DeviceBuffer::from_slice(&a).expect("memory"),
        DeviceBuffer::from_slice(&b).expect("memory"),
    );
    let c = DeviceBuffer::<f32>::zeroed(N).expect("memory");
    // SAFETY: The kernel stops at the length that it gets, which is that of the buffers.
    unsafe {
        launch!(function<<<4, 256, 0, stream>>>(
            c.as_device_ptr(),
            a.as_device_ptr(),
            b.as_device_ptr(),
            N as u32
        ))
    }
    .expect("the launch is legal");
    stream.synchronize().expect("the kernel succeeds");
    let mut sums = vec![0.0; N];
    c.copy_to(&mut sums).expect("the copy succeeds");
    for (i, &sum) in sums.iter().enumerate() {
        assert_eq!(sum, 1.5 * i as f32);
    }
    assert_eq!(sim::reports(), []);
}
