//! Bulk copies out of shared memory that are not waited for, that wait too little, or that nothing tells of
//! what threads have written; each with its right twin.

use ptx_sim::Kind::{self, GlobalRace, InvalidInstruction, Misaligned, OutOfBounds, SharedRace};
use ptx_sim::{Checks, Report};

use crate::harness::{Fault, INIT, SEEDS, fault, find, run};

/// Each thread writes 4 bytes of the tile, and one begins a copy.
const STORE: &str = "setp.eq.u32 %p0, %i, 0; mad.lo.u32 %w9, %i, 4, %tile; st.shared.u32 [%w9], %i;\n\
    fence.proxy.async; bar.sync 0;\n\
    @%p0 cp.async.bulk.global.shared::cta.bulk_group [%out], [tile], 256; @%p0 cp.async.bulk.commit_group;";

fn text(body: &str) -> &'static str {
    body.replace("$init", INIT).replace("$store", STORE).leak()
}

fn with(body: &str, kind: Kind, words: &'static [&'static str]) -> Fault {
    fault(text(body), 64, kind, words)
}

#[test]
fn stores_that_are_not_waited_for() {
    find(&[
        // What is copied changes before it has been read.
        with(
            "$store @%p0 st.shared.u32 [tile], %n; @%p0 cp.async.bulk.wait_group.read 0;",
            SharedRace,
            &[
                "cp.async.bulk.global",
                "its own asynchronous copy",
                "st.shared.u32",
            ],
        ),
        with(
            "$store @%p0 cp.async.bulk.wait_group.read 0; st.shared.u32 [%w9], %n;",
            SharedRace,
            &["cp.async.bulk.global", "st.shared.u32"],
        ),
        // The number lets the newest group go on.
        with(
            "$store @%p0 cp.async.bulk.wait_group.read 1; bar.sync 0; st.shared.u32 [%w9], %n;\n\
             @%p0 cp.async.bulk.wait_group 0;",
            SharedRace,
            &["cp.async.bulk.global", "st.shared.u32"],
        ),
        // A wait for reads says nothing of what is written.
        with(
            "$store @%p0 cp.async.bulk.wait_group.read 0; @%p0 ld.global.u32 %w1, [%out+8];",
            GlobalRace,
            &[
                "cp.async.bulk.global",
                "ld.global.u32",
                "its own asynchronous copy",
            ],
        ),
        // Nothing was committed.
        with(
            "setp.eq.u32 %p0, %i, 0; @%p0 st.shared.v4.u32 [tile], {%i, %i, %i, %i}; fence.proxy.async;\n\
             @%p0 cp.async.bulk.global.shared::cta.bulk_group [%out], [tile], 16;\n\
             @%p0 cp.async.bulk.wait_group 0; @%p0 ld.global.u32 %w1, [%out];\n\
             @%p0 cp.async.bulk.commit_group; @%p0 cp.async.bulk.wait_group 0;",
            GlobalRace,
            &["ld.global.u32"],
        ),
        // Another thread's groups are its own.
        with(
            "$store setp.eq.u32 %p1, %i, 32; @%p1 cp.async.bulk.wait_group 0; bar.sync 0;\n\
             st.shared.u32 [%w9], %n; @%p0 cp.async.bulk.wait_group 0;",
            SharedRace,
            &["cp.async.bulk.global"],
        ),
        // The tile is written while it is copied.
        with(
            "setp.eq.u32 %p0, %i, 0; mad.lo.u32 %w9, %i, 4, %tile; st.shared.u32 [%w9], %i;\n\
             fence.proxy.async; @%p0 cp.async.bulk.global.shared::cta.bulk_group [%out], [tile], 256;\n\
             @%p0 cp.async.bulk.commit_group; @%p0 cp.async.bulk.wait_group 0;",
            SharedRace,
            &["cp.async.bulk.global", "st.shared.u32"],
        ),
        with(
            "$store",
            SharedRace,
            &["cp.async.bulk.wait_group.read", "cp.async.bulk.global"],
        ),
        // Two copies to one place.
        with(
            "$store @%p0 cp.async.bulk.global.shared::cta.bulk_group [%out], [tile], 32;\n\
             @%p0 cp.async.bulk.commit_group; @%p0 cp.async.bulk.wait_group 0;",
            GlobalRace,
            &["copies asynchronously to 32 bytes"],
        ),
        with(
            "$store @%p0 cp.async.bulk.wait_group.read 0;\n\
             @%p0 cp.async.bulk.global.shared::cta.bulk_group [%out], [tile+8], 32;",
            Misaligned,
            &["no multiple of 16"],
        ),
        with(
            "$store @%p0 cp.async.bulk.wait_group.read 0;\n\
             @%p0 cp.async.bulk.global.shared::cta.bulk_group [%out], [tile], 24;",
            InvalidInstruction,
            &["24 bytes"],
        ),
        with(
            "$store @%p0 cp.async.bulk.wait_group.read 0;\n\
             @%p0 cp.async.bulk.global.shared::cta.bulk_group [%out+3856], [tile], 256;",
            OutOfBounds,
            &["copies asynchronously to 256 bytes"],
        ),
        with(
            "$store @%p0 cp.async.bulk.wait_group.read 0;\n\
             @%p0 cp.async.bulk.global.shared::cta.bulk_group [%out], [tile+1936], 128;",
            OutOfBounds,
            &["copies asynchronously from 128 bytes", "`tile`"],
        ),
        with(
            "$store @%p0 cp.async.bulk.wait_group.read 0;\n\
             @%p0 cp.async.bulk.global.shared::cta.bulk_group [%out+1024], [tile+1024], 32;\n\
             @%p0 cp.async.bulk.commit_group; @%p0 cp.async.bulk.wait_group 0;",
            Kind::UninitializedShared,
            &["never written"],
        ),
    ]);
}

#[test]
fn right_twins_are_silent() {
    let bodies = [
        "$store @%p0 cp.async.bulk.wait_group.read 0; @%p0 st.shared.u32 [tile], %n;",
        "$store @%p0 cp.async.bulk.wait_group.read 0; bar.sync 0; st.shared.u32 [%w9], %n;",
        "$store @%p0 cp.async.bulk.wait_group 0; @%p0 ld.global.u32 %w1, [%out+8];",
        "$store @%p0 cp.async.bulk.wait_group 0; bar.sync 0; ld.global.u32 %w1, [%out+8];",
        "$store ld.shared.u32 %w1, [%w9]; @%p0 cp.async.bulk.wait_group 0;",
        // An empty group is the newest one.
        "$store @%p0 cp.async.bulk.commit_group; @%p0 cp.async.bulk.wait_group 1; bar.sync 0;\n\
         st.shared.u32 [%w9], %n; st.global.u32 [%out], %n;",
        // Updates do not race with each other.
        "$store @%p0 cp.async.bulk.wait_group 0;\n\
         @%p0 cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32 [%out], [tile], 256;\n\
         @%p0 cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32 [%out], [tile], 256;\n\
         bar.sync 0; red.global.add.u32 [%out+4], %i;\n\
         @%p0 cp.async.bulk.commit_group; @%p0 cp.async.bulk.wait_group 0;",
    ];
    for body in bodies {
        for seed in 0..SEEDS {
            let (launched, reports) = run(text(body), 64, seed, Checks::ALL);
            let reports: Vec<_> = reports.iter().map(Report::to_string).collect();
            assert!(
                launched.is_ok() && reports.is_empty(),
                "{body}: {reports:?}"
            );
        }
    }
}
