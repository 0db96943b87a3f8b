//! The guide's kernels in the simulator, and what the guide says of them: its tables of counters, and
//! what it shows the program print.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::{fs, io, iter};

use cpu::backend::cuda::PTX;
use gpu::matmul::{COALESCED, Level, NAIVE, REGISTERS, SHARED};
use ptx_sim::{
    AllocationKind, Arguments, Checks, Counters, Device, InstructionClass, Launch, Options, Program,
};

/// The PTX that is kept beside the sources, of which the guide's figures are: those of another version
/// of the compiler may differ a little. CI compiles it again and compares.
const KEPT_PTX: &str = include_str!("../gpu/ptx/gpu.sm_80.ptx");

const MATMUL: [(&str, Level); 6] = [
    ("matmul_naive", NAIVE),
    ("matmul_coalesced", COALESCED),
    ("matmul_shared", SHARED),
    ("matmul_registers", REGISTERS),
    ("matmul_vectorized", REGISTERS),
    ("matmul_double_buffered", REGISTERS),
];

const SUMS: [&str; 6] = [
    "sum_one_thread",
    "sum_divergent",
    "sum_strided",
    "sum_sequential",
    "sum_shuffled",
    "sum_many",
];

/// M, N and K of the products in the guide's tables.
const TABLE_SIDE: u32 = 128;
/// Numbers of the sums in the guide's tables, and blocks of those that may choose.
const TABLE_SUM: (usize, u32) = (16_384, 4);
/// Numbers of the running sums in the guide's tables: those of a block.
const TABLE_SCAN: usize = gpu::scan::N_THREADS as usize;

/// A simulated device with all checks, and a module on it.
struct Simulator {
    device: Device,
    program: Program,
}

/// What a kernel takes: a slice that it reads or writes is a pointer and a length.
enum Argument<'a> {
    Read(&'a [u32]),
    Written(usize),
    Updated(&'a [u32]),
    Number(u32),
}

impl Simulator {
    fn new(ptx: &str, profile: bool) -> Simulator {
        let device = Device::new(Options {
            checks: Checks::ALL,
            profile,
            ..Options::default()
        });
        let program = device.load(ptx).unwrap();
        Simulator { device, program }
    }

    /// The compiled kernels; a message and `None` if the build found no compiler for them.
    fn compiled() -> Option<Simulator> {
        static SAID: Once = Once::new();
        match PTX.last() {
            Some((_, ptx)) => Some(Simulator::new(ptx, false)),
            None => {
                // Past the test harness, which hides what passing tests print.
                let message = "guide: this build has no PTX, so there is nothing to run\n";
                SAID.call_once(|| io::stderr().write_all(message.as_bytes()).unwrap());
                None
            }
        }
    }

    /// Launches a kernel and gives what it has written.
    fn run(
        &self,
        name: &str,
        grid: [u32; 2],
        block: [u32; 2],
        arguments: &[Argument],
    ) -> Vec<Vec<u32>> {
        let memory = self.device.memory();
        let mut values: Vec<Vec<u8>> = Vec::new();
        let mut buffers = Vec::new();
        let mut written = Vec::new();
        for argument in arguments {
            let (len, contents) = match argument {
                Argument::Read(slice) | Argument::Updated(slice) => (slice.len(), Some(*slice)),
                Argument::Written(len) => (*len, None),
                Argument::Number(number) => {
                    values.push(number.to_le_bytes().to_vec());
                    continue;
                }
            };
            let n_bytes = (4 * len).max(4) as u64;
            let start = memory
                .allocate(n_bytes, 256, AllocationKind::Device)
                .unwrap();
            if let Some(slice) = contents {
                memory.write(start, bytemuck::cast_slice(slice)).unwrap();
            }
            if !matches!(argument, Argument::Read(_)) {
                written.push((start, len));
            }
            values.push(start.to_le_bytes().to_vec());
            values.push((len as u64).to_le_bytes().to_vec());
            buffers.push(start);
        }
        let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let launch = Launch {
            grid: [grid[0], grid[1], 1],
            block: [block[0], block[1], 1],
            arguments: Arguments::Values(&values),
            ..Launch::default()
        };
        let kernel = self
            .program
            .kernel(name)
            .unwrap_or_else(|| panic!("the PTX has no kernel {name}: `cargo xtask ptx`"));
        self.device
            .launch(kernel, &launch)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let results = written
            .iter()
            .map(|&(start, len)| {
                let mut result = vec![0u32; len];
                memory
                    .read(start, bytemuck::cast_slice_mut(&mut result))
                    .unwrap();
                result
            })
            .collect();
        for start in buffers {
            memory.free(start).unwrap();
        }
        let reports = self.device.reports();
        assert!(reports.is_empty(), "{name}: {reports:#?}");
        results
    }
}

/// Numbers between -1 and 1, of which each seed has its own.
fn numbers(seed: u64, n: usize) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(seed);
    iter::repeat_with(|| 2.0 * random.f32() - 1.0)
        .take(n)
        .collect()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

fn product(
    simulator: &Simulator,
    (name, level): (&str, Level),
    [m, n, k]: [u32; 3],
    a: &[f32],
    b: &[f32],
) -> Vec<u32> {
    let mut written = simulator.run(
        name,
        level.grid(m, n),
        level.block,
        &[
            Argument::Read(&bits(a)),
            Argument::Read(&bits(b)),
            Argument::Written((m * n) as usize),
            Argument::Number(m),
            Argument::Number(n),
            Argument::Number(k),
        ],
    );
    written.remove(0)
}

#[test]
fn products_of_all_levels_are_the_same() {
    let Some(simulator) = Simulator::compiled() else {
        return;
    };
    let shapes = [
        [1, 1, 1],
        [3, 5, 0],
        [5, 7, 3],
        [64, 64, 16],
        [65, 63, 17],
        [31, 68, 33],
        [70, 132, 20],
    ];
    for shape in shapes {
        let [m, n, k] = shape.map(|side: u32| side as usize);
        let (a, b) = (numbers(1, m * k), numbers(2, k * n));
        let found: Vec<Vec<u32>> = MATMUL
            .iter()
            .map(|level| product(&simulator, *level, shape, &a, &b))
            .collect();
        for (level, other) in MATMUL.iter().zip(&found) {
            assert!(*other == found[0], "{} differs at {shape:?}", level.0);
        }
        for (place, found) in found[0].iter().enumerate() {
            let (i, j) = (place / n, place % n);
            let terms = (0..k).map(|d| f64::from(a[i * k + d]) * f64::from(b[d * n + j]));
            let expected: f64 = terms.clone().sum();
            // K roundings of 2^-24 each, of sums that are at most that of the absolute values.
            let limit = k as f64 * 2f64.powi(-24) * terms.map(f64::abs).sum::<f64>();
            let found = f64::from(f32::from_bits(*found));
            assert!(
                (found - expected).abs() <= limit,
                "{found} for {expected} at ({i}, {j}) of {shape:?}"
            );
        }
    }
}

/// The first launch of a sum: its blocks' sums.
fn sums(simulator: &Simulator, name: &str, x: &[u32], n_blocks: u32) -> Vec<u32> {
    let (grid, block) = match name {
        "sum_one_thread" => (1, 1),
        "sum_many" => (n_blocks, gpu::sum::N_THREADS),
        _ => (
            x.len().div_ceil(gpu::sum::N_THREADS as usize) as u32,
            gpu::sum::N_THREADS,
        ),
    };
    let arguments = [Argument::Read(x), Argument::Written(grid as usize)];
    simulator
        .run(name, [grid, 1], [block, 1], &arguments)
        .remove(0)
}

#[test]
fn sums_of_all_levels_are_right() {
    let Some(simulator) = Simulator::compiled() else {
        return;
    };
    for n in [1, 31, 255, 256, 257, 1000, 5000] {
        let x = numbers(3, n);
        let expected: f64 = x.iter().map(|x| f64::from(*x)).sum();
        // At most a rounding of 2^-24 for each number, of sums that are at most that of the absolute
        // values.
        let limit = n as f64 * 2f64.powi(-24) * x.iter().map(|x| f64::from(x.abs())).sum::<f64>();
        for name in SUMS {
            let mut parts = bits(&x);
            loop {
                let n_blocks = parts.len().div_ceil(4096) as u32;
                parts = sums(&simulator, name, &parts, n_blocks);
                if parts.len() == 1 {
                    break;
                }
            }
            let found = f64::from(f32::from_bits(parts[0]));
            assert!(
                (found - expected).abs() <= limit,
                "{name}: {found} for {expected} of {n}"
            );
        }
    }
}

#[test]
fn running_sums_of_all_levels_are_right() {
    let Some(simulator) = Simulator::compiled() else {
        return;
    };
    let mut random = fastrand::Rng::with_seed(4);
    for n in [1, 31, 33, 255, 256, 257, 3000] {
        let x: Vec<u32> = iter::repeat_with(|| random.u32(..)).take(n).collect();
        let expected: Vec<u32> = x
            .iter()
            .scan(0u32, |sum, x| {
                *sum = sum.wrapping_add(*x);
                Some(*sum)
            })
            .collect();
        assert!(scan_one_thread(&simulator, &x) == expected, "{n} numbers");
        if n <= TABLE_SCAN {
            assert!(scan_doubling(&simulator, &x) == expected, "{n} numbers");
        }
        let (mut y, sums) = scan_blocks(&simulator, &x);
        if sums.len() > 1 {
            let (sums, _) = scan_blocks(&simulator, &sums);
            y = scan_add(&simulator, &sums, &y);
        }
        assert!(y == expected, "{n} numbers");
    }
}

fn scan_one_thread(simulator: &Simulator, x: &[u32]) -> Vec<u32> {
    let arguments = [Argument::Read(x), Argument::Written(x.len())];
    simulator
        .run("scan_one_thread", [1, 1], [1, 1], &arguments)
        .remove(0)
}

fn scan_doubling(simulator: &Simulator, x: &[u32]) -> Vec<u32> {
    let arguments = [Argument::Read(x), Argument::Written(x.len())];
    simulator
        .run(
            "scan_doubling",
            [1, 1],
            [gpu::scan::N_THREADS, 1],
            &arguments,
        )
        .remove(0)
}

/// The running sums within blocks, and the blocks' sums.
fn scan_blocks(simulator: &Simulator, x: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let n_blocks = x.len().div_ceil(TABLE_SCAN);
    let arguments = [
        Argument::Read(x),
        Argument::Written(x.len()),
        Argument::Written(n_blocks),
    ];
    let mut written = simulator.run(
        "scan_blocks",
        [n_blocks as u32, 1],
        [gpu::scan::N_THREADS, 1],
        &arguments,
    );
    let sums = written.pop().unwrap();
    (written.pop().unwrap(), sums)
}

/// Adds to each block but the first the running sum of those before.
fn scan_add(simulator: &Simulator, sums: &[u32], y: &[u32]) -> Vec<u32> {
    let n_blocks = y.len().div_ceil(TABLE_SCAN) as u32;
    let arguments = [Argument::Read(sums), Argument::Updated(y)];
    let block = [gpu::scan::N_THREADS, 1];
    simulator
        .run("scan_add", [n_blocks, 1], block, &arguments)
        .remove(0)
}

/// What the tables' kernels count, in the shapes of the guide.
fn table_counters() -> BTreeMap<String, Counters> {
    let simulator = Simulator::new(KEPT_PTX, true);
    let side = TABLE_SIDE as usize;
    let (a, b) = (numbers(5, side * side), numbers(6, side * side));
    for level in MATMUL {
        product(&simulator, level, [TABLE_SIDE; 3], &a, &b);
    }
    let (n, n_blocks) = TABLE_SUM;
    let x = bits(&numbers(7, n));
    for name in SUMS {
        sums(&simulator, name, &x, n_blocks);
    }
    let x: Vec<u32> = (0..TABLE_SCAN as u32).collect();
    scan_one_thread(&simulator, &x);
    scan_doubling(&simulator, &x);
    scan_blocks(&simulator, &x);
    let kernels = simulator.device.profile().kernels;
    kernels
        .into_iter()
        .map(|kernel| (kernel.name, kernel.counters))
        .collect()
}

/// What stands in a table's column of this name.
fn figure(column: &str, counters: &Counters) -> Option<String> {
    let instructions = &counters.instructions;
    let memory = &counters.memory;
    let shared = memory.shared.total();
    let text = match column {
        "instructions" => thousands(instructions.warps),
        "lanes" => format!("{:.1}", instructions.average_lanes()),
        "arithmetic" => {
            let single = counters.class(InstructionClass::Single).warps;
            format!("{:.1} %", 100.0 * single as f64 / instructions.warps as f64)
        }
        "global loads" => thousands(memory.global.load.requests),
        "sectors loaded" => thousands(memory.global.load.sectors),
        "sectors per load" => format!("{:.2}", memory.global.load.sectors_per_request()),
        "sectors per store" => format!("{:.2}", memory.global.store.sectors_per_request()),
        "shared accesses" => thousands(shared.requests),
        "passes" => thousands(shared.wavefronts),
        "conflicts" => thousands(shared.conflicts()),
        "divergent branches" => thousands(counters.divergent_branches),
        "barriers" => thousands(counters.barriers),
        "FLOP per byte" => format!("{:.2}", counters.arithmetic_intensity()?),
        _ => return None,
    };
    Some(text)
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The chapters' names and texts.
fn chapters() -> Vec<(String, String)> {
    let folder = root().join("docs/guide/src");
    let mut chapters: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    chapters.sort();
    chapters
}

/// The cells of a table's row; `None` of another line.
fn cells(line: &str) -> Option<Vec<&str>> {
    let row = line.strip_prefix('|')?.strip_suffix('|')?;
    Some(row.split('|').map(str::trim).collect())
}

/// Every table in the guide whose first column is called `kernel`.
#[test]
fn the_guides_tables_are_what_the_simulator_counts() {
    let counters = table_counters();
    let mut shown = BTreeMap::new();
    let mut wrong = String::new();
    for (chapter, text) in chapters() {
        let mut header: Option<Vec<&str>> = None;
        for line in text.lines() {
            let Some(cells) = cells(line) else {
                header = None;
                continue;
            };
            let Some(header) = &header else {
                if cells[0] == "kernel" {
                    header = Some(cells);
                }
                continue;
            };
            if cells[0].starts_with("--") {
                continue;
            }
            let kernel = cells[0].trim_matches('`');
            let Some(counters) = counters.get(kernel) else {
                panic!("{chapter} has a table with {kernel}, which this test does not launch");
            };
            let expected: Vec<String> = iter::once(format!("`{kernel}`"))
                .chain(header[1..].iter().map(|column| {
                    figure(column, counters).unwrap_or_else(|| {
                        panic!("{chapter} has a table with {column:?}, which is no counter here")
                    })
                }))
                .collect();
            *shown.entry(kernel.to_owned()).or_insert(0) += 1;
            if expected != cells {
                wrong += &format!("{chapter}: | {} |\n", expected.join(" | "));
            }
        }
    }
    assert!(wrong.is_empty(), "these rows should be:\n{wrong}");
    let kernels: Vec<&String> = counters.keys().collect();
    let shown: Vec<&String> = shown.keys().collect();
    assert_eq!(shown, kernels, "the guide's tables lack kernels");
}

/// Every block in the guide that begins with a command of the program: what is shown is printed, in
/// this order. A line `...` stands for any number of lines, and times are what they are.
#[test]
fn the_program_prints_what_the_guide_shows() {
    let mut n_commands = 0;
    for (chapter, text) in chapters() {
        for block in text.split("```console\n").skip(1) {
            let block = block.split("```").next().unwrap().replace("\\\n", " ");
            let Some((command, shown)) = block
                .strip_prefix("$ cargo run --release -p cpu -- ")
                .and_then(|rest| rest.split_once('\n'))
            else {
                continue;
            };
            let mut program = Command::new(env!("CARGO_BIN_EXE_cpu"));
            program.args(command.split_whitespace()).current_dir(root());
            for (name, _) in std::env::vars_os() {
                if name.to_string_lossy().starts_with("CUDA_") {
                    program.env_remove(name);
                }
            }
            let output = program.output().unwrap();
            let printed = [output.stdout, output.stderr].concat();
            let printed = without_times(std::str::from_utf8(&printed).unwrap());
            let mut rest = printed.lines();
            for line in without_times(shown).lines().filter(|line| *line != "...") {
                assert!(
                    rest.any(|printed| printed == line),
                    "{chapter}: `{command}` does not print, behind what is shown before,\n{line}\nbut\n{printed}"
                );
            }
            n_commands += 1;
        }
    }
    assert!(n_commands > 0, "the guide shows no command");
}

/// Without the numbers before ` ms`.
fn without_times(text: &str) -> String {
    let mut parts = text.split(" ms").peekable();
    let mut result = String::new();
    while let Some(part) = parts.next() {
        if parts.peek().is_some() {
            result += part.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
            result += "_ ms";
        } else {
            result += part;
        }
    }
    result
}
