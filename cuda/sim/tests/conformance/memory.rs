//! Loads and stores of each type in each state space, addresses, and what variables hold at first.

use fastrand::Rng;

use crate::program::{Program, fill};

/// A place of 16 bytes that each thread has in a state space.
#[derive(Clone, Copy)]
struct Place {
    name: &'static str,
    /// What an instruction says of the space.
    space: &'static str,
    head: &'static str,
    /// Puts the place's address into `%l1`.
    setup: &'static str,
}

const SHARED: &str = ".shared .align 16 .b8 tile[2048];";
const LOCAL: &str = ".local .align 16 .b8 stack[48]; mov.u64 %l1, stack; add.u64 %l1, %l1, 16;";

/// The address in shared memory, and what makes it generic.
macro_rules! shared {
    ($more:literal) => {
        concat!(
            "mov.u64 %l1, tile; mov.u32 %w1, %tid.x; mad.wide.u32 %l1, %w1, 16, %l1;",
            $more
        )
    };
}

const PLACES: [Place; 7] = [
    Place {
        name: "global",
        space: ".global",
        head: "",
        setup: "mov.u64 %l1, %to;",
    },
    Place {
        name: "generic global",
        space: "",
        head: "",
        setup: "mov.u64 %l1, %to;",
    },
    Place {
        name: "shared",
        space: ".shared",
        head: SHARED,
        setup: shared!(""),
    },
    Place {
        name: "shared::cta",
        space: ".shared::cta",
        head: SHARED,
        setup: shared!(""),
    },
    Place {
        name: "generic shared",
        space: "",
        head: SHARED,
        setup: shared!("cvta.shared.u64 %l1, %l1;"),
    },
    Place {
        name: "local",
        space: ".local",
        head: "",
        setup: LOCAL,
    },
    Place {
        name: "generic local",
        space: "",
        head: "",
        setup: ".local .align 16 .b8 stack[48]; mov.u64 %l1, stack; cvta.local.u64 %l1, %l1;\n\
                add.u64 %l1, %l1, 16;",
    },
];

const THREADS: usize = 96;

fn random(bytes: usize) -> Vec<u8> {
    let mut rng = Rng::with_seed(bytes as u64);
    (0..bytes).map(|_| rng.u8(..)).collect()
}

pub fn programs() -> Vec<Program> {
    let mut programs = Vec::new();
    for place in PLACES {
        loads(&mut programs, place);
        stores(&mut programs, place);
        vectors(&mut programs, place);
    }
    orders(&mut programs);
    addresses(&mut programs);
    spaces(&mut programs);
    constants(&mut programs);
    initializers(&mut programs);
    stacks(&mut programs);
    programs
}

/// Each type into each register that may take it, extended.
fn loads(programs: &mut Vec<Program>, place: Place) {
    for ty in [
        "b8", "u8", "s8", "b16", "u16", "s16", "b32", "u32", "s32", "b64", "u64", "s64", "f32",
        "f64",
    ] {
        let size: usize = ty[1..].parse::<usize>().unwrap() / 8;
        for (register, wide) in [("h", 2), ("w", 4), ("l", 8), ("f", 4), ("e", 8)] {
            let is_float = matches!(register, "f" | "e");
            if wide < size || (is_float || ty.starts_with('f')) && wide != size {
                continue;
            }
            if is_float && !ty.starts_with(['f', 'b']) {
                continue;
            }
            for offset in [0, size, 16 - size] {
                let body = fill(
                    "$setup ld.global.v2.b64 {%l2, %l3}, [%from]; st$s.v2.b64 [%l1], {%l2, %l3};\n\
                     ld$s.$ty %$r3, [%l1+$o];\n\
                     st.global.v2.b64 [%to], {0, 0}; st.global.b$bits [%to], %$r3;",
                    &[
                        ("setup", place.setup),
                        ("s", place.space),
                        ("ty", ty),
                        ("r", register),
                        ("o", &offset.to_string()),
                        ("bits", &(wide * 8).to_string()),
                    ],
                );
                let input = random(THREADS * 16);
                let mut expected = vec![0_u8; THREADS * 16];
                for (from, to) in input.chunks(16).zip(expected.chunks_mut(16)) {
                    let value = &from[offset..offset + size];
                    let negative = ty.starts_with('s') && value[size - 1] >> 7 == 1;
                    to[..wide].fill(if negative { 0xff } else { 0 });
                    to[..size].copy_from_slice(value);
                }
                programs.push(
                    Program::new(
                        format!("ld {ty} at {offset} into {register}, {}", place.name),
                        body,
                    )
                    .head(place.head)
                    .shape(1, THREADS as u32)
                    .strides(16, 16)
                    .input(&input)
                    .expect(expected),
                );
            }
        }
    }
}

/// The low bytes of each register, between others that stay.
fn stores(programs: &mut Vec<Program>, place: Place) {
    for ty in [
        "b8", "u8", "s8", "b16", "u16", "s16", "b32", "u32", "s32", "b64", "u64", "s64", "f32",
        "f64",
    ] {
        let size: usize = ty[1..].parse::<usize>().unwrap() / 8;
        for (register, wide) in [("h", 2), ("w", 4), ("l", 8), ("f", 4), ("e", 8)] {
            let is_float = matches!(register, "f" | "e");
            if wide < size || (is_float || ty.starts_with('f')) && wide != size {
                continue;
            }
            if is_float && !ty.starts_with(['f', 'b']) {
                continue;
            }
            let offset = (16 - size) / 2 / size * size;
            let body = fill(
                "$setup ld.global.v2.b64 {%l2, %l3}, [%from]; ld.global.b$bits %$r6, [%from+16];\n\
                 st$s.v2.b64 [%l1], {%l2, %l3}; st$s.$ty [%l1+$o], %$r6;\n\
                 ld$s.v2.b64 {%l4, %l5}, [%l1]; st.global.v2.b64 [%to], {%l4, %l5};",
                &[
                    ("setup", place.setup),
                    ("s", place.space),
                    ("ty", ty),
                    ("r", register),
                    ("o", &offset.to_string()),
                    ("bits", &(wide * 8).to_string()),
                ],
            );
            let input = random(THREADS * 32);
            let expected = input.chunks(32).flat_map(|from| {
                let mut bytes = from[..16].to_vec();
                bytes[offset..][..size].copy_from_slice(&from[16..][..size]);
                bytes
            });
            programs.push(
                Program::new(format!("st {ty} from {register}, {}", place.name), body)
                    .head(place.head)
                    .shape(1, THREADS as u32)
                    .strides(32, 16)
                    .input(&input)
                    .expect(expected.collect::<Vec<u8>>()),
            );
        }
    }
}

/// Vectors of each type: their elements in reverse, and `_` for one that is not wanted.
fn vectors(programs: &mut Vec<Program>, place: Place) {
    for (ty, register) in [
        ("b8", "h"),
        ("b16", "h"),
        ("b32", "w"),
        ("f32", "f"),
        ("b64", "l"),
        ("f64", "e"),
    ] {
        let size: usize = ty[1..].parse::<usize>().unwrap() / 8;
        for count in [2, 4, 8] {
            if count * size > 16 {
                continue;
            }
            if count == 8 {
                continue;
            }
            let names: Vec<String> = (2..2 + count)
                .map(|at| format!("%{register}{at}"))
                .collect();
            let reversed: Vec<String> = names.iter().rev().cloned().collect();
            let mut first_only = vec!["_".to_owned(); count];
            first_only[count - 1] = names[0].clone();
            let body = fill(
                "$setup ld.global.v$n.$ty {$names}, [%from]; st$s.v$n.$ty [%l1], {$reversed};\n\
                 ld$s.v$n.$ty {$names}, [%l1]; st.global.v$n.$ty [%to], {$names};\n\
                 ld$s.v$n.$ty {$only}, [%l1]; st.global.$ty [%to+16], $first;",
                &[
                    ("setup", place.setup),
                    ("s", place.space),
                    ("n", &count.to_string()),
                    ("ty", ty),
                    ("names", &names.join(", ")),
                    ("reversed", &reversed.join(", ")),
                    ("only", &first_only.join(", ")),
                    ("first", &names[0]),
                ],
            );
            let input = random(THREADS * 16);
            let mut expected = vec![0_u8; THREADS * 32];
            for (from, to) in input.chunks(16).zip(expected.chunks_mut(32)) {
                for at in 0..count {
                    let element = &from[(count - 1 - at) * size..][..size];
                    to[at * size..][..size].copy_from_slice(element);
                }
                to[16..][..size].copy_from_slice(&from[..size]);
            }
            programs.push(
                Program::new(format!("v{count}.{ty}, {}", place.name), body)
                    .head(place.head)
                    .shape(1, THREADS as u32)
                    .strides(16, 32)
                    .input(&input)
                    .expect(expected),
            );
        }
    }
    if place.space == ".global" {
        // 32 bytes at once, and 16 in one register.
        let body = "ld.global.v8.b32 {%w1, %w2, %w3, %w4, %w5, %w6, %w7, %w8}, [%from];\n\
             st.global.v8.b32 [%to], {%w8, %w7, %w6, %w5, %w4, %w3, %w2, %w1};\n\
             ld.global.v4.b64 {%l1, %l2, %l3, %l4}, [%from];\n\
             st.global.v4.b64 [%to+32], {%l4, %l3, %l2, %l1};";
        let input: Vec<u32> = (0..32 * 8).map(|at| at * 0x0101_0101).collect();
        let expected = input.chunks(8).flat_map(|it| {
            let words = it.iter().rev().copied();
            let pairs = it.chunks(2).rev().flatten().copied();
            words.chain(pairs).collect::<Vec<u32>>()
        });
        programs.push(
            Program::new("32 bytes at once", body)
                .target("sm_90")
                .strides(32, 64)
                .input(&input)
                .expect(expected.collect::<Vec<u32>>()),
        );
    }
    let body = fill(
        "$setup .reg .b128 %q; ld.global.b128 %q, [%from]; st$s.b128 [%l1], %q;\n\
         ld$s.v2.b64 {%l2, %l3}, [%l1]; st.global.v2.b64 [%to], {%l3, %l2};",
        &[("setup", place.setup), ("s", place.space)],
    );
    let input: Vec<u64> = (0..64).map(|at| at * 0x0123_4567_89ab_cdef).collect();
    let expected: Vec<u64> = input.chunks(2).flat_map(|it| [it[1], it[0]]).collect();
    programs.push(
        Program::new(format!("b128, {}", place.name), body)
            .head(place.head)
            .strides(16, 16)
            .input(&input)
            .expect(expected),
    );
}

/// Cache operators, orders with scopes, priorities: all give the same values.
fn orders(programs: &mut Vec<Program>) {
    let mut loads: Vec<String> = [
        "",
        ".weak",
        ".volatile",
        ".ca",
        ".cg",
        ".cs",
        ".lu",
        ".cv",
        ".nc",
        ".L1::evict_normal",
        ".L1::evict_last",
        ".L1::evict_first",
        ".L1::no_allocate",
        ".L2::64B",
        ".L2::128B",
        ".L2::256B",
        ".ca.L2::128B",
        ".nc.L1::no_allocate.L2::256B",
        ".mmio.relaxed.sys",
    ]
    .map(String::from)
    .to_vec();
    let mut stores: Vec<String> = [
        "",
        ".weak",
        ".volatile",
        ".wb",
        ".cg",
        ".cs",
        ".wt",
        ".L1::evict_last",
        ".L1::no_allocate",
        ".mmio.relaxed.sys",
    ]
    .map(String::from)
    .to_vec();
    for scope in ["cta", "cluster", "gpu", "sys"] {
        loads.extend([format!(".relaxed.{scope}"), format!(".acquire.{scope}")]);
        stores.extend([format!(".relaxed.{scope}"), format!(".release.{scope}")]);
    }
    // What orders stands before the state space, what caches do behind it.
    let whole = |opcode: &str, order: &String| match order.as_str() {
        early
            if [".weak", ".vol", ".rel", ".acq", ".mmio"]
                .iter()
                .any(|it| early.starts_with(it)) =>
        {
            format!("{opcode}{early}.global")
        }
        late => format!("{opcode}.global{late}"),
    };
    let mut cases: Vec<(String, String)> = Vec::new();
    cases.extend(
        loads
            .iter()
            .map(|load| (whole("ld", load), "st.global".to_owned())),
    );
    cases.extend(
        stores
            .iter()
            .map(|store| ("ld.global".to_owned(), whole("st", store))),
    );
    cases.push(("ldu.global".to_owned(), "st.global".to_owned()));
    for (load, store) in cases {
        let body = format!("{load}.u32 %w1, [%from]; {store}.u32 [%to], %w1;");
        programs.push(
            Program::new(body.clone(), body)
                .input(&(0..32_u32).collect::<Vec<_>>())
                .expect(0..32_u32),
        );
    }
    let body = "createpolicy.fractional.L2::evict_last.L2::evict_unchanged.b64 %l1, 0.5;\n\
         createpolicy.fractional.L2::evict_first.b64 %l2;\n\
         createpolicy.range.global.L2::evict_last.L2::evict_first.b64 %l2, [%from], 64, 128;\n\
         ld.global.L2::cache_hint.v2.u32 {%w1, %w2}, [%from], %l1;\n\
         ld.global.nc.L1::evict_last.L2::cache_hint.u32 %w3, [%from], %l1;\n\
         prefetch.global.L1 [%from]; prefetch.global.L2 [%from]; prefetch.L1 [%from]; prefetchu.L1 [%from];\n\
         prefetch.global.L2::evict_last [%from]; prefetch.global.L2::evict_normal [%from];\n\
         applypriority.global.L2::evict_normal [%in], 128;\n\
         add.u32 %w3, %w3, %w2; st.global.L2::cache_hint.v2.u32 [%to], {%w2, %w3}, %l1;";
    let input: Vec<u32> = (0..64).collect();
    programs.push(
        Program::new("policies of caches, prefetches", body)
            .strides(8, 8)
            .input(&input)
            .expect((0..32_u32).flat_map(|i| [2 * i + 1, 4 * i + 1])),
    );
}

/// Offsets of any sign and size, registers of 32 bits, numbers.
fn addresses(programs: &mut Vec<Program>) {
    let input: Vec<u32> = (0..96).map(|at| at ^ 0xa5a5_0000).collect();
    let middle = || input[32..64].to_vec();
    for offset in [-128_i64, -4, 4, 124, 0x7fff_fffc, -0x8000_0000, 0x10_0000] {
        let body = format!(
            "mov.s64 %l2, {offset}; add.u64 %l1, %from, 128; sub.u64 %l1, %l1, %l2;\n\
             ld.global.u32 %w1, [%l1+{offset}]; ld.u32 %w2, [%l1+{offset}]; sub.u32 %w2, %w2, %w1;\n\
             sub.u64 %l3, %to, %l2; add.u32 %w1, %w1, %w2; st.global.u32 [%l3+{offset}], %w1;"
        );
        programs.push(
            Program::new(format!("an offset of {offset}"), body)
                .input(&input)
                .expect(middle()),
        );
    }
    let body = "mov.u32 %w1, tile; mad.lo.u32 %w1, %i, 4, %w1; ld.global.u32 %w2, [%from];\n\
         st.shared.u32 [%w1], %w2; bar.warp.sync -1; xor.b32 %w3, %i, 31; mov.u32 %w4, tile+4;\n\
         mad.lo.u32 %w4, %w3, 4, %w4; ld.shared.u32 %w5, [%w4+-4]; st.global.u32 [%to], %w5;";
    let reversed: Vec<u32> = input[..32].iter().rev().copied().collect();
    programs.push(
        Program::new("addresses of 32 bits in shared memory", body)
            .head(".shared .align 4 .b8 before[20]; .shared .align 4 .u32 tile[32];")
            .input(&input)
            .expect(reversed.clone()),
    );
    let body = "mov.u32 %w1, tile; mad.lo.u32 %w1, %i, 4, %w1; ld.global.u32 %w2, [%from];\n\
         st.shared.u32 [%w1], %w2; bar.sync 0; xor.b32 %w3, %i, 31; mov.u32 %w4, tile;\n\
         mad.lo.u32 %w4, %w3, 4, %w4; ld.shared.u32 %w5, [%w4]; st.global.u32 [%to], %w5;\n\
         setp.eq.u32 %p0, %i, 7; mov.u32 %w6, before; @%p0 st.shared.u8 [%w6+3], %w5;";
    programs.push(
        Program::new("shared memory of the launch", body)
            .head(".extern .shared .align 16 .b8 tile[]; .shared .b8 before[4];")
            .shared(128)
            .input(&input)
            .expect(reversed),
    );
}

/// Generic addresses of several spaces in one instruction, `cvta` both ways, `isspacep`.
fn spaces(programs: &mut Vec<Program>) {
    let pick = ".local .align 8 .b8 own[16]; .reg .b64 %g, %s, %o, %c;\n\
         mov.u32 %w1, tile; mad.lo.u32 %w1, %i, 4, %w1; cvt.u64.u32 %s, %w1; cvta.shared.u64 %s, %s;\n\
         cvta.local.u64 %o, own; cvta.to.global.u64 %g, %from; cvta.global.u64 %g, %g;\n\
         add.u32 %w2, %i, 1000; st.u32 [%s], %w2; add.u32 %w2, %i, 2000; st.u32 [%o], %w2;\n\
         rem.u32 %w3, %i, 3; setp.eq.u32 %p0, %w3, 0; setp.eq.u32 %p1, %w3, 1;\n\
         selp.b64 %l1, %s, %o, %p0; selp.b64 %l1, %g, %l1, %p1;\n";
    let input: Vec<u32> = (0..32).collect();
    let body = format!(
        "{pick} ld.u32 %w4, [%l1]; add.u32 %w4, %w4, 5; st.u32 [%l1], %w4; ld.u32 %w5, [%l1];\n\
         isspacep.global %p2, %l1; isspacep.shared %p3, %l1; isspacep.local %p4, %l1;\n\
         selp.u32 %w6, 1, 0, %p2; selp.u32 %w7, 2, 0, %p3; selp.u32 %w8, 4, 0, %p4;\n\
         or.b32 %w6, %w6, %w7; or.b32 %w6, %w6, %w8; st.global.v2.u32 [%to], {{%w5, %w6}};"
    );
    let expected = (0..32_u32).flat_map(|i| match i % 3 {
        0 => [i + 1005, 2],
        1 => [i + 5, 1],
        _ => [i + 2005, 4],
    });
    programs.push(
        Program::new("lanes in three spaces", body)
            .head(".shared .align 4 .b8 tile[128];")
            .strides(4, 8)
            .input(&input)
            .expect(expected),
    );
    let body = "mov.u64 %l1, tile+8; cvta.shared.u64 %l2, %l1; cvta.to.shared.u64 %l3, %l2;\n\
         sub.u64 %l4, %l3, %l1; mov.u64 %l5, cell; cvta.global.u64 %l6, cell; sub.u64 %l7, %l6, %l5;\n\
         or.b64 %l4, %l4, %l7; cvta.shared.u64 %l8, tile; sub.u64 %l9, %l2, %l8;\n\
         mov.u64 %l10, cell+12; ld.global.u32 %w1, [%l10]; ld.global.u32 %w2, [cell+4];\n\
         st.shared.u32 [tile+8], %w1; ld.u32 %w3, [%l2]; cvt.u64.u32 %l11, %w3;\n\
         cvt.u64.u32 %l12, %w2; st.global.v2.u64 [%to], {%l4, %l9};\n\
         st.global.v2.u64 [%to+16], {%l11, %l12};";
    programs.push(
        Program::new("addresses of variables", body)
            .head(".shared .align 4 .b8 tile[16]; .global .u32 cell[4] = {5, 6, 7, 8};")
            .shape(1, 1)
            .strides(4, 32)
            .expect([0_u64, 8, 8, 6]),
    );
}

fn constants(programs: &mut Vec<Program>) {
    let head = ".const .align 16 .u32 table[8] = {10, 11, 12, 13, 14, 15, 16, 17};\n\
         .const .f64 half = 0.5; .const .align 8 .b8 bytes[4] = {1, 2, 255, 4};";
    let body = "and.b32 %w1, %i, 7; mov.u64 %l1, table; mad.wide.u32 %l1, %w1, 4, %l1;\n\
         ld.const.u32 %w2, [%l1]; cvta.const.u64 %l2, %l1; ld.u32 %w3, [%l2];\n\
         cvta.to.const.u64 %l3, %l2; ld.const.u32 %w4, [%l3]; add.u32 %w2, %w2, %w3;\n\
         add.u32 %w2, %w2, %w4; ld.const.v4.u32 {%w5, %w6, %w7, %w8}, [table+16];\n\
         add.u32 %w2, %w2, %w8; ld.const.f64 %e1, [half]; cvt.rn.f32.f64 %f1, %e1;\n\
         ld.const.s8 %w9, [bytes+2]; add.s32 %w2, %w2, %w9; mov.b32 %w10, %f1;\n\
         isspacep.const %p0, %l2; selp.u32 %w11, 1, 0, %p0; add.u32 %w10, %w10, %w11;\n\
         st.global.v2.u32 [%to], {%w2, %w10};";
    programs.push(
        Program::new("constants", body)
            .head(head)
            .strides(4, 8)
            .expect((0..32_u32).flat_map(|i| [3 * (10 + i % 8) + 17 - 1, 0x3f00_0001])),
    );
}

/// Each shape of initializer, as the bytes that it makes.
fn initializers(programs: &mut Vec<Program>) {
    let nan = 0x7fc0_0000_u32;
    let cases: [(&str, Vec<u8>); 16] = [
        (".u8 v[4] = {1, 0xff, 010, 0b11};", vec![1, 255, 8, 3]),
        (".s8 v[4] = {-1, -128, 127};", vec![255, 128, 127, 0]),
        (".b8 v[6] = {};", vec![0; 6]),
        (".align 4 .b8 v[8];", vec![0; 8]),
        (".u16 v[3] = {1, 65535, 2};", vec![1, 0, 255, 255, 2, 0]),
        (".s32 v = -5;", (-5_i32).to_le_bytes().to_vec()),
        (
            ".s32 v[2][2] = {{1}, {2, -3}};",
            [1_i32, 0, 2, -3].map(i32::to_le_bytes).concat(),
        ),
        (
            ".s32 v[][2] = {{1, 2}, {3, 4}, {5}};",
            [1_i32, 2, 3, 4, 5, 0].map(i32::to_le_bytes).concat(),
        ),
        (
            ".u32 v[] = {7, 8, 9};",
            [7_u32, 8, 9].map(u32::to_le_bytes).concat(),
        ),
        (
            ".u64 v[2] = {0xFEDCBA9876543210, 1};",
            [0xFEDC_BA98_7654_3210_u64, 1]
                .map(u64::to_le_bytes)
                .concat(),
        ),
        (
            ".f32 v[4] = {1.5, -2.0, 0f7FC00000, 0f00000001};",
            [0x3fc0_0000, 0xc000_0000, nan, 1]
                .map(u32::to_le_bytes)
                .concat(),
        ),
        (
            ".f64 v[3] = {0.1, 0d7FF0000000000000, -1e300};",
            [0.1, f64::INFINITY, -1e300].map(f64::to_le_bytes).concat(),
        ),
        (".f32 v[2] = {0d3FF8000000000000, 1};", vec![]),
        (
            ".u32 v[2] = {(1 << 4) | 3, 10 % 4};",
            [19_u32, 2].map(u32::to_le_bytes).concat(),
        ),
        (
            ".v4 .f32 v = {1.0, 2.0, 3.0, 4.0};",
            [1_f32, 2.0, 3.0, 4.0].map(f32::to_le_bytes).concat(),
        ),
        (
            ".s64 v[2] = {-1, 9223372036854775807};",
            [-1, i64::MAX].map(i64::to_le_bytes).concat(),
        ),
    ];
    for (text, bytes) in cases {
        if bytes.is_empty() {
            continue;
        }
        let count = bytes.len();
        let body = "mov.u64 %l1, v; cvt.u64.u32 %l2, %i; add.u64 %l1, %l1, %l2; ld.global.u8 %w1, [%l1];\n\
             st.global.u8 [%to], %w1;";
        for space in ["global", "const"] {
            let body = body.replace("ld.global", &format!("ld.{space}"));
            programs.push(
                Program::new(format!(".{space} {text}"), body)
                    .head(format!(".{space} {text}"))
                    .shape(1, count as u32)
                    .strides(1, 1)
                    .expect(bytes.clone()),
            );
        }
    }
    // Pointers to variables, before and behind the pointer, with offsets, in pieces of a byte.
    let head = ".global .u64 early[2] = {late, late+8};\n\
         .const .align 4 .u32 fixed[2] = {100, 200};\n\
         .global .u32 late[4] = {1, 2, 3, 4};\n\
         .global .u64 more[3] = {generic(late)+4, fixed+4, early};\n\
         .global .align 8 .b8 bytes[16] = {9, 0, 0, 0, 0, 0, 0, 0, 0xff(late+12), 0xff00(late+12),\n\
         0xff0000(late+12), 0xff000000(late+12), 0xff00000000(late+12), 0xff0000000000(late+12),\n\
         0xff000000000000(late+12), 0xff00000000000000(late+12)};";
    let body = "ld.global.u64 %l1, [early]; ld.global.u32 %w1, [%l1];\n\
         ld.global.u64 %l1, [early+8]; ld.global.u32 %w2, [%l1];\n\
         ld.global.u64 %l1, [more]; ld.u32 %w3, [%l1];\n\
         ld.global.u64 %l1, [more+8]; ld.const.u32 %w4, [%l1];\n\
         ld.global.u64 %l1, [more+16]; ld.global.u64 %l1, [%l1]; ld.global.u32 %w5, [%l1+8];\n\
         ld.global.u64 %l1, [bytes+8]; ld.global.u32 %w6, [%l1];\n\
         st.global.v4.u32 [%to], {%w1, %w2, %w3, %w4}; st.global.v2.u32 [%to+16], {%w5, %w6};";
    programs.push(
        Program::new("pointers in variables", body)
            .head(head)
            .shape(1, 1)
            .strides(4, 24)
            .expect([1_u32, 3, 2, 200, 3, 4]),
    );
}

/// Local arrays, which each lane has for itself, and what is allocated on the stack.
fn stacks(programs: &mut Vec<Program>) {
    let body = ".local .align 4 .b8 a[64]; mov.u64 %l1, a; mov.u32 %w1, 0;\n\
         MORE: mad.wide.u32 %l2, %w1, 4, %l1; mad.lo.u32 %w2, %i, 100, %w1; st.local.u32 [%l2], %w2;\n\
         add.u32 %w1, %w1, 1; setp.lt.u32 %p0, %w1, 16; @%p0 bra MORE;\n\
         and.b32 %w3, %i, 15; mad.wide.u32 %l2, %w3, 4, %l1; ld.local.u32 %w4, [%l2];\n\
         ld.local.u16 %h1, [%l2+2]; cvt.u32.u16 %w5, %h1; st.global.v2.u32 [%to], {%w4, %w5};";
    let value = |i: u32| i * 100 + i % 16;
    programs.push(
        Program::new("a local array", body)
            .shape(2, 40)
            .strides(4, 8)
            .expect((0..80).flat_map(|i| [value(i), value(i) >> 16])),
    );
    let body = "stacksave.u64 %l9; mov.u32 %w9, 0;\n\
         AGAIN: add.u32 %w1, %i, 1; mul.wide.u32 %l1, %w1, 4; alloca.u64 %l2, %l1, 16;\n\
         alloca.u64 %l8, 8; st.local.u64 [%l8], -1;\n\
         mov.u32 %w2, 0;\n\
         MORE: mad.wide.u32 %l3, %w2, 4, %l2; st.local.u32 [%l3], %w2; add.u32 %w2, %w2, 1;\n\
         setp.le.u32 %p0, %w2, %i; @%p0 bra MORE;\n\
         mov.u32 %w3, 0; mov.u32 %w2, 0;\n\
         SUM: mad.wide.u32 %l3, %w2, 4, %l2; ld.local.u32 %w4, [%l3]; add.u32 %w3, %w3, %w4;\n\
         add.u32 %w2, %w2, 1; setp.le.u32 %p0, %w2, %i; @%p0 bra SUM;\n\
         stackrestore.u64 %l9; add.u32 %w9, %w9, 1; setp.lt.u32 %p0, %w9, 1000; @%p0 bra AGAIN;\n\
         st.global.u32 [%to], %w3;";
    programs.push(
        Program::new("alloca, stacksave, stackrestore", body)
            .expect((0..32_u32).map(|i| i * (i + 1) / 2)),
    );
}
