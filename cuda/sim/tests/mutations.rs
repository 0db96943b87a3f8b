//! PTX with damages: whatever the text, the parser returns, soon and with little memory.
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

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// About two seconds in a build for debugging.
const DEFAULT_MUTATIONS: u64 = 20_000;

/// The bytes that a text may take for each of its own. Many `a:` in scopes are the worst: while the
/// list of statements grows, two bytes of text take up to 220.
const MEMORY_FACTOR: usize = 256;

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
        slowest = slowest.max(time);
        largest = largest.max(memory as f64 / text.len().max(64) as f64);
    }
    println!(
        "{n_mutations} texts, {n_accepted} of them accepted, in {:?}; the slowest took {slowest:?}, \
         the most memory was {largest:.0} bytes for each of the text",
        start.elapsed()
    );
    // Damages that all texts survive, or none, would find nothing.
    if n_mutations >= 100 {
        let share = n_accepted as f64 / n_mutations as f64;
        assert!(
            0.05 < share && share < 0.95,
            "{share} of the texts are accepted"
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
