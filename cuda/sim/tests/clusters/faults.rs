//! Kernels that use clusters as they must not, each beside its right twin.

use ptx_sim::{AllocationKind, Arguments, Device, Kind, Launch, LaunchError, Options, Report};

use crate::findings::findings;

/// What a kernel of this body does in a cluster of two blocks.
///
/// It finds `%out`, the address of 4 KiB that hold zeros; `%i`, the number of its thread; `%rank` and
/// `%next`, the ranks of its block and of the other one; `%own`, the address of its thread's 4 bytes in
/// shared memory, and `%there`, that of the same thread's in the other block.
fn run(body: &str, threads: u32, seed: u64) -> (Result<(), LaunchError>, Vec<Report>) {
    let ptx = format!(
        ".version 8.6\n.target sm_90a\n.address_size 64\n\
         .visible .entry test(.param .u64 out) .maxnreg 64\n{{\n\
         .shared .align 16 .b8 tile[1024]; .shared .align 8 .b64 bars[2];\n\
         .reg .pred %p<8>; .reg .b32 %w<32>, %i, %rank, %next, %own, %there, %bars; .reg .b64 %l<16>, %out;\n\
         ld.param.u64 %out, [out]; mov.u32 %i, %tid.x; mov.u32 %rank, %cluster_ctarank;\n\
         xor.b32 %next, %rank, 1; mov.u32 %own, tile; mad.lo.u32 %own, %i, 4, %own;\n\
         mapa.shared::cluster.u32 %there, %own, %next; mapa.shared::cluster.u32 %bars, bars, %next;\n\
         {}\nret;\n}}\n",
        // A line each: reports name the line.
        body.replace("; ", ";\n")
    );
    let device = Device::new(Options {
        seed,
        workers: 1,
        step_limit: 5_000_000,
        ..Options::default()
    });
    let out = device
        .memory()
        .allocate(4096, 256, AllocationKind::Device)
        .unwrap();
    device.memory().fill(out, &[0], 4096).unwrap();
    let launch = Launch {
        grid: [2, 1, 1],
        block: [threads, 1, 1],
        cluster: Some([2, 1, 1]),
        arguments: Arguments::Packed(&out.to_le_bytes()),
        ..Launch::default()
    };
    findings(&device, &ptx, &launch)
}

const SEEDS: u64 = 8;
const SYNC: &str = "barrier.cluster.arrive; barrier.cluster.wait;";

/// A kernel of this body and so many threads is right: nothing is found, in no order.
#[track_caller]
fn is_right(body: &str, threads: u32) {
    let body = body.replace("SYNC;", SYNC);
    for seed in 0..SEEDS {
        let (launched, reports) = run(&body, threads, seed);
        let reports: Vec<_> = reports.iter().map(Report::to_string).collect();
        assert!(
            launched.is_ok() && reports.is_empty(),
            "seed {seed}, {launched:?} of\n{body}\n{}",
            reports.join("\n")
        );
    }
}

/// It is wrong: this is found, with these words, in every order.
#[track_caller]
fn is_wrong(body: &str, threads: u32, kind: Kind, words: &[&str]) {
    let body = body.replace("SYNC;", SYNC);
    for seed in 0..SEEDS {
        let (launched, reports) = run(&body, threads, seed);
        let texts: Vec<_> = reports.iter().map(Report::to_string).collect();
        let found = reports.iter().zip(&texts).any(|(report, text)| {
            report.kind == kind && words.iter().all(|word| text.contains(word))
        });
        assert!(
            found && launched.is_err() == kind.is_fault(),
            "seed {seed}, expected {kind:?} with {words:?}, {launched:?} of\n{body}\n{}",
            texts.join("\n")
        );
    }
}

#[test]
fn a_block_may_not_end_while_others_use_its_memory() {
    let right = "st.shared.u32 [%own], %i; SYNC; ld.shared::cluster.u32 %w1, [%there]; SYNC;";
    is_right(right, 64);
    let words = [
        "may have ended",
        "ld.shared::cluster.u32 %w1, [%there]",
        "variable `tile`",
        "ends it",
        "of the shared memory of block (",
    ];
    let wrong = "st.shared.u32 [%own], %i; SYNC; ld.shared::cluster.u32 %w1, [%there];";
    is_wrong(wrong, 64, Kind::EndedBlock, &words);
    // The other block alone waits: that is enough for its own memory.
    let half = "st.shared.u32 [%own], %i; SYNC; setp.eq.u32 %p0, %rank, 0;\
                @%p0 ld.shared::cluster.u32 %w1, [%there]; barrier.cluster.arrive;\
                @%p0 bra END; barrier.cluster.wait; END:";
    is_right(half, 64);
    let atomic = "st.shared.u32 [%own], %i; SYNC; red.shared::cluster.add.u32 [%there], 1;";
    is_wrong(
        atomic,
        64,
        Kind::EndedBlock,
        &["updates", "red.shared::cluster"],
    );
    // A relaxed arrival tells nothing of the read before it.
    let relaxed = "st.shared.u32 [%own], %i; SYNC; ld.shared::cluster.u32 %w1, [%there];\
                   barrier.cluster.arrive.relaxed; barrier.cluster.wait;";
    is_wrong(relaxed, 64, Kind::EndedBlock, &["reads"]);
}

#[test]
fn a_read_of_other_blocks_memory_needs_order() {
    let wrong = "st.shared.u32 [%own], %i; bar.sync 0; ld.shared::cluster.u32 %w1, [%there]; SYNC;";
    let words = [
        "thread (",
        "of block (0, 0, 0)",
        "of block (1, 0, 0)",
        "st.shared.u32 [%own], %i",
        "ld.shared::cluster.u32 %w1, [%there]",
    ];
    is_wrong(wrong, 32, Kind::SharedRace, &words);
    // A barrier of each block orders nothing between them, that of the cluster does both.
    is_right(
        "st.shared.u32 [%own], %i; SYNC; ld.shared::cluster.u32 %w1, [%there]; SYNC;",
        96,
    );
    let split = "st.shared.u32 [%own], %i; barrier.cluster.arrive; st.shared.u32 [%own+512], %i; \
                 barrier.cluster.wait; ld.shared::cluster.u32 %w1, [%there+512]; SYNC;";
    is_wrong(split, 64, Kind::SharedRace, &["%own+512"]);
    let relaxed = "st.shared.u32 [%own], %i; barrier.cluster.arrive.relaxed; barrier.cluster.wait; \
                   ld.shared::cluster.u32 %w1, [%there]; SYNC;";
    is_wrong(relaxed, 64, Kind::SharedRace, &["reads", "writes it"]);
    let fenced = "st.shared.u32 [%own], %i; fence.acq_rel.cluster; barrier.cluster.arrive.relaxed; \
                  barrier.cluster.wait; ld.shared::cluster.u32 %w1, [%there]; SYNC;";
    is_right(fenced, 64);
    // So does the fence that CUTLASS has behind its `mbarrier.init`.
    let initialized = "setp.ne.u32 %p0, %i, 0; @%p0 bra READY; mbarrier.init.shared.b64 [bars], 2; FENCE; READY: \
                       barrier.cluster.arrive.relaxed; barrier.cluster.wait; @%p0 bra DONE; \
                       mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%bars]; \
                       mbarrier.arrive.shared.b64 _, [bars]; \
                       MORE: mbarrier.try_wait.parity.shared.b64 %p1, [bars], 0; @!%p1 bra MORE; DONE: SYNC;";
    let with = |fence| initialized.replace("FENCE", fence);
    is_right(&with("fence.mbarrier_init.release.cluster"), 32);
    is_wrong(
        &with("mov.u32 %w9, 0"),
        32,
        Kind::SharedRace,
        &["mbarrier.init"],
    );
    // The same at an mbarrier of the other block, whose waits are relaxed as well.
    let mbarrier = "setp.ne.u32 %p0, %i, 0; @%p0 bra READY; mbarrier.init.shared.b64 [bars], 32; \
                    fence.mbarrier_init.release.cluster; READY: SYNC; \
                    st.shared::cluster.u32 [%there], %i; RELEASE; \
                    mbarrier.arrive.relaxed.cluster.shared::cluster.b64 _, [%bars]; \
                    MORE: mbarrier.try_wait.parity.relaxed.cluster.shared::cta.b64 %p1, [bars], 0; \
                    @!%p1 bra MORE; ACQUIRE; ld.shared.u32 %w1, [%own]; SYNC;";
    let [fence, nothing] = ["fence.acq_rel.cluster", "mov.u32 %w9, 0"];
    let with = |release, acquire| {
        mbarrier
            .replace("RELEASE", release)
            .replace("ACQUIRE", acquire)
    };
    is_right(&with(fence, fence), 32);
    for body in [with(nothing, fence), with(fence, nothing)] {
        is_wrong(&body, 32, Kind::SharedRace, &["ld.shared.u32 %w1"]);
    }
}

#[test]
fn threads_arrive_once_and_wait_once() {
    let words = ["without having arrived"];
    is_wrong(
        "SYNC; barrier.cluster.wait;",
        64,
        Kind::BarrierMismatch,
        &words,
    );
    let twice = "barrier.cluster.arrive; barrier.cluster.arrive; barrier.cluster.wait; SYNC;";
    is_wrong(
        twice,
        64,
        Kind::BarrierMismatch,
        &["again without having waited"],
    );
    is_right("SYNC; SYNC; SYNC;", 48);
    // What has ended is not waited for.
    is_right("setp.eq.u32 %p0, %i, 3; @%p0 exit; SYNC;", 64);
    is_right("setp.eq.u32 %p0, %rank, 1; @%p0 exit; SYNC; SYNC;", 64);
    let apart = "setp.lt.u32 %p0, %i, 5; @%p0 bra ONE; barrier.cluster.arrive.aligned; bra WAIT; \
                 ONE: barrier.cluster.arrive.release.aligned; WAIT: barrier.cluster.wait.aligned;";
    is_wrong(
        apart,
        32,
        Kind::BarrierMismatch,
        &["in different instructions"],
    );
    is_right(&apart.replace(".aligned", ""), 32);
    let stuck = "setp.eq.u32 %p0, %rank, 0; @%p0 bra LAST; mbarrier.init.shared.b64 [bars], 1; \
                 MORE: mbarrier.try_wait.parity.shared.b64 %p1, [bars], 0; @!%p1 bra MORE; LAST: SYNC;";
    let words = [
        "all threads of the cluster wait",
        "at the barrier of the cluster",
        "of block (1, 0, 0)",
    ];
    is_wrong(stuck, 1, Kind::Deadlock, &words);
}

#[test]
fn addresses_say_which_block_they_are_of() {
    let far = "mov.u32 %w1, 2; mapa.shared::cluster.u32 %w2, %own, %w1; st.shared::cluster.u32 [%w2], %i; SYNC;";
    is_wrong(
        far,
        32,
        Kind::OutOfBounds,
        &["a block of rank 2", "has 2 blocks"],
    );
    // It matters only if it is used.
    is_right(
        "mov.u32 %w1, 2; mapa.shared::cluster.u32 %w2, %own, %w1;",
        32,
    );
    let foreign = "st.shared.u32 [%there], %i; SYNC;";
    is_wrong(
        foreign,
        32,
        Kind::WrongSpace,
        &["`.shared::cta`", "st.shared.u32 [%there]"],
    );
    is_right("st.shared::cluster.u32 [%there], %i; SYNC;", 32);
    is_right("st.shared::cluster.u32 [%own], %i; SYNC;", 32);
    let beyond = "st.shared::cluster.u32 [%there+1024], %i; SYNC;";
    is_wrong(
        beyond,
        32,
        Kind::OutOfBounds,
        &["of the shared memory of block (", "right behind the end"],
    );
    let empty = "ld.shared::cluster.u32 %w1, [%there]; SYNC;";
    is_wrong(
        empty,
        32,
        Kind::UninitializedShared,
        &["of the shared memory of block ("],
    );
    let global = "mapa.u64 %l1, %out, 1;";
    is_wrong(global, 32, Kind::WrongSpace, &["mapa.u64", "global memory"]);
    // Generic addresses, and what is asked of them.
    let generic = "cvt.u64.u32 %l1, %own; cvta.shared.u64 %l1, %l1; mapa.u64 %l2, %l1, %next; \
                   cvt.u64.u32 %l3, %there; cvta.shared::cluster.u64 %l3, %l3; \
                   setp.ne.u64 %p0, %l2, %l3; @%p0 trap; \
                   isspacep.shared %p1, %l1; @!%p1 trap; isspacep.shared::cta %p1, %l2; @%p1 trap; \
                   isspacep.shared::cluster %p1, %l1; @!%p1 trap; \
                   isspacep.shared::cluster %p1, %l2; @!%p1 trap; \
                   isspacep.shared::cluster %p1, %out; @%p1 trap; \
                   getctarank.u64 %w1, %l2; setp.ne.u32 %p2, %w1, %next; @%p2 trap; \
                   getctarank.shared::cluster.u32 %w1, tile; setp.ne.u32 %p2, %w1, %rank; @%p2 trap; \
                   getctarank.shared::cluster.u32 %w1, %there; setp.ne.u32 %p2, %w1, %next; @%p2 trap; \
                   mapa.shared::cluster.u64 %l4, tile+4, %next; cvt.u32.u64 %w2, %l4; \
                   mapa.shared::cluster.u32 %w3, tile, %next; add.u32 %w3, %w3, 4; \
                   setp.ne.u32 %p2, %w2, %w3; @%p2 trap; \
                   cvta.to.shared::cluster.u64 %l5, %l2; cvt.u32.u64 %w4, %l5; \
                   setp.ne.u32 %p2, %w4, %there; @%p2 trap; \
                   atom.exch.b32 %w5, [%l2], %rank; SYNC; ld.u32 %w6, [%l1]; \
                   setp.ne.u32 %p2, %w6, %next; @%p2 trap;";
    is_right(&generic.replace("atom.exch.b32 %w5,", "st.u32"), 32);
}

/// Makes an mbarrier in each block that waits for one arrival, and tells it of 4 bytes of each thread.
const READY: &str = "setp.ne.u32 %p0, %i, 0; @%p0 bra READY; mbarrier.init.shared.b64 [bars], 1; \
                     mbarrier.arrive.expect_tx.shared.b64 _, [bars], 128; \
                     fence.mbarrier_init.release.cluster; READY: SYNC;";
const WAIT: &str = "MORE: mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 %p1, [bars], 0; \
                    @!%p1 bra MORE;";

#[test]
fn asynchronous_stores_are_waited_for() {
    let store = "st.async.shared::cluster.mbarrier::complete_tx::bytes.u32 [%there], %i, [%bars];";
    let read = "ld.shared.u32 %w1, [%own]; setp.ne.u32 %p2, %w1, %i; @%p2 trap; SYNC;";
    is_right(&format!("{READY} {store} {WAIT} {read}"), 32);
    let words = [
        "asynchronous store",
        "st.async",
        "ld.shared.u32 %w1, [%own]",
    ];
    // That the other block has come somewhere says nothing of its stores.
    let body = format!("{READY} {store} SYNC; {read} {WAIT}");
    is_wrong(
        &body.replace("@%p2 trap; ", ""),
        32,
        Kind::SharedRace,
        &words,
    );
    let here = store.replace("%bars]", "%w8]");
    let body = format!("{READY} mov.u32 %w8, bars; {here} {WAIT} {read}");
    is_wrong(
        &body,
        32,
        Kind::MbarrierMisuse,
        &["both must be of one block"],
    );
    // What is told of fewer bytes than come is not done when it should be, or never.
    let body = format!("{READY} {store} {WAIT} {read}").replace(", 128;", ", 132;");
    is_wrong(&body, 32, Kind::Deadlock, &["4 bytes"]);
    let body = format!("{READY} add.u32 %there, %there, 2; {store} {WAIT} SYNC;");
    is_wrong(&body, 32, Kind::Misaligned, &["no multiple of 4"]);
    // Nobody waits for the stores into a block that ends.
    is_wrong(
        &format!("{READY} {store}"),
        32,
        Kind::EndedBlock,
        &["writes asynchronously"],
    );
}

#[test]
fn asynchronous_updates_are_waited_for() {
    let update = "red.async.relaxed.cluster.shared::cluster.mbarrier::complete_tx::bytes.add.u32 \
                  [%w7], %w6, [%bars];";
    let begin = "mov.u32 %w6, 0; st.shared.u32 [tile], %w6; mapa.shared::cluster.u32 %w7, tile, %next; \
                 add.u32 %w6, %i, 1;";
    let read = "ld.shared.u32 %w1, [tile]; setp.ne.u32 %p2, %w1, 528;";
    is_right(
        &format!("{begin} {READY} {update} {WAIT} {read} @%p2 trap; SYNC;"),
        32,
    );
    let words = ["asynchronous store", "red.async"];
    is_wrong(
        &format!("{begin} {READY} {update} SYNC; {read} {WAIT}"),
        32,
        Kind::SharedRace,
        &words,
    );
}

#[test]
fn other_blocks_mbarriers_are_only_arrived_at() {
    let right = format!(
        "setp.ne.u32 %p0, %i, 0; @%p0 bra READY; mbarrier.init.shared.b64 [bars], 32; READY: SYNC; \
         mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%bars]; {WAIT} SYNC;"
    );
    is_right(&right, 32);
    let more = right.replace("[%bars]; MORE", "[%bars], 33; MORE");
    is_wrong(
        &more,
        32,
        Kind::MbarrierMisuse,
        &["arrives 33 times", "mbarrier.arrive"],
    );
    let fewer = right.replace("[bars], 32", "[bars], 33");
    is_wrong(&fewer, 32, Kind::Deadlock, &["1 of 33 arrivals"]);
    let waits = right.replace("p1, [bars], 0", "p1, [%bars], 0");
    is_wrong(
        &waits,
        32,
        Kind::WrongSpace,
        &["`.shared::cta`", "mbarrier.try_wait"],
    );
    let unordered = right.replace("READY: SYNC", "READY: bar.sync 0");
    // Who came first says whether there was an mbarrier; wrong it is either way.
    for seed in 0..SEEDS {
        let (_, reports) = run(&unordered.replace("SYNC;", SYNC), 32, seed);
        let kinds: Vec<_> = reports.iter().map(|report| report.kind).collect();
        assert!(
            kinds.contains(&Kind::SharedRace) || kinds.contains(&Kind::MbarrierMisuse),
            "seed {seed}: {kinds:?}"
        );
    }
}

#[test]
fn warpgroups_hand_registers_on() {
    // 2 warpgroups of 64 registers a thread: one gives 40 up, the other one takes as many.
    let body = "setp.lt.u32 %p0, %i, 128; @%p0 bra TAKE; setmaxnreg.dec.sync.aligned.u32 24; bra END; \
                TAKE: setmaxnreg.inc.sync.aligned.u32 104; END: SYNC;";
    is_right(body, 256);
    is_wrong(
        &body.replace("104", "112"),
        256,
        Kind::Deadlock,
        &["for 112 registers", "has 64"],
    );
    let body =
        "setp.lt.u32 %p0, %i, 128; @%p0 bra TAKE; setmaxnreg.dec.sync.aligned.u32 72; TAKE: SYNC;";
    is_wrong(
        body,
        256,
        Kind::InvalidInstruction,
        &["72 registers of a thread that has 64"],
    );
    let body =
        "setp.lt.u32 %p0, %i, 96; @%p0 bra END; setmaxnreg.dec.sync.aligned.u32 24; END: SYNC;";
    is_wrong(
        body,
        256,
        Kind::WgmmaMisuse,
        &["all warps of a warpgroup", "setmaxnreg"],
    );
    let body = "setmaxnreg.dec.sync.aligned.u32 24;";
    is_wrong(body, 64, Kind::WgmmaMisuse, &["no multiple of 128"]);
    // What a warp had is free when it ends.
    let body = "setp.ge.u32 %p0, %i, 128; @%p0 exit; setmaxnreg.inc.sync.aligned.u32 128;";
    is_right(body, 256);
}
