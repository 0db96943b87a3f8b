//! Programs in C, Python and Rust that know nothing of the simulator, run on the library: they look for
//! `libcuda.so.1` where `LD_LIBRARY_PATH` says, as users would have them do.
#![cfg(target_os = "linux")]

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

const KERNELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/kernels.ptx");

/// A folder with the library that cargo has built for this test, under NVIDIA's name.
fn library() -> tempfile::TempDir {
    let test = std::env::current_exe().expect("this test is a file");
    let built = test.with_file_name("libsim_driver.so");
    assert!(built.is_file(), "{} is not there", built.display());
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["libcuda.so.1", "libcuda.so"] {
        symlink(&built, folder.path().join(name)).expect("the folder is new");
    }
    folder
}

/// A file beside the test programs.
fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/programs")
        .join(name)
}

/// Runs a program on the library to its end; returns what it printed, and the simulator's log.
fn run(command: &mut Command, folder: &Path) -> (String, String) {
    let output = command
        .env("LD_LIBRARY_PATH", folder)
        .env("KERNELS", KERNELS)
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    let (printed, log) = (text(output.stdout), text(output.stderr));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{printed}\n{log}",
        output.status
    );
    (printed, log)
}

#[test]
fn a_c_program_runs_on_it() {
    let folder = library();
    let compiled = folder.path().join("driver");
    run(
        Command::new("cc")
            .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-o"])
            .arg(&compiled)
            .arg(program("driver.c"))
            .arg("-L")
            .arg(folder.path())
            .arg("-lcuda"),
        folder.path(),
    );
    let (printed, log) = run(&mut Command::new(&compiled), folder.path());
    for line in [
        "NVIDIA H100 80GB HBM3 (simulated), compute capability 9, CUDA 13",
        "sum: right",
        "product: right",
        "greetings 7 from block 0",
        "greetings 7 from block 1",
        "greet: right",
        "errors: right",
        "versions: right",
    ] {
        assert!(printed.lines().any(|printed| printed == line), "{printed}");
    }
    // The write out of bounds is in the log, with its kernel.
    assert!(
        log.contains("overrun") && log.contains("out of bounds"),
        "{log}"
    );
}

#[test]
fn the_library_is_found_by_its_name_alone() {
    let folder = library();
    let library = folder.path().join("libcuda.so.1");
    // SAFETY: The library's initializer leaves a note for its own functions.
    let library = unsafe { libloading::Library::new(library) }.expect("it is a library");
    for name in [
        "cuInit",
        "cuMemAlloc_v2",
        "cuMemcpyHtoD_v2_ptds",
        "cuLaunchKernelEx",
    ] {
        // SAFETY: The function is not called.
        let found = unsafe { library.get::<unsafe extern "C" fn()>(name) };
        assert!(found.is_ok(), "{name}");
    }
    // SAFETY: As above.
    assert!(unsafe { library.get::<unsafe extern "C" fn()>("cuNothing") }.is_err());
}

#[test]
fn a_python_program_runs_on_it() {
    let folder = library();
    let mut python = Command::new("python3");
    let (printed, log) = run(python.arg(program("driver.py")), folder.path());
    assert_eq!(
        printed,
        "sum: right\nproducts in threads: right\nerrors: right\n"
    );
    assert!(log.contains("cuMemFree_v2: cannot free 0x3039"), "{log}");
}

#[test]
fn options_come_from_the_environment() {
    let folder = library();
    let name = "import ctypes; cuda = ctypes.CDLL('libcuda.so.1'); code = cuda.cuInit(0)\n\
        name = ctypes.create_string_buffer(99); cuda.cuDeviceGetName(name, 99, 0)\n\
        print(code, name.value.decode())";
    let python = |device| {
        let mut python = Command::new("python3");
        python.args(["-c", name]).env("CUDA_SIM_DEVICE", device);
        run(&mut python, folder.path())
    };
    let (printed, log) = python("t4");
    assert_eq!(
        (printed.as_str(), log.as_str()),
        ("0 Tesla T4 (simulated)\n", "")
    );
    // No driver is what there is with options that make no sense, and the log says why.
    let (printed, log) = python("voodoo2");
    assert_eq!(printed, "100 \n");
    assert!(log.contains("CUDA_SIM_DEVICE=voodoo2"), "{log}");
}

/// The examples that the crate `cudarc` is published with, as they are: those that need no compiler of
/// CUDA C++.
#[test]
fn the_published_examples_of_cudarc_run_on_it() {
    let folder = library();
    let test = std::env::current_exe().expect("this test is a file");
    let examples = test.with_file_name("").join("../examples/cudarc");
    for (name, line) in [
        ("01-allocate", ""),
        ("02-copy", ""),
        ("03-launch-kernel", "Found [0.841471, 0.90929747, 0.14112]"),
        ("04-streams", "Found [0.841471, 0.90929747, 0.14112]"),
        ("10-function-attributes", "  Binary version:           9.0"),
        ("12-context-config", "Restored stack size to 65536 bytes"),
    ] {
        let mut example = Command::new(&examples);
        // Where they look for their PTX.
        example.arg(name).current_dir(env!("CUDARC"));
        let (printed, log) = run(&mut example, folder.path());
        let is_there = line.is_empty() || printed.lines().any(|printed| printed == line);
        assert!(is_there, "{name}: {printed}");
        assert_eq!(log, "", "{name}");
    }
}

/// A program of ours on `cudarc`, with PTX that NVRTC made.
#[test]
fn a_program_on_cudarc_runs_on_it() {
    let folder = library();
    let test = std::env::current_exe().expect("this test is a file");
    let examples = test.with_file_name("").join("../examples/cudarc");
    let (printed, log) = run(Command::new(examples).arg("ours"), folder.path());
    assert_eq!((printed.as_str(), log.as_str()), ("product: right\n", ""));
}
