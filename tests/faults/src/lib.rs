//! Runs the kernels of `kernels/` in the simulator, and holds its reports against the comments that
//! mark the faulty lines.

use std::fs;
use std::path::Path;

use ptx_sim::{
    AllocationKind, Arguments, Checks, Device, Kind, Launch, LaunchError, Options, Party, Report,
};

/// The PTX; empty if the build found neither a compiler nor PTX that fits the sources.
static PTX: &[(u32, &str)] = include!(concat!(env!("OUT_DIR"), "/faulty_kernels_ptx.rs"));

/// Each fault is found under every one of these, and each mended twin is silent.
pub const SEEDS: std::ops::Range<u64> = 0..8;

/// An argument of a kernel.
#[derive(Clone, Copy, Debug)]
pub enum Argument<'a> {
    /// A pointer to words that the host has written.
    Words(&'a [u32]),
    /// A pointer to so many bytes that nothing was written to.
    Fresh(u64),
    /// A pointer to words that the host has freed again.
    Freed(&'a [u32]),
    /// A null pointer.
    Null,
    /// A slice of Rust: a pointer and a length.
    Slice(&'a [u32]),
    /// A number.
    Number(u32),
}

/// A kernel with its launch.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// The kernel; that of the twin has `_mended` behind it.
    pub kernel: &'a str,
    /// Blocks.
    pub grid: u32,
    /// Threads of a block.
    pub block: u32,
    /// Bytes of dynamic shared memory.
    pub dynamic_shared: u32,
    /// Whether all blocks are on the device at a time.
    pub cooperative: bool,
    /// The arguments.
    pub arguments: Vec<Argument<'a>>,
    /// The instructions that the launch may take.
    pub step_limit: u64,
}

impl<'a> Run<'a> {
    /// A launch of so many blocks of so many threads.
    pub fn new(kernel: &'a str, grid: u32, block: u32, arguments: &[Argument<'a>]) -> Run<'a> {
        Run {
            kernel,
            grid,
            block,
            dynamic_shared: 0,
            cooperative: false,
            arguments: arguments.to_vec(),
            step_limit: 1_000_000,
        }
    }

    /// The same launch of the mended kernel.
    pub fn mended(&self, kernel: &'a str) -> Run<'a> {
        Run {
            kernel,
            ..self.clone()
        }
    }

    /// What the simulator reports, at the end of the launch or of the device.
    pub fn reports(&self, seed: u64) -> Vec<Report> {
        let device = Device::new(Options {
            checks: Checks::ALL,
            seed,
            workers: 2,
            step_limit: self.step_limit,
            ..Options::default()
        });
        let [(_, ptx)] = PTX else {
            panic!("this build has no PTX of the faulty kernels: `cargo xtask ptx` makes it");
        };
        let program = device.load(ptx).unwrap_or_else(|error| panic!("{error}"));
        let kernel = program
            .kernel(self.kernel)
            .unwrap_or_else(|| panic!("there is no kernel {}", self.kernel));

        let memory = device.memory();
        let allocate = |bytes: u64| {
            let address = memory.allocate(bytes, 256, AllocationKind::Device);
            address.expect("the device has memory")
        };
        let copy = |words: &[u32]| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let address = allocate(bytes.len() as u64);
            memory.write(address, &bytes).expect("the words fit");
            address
        };
        let mut allocated = Vec::new();
        let mut values: Vec<Vec<u8>> = Vec::new();
        for &argument in &self.arguments {
            let address = match argument {
                Argument::Words(words) | Argument::Freed(words) | Argument::Slice(words) => {
                    copy(words)
                }
                Argument::Fresh(bytes) => allocate(bytes),
                Argument::Null => 0,
                Argument::Number(number) => {
                    values.push(number.to_le_bytes().to_vec());
                    continue;
                }
            };
            values.push(address.to_le_bytes().to_vec());
            match argument {
                Argument::Slice(words) => values.push(words.len().to_le_bytes().to_vec()),
                Argument::Freed(_) => {
                    memory.free(address).expect("it was allocated");
                    continue;
                }
                Argument::Null => continue,
                _ => {}
            }
            allocated.push(address);
        }
        let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let launch = Launch {
            grid: [self.grid, 1, 1],
            block: [self.block, 1, 1],
            dynamic_shared: self.dynamic_shared,
            cooperative: self.cooperative,
            arguments: Arguments::Values(&values),
            ..Launch::default()
        };
        let fault = match device.launch(kernel, &launch) {
            Ok(_) => None,
            Err(LaunchError::Fault(report)) => Some(*report),
            Err(error) => panic!("{error}"),
        };
        for address in allocated {
            memory.free(address).expect("it was allocated");
        }
        device.unload(&program);
        if fault.is_none() {
            device.check_leaks();
        }
        device.reports().into_iter().chain(fault).collect()
    }

    /// Runs under all seeds, and expects no report.
    #[track_caller]
    pub fn is_silent(&self) {
        for seed in SEEDS {
            if let Some(report) = self.reports(seed).first() {
                panic!("{} should be silent: {report}", self.kernel);
            }
        }
    }

    /// Runs under all seeds, and expects one report, whose text has these parts in it.
    #[track_caller]
    pub fn is_reported(&self, kind: Kind, parties: &[Expected<'_>], parts: &[&str]) {
        for seed in SEEDS {
            let reports = self.reports(seed);
            let all: Vec<String> = reports.iter().map(ToString::to_string).collect();
            let all = format!("{} under seed {seed}:\n{}", self.kernel, all.join("\n"));
            let [report] = &reports[..] else {
                panic!("{} reports instead of 1: {all}", reports.len());
            };
            self.check(report, kind, parties, parts, &all);
        }
    }

    /// Holds a report against what is expected of it.
    #[track_caller]
    pub fn check(
        &self,
        report: &Report,
        kind: Kind,
        parties: &[Expected<'_>],
        parts: &[&str],
        all: &str,
    ) {
        assert_eq!(report.kind, kind, "{all}");
        assert_eq!(report.kernel, self.kernel, "{all}");
        let found: Vec<&Party> = report.party.iter().chain(&report.other).collect();
        assert_eq!(found.len(), parties.len(), "{all}");
        // Which party of a race comes second is chance.
        let in_order = |parties: &mut dyn Iterator<Item = &Expected<'_>>| {
            found
                .iter()
                .zip(parties)
                .all(|(party, expected)| expected.is(party))
        };
        let matches = in_order(&mut parties.iter()) || in_order(&mut parties.iter().rev());
        assert!(matches, "expected {parties:?} in {all}");
        for part in parts {
            assert!(all.contains(part), "no {part:?} in {all}");
        }
    }
}

/// A thread at a line.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// `blockIdx.x`; any if it is not known.
    pub block: Option<u32>,
    /// `threadIdx.x`; any if it is not known.
    pub thread: Option<u32>,
    /// The comment at the line.
    pub marker: &'a str,
}

impl<'a> Expected<'a> {
    /// A thread of block 0.
    pub fn thread(thread: u32, marker: &'a str) -> Expected<'a> {
        Expected {
            block: Some(0),
            thread: Some(thread),
            marker,
        }
    }

    /// Some thread.
    pub fn some(marker: &'a str) -> Expected<'a> {
        Expected {
            block: None,
            thread: None,
            marker,
        }
    }

    /// Whether this is the thread, and it is at the marked line or in what that line calls.
    pub fn is(&self, party: &Party) -> bool {
        let (file, number) = marked_line(self.marker);
        let [x, y, z] = party.block;
        let [tx, ty, tz] = party.thread;
        let mut lines = party.place.source.iter().chain(&party.place.calls);
        lines.any(|line| line.file == file && line.line == number)
            && (y, z, ty, tz) == (0, 0, 0, 0)
            && self.block.is_none_or(|block| block == x)
            && self.thread.is_none_or(|thread| thread == tx)
    }
}

/// The path, as the PTX has it, and the number of the one line that ends in this comment.
pub fn marked_line(marker: &str) -> (String, u32) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels/src");
    let end = format!("// {marker}");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the kernels' sources are there") {
        let path = entry.expect("a file").path();
        let text = fs::read_to_string(&path).expect("a text");
        for (number, line) in (1..).zip(text.lines()) {
            if line.ends_with(&end) {
                let name = path.file_name().expect("a name").to_string_lossy();
                found.push((format!("tests/faults/kernels/src/{name}"), number));
            }
        }
    }
    assert_eq!(found.len(), 1, "{marker:?} marks one line");
    found.remove(0)
}
