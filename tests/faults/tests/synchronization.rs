//! Misused barriers and warp-level instructions, and kernels that do not come to their end.

use faults::Argument::{Fresh, Number, Words};
use faults::{Expected, Run, SEEDS};
use ptx_sim::Kind;

const ONES: [u32; 64] = [1; 64];

#[test]
fn early_return() {
    let run = Run::new("early_return", 1, 64, &[Words(&ONES), Number(20)]);
    let thread = Expected::thread(0, "FAULT: early_return");
    let parts = ["44 of the block's 64 threads"];
    run.is_reported(Kind::BarrierNotReached, &[thread], &parts);
    run.mended("early_return_mended").is_silent();
}

#[test]
fn divergent() {
    let run = Run::new("divergent", 1, 32, &[Fresh(256)]);
    let parties = [
        Expected::thread(0, "FAULT: divergent"),
        Expected::thread(16, "OTHER: divergent"),
    ];
    run.is_reported(Kind::BarrierMismatch, &parties, &["barrier 0"]);
    run.mended("divergent_mended").is_silent();
}

#[test]
fn counts() {
    let run = Run::new("counts", 1, 64, &[Fresh(256)]);
    let parties = [
        Expected::thread(0, "FAULT: counts"),
        Expected::thread(32, "OTHER: counts"),
    ];
    for seed in SEEDS {
        let reports = run.reports(seed);
        let all: Vec<String> = reports.iter().map(ToString::to_string).collect();
        let all = all.join("\n");
        let parts = ["64 threads", "96 threads", "barrier 1"];
        run.check(&reports[0], Kind::BarrierMismatch, &parties, &parts, &all);
        // Where the warp with the larger number came first, there are never so many.
        let then: Vec<Kind> = reports[1..].iter().map(|report| report.kind).collect();
        assert!(then.is_empty() || then == [Kind::Deadlock], "{all}");
    }
    run.mended("counts_mended").is_silent();
}

#[test]
fn two_barriers() {
    let run = Run::new("two_barriers", 1, 64, &[Fresh(256)]);
    deadlock(&run, ["barrier 1", "barrier 2"]);
}

#[test]
fn waits_elsewhere() {
    let run = Run::new("waits_elsewhere", 1, 32, &[Fresh(128)]);
    deadlock(&run, ["barrier 0", "lanes"]);
}

/// All wait, some here and some there; either may be named first.
#[track_caller]
fn deadlock(run: &Run<'_>, parts: [&str; 2]) {
    for seed in SEEDS {
        let reports = run.reports(seed);
        let all: Vec<String> = reports.iter().map(ToString::to_string).collect();
        let all = all.join("\n");
        assert_eq!(reports.len(), 1, "{all}");
        let parties = ["FAULT", "OTHER"].map(|which| format!("{which}: {}", run.kernel));
        let parties = parties.each_ref().map(|marker| Expected::some(marker));
        run.check(&reports[0], Kind::Deadlock, &parties, &parts, &all);
    }
    run.mended(&format!("{}_mended", run.kernel)).is_silent();
}

#[test]
fn sync_warp_mask() {
    let run = Run::new("sync_warp_mask", 1, 32, &[Fresh(256)]);
    let thread = Expected::thread(0, "FAULT: sync_warp_mask");
    run.is_reported(Kind::WarpMask, &[thread], &["lane 0", "0xfffffffe"]);
    run.mended("sync_warp_mask_mended").is_silent();
}

#[test]
fn shuffle_mask() {
    let run = Run::new("shuffle_mask", 1, 32, &[Fresh(128)]);
    let thread = Expected::thread(9, "FAULT: shuffle_mask");
    run.is_reported(Kind::WarpMask, &[thread], &["lane 9", "0xfffffdff"]);
    run.mended("shuffle_mask_mended").is_silent();
}

#[test]
fn spin_lock() {
    let mut run = Run::new("spin_lock", 1, 32, &[Words(&[0]), Words(&[0])]);
    run.step_limit = 100_000;
    let thread = Expected::some("FAULT: spin_lock");
    run.is_reported(Kind::StepLimit, &[thread], &["100000"]);
    run.mended("spin_lock_mended").is_silent();
}

#[test]
fn endless_loop() {
    let mut run = Run::new("endless_loop", 1, 32, &[Words(&ONES[..32])]);
    run.step_limit = 100_000;
    let thread = Expected::some("FAULT: endless_loop");
    run.is_reported(Kind::StepLimit, &[thread], &["100000"]);
    run.mended("endless_loop_mended").is_silent();
}

#[test]
fn recursion() {
    // It never comes to a number above the first one.
    let run = Run::new("recursion", 1, 1, &[Words(&[11]), Number(10), Fresh(4)]);
    let thread = Expected::thread(0, "FAULT: recursion");
    run.is_reported(Kind::StackOverflow, &[thread], &["bytes"]);
    Run::new("recursion", 1, 1, &[Words(&[1]), Number(10), Fresh(4)]).is_silent();
}

#[test]
fn panics() {
    let mut x = [1; 64];
    x[40] = 2;
    let run = Run::new("panics", 1, 64, &[Words(&x)]);
    let thread = Expected::thread(40, "FAULT: panics");
    run.is_reported(Kind::Trap, &[thread], &[]);
    run.mended("panics_mended").is_silent();
}
