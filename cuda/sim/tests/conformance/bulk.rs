//! Bulk copies out of shared memory and within it, and updates by them.

use half::{bf16, f16};

use crate::program::{Program, fill};

pub fn programs() -> Vec<Program> {
    let mut programs = Vec::new();
    stores(&mut programs);
    moves(&mut programs);
    updates(&mut programs);
    groups(&mut programs);
    programs
}

/// What Blackwell has.
pub fn blackwell_programs() -> Vec<Program> {
    let mut programs = Vec::new();
    masks(&mut programs);
    programs
}

const TILE: &str = ".shared .align 128 .b8 tile[4096]; .shared .align 8 .b64 bars[4];";

/// All threads write a tile, one copies it out.
fn stores(programs: &mut Vec<Program>) {
    for (cache, policy) in [("", ""), (".L2::cache_hint", ", %l3")] {
        for read in ["", ".read"] {
            let body = fill(
                "createpolicy.fractional.L2::evict_first.b64 %l3, 1.0; mov.u32 %w1, tile;\n\
                 mad.lo.u32 %w2, %i, 4, %w1; mad.lo.u32 %w3, %i, %i, 5; st.shared.u32 [%w2], %w3;\n\
                 fence.proxy.async.shared::cta; bar.sync 0; setp.ne.u32 %p0, %i, 0; @%p0 bra DONE;\n\
                 cp.async.bulk.global.shared::cta.bulk_group$cache [%out], [tile], 512$policy;\n\
                 cp.async.bulk.commit_group; cp.async.bulk.wait_group$read 0; DONE:",
                &[("cache", cache), ("policy", policy), ("read", read)],
            );
            programs.push(
                Program::new(format!("a bulk store{cache}{read}"), body)
                    .head(TILE)
                    .shape(1, 128)
                    .expect((0..128_u32).map(|i| i * i + 5)),
            );
        }
    }
}

/// Bytes that a mask leaves out stay as they were.
fn masks(programs: &mut Vec<Program>) {
    for mask in [0_u16, 0xffff, 0x8001, 0x5a5a] {
        let body = format!(
            "mov.u32 %w1, tile; add.u32 %w2, %w1, %i; st.shared.u8 [%w2], %i;\n\
             fence.proxy.async; bar.sync 0; setp.ne.u32 %p0, %i, 0; @%p0 bra DONE; mov.u16 %h1, {mask};\n\
             cp.async.bulk.global.shared::cta.bulk_group.cp_mask [%out], [tile], 64, %h1;\n\
             cp.async.bulk.commit_group; cp.async.bulk.wait_group 0; DONE:"
        );
        programs.push(
            Program::new(format!("a bulk store of bytes {mask:#x}"), body)
                .head(TILE)
                .target("sm_100")
                .shape(1, 64)
                .output(&[0xee_u8; 64])
                .expect((0..64_u8).map(|i| if mask >> (i % 16) & 1 != 0 { i } else { 0xee })),
        );
    }
}

/// Within shared memory, by an mbarrier.
fn moves(programs: &mut Vec<Program>) {
    for (operation, old) in [
        ("", 9_u32),
        (".add.u32", 1000),
        (".max.s32", 60),
        (".inc.u32", 70),
        (".dec.u32", 0),
        (".xor.b32", 0x55),
    ] {
        let name = if operation.is_empty() {
            "cp"
        } else {
            "cp.reduce"
        };
        let body = format!(
            "mov.u32 %w1, tile; mad.lo.u32 %w2, %i, 4, %w1; st.shared.u32 [%w2], %i;\n\
             mov.u32 %w3, {old}; st.shared.u32 [%w2+512], %w3;\n\
             setp.eq.u32 %p0, %i, 0; @%p0 mbarrier.init.shared.b64 [bars], 1;\n\
             fence.proxy.async; bar.sync 0; @!%p0 bra WAIT;\n\
             mbarrier.arrive.expect_tx.shared.b64 _, [bars], 512;\n\
             {name}.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes{operation} \
             [tile+512], [tile], 512, [bars];\n\
             WAIT: mbarrier.try_wait.parity.shared.b64 %p1, [bars], 0; @!%p1 bra WAIT;\n\
             ld.shared.u32 %w4, [%w2+512]; st.global.u32 [%to], %w4;"
        );
        let expected = move |i: u32| match operation {
            "" => i,
            ".add.u32" => old + i,
            ".max.s32" => old.max(i),
            ".inc.u32" if old >= i => 0,
            ".inc.u32" => old + 1,
            ".dec.u32" => i,
            _ => old ^ i,
        };
        programs.push(
            Program::new(format!("a move within shared memory{operation}"), body)
                .head(TILE)
                .shape(1, 128)
                .expect((0..128).map(expected)),
        );
    }
}

/// The shared tile is what goes in; it updates what comes out.
fn updates(programs: &mut Vec<Program>) {
    update(
        programs,
        "and.b32",
        &[0xff00_ff0f_u32; 8],
        &[0x1234_5678; 8],
        |old, b| old & b,
    );
    update(
        programs,
        "or.b64",
        &[0xff00_u64 << 40; 4],
        &[77; 4],
        |old, b| old | b,
    );
    update(programs, "xor.b32", &[1_u32, 2, 3, 4], &[7; 4], |old, b| {
        old ^ b
    });
    update(
        programs,
        "add.u32",
        &[u32::MAX, 1, 2, 3],
        &[5; 4],
        u32::wrapping_add,
    );
    update(
        programs,
        "add.s32",
        &[-5_i32, 1, i32::MAX, 3],
        &[5; 4],
        i32::wrapping_add,
    );
    update(
        programs,
        "add.u64",
        &[u64::MAX, 1],
        &[5; 2],
        u64::wrapping_add,
    );
    update(programs, "inc.u32", &[3_u32, 4, 5, 9], &[5; 4], |old, b| {
        if old >= b { 0 } else { old + 1 }
    });
    update(
        programs,
        "dec.u32",
        &[3_u32, 0, 5, 9],
        &[5; 4],
        |old, b| match old {
            0 => b,
            old if old > b => b,
            old => old - 1,
        },
    );
    update(programs, "min.s32", &[-3_i32, 0, 5, 9], &[2; 4], i32::min);
    update(programs, "max.u32", &[u32::MAX, 0, 5, 9], &[2; 4], u32::max);
    update(programs, "min.u64", &[u64::MAX, 0], &[2; 2], u64::min);
    update(programs, "max.s64", &[-3_i64, 9], &[2; 2], i64::max);
    update(
        programs,
        "add.f64",
        &[0.1_f64, -2.5],
        &[0.2, 1e300],
        |old, b| old + b,
    );
    // Subnormals are flushed, as documented for this type alone.
    let tiny = f32::MIN_POSITIVE / 2.0;
    update(
        programs,
        "add.f32",
        &[0.1_f32, tiny, -tiny, 1e38],
        &[0.2, 0.0, -0.0, 1e38],
        |old, b| {
            if old.abs() == tiny {
                0.0_f32.copysign(old)
            } else {
                old + b
            }
        },
    );
    let halves = |values: [f32; 8]| values.map(|value| f16::from_f32(value).to_bits());
    let (old, new) = (
        halves([1.0, -2.0, 6e-8, 60000.0, 0.0, 1.5, 0.1, 3.0]),
        halves([0.1, 2.5, 6e-8, 60000.0, -0.0, -1.0, 0.7, 3.5]),
    );
    let number = |bits: u16| f16::from_bits(bits).to_f64();
    update(programs, "add.noftz.f16", &old, &new, move |old, b| {
        f16::from_f64(number(old) + number(b)).to_bits()
    });
    update(programs, "min.f16", &old, &new, move |old, b| {
        match number(old) < number(b) {
            true => old,
            false => b,
        }
    });
    let brains = |values: [f32; 8]| values.map(|value| bf16::from_f32(value).to_bits());
    let (old, new) = (
        brains([1.0, -2.0, 1e-40, 3e38, 0.25, 1.5, 0.1, 3.0]),
        brains([0.1, 2.5, 1e-40, 3e38, -0.5, -1.0, 0.7, 3.5]),
    );
    let number = |bits: u16| bf16::from_bits(bits).to_f64();
    update(programs, "add.noftz.bf16", &old, &new, move |old, b| {
        bf16::from_f64(number(old) + number(b)).to_bits()
    });
    update(programs, "max.bf16", &old, &new, move |old, b| {
        match number(old) > number(b) {
            true => old,
            false => b,
        }
    });
}

fn update<T>(programs: &mut Vec<Program>, name: &str, old: &[T], new: &[T], f: impl Fn(T, T) -> T)
where
    T: bytemuck::NoUninit + bytemuck::AnyBitPattern + PartialEq + std::fmt::Debug,
{
    let words = size_of_val(old) / 4;
    // Twice, in groups of their own: updates of one thread to one place do not race.
    let body = format!(
        "mov.u32 %w1, tile; mad.lo.u32 %w2, %i, 4, %w1; ld.global.u32 %w3, [%from];\n\
         st.shared.u32 [%w2], %w3; fence.proxy.async.shared::cta; bar.sync 0;\n\
         setp.ne.u32 %p0, %i, 0; @%p0 bra DONE;\n\
         cp.reduce.async.bulk.global.shared::cta.bulk_group.{name} [%out], [tile], {bytes};\n\
         cp.async.bulk.commit_group;\n\
         cp.reduce.async.bulk.global.shared::cta.bulk_group.L2::cache_hint.{name} [%out], [tile], {bytes}, 0;\n\
         cp.async.bulk.commit_group; cp.async.bulk.wait_group 0; DONE:",
        bytes = 4 * words
    );
    let expected: Vec<T> = old
        .iter()
        .zip(new)
        .map(|(&old, &new)| f(f(old, new), new))
        .collect();
    programs.push(
        Program::new(format!("cp.reduce.async.bulk.{name}"), body)
            .head(TILE)
            .shape(1, words as u32)
            .input(new)
            .output(old)
            .expect(expected),
    );
}

/// A buffer is written again once what reads it has been waited for, while a newer group goes on.
fn groups(programs: &mut Vec<Program>) {
    let body = "mov.u32 %w1, tile; mov.u32 %w5, 0; setp.eq.u32 %p0, %i, 0;\n\
         MORE: @%p0 cp.async.bulk.wait_group.read 1; bar.sync 0; and.b32 %w6, %w5, 1;\n\
         mad.lo.u32 %w7, %w6, 256, %w1; mad.lo.u32 %w2, %i, 4, %w7; mad.lo.u32 %w3, %w5, 100, %i;\n\
         st.shared.u32 [%w2], %w3; fence.proxy.async.shared::cta; bar.sync 0;\n\
         @%p0 cp.async.bulk.global.shared::cta.bulk_group [%out], [%w7], 256;\n\
         @%p0 cp.async.bulk.commit_group; add.u64 %out, %out, 256; add.u32 %w5, %w5, 1;\n\
         setp.lt.u32 %p1, %w5, 7; @%p1 bra MORE; @%p0 cp.async.bulk.wait_group 0;\n\
         cp.async.bulk.prefetch.L2.global [%in], 16;\n\
         cp.async.bulk.prefetch.L2.global.L2::cache_hint [%in], 16, 0;";
    programs.push(
        Program::new("two buffers that are copied out in turn", body)
            .head(TILE)
            .shape(1, 64)
            .expect((0..7_u32).flat_map(|tile| (0..64).map(move |i| tile * 100 + i))),
    );
}
