//! The barriers of a block: ids, counts, arrivals without waiting, reductions, partial warps.

use crate::program::Program;

pub fn programs() -> Vec<Program> {
    let mut programs = Vec::new();
    whole_blocks(&mut programs);
    parts(&mut programs);
    producers(&mut programs);
    reductions(&mut programs);
    divergent(&mut programs);
    programs
}

/// Each thread reads what the thread at the other end of the block has written.
fn whole_blocks(programs: &mut Vec<Program>) {
    let spellings = |id: u32, padded: u32| {
        [
            format!("bar.sync {id};"),
            format!("bar.cta.sync {id};"),
            format!("barrier.sync {id};"),
            format!("barrier.sync.aligned {id};"),
            format!("barrier.cta.sync.aligned {id};"),
            format!("bar.sync {id}, {padded};"),
            format!("mov.u32 %w9, {id}; bar.sync %w9;"),
            format!("mov.u32 %w9, {id}; mov.u32 %w8, {padded}; barrier.sync %w9, %w8;"),
        ]
    };
    for id in 0..16 {
        for threads in [1_u32, 31, 32, 33, 63, 256, 1000] {
            for (kind, barrier) in spellings(id, threads.next_multiple_of(32))
                .iter()
                .enumerate()
            {
                // All spellings with one id, all ids with one spelling.
                if id != 3 && kind != id as usize % 8 {
                    continue;
                }
                let body = format!(
                    "mov.u32 %w1, tile; mad.lo.u32 %w2, %i, 4, %w1; st.shared.u32 [%w2], %i;\n\
                     {barrier}\n\
                     not.b32 %w3, %i; add.u32 %w3, %w3, %n; mad.lo.u32 %w4, %w3, 4, %w1;\n\
                     ld.shared.u32 %w5, [%w4];\n\
                     {barrier}\n\
                     add.u32 %w5, %w5, 1; st.shared.u32 [%w2], %w5;\n\
                     {barrier}\n\
                     ld.shared.u32 %w6, [%w4]; st.global.v2.u32 [%to], {{%w5, %w6}};"
                );
                let expected = (0..threads).flat_map(|i| [threads - i, i + 1]);
                programs.push(
                    Program::new(format!("{barrier} of {threads} threads"), body)
                        .head(".shared .align 4 .b8 tile[4096];")
                        .shape(1, threads)
                        .strides(4, 8)
                        .expect(expected),
                );
            }
        }
    }
}

/// Pairs of warps that meet at a barrier of their own.
fn parts(programs: &mut Vec<Program>) {
    let body = "mov.u32 %w1, tile; mad.lo.u32 %w2, %i, 4, %w1; shr.u32 %w3, %i, 6; add.u32 %w3, %w3, 1;\n\
         mov.u32 %w7, 0;\n\
         MORE: add.u32 %w8, %i, %w7; st.shared.u32 [%w2], %w8; bar.sync %w3, 64;\n\
         xor.b32 %w4, %i, 63; mad.lo.u32 %w5, %w4, 4, %w1; ld.shared.u32 %w6, [%w5];\n\
         bar.sync %w3, 64; add.u32 %w7, %w7, 1; setp.lt.u32 %p0, %w7, 10; @%p0 bra MORE;\n\
         bar.sync 0; st.global.u32 [%to], %w6;";
    programs.push(
        Program::new("pairs of warps", body)
            .head(".shared .align 4 .b8 tile[2048];")
            .shape(1, 512)
            .expect((0..512_u32).map(|i| (i ^ 63) + 9)),
    );
    // The last warp of the block is a part of one, and counts as a whole.
    let body = "mov.u32 %w1, tile; mad.lo.u32 %w2, %i, 4, %w1; st.shared.u32 [%w2], %i;\n\
         setp.lt.u32 %p0, %i, 32; @%p0 bra END; bar.sync 2, 64;\n\
         sub.u32 %w3, 101, %i; mad.lo.u32 %w4, %w3, 4, %w1; add.u32 %w4, %w4, 0;\n\
         ld.shared.u32 %w5, [%w4]; st.global.u32 [%to], %w5; END:";
    programs.push(
        Program::new("a barrier with the last warp of a block", body)
            .head(".shared .align 4 .b8 tile[2048];")
            .shape(1, 70)
            .output(&[0_u32; 70])
            .expect((0..70_u32).map(|i| if i < 32 { 0 } else { 101 - i })),
    );
}

/// Warps that fill a buffer and warps that empty it, through `bar.arrive` and `bar.sync`.
fn producers(programs: &mut Vec<Program>) {
    for (sync, arrive) in [
        ("bar.sync", "bar.arrive"),
        ("barrier.sync", "barrier.arrive"),
        ("barrier.cta.sync.aligned", "barrier.cta.arrive.aligned"),
    ] {
        let body = format!(
            "mov.u32 %w1, tile; and.b32 %w2, %i, 31; mad.lo.u32 %w2, %w2, 4, %w1; mov.u32 %w7, 0;\n\
             mov.u32 %w9, 0; setp.lt.u32 %p0, %i, 32; @%p0 bra PRODUCE;\n\
             CONSUME: {sync} 1, 64; ld.shared.u32 %w3, [%w2]; add.u32 %w9, %w9, %w3; {arrive} 2, 64;\n\
             add.u32 %w7, %w7, 1; setp.lt.u32 %p1, %w7, 20; @%p1 bra CONSUME;\n\
             st.global.u32 [%to], %w9; bra DONE;\n\
             PRODUCE: mul.lo.u32 %w4, %w7, %i; st.shared.u32 [%w2], %w4; {arrive} 1, 64; {sync} 2, 64;\n\
             add.u32 %w7, %w7, 1; setp.lt.u32 %p1, %w7, 20; @%p1 bra PRODUCE;\n\
             DONE:"
        );
        let total: u32 = (0..20).sum();
        programs.push(
            Program::new(format!("{arrive} and {sync}"), body)
                .head(".shared .align 4 .b8 tile[128];")
                .shape(1, 64)
                .output(&[0_u32; 64])
                .expect((0..64_u32).map(|i| if i < 32 { 0 } else { (i - 32) * total })),
        );
    }
}

fn reductions(programs: &mut Vec<Program>) {
    for (opcode, aligned) in [
        ("bar.red", ""),
        ("barrier.red", ""),
        ("barrier.cta.red", ".aligned"),
    ] {
        for threads in [1_u32, 32, 33, 100, 1024] {
            for (kind, holds) in [
                ("none", (|_, _| false) as fn(u32, u32) -> bool),
                ("all", |_, _| true),
                ("the last", |i, n| i == n - 1),
                ("all but the first", |i, _| i > 0),
                ("every third", |i, _| i % 3 == 0),
            ] {
                let body = format!(
                    "ld.global.u32 %w1, [%from]; setp.ne.u32 %p0, %w1, 0;\n\
                     {opcode}.popc{aligned}.u32 %w2, 0, %p0; {opcode}.popc{aligned}.u32 %w3, 1, !%p0;\n\
                     {opcode}.and{aligned}.pred %p1, 2, %p0; {opcode}.or{aligned}.pred %p2, 0, %p0;\n\
                     {opcode}.or{aligned}.pred %p3, 0, {count}, !%p0;\n\
                     selp.u32 %w4, 1, 0, %p1; selp.u32 %w5, 2, 0, %p2; or.b32 %w4, %w4, %w5;\n\
                     selp.u32 %w5, 4, 0, %p3; or.b32 %w4, %w4, %w5;\n\
                     st.global.u32 [%to], %w2; st.global.u32 [%to+4], %w3; st.global.u32 [%to+8], %w4;",
                    count = threads.next_multiple_of(32),
                );
                let values: Vec<u32> = (0..threads).map(|i| holds(i, threads).into()).collect();
                let yes: u32 = values.iter().sum();
                let flags = u32::from(yes == threads)
                    | u32::from(yes > 0) << 1
                    | u32::from(yes < threads) << 2;
                programs.push(
                    Program::new(format!("{opcode} of {threads}, {kind}"), body)
                        .shape(1, threads)
                        .strides(4, 12)
                        .input(&values)
                        .expect([yes, threads - yes, flags].repeat(threads as usize)),
                );
            }
        }
    }
}

/// `barrier` without `.aligned` may stand on several paths of a warp.
fn divergent(programs: &mut Vec<Program>) {
    let body = "mov.u32 %w1, tile; mad.lo.u32 %w2, %i, 4, %w1; st.shared.u32 [%w2], %i;\n\
         and.b32 %w3, %i, 1; setp.eq.u32 %p0, %w3, 0; @%p0 bra EVEN;\n\
         barrier.sync 5; mov.u32 %w6, 1000; bra JOIN;\n\
         EVEN: barrier.sync 5; mov.u32 %w6, 0;\n\
         JOIN: not.b32 %w3, %i; add.u32 %w3, %w3, %n; mad.lo.u32 %w4, %w3, 4, %w1;\n\
         ld.shared.u32 %w5, [%w4]; add.u32 %w5, %w5, %w6; st.global.u32 [%to], %w5;";
    programs.push(
        Program::new("barriers on two paths of a warp", body)
            .head(".shared .align 4 .b8 tile[2048];")
            .shape(1, 96)
            .expect((0..96_u32).map(|i| 95 - i + i % 2 * 1000)),
    );
    // Each lane comes in another round of a loop.
    let body = "and.b32 %w1, %i, 31; mov.u32 %w2, 0;\n\
         MORE: setp.eq.u32 %p0, %w1, %w2; @%p0 barrier.sync 4; add.u32 %w2, %w2, 1;\n\
         setp.lt.u32 %p1, %w2, 32; @%p1 bra MORE; st.global.u32 [%to], %w2;";
    programs.push(
        Program::new("a barrier in a loop, lane by lane", body)
            .shape(1, 64)
            .expect([32_u32; 64]),
    );
}
