//! The same kernels, launched through `cuda_launch` on a simulated device.

use cuda_driver::Source;
use cuda_driver::sim::Options;
use cuda_launch::{Argument, Error, Kernels, LaunchConfig};
use cuda_std::kernel::DeviceSliceMut;
use cuda_std_kernels::{kernel, panic};
use cuda_std_tests::{only, ptx};
use cust::context::Context;
use cust::prelude::*;

/// Each cause of `panics`, and the error's end.
const CAUSES: [(u32, &str); 11] = [
    (0, "index out of bounds: the len is 4 but the index is 9"),
    (1, "called `Option::unwrap()` on a `None` value"),
    (2, "there are ten"),
    (3, "attempt to divide by zero"),
    (4, "attempt to add with overflow"),
    (5, "1 of Some(0)"),
    (6, "zero is 0"),
    (7, "assertion `left == right` failed left: 0 right: 1"),
    (8, "memory allocation of 1099511627776 bytes failed"),
    (
        10,
        "called `Result::unwrap()` on an `Err` value: half of it, ",
    ),
    (11, "internal error: entered unreachable code"),
];

/// One test, since the process has one context at a time, and a panic takes it.
#[test]
fn kernels_are_launched_and_their_panics_are_errors() {
    cuda_driver::select(Source::Simulator(Options::default()))
        .expect("nothing else was looked for");
    cust::init(CudaFlags::empty()).expect("there is a simulated device");
    let device = Device::get_device(0).expect("there is a simulated device");
    let text = only(ptx(), "panics");
    for (cause, message) in CAUSES {
        on(device, &text, |kernels, stream| {
            panics(kernels, stream, cause, message)
        });
    }
    on(device, ptx(), parameters);
    on(device, ptx(), instances);
    on(device, ptx(), bounds);
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// With a context of its own, on kernels of this text.
#[track_caller]
fn on(device: Device, ptx: &str, test: impl FnOnce(&Kernels, &Stream) -> Outcome) {
    let _context = Context::new(device).expect("a context");
    let kernels = Kernels::load(device, &[(80, ptx)]).expect("the PTX loads");
    let stream = Stream::new(StreamFlags::NON_BLOCKING, None).expect("a stream");
    test(&kernels, &stream).expect("nothing else fails");
}

fn panics(kernels: &Kernels, stream: &Stream, cause: u32, message: &str) -> Outcome {
    let x = DeviceBuffer::from_slice(&[0u32, 1, 2, 3])?;
    let mut out = DeviceBuffer::from_slice(&[0u32])?;
    let arguments = panic::panics {
        cause,
        zero: 0,
        x: x.argument(),
        out: out.argument_mut(),
    };
    // SAFETY: the kernel has this many blocks and threads.
    let launched = unsafe { kernels.launch(stream, LaunchConfig::for_elements(64, 32), arguments) };
    let error = launched
        .and_then(|()| kernels.synchronize(stream))
        .unwrap_err();
    let text = error.to_string();
    let start = "kernel `panics` panicked in block (1, 0, 0), thread (5, 0, 0) at ";
    assert!(text.starts_with(start), "{text}");
    assert!(text.ends_with(&format!(": {message}")), "{text}");
    let Error::Panicked {
        location: Some(location),
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    // An allocation fails where `alloc` says so.
    if cause != 8 {
        assert_eq!(location.file, "tests/cuda_std/kernels/src/panic.rs");
    }
    assert!(location.line > 0 && location.column > 0, "{location:?}");
    Ok(())
}

fn parameters(kernels: &Kernels, stream: &Stream) -> Outcome {
    let scales = DeviceBuffer::from_slice(&[0.0f32, 2.0])?;
    let scales = scales.argument();
    assert!(scales.get(2).is_none());
    let mut hashes = DeviceBuffer::from_slice(&[[9u8; 4]; 2])?;
    let points = DeviceBuffer::from_slice(&[[1.0f32, 2.0, 3.0]; 2])?;
    // SAFETY: a `Vec3` is three numbers, and there are two.
    let vectors = unsafe { DeviceSliceMut::from_raw_parts(points.as_device_ptr().as_raw(), 2) };
    let arguments = kernel::parameters_of_structs {
        view: kernel::View {
            bounds: [2, 1],
            origin: [1.0; 3].into(),
        },
        points: vectors,
        scale: scales.get(1).expect("there are two"),
        hashes: hashes.argument_mut(),
    };
    // SAFETY: the view has as many elements as the buffers.
    unsafe { kernels.launch(stream, LaunchConfig::for_elements(2, 32), arguments)? };
    kernels.synchronize(stream)?;
    assert_eq!(points.as_host_vec()?, [[3.0, 5.0, 7.0]; 2]);
    assert_eq!(hashes.as_host_vec()?, [[9, 9, 9, 0], [9, 9, 9, 1]]);
    Ok(())
}

fn instances(kernels: &Kernels, stream: &Stream) -> Outcome {
    let x = DeviceBuffer::from_slice(&[[1.0f64, 2.0, 3.0], [4.0, 5.0, 6.0]])?;
    let mut y = DeviceBuffer::from_slice(&[0.0f64, 1.0])?;
    // Twice: the second launch has the function at hand.
    for _ in 0..2 {
        let arguments = kernel::axpy_f64_3 {
            a: 0.5,
            factor: -1,
            x: x.argument(),
            y: y.argument_mut(),
        };
        // SAFETY: the kernel looks at its bounds.
        unsafe { kernels.launch(stream, LaunchConfig::for_elements(2, 32), arguments)? };
    }
    kernels.synchronize(stream)?;
    assert_eq!(y.as_host_vec()?, [-6.0, -14.0]);
    Ok(())
}

fn bounds(kernels: &Kernels, stream: &Stream) -> Outcome {
    let mut y = DeviceBuffer::from_slice(&[0u32; 100])?;
    let config = LaunchConfig::for_elements(100, kernel::BOUND + 1);
    let bounded = kernel::bounded {
        y: y.argument_mut(),
    };
    // SAFETY: the kernel looks at its bounds.
    let refused = unsafe { kernels.launch(stream, config, bounded) };
    assert_eq!(
        refused.unwrap_err().to_string(),
        "kernel `bounded` takes at most 64 threads in a block, by its launch_bounds, and was \
         launched with 65: launch smaller blocks, or raise the bound in the kernel's \
         #[kernel(launch_bounds(...))]"
    );
    let config = LaunchConfig::for_elements(100, kernel::BOUND);
    let bounded = kernel::bounded {
        y: y.argument_mut(),
    };
    // SAFETY: as above.
    unsafe { kernels.launch(stream, config, bounded)? };
    kernels.synchronize(stream)?;
    assert_eq!(y.as_host_vec()?, (0..100).collect::<Vec<u32>>());
    Ok(())
}
