//! Runs PTX of other compilers in the simulator: programs whose results the host knows, and their twins
//! with a fault in them, which has to be found at its line.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

pub use bytemuck;
use bytemuck::{AnyBitPattern, NoUninit};
use ptx_sim::{
    AllocationKind, Arguments, Device, Kind, Launch, LaunchError, Options, Party, Program,
    Properties, Report,
};

/// Under each of these a program passes, and its fault is found.
pub const SEEDS: std::ops::Range<u64> = 0..4;

/// What a host function returns: what ended a launch ends it.
pub type Outcome = Result<(), LaunchError>;

/// A program on its device.
pub struct Run {
    /// The device.
    pub device: Device,
    /// The program.
    pub program: Program,
    /// Whether this is the program with the fault, whose results mean nothing.
    faulty: bool,
    allocations: RefCell<Vec<u64>>,
    output: Output,
}

/// How a kernel is launched, without its arguments.
#[derive(Clone, Copy, Debug)]
pub struct Shape(Launch<'static>);

/// So many blocks of so many threads.
pub fn line(blocks: u32, threads: u32) -> Shape {
    grid([blocks, 1, 1], [threads, 1, 1])
}

/// Blocks and threads by x, y, z.
pub fn grid(grid: [u32; 3], block: [u32; 3]) -> Shape {
    Shape(Launch {
        grid,
        block,
        ..Launch::default()
    })
}

impl Shape {
    /// The same with bytes of dynamic shared memory.
    pub fn shared(mut self, bytes: usize) -> Self {
        self.0.dynamic_shared = bytes.try_into().expect("a size that shared memory has");
        self
    }

    /// The same with all blocks on the device at a time.
    pub fn cooperative(mut self) -> Self {
        self.0.cooperative = true;
        self
    }

    /// The same in clusters of blocks, by x, y, z.
    pub fn cluster(mut self, cluster: [u32; 3]) -> Self {
        self.0.cluster = Some(cluster);
        self
    }
}

/// The values of a launch, each as its bytes.
#[macro_export]
macro_rules! arguments {
    ($($value:expr),* $(,)?) => {
        &[$($crate::bytemuck::bytes_of(&$value).to_vec()),*]
    };
}

impl Run {
    fn new(ptx: &str, seed: u64, faulty: bool) -> Self {
        // PTX for Blackwell needs one.
        let name = if ptx.contains(".target sm_1") {
            "b200"
        } else {
            "h100"
        };
        let device = Device::new(Options {
            properties: Properties::by_name(name).expect("a device that is known"),
            seed,
            // What is found must not be chance.
            workers: if faulty { 1 } else { 2 },
            step_limit: 1_000_000,
            ..Options::default()
        });
        let output = Output::default();
        device.set_output(Box::new(output.clone()));
        let program = device.load(ptx).unwrap_or_else(|error| panic!("{error}"));
        Self {
            device,
            program,
            faulty,
            allocations: RefCell::default(),
            output,
        }
    }

    /// Memory with these values.
    pub fn upload<T: NoUninit>(&self, values: &[T]) -> u64 {
        let address = self.allocate::<T>(values.len());
        self.write(address, values);
        address
    }

    /// Memory that holds nothing yet.
    pub fn allocate<T>(&self, count: usize) -> u64 {
        let bytes = (count * size_of::<T>()) as u64;
        let memory = self.device.memory();
        let address = memory
            .allocate(bytes, 256, AllocationKind::Device)
            .expect("the device has memory");
        self.allocations.borrow_mut().push(address);
        address
    }

    /// Writes from the host.
    pub fn write<T: NoUninit>(&self, address: u64, values: &[T]) {
        let bytes: &[u8] = bytemuck::cast_slice(values);
        let memory = self.device.memory();
        memory.write(address, bytes).expect("the values fit");
    }

    /// Reads from the host.
    pub fn download<T: AnyBitPattern>(&self, address: u64, count: usize) -> Vec<T> {
        let mut bytes = vec![0; count * size_of::<T>()];
        let memory = self.device.memory();
        memory
            .read(address, &mut bytes)
            .expect("the values are there");
        bytes
            .chunks_exact(size_of::<T>())
            .map(bytemuck::pod_read_unaligned)
            .collect()
    }

    /// The address of a variable of the program.
    pub fn variable(&self, name: &str) -> u64 {
        let variable = self.program.variable(name);
        variable.unwrap_or_else(|| panic!("there is no {name}")).0
    }

    /// Runs a kernel.
    ///
    /// # Errors
    ///
    /// What ended the launch.
    pub fn launch(&self, kernel: &str, shape: Shape, arguments: &[Vec<u8>]) -> Outcome {
        let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        let launch = Launch {
            arguments: Arguments::Values(&arguments),
            ..shape.0
        };
        let kernel = self
            .program
            .kernel(kernel)
            .unwrap_or_else(|| panic!("there is no kernel {kernel}"));
        self.device.launch(kernel, &launch).map(drop)
    }

    /// What the kernels have printed.
    pub fn printed(&self) -> String {
        let bytes = self.output.0.lock().expect("nobody panicked").clone();
        String::from_utf8(bytes).expect("they print text")
    }

    /// Looks at results, unless the program is the faulty one.
    pub fn results(&self, look: impl FnOnce()) {
        if !self.faulty {
            look();
        }
    }

    /// These values lie there, to the bit.
    #[track_caller]
    pub fn expect<T: AnyBitPattern + PartialEq + Debug>(&self, address: u64, expected: &[T]) {
        if self.faulty {
            return;
        }
        let found: Vec<T> = self.download(address, expected.len());
        let differs = found.iter().zip(expected).position(|(f, e)| f != e);
        if let Some(at) = differs {
            panic!(
                "element {at} is {:?}, expected {:?}",
                found[at], expected[at]
            );
        }
    }

    /// These values lie there, within an error of `tolerance * (1 + |expected|)`.
    #[track_caller]
    pub fn expect_near<T>(&self, address: u64, expected: &[f64], tolerance: f64)
    where
        T: AnyBitPattern + Into<f64>,
    {
        if self.faulty {
            return;
        }
        let found: Vec<T> = self.download(address, expected.len());
        for (at, (found, &expected)) in found.into_iter().zip(expected).enumerate() {
            let found: f64 = found.into();
            let error = (found - expected).abs();
            let most = tolerance * (1.0 + expected.abs());
            assert!(
                error <= most,
                "element {at} is {found}, expected {expected}"
            );
        }
    }

    /// Frees what the host has, and returns what was found.
    fn finish(self, outcome: Outcome) -> Vec<Report> {
        let fault = match outcome {
            Ok(()) => None,
            Err(LaunchError::Fault(report)) => Some(*report),
            Err(error) => panic!("{error}"),
        };
        let memory = self.device.memory();
        for address in self.allocations.take() {
            memory.free(address).expect("it was allocated");
        }
        self.device.unload(&self.program);
        if fault.is_none() {
            self.device.check_leaks();
        }
        self.device.reports().into_iter().chain(fault).collect()
    }
}

/// What a device prints.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A text of this crate's folder.
pub fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs PTX under all seeds: the host finds the results that it expects, and nothing is reported.
#[track_caller]
pub fn passes(ptx: &str, host: impl Fn(&Run) -> Outcome) {
    for seed in SEEDS {
        let run = Run::new(ptx, seed, false);
        let outcome = host(&run);
        if let Some(report) = run.finish(outcome).first() {
            panic!("a false report: {report}");
        }
    }
}

/// A fault in a program, and how it is reported.
#[derive(Clone, Copy, Debug)]
pub struct Fault<'a> {
    /// The program's source, in this crate's folder.
    pub source: &'a str,
    /// How its faulty lines end. With `, under some seeds` behind it, they are consequences.
    pub mark: &'a str,
    /// What is found.
    pub kind: Kind,
    /// What the report says among other things.
    pub part: &'a str,
}

/// Runs a program of this crate's folder under all seeds, as it is and with its fault, which is at the
/// lines that end in `// FAULT`.
#[track_caller]
pub fn program(name: &str, kind: Kind, part: &str, host: impl Fn(&Run) -> Outcome) {
    passes(&text(&format!("{name}.ptx")), &host);
    let fault = Fault {
        source: &format!("{name}.cu"),
        mark: "// FAULT",
        kind,
        part,
    };
    finds(&text(&format!("{name}.fault.ptx")), &fault, &host);
}

/// Runs faulty PTX under all seeds: the fault is reported, and nothing but at its lines.
#[track_caller]
pub fn finds(ptx: &str, fault: &Fault<'_>, host: impl Fn(&Run) -> Outcome) {
    let Fault {
        source, kind, part, ..
    } = *fault;
    let file = source.rsplit('/').next().unwrap_or(source);
    let source = text(source);
    let marked = |mark: &str| -> BTreeSet<u32> {
        let lines = (1..).zip(source.lines());
        let marked = lines.filter(|(_, line)| line.ends_with(mark));
        marked.map(|(number, _)| number).collect()
    };
    let surely = marked(fault.mark);
    assert!(!surely.is_empty(), "{file} has no line with {}", fault.mark);
    let mut lines = marked(&format!("{}, under some seeds", fault.mark));
    lines.extend(&surely);
    let is_there = |party: &Party| {
        let mut places = party.place.source.iter().chain(&party.place.calls);
        places.any(|line| line.file == file && lines.contains(&line.line))
    };
    let mut named = BTreeSet::new();
    for seed in SEEDS {
        let run = Run::new(ptx, seed, true);
        let outcome = host(&run);
        let reports = run.finish(outcome);
        let what = format!("{file} under seed {seed}");
        let first = reports.first();
        let first = first.unwrap_or_else(|| panic!("{what}: the fault is missed"));
        let is_it = |report: &Report| report.kind == kind && report.to_string().contains(part);
        let is_found = reports.iter().any(is_it);
        assert!(is_found, "{what}: no {kind:?} with {part:?}: {first}");
        // A fault has consequences, which are at its lines as well.
        for report in &reports {
            let text = report.to_string();
            let mut parties = report.party.iter().chain(&report.other);
            assert!(parties.all(is_there), "{what}: not at {lines:?}: {text}");
            let is_named = |line: &&u32| text.contains(&format!("{file}:{line}:"));
            named.extend(lines.iter().filter(is_named));
        }
    }
    // What nobody has freed belongs to no line.
    if kind != Kind::Leak {
        let missed: Vec<_> = surely.difference(&named).collect();
        assert!(missed.is_empty(), "{file}: {missed:?} are never named");
    }
}
