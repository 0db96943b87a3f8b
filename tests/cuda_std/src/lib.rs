//! Launches the kernels of `kernels/` in the simulator, with all checks on and under several seeds.
//!
//! ```no_run
//! use cuda_std_tests::Run;
//!
//! // pub unsafe fn double(x: &[f32], y: *mut f32), one block of 32 threads.
//! let x: Vec<f32> = (0..32).map(|i| i as f32).collect();
//! Run::new("double", 1, 32)
//!     .slice(&x)
//!     .uninitialized::<f32>(32)
//!     .check(|output| {
//!         let expected: Vec<f32> = x.iter().map(|x| 2.0 * x).collect();
//!         assert_eq!(output.buffer::<f32>(1), expected);
//!     });
//! ```

use std::io::{self, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bytemuck::Pod;
use ptx_sim::{
    AllocationKind, Arguments, Checks, Device, Launch, LaunchError, Options, Program, Report,
};

/// The PTX; empty if the build found neither a compiler nor PTX that fits the sources.
static PTX: &[(u32, &str)] = include!(concat!(env!("OUT_DIR"), "/cuda_std_kernels_ptx.rs"));

/// The seeds that every kernel runs under: each draws another order of the warps and blocks.
pub const SEEDS: Range<u64> = 0..4;

/// The text of the kernels' PTX.
///
/// # Panics
///
/// If the build has none.
pub fn ptx() -> &'static str {
    match PTX {
        [(_, ptx)] => ptx,
        _ => panic!("this build has no PTX of the kernels: `cargo xtask ptx` makes it"),
    }
}

/// The PTX without the entry points of other kernels, which take long to make ready and are not run.
/// Their lines stay, empty, so that reports name those of the whole text.
pub fn only(ptx: &str, kernel: &str) -> String {
    let own = format!(".visible .entry {kernel}(");
    let mut text = String::with_capacity(ptx.len() / 8);
    let mut is_other = false;
    for line in ptx.lines() {
        is_other |= line.starts_with(".visible .entry") && !line.starts_with(&own);
        if !is_other {
            text.push_str(line);
        }
        text.push('\n');
        is_other &= line != "}";
    }
    text
}

/// Blocks of a grid, or threads of a block: `32`, `[32, 4]` or `[32, 4, 2]`.
#[derive(Clone, Copy, Debug)]
pub struct Shape([u32; 3]);

impl From<u32> for Shape {
    fn from(x: u32) -> Self {
        Self([x, 1, 1])
    }
}

impl From<[u32; 2]> for Shape {
    fn from([x, y]: [u32; 2]) -> Self {
        Self([x, y, 1])
    }
}

impl From<[u32; 3]> for Shape {
    fn from(shape: [u32; 3]) -> Self {
        Self(shape)
    }
}

/// A kernel with its launch.
#[derive(Clone, Debug)]
pub struct Run {
    /// That of `kernels/` if it is None.
    ptx: Option<&'static str>,
    kernel: String,
    grid: Shape,
    block: Shape,
    dynamic_shared: u32,
    cooperative: bool,
    arguments: Vec<Argument>,
    step_limit: u64,
    seeds: Range<u64>,
}

#[derive(Clone, Debug)]
enum Argument {
    Value(Vec<u8>),
    Buffer(Buffer),
}

#[derive(Clone, Debug)]
struct Buffer {
    bytes: u64,
    /// None if nothing is written to it before the launch.
    contents: Option<Vec<u8>>,
    /// The elements, if the kernel takes their number behind their address.
    len: Option<usize>,
}

impl Run {
    /// A launch of the kernel with this grid and this block; the arguments are added in order.
    pub fn new(kernel: &str, grid: impl Into<Shape>, block: impl Into<Shape>) -> Self {
        Self {
            ptx: None,
            kernel: kernel.to_owned(),
            grid: grid.into(),
            block: block.into(),
            dynamic_shared: 0,
            cooperative: false,
            arguments: Vec::new(),
            step_limit: 10_000_000,
            seeds: SEEDS,
        }
    }

    /// Runs under one seed: no thread has anything to do with another.
    pub fn order_does_not_matter(mut self) -> Self {
        self.seeds = 0..1;
        self
    }

    /// Takes the kernel from this PTX instead of that of `kernels/`.
    pub fn with_ptx(mut self, ptx: &'static str) -> Self {
        self.ptx = Some(ptx);
        self
    }

    /// An argument that is passed by value.
    pub fn value<T: Pod>(mut self, value: T) -> Self {
        let bytes = bytemuck::bytes_of(&value).to_vec();
        self.arguments.push(Argument::Value(bytes));
        self
    }

    /// A pointer to a copy of these elements in global memory: the next buffer.
    pub fn pointer<T: Pod>(self, elements: &[T]) -> Self {
        self.buffer(size_of_val(elements), Some(elements), None)
    }

    /// A pointer to room for so many elements, of which none is initialized: the next buffer.
    pub fn uninitialized<T: Pod>(self, len: usize) -> Self {
        self.buffer::<T>(len * size_of::<T>(), None, None)
    }

    /// A pointer to a copy of these elements and their number, as for `&[T]` and the output handles:
    /// the next buffer.
    pub fn slice<T: Pod>(self, elements: &[T]) -> Self {
        self.buffer(size_of_val(elements), Some(elements), Some(elements.len()))
    }

    /// A pointer to room for so many elements, of which none is initialized, and their number: the
    /// next buffer.
    pub fn uninitialized_slice<T: Pod>(self, len: usize) -> Self {
        self.buffer::<T>(len * size_of::<T>(), None, Some(len))
    }

    fn buffer<T: Pod>(mut self, bytes: usize, contents: Option<&[T]>, len: Option<usize>) -> Self {
        self.arguments.push(Argument::Buffer(Buffer {
            bytes: bytes as u64,
            contents: contents.map(|elements| bytemuck::cast_slice(elements).to_vec()),
            len,
        }));
        self
    }

    /// Bytes of dynamic shared memory; 0 without.
    pub fn dynamic_shared(mut self, bytes: u32) -> Self {
        self.dynamic_shared = bytes;
        self
    }

    /// Has all blocks on the device at a time.
    pub fn cooperative(mut self) -> Self {
        self.cooperative = true;
        self
    }

    /// The instructions that the launch may take, instead of ten million.
    pub fn step_limit(mut self, steps: u64) -> Self {
        self.step_limit = steps;
        self
    }

    /// Runs under each seed, expects no report, and hands over what came out.
    #[track_caller]
    pub fn check(&self, check: impl Fn(&Output)) {
        for seed in self.seeds.clone() {
            let outcome = self.launch(seed);
            let reports: Vec<_> = outcome.reports.iter().map(ToString::to_string).collect();
            assert!(
                reports.is_empty(),
                "{} under seed {seed}: {}\nprinted: {}",
                self.kernel,
                reports.join("\n"),
                outcome.output.printed
            );
            check(&outcome.output);
        }
    }

    /// Runs under each seed, and hands over the reports, of which there is at least one, and what
    /// came out.
    #[track_caller]
    pub fn fails(&self, check: impl Fn(&[Report], &Output)) {
        for seed in self.seeds.clone() {
            let outcome = self.launch(seed);
            assert!(
                !outcome.reports.is_empty(),
                "{} under seed {seed}: nothing is reported",
                self.kernel
            );
            check(&outcome.reports, &outcome.output);
        }
    }

    fn launch(&self, seed: u64) -> Outcome {
        let device = Device::new(Options {
            checks: Checks::ALL,
            seed,
            workers: 2,
            step_limit: self.step_limit,
            ..Options::default()
        });
        let printed = Printed::default();
        device.set_output(Box::new(printed.clone()));
        let program = device
            .load(&only(self.ptx.unwrap_or_else(ptx), &self.kernel))
            .unwrap_or_else(|error| panic!("the kernels' PTX: {error}"));
        let kernel = program
            .kernel(&self.kernel)
            .unwrap_or_else(|| panic!("there is no kernel {}", self.kernel));

        let (values, buffers) = self.place_arguments(&device);
        let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let launch = Launch {
            grid: self.grid.0,
            block: self.block.0,
            dynamic_shared: self.dynamic_shared,
            cooperative: self.cooperative,
            arguments: Arguments::Values(&values),
            ..Launch::default()
        };
        let fault = match device.launch(kernel, &launch) {
            Ok(_) => None,
            Err(LaunchError::Fault(report)) => Some(*report),
            Err(error) => panic!("{}: {error}", self.kernel),
        };
        self.finish(&device, &program, fault, &buffers, &printed)
    }

    /// The kernel's parameters, and where the buffers lie, each with its bytes.
    fn place_arguments(&self, device: &Device) -> (Vec<Vec<u8>>, Vec<(u64, u64)>) {
        let memory = device.memory();
        let mut values = Vec::new();
        let mut buffers = Vec::new();
        for argument in &self.arguments {
            let buffer = match argument {
                Argument::Value(bytes) => {
                    values.push(bytes.clone());
                    continue;
                }
                Argument::Buffer(buffer) => buffer,
            };
            let address = memory
                .allocate(buffer.bytes.max(1), 256, AllocationKind::Device)
                .expect("the device has memory");
            if let Some(contents) = &buffer.contents {
                memory.write(address, contents).expect("the elements fit");
            }
            values.push(address.to_le_bytes().to_vec());
            if let Some(len) = buffer.len {
                values.push((len as u64).to_le_bytes().to_vec());
            }
            buffers.push((address, buffer.bytes));
        }
        (values, buffers)
    }

    /// Reads and frees the buffers, and asks for the last reports.
    fn finish(
        &self,
        device: &Device,
        program: &Program,
        fault: Option<Report>,
        buffers: &[(u64, u64)],
        printed: &Printed,
    ) -> Outcome {
        let memory = device.memory();
        let contents = buffers.iter().map(|&(address, bytes)| {
            let mut contents = vec![0; bytes as usize];
            memory.read(address, &mut contents).expect("it is there");
            memory.free(address).expect("it was allocated");
            contents
        });
        let buffers = contents.collect();
        device.unload(program);
        // What a kernel that was stopped had allocated is no leak.
        if fault.is_none() {
            device.check_leaks();
        }
        let printed = printed.0.lock().expect("no writer panicked").clone();
        Outcome {
            output: Output {
                buffers,
                printed: String::from_utf8(printed).expect("kernels print UTF-8"),
            },
            reports: device.reports().into_iter().chain(fault).collect(),
        }
    }
}

struct Outcome {
    output: Output,
    reports: Vec<Report>,
}

/// What a launch left behind.
#[derive(Debug)]
pub struct Output {
    buffers: Vec<Vec<u8>>,
    /// What the kernel printed.
    pub printed: String,
}

impl Output {
    /// The elements of the buffer that was added as number `buffer_idx`, counted without the values.
    #[track_caller]
    pub fn buffer<T: Pod>(&self, buffer_idx: usize) -> Vec<T> {
        bytemuck::pod_collect_to_vec(&self.buffers[buffer_idx])
    }
}

/// What kernels print, kept.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .map_err(|_| io::Error::other("a writer panicked"))?
            .write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
