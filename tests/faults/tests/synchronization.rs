//! Misused barriers and warp-level instructions, and kernels that do not come to their end.

use faults::Argument::{Fresh, Number, Words};
use faults::{Expected, Run, SEEDS, marked_line};
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
    deadlock(
        &run,
        ["warp 0 wait at barrier 1", "warp 1 wait at barrier 2"],
    );
}

#[test]
fn waits_elsewhere() {
    let run = Run::new("waits_elsewhere", 1, 32, &[Fresh(128)]);
    deadlock(
        &run,
        ["lane 5 of warp 0 waits at barrier 0", "wait for lane 5"],
    );
}

/// All wait, some here and some there. Any of them stands first, and all are listed.
#[track_caller]
fn deadlock(run: &Run<'_>, parts: [&str; 2]) {
    let markers = ["FAULT", "OTHER"].map(|which| format!("{which}: {}", run.kernel));
    for seed in SEEDS {
        let reports = run.reports(seed);
        let [report] = &reports[..] else {
            panic!("{} reports instead of 1 under seed {seed}", reports.len());
        };
        let text = report.to_string();
        assert_eq!(report.kind, Kind::Deadlock, "{text}");
        let party = report.party.as_ref().expect("a thread that waits");
        let is_marked = |marker: &String| Expected::some(marker).is(party);
        assert!(markers.iter().any(is_marked), "{text}");
        for marker in &markers {
            let (file, line) = marked_line(marker);
            assert!(text.contains(&format!("{file}:{line}:")), "{text}");
        }
        for part in parts {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
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
    // The lanes that wait take most of the steps.
    run.step_limit = 10_000_000;
    run.mended("spin_lock_mended").is_silent();
}

#[test]
fn endless_loop() {
    let mut run = Run::new("endless_loop", 1, 32, &[Words(&[0, 0])]);
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
    run.is_reported(Kind::Trap, &[thread], &["panic"]);
    run.mended("panics_mended").is_silent();
}

#[test]
fn wild_call() {
    let run = Run::new("wild_call", 1, 32, &[Words(&ONES[..32])]);
    let thread = Expected::thread(0, "FAULT: wild_call");
    run.is_reported(Kind::InvalidCall, &[thread], &["0x1234"]);
    run.mended("wild_call_mended").is_silent();
}

#[test]
fn assertion() {
    let mut x = [1; 64];
    x[45] = 0;
    let run = Run::new("assertion", 1, 64, &[Words(&x)]);
    let thread = Expected::thread(45, "FAULT: assertion");
    run.is_reported(Kind::Assertion, &[thread], &["x[i] != 0", "control.cu:3"]);
    run.mended("assertion_mended").is_silent();
}

#[test]
fn part_of_a_warp() {
    let run = Run::new("part_of_a_warp", 1, 64, &[Fresh(256)]);
    for seed in SEEDS {
        let reports = run.reports(seed);
        let [report] = &reports[..] else {
            panic!("{reports:?}");
        };
        // Either warp may come first.
        let party = Expected {
            block: Some(0),
            ..Expected::some("FAULT: part_of_a_warp")
        };
        let text = report.to_string();
        run.check(
            report,
            Kind::InvalidInstruction,
            &[party],
            &["40 threads"],
            &text,
        );
    }
    run.mended("part_of_a_warp_mended").is_silent();
}
