//! Races in shared and in global memory.

use faults::Argument::{Fresh, Number, Words};
use faults::{Expected, Run};
use ptx_sim::Kind;

const ZEROS: [u32; 128] = [0; 128];

/// A race of two, and a mended twin.
#[track_caller]
fn pair(run: &Run<'_>, kind: Kind, threads: [(u32, Option<u32>); 2], parts: &[&str]) {
    let markers = [
        format!("FAULT: {}", run.kernel),
        format!("OTHER: {}", run.kernel),
    ];
    let parties: Vec<_> = threads
        .iter()
        .zip(&markers)
        .map(|(&(block, thread), marker)| Expected {
            block: Some(block),
            thread,
            marker,
        })
        .collect();
    run.is_reported(kind, &parties, parts);
    run.mended(&format!("{}_mended", run.kernel)).is_silent();
}

#[track_caller]
fn shared(kernel: &str, block: u32, threads: [u32; 2], parts: &[&str]) {
    let run = Run::new(kernel, 1, block, &[Words(&ZEROS[..64])]);
    let threads = threads.map(|thread| (0, Some(thread)));
    pair(&run, Kind::SharedRace, threads, parts);
}

#[test]
fn write_write() {
    shared(
        "write_write",
        64,
        [3, 35],
        &["at byte 0 of the 4-byte variable"],
    );
}

#[test]
fn write_read() {
    shared(
        "write_read",
        64,
        [5, 40],
        &["at byte 20 of the 256-byte variable"],
    );
}

#[test]
fn read_write() {
    let run = Run::new("read_write", 1, 64, &[Words(&ZEROS[..64]), Number(3)]);
    let parties = [
        Expected::some("FAULT: read_write"),
        Expected::some("OTHER: read_write"),
    ];
    run.is_reported(Kind::SharedRace, &parties, &["256-byte variable"]);
    run.mended("read_write_mended").is_silent();
}

#[test]
fn lanes_of_a_warp() {
    shared(
        "lanes_of_a_warp",
        32,
        [1, 2],
        &["at byte 0 of the 128-byte variable"],
    );
}

#[test]
fn overlapping_bytes() {
    shared(
        "overlapping_bytes",
        64,
        [4, 38],
        &["of the 64-byte variable"],
    );
}

#[test]
fn within_a_block() {
    let run = Run::new("within_a_block", 1, 96, &[Words(&ZEROS[..2])]);
    let threads = [(0, Some(3)), (0, Some(70))];
    pair(
        &run,
        Kind::GlobalRace,
        threads,
        &["at byte 0 of the 8-byte allocation"],
    );
}

#[test]
fn between_blocks() {
    let run = Run::new("between_blocks", 2, 32, &[Words(&ZEROS[..2])]);
    let threads = [(0, Some(0)), (1, Some(1))];
    pair(
        &run,
        Kind::GlobalRace,
        threads,
        &["at byte 0 of the 8-byte allocation"],
    );
}

#[test]
fn flag() {
    let run = Run::new("flag", 2, 1, &[Words(&[0]), Words(&[0, 0])]);
    let threads = [(0, Some(0)), (1, Some(0))];
    pair(
        &run,
        Kind::GlobalRace,
        threads,
        &["at byte 0 of the 8-byte allocation"],
    );
}

#[test]
fn count() {
    let run = Run::new("count", 6, 32, &[Words(&[0])]);
    one_line(&run);
}

#[test]
fn lock() {
    let run = Run::new("lock", 6, 32, &[Words(&[0]), Words(&[0])]);
    one_line(&run);
}

/// A line that many threads are at, which reads and writes.
#[track_caller]
fn one_line(run: &Run<'_>) {
    let marker = format!("FAULT: {}", run.kernel);
    for seed in faults::SEEDS {
        let reports = run.reports(seed);
        let all: Vec<String> = reports.iter().map(ToString::to_string).collect();
        assert!(!reports.is_empty(), "{} is silent", run.kernel);
        for report in &reports {
            let thread = Expected {
                block: None,
                ..Expected::thread(0, &marker)
            };
            run.check(
                report,
                Kind::GlobalRace,
                &[thread, thread],
                &["at byte 0 of the 4-byte allocation"],
                &all.join("\n"),
            );
        }
    }
    run.mended(&format!("{}_mended", run.kernel)).is_silent();
}

#[test]
fn last_block() {
    let run = Run::new("last_block", 6, 32, &[Fresh(24), Words(&[0]), Words(&[0])]);
    let parties = [
        Expected {
            block: None,
            ..Expected::thread(0, "FAULT: last_block")
        },
        Expected::some("OTHER: last_block"),
    ];
    run.is_reported(Kind::GlobalRace, &parties, &["24-byte allocation"]);
    run.mended("last_block_mended").is_silent();
}

#[test]
fn grid_barrier() {
    let mut run = Run::new("grid_barrier", 4, 32, &[Words(&[0]), Fresh(16), Fresh(16)]);
    run.cooperative = true;
    let parties = [
        Expected {
            block: None,
            ..Expected::thread(0, "FAULT: grid_barrier")
        },
        Expected {
            block: None,
            ..Expected::thread(1, "OTHER: grid_barrier")
        },
    ];
    run.is_reported(Kind::GlobalRace, &parties, &["16-byte allocation"]);
    run.mended("grid_barrier_mended").is_silent();
}
