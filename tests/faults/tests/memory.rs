//! Faulty accesses to memory: bounds, pointers, the heap, initialization.

use faults::Argument::{Freed, Fresh, Null, Number, Slice, Words};
use faults::{Expected, Run, SEEDS};
use ptx_sim::Kind;

const ONES: [u32; 128] = [1; 128];

/// One fault by one thread, and a mended twin.
#[track_caller]
fn pair(run: &Run<'_>, kind: Kind, thread: u32, parts: &[&str]) {
    let marker = format!("FAULT: {}", run.kernel);
    run.is_reported(kind, &[Expected::thread(thread, &marker)], parts);
    run.mended(&format!("{}_mended", run.kernel)).is_silent();
}

#[test]
fn past_the_end() {
    let arguments = [Words(&ONES[..100]), Number(100)];
    let run = Run::new("past_the_end", 1, 128, &arguments);
    let owner = "right behind the end of the 400-byte allocation";
    pair(&run, Kind::OutOfBounds, 100, &[owner]);
}

#[test]
fn before_the_beginning() {
    let arguments = [Words(&ONES[..64]), Fresh(256)];
    let run = Run::new("before_the_beginning", 1, 64, &arguments);
    pair(
        &run,
        Kind::OutOfBounds,
        0,
        &["4 bytes before the 256-byte allocation"],
    );
}

#[test]
fn between_allocations() {
    let arguments = [Words(&ONES[..10]), Number(10)];
    let run = Run::new("between_allocations", 2, 8, &arguments);
    let marker = "FAULT: between_allocations";
    let somewhere = Expected {
        block: Some(0),
        ..Expected::thread(7, marker)
    };
    run.is_reported(Kind::OutOfBounds, &[somewhere], &["8 bytes behind"]);
    run.mended("between_allocations_mended").is_silent();
}

#[test]
fn negative_index() {
    let mut indices = [3; 32];
    indices[9] = -1_i32 as u32;
    let arguments = [Words(&ONES[..32]), Words(&indices), Fresh(128)];
    let run = Run::new("negative_index", 1, 32, &arguments);
    pair(
        &run,
        Kind::OutOfBounds,
        9,
        &["4 bytes before the 128-byte allocation"],
    );
}

#[test]
fn shared_overrun() {
    let run = Run::new("shared_overrun", 1, 64, &[Words(&ONES[..64])]);
    pair(
        &run,
        Kind::OutOfBounds,
        63,
        &["right behind the end of the 256-byte variable"],
    );
}

#[test]
fn dynamic_overrun() {
    let mut run = Run::new("dynamic_overrun", 1, 64, &[Words(&ONES[..64])]);
    run.dynamic_shared = 64 * 4;
    run.is_silent();
    run.dynamic_shared = 60 * 4;
    let thread = Expected::thread(60, "FAULT: dynamic_overrun");
    run.is_reported(
        Kind::OutOfBounds,
        &[thread],
        &["at byte 240 of the 240 bytes that the launch adds"],
    );
}

#[test]
fn local_overrun() {
    let mut x = [5; 32];
    x[3] = 8;
    let run = Run::new("local_overrun", 1, 32, &[Words(&x)]);
    pair(&run, Kind::OutOfBounds, 3, &["local"]);
}

#[test]
fn null_pointer() {
    let run = Run::new("null_pointer", 1, 1, &[Null]);
    pair(&run, Kind::NullPointer, 0, &["null"]);
}

#[test]
fn misaligned() {
    let mut offsets = [4; 32];
    offsets[20] = 5;
    let arguments = [Words(&ONES[..4]), Words(&offsets), Fresh(128)];
    let run = Run::new("misaligned", 1, 32, &arguments);
    pair(&run, Kind::Misaligned, 20, &["4 bytes"]);
}

#[test]
fn freed_by_the_host() {
    let run = Run::new("freed_by_host", 1, 32, &[Freed(&ONES[..32])]);
    let thread = Expected::thread(0, "FAULT: freed_by_host");
    run.is_reported(
        Kind::UseAfterFree,
        &[thread],
        &["at byte 0 of the freed 128-byte allocation"],
    );
    Run::new("freed_by_host", 1, 32, &[Words(&ONES[..32])]).is_silent();
}

#[test]
fn freed_by_the_kernel() {
    let run = Run::new("freed_by_kernel", 1, 1, &[Fresh(4)]);
    pair(
        &run,
        Kind::UseAfterFree,
        0,
        &["at byte 4 of the freed 16-byte allocation"],
    );
}

#[test]
fn constant_write() {
    let run = Run::new("constant_write", 1, 4, &[Fresh(16)]);
    pair(
        &run,
        Kind::ConstantWrite,
        0,
        &["at byte 0 of the 16-byte allocation", "constant memory"],
    );
}

#[test]
fn wrong_space() {
    let run = Run::new("wrong_space", 1, 1, &[Fresh(4)]);
    pair(&run, Kind::WrongSpace, 0, &["shared memory"]);
}

#[test]
fn double_free() {
    let run = Run::new("double_free", 1, 32, &[Fresh(4)]);
    pair(
        &run,
        Kind::InvalidFree,
        3,
        &["the start of the freed 64-byte allocation"],
    );
}

#[test]
fn foreign_free() {
    let run = Run::new("foreign_free", 1, 32, &[Fresh(12)]);
    pair(
        &run,
        Kind::InvalidFree,
        0,
        &["at byte 0 of the 12-byte allocation"],
    );
}

#[test]
fn leak() {
    let run = Run::new("leak", 1, 1, &[Fresh(4)]);
    for seed in SEEDS {
        let reports = run.reports(seed);
        let [report] = &reports[..] else {
            panic!("{reports:?}");
        };
        assert_eq!(report.kind, Kind::Leak);
        let text = report.to_string();
        assert!(text.contains("the 48-byte allocation"), "{text}");
    }
    run.mended("leak_mended").is_silent();
}

#[test]
fn uninitialized_global() {
    let run = Run::new(
        "uninitialized_global",
        1,
        32,
        &[Words(&ONES[..32]), Fresh(128)],
    );
    pair(
        &run,
        Kind::UninitializedGlobal,
        0,
        &["byte 0", "at byte 0 of the 128-byte allocation"],
    );
}

#[test]
fn uninitialized_byte() {
    let run = Run::new("uninitialized_byte", 1, 4, &[Fresh(16), Fresh(16)]);
    pair(
        &run,
        Kind::UninitializedGlobal,
        0,
        &["byte 3 of them", "at byte 0 of the 16-byte allocation"],
    );
}

#[test]
fn uninitialized_shared() {
    let run = Run::new("uninitialized_shared", 1, 64, &[Words(&ONES[..64])]);
    pair(
        &run,
        Kind::UninitializedShared,
        63,
        &["at byte 256 of the 260-byte variable"],
    );
}

#[test]
fn uninitialized_local() {
    let run = Run::new("uninitialized_local", 1, 8, &[Fresh(32)]);
    pair(
        &run,
        Kind::UninitializedLocal,
        7,
        &["local memory", "byte 0 of them"],
    );
}

#[test]
fn index_out_of_range_in_safe_rust() {
    let mut indices = [2; 40];
    indices[33] = 3;
    let y = [0; 40];
    let arguments = [Slice(&ONES[..3]), Slice(&indices), Slice(&y)];
    let run = Run::new("index_out_of_range", 1, 64, &arguments);
    pair(&run, Kind::Trap, 33, &["panic"]);
}
