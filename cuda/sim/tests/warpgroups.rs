//! `wgmma` as it must not be used: what is reported, of which instruction, whatever the order of the
//! threads; and the same done right, which is silent.

mod findings;

use findings::findings;
use ptx_sim::{
    AllocationKind, Arguments, Checks, Device, Kind, Launch, LaunchError, Options, Properties,
    Report,
};

const SEEDS: u64 = 4;

/// Words that stand for instructions. The factors are 64 by 16 and 16 by 8 halves, by rows and by columns,
/// without a swizzle.
const WORDS: [(&str, &str); 6] = [
    ("FENCE", "wgmma.fence.sync.aligned"),
    ("COMMIT", "wgmma.commit_group.sync.aligned"),
    ("WAIT", "wgmma.wait_group.sync.aligned"),
    (
        "MULTIPLY",
        "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%f0, %f1, %f2, %f3}, %da, %db, 1, 1, 1, 0, 0",
    ),
    (
        "REGISTERS",
        "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%f0, %f1, %f2, %f3}, {%w0, %w1, %w2, %w3}, %db, 1, \
         1, 1, 0",
    ),
    (
        "TF32",
        "wgmma.mma_async.sync.aligned.m64n8k8.f32.tf32.tf32 {%f0, %f1, %f2, %f3}, %da, %db, 1, 1, 1",
    ),
];

/// What a kernel of this body does in a block of so many threads.
///
/// It finds the factors in shared memory, which all threads have filled, at `%tile` and 2 KiB behind, with
/// descriptors in `%da` and `%db`; zeros in `%f0` to `%f3` and `%w0` to `%w3`; the number of its thread and
/// of its warp in `%i` and `%warp`; 4 KiB at `%out`.
fn run(body: &str, threads: u32, seed: u64) -> (Result<(), LaunchError>, Vec<Report>) {
    let body = WORDS.iter().fold(body.to_owned(), |body, (word, text)| {
        body.replace(word, text)
    });
    let ptx = format!(
        ".version 8.5\n.target sm_90a\n.address_size 64\n\
         .visible .entry test(.param .u64 out)\n{{\n\
         .shared .align 1024 .b8 tile[8192]; .shared .align 16 .b8 unwritten[512];\n\
         .reg .pred %p<4>; .reg .b32 %w<16>, %i, %warp, %tile, %own; .reg .f32 %f<8>;\n\
         .reg .b64 %out, %da, %db, %l<4>;\n\
         ld.param.u64 %out, [out]; mov.u32 %i, %tid.x; shr.u32 %warp, %i, 5; mov.u32 %tile, tile;\n\
         mad.wide.u32 %out, %i, 4, %out; mad.lo.u32 %own, %i, 16, %tile; mov.u32 %w4, %own;\n\
         FILL: st.shared.v4.u32 [%w4], {{%i, %i, %i, %i}}; mov.u32 %w6, %ntid.x; mad.lo.u32 %w4, %w6, 16, %w4;\n\
         sub.u32 %w5, %w4, %tile; setp.lt.u32 %p0, %w5, 8192; @%p0 bra FILL;\n\
         mov.f32 %f0, 0f00000000; mov.f32 %f1, %f0; mov.f32 %f2, %f0; mov.f32 %f3, %f0;\n\
         mov.b32 %w0, 0; mov.b32 %w1, 0; mov.b32 %w2, 0; mov.b32 %w3, 0;\n\
         shr.u32 %w5, %tile, 4; cvt.u64.u32 %da, %w5; or.b64 %da, %da, 0x1000080000;\n\
         add.u64 %db, %da, 128;\n\
         fence.proxy.async.shared::cta; bar.sync 0;\n\
         {}\nret;\n}}\n",
        // A line each: reports name the line.
        body.replace("; ", ";\n")
    );
    let device = Device::new(Options {
        properties: Properties::by_name("h100").unwrap(),
        seed,
        checks: Checks::ALL,
        workers: 1,
        step_limit: 5_000_000,
        ..Options::default()
    });
    let memory = device.memory();
    let out = memory.allocate(4096, 256, AllocationKind::Device).unwrap();
    let launch = Launch {
        grid: [1; 3],
        block: [threads, 1, 1],
        arguments: Arguments::Packed(bytemuck::bytes_of(&out)),
        ..Launch::default()
    };
    findings(&device, &ptx, &launch)
}

fn texts(reports: &[Report]) -> String {
    let texts: Vec<String> = reports.iter().map(Report::to_string).collect();
    texts.join("\n")
}

#[track_caller]
fn silent(threads: u32, bodies: &[&str]) {
    for body in bodies {
        for seed in 0..SEEDS {
            let (launched, reports) = run(body, threads, seed);
            assert!(
                launched.is_ok() && reports.is_empty(),
                "seed {seed}, {body}: {launched:?}\n{}",
                texts(&reports)
            );
        }
    }
}

#[track_caller]
fn found(threads: u32, body: &str, kind: Kind, words: &[&str]) {
    for seed in 0..SEEDS {
        let (launched, reports) = run(body, threads, seed);
        let report = reports.iter().find(|report| report.kind == kind);
        let text = report.map(Report::to_string).unwrap_or_default();
        assert!(
            report.is_some()
                && words.iter().all(|word| text.contains(word))
                && launched.is_err() == kind.is_fault(),
            "seed {seed}, {body}: expected {kind:?} with {words:?}, found {launched:?}\n{}",
            texts(&reports)
        );
    }
}

#[test]
fn registers_of_products_that_were_not_waited_for() {
    silent(
        128,
        &[
            "FENCE; MULTIPLY; COMMIT; WAIT 0; st.global.f32 [%out], %f0;",
            // Products of one shape follow each other, in one group or two.
            "FENCE; MULTIPLY; MULTIPLY; COMMIT; MULTIPLY; COMMIT; WAIT 0; add.f32 %f0, %f1, %f2;",
            // The older of two groups was waited for.
            "FENCE; REGISTERS; COMMIT; FENCE; \
             wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%f4, %f5, %f6, %f7}, %da, %db, 0, 1, 1, 0, 0; \
             COMMIT; WAIT 1; st.global.f32 [%out], %f0; mov.b32 %w0, 7; WAIT 0; st.global.f32 [%out], %f4;",
            // What a product reads may be read.
            "FENCE; REGISTERS; COMMIT; st.global.u32 [%out], %w0; WAIT 0;",
        ],
    );
    let cases = [
        (
            "FENCE; MULTIPLY; COMMIT; st.global.f32 [%out], %f2; WAIT 0;",
            "reads the register `%f2`",
        ),
        (
            "FENCE; MULTIPLY; COMMIT; add.f32 %f5, %f0, %f1; WAIT 0;",
            "reads the register `%f0`",
        ),
        (
            "FENCE; MULTIPLY; COMMIT; mov.f32 %f1, 0f00000000; WAIT 0;",
            "writes the register `%f1`",
        ),
        // It was not committed, and so not waited for; so too a group that a wait lets go on.
        (
            "FENCE; MULTIPLY; WAIT 0; st.global.f32 [%out], %f0; COMMIT;",
            "reads the register `%f0`",
        ),
        (
            "FENCE; MULTIPLY; COMMIT; WAIT 1; st.global.f32 [%out], %f0;",
            "reads the register `%f0`",
        ),
        (
            "FENCE; REGISTERS; COMMIT; mov.b32 %w2, 0; WAIT 0;",
            "writes the register `%w2`",
        ),
        (
            "FENCE; MULTIPLY; COMMIT; shfl.sync.idx.b32 %w8, %f3, 0, 31, -1; WAIT 0;",
            "`%f3`",
        ),
        (
            "FENCE; MULTIPLY; TF32; COMMIT; WAIT 0;",
            "products of one shape",
        ),
    ];
    for (body, words) in cases {
        let words = [words, "m64n8k16", "misuse of wgmma"];
        found(128, body, Kind::WgmmaMisuse, &words);
    }
}

#[test]
fn registers_without_a_fence() {
    silent(
        128,
        &[
            "FENCE; MULTIPLY; COMMIT; WAIT 0; add.f32 %f0, %f0, %f1; FENCE; MULTIPLY; COMMIT; WAIT 0;",
            "mov.b32 %w1, 5; FENCE; REGISTERS; COMMIT; WAIT 0;",
        ],
    );
    let cases = [
        ("MULTIPLY; COMMIT; WAIT 0;", "no wgmma.fence"),
        (
            "FENCE; mov.f32 %f3, 0f3f800000; MULTIPLY; COMMIT; WAIT 0;",
            "`%f3` was accessed behind",
        ),
        (
            "FENCE; mov.b32 %w1, 5; REGISTERS; COMMIT; WAIT 0;",
            "`%w1` was accessed behind",
        ),
        (
            "FENCE; MULTIPLY; COMMIT; WAIT 0; add.f32 %f0, %f0, %f1; MULTIPLY; COMMIT; WAIT 0;",
            "`%f0` was accessed behind",
        ),
    ];
    for (body, words) in cases {
        found(128, body, Kind::WgmmaMisuse, &[words, "m64n8k16"]);
    }
}

#[test]
fn warpgroups_that_are_not_whole() {
    const RIGHT: &str = "FENCE; MULTIPLY; COMMIT; WAIT 0;";
    silent(
        256,
        &[
            RIGHT,
            "setp.ge.u32 %p1, %i, 128; @%p1 bra END; FENCE; MULTIPLY; COMMIT; WAIT 0; END:",
        ],
    );
    for threads in [32, 96, 160] {
        found(threads, RIGHT, Kind::WgmmaMisuse, &["no multiple of 128"]);
    }
    let two_places = "and.b32 %w8, %i, 1; setp.eq.u32 %p1, %w8, 0; FENCE; @%p1 bra EVEN; \
                      MULTIPLY; bra END; EVEN: MULTIPLY; END: COMMIT; WAIT 0;";
    found(128, two_places, Kind::Deadlock, &["m64n8k16"]);
    let some_lanes =
        "and.b32 %w8, %i, 1; setp.eq.u32 %p1, %w8, 0; @%p1 ret; FENCE; MULTIPLY; COMMIT; WAIT 0;";
    found(
        128,
        some_lanes,
        Kind::WarpMask,
        &["all 32 lanes", "here 16 do"],
    );
    let some_warps = "setp.eq.u32 %p1, %warp, 2; FENCE; @%p1 bra END; MULTIPLY; END: ret;";
    found(
        128,
        some_warps,
        Kind::WgmmaMisuse,
        &["warp 2 of the block ends without", "m64n8k16"],
    );
    let others = "setp.eq.u32 %p1, %warp, 2; FENCE; @%p1 bra TWO; MULTIPLY; bra END; \
                  TWO: TF32; END: COMMIT; WAIT 0;";
    found(128, others, Kind::WgmmaMisuse, &["has run another one"]);
    let elsewhere =
        "setp.eq.u32 %p1, %warp, 1; @%p1 add.u64 %db, %db, 16; FENCE; MULTIPLY; COMMIT; WAIT 0;";
    found(
        128,
        elsewhere,
        Kind::WgmmaMisuse,
        &["with other descriptors"],
    );
}

/// No warp's wait ends before all warps of the warpgroup have run the product: what it says then, of a stage
/// of a pipeline, holds for all of them.
#[test]
fn products_are_complete_when_all_warps_have_run_them() {
    let init = "setp.eq.u32 %p0, %i, 0; @%p0 mbarrier.init.shared.b64 [unwritten], 1; bar.sync 0; \
                setp.eq.u32 %p1, %i, 96; setp.ge.u32 %p2, %i, 32;";
    let tell = "@%p1 mbarrier.arrive.shared.b64 _, [unwritten];";
    let listen = "@%p2 bra GO; LOOK: mbarrier.try_wait.parity.shared.b64 %p3, [unwritten], 0; \
                  @!%p3 bra LOOK; GO:";
    let product = "FENCE; MULTIPLY; COMMIT;";
    let right = format!("{init} {tell} {listen} {product} WAIT 0;");
    let other_group = format!(
        "{init} {product} {listen} {product} WAIT 0;",
        listen = format_args!("WAIT 1; {tell} {listen}")
    );
    silent(128, &[&right, &other_group]);
    // The first warp begins when the last one has waited for it.
    found(
        128,
        &format!("{init} {listen} {product} WAIT 0; {tell}"),
        Kind::WgmmaMisuse,
        &[
            "that warp 0 has not begun, which itself waits",
            "wgmma.wait_group",
        ],
    );
}

#[test]
fn descriptors_that_are_wrong() {
    // A swizzle of 128 bytes, whose pattern begins 128 bytes behind a multiple of 1 KiB, as the descriptor
    // says or not.
    let shifted = |base: &str| {
        format!(
            "and.b64 %da, %da, 0x3fff; add.u64 %da, %da, 8; or.b64 %da, %da, {base}; \
             or.b64 %da, %da, 0x4000004000000000; FENCE; MULTIPLY; COMMIT; WAIT 0;"
        )
    };
    // The rows of the matrix are 64, and all of its patterns begin as far behind.
    silent(
        128,
        &[&shifted("0x2000000000000").replace("0x4000004000000000", "0x4000003800000000")],
    );
    found(
        128,
        &shifted("0"),
        Kind::Misaligned,
        &["multiple of 1024 bytes", "m64n8k16"],
    );
    let body = |change: &str| format!("{change}; FENCE; MULTIPLY; COMMIT; WAIT 0;");
    let cases = [
        (
            "or.b64 %db, %db, 0x3f80",
            Kind::OutOfBounds,
            "of shared memory",
        ),
        // A stride that leads out of the variable.
        (
            "or.b64 %da, %da, 0x100000000000",
            Kind::OutOfBounds,
            "of shared memory",
        ),
        (
            "or.b64 %da, %da, 0x8000",
            Kind::InvalidInstruction,
            "bits set that mean nothing",
        ),
        (
            "setp.eq.u32 %p1, %i, 5; @%p1 add.u64 %da, %da, 1",
            Kind::InvalidInstruction,
            "all must have the same",
        ),
        (
            "mov.u32 %w8, unwritten; shr.u32 %w8, %w8, 4; cvt.u64.u32 %db, %w8",
            Kind::UninitializedShared,
            "never written",
        ),
    ];
    for (change, kind, words) in cases {
        found(128, &body(change), kind, &[words]);
    }
}

#[test]
fn factors_that_change() {
    silent(
        128,
        &[
            "FENCE; MULTIPLY; COMMIT; WAIT 0; st.shared.u32 [%own], %i; bar.sync 0;",
            // Nobody reads there.
            "FENCE; MULTIPLY; COMMIT; st.shared.u32 [%own+4096], %i; WAIT 0;",
            // The wait of one warp tells of all four.
            "FENCE; MULTIPLY; COMMIT; WAIT 0; setp.ne.u32 %p1, %i, 0; @%p1 bra END; \
             st.shared.u32 [%tile+2048], %i; END:",
        ],
    );
    let cases = [
        "FENCE; MULTIPLY; COMMIT; st.shared.u32 [%own], %i; WAIT 0;",
        "FENCE; MULTIPLY; COMMIT; WAIT 1; st.shared.u32 [%own], %i;",
        "FENCE; MULTIPLY; COMMIT; bar.sync 0; st.shared.u32 [%own], %i; WAIT 0;",
        // What was written is not handed over.
        "st.shared.u32 [%own], %warp; fence.proxy.async.shared::cta; FENCE; MULTIPLY; COMMIT; WAIT 0;",
    ];
    for body in cases {
        found(128, body, Kind::SharedRace, &["m64n8k16", "st.shared.u32"]);
    }
}

#[test]
fn factors_that_no_fence_hands_to_the_other_proxy() {
    silent(
        128,
        &[
            "st.shared.u32 [%own], %warp; fence.proxy.async.shared::cta; bar.sync 0; \
             FENCE; MULTIPLY; COMMIT; WAIT 0;",
            // A product was waited for: that nobody reads any more needs no fence.
            "FENCE; MULTIPLY; COMMIT; WAIT 0; bar.sync 0; st.shared.u32 [%own], %warp;",
        ],
    );
    let cases = [
        "st.shared.u32 [%own], %warp; bar.sync 0; FENCE; MULTIPLY; COMMIT; WAIT 0;",
        // The fence of registers is none of memory.
        "st.shared.u32 [%own], %warp; FENCE; bar.sync 0; MULTIPLY; COMMIT; WAIT 0;",
    ];
    for body in cases {
        found(128, body, Kind::ProxyFence, &["m64n8k16", "st.shared.u32"]);
    }
}
