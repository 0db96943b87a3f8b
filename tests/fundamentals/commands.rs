//! Each subcommand: at a small size on the CPU and on the device, its options, and `list`.

use std::process::{Command, Output};

use crate::on_gpu::DEVICES_VARIABLE;

/// Options for small sizes, for each subcommand.
const SMALL: &[(&str, &[&str])] = &[
    ("sums", &["--n", "5000"]),
    ("softmax", &["--rows", "7", "--columns", "33"]),
    ("random", &["--n", "5000"]),
    ("statistics", &["--n", "5000"]),
    ("pi", &["--points", "20000"]),
    ("cosine", &["--vectors", "20", "--dimensions", "33"]),
    ("matrix-vector", &["--rows", "30", "--columns", "70"]),
    (
        "matrix-product",
        &["--rows", "33", "--inner", "20", "--columns", "70"],
    ),
    ("lu", &["--n", "20"]),
    ("least-squares", &["--rows", "40", "--unknowns", "7"]),
    ("eigen", &["--n", "9"]),
    ("svd", &["--rows", "12", "--dimensions", "7"]),
    ("conjugate-gradient", &["--side", "7"]),
    ("differences", &[]),
    ("dual", &["--n", "3000"]),
    ("tape", &["--steps", "100"]),
    ("integration", &["--n", "5000"]),
    ("ode", &["--steps", "100", "--trajectories", "40"]),
    ("newton", &[]),
    ("rosenbrock", &[]),
    (
        "linear-regression",
        &["--samples", "300", "--features", "5"],
    ),
    ("ridge", &["--samples", "300", "--features", "5"]),
    (
        "logistic-regression",
        &["--samples", "300", "--features", "5"],
    ),
    (
        "k-means",
        &["--points", "300", "--dimensions", "3", "--clusters", "9"],
    ),
    (
        "nearest-neighbours",
        &["--points", "300", "--queries", "20", "--dimensions", "5"],
    ),
    ("pca", &["--points", "300", "--dimensions", "5"]),
    (
        "hnsw",
        &["--vectors", "200", "--dimensions", "5", "--queries", "20"],
    ),
    ("fft", &["--n", "64", "--signals", "20"]),
    ("text", &["--texts", "200", "--epochs", "2"]),
    ("machine", &[]),
    ("reduction", &["--n", "5000"]),
    ("roofline", &["--only", "newton,pi"]),
];

/// Names the program where it is not the one that cargo has built beside these tests.
const PROGRAM_VARIABLE: &str = "CPU_PROGRAM";

/// What the program ends with: its code, and what it prints.
pub fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let program = std::env::var_os(PROGRAM_VARIABLE);
    let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_cpu").into());
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(program).args(arguments).output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(!stderr.contains("panicked"), "{stderr}");
    (status.code(), stdout, stderr)
}

#[test]
fn every_one_runs_on_the_cpu_and_on_a_device() {
    let device = match std::env::var(DEVICES_VARIABLE).as_deref() {
        Ok("cuda") => "cuda",
        _ => "sim",
    };
    for (name, options) in SMALL {
        for device in ["cpu", device] {
            let arguments = [&[*name, "--device", device, "--patience", "0"], *options].concat();
            let (code, stdout, stderr) = run(&arguments);
            assert_eq!(code, Some(0), "{name} on {device}: {stdout}{stderr}");
            assert!(!stdout.is_empty(), "{name} on {device}");
        }
    }
}

#[test]
fn the_list_has_every_one() {
    let (code, stdout, _) = run(&["list"]);
    assert_eq!(code, Some(0));
    let listed: Vec<&str> = stdout
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next())
        .collect();
    let tested: Vec<&str> = SMALL.iter().map(|(name, _)| *name).collect();
    assert_eq!(listed, tested, "the table of small sizes is the list");
}

#[test]
fn the_same_seed_gives_the_same_numbers() {
    let line = |seed| run(&["sums", "--n", "100", "--device", "cpu", "--seed", seed]).1;
    let first = |text: String| text.lines().next().unwrap().to_owned();
    assert_eq!(first(line("3")), first(line("3")));
    assert_ne!(first(line("3")), first(line("4")));
}

#[test]
fn what_is_wrong_is_refused() {
    for (arguments, complaint) in [
        (&["sums", "--n", "many"][..], "--n"),
        (
            &["sums", "--csv", "/nowhere.csv"][..],
            "/nowhere.csv: it cannot be read",
        ),
        (&["sums", "--columns", "x"][..], "--csv"),
        (&["sums", "--patience", "long"][..], "--patience"),
        (&["sums", "--profile"][..], "--device sim"),
    ] {
        let (code, _, stderr) = run(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(complaint), "{arguments:?}: {stderr}");
    }
}
