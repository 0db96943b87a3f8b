//! Each instruction that works on registers alone, with each type and modifier, on edges and random
//! values, against references that are written in another way: integers in 128 bits, single bits,
//! exact fractions of any size.

mod approximate;
mod asynchronous;
mod atomics;
mod barriers;
mod bits;
mod builtins;
mod bulk;
mod case;
mod compare;
mod control;
mod convert;
mod data;
mod exact;
mod float;
mod integer;
mod matrix;
mod memory;
mod modules;
mod moves;
mod program;
mod refused;
mod sparse;
mod video;
mod warp;
mod wgmma;
mod wmma;

use ptx_sim::{
    AllocationKind, Arguments, Checks, Device, Launch, MemoryError, Options, Properties,
};

use case::{Case, Runner};
use program::{Launcher, Program, Shape};

/// Runs cases on the simulator.
struct Simulator {
    device: Device,
    program: Option<ptx_sim::Program>,
}

impl Simulator {
    fn new(device: &str) -> Self {
        let device = Device::new(Options {
            properties: Properties::by_name(device).expect("a device that is known"),
            checks: Checks::ALL,
            seed: 1,
            workers: 1,
            ..Options::default()
        });
        Self {
            device,
            program: None,
        }
    }

    fn allocate(&self, bytes: usize) -> Result<u64, String> {
        let allocated = self
            .device
            .memory()
            .allocate(bytes as u64, 16, AllocationKind::Device);
        allocated.map_err(|error| error.to_string())
    }
}

impl Runner for Simulator {
    fn load(&mut self, ptx: &str) -> Result<(), String> {
        self.program = Some(self.device.load(ptx).map_err(|error| error.to_string())?);
        Ok(())
    }

    fn run(
        &mut self,
        kernel: &str,
        inputs: &[Vec<u8>],
        output: usize,
        threads: u32,
    ) -> Result<Vec<u8>, String> {
        let program = self.program.as_ref().ok_or("no module is loaded")?;
        let kernel = program.kernel(kernel).ok_or("there is no such kernel")?;
        let memory = self.device.memory();
        let mut addresses = Vec::new();
        for input in inputs {
            let address = self.allocate(input.len())?;
            memory
                .write(address, input)
                .map_err(|error| error.to_string())?;
            addresses.push(address);
        }
        addresses.push(self.allocate(output)?);
        let mut arguments: Vec<Vec<u8>> = addresses
            .iter()
            .map(|address| address.to_le_bytes().to_vec())
            .collect();
        arguments.push(threads.to_le_bytes().to_vec());
        let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        let launch = Launch {
            grid: [threads.div_ceil(128), 1, 1],
            block: [128, 1, 1],
            arguments: Arguments::Values(&arguments),
            ..Launch::default()
        };
        self.device
            .launch(kernel, &launch)
            .map_err(|error| error.to_string())?;
        let mut bytes = vec![0; output];
        let result = addresses.last().copied().unwrap_or_default();
        memory
            .read(result, &mut bytes)
            .map_err(|error| error.to_string())?;
        for address in addresses {
            memory.free(address).map_err(|error| error.to_string())?;
        }
        match self.device.reports().first() {
            Some(report) => Err(report.to_string()),
            None => Ok(bytes),
        }
    }

    fn is_simulator(&self) -> bool {
        true
    }
}

impl Launcher for Simulator {
    fn launch(
        &mut self,
        ptx: &str,
        shape: &Shape,
        input: &[u8],
        output: &[u8],
    ) -> Result<Vec<u8>, String> {
        let words = |error: MemoryError| error.to_string();
        let program = self.device.load(ptx).map_err(|error| error.to_string())?;
        let kernel = program.kernel("test").ok_or("there is no such kernel")?;
        let memory = self.device.memory();
        let buffers = [self.allocate(input.len())?, self.allocate(output.len())?];
        memory.write(buffers[0], input).map_err(words)?;
        memory.write(buffers[1], output).map_err(words)?;
        let launch = Launch {
            grid: shape.grid,
            block: shape.block,
            dynamic_shared: shape.shared,
            cooperative: shape.cooperative,
            arguments: Arguments::Packed(bytemuck::cast_slice(&buffers)),
            ..Launch::default()
        };
        let launched = self.device.launch(kernel, &launch);
        let mut bytes = vec![0; output.len()];
        memory.read(buffers[1], &mut bytes).map_err(words)?;
        for buffer in buffers {
            memory.free(buffer).map_err(words)?;
        }
        self.device.unload(&program);
        launched.map_err(|error| error.to_string())?;
        match self.device.reports().first() {
            Some(report) => Err(report.to_string()),
            None => Ok(bytes),
        }
    }

    fn repeats(&self) -> u32 {
        3
    }
}

/// Asserts that a table of programs holds on a simulated device.
#[track_caller]
fn assert_runs(programs: &[Program]) {
    assert_runs_on("h100", programs);
}

#[track_caller]
fn assert_runs_on(device: &str, programs: &[Program]) {
    let failures = program::run(&mut Simulator::new(device), programs);
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        programs.len(),
        failures.join("\n")
    );
}

/// Asserts that a table of cases holds on a simulated device.
#[track_caller]
fn assert_holds(device: &str, target: &str, cases: Vec<Case>) {
    let failures = case::run(&mut Simulator::new(device), target, &cases);
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}

#[test]
fn integers() {
    assert_holds("h100", "sm_90", integer::cases());
}

#[test]
fn video() {
    assert_holds("h100", "sm_90", video::cases());
}

#[test]
fn bit_fields() {
    assert_holds("h100", "sm_90", bits::cases());
}

#[test]
fn singles_and_doubles() {
    assert_holds("h100", "sm_90", float::cases());
}

#[test]
fn halves() {
    assert_holds("h100", "sm_90", float::half_cases());
}

#[test]
fn what_newer_devices_have() {
    assert_holds("b200", "sm_100", float::blackwell_cases());
    assert_holds("b200", "sm_100", convert::blackwell_cases());
}

#[test]
fn approximations() {
    assert_holds("h100", "sm_90", approximate::cases());
}

#[test]
fn comparisons() {
    assert_holds("h100", "sm_90", compare::cases());
}

#[test]
fn conversions() {
    assert_holds("h100", "sm_90", convert::cases());
}

#[test]
fn moves() {
    assert_holds("h100", "sm_90", moves::cases());
}

#[test]
fn wrong_instructions_are_refused() {
    let failures = refused::failures(&mut Simulator::new("h100"));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn lanes_of_a_warp_together() {
    assert_runs(&warp::programs());
}

#[test]
fn loads_and_stores() {
    assert_runs(&memory::programs());
}

#[test]
fn atomic_updates() {
    assert_runs(&atomics::programs());
}

#[test]
fn barriers_of_a_block() {
    assert_runs(&barriers::programs());
}

#[test]
fn bulk_copies() {
    assert_runs(&bulk::programs());
    assert_runs_on("b200", &bulk::blackwell_programs());
}

#[test]
fn asynchronous_copies_and_mbarriers() {
    assert_runs(&asynchronous::programs());
}

#[test]
fn products_of_matrices() {
    assert_runs(&matrix::programs(true));
}

#[test]
fn products_of_sparse_matrices() {
    assert_runs(&sparse::programs(true));
}

#[test]
fn products_by_warpgroups() {
    assert_runs(&wgmma::programs(true));
}

#[test]
fn products_of_fragments() {
    assert_runs(&wmma::programs());
}

#[test]
fn the_course_of_threads() {
    assert_runs(&control::programs());
}

#[test]
fn what_the_device_provides() {
    assert_runs(&builtins::programs());
}

#[test]
fn formats_are_printed_as_the_host_prints_them() {
    let wrong = builtins::wrong_formats();
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_failed_assertion_says_what_failed() {
    let report = builtins::assertion();
    for part in ["`x > 0` in void f(int), kernel.cu:42", "thread (4, 0, 0)"] {
        assert!(report.contains(part), "{report}");
    }
}

#[test]
fn wrong_modules_are_refused() {
    let failures = modules::failures(&mut Simulator::new("h100"));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
