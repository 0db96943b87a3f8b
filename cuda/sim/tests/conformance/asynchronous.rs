//! Asynchronous copies, and barriers in shared memory.

use crate::program::{Program, fill};

pub fn programs() -> Vec<Program> {
    let mut programs = Vec::new();
    copies(&mut programs);
    partial_copies(&mut programs);
    pipelines(&mut programs);
    phases(&mut programs);
    states(&mut programs);
    bytes(&mut programs);
    copies_at_mbarriers(&mut programs);
    producers(&mut programs);
    drops(&mut programs);
    bulk(&mut programs);
    hints(&mut programs);
    programs
}

const TILE: &str = ".shared .align 16 .b8 tile[4096]; .shared .align 8 .b64 bars[4];";

/// Each thread copies its elements, waits for its own copy, and after a barrier all read those of
/// another one.
fn copies(programs: &mut Vec<Program>) {
    let ways = [
        "cp.async.commit_group; cp.async.wait_group 0;",
        "cp.async.wait_all;",
        "cp.async.commit_group; cp.async.wait_all;",
        "cp.async.commit_group; cp.async.commit_group; cp.async.wait_group 1;",
    ];
    for (form, bytes) in [
        ("ca.shared.global", 4_usize),
        ("ca.shared.global", 8),
        ("ca.shared.global", 16),
        ("cg.shared.global", 16),
        ("cg.shared::cta.global", 16),
        ("ca.shared::cta.global.L2::64B", 8),
        ("cg.shared.global.L2::128B", 16),
        ("ca.shared.global.L2::256B", 4),
    ] {
        for wait in ways {
            let words = bytes / 4;
            let body = fill(
                "mov.u32 %w1, tile; mad.lo.u32 %w2, %i, $bytes, %w1;\n\
                 cp.async.$form [%w2], [%from], $bytes; $wait\n\
                 ld.shared.u32 %w3, [%w2]; bar.sync 0;\n\
                 xor.b32 %w4, %i, 63; mad.lo.u32 %w4, %w4, $bytes, %w1;\n\
                 ld.shared.u32 %w5, [%w4+$last]; st.global.v2.u32 [%to], {%w3, %w5};",
                &[
                    ("bytes", &bytes.to_string()),
                    ("last", &(bytes - 4).to_string()),
                    ("form", form),
                    ("wait", wait),
                ],
            );
            let input: Vec<u32> = (0..64 * words as u32).map(|at| 7 * at + 1).collect();
            let expected: Vec<u32> = (0..64)
                .flat_map(|i| [input[i * words], input[(i ^ 63) * words + words - 1]])
                .collect();
            programs.push(
                Program::new(format!("cp.async.{form} of {bytes}, {wait}"), body)
                    .head(TILE)
                    .shape(1, 64)
                    .strides(bytes, 8)
                    .input(&input)
                    .expect(expected),
            );
        }
    }
}

/// What is not read is zero, and its address does not matter.
fn partial_copies(programs: &mut Vec<Program>) {
    for bytes in [4_u32, 8, 16] {
        let body = format!(
            "rem.u32 %w6, %i, {limit}; mov.u32 %w1, tile; mad.lo.u32 %w2, %i, {bytes}, %w1;\n\
             setp.eq.u32 %p0, %w6, 0; selp.b64 %l1, 16, %from, %p0;\n\
             cp.async.ca.shared.global [%w2], [%l1], {bytes}, %w6; cp.async.wait_all;\n\
             mov.u32 %w7, 0;\n\
             MORE: add.u32 %w8, %w2, %w7; ld.shared.u8 %w9, [%w8]; cvt.u64.u32 %l2, %w7;\n\
             add.u64 %l3, %to, %l2; st.global.u8 [%l3], %w9; add.u32 %w7, %w7, 1;\n\
             setp.lt.u32 %p1, %w7, {bytes}; @%p1 bra MORE;",
            limit = bytes + 1,
        );
        let input: Vec<u8> = (0..64 * bytes).map(|at| at as u8 | 1).collect();
        let expected: Vec<u8> = (0..64 * bytes)
            .map(|at| match at % bytes < at / bytes % (bytes + 1) {
                true => input[at as usize],
                false => 0,
            })
            .collect();
        programs.push(
            Program::new(format!("cp.async of a part of {bytes}"), body)
                .head(TILE)
                .shape(1, 64)
                .strides(bytes as usize, bytes as usize)
                .input(&input)
                .expect(expected),
        );
    }
    // A predicate that says to read nothing.
    let body = "and.b32 %w6, %i, 1; setp.ne.u32 %p0, %w6, 0; mov.u32 %w1, tile;\n\
         mad.lo.u32 %w2, %i, 16, %w1; mov.u32 %w3, 9; st.shared.v2.u32 [%w2+8], {%w3, %w3};\n\
         cp.async.cg.shared.global [%w2], [%from], 16, %p0; cp.async.wait_all;\n\
         ld.shared.u32 %w4, [%w2+12]; st.global.u32 [%to], %w4;";
    programs.push(
        Program::new("cp.async that ignores its source", body)
            .head(TILE)
            .strides(16, 4)
            .input(&(0..128_u32).collect::<Vec<_>>())
            .expect((0..32_u32).map(|i| if i % 2 == 1 { 0 } else { 4 * i + 3 })),
    );
}

/// Copies of later tiles go on while earlier ones are used.
fn pipelines(programs: &mut Vec<Program>) {
    for stages in [2_u32, 3, 4] {
        let body = format!(
            "mov.u32 %w1, tile; mov.u32 %w9, 0; mov.u32 %w10, 0; mov.u64 %l1, %from;\n\
             FILL: rem.u32 %w2, %w10, {stages}; mad.lo.u32 %w3, %w2, 512, %w1;\n\
             mad.lo.u32 %w3, %i, 4, %w3; cp.async.ca.shared.global [%w3], [%l1], 4;\n\
             cp.async.commit_group; add.u64 %l1, %l1, 512; add.u32 %w10, %w10, 1;\n\
             setp.lt.u32 %p0, %w10, {ahead}; @%p0 bra FILL;\n\
             mov.u32 %w11, 0;\n\
             MORE: cp.async.wait_group {rest}; bar.sync 0;\n\
             setp.ge.u32 %p1, %w10, 16; @%p1 bra NONE;\n\
             rem.u32 %w2, %w10, {stages}; mad.lo.u32 %w3, %w2, 512, %w1;\n\
             mad.lo.u32 %w3, %i, 4, %w3; cp.async.ca.shared.global [%w3], [%l1], 4;\n\
             NONE: cp.async.commit_group; add.u64 %l1, %l1, 512; add.u32 %w10, %w10, 1;\n\
             rem.u32 %w2, %w11, {stages}; mad.lo.u32 %w3, %w2, 512, %w1;\n\
             sub.u32 %w4, 127, %i; mad.lo.u32 %w3, %w4, 4, %w3; ld.shared.u32 %w5, [%w3];\n\
             mad.lo.u32 %w9, %w9, 3, %w5;\n\
             add.u32 %w11, %w11, 1; setp.lt.u32 %p2, %w11, 16; @%p2 bra MORE;\n\
             st.global.u32 [%to], %w9;",
            ahead = stages - 1,
            rest = stages - 2,
        );
        let input: Vec<u32> = (0..16 * 128).map(|at| at * at + 5).collect();
        let expected = (0..128).map(|i| {
            (0..16).fold(0_u32, |sum, tile| {
                sum.wrapping_mul(3)
                    .wrapping_add(input[tile * 128 + 127 - i])
            })
        });
        programs.push(
            Program::new(format!("a pipeline of {stages} stages"), body)
                .head(TILE)
                .shape(1, 128)
                .expect(expected.collect::<Vec<_>>())
                .input(&input),
        );
    }
}

/// All threads write, arrive and wait, for several phases.
fn phases(programs: &mut Vec<Program>) {
    for (arrive, wait) in [
        (
            "mbarrier.arrive.shared.b64 %l1, [bars];",
            "mbarrier.test_wait.shared.b64 %p1, [bars], %l1;",
        ),
        (
            "mbarrier.arrive.release.cta.shared::cta.b64 %l1, [bars];",
            "mbarrier.try_wait.acquire.cta.shared::cta.b64 %p1, [bars], %l1;",
        ),
        (
            "mbarrier.arrive.shared.b64 _, [bars];",
            "mbarrier.try_wait.parity.shared.b64 %p1, [bars], %w7, 1000;",
        ),
        (
            "mbarrier.arrive.shared.b64 %l1, [bars], 1;",
            "mbarrier.test_wait.parity.shared::cta.b64 %p1, [bars], %w7;",
        ),
        (
            "cvta.shared.u64 %l2, %l9; mbarrier.arrive.b64 %l1, [%l2];",
            "mbarrier.try_wait.b64 %p1, [%l2], %l1;",
        ),
    ] {
        let body = format!(
            "mov.u64 %l9, bars; mov.u32 %w1, tile; mad.lo.u32 %w2, %i, 4, %w1;\n\
             sub.u32 %w3, 95, %i; mad.lo.u32 %w3, %w3, 4, %w1;\n\
             setp.eq.u32 %p0, %i, 0; @%p0 mbarrier.init.shared.b64 [bars], 96; bar.sync 0;\n\
             mov.u32 %w4, %i; mov.u32 %w5, 0;\n\
             MORE: st.shared.u32 [%w2], %w4; mov.u32 %w7, 0;\n\
             {arrive}\nFULL: {wait} @!%p1 bra FULL;\n\
             ld.shared.u32 %w4, [%w3]; add.u32 %w4, %w4, 1; mov.u32 %w7, 1;\n\
             {arrive}\nEMPTY: {wait} @!%p1 bra EMPTY;\n\
             add.u32 %w5, %w5, 1; setp.lt.u32 %p2, %w5, 7; @%p2 bra MORE;\n\
             st.global.u32 [%to], %w4;"
        );
        programs.push(
            Program::new(format!("{arrive} {wait}"), body)
                .head(TILE)
                .shape(1, 96)
                .expect((0..96_u32).map(|i| 95 - i + 7)),
        );
    }
}

/// What a state tells, and how one thread arrives for several.
fn states(programs: &mut Vec<Program>) {
    let body = "mbarrier.init.shared.b64 [bars], 5;\n\
         mbarrier.arrive.noComplete.shared.b64 %l1, [bars], 2; mbarrier.pending_count.b64 %w1, %l1;\n\
         mbarrier.arrive.noComplete.release.cta.shared::cta.b64 %l2, [bars], 1;\n\
         mbarrier.pending_count.b64 %w2, %l2;\n\
         mbarrier.test_wait.shared.b64 %p1, [bars], %l1; selp.u32 %w3, 1, 0, %p1;\n\
         mbarrier.arrive.shared.b64 %l3, [bars], 2;\n\
         mbarrier.test_wait.shared.b64 %p1, [bars], %l1; selp.u32 %w4, 1, 0, %p1;\n\
         mbarrier.arrive_drop.noComplete.shared.b64 %l4, [bars], 1;\n\
         mbarrier.pending_count.b64 %w5, %l4; mbarrier.arrive.shared.b64 %l5, [bars], 4;\n\
         mbarrier.test_wait.shared.b64 %p1, [bars], %l4; selp.u32 %w6, 1, 0, %p1;\n\
         mbarrier.arrive.noComplete.shared.b64 %l6, [bars], 1; mbarrier.pending_count.b64 %w7, %l6;\n\
         mbarrier.inval.shared.b64 [bars]; mov.u32 %w8, 77; st.shared.u32 [bars], %w8;\n\
         mbarrier.init.shared.b64 [bars+8], 1; ld.shared.u32 %w8, [bars];\n\
         st.global.v4.u32 [%to], {%w1, %w2, %w3, %w4};\n\
         st.global.v4.u32 [%to+16], {%w5, %w6, %w7, %w8};";
    programs.push(
        Program::new("states of an mbarrier", body)
            .head(TILE)
            .shape(1, 1)
            .expect([5_u32, 3, 0, 1, 5, 1, 4, 77]),
    );
}

/// A phase waits for bytes, too.
fn bytes(programs: &mut Vec<Program>) {
    let test = "mbarrier.test_wait.parity.shared.b64 %p1, [bars], 0; selp.u32 $d, 1, 0, %p1;";
    let body = format!(
        "mbarrier.init.shared.b64 [bars], 2; mbarrier.expect_tx.relaxed.cta.shared.b64 [bars], 48;\n\
         mbarrier.arrive.expect_tx.shared.b64 %l1, [bars], 16; {}\n\
         mbarrier.arrive.expect_tx.release.cta.shared::cta.b64 _, [bars], 0; {}\n\
         mbarrier.complete_tx.relaxed.cta.shared::cta.b64 [bars], 60; {}\n\
         mbarrier.complete_tx.shared.b64 [bars], 4; {}\n\
         st.global.v4.u32 [%to], {{%w1, %w2, %w3, %w4}};",
        test.replace("$d", "%w1"),
        test.replace("$d", "%w2"),
        test.replace("$d", "%w3"),
        test.replace("$d", "%w4"),
    );
    programs.push(
        Program::new("bytes of an mbarrier", body)
            .head(TILE)
            .shape(1, 1)
            .expect([0_u32, 0, 0, 1]),
    );
}

/// Copies tell an mbarrier that they are done.
fn copies_at_mbarriers(programs: &mut Vec<Program>) {
    for (count, arrive) in [
        (64, "cp.async.mbarrier.arrive.noinc.shared.b64 [bars];"),
        (64, "cp.async.mbarrier.arrive.noinc.b64 [%l2];"),
        (
            64,
            "cp.async.mbarrier.arrive.shared::cta.b64 [bars]; mbarrier.arrive.shared.b64 _, [bars];",
        ),
        (
            128,
            "cp.async.mbarrier.arrive.noinc.shared::cta.b64 [bars]; mbarrier.arrive.shared.b64 _, [bars];",
        ),
    ] {
        let body = format!(
            "mov.u64 %l9, bars; cvta.shared.u64 %l2, %l9; mov.u32 %w1, tile;\n\
             mad.lo.u32 %w2, %i, 16, %w1; sub.u32 %w3, 63, %i; mad.lo.u32 %w3, %w3, 16, %w1;\n\
             setp.eq.u32 %p0, %i, 0; @%p0 mbarrier.init.shared.b64 [bars], {count}; bar.sync 0;\n\
             mov.u32 %w5, 0; mov.u32 %w9, 0;\n\
             MORE: cp.async.ca.shared.global [%w2], [%from], 8;\n\
             cp.async.ca.shared.global [%w2+8], [%from+8], 8; {arrive} and.b32 %w7, %w5, 1;\n\
             FULL: mbarrier.try_wait.parity.shared.b64 %p1, [bars], %w7; @!%p1 bra FULL;\n\
             ld.shared.v4.u32 {{%w10, %w11, %w12, %w13}}, [%w3]; mad.lo.u32 %w9, %w9, 5, %w13;\n\
             bar.sync 0; add.u64 %from, %from, 1024; add.u32 %w5, %w5, 1;\n\
             setp.lt.u32 %p2, %w5, 5; @%p2 bra MORE; st.global.u32 [%to], %w9;"
        );
        let input: Vec<u32> = (0..5 * 256).map(|at| at * 3 + 1).collect();
        let expected = (0..64).map(|i| {
            (0..5).fold(0_u32, |sum, tile| {
                sum.wrapping_mul(5)
                    .wrapping_add(input[tile * 256 + (63 - i) * 4 + 3])
            })
        });
        programs.push(
            Program::new(arrive, body)
                .head(TILE)
                .shape(1, 64)
                .strides(16, 4)
                .expect(expected.collect::<Vec<_>>())
                .input(&input),
        );
    }
}

/// A warp that fills buffers, and warps that empty them.
fn producers(programs: &mut Vec<Program>) {
    // bars[0..2]: full, by 32 threads; bars[2..4]: empty, by 96.
    let body = "setp.ne.u32 %p0, %i, 0; @%p0 bra READY;\n\
         mbarrier.init.shared.b64 [bars], 32; mbarrier.init.shared.b64 [bars+8], 32;\n\
         mbarrier.init.shared.b64 [bars+16], 96; mbarrier.init.shared.b64 [bars+24], 96;\n\
         fence.mbarrier_init.release.cluster;\n\
         READY: bar.sync 0; mov.u32 %w1, tile; mov.u32 %w2, bars; mov.u32 %w9, 0; mov.u32 %w5, 0;\n\
         setp.lt.u32 %p1, %i, 32; @%p1 bra PRODUCE;\n\
         CONSUME: and.b32 %w6, %w5, 1; shr.u32 %w7, %w5, 1; and.b32 %w7, %w7, 1;\n\
         mad.lo.u32 %w8, %w6, 8, %w2;\n\
         FULL: mbarrier.try_wait.parity.shared.b64 %p2, [%w8], %w7; @!%p2 bra FULL;\n\
         and.b32 %w10, %i, 31; mul.lo.u32 %w10, %w10, 4; mad.lo.u32 %w10, %w6, 128, %w10;\n\
         add.u32 %w10, %w10, %w1; ld.shared.u32 %w11, [%w10]; mad.lo.u32 %w9, %w9, 3, %w11;\n\
         mbarrier.arrive.shared.b64 _, [%w8+16]; add.u32 %w5, %w5, 1;\n\
         setp.lt.u32 %p3, %w5, 20; @%p3 bra CONSUME; st.global.u32 [%to], %w9; bra DONE;\n\
         PRODUCE: and.b32 %w6, %w5, 1; shr.u32 %w7, %w5, 1; and.b32 %w7, %w7, 1; xor.b32 %w7, %w7, 1;\n\
         mad.lo.u32 %w8, %w6, 8, %w2;\n\
         EMPTY: mbarrier.try_wait.parity.shared.b64 %p2, [%w8+16], %w7; @!%p2 bra EMPTY;\n\
         mul.lo.u32 %w10, %i, 4; mad.lo.u32 %w10, %w6, 128, %w10; add.u32 %w10, %w10, %w1;\n\
         mad.lo.u32 %w11, %w5, 100, %i; st.shared.u32 [%w10], %w11;\n\
         mbarrier.arrive.shared.b64 %l1, [%w8]; add.u32 %w5, %w5, 1;\n\
         setp.lt.u32 %p3, %w5, 20; @%p3 bra PRODUCE;\n\
         DONE:";
    programs.push(
        Program::new("a warp for three", body)
            .head(TILE)
            .shape(1, 128)
            .output(&[0_u32; 128])
            .expect((0..128_u32).map(|i| match i {
                0..32 => 0,
                _ => (0..20_u32).fold(0, |sum: u32, tile| {
                    sum.wrapping_mul(3).wrapping_add(tile * 100 + i % 32)
                }),
            })),
    );
}

/// Threads that arrive for the last time.
fn drops(programs: &mut Vec<Program>) {
    let body = "setp.eq.u32 %p0, %i, 0; @%p0 mbarrier.init.shared.b64 [bars], 32; bar.sync 0;\n\
         mov.u32 %w5, 0;\n\
         MORE: setp.eq.u32 %p1, %w5, %i; @%p1 bra DROP; mbarrier.arrive.shared.b64 %l1, [bars];\n\
         WAIT: mbarrier.test_wait.shared.b64 %p2, [bars], %l1; @!%p2 bra WAIT;\n\
         add.u32 %w5, %w5, 1; bra MORE;\n\
         DROP: mbarrier.arrive_drop.shared.b64 %l1, [bars];\n\
         st.global.u32 [%to], %w5;";
    programs.push(
        Program::new("mbarrier.arrive_drop", body)
            .head(TILE)
            .expect(0..32_u32),
    );
}

/// One thread copies for all, tile after tile.
fn bulk(programs: &mut Vec<Program>) {
    for (space, cache) in [
        ("shared::cta", ""),
        ("shared::cluster", ""),
        ("shared::cluster", ".L2::cache_hint"),
    ] {
        let policy = if cache.is_empty() { "" } else { ", %l3" };
        let body = format!(
            "createpolicy.fractional.L2::evict_first.b64 %l3, 1.0; setp.ne.u32 %p0, %i, 0;\n\
             @!%p0 mbarrier.init.shared.b64 [bars], 1; bar.sync 0; mov.u32 %w5, 0; mov.u32 %w9, 0;\n\
             MORE: @%p0 bra WAIT; mbarrier.arrive.expect_tx.shared.b64 %l1, [bars], 512;\n\
             cp.async.bulk.{space}.global.mbarrier::complete_tx::bytes{cache} [tile], [%in], 384, [bars]{policy};\n\
             mov.u32 %w1, 128;\n\
             cp.async.bulk.{space}.global.mbarrier::complete_tx::bytes{cache} [tile+384], [%in+384], %w1, [bars]{policy};\n\
             add.u64 %in, %in, 512;\n\
             WAIT: and.b32 %w7, %w5, 1;\n\
             AGAIN: mbarrier.try_wait.parity.shared.b64 %p1, [bars], %w7; @!%p1 bra AGAIN;\n\
             mov.u32 %w1, tile; sub.u32 %w2, 127, %i; mad.lo.u32 %w2, %w2, 4, %w1;\n\
             ld.shared.u32 %w3, [%w2]; mad.lo.u32 %w9, %w9, 3, %w3; bar.sync 0;\n\
             add.u32 %w5, %w5, 1; setp.lt.u32 %p2, %w5, 6; @%p2 bra MORE; st.global.u32 [%to], %w9;"
        );
        let input: Vec<u32> = (0..6 * 128).map(|at| at * at + 5).collect();
        let expected = (0..128).map(|i| {
            (0..6).fold(0_u32, |sum, tile| {
                sum.wrapping_mul(3)
                    .wrapping_add(input[tile * 128 + 127 - i])
            })
        });
        programs.push(
            Program::new(format!("cp.async.bulk.{space}{cache}"), body)
                .head(TILE.replace(".align 16", ".align 128"))
                .shape(1, 128)
                .expect(expected.collect::<Vec<_>>())
                .input(&input),
        );
    }
}

/// What only hardware notices.
fn hints(programs: &mut Vec<Program>) {
    let body = "createpolicy.fractional.L2::evict_last.b64 %l1, 1.0; mov.u32 %w1, tile;\n\
         mad.lo.u32 %w2, %i, 16, %w1;\n\
         cp.async.cg.shared.global.L2::cache_hint.L2::128B [%w2], [%from], 16, %l1;\n\
         cp.async.cg.shared.global.L2::cache_hint [%w2+2048], [%from], 16, 4, %l1;\n\
         cp.async.wait_all; fence.proxy.async; fence.proxy.async.shared::cta;\n\
         prefetch.global.L2 [%from]; griddepcontrol.wait; griddepcontrol.launch_dependents;\n\
         ld.shared.u32 %w3, [%w2+12]; ld.shared.u32 %w4, [%w2+2048]; ld.shared.u32 %w5, [%w2+2052];\n\
         st.global.u32 [%to], %w3; st.global.u32 [%to+4], %w4; st.global.u32 [%to+8], %w5;";
    programs.push(
        Program::new("hints", body)
            .head(TILE)
            .strides(16, 12)
            .input(&(0..128_u32).collect::<Vec<_>>())
            .expect((0..32_u32).flat_map(|i| [4 * i + 3, 4 * i, 0])),
    );
}
