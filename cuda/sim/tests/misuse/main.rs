//! Asynchronous copies, mbarriers and instructions of whole warps as they must not be used: what is
//! reported, of which two instructions, whatever the order of the threads.

mod bulk;
#[path = "../findings/mod.rs"]
mod findings;
mod harness;

use ptx_sim::{Checks, Kind, Report};

use harness::{INIT, SEEDS, fault, find, run};

#[test]
fn copies_that_are_not_waited_for() {
    use Kind::{GlobalRace, SharedRace};
    find(&[
        fault(
            "cp.async.cg.shared.global [%own], [%from], 16; cp.async.commit_group;\n\
             ld.shared.u32 %w1, [%own]; cp.async.wait_all; st.global.u32 [%from], %w1;",
            32,
            SharedRace,
            &[
                "its own asynchronous copy, which it has not waited for",
                "cp.async.cg.shared.global",
                "ld.shared.u32",
            ],
        ),
        // The wait lets the newest group go on.
        fault(
            "cp.async.ca.shared.global [%own], [%from], 4; cp.async.commit_group;\n\
             cp.async.ca.shared.global [%own+8], [%from+8], 4; cp.async.commit_group;\n\
             cp.async.wait_group 1; bar.sync 0; ld.shared.u32 %w1, [%own]; ld.shared.u32 %w2, [%own+8];",
            64,
            SharedRace,
            &["its own asynchronous copy", "[%own+8], [%from+8]"],
        ),
        // What was not committed is in no group that is waited for.
        fault(
            "cp.async.ca.shared.global [%own], [%from], 4; cp.async.wait_group 0;\n\
             ld.shared.u32 %w1, [%own];",
            32,
            SharedRace,
            &["its own asynchronous copy"],
        ),
        // No barrier behind the wait.
        fault(
            "cp.async.cg.shared.global [%own], [%from], 16; cp.async.wait_all;\n\
             ld.shared.u32 %w1, [%other];",
            64,
            SharedRace,
            &["cp.async.cg.shared.global", "ld.shared.u32"],
        ),
        // The barrier comes before the wait.
        fault(
            "cp.async.cg.shared.global [%own], [%from], 16; cp.async.commit_group;\n\
             bar.sync 0; cp.async.wait_group 0; ld.shared.u32 %w1, [%other];",
            64,
            SharedRace,
            &["the asynchronous copy of another thread"],
        ),
        // Only one of two warps waits.
        fault(
            "cp.async.cg.shared.global [%own], [%from], 16; cp.async.commit_group;\n\
             setp.lt.u32 %p1, %i, 32; @%p1 cp.async.wait_group 0; bar.sync 0;\n\
             @%p1 ld.shared.u32 %w1, [%other];",
            64,
            SharedRace,
            &["the asynchronous copy of another thread"],
        ),
        fault(
            "cp.async.cg.shared.global [%own], [%from], 16; st.shared.u32 [%own+4], %i;\n\
             cp.async.wait_all;",
            32,
            SharedRace,
            &["writes 4 bytes", "its own asynchronous copy"],
        ),
        // Two copies to one place.
        fault(
            "cp.async.cg.shared.global [%own], [%from], 16;\n\
             cp.async.cg.shared.global [%own], [%from+256], 16; cp.async.wait_all;",
            32,
            SharedRace,
            &["copies asynchronously to 16 bytes"],
        ),
        fault(
            "cp.async.cg.shared.global [%tile], [%from], 16; cp.async.wait_all;",
            32,
            SharedRace,
            &["copies asynchronously to"],
        ),
        // The source changes meanwhile.
        fault(
            "cp.async.cg.shared.global [%own], [%from], 16; st.global.u32 [%from+8], %i;\n\
             cp.async.wait_all;",
            32,
            GlobalRace,
            &["its own asynchronous copy", "copies asynchronously from"],
        ),
        fault(
            "cp.async.ca.shared.global [%own], [%from], 4; bar.sync 0;\n\
             xor.b32 %w1, %i, 63; mad.wide.u32 %l1, %w1, 16, %in; st.global.u32 [%l1], %i;\n\
             cp.async.wait_all;",
            64,
            GlobalRace,
            &["the asynchronous copy of another thread"],
        ),
        fault(
            "cp.async.ca.shared.global [%own], [%from], 4; cp.async.wait_all;\n\
             xor.b32 %w1, %i, 63; mad.wide.u32 %l1, %w1, 16, %in; st.global.u32 [%l1], %i;",
            64,
            GlobalRace,
            &[],
        ),
        // A stage of a pipeline is filled while others still read it.
        fault(
            "cp.async.cg.shared.global [%own], [%from], 16; cp.async.wait_all; bar.sync 0;\n\
             ld.shared.u32 %w1, [%other];\n\
             cp.async.cg.shared.global [%own], [%from+256], 16; cp.async.wait_all;",
            64,
            SharedRace,
            &["cp.async.cg.shared.global", "ld.shared.u32"],
        ),
        // An mbarrier was told, but not by the copies.
        fault(
            "setp.eq.u32 %p0, %i, 0; @%p0 mbarrier.init.shared.b64 [bars], 64; bar.sync 0;\n\
             cp.async.cg.shared.global [%own], [%from], 16; mbarrier.arrive.shared.b64 %l1, [bars];\n\
             WAIT: mbarrier.try_wait.shared.b64 %p1, [bars], %l1; @!%p1 bra WAIT;\n\
             ld.shared.u32 %w1, [%other];",
            64,
            SharedRace,
            &["the asynchronous copy of another thread"],
        ),
        // Nobody waits for the mbarrier.
        fault(
            "setp.eq.u32 %p0, %i, 0; @%p0 mbarrier.init.shared.b64 [bars], 64; bar.sync 0;\n\
             cp.async.cg.shared.global [%own], [%from], 16;\n\
             cp.async.mbarrier.arrive.noinc.shared.b64 [bars]; bar.sync 0; ld.shared.u32 %w1, [%own];",
            64,
            SharedRace,
            &["its own asynchronous copy"],
        ),
    ]);
}

#[test]
fn bulk_copies() {
    use Kind::{
        Deadlock, GlobalRace, InvalidInstruction, MbarrierMisuse, Misaligned, OutOfBounds,
        SharedRace,
    };
    let copy = "cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes";
    let wait = "W: mbarrier.try_wait.parity.shared.b64 %p1, [bars], 0; @!%p1 bra W;";
    let with = |body: &str, kind: Kind, words: &'static [&'static str]| {
        let body = body
            .replace("$init", INIT)
            .replace("$copy", copy)
            .replace("$wait", wait);
        fault(body.leak(), 64, kind, words)
    };
    find(&[
        // Nobody waits, or those who read do not.
        with(
            "$init @%p0 mbarrier.arrive.expect_tx.shared.b64 %l1, [bars], 64; @%p0 $copy [tile], [%in], 64, [bars];\n\
             bar.sync 0; ld.shared.u32 %w1, [tile+60];",
            SharedRace,
            &["cp.async.bulk", "ld.shared.u32", "asynchronous copy"],
        ),
        // The phase does not wait for the bytes.
        with(
            "$init @%p0 mbarrier.arrive.shared.b64 %l1, [bars]; @%p0 $copy [tile], [%in], 64, [bars];\n\
             $wait ld.shared.u32 %w1, [tile+60];",
            SharedRace,
            &["cp.async.bulk", "ld.shared.u32"],
        ),
        with(
            "$init @%p0 mbarrier.arrive.expect_tx.shared.b64 %l1, [bars], 128; @%p0 $copy [tile], [%in], 64, [bars]; $wait",
            Deadlock,
            &["0 of 1 arrivals and 64 bytes"],
        ),
        with(
            "$init @%p0 mbarrier.arrive.expect_tx.shared.b64 %l1, [bars], 64; @%p0 $copy [tile], [%in], 64, [bars];\n\
             @%p0 st.global.u32 [%in+4], %i; $wait",
            GlobalRace,
            &["its own asynchronous copy"],
        ),
        with(
            "$init @%p0 $copy [tile], [%in], 40, [bars];",
            InvalidInstruction,
            &["40 bytes"],
        ),
        with(
            "$init @%p0 $copy [tile+8], [%in], 32, [bars];",
            Misaligned,
            &[],
        ),
        with(
            "$init @%p0 $copy [tile], [%in+8], 32, [bars];",
            Misaligned,
            &[],
        ),
        with(
            "$init @%p0 $copy [tile+2032], [%in], 32, [bars];",
            OutOfBounds,
            &["`tile`"],
        ),
        with(
            "$init @%p0 $copy [tile], [%in+4080], 32, [bars];",
            OutOfBounds,
            &[],
        ),
        with(
            "$init @%p0 $copy [tile], [%in], 32, [bars+8];",
            MbarrierMisuse,
            &["none is initialized"],
        ),
        with(
            "$init @%p0 $copy [bars], [%in], 32, [bars];",
            MbarrierMisuse,
            &["as to other memory"],
        ),
    ]);
}

#[test]
fn copies_of_what_is_not_there() {
    use Kind::{
        InvalidInstruction, Misaligned, OutOfBounds, UninitializedGlobal, UninitializedShared,
    };
    find(&[
        fault(
            "cp.async.cg.shared.global [%own+8], [%from], 16;",
            32,
            Misaligned,
            &["copies asynchronously to 16 bytes"],
        ),
        fault(
            "cp.async.cg.shared.global [%own], [%from+8], 16;",
            32,
            Misaligned,
            &["16 bytes"],
        ),
        fault(
            "mov.u32 %w1, 3; cp.async.ca.shared.global [%own], [%from+4], 8, %w1;",
            32,
            Misaligned,
            &["8 bytes asynchronously from"],
        ),
        fault(
            "cp.async.cg.shared.global [%own+2048], [%from], 16;",
            32,
            OutOfBounds,
            &["`tile`"],
        ),
        fault(
            "cp.async.cg.shared.global [%own], [%from+4096], 16;",
            32,
            OutOfBounds,
            &[],
        ),
        fault(
            "cp.async.cg.shared.global [%own], [%out], 16;",
            32,
            UninitializedGlobal,
            &[],
        ),
        fault(
            "mov.u32 %w1, 17; cp.async.cg.shared.global [%own], [%from], 16, %w1;",
            32,
            InvalidInstruction,
            &["reads 17"],
        ),
        fault(
            "cp.async.ca.shared.global [%own], [%from], 4; cp.async.wait_all; ld.shared.u32 %w1, [%own+4];",
            32,
            UninitializedShared,
            &[],
        ),
    ]);
}

#[test]
fn mbarriers_that_are_none() {
    use Kind::{MbarrierMisuse, Misaligned, OutOfBounds, SharedRace, WrongSpace};
    find(&[
        fault(
            "mbarrier.arrive.shared.b64 %l1, [bars];",
            1,
            MbarrierMisuse,
            &["none is initialized", "`bars`"],
        ),
        fault(
            "W: mbarrier.try_wait.parity.shared.b64 %p1, [bars], 0; @!%p1 bra W;",
            32,
            MbarrierMisuse,
            &["none is initialized"],
        ),
        fault(
            "mbarrier.init.shared.b64 [bars], 0;",
            1,
            MbarrierMisuse,
            &["0 arrivals"],
        ),
        fault(
            "mov.u32 %w1, 0x100000; mbarrier.init.shared.b64 [bars], %w1;",
            1,
            MbarrierMisuse,
            &["1048576 arrivals"],
        ),
        fault(
            "mbarrier.init.shared.b64 [bars], 1; mbarrier.init.shared.b64 [bars], 2;",
            1,
            MbarrierMisuse,
            &["`mbarrier.inval` must end it first", "initializes it"],
        ),
        fault(
            "mbarrier.init.shared.b64 [bars], 32;",
            32,
            MbarrierMisuse,
            &["one already is"],
        ),
        fault(
            "mbarrier.init.shared.b64 [bars], 1; st.shared.u32 [bars+4], %i;",
            1,
            MbarrierMisuse,
            &["as to other memory"],
        ),
        fault(
            "mbarrier.init.shared.b64 [bars], 1; atom.shared.add.u32 %w1, [bars], 1;",
            1,
            MbarrierMisuse,
            &["as to other memory"],
        ),
        fault(
            "mbarrier.init.shared.b64 [bars], 1; mbarrier.inval.shared.b64 [bars]; mbarrier.arrive.shared.b64 _, [bars];",
            1,
            MbarrierMisuse,
            &["none is initialized"],
        ),
        fault("mbarrier.init.shared.b64 [bars+4], 1;", 1, Misaligned, &[]),
        fault(
            "mbarrier.init.shared.b64 [bars+32], 1;",
            1,
            OutOfBounds,
            &["`bars`"],
        ),
        fault(
            "mbarrier.init.b64 [%in], 1;",
            1,
            WrongSpace,
            &["expects an address of shared memory"],
        ),
        fault(
            "mbarrier.init.shared.b64 [bars], 2; mbarrier.arrive.shared.b64 _, [bars], 3;",
            1,
            MbarrierMisuse,
            &["arrives 3 times", "waits for 2 more"],
        ),
        fault(
            "mbarrier.init.shared.b64 [bars], 2; mbarrier.arrive.noComplete.shared.b64 %l1, [bars], 2;",
            1,
            MbarrierMisuse,
            &[".noComplete"],
        ),
        fault(
            "mbarrier.init.shared.b64 [bars], 2; mov.u32 %w1, 0x100000; mbarrier.expect_tx.relaxed.cta.shared.b64 [bars], %w1;",
            1,
            MbarrierMisuse,
            &["waits for 1048576 bytes"],
        ),
        fault(
            "mbarrier.init.shared.b64 [bars], 1; mbarrier.init.shared.b64 [bars+8], 1;\n\
             mbarrier.arrive.shared.b64 %l1, [bars]; mbarrier.test_wait.shared.b64 %p1, [bars+8], %l1;",
            1,
            MbarrierMisuse,
            &["of another one"],
        ),
        fault(
            "mbarrier.init.shared.b64 [bars], 1; mbarrier.arrive.shared.b64 %l1, [bars];\n\
             mbarrier.arrive.shared.b64 %l2, [bars]; mbarrier.test_wait.shared.b64 %p1, [bars], %l1;",
            1,
            MbarrierMisuse,
            &["of phase 0, and the current one is 2"],
        ),
        fault(
            "mbarrier.init.shared.b64 [bars], 1; mbarrier.test_wait.parity.shared.b64 %p1, [bars], 2;",
            1,
            MbarrierMisuse,
            &["not 2"],
        ),
        // Nothing tells the others that it is there.
        fault(
            "setp.eq.u32 %p0, %i, 0; @!%p0 bra SPIN; mbarrier.init.shared.b64 [bars], 64;\n\
             st.volatile.shared.u32 [tile], %i; bra GO;\n\
             SPIN: nanosleep.u32 20; add.u32 %w1, %w1, 1; setp.lt.u32 %p1, %w1, 3000; @%p1 bra SPIN;\n\
             GO: mbarrier.arrive.shared.b64 %l1, [bars];",
            64,
            SharedRace,
            &["mbarrier.init", "mbarrier.arrive"],
        ),
    ]);
}

#[test]
fn phases_that_order_nothing() {
    use Kind::{Deadlock, SharedRace};
    find(&[
        // The wait is missing.
        fault(
            "setp.eq.u32 %p0, %i, 0; @%p0 mbarrier.init.shared.b64 [bars], 64; bar.sync 0;\n\
             st.shared.u32 [%own], %i; mbarrier.arrive.shared.b64 %l1, [bars]; ld.shared.u32 %w1, [%other];",
            64,
            SharedRace,
            &["ld.shared.u32", "st.shared.u32"],
        ),
        // The parity is that of the phase before, which counts as complete.
        fault(
            "setp.eq.u32 %p0, %i, 0; @%p0 mbarrier.init.shared.b64 [bars], 64; bar.sync 0;\n\
             st.shared.u32 [%own], %i; mbarrier.arrive.shared.b64 %l1, [bars];\n\
             mbarrier.try_wait.parity.shared.b64 %p1, [bars], 1; ld.shared.u32 %w1, [%other];",
            64,
            SharedRace,
            &["ld.shared.u32", "st.shared.u32"],
        ),
        // An arrival, or a wait, that orders nothing.
        fault(
            "setp.eq.u32 %p0, %i, 0; @%p0 mbarrier.init.shared.b64 [bars], 64; bar.sync 0;\n\
             st.shared.u32 [%own], %i; mbarrier.arrive.relaxed.cta.shared.b64 %l1, [bars];\n\
             W: mbarrier.try_wait.shared.b64 %p1, [bars], %l1; @!%p1 bra W; ld.shared.u32 %w1, [%other];",
            64,
            SharedRace,
            &["ld.shared.u32", "st.shared.u32"],
        ),
        fault(
            "setp.eq.u32 %p0, %i, 0; @%p0 mbarrier.init.shared.b64 [bars], 64; bar.sync 0;\n\
             st.shared.u32 [%own], %i; mbarrier.arrive.shared.b64 %l1, [bars];\n\
             W: mbarrier.try_wait.relaxed.cta.shared.b64 %p1, [bars], %l1; @!%p1 bra W; ld.shared.u32 %w1, [%other];",
            64,
            SharedRace,
            &["ld.shared.u32", "st.shared.u32"],
        ),
        // What is written after the arrival.
        fault(
            "setp.eq.u32 %p0, %i, 0; @%p0 mbarrier.init.shared.b64 [bars], 64; bar.sync 0;\n\
             mbarrier.arrive.shared.b64 %l1, [bars]; st.shared.u32 [%own], %i;\n\
             W: mbarrier.try_wait.shared.b64 %p1, [bars], %l1; @!%p1 bra W; ld.shared.u32 %w1, [%other];",
            64,
            SharedRace,
            &["ld.shared.u32", "st.shared.u32"],
        ),
        // One arrival too few, or bytes that do not come.
        fault(
            "setp.eq.u32 %p0, %i, 0; @%p0 mbarrier.init.shared.b64 [bars], 65; bar.sync 0;\n\
             mbarrier.arrive.shared.b64 %l1, [bars];\n\
             W: mbarrier.try_wait.shared.b64 %p1, [bars], %l1; @!%p1 bra W;",
            64,
            Deadlock,
            &[
                "waits for 1 of 65 arrivals and 0 bytes",
                "mbarrier.try_wait",
            ],
        ),
        fault(
            "mbarrier.init.shared.b64 [bars], 1; mbarrier.arrive.expect_tx.shared.b64 %l1, [bars], 64;\n\
             mbarrier.complete_tx.relaxed.cta.shared.b64 [bars], 48;\n\
             W: mbarrier.test_wait.shared.b64 %p1, [bars], %l1; @!%p1 bra W;",
            1,
            Deadlock,
            &["0 of 1 arrivals and 16 bytes", "mbarrier.test_wait"],
        ),
        // Some wait at the mbarrier for those who wait at a barrier for them.
        fault(
            "setp.eq.u32 %p0, %i, 0; @%p0 mbarrier.init.shared.b64 [bars], 64; bar.sync 0;\n\
             setp.lt.u32 %p1, %i, 32; @%p1 bar.sync 0; mbarrier.arrive.shared.b64 %l1, [bars];\n\
             W: mbarrier.try_wait.parity.shared.b64 %p2, [bars], 0, 100; @!%p2 bra W; @!%p1 bar.sync 0;",
            64,
            Deadlock,
            &["at barrier 0", "32 of 64 arrivals"],
        ),
    ]);
}

#[test]
fn warps_that_are_not_whole() {
    use Kind::{
        Deadlock, Misaligned, OutOfBounds, SharedRace, UninitializedShared, WarpMask, WrongSpace,
    };
    find(&[
        fault(
            "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%w1, %w2, %w3, %w4}, [%own];",
            32,
            UninitializedShared,
            &["16 bytes"],
        ),
        fault(
            "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%w1}, [%own+8];",
            32,
            Misaligned,
            &["16 bytes"],
        ),
        fault(
            "ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%w1, %w2}, [%own+1808];",
            32,
            OutOfBounds,
            &["`tile`"],
        ),
        fault(
            "ldmatrix.sync.aligned.m8n8.x1.b16 {%w1}, [%from];",
            32,
            WrongSpace,
            &["expects an address of shared memory"],
        ),
        fault(
            "st.shared.v4.u32 [%own], {%i, %i, %i, %i};\n\
             ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%w1, %w2, %w3, %w4}, [%own];\n\
             ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%w1, %w2, %w3, %w4}, [%other];",
            64,
            SharedRace,
            &["ldmatrix", "st.shared.v4.u32"],
        ),
        fault(
            "stmatrix.sync.aligned.m8n8.x1.shared.b16 [%own], {%i}; setp.gt.u32 %p1, %i, 40;\n\
             @%p1 ld.shared.u32 %w1, [%tile];",
            64,
            SharedRace,
            &["stmatrix", "ld.shared.u32"],
        ),
        // Lanes that have ended, or never were.
        fault(
            "setp.eq.u32 %p1, %i, 5; @%p1 exit; movmatrix.sync.aligned.m8n8.trans.b16 %w1, %i;",
            32,
            WarpMask,
            &["here 31 do"],
        ),
        fault(
            "mov.f32 %f1, 0f3f800000;\n\
             mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32 {%f2, %f3, %f4, %f5}, {%i, %i}, {%i}, {%f1, %f1, %f1, %f1};",
            20,
            WarpMask,
            &["here 20 do"],
        ),
        // Each half of a warp waits for the other one.
        fault(
            "setp.lt.u32 %p1, %i, 16; @%p1 bra LOW; movmatrix.sync.aligned.m8n8.trans.b16 %w1, %i; bra END;\n\
             LOW: movmatrix.sync.aligned.m8n8.trans.b16 %w1, %i; END:",
            32,
            Deadlock,
            &["movmatrix"],
        ),
    ]);
}

/// What is right, and close to what is wrong above.
#[test]
fn nothing_is_reported_of_what_is_right() {
    let bodies = [
        // A kernel may end before its copies have.
        "cp.async.cg.shared.global [%own], [%from], 16;",
        "cp.async.cg.shared.global [%own], [%from], 16; cp.async.commit_group;",
        // The warp's own barrier suffices within the warp.
        "cp.async.cg.shared.global [%own], [%from], 16; cp.async.wait_all; bar.warp.sync -1;\n\
         xor.b32 %w1, %own, 16; ld.shared.u32 %w2, [%w1];",
        // The same bytes twice.
        "cp.async.cg.shared.global [%own], [%from], 16;\n\
         cp.async.cg.shared.global [%own], [%from], 16; cp.async.wait_all;",
        // Messages through memory tell of copies, too.
        "setp.eq.u32 %p0, %i, 0; mov.u32 %w9, 0; @%p0 st.shared.u32 [tile+2040], %w9; bar.sync 0;\n\
         setp.ge.u32 %p1, %i, 32; @%p1 bra READ; cp.async.cg.shared.global [%own], [%from], 16;\n\
         cp.async.wait_all; bar.warp.sync -1; setp.eq.u32 %p2, %i, 0; mov.u32 %w1, 1;\n\
         @%p2 st.release.cta.shared.u32 [tile+2040], %w1; bra END;\n\
         READ: mov.u32 %w3, 0; atom.acquire.cta.shared.or.b32 %w3, [tile+2040], 0; setp.ne.u32 %p3, %w3, 1;\n\
         @%p3 bra READ; sub.u32 %w4, %own, 512; ld.shared.u32 %w5, [%w4];\n\
         END:",
        // A source may change behind the wait.
        "cp.async.cg.shared.global [%own], [%from], 16; cp.async.wait_all; st.global.u32 [%from+8], %i;",
        // Threads that do not copy need not wait.
        "setp.lt.u32 %p1, %i, 32; @%p1 cp.async.cg.shared.global [%own], [%from], 16;\n\
         @%p1 cp.async.commit_group; @%p1 cp.async.wait_group 0; bar.sync 0;\n\
         and.b32 %w1, %i, 31; mad.lo.u32 %w1, %w1, 16, %tile; ld.shared.u32 %w2, [%w1];",
        // A wait that gives up, and other work meanwhile.
        "setp.eq.u32 %p0, %i, 0; @%p0 mbarrier.init.shared.b64 [bars], 33; bar.sync 0; mov.u32 %w1, 0;\n\
         setp.ge.u32 %p1, %i, 32; @%p1 bra LATE; mbarrier.arrive.shared.b64 %l1, [bars];\n\
         W: mbarrier.try_wait.parity.shared.b64 %p2, [bars], 0; add.u32 %w1, %w1, 1; @!%p2 bra W; bra END;\n\
         LATE: add.u32 %w1, %w1, 1; setp.lt.u32 %p3, %w1, 5000; @%p3 bra LATE; setp.eq.u32 %p4, %i, 40;\n\
         @%p4 mbarrier.arrive.shared.b64 %l1, [bars]; END:",
        // Two waits in turn: the first one gives up, the second one helps it.
        "setp.eq.u32 %p0, %i, 0; @%p0 mbarrier.init.shared.b64 [bars], 1;\n\
         @%p0 mbarrier.init.shared.b64 [bars+8], 1; bar.sync 0; setp.ne.u32 %p1, %i, 0; @%p1 bra END;\n\
         mov.u32 %w1, 0;\n\
         W: mbarrier.try_wait.parity.shared.b64 %p2, [bars], 0; @%p2 bra END;\n\
         mbarrier.try_wait.parity.shared.b64 %p3, [bars+8], 1; add.u32 %w1, %w1, 1;\n\
         setp.eq.u32 %p4, %w1, 20; @%p4 mbarrier.arrive.shared.b64 _, [bars]; bra W; END:",
        // Phases that are looked for often while barriers keep the threads going.
        "setp.eq.u32 %p0, %i, 0; @%p0 mbarrier.init.shared.b64 [bars], 64; bar.sync 0; mov.u32 %w1, 0;\n\
         MORE: mbarrier.test_wait.parity.shared.b64 %p1, [bars], 0; bar.sync 0; add.u32 %w1, %w1, 1;\n\
         setp.lt.u32 %p2, %w1, 20000; @%p2 bra MORE;",
        // Memory of an mbarrier is memory again.
        "setp.eq.u32 %p0, %i, 0; @%p0 mbarrier.init.shared.b64 [bars], 64; bar.sync 0;\n\
         mbarrier.arrive.shared.b64 %l1, [bars]; W: mbarrier.test_wait.shared.b64 %p1, [bars], %l1;\n\
         @!%p1 bra W; bar.sync 0; @%p0 mbarrier.inval.shared.b64 [bars]; @%p0 st.shared.u32 [bars], %i;\n\
         @%p0 mbarrier.init.shared.b64 [bars+16], 1;",
    ];
    let mut checks = vec![Checks::ALL, Checks::NONE];
    checks.push(Checks::from_list("all,-shared_races,-global_races").unwrap());
    for body in bodies {
        for seed in 0..SEEDS {
            for checks in &checks {
                let (launched, reports) = run(body, 64, seed, *checks);
                let reports: Vec<String> = reports.iter().map(Report::to_string).collect();
                assert!(
                    launched.is_ok() && reports.is_empty(),
                    "{body}\n{launched:?}\n{}",
                    reports.join("\n")
                );
            }
        }
    }
}

/// What a check that is off lets pass does no harm.
#[test]
fn checks_may_be_off() {
    let bodies = [
        "st.shared.v4.u32 [%own+124], {%i, %i, %i, %i}; ld.shared.v4.u32 {%w1, %w2, %w3, %w4}, [%own+124];",
        "cp.async.cg.shared.global [%own+124], [%from+4], 16; cp.async.wait_all;",
        "cp.async.cg.shared.global [%own+65536], [%from+65536], 16; cp.async.wait_all;",
        "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%w1, %w2, %w3, %w4}, [%own+116];",
        "stmatrix.sync.aligned.m8n8.x4.shared.b16 [%own+65536], {%i, %i, %i, %i};",
        "mbarrier.init.shared.b64 [bars], 1; mov.u32 %w1, 0xfffffff0;\n\
         cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes [tile+8], [%in+4], %w1, [bars];",
        "cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes [tile], [%in], 64, [-8];",
        "mbarrier.init.shared.b64 [bars+3], 1; mbarrier.arrive.shared.b64 %l1, [bars+3];",
    ];
    for body in bodies {
        for list in [
            "all,-alignment",
            "all,-bounds",
            "all,-alignment,-bounds",
            "none",
        ] {
            // Reports, or what ends the launch, are as they may be: that it returns is what counts.
            let checks = Checks::from_list(list).unwrap();
            let (_, reports) = run(body, 32, 1, checks);
            let is_off = |report: &Report| {
                report.kind == Kind::Misaligned && list.contains("-alignment")
                    || report.kind == Kind::OutOfBounds && list.contains("-bounds")
            };
            assert!(!reports.iter().any(is_off), "{body}: {reports:?}");
        }
    }
}
