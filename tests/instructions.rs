//! The simulator's tables of instructions on a GPU: the same programs, the same references.
//!
//! Where there is no GPU, two of the tables run on the simulator through its driver, so that what
//! runs them here is known to work; all of them run in `cuda/sim/tests`. `TEST_DEVICES=cuda` asks for
//! the GPU.

mod on_gpu;

#[path = "../cuda/sim/tests/conformance/approximate.rs"]
mod approximate;
#[path = "../cuda/sim/tests/conformance/asynchronous.rs"]
mod asynchronous;
#[path = "../cuda/sim/tests/conformance/atomics.rs"]
mod atomics;
#[path = "../cuda/sim/tests/conformance/barriers.rs"]
mod barriers;
#[path = "../cuda/sim/tests/conformance/bits.rs"]
mod bits;
#[path = "../cuda/sim/tests/conformance/case.rs"]
mod case;
#[path = "../cuda/sim/tests/conformance/compare.rs"]
mod compare;
#[path = "../cuda/sim/tests/conformance/control.rs"]
mod control;
#[path = "../cuda/sim/tests/conformance/convert.rs"]
mod convert;
#[path = "../cuda/sim/tests/conformance/data.rs"]
mod data;
#[path = "../cuda/sim/tests/conformance/exact.rs"]
mod exact;
#[path = "../cuda/sim/tests/conformance/float.rs"]
mod float;
#[path = "../cuda/sim/tests/conformance/integer.rs"]
mod integer;
#[path = "../cuda/sim/tests/conformance/matrix.rs"]
mod matrix;
#[path = "../cuda/sim/tests/conformance/memory.rs"]
mod memory;
#[path = "../cuda/sim/tests/conformance/moves.rs"]
mod moves;
#[allow(dead_code, reason = "other tables use it, too")]
#[path = "../cuda/sim/tests/conformance/program.rs"]
mod program;
#[path = "../cuda/sim/tests/conformance/warp.rs"]
mod warp;

use std::ffi::c_void;
use std::sync::Once;

use case::{Case, Runner};
use cpu::backend::cuda;
use cust::context::{Context, CurrentContext};
use cust::device::Device;
use cust::error::CudaError;
use cust::function::Function;
use cust::memory::{CopyDestination, DeviceBuffer};
use cust::module::Module;
use cust::stream::{Stream, StreamFlags};
use program::{Launcher, Program, Shape};

/// Runs programs on the CUDA device of this process.
struct Driver {
    /// Some programs are for devices from 9.0 or 10.0 on.
    capability: u32,
    stream: Stream,
    module: Option<Module>,
    _context: Context,
}

fn words(error: CudaError) -> String {
    error.to_string()
}

impl Driver {
    fn new() -> Self {
        static SIMULATE: Once = Once::new();
        if !on_the_gpu() {
            SIMULATE.call_once(|| cuda::simulate(false).unwrap());
        }
        cust::init(cust::CudaFlags::empty()).unwrap();
        let device = Device::get_device(0).unwrap();
        let context = Context::new(device).unwrap();
        CurrentContext::set_current(&context).unwrap();
        Driver {
            capability: cuda_launch::compute_capability(device).unwrap(),
            stream: Stream::new(StreamFlags::NON_BLOCKING, None).unwrap(),
            module: None,
            _context: context,
        }
    }

    fn module(&self, ptx: &str) -> Result<Module, String> {
        Module::from_ptx(ptx, &[]).map_err(words)
    }

    /// Launches a kernel with arguments that are 8 bytes each, the last one perhaps fewer.
    fn launch_with(
        &self,
        kernel: Function<'_>,
        shape: &Shape,
        arguments: &mut [u64],
    ) -> Result<(), String> {
        let pointers: Vec<*mut c_void> = arguments
            .iter_mut()
            .map(|argument| std::ptr::from_mut(argument).cast())
            .collect();
        let [grid, block] = [shape.grid, shape.block].map(|[x, y, z]| (x, y, z));
        // SAFETY: Each kernel of the tables takes addresses of buffers that are as long as it
        // expects, and perhaps a number of threads, whose bytes come first in its argument.
        unsafe {
            self.stream
                .launch(&kernel, grid, block, shape.shared, &pointers)
                .map_err(words)?;
        }
        self.stream.synchronize().map_err(words)
    }
}

impl Runner for Driver {
    fn load(&mut self, ptx: &str) -> Result<(), String> {
        self.module = Some(self.module(ptx)?);
        Ok(())
    }

    fn run(
        &mut self,
        kernel: &str,
        inputs: &[Vec<u8>],
        output: usize,
        threads: u32,
    ) -> Result<Vec<u8>, String> {
        let module = self.module.as_ref().ok_or("no module is loaded")?;
        let kernel = module.get_function(kernel).map_err(words)?;
        let inputs: Vec<_> = inputs
            .iter()
            .map(|bytes| DeviceBuffer::from_slice(bytes).map_err(words))
            .collect::<Result<_, _>>()?;
        let result = DeviceBuffer::from_slice(&vec![0_u8; output]).map_err(words)?;
        let buffers = inputs.iter().chain([&result]);
        let mut arguments: Vec<_> = buffers
            .map(|buffer| buffer.as_device_ptr().as_raw())
            .chain([u64::from(threads)])
            .collect();
        let shape = Shape {
            grid: [threads.div_ceil(128), 1, 1],
            block: [128, 1, 1],
            shared: 0,
            cooperative: false,
        };
        self.launch_with(kernel, &shape, &mut arguments)?;
        result.as_host_vec().map_err(words)
    }

    fn is_simulator(&self) -> bool {
        !on_the_gpu()
    }
}

impl Launcher for Driver {
    fn launch(
        &mut self,
        ptx: &str,
        shape: &Shape,
        input: &[u8],
        output: &[u8],
    ) -> Result<Vec<u8>, String> {
        let module = self.module(ptx)?;
        let kernel = module.get_function("test").map_err(words)?;
        let from = DeviceBuffer::from_slice(input).map_err(words)?;
        let to = DeviceBuffer::from_slice(output).map_err(words)?;
        let mut arguments = [&from, &to].map(|buffer| buffer.as_device_ptr().as_raw());
        self.launch_with(kernel, shape, &mut arguments)?;
        let mut bytes = vec![0; output.len()];
        to.copy_to(&mut bytes).map_err(words)?;
        Ok(bytes)
    }

    fn repeats(&self) -> u32 {
        1
    }
}

fn on_the_gpu() -> bool {
    std::env::var(on_gpu::DEVICES_VARIABLE)
        .is_ok_and(|names| names.split(',').any(|name| name == "cuda"))
}

#[track_caller]
fn assert_none(failures: &[String]) {
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Runs a table of instructions for devices of this architecture and later.
#[track_caller]
fn assert_holds(target: u32, cases: &[Case]) {
    let mut driver = Driver::new();
    if driver.capability >= target {
        assert_none(&case::run(&mut driver, &format!("sm_{target}"), cases));
    }
}

#[track_caller]
fn assert_runs(programs: &[Program]) {
    assert_none(&program::run(&mut Driver::new(), programs));
}

#[test]
fn on_the_gpu_too() {
    on_gpu::again_on_the_gpu("cuda");
}

#[test]
fn moves_and_lanes_of_a_warp() {
    assert_holds(90, &moves::cases());
    assert_runs(&warp::programs());
}

/// What the simulator's own tests have done already, for a GPU.
#[test]
fn everything_else() {
    if !on_the_gpu() {
        return;
    }
    for cases in [
        integer::cases(),
        bits::cases(),
        float::cases(),
        float::half_cases(),
        approximate::cases(),
        compare::cases(),
        convert::cases(),
    ] {
        assert_holds(90, &cases);
    }
    for cases in [float::blackwell_cases(), convert::blackwell_cases()] {
        assert_holds(100, &cases);
    }
    for programs in [
        memory::programs(),
        asynchronous::programs(),
        atomics::programs(),
        barriers::programs(),
        control::programs(),
        matrix::programs(false),
    ] {
        assert_runs(&programs);
    }
}
