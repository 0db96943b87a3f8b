//! What each option changes in the PTX, and in what the kernel then computes.
//!
//! The kernels use no crate but `core`, so that a build takes seconds once `core` is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cuda_builder::{Arch, CudaBuilder, DebugInfo, NvvmArch, Toolchain};
use ptx_sim::{AllocationKind, Arguments, Device, Launch, LaunchError, Options};

const MANIFEST: &str = r#"
[workspace]

[package]
name = "kernels"
version = "0.1.0"
edition = "2021"

[lib]
crate-type = ["cdylib", "rlib"]

[features]
extra = []
"#;

const KERNELS: &str = r#"
#![feature(abi_ptx, asm_experimental_arch, core_intrinsics)]
#![allow(internal_features)]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    unsafe { core::arch::asm!("trap;", options(noreturn)) }
}

/// A product and a sum, a quotient, a root, a sum of small numbers.
#[no_mangle]
pub unsafe extern "ptx-kernel" fn arithmetic(x: *const f32, y: *mut f32) {
    *y = *x * *x.add(1) + *x.add(2);
    *y.add(1) = *x / *x.add(1);
    *y.add(2) = core::intrinsics::sqrtf32(*x.add(1));
    *y.add(3) = *x.add(3) + *x.add(4);
}

#[no_mangle]
pub unsafe extern "ptx-kernel" fn increment(x: *const f32, y: *mut f32) {
    let n = (*x).to_bits();
    *y = f32::from_bits(n + 1);
}

#[no_mangle]
pub unsafe extern "ptx-kernel" fn configuration(_: *const f32, y: *mut f32) {
    *y = if cfg!(target_feature = "compute_61") { 1.0 } else { 0.0 };
    *y.add(1) = if cfg!(target_feature = "compute_70") { 1.0 } else { 0.0 };
    *y.add(2) = if cfg!(optix) { 1.0 } else { 0.0 };
    *y.add(3) = if cfg!(debug_assertions) { 1.0 } else { 0.0 };
}

#[cfg(feature = "extra")]
#[no_mangle]
pub unsafe extern "ptx-kernel" fn extra(_: *const f32, _: *mut f32) {}
"#;

/// The crate of kernels, written once.
static CRATE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("options/kernels");
    fs::create_dir_all(folder.join("src")).expect("a folder");
    for (path, text) in [("Cargo.toml", MANIFEST), ("src/lib.rs", KERNELS)] {
        let path = folder.join(path);
        // Cargo goes by a file's time.
        if fs::read_to_string(&path).is_ok_and(|present| present == text) {
            continue;
        }
        fs::write(path, text).expect("a file");
    }
    folder
});

/// The PTX of the kernels; nothing on a machine without a compiler for them.
fn build(choose: impl Fn(CudaBuilder) -> CudaBuilder) -> Option<String> {
    let toolchain = match Toolchain::find().expect("CUDA_BUILDER_RUSTC serves, if it is set") {
        Ok(toolchain) => toolchain,
        Err(reason) => {
            println!("skipped, since {reason}");
            return None;
        }
    };
    let builder = choose(CudaBuilder::new(&*CRATE));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("options/cuda_builder");
    let ptx = builder.compile(&toolchain, &folder).expect("it compiles");
    let [ptx] = &ptx[..] else {
        panic!("one level was asked for, and there are {}", ptx.len());
    };
    Some(ptx.text.clone())
}

/// Runs a kernel with one thread; what it wrote, or what stopped it.
fn run(ptx: &str, kernel: &str, x: [f32; 5]) -> Result<[f32; 4], String> {
    let device = Device::new(Options::default());
    let program = device.load(ptx).expect("the simulator takes the PTX");
    let kernel = program.kernel(kernel).expect("the kernel is in the PTX");
    let memory = device.memory();
    let [x_address, y_address] = [20, 16].map(|bytes| {
        memory
            .allocate(bytes, 256, AllocationKind::Device)
            .expect("the device has memory")
    });
    let bytes = x.map(f32::to_le_bytes);
    memory
        .write(x_address, bytes.as_flattened())
        .expect("it fits");
    memory.write(y_address, &[0; 16]).expect("it fits");
    let arguments = [x_address, y_address].map(u64::to_le_bytes);
    let arguments = [&arguments[0][..], &arguments[1][..]];
    let launch = Launch {
        arguments: Arguments::Values(&arguments),
        ..Launch::default()
    };
    match device.launch(kernel, &launch) {
        Ok(_) => {}
        Err(LaunchError::Fault(report)) => return Err(report.to_string()),
        Err(error) => panic!("{error}"),
    }
    let mut bytes = [0; 16];
    memory.read(y_address, &mut bytes).expect("it is there");
    let numbers = bytes.as_chunks::<4>().0;
    Ok([0, 1, 2, 3].map(|i| f32::from_le_bytes(numbers[i])))
}

#[track_caller]
fn assert_has(ptx: &str, instructions: &[&str]) {
    for instruction in instructions {
        let is_there = ptx
            .lines()
            .any(|line| line.split_whitespace().next() == Some(instruction));
        assert!(is_there, "no {instruction} in {ptx}");
    }
}

/// The sum cancels all of the rounded product but what rounding took; the last two are subnormal.
const NUMBERS: [f32; 5] = [
    1.0 + f32::EPSILON,
    1.0 + f32::EPSILON,
    -(1.0 + 2.0 * f32::EPSILON),
    1e-40,
    2e-40,
];

#[test]
fn arithmetic_is_as_precise_as_asked_for() {
    let with = |choose: fn(CudaBuilder) -> CudaBuilder| build(|b| choose(b.arch(Arch::Sm80)));
    let Some(contracted) = with(|builder| builder) else {
        return;
    };
    assert_has(
        &contracted,
        &["fma.rn.f32", "div.rn.f32", "sqrt.rn.f32", "add.rn.f32"],
    );
    let [sum, quotient, _, small] = run(&contracted, "arithmetic", NUMBERS).expect("it runs");
    assert_eq!(sum, f32::EPSILON * f32::EPSILON, "one rounding");
    assert_eq!((quotient, small), (1.0, 1e-40 + 2e-40));

    let rounded = with(|builder| builder.fma_contraction(false)).expect("there is a compiler");
    assert_has(&rounded, &["mul.rn.f32", "add.rn.f32"]);
    let [sum, ..] = run(&rounded, "arithmetic", NUMBERS).expect("it runs");
    assert_eq!(sum, 0.0, "two roundings");

    let flushed = with(|builder| builder.ftz(true)).expect("there is a compiler");
    assert_has(
        &flushed,
        &[
            "fma.rn.ftz.f32",
            "div.rn.ftz.f32",
            "sqrt.rn.ftz.f32",
            "add.rn.ftz.f32",
        ],
    );
    let [.., small] = run(&flushed, "arithmetic", NUMBERS).expect("it runs");
    assert_eq!(small, 0.0, "subnormal numbers are zero");

    let divided = with(|builder| builder.fast_div(true)).expect("there is a compiler");
    assert_has(&divided, &["div.full.f32", "sqrt.rn.f32"]);
    let rooted = with(|builder| builder.fast_sqrt(true)).expect("there is a compiler");
    assert_has(&rooted, &["div.rn.f32", "sqrt.approx.f32"]);
    let fast = with(CudaBuilder::fast_math).expect("there is a compiler");
    assert_has(
        &fast,
        &["fma.rn.ftz.f32", "div.full.ftz.f32", "sqrt.approx.ftz.f32"],
    );
    run(&fast, "arithmetic", NUMBERS).expect("it runs");

    // Each is PTX of its own, also when built again after the others.
    let again = with(|builder| builder).expect("there is a compiler");
    assert_eq!(contracted, again);
}

#[test]
fn lines_and_features_are_as_asked_for() {
    let Some(plain) = build(|builder| builder.arch(Arch::Sm80)) else {
        return;
    };
    assert_has(&plain, &[".loc", ".file"]);
    assert!(plain.contains("\"src/lib.rs\""), "{plain}");
    assert!(!plain.contains(".entry extra("), "{plain}");
    let extra = build(|builder| {
        builder
            .arch(Arch::Sm80)
            .build_args(&["--features", "extra"])
    });
    let extra = extra.expect("there is a compiler");
    assert!(extra.contains(".entry extra("), "{extra}");
}

#[test]
fn without_release_overflow_panics() {
    let Some(debug) = build(|builder| builder.release(false).arch(Arch::Sm80)) else {
        return;
    };
    let largest = [f32::from_bits(u32::MAX), 0.0, 0.0, 0.0, 0.0];
    let error = run(&debug, "increment", largest).expect_err("u32::MAX + 1 overflows");
    assert!(error.contains("trap"), "{error}");
    run(&debug, "increment", [1.0; 5]).expect("1 + 1 does not");
    let [.., assertions] = run(&debug, "configuration", [0.0; 5]).expect("it runs");
    assert_eq!(assertions, 1.0);

    let release = build(|builder| builder.arch(Arch::Sm80)).expect("there is a compiler");
    let [sum, ..] = run(&release, "increment", largest).expect("it wraps");
    assert_eq!(sum.to_bits(), 0);
}

#[test]
fn levels_and_optix_are_seen_by_kernels() {
    let old = build(|builder| {
        builder
            .arch(NvvmArch::Compute61)
            .optix(true)
            .debug(DebugInfo::None)
    });
    let Some(old) = old else {
        return;
    };
    assert!(old.contains("\n.target sm_61"), "{old}");
    assert!(!old.contains(".loc"), "{old}");
    let configuration = run(&old, "configuration", [0.0; 5]).expect("it runs");
    assert_eq!(configuration, [1.0, 0.0, 1.0, 0.0]);
}

#[test]
fn what_cannot_be_is_an_error() {
    let error = CudaBuilder::new(&*CRATE).nvptx_32(true).sources();
    let message = error.expect_err("there is no such target").to_string();
    assert!(message.contains("remove `nvptx_32(true)`"), "{message}");
}

/// Pregenerated PTX is taken for these options alone.
#[test]
fn every_option_that_changes_the_ptx_is_in_its_hash() {
    let hash = |choose: &dyn Fn(CudaBuilder) -> CudaBuilder| {
        let sources = choose(CudaBuilder::new(&*CRATE)).sources();
        sources
            .and_then(|sources| sources.hash())
            .expect("they are there")
    };
    let choices: [&dyn Fn(CudaBuilder) -> CudaBuilder; 11] = [
        &|b| b,
        &|b| b.release(false),
        &|b| b.nvvm_opts(false),
        &|b| b.debug(DebugInfo::None),
        &|b| b.panics(cuda_builder::Panics::Silent),
        &|b| b.ftz(true),
        &|b| b.fast_sqrt(true),
        &|b| b.fast_div(true),
        &|b| b.fma_contraction(false),
        &|b| b.optix(true),
        &|b| b.build_args(&["--features", "extra"]),
    ];
    let mut hashes = choices.map(hash).to_vec();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), choices.len(), "two of them have one hash");
    let shown = hash(&|b| b.emit_llvm_ir(true).verbose(true).generate_line_info(true));
    assert!(hashes.contains(&shown), "what is shown changes no PTX");
}
