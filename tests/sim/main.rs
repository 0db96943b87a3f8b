//! The subcommand `sim` and the flag `--profile` as their user meets them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What a run of the program came to.
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cpu"));
    command.args(arguments);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CUDA_") || name == "PTXAS" {
            command.env_remove(name);
        }
    }
    command
}

fn run(mut command: Command) -> Run {
    let output = command.output().unwrap();
    let run = Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    run
}

impl Run {
    #[track_caller]
    fn succeeds(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stderr, "");
        self.stdout
    }

    /// Ends with this code and a sentence that has all of `parts`.
    #[track_caller]
    fn fails(self, code: i32, parts: &[&str]) -> String {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        assert!(self.stderr.starts_with("error: "), "{}", self.stderr);
        // Long lines of help are wrapped.
        let words: Vec<_> = self.stderr.split_whitespace().collect();
        let text = words.join(" ");
        for part in parts {
            assert!(text.contains(part), "no {part:?} in: {text}");
        }
        self.stdout
    }
}

fn file(name: &str) -> String {
    format!("{}/../tests/sim/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// `sim` with a file beside this test.
fn sim(name: &str, arguments: &[&str]) -> Run {
    let file = file(name);
    let mut all = vec!["sim", &file];
    all.extend(arguments);
    run(program(&all))
}

#[test]
fn a_kernel_runs_and_prints_its_results() {
    let text = sim(
        "axpy.ptx",
        &[
            "--grid",
            "4",
            "--block",
            "32",
            "--arg",
            "f32:-0.5",
            "--arg",
            "f32[100]:iota",
            "--arg",
            "f32[100]:ones",
            "--arg",
            "u32:99",
            "--print",
            "2:9",
            "--print",
            "1:2",
        ],
    )
    .succeeds();
    assert!(
        text.contains("axpy on NVIDIA H100 80GB HBM3: 4 x 1 x 1 blocks"),
        "{text}"
    );
    assert!(text.contains("argument 2, f32[100]\n       0:  1.0  0.5  0.0 -0.5 -1.0 -1.5 -2.0 -2.5\n       8: -3.0\n"), "{text}");
    assert!(
        text.contains("argument 1, f32[100]\n       0: 0.0 1.0\n"),
        "{text}"
    );
}

#[test]
fn arrays_come_from_files_and_go_to_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let bytes: Vec<u8> = (0..64)
        .flat_map(|index| (index as f32).to_le_bytes())
        .collect();
    fs::write(path("in.bin"), &bytes).unwrap();
    let source = format!("f32[64]:@{}", path("in.bin"));
    let out = format!("1={}", path("out.bin"));
    let arguments = [
        "--kernel",
        "reverse",
        "--block",
        "64",
        "--arg",
        &source,
        "--arg",
        "f32[64]:none",
        "--out",
        &out,
    ];
    sim("reverse.ptx", &arguments).succeeds();
    let result = fs::read(path("out.bin")).unwrap();
    let expected: Vec<u8> = bytes.chunks(4).rev().flatten().copied().collect();
    assert_eq!(result, expected);

    fs::write(path("in.bin"), &bytes[1..]).unwrap();
    sim("reverse.ptx", &arguments).fails(2, &["in.bin has 255 bytes", "take 256"]);
    fs::remove_file(path("in.bin")).unwrap();
    sim("reverse.ptx", &arguments).fails(2, &["in.bin cannot be read"]);
    fs::write(path("in.bin"), &bytes).unwrap();
    let nowhere = format!("1={}", path("no/out.bin"));
    let arguments = arguments.map(|argument| {
        if argument == out {
            nowhere.as_str()
        } else {
            argument
        }
    });
    sim("reverse.ptx", &arguments).fails(2, &["no/out.bin: there is no folder"]);
}

#[test]
fn findings_are_printed_and_fail_the_command() {
    let arguments = [
        "--block",
        "64",
        "--arg",
        "f32[64]:random",
        "--arg",
        "f32[64]:none",
    ];
    let with = |kernel: &'static str| [&["--kernel", kernel][..], &arguments].concat();
    sim("reverse.ptx", &with("reverse")).succeeds();
    let text = sim("reverse.ptx", &with("reverse_hastily")).fails(1, &["the simulator found"]);
    for part in [
        "race in shared memory in kernel reverse_hastily",
        "variable `tile`",
        "ld.shared.f32 %f2, [%r7+-4];",
        "st.shared.f32 [%r5], %f1;",
    ] {
        assert!(text.contains(part), "no {part:?} in: {text}");
    }
    // What is not looked for is not found.
    let blind = [
        &with("reverse_hastily")[..],
        &["--checks", "all,-shared_races,-initialization"],
    ]
    .concat();
    sim("reverse.ptx", &blind).succeeds();
    // A fault ends the launch.
    let text = sim(
        "axpy.ptx",
        &[
            "--block",
            "32",
            "--arg",
            "f32:2",
            "--arg",
            "f32[16]:zeros",
            "--arg",
            "f32[32]:zeros",
            "--arg",
            "u32:32",
            "--print",
            "2",
        ],
    )
    .fails(1, &["the simulator found an error"]);
    assert!(
        text.contains("access out of bounds in kernel axpy, thread (16, 0, 0)"),
        "{text}"
    );
    assert!(!text.contains("argument 2"), "{text}");
}

#[test]
fn the_same_seed_draws_the_same_values() {
    let first = |seed: &str| {
        sim(
            "reverse.ptx",
            &[
                "--kernel",
                "reverse",
                "--block",
                "8",
                "--arg",
                "f32[8]:random",
                "--arg",
                "f32[8]:none",
                "--print",
                "0",
                "--seed",
                seed,
            ],
        )
        .succeeds()
        .lines()
        .last()
        .unwrap()
        .to_owned()
    };
    assert_eq!(first("7"), first("7"));
    assert_ne!(first("7"), first("8"));
}

#[test]
fn kernels_are_listed() {
    let text = sim("reverse.ptx", &["--list"]).succeeds();
    assert_eq!(
        text,
        "reverse(.u64 source, .u64 target)\nreverse_hastily(.u64 source, .u64 target)\n"
    );
}

#[test]
fn what_does_not_fit_is_said() {
    let both = ["--arg", "f32[8]:zeros", "--arg", "f32[8]:zeros"];
    let fails = |name: &str, arguments: &[&str], parts: &[&str]| {
        sim(name, arguments).fails(2, parts);
    };
    fails(
        "reverse.ptx",
        &both,
        &["several kernels", "reverse, reverse_hastily"],
    );
    fails(
        "reverse.ptx",
        &[&both[..], &["--kernel", "scan"]].concat(),
        &["no kernel scan", "reverse, reverse_hastily"],
    );
    fails(
        "reverse.ptx",
        &["--kernel", "hastily", "--arg", "f32[8]:zeros"],
        &["reverse_hastily(.u64 source, .u64 target) takes 2 arguments, 1 are given"],
    );
    let axpy = |argument: &'static str| {
        [
            "--arg",
            "f32:1",
            "--arg",
            "f32[8]:zeros",
            "--arg",
            "f32[8]:zeros",
            "--arg",
            argument,
        ]
    };
    fails(
        "axpy.ptx",
        &axpy("u64:8"),
        &["argument 3, u64:8, has 8 bytes, but 4 are in the parameter `.u32 n` of kernel axpy"],
    );
    fails("axpy.ptx", &axpy("f32:8"), &["argument 3", "`.u32 n`"]);
    fails(
        "axpy.ptx",
        &axpy("f32[8]:ones"),
        &["argument 3", "is an array, whose address has 8 bytes"],
    );
    fails(
        "axpy.ptx",
        &axpy("u32:-8"),
        &["--arg", "`-8` is no value of type u32"],
    );
    fails("axpy.ptx", &axpy("word:8"), &["there is no type `word`"]);
    fails("axpy.ptx", &axpy("u32"), &["u32:7"]);
    fails("axpy.ptx", &axpy("f32[0]:ones"), &["from 1"]);
    fails("axpy.ptx", &axpy("f32[8]:some"), &["`some`", "random"]);
    let printed = [&axpy("u32:8")[..], &["--print", "3"]].concat();
    fails("axpy.ptx", &printed, &["--print 3", "is no array"]);
    let printed = [&axpy("u32:8")[..], &["--print", "4"]].concat();
    fails(
        "axpy.ptx",
        &printed,
        &["--print 4", "there is no argument 4"],
    );
    let large = [&axpy("u32:8")[..], &["--block", "2048"]].concat();
    fails("axpy.ptx", &large, &["the block [2048, 1, 1]", "1024"]);
    fails(
        "axpy.ptx",
        &["--block", "0"],
        &["--block", "whole numbers from 1"],
    );
    fails("axpy.ptx", &["--grid", "1,2,3,4"], &["--grid", "three"]);
    fails("axpy.ptx", &["--sim-device", "voodoo2"], &["h100"]);
    fails("axpy.ptx", &["--checks", "bound"], &["bounds"]);
    fails("axpy.ptx", &["--profile=xml"], &["table, lines or json"]);
    fails("absent.ptx", &[], &["absent.ptx cannot be read"]);
    fails("main.rs", &[], &["main.rs: "]);
}

/// Files that nobody could read to their end, or write to, are refused before anything runs.
#[cfg(target_os = "linux")]
#[test]
fn files_are_looked_at_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let made = Command::new("mkfifo").arg(path("pipe")).status();
    assert!(made.unwrap().success());
    fs::write(path("short"), [0; 31]).unwrap();
    fs::write(path("long"), [0; 33]).unwrap();

    for file in ["/dev/zero", &path("pipe"), &path(".")] {
        run(program(&["sim", file])).fails(2, &[file, "cannot be read"]);
    }
    let reverse = |argument: &str, arguments: &[&str]| {
        let kernel = ["--kernel", "reverse", "--block", "8", "--arg", argument];
        let other = ["--arg", "f32[8]:none"];
        sim("reverse.ptx", &[&kernel[..], &other, arguments].concat())
    };
    for (file, expected) in [
        ("/dev/zero", "it has more than 32 bytes"),
        (&path("pipe"), "this is a named pipe"),
        (&path("."), "this is a folder"),
        (&path("long"), "it has more than 32 bytes"),
        (&path("short"), "has 31 bytes"),
    ] {
        let text = reverse(&format!("f32[8]:@{file}"), &[]);
        text.fails(2, &[file, expected, "8 elements of type f32 take 32"]);
    }
    for (file, expected) in [
        (path("none/out"), "there is no folder"),
        (path("."), "this is a folder"),
    ] {
        let out = format!("1={file}");
        let text = reverse("f32[8]:iota", &["--out", &out]).fails(2, &["--out", &file, expected]);
        assert_eq!(text, "", "nothing has run");
    }
}

/// 100 of 128 threads copy: their counts are known.
const COUNTED: [&str; 12] = [
    "--grid",
    "2",
    "--block",
    "64",
    "--arg",
    "f32:2",
    "--arg",
    "f32[100]:zeros",
    "--arg",
    "f32[100]:zeros",
    "--arg",
    "u32:100",
];

#[test]
fn counters_are_printed_as_a_table_and_beside_the_lines() {
    let table = sim("axpy.ptx", &[&COUNTED[..], &["--profile"]].concat()).succeeds();
    let words: Vec<_> = table.split_whitespace().collect();
    let table = words.join(" ");
    for part in [
        "kernel axpy: 1 launch, 2 blocks, 128 threads",
        "FLOP, single 200",
        // Of the four warps, the last loads a part of a sector and branches to the end in part.
        "branches 4, of which 1 divergent",
        "loads 8 26 3.25 3.25 800 832",
        "stores 4 13 3.25 3.25 400 416",
    ] {
        assert!(table.contains(part), "no {part:?} in: {table}");
    }
    let lines = sim("axpy.ptx", &[&COUNTED[..], &["--profile=lines"]].concat()).succeeds();
    let line = lines
        .lines()
        .find(|line| line.contains("fma.rn.f32"))
        .unwrap();
    let words: Vec<_> = line.split_whitespace().collect();
    assert_eq!(
        &words[..6],
        ["5.6", "%", "4", "25.0", "200", "27"],
        "{line}"
    );
}

/// What a launch has counted that a fault has ended.
#[test]
fn counters_of_a_launch_that_fails() {
    let arguments = [
        "--block",
        "64",
        "--arg",
        "f32:2",
        "--arg",
        "f32[32]:zeros",
        "--arg",
        "f32[64]:zeros",
        "--arg",
        "u32:64",
        "--profile",
    ];
    let text = sim("axpy.ptx", &arguments).fails(1, &["the simulator found an error"]);
    assert!(text.contains("kernel axpy: 1 launch"), "{text}");
}

/// The counters of a program of nvcc's.
fn nvcc(name: &str, kernel: &str, arguments: &[&str]) -> (Value, String) {
    let name = format!("../producers/nvcc/{name}.ptx");
    let with = |flag| [&["--kernel", kernel, flag][..], arguments].concat();
    let lines = sim(&name, &with("--profile=lines")).succeeds();
    let json = sim(&name, &with("--profile=json")).succeeds();
    let json: Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    (json["kernels"][0]["counters"].clone(), lines)
}

/// The programs say of themselves that they are free of conflicts, and how much they multiply.
#[test]
fn what_nvcc_compiled_counts_as_its_source_says() {
    for kernel in ["padded", "swizzled"] {
        let (counters, lines) = nvcc(
            "transpose",
            kernel,
            &[
                "--grid",
                "4,3",
                "--block",
                "32,8",
                "--arg",
                "f32[12288]:random",
                "--arg",
                "f32[12288]:none",
                "--arg",
                "u32:96",
                "--arg",
                "u32:128",
            ],
        );
        for access in ["load", "store"] {
            // 96 rows of 4 warps, 128 bytes each.
            assert_eq!(counters["global"][access]["requests"], 384);
            assert_eq!(counters["global"][access]["sectors"], 4 * 384);
            assert_eq!(counters["shared"][access]["wavefronts"], 384);
        }
        assert_eq!(counters["divergent_branches"], 0);
        // The source lies beside the PTX; the line has 4 sectors a request.
        let line = lines
            .lines()
            .find(|line| line.contains("= cell(threadIdx.x, y);"))
            .unwrap();
        assert!(line.split_whitespace().any(|word| word == "4.00"), "{line}");
    }
    let (counters, _) = nvcc(
        "tiled_product",
        "product",
        &[
            "--grid",
            "2,3",
            "--block",
            "16,4",
            "--arg",
            "f32[1920]:random",
            "--arg",
            "f32[1280]:random",
            "--arg",
            "f32[1536]:none",
            "--arg",
            "u32:48",
            "--arg",
            "u32:32",
            "--arg",
            "u32:40",
        ],
    );
    // The depth of 40 is filled up to three tiles of 16.
    assert_eq!(counters["operations"]["single"], 2 * 48 * 32 * 48);
    let (counters, _) = nvcc(
        "mma_product",
        "product",
        &[
            "--block",
            "32",
            "--arg",
            "f16[1024]:random",
            "--arg",
            "f16[512]:random",
            "--arg",
            "f32[128]:none",
            "--arg",
            "u32:64",
        ],
    );
    assert_eq!(counters["operations"]["matrix"], 2 * 16 * 8 * 64);
}

#[test]
fn clusters_and_cooperative_launches() {
    let with = |flags: &[&'static str]| [&COUNTED[..], flags].concat();
    sim("axpy.ptx", &with(&["--cluster", "2", "--cooperative"])).succeeds();
    sim("axpy.ptx", &with(&["--cluster", "3"])).fails(2, &["cluster", "axpy"]);
}

#[test]
fn counters_are_written_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counters.json");
    let profile = format!("--profile=json:{}", path.display());
    sim("axpy.ptx", &[&COUNTED[..], &[&profile]].concat()).succeeds();
    let json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let counters = &json["kernels"][0]["counters"];
    assert_eq!(counters["operations"]["single"], 200);
    assert_eq!(counters["global"]["load"]["sectors"], 26);

    let nowhere = format!(
        "--profile=json:{}",
        folder.path().join("no/counters.json").display()
    );
    sim("axpy.ptx", &[&COUNTED[..], &[&nowhere]].concat()).fails(1, &["cannot be written to"]);
}

/// Trains on a few drawn digits.
fn train(command: &[&str], arguments: &[&str]) -> Command {
    let fixed = [
        "--dataset",
        "digits",
        "--train-limit",
        "64",
        "--hidden",
        "8",
        "--epochs",
        "1",
    ];
    program(&[command, &fixed, arguments].concat())
}

#[test]
fn training_counts_on_the_simulator() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counters.json");
    let profile = format!("--profile=json:{}", path.display());
    let limit = ["--device", "sim", "--test-limit", "32", &profile];
    run(train(&["mnist"], &limit)).succeeds();
    let json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let kernels = json["kernels"].as_array().unwrap();
    let named = |name: &str| kernels.iter().find(|kernel| kernel["name"] == name);
    let sgd = named("sgd").unwrap_or_else(|| panic!("{json}"));
    assert!(sgd["counters"]["operations"]["single"].as_u64().unwrap() > 0);
    let lines = sgd["lines"].as_array().unwrap();
    let here = lines
        .iter()
        .any(|line| line["file"] == "gpu/src/optimizer.rs");
    assert!(here, "{sgd}");
}

#[test]
fn counters_need_the_simulator() {
    for command in [&["mnist"][..], &["bench", "mnist"]] {
        for device in ["auto", "cpu", "cuda"] {
            run(train(command, &["--device", device, "--profile"])).fails(
                2,
                &["--profile", "--device sim", &format!("--device {device}")],
            );
        }
    }
}

/// A program that knows nothing of counters: here this one, told by the environment.
#[test]
fn the_environment_asks_for_counters() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("counters.json");
    let train = |value: &str| {
        let mut command = train(&["mnist"], &["--device", "cuda", "--test-limit", "32"]);
        command
            .env("CUDA_DRIVER", "sim")
            .env("CUDA_SIM_PROFILE", value);
        run(command)
    };
    let Run { code, stderr, .. } = train("table");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.starts_with("counters of NVIDIA H100"), "{stderr}");
    assert!(stderr.contains("kernel sgd: "), "{stderr}");
    train(&format!("json:{}", path.display())).succeeds();
    assert!(Path::new(&path).exists());
}
