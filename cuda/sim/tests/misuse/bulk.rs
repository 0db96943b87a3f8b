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
            "$store @%p0 cp.async.bulk.global.shared::cta.bulk_group [%out], [tile+32], 32;\n\
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
fn writes_without_a_proxy_fence() {
    use Kind::ProxyFence;
    // What is wrong, and the fence that makes it right.
    let copy = "@%p0 cp.async.bulk.global.shared::cta.bulk_group [%out], [tile], 256;\n\
                @%p0 cp.async.bulk.commit_group; @%p0 cp.async.bulk.wait_group 0;";
    let write = "setp.eq.u32 %p0, %i, 0; mad.lo.u32 %w9, %i, 4, %tile; st.shared.u32 [%w9], %i;";
    let cases = [
        // No fence, or one that comes too early, or by another thread than those who wrote or copy.
        format!("{write} bar.sync 0; {copy}"),
        format!("fence.proxy.async; {write} bar.sync 0; {copy}"),
        format!("{write} setp.lt.u32 %p1, %i, 32; @%p1 fence.proxy.async; bar.sync 0; {copy}"),
        format!("{write} bar.sync 0; setp.eq.u32 %p1, %i, 33; @%p1 fence.proxy.async; {copy}"),
        // A second round of writes wants a second fence.
        format!(
            "{write} fence.proxy.async; bar.sync 0; {copy} bar.sync 0; st.shared.u32 [%w9], %n; bar.sync 0; {copy}"
        ),
        // Its own write, with no other thread.
        "setp.eq.u32 %p0, %i, 0; @%p0 st.shared.v4.u32 [tile], {%i, %i, %i, %i};\n\
         @%p0 cp.async.bulk.global.shared::cta.bulk_group [%out], [tile], 16;\n\
         @%p0 cp.async.bulk.commit_group; @%p0 cp.async.bulk.wait_group 0;"
            .to_owned(),
        // `cp.async` writes as threads do.
        format!(
            "{write} fence.proxy.async; cp.async.ca.shared.global [%w9], [%from], 4; cp.async.wait_all; bar.sync 0; {copy}"
        ),
        // Global memory that the block itself has written.
        "setp.eq.u32 %p0, %i, 0; st.global.u32 [%from], %i; bar.sync 0; @!%p0 bra DONE;\n\
         mbarrier.init.shared.b64 [bars], 1; mbarrier.arrive.expect_tx.shared.b64 _, [bars], 64;\n\
         cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes [tile], [%in], 64, [bars];\n\
         W: mbarrier.try_wait.parity.shared.b64 %p1, [bars], 0; @!%p1 bra W; DONE:"
            .to_owned(),
    ];
    let faults: Vec<_> = cases
        .iter()
        .map(|body| with(body, ProxyFence, &["fence.proxy.async", "cp.async.bulk"]))
        .collect();
    find(&faults);

    let right = [
        format!("{write} fence.proxy.async; bar.sync 0; {copy}"),
        format!("{write} fence.proxy.async.shared::cta; bar.sync 0; {copy}"),
        format!("{write} bar.sync 0; @%p0 fence.proxy.async; {copy}"),
        format!("{write} bar.sync 0; setp.eq.u32 %p1, %i, 33; @%p1 fence.proxy.async; bar.sync 0; {copy}"),
        format!("{write} fence.proxy.async; bar.sync 0; {copy} bar.sync 0; st.shared.u32 [%w9], %n; fence.proxy.async; bar.sync 0; {copy}"),
        format!("cp.async.ca.shared.global [%own], [%from], 16; cp.async.wait_all; {write} fence.proxy.async; bar.sync 0; {copy}")
            .replace("mad.lo.u32 %w9, %i, 4, %tile; st.shared.u32 [%w9], %i;", ""),
        // By an mbarrier, and by a flag.
        format!(
            "@%p7 mbarrier.inval.shared.b64 [bars]; setp.eq.u32 %p2, %i, 0; @%p2 mbarrier.init.shared.b64 [bars], 64; bar.sync 0;\n\
             {write} fence.proxy.async; mbarrier.arrive.shared.b64 _, [bars]; @!%p0 bra DONE;\n\
             W: mbarrier.try_wait.parity.shared.b64 %p1, [bars], 0; @!%p1 bra W; {copy} DONE:"
        ).replace("@%p7 mbarrier.inval.shared.b64 [bars]; ", ""),
        "setp.eq.u32 %p0, %i, 0; @%p0 st.shared.u32 [tile+64], 0; bar.sync 0; setp.eq.u32 %p1, %i, 32;\n\
         @!%p1 bra WAIT; st.shared.v4.u32 [tile], {%i, %i, %i, %i}; fence.proxy.async;\n\
         st.release.cta.shared.u32 [tile+64], 1;\n\
         WAIT: @!%p0 bra DONE; SPIN: ld.acquire.cta.shared.u32 %w1, [tile+64]; setp.eq.u32 %p2, %w1, 0;\n\
         @%p2 bra SPIN; cp.async.bulk.global.shared::cta.bulk_group [%out], [tile], 16;\n\
         cp.async.bulk.commit_group; cp.async.bulk.wait_group 0; DONE:"
            .to_owned(),
        // What a bulk copy has written needs none.
        "setp.eq.u32 %p0, %i, 0; @!%p0 bra DONE;\n\
         mbarrier.init.shared.b64 [bars], 1; mbarrier.arrive.expect_tx.shared.b64 _, [bars], 64;\n\
         cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes [tile], [%in], 64, [bars];\n\
         W: mbarrier.try_wait.parity.shared.b64 %p1, [bars], 0; @!%p1 bra W;\n\
         cp.async.bulk.global.shared::cta.bulk_group [%out], [tile], 64;\n\
         cp.async.bulk.commit_group; cp.async.bulk.wait_group 0; DONE:"
            .to_owned(),
    ];
    let right: Vec<&str> = right.iter().map(String::as_str).collect();
    are_silent(&right);
    // The check may be off.
    let checks = Checks::from_list("-proxy_fences").unwrap();
    let (launched, reports) = run(text(&cases[0]), 64, 0, checks);
    assert!(launched.is_ok() && reports.is_empty());
}

fn are_silent(bodies: &[&str]) {
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
        // All lanes of a warp store the same.
        "$store setp.lt.u32 %p1, %i, 32; @%p1 cp.async.bulk.global.shared::cta.bulk_group [%out], [tile], 256;\n\
         @%p1 cp.async.bulk.commit_group; @%p1 cp.async.bulk.wait_group 0; @%p0 cp.async.bulk.wait_group 0;",
        // Updates do not race with each other.
        "$store @%p0 cp.async.bulk.wait_group 0;\n\
         @%p0 cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32 [%out], [tile], 256;\n\
         @%p0 cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32 [%out], [tile], 256;\n\
         bar.sync 0; red.global.add.u32 [%out+4], %i;\n\
         @%p0 cp.async.bulk.commit_group; @%p0 cp.async.bulk.wait_group 0;",
    ];
    are_silent(&bodies);
}
