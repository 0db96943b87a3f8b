//! PTX with damages: whatever the text, the parser returns, soon and with little memory; so does the
//! loader of what is still PTX, and a launch of each kernel that can be loaded.
//!
//! `PTX_SIM_MUTATIONS` sets the number of texts. Each failure names the seed of its text, and
//! `PTX_SIM_MUTATION_SEED=<seed> PTX_SIM_MUTATIONS=1` repeats it alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs};

use fastrand::Rng;
use peak_alloc::PeakAlloc;
use ptx_sim::ptx::{Instruction, Module, PtxError, Statement, parse};
use ptx_sim::{AllocationKind, Arguments, Checks, Device, Kernel, Launch, Options, Properties};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Some seconds in a build for debugging.
const DEFAULT_MUTATIONS: u64 = 10_000;

/// The bytes that a text may take for each of its own. Many `a:` in scopes are the worst: while the
/// list of statements grows, two bytes of text take up to 220.
const MEMORY_FACTOR: usize = 256;

/// The bytes that loading and running a text may take: 512 KiB of local memory for each of 128 threads
/// of 6 blocks, with a quarter as much again for its shadow, and what is small beside that.
const RUN_MEMORY: usize = 1 << 30;

/// The instructions that the warps of a launch may take.
const STEP_LIMIT: u64 = 20_000;

/// Far above the milliseconds that a text of this size takes, for a machine that does other things.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// What is put where it does not belong.
const WORDS: [&str; 40] = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "<",
    ">",
    ",",
    ";",
    ":",
    "|",
    "!",
    "-",
    "+",
    "=",
    "@",
    "_",
    "%",
    "\"",
    "/*",
    "*/",
    "//",
    ".",
    "::",
    "\0",
    "\u{fffd}",
    ".entry f",
    ".func",
    ".reg .b32 %r<9>;",
    ".global .u32",
    ".align",
    ".section",
    ".loc 1 2 3",
    "call",
    "generic(",
    "0f",
    "0d",
    "0x",
    "1e",
];

const NUMBERS: [&str; 16] = [
    "0",
    "1",
    "-1",
    "3",
    "0x7FFFFFFF",
    "4294967295",
    "4294967296",
    "0x7FFFFFFFFFFFFFFF",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999",
    "-9223372036854775808",
    "1e308",
    "0f7FC00000",
    "0d7FF8000000000000",
    "0b1",
];

#[test]
fn damaged_texts_are_parsed_or_refused() {
    let number = |name: &str| env::var(name).ok().map(|it| it.parse::<u64>().unwrap());
    let n_mutations = number("PTX_SIM_MUTATIONS").unwrap_or(DEFAULT_MUTATIONS);
    let first = number("PTX_SIM_MUTATION_SEED").unwrap_or(1);
    let corpus = corpus();
    let (mut n_accepted, mut slowest, mut largest) = (0, Duration::ZERO, 0.0_f64);
    let (mut n_launched, mut n_ended, mut largest_run) = (0, 0, 0);
    let start = Instant::now();
    for seed in first..first + n_mutations {
        let text = mutation(&corpus, &mut Rng::with_seed(seed));
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        let begin = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| use_text(&text)));
        let time = begin.elapsed();
        let memory = ALLOCATOR.peak_usage().saturating_sub(before);
        let Ok(accepted) = outcome else {
            panic!("the text of seed {seed} leads to a panic:\n{text}");
        };
        assert!(time < TIME_LIMIT, "the text of seed {seed} takes {time:?}");
        assert!(
            memory < 4096 + MEMORY_FACTOR * text.len(),
            "the {} bytes of seed {seed} take {memory} bytes",
            text.len()
        );
        n_accepted += u64::from(accepted);
        if accepted {
            ALLOCATOR.reset_peak_usage();
            let outcome = catch_unwind(AssertUnwindSafe(|| run_text(&text, seed)));
            let memory = ALLOCATOR.peak_usage().saturating_sub(before);
            let Ok((launched, ended)) = outcome else {
                panic!("running the text of seed {seed} leads to a panic:\n{text}");
            };
            assert!(
                memory < RUN_MEMORY,
                "to run seed {seed} takes {memory} bytes"
            );
            (n_launched, n_ended) = (n_launched + launched, n_ended + ended);
            largest_run = largest_run.max(memory);
        }
        let time = begin.elapsed();
        assert!(
            time < TIME_LIMIT,
            "the text of seed {seed} takes {time:?} to run"
        );
        slowest = slowest.max(time);
        largest = largest.max(memory as f64 / text.len().max(64) as f64);
    }
    println!(
        "{n_mutations} texts, {n_accepted} of them accepted, in {:?}; the slowest took {slowest:?}, \
         the most memory was {largest:.0} bytes for each of the text; {n_launched} kernels launched, \
         {n_ended} came to their end, the most memory was {largest_run} bytes",
        start.elapsed()
    );
    // Damages that all texts survive, or none, would find nothing.
    if n_mutations >= 100 {
        let share = n_accepted as f64 / n_mutations as f64;
        assert!(
            0.05 < share && share < 0.95,
            "{share} of the texts are accepted"
        );
        let share = n_ended as f64 / n_launched as f64;
        assert!(
            0.05 < share && share < 0.95,
            "{share} of the kernels come to their end"
        );
    }
}

/// All that is done with a text; whether it is PTX.
fn use_text(text: &str) -> bool {
    match parse(text) {
        Ok(module) => {
            check_module(text, &module);
            true
        }
        Err(error) => {
            check_error(text, &error);
            false
        }
    }
}

/// Loads a text and runs its kernels on a small device; how many there are, and how many end well.
fn run_text(text: &str, seed: u64) -> (u64, u64) {
    let device = Device::new(Options {
        properties: Properties {
            total_memory: 1 << 22,
            ..Properties::h100()
        },
        checks: Checks::ALL,
        seed,
        workers: 1,
        step_limit: STEP_LIMIT,
        stack_limit: 16 << 10,
        heap_limit: 64 << 10,
        profile: seed.is_multiple_of(2),
    });
    device.set_output(Box::new(std::io::sink()));
    let Ok(program) = device.load(text) else {
        return (0, 0);
    };
    let mut rng = Rng::with_seed(seed);
    let (mut launched, mut ended) = (0, 0);
    for kernel in program.kernels() {
        launched += 1;
        ended += u64::from(run_kernel(&device, kernel, &mut rng));
    }
    // Reports are written out, too, as a user would see them.
    for report in device.reports() {
        assert!(!report.to_string().is_empty());
    }
    device.unload(&program);
    (launched, ended)
}

/// Launches a kernel with buffers and small numbers as its arguments; whether it came to its end.
fn run_kernel(device: &Device, kernel: &Kernel, rng: &mut Rng) -> bool {
    let mut arguments = vec![0_u8; kernel.parameter_bytes()];
    let mut buffers = Vec::new();
    for parameter in kernel.parameters() {
        let bytes = &mut arguments[parameter.offset..][..parameter.size];
        if parameter.size == 8 && rng.u32(..8) > 0 {
            // Products of matrices read some 50 KiB.
            let size = 1 << rng.u32(4..18);
            let Ok(address) = device.memory().allocate(size, 256, AllocationKind::Device) else {
                return false;
            };
            buffers.push(address);
            device.memory().fill(address, &[rng.u8(..4)], size).unwrap();
            bytes.copy_from_slice(&address.to_le_bytes());
        } else if let Some(first) = bytes.first_mut() {
            *first = rng.u8(..100);
        }
    }
    let shapes = [[1, 1, 1], [32, 1, 1], [33, 1, 1], [16, 4, 2], [128, 1, 1]];
    let launch = Launch {
        grid: [rng.u32(1..4), rng.u32(1..3), 1],
        block: kernel
            .required_block()
            .unwrap_or(shapes[rng.usize(..shapes.len())]),
        dynamic_shared: rng.u32(..3) * 512,
        cooperative: rng.bool(),
        arguments: Arguments::Packed(&arguments),
        ..Launch::default()
    };
    let outcome = device.launch(kernel, &launch);
    for buffer in buffers {
        // A kernel cannot free what the host has allocated.
        device.memory().free(buffer).unwrap();
    }
    match outcome {
        Ok(_) => true,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    }
}

/// Each instruction stands where the tree says.
fn check_module(text: &str, module: &Module) {
    let lines: Vec<&str> = text.split('\n').collect();
    for function in &module.functions {
        check_statements(&lines, function.body.as_deref().unwrap_or_default());
    }
}

fn check_statements(lines: &[&str], statements: &[Statement]) {
    for statement in statements {
        match statement {
            Statement::Instruction(Instruction {
                position, opcode, ..
            }) => {
                let line = lines[position.line as usize - 1];
                let mut characters = line.char_indices().skip(position.column as usize - 1);
                let (start, _) = characters.next().expect("a column of the line");
                assert!(
                    line[start..].starts_with(opcode),
                    "{opcode} is not at {position:?}"
                );
            }
            Statement::Scope(inner) => check_statements(lines, inner),
            _ => {}
        }
    }
}

/// An error's place lies in the text, or just behind it.
fn check_error(text: &str, error: &PtxError) {
    let position = error.position;
    let line = text.split('\n').nth(position.line as usize - 1);
    let n_columns = line.expect("a line of the text").chars().count();
    assert!(
        (1..=n_columns + 1).contains(&(position.column as usize)),
        "{error}, but the line has {n_columns} columns"
    );
}

/// The texts that are damaged: those of nvcc and by hand, and the first kernels of rustc's.
fn corpus() -> Vec<String> {
    let sim = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<_> = fs::read_dir(sim.join("tests/ptx"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "ptx"))
        .collect();
    // The order of a folder is none, and a seed stands for one text.
    paths.sort();
    let mut texts: Vec<_> = (paths.iter())
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let kernels = fs::read_to_string(sim.join("../../gpu/ptx/gpu.sm_80.ptx")).unwrap();
    let end = kernels.match_indices("\n}\n").nth(2).unwrap().0 + 3;
    texts.push(kernels[..end].to_owned());
    for text in &texts {
        parse(text).unwrap();
    }
    texts
}

/// One of the texts with one to eight damages.
fn mutation(corpus: &[String], rng: &mut Rng) -> String {
    let mut bytes = rng.choice(corpus).unwrap().clone().into_bytes();
    // Most texts are long, and their end is only reached with few damages.
    for _ in 0..1 << rng.u32(0..4) {
        damage(&mut bytes, corpus, rng);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn damage(bytes: &mut Vec<u8>, corpus: &[String], rng: &mut Rng) {
    if bytes.is_empty() {
        return;
    }
    let at = rng.usize(..bytes.len());
    let (start, end) = word_around(bytes, at);
    match rng.u32(..16) {
        0 => bytes[at] ^= 1 << rng.u32(..8),
        1 => bytes[at] = rng.u8(..),
        2 => bytes[at] = rng.u8(b' '..=b'~'),
        3 | 4 => drop(bytes.drain(start..end)),
        5 => {
            let word = bytes[start..end].to_vec();
            drop(bytes.splice(end..end, word));
        }
        6 => {
            let n_copies = rng.usize(1..2000);
            let word = [&bytes[start..end], b" "].concat().repeat(n_copies);
            drop(bytes.splice(end..end, word));
        }
        7 | 8 => {
            let (from, to) = word_around(bytes, rng.usize(..bytes.len()));
            let word = bytes[from..to].to_vec();
            drop(bytes.splice(start..end, word));
        }
        9 | 10 => {
            let word = WORDS[rng.usize(..WORDS.len())];
            drop(bytes.splice(start..start, word.bytes()));
        }
        11 | 12 => {
            // The next number of the text becomes another.
            let digit = bytes[at..].iter().position(u8::is_ascii_digit);
            let (start, end) = word_around(bytes, at + digit.unwrap_or(0));
            let number = NUMBERS[rng.usize(..NUMBERS.len())];
            drop(bytes.splice(start..end, number.bytes()));
        }
        13 if rng.u32(..4) == 0 => bytes.truncate(at),
        13 | 14 => {
            // A line of any text, at the beginning of a line.
            let other = rng.choice(corpus).unwrap();
            let n_lines = other.lines().count();
            let line = other.lines().nth(rng.usize(..n_lines)).unwrap();
            let start = bytes[..at].iter().rposition(|&byte| byte == b'\n');
            let start = start.map_or(0, |newline| newline + 1);
            drop(bytes.splice(start..start, format!("{line}\n").bytes()));
        }
        _ => {
            // The rest of another text.
            let other = rng.choice(corpus).unwrap().as_bytes();
            bytes.truncate(at);
            bytes.extend(&other[rng.usize(..other.len())..]);
        }
    }
}

/// The letters and digits around a byte, or that byte.
fn word_around(bytes: &[u8], at: usize) -> (usize, usize) {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_$%.".contains(byte);
    let start = bytes[..at].iter().rposition(|byte| !is_word(byte));
    let length = bytes[at..].iter().position(|byte| !is_word(byte));
    let start = start.map_or(0, |before| before + 1);
    let end = length.map_or(bytes.len(), |length| at + length);
    (start.min(at), end.max(at + 1))
}
