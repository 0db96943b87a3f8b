//! Atomic updates of each kind and type, in each space and scope, against updates one by one; fences.

use fastrand::Rng;
use half::{bf16, f16};

use crate::program::{Program, elements, fill};

pub fn programs() -> Vec<Program> {
    let mut programs = Vec::new();
    let mut rng = Rng::with_seed(5);
    integers(&mut programs, &mut rng);
    alone(&mut programs, &mut rng);
    orders(&mut programs);
    floats(&mut programs);
    exchanges(&mut programs);
    vectors(&mut programs);
    fences(&mut programs);
    programs
}

/// Where the updated cell lies: the space that the instruction names, and how `%l1` gets its address
/// from the cell in global memory, or a cell in shared memory that is copied there and back.
const SPACES: [(&str, &str, bool); 4] = [
    (".global", "", false),
    ("", "", false),
    (".shared", "mov.u64 %l1, cell;", true),
    ("", "cvta.shared.u64 %l1, cell;", true),
];

/// A kernel of `threads` threads that update one cell, which is the output's last 16 bytes. `update`
/// finds its value in `$b` and its cell at `[%l1]`.
fn one_cell(name: &str, update: &str, space: usize, threads: u32) -> Program {
    let (named, setup, is_shared) = SPACES[space];
    let (before, after) = match is_shared {
        true => (
            "setp.eq.u32 %p7, %i, 0; @%p7 ld.global.v2.b64 {%l10, %l11}, [%l1];\n\
             @%p7 st.shared.v2.b64 [cell], {%l10, %l11}; bar.sync 0;",
            "bar.sync 0; @%p7 ld.shared.v2.b64 {%l10, %l11}, [cell];\n\
             @%p7 st.global.v2.b64 [%l9], {%l10, %l11};",
        ),
        false => ("", ""),
    };
    let last = threads * 16;
    let body = format!(
        "add.u64 %l1, %out, {last}; mov.u64 %l9, %l1; {before} {setup}\n{update}\n{after}",
        update = fill(update, &[("s", named)])
    );
    Program::new(format!("{name}, space {space}"), body)
        .head(".shared .align 16 .b8 cell[16];")
        .shape(1, threads)
        .strides(16, 16)
}

type Fold = fn(u64, u64) -> u64;

/// The updates whose result does not depend on the order.
fn folds() -> Vec<(&'static str, &'static str, Fold)> {
    vec![
        ("add", "u32", |a, b| {
            (a as u32).wrapping_add(b as u32).into()
        }),
        ("add", "s32", |a, b| {
            (a as u32).wrapping_add(b as u32).into()
        }),
        ("add", "u64", u64::wrapping_add),
        ("and", "b32", |a, b| a & b & 0xffff_ffff),
        ("and", "b64", |a, b| a & b),
        ("or", "b32", |a, b| (a | b) & 0xffff_ffff),
        ("or", "b64", |a, b| a | b),
        ("xor", "b32", |a, b| (a ^ b) & 0xffff_ffff),
        ("xor", "b64", |a, b| a ^ b),
        ("min", "u32", |a, b| (a as u32).min(b as u32).into()),
        ("max", "u32", |a, b| (a as u32).max(b as u32).into()),
        ("min", "s32", |a, b| (a as i32).min(b as i32) as u32 as u64),
        ("max", "s32", |a, b| (a as i32).max(b as i32) as u32 as u64),
        ("min", "u64", u64::min),
        ("max", "u64", u64::max),
        ("min", "s64", |a, b| (a as i64).min(b as i64) as u64),
        ("max", "s64", |a, b| (a as i64).max(b as i64) as u64),
    ]
}

/// All threads update one cell: the end is known, and each old value is one that some order gives.
fn integers(programs: &mut Vec<Program>, rng: &mut Rng) {
    for (name, ty, fold) in folds() {
        let bits: usize = ty[1..].parse().unwrap();
        let mask = if bits == 32 { 0xffff_ffff } else { u64::MAX };
        for space in 0..SPACES.len() {
            for (opcode, target) in [("atom", "%$r2, "), ("red", "")] {
                let threads = 70;
                let start = rng.u64(..) & mask;
                let values: Vec<u64> = (0..threads)
                    .map(|_| match name {
                        // A few bits each, so that the result is neither all ones nor zero.
                        "and" => !(1 << rng.u32(..16)) & mask,
                        "or" => 1 << rng.u32(..64) & mask,
                        _ => rng.u64(..) & mask,
                    })
                    .collect();
                let expected = values.iter().fold(start, |a, &b| fold(a, b));
                let register = if bits == 32 { "w" } else { "l" };
                let store = if opcode == "atom" {
                    "st.global.b$bits [%to], %$r2;"
                } else {
                    ""
                };
                let update = fill(
                    &format!(
                        "ld.global.b$bits %$r3, [%from]; {opcode}$s.{name}.{ty} {target}[%l1], %$r3; {store}"
                    ),
                    &[("r", register), ("bits", &bits.to_string()), ("s", "$s")],
                );
                let input: Vec<u64> = values.iter().flat_map(|&value| [value, 0]).collect();
                let mut output = vec![0_u64; threads * 2 + 2];
                output[threads * 2] = start;
                let keeps_old = opcode == "atom";
                let program = one_cell(
                    &format!("{opcode}.{name}.{ty}"),
                    &update,
                    space,
                    threads as u32,
                )
                .input(&input)
                .output(&output);
                programs.push(program.check(move |bytes| {
                    let found: Vec<u64> = elements(bytes);
                    let end = found[threads * 2];
                    if end != expected {
                        return Err(format!("the cell holds {end:#x}, expected {expected:#x}"));
                    }
                    let olds: Vec<u64> = found[..threads * 2].iter().step_by(2).copied().collect();
                    if keeps_old {
                        chain(&olds, &values, start, expected, fold)
                    } else {
                        Ok(())
                    }
                }));
            }
        }
    }
}

/// Whether the old values are those of updates in some order.
///
/// Each update leads from its old value to a new one. Put together they must be a walk from the
/// first value to the last one: each value is left as often as it is come to, but for the ends.
fn chain(olds: &[u64], values: &[u64], start: u64, end: u64, fold: Fold) -> Result<(), String> {
    let mut balance = std::collections::HashMap::new();
    for (&old, &value) in olds.iter().zip(values) {
        *balance.entry(old).or_insert(0) -= 1;
        *balance.entry(fold(old, value)).or_insert(0) += 1;
    }
    *balance.entry(start).or_insert(0) += 1;
    *balance.entry(end).or_insert(0) -= 1;
    match balance.iter().find(|&(_, &balance)| balance != 0) {
        None => Ok(()),
        Some((value, balance)) => Err(format!(
            "no order gives the old values: {value:#x} is there {balance:+} times"
        )),
    }
}

type Update = fn(u64, u64, u64) -> u64;

/// One thread after the other has a cell of its own: any update, with edges.
fn alone(programs: &mut Vec<Program>, rng: &mut Rng) {
    let mut cases: Vec<(String, usize, bool, Update)> = Vec::new();
    cases.push((
        "inc.u32".into(),
        32,
        false,
        |a, b, _| if a >= b { 0 } else { a + 1 },
    ));
    cases.push(("dec.u32".into(), 32, false, |a, b, _| {
        if a == 0 || a > b { b } else { a - 1 }
    }));
    cases.push(("exch.b32".into(), 32, false, |_, b, _| b));
    cases.push(("exch.b64".into(), 64, false, |_, b, _| b));
    cases.push((
        "cas.b16".into(),
        16,
        true,
        |a, b, c| if a == b { c } else { a },
    ));
    cases.push((
        "cas.b32".into(),
        32,
        true,
        |a, b, c| if a == b { c } else { a },
    ));
    cases.push((
        "cas.b64".into(),
        64,
        true,
        |a, b, c| if a == b { c } else { a },
    ));
    cases.push(("add.f32".into(), 32, false, |a, b, _| {
        let sum = f32::from_bits(a as u32) + f32::from_bits(b as u32);
        if sum.is_nan() {
            0x7fff_ffff
        } else {
            sum.to_bits().into()
        }
    }));
    cases.push(("add.f64".into(), 64, false, |a, b, _| {
        let sum = f64::from_bits(a) + f64::from_bits(b);
        if sum.is_nan() {
            0x7fff_ffff_ffff_ffff
        } else {
            sum.to_bits()
        }
    }));
    cases.push(("add.noftz.f16".into(), 16, false, |a, b, _| half_sum(a, b)));
    cases.push(("add.noftz.bf16".into(), 16, false, |a, b, _| {
        brain_sum(a, b)
    }));
    cases.push(("add.noftz.f16x2".into(), 32, false, |a, b, _| {
        half_sum(a & 0xffff, b & 0xffff) | half_sum(a >> 16, b >> 16) << 16
    }));
    cases.push(("add.noftz.bf16x2".into(), 32, false, |a, b, _| {
        brain_sum(a & 0xffff, b & 0xffff) | brain_sum(a >> 16, b >> 16) << 16
    }));
    for (name, ty, fold) in folds() {
        let bits = ty[1..].parse().unwrap();
        // The same update through the same tables, here with its old value and edges.
        let update: Update = match (name, ty) {
            ("add", "u32" | "s32") => |a, b, _| (a as u32).wrapping_add(b as u32).into(),
            ("min", "s32") => |a, b, _| (a as i32).min(b as i32) as u32 as u64,
            ("max", "s32") => |a, b, _| (a as i32).max(b as i32) as u32 as u64,
            ("min", "s64") => |a, b, _| (a as i64).min(b as i64) as u64,
            ("max", "s64") => |a, b, _| (a as i64).max(b as i64) as u64,
            ("min", _) => |a, b, _| a.min(b),
            ("max", _) => |a, b, _| a.max(b),
            _ => continue,
        };
        let _ = fold;
        cases.push((format!("{name}.{ty}"), bits, false, update));
    }
    for (name, bits, has_third, update) in cases {
        for shared in [false, true] {
            let threads = 512_usize;
            let mask = u64::MAX >> (64 - bits);
            let edges = [0, 1, 2, mask, mask - 1, mask >> 1, (mask >> 1) + 1];
            let draws: Vec<[u64; 3]> = (0..threads)
                .map(|_| {
                    let mut one = || match rng.u32(..3) {
                        0 => edges[rng.usize(..edges.len())],
                        1 => rng.u64(..8),
                        _ => rng.u64(..) & mask,
                    };
                    let [a, mut b, c] = [one(), one(), one()];
                    if name.contains('f') && !name.contains("cas") {
                        // Numbers of similar size; the edges of arithmetic belong elsewhere.
                        return [
                            float_bits(bits, &name, rng),
                            float_bits(bits, &name, rng),
                            0,
                        ];
                    }
                    if has_third && rng.bool() {
                        b = a;
                    }
                    [a, b, c]
                })
                .collect();
            let register = match bits {
                16 => "h",
                32 => "w",
                _ => "l",
            };
            let (setup, space) = match shared {
                true => (
                    "mov.u64 %l1, cells; mad.wide.u32 %l1, %i, 8, %l1;\n\
                     ld.global.b64 %l2, [%from]; st.shared.b64 [%l1], %l2;",
                    "shared",
                ),
                false => (
                    "add.u64 %l1, %to, 8; ld.global.b64 %l2, [%from]; st.global.b64 [%l1], %l2;",
                    "global",
                ),
            };
            let third = if has_third { ", %$r4" } else { "" };
            let body = fill(
                &format!(
                    "{setup} ld.global.b$bits %$r3, [%from+8]; ld.global.b$bits %$r4, [%from+16];\n\
                     atom.{space}.{name} %$r5, [%l1], %$r3{third};\n\
                     st.global.b$bits [%to], %$r5; ld.{space}.b64 %l6, [%l1]; st.global.b64 [%to+8], %l6;"
                ),
                &[("r", register), ("bits", &bits.to_string())],
            );
            let expected: Vec<u64> = draws
                .iter()
                .flat_map(|&[a, b, c]| [a, update(a, b, c) & mask])
                .collect();
            programs.push(
                Program::new(format!("atom.{space}.{name}"), body)
                    .head(".shared .align 8 .b8 cells[4096];")
                    .shape(1, threads as u32)
                    .strides(24, 16)
                    .input(&draws.concat())
                    .expect(expected),
            );
        }
    }
}

fn float_bits(bits: usize, name: &str, rng: &mut Rng) -> u64 {
    let value = (rng.i32(-1000..1000) as f64) / 64.0;
    match (bits, name.contains("bf16"), name.contains("f16")) {
        (64, ..) => value.to_bits(),
        (16, true, _) => bf16::from_f64(value).to_bits().into(),
        (16, ..) => f16::from_f64(value).to_bits().into(),
        (_, true, _) => u64::from(bf16::from_f64(value).to_bits()) * 0x1_0001,
        (_, _, true) => u64::from(f16::from_f64(value).to_bits()) * 0x1_0001,
        _ => (value as f32).to_bits().into(),
    }
}

/// Sums of two halves are exact in 64 bits, so they are rounded once.
fn half_sum(a: u64, b: u64) -> u64 {
    let [a, b] = [a, b].map(|bits| f16::from_bits(bits as u16).to_f64());
    f16::from_f64(a + b).to_bits().into()
}

fn brain_sum(a: u64, b: u64) -> u64 {
    let [a, b] = [a, b].map(|bits| bf16::from_bits(bits as u16).to_f64());
    bf16::from_f64(a + b).to_bits().into()
}

/// Each order and scope, before and behind the space.
fn orders(programs: &mut Vec<Program>) {
    let mut spellings = vec![".global".to_owned()];
    for scope in ["cta", "cluster", "gpu", "sys"] {
        spellings.push(format!(".global.{scope}"));
        for order in ["relaxed", "acquire", "release", "acq_rel"] {
            spellings.push(format!(".{order}.{scope}.global"));
            spellings.push(format!(".{order}.{scope}"));
        }
    }
    for spelling in spellings {
        let body = format!(
            "atom{spelling}.add.u32 %w1, [%out], 3; red{red}.add.u32 [%out+4], %i;",
            // `red` cannot acquire.
            red = spelling
                .replace("acquire", "relaxed")
                .replace("acq_rel", "release"),
        );
        programs.push(
            Program::new(format!("atom{spelling}"), body)
                .shape(3, 50)
                .output(&[5_u32, 6])
                .expect([5 + 3 * 150, 6 + (0..150).sum::<u32>()]),
        );
    }
    let body = "createpolicy.fractional.L2::evict_last.b64 %l1, 1.0;\n\
         atom.global.add.L2::cache_hint.u32 %w1, [%out], 3, %l1;\n\
         red.global.add.L2::cache_hint.u32 [%out+4], 1, %l1;";
    programs.push(
        Program::new("atom with a policy", body)
            .output(&[0_u32, 0])
            .expect([96_u32, 32]),
    );
}

/// Sums of floats that are exact in any order.
fn floats(programs: &mut Vec<Program>) {
    let cases = [
        ("f32", "f", "mov.f32 %f2, 0f3FC00000;", "b32"),
        ("f64", "e", "mov.f64 %e2, 1.5;", "b64"),
        ("noftz.f16", "h", "mov.b16 %h2, 0x3e00;", "b16"),
        ("noftz.bf16", "h", "mov.b16 %h2, 0x3fc0;", "b16"),
        ("noftz.f16x2", "w", "mov.b32 %w2, 0x3e003e00;", "b32"),
        ("noftz.bf16x2", "w", "mov.b32 %w2, 0x3fc03fc0;", "b32"),
    ];
    for (ty, register, value, bits) in cases {
        for space in 0..SPACES.len() {
            for opcode in ["atom", "red"] {
                let target = if opcode == "atom" {
                    format!("%{register}3, ")
                } else {
                    String::new()
                };
                let update = format!(
                    "{value} {opcode}$s.add.{ty} {target}[%l1], %{register}2; st.global.u32 [%to], 0;"
                );
                let _ = bits;
                let sum: f64 = 1.5 * 33.0;
                let end: u64 = match ty {
                    "f32" => (sum as f32).to_bits().into(),
                    "f64" => sum.to_bits(),
                    "noftz.f16" => f16::from_f64(sum).to_bits().into(),
                    "noftz.bf16" => bf16::from_f64(sum).to_bits().into(),
                    "noftz.f16x2" => u64::from(f16::from_f64(sum).to_bits()) * 0x1_0001,
                    _ => u64::from(bf16::from_f64(sum).to_bits()) * 0x1_0001,
                };
                let mut expected = vec![0_u64; 68];
                expected[66] = end;
                programs.push(
                    one_cell(&format!("{opcode}.add.{ty}"), &update, space, 33).expect(expected),
                );
            }
        }
    }
}

/// Loops around `cas` and `exch`: locks, lists, multiplications.
fn exchanges(programs: &mut Vec<Program>) {
    for space in 0..SPACES.len() {
        // A multiplication by `cas`.
        let update = "ld$s.relaxed.u32 %w1, [%l1]; mov.u32 %w4, 3;\n\
             AGAIN: mul.lo.u32 %w2, %w1, %w4; atom$s.cas.b32 %w3, [%l1], %w1, %w2;\n\
             setp.ne.u32 %p0, %w3, %w1; mov.u32 %w1, %w3; @%p0 bra AGAIN; st.global.u32 [%to], 0;";
        let update = update.replace("ld$s.relaxed", "ld.relaxed.gpu$s");
        let mut output = vec![0_u64; 130];
        output[128] = 7;
        let mut expected = output.clone();
        expected[128] = (0..64).fold(7_u32, |value, _| value.wrapping_mul(3)).into();
        programs.push(
            one_cell("a product by cas", &update, space, 64)
                .output(&output)
                .expect(expected),
        );
        // Each thread pulls out what another one put in: nothing is lost.
        let update =
            "add.u32 %w1, %i, 1; atom$s.exch.b32 %w2, [%l1], %w1; st.global.u32 [%to], %w2;";
        let program = one_cell("a chain by exch", update, space, 64).output(&vec![0_u64; 130]);
        programs.push(program.check(|bytes| {
            let found: Vec<u64> = elements(bytes);
            let mut all: Vec<u64> = found.iter().step_by(2).copied().collect();
            all.sort_unstable();
            match all == (0..65).collect::<Vec<u64>>() {
                true => Ok(()),
                false => Err(format!("found {all:?}")),
            }
        }));
    }
    for ty in ["b64", "b128"] {
        let body = match ty {
            "b64" => {
                "MORE: ld.relaxed.gpu.global.b64 %l1, [%out]; add.u64 %l2, %l1, 0x100000003;\n\
                 atom.global.cas.b64 %l3, [%out], %l1, %l2; setp.ne.u64 %p0, %l3, %l1; @%p0 bra MORE;"
            }
            _ => {
                ".reg .b128 %q<4>; mov.u64 %l5, 0; mov.b128 %q0, {%l5, %l5};\n\
                 MORE: atom.global.cas.b128 %q1, [%out], %q0, %q0; mov.b128 {%l1, %l2}, %q1;\n\
                 add.u64 %l1, %l1, 1; add.u64 %l2, %l2, 2; mov.b128 %q2, {%l1, %l2};\n\
                 atom.global.cas.b128 %q3, [%out], %q1, %q2; mov.b128 {%l3, %l4}, %q3;\n\
                 sub.u64 %l1, %l1, 1; setp.ne.u64 %p0, %l3, %l1; @%p0 bra MORE;"
            }
        };
        let expected = match ty {
            "b64" => [96 * 0x1_0000_0003_u64, 0],
            _ => [96, 192],
        };
        programs.push(
            Program::new(format!("a count by cas.{ty}"), body)
                .shape(2, 48)
                .expect(expected),
        );
    }
    let body = ".reg .b128 %q<3>; mov.u64 %l1, 11; mov.u64 %l2, 12; mov.b128 %q0, {%l1, %l2};\n\
         atom.global.exch.b128 %q1, [%to], %q0; mov.b128 {%l3, %l4}, %q1; add.u64 %l3, %l3, %l4;\n\
         st.global.u64 [%to+16], %l3;";
    programs.push(
        Program::new("exch.b128", body)
            .strides(4, 32)
            .output(&[1_u64, 2, 0, 0].repeat(32))
            .expect([11_u64, 12, 3, 0].repeat(32)),
    );
}

fn vectors(programs: &mut Vec<Program>) {
    let single = |value: f64| vec![(value as f32).to_bits()];
    for (count, ty, register, value, words) in [
        (2, "f32", "f", "0f3F800000", single(32.0)),
        (4, "f32", "f", "0f40000000", single(64.0)),
        (2, "noftz.f16x2", "w", "0x3c003c00", vec![0x5000_5000]),
        (4, "noftz.bf16x2", "w", "0x3f803f80", vec![0x4200_4200]),
    ] {
        let names: Vec<String> = (1..=count).map(|at| format!("%{register}{at}")).collect();
        let olds: Vec<String> = (5..5 + count)
            .map(|at| format!("%{register}{at}"))
            .collect();
        let moves: String = names
            .iter()
            .map(|name| format!("mov.b32 {name}, {value};"))
            .collect();
        let (names, olds) = (names.join(", "), olds.join(", "));
        // The modifiers of the operation come before those of the vector.
        let (flag, ty) = ty.split_once('.').map_or(("", ty), |(flag, ty)| (flag, ty));
        let dot = if flag.is_empty() { "" } else { "." };
        let body = format!(
            "{moves} atom.global.add{dot}{flag}.v{count}.{ty} {{{olds}}}, [%out], {{{names}}};\n\
             red.global.add{dot}{flag}.v{count}.{ty} [%out+16], {{{names}}};"
        );
        let mut expected = vec![0_u32; 8];
        for half in expected.chunks_mut(4) {
            for word in &mut half[..count] {
                *word = words[0];
            }
        }
        programs.push(Program::new(format!("atom.v{count}.{ty}"), body).expect(expected));
    }
}

/// A message through each kind of fence: one thread writes and sets a flag, another one waits for it.
fn fences(programs: &mut Vec<Program>) {
    let mut pairs: Vec<(String, String)> = ["membar.cta", "membar.gl", "membar.sys"]
        .map(|it| (it.to_owned(), it.to_owned()))
        .to_vec();
    for scope in ["cta", "cluster", "gpu", "sys"] {
        for kind in ["sc.", "acq_rel.", ""] {
            let fence = format!("fence.{kind}{scope}");
            pairs.push((fence.clone(), fence));
        }
        pairs.push((
            format!("fence.release.{scope}"),
            format!("fence.acquire.{scope}"),
        ));
    }
    for (release, acquire) in pairs {
        // Threads of one block, for which all scopes do.
        let body = format!(
            "setp.eq.u32 %p0, %i, 40; @%p0 bra SEND; setp.eq.u32 %p0, %i, 3; @!%p0 bra DONE;\n\
             WAIT: ld.relaxed.cta.global.u32 %w1, [%out+4]; setp.eq.u32 %p1, %w1, 0; @%p1 bra WAIT;\n\
             {acquire}; ld.global.u32 %w2, [%out]; st.global.u32 [%out+8], %w2; bra DONE;\n\
             SEND: st.global.u32 [%out], 77; {release}; st.relaxed.cta.global.u32 [%out+4], 1;\n\
             DONE:"
        );
        programs.push(
            Program::new(format!("{release} and {acquire}"), body)
                .shape(1, 64)
                .expect([77_u32, 1, 77]),
        );
    }
    // Those between ways to reach memory have nothing to order here.
    let proxies = [
        "fence.proxy.alias",
        "fence.proxy.async",
        "fence.proxy.async.global",
        "fence.proxy.async.shared::cta",
        "fence.proxy.async.shared::cluster",
        "fence.proxy.tensormap::generic.release.gpu",
        "fence.proxy.tensormap::generic.release.cta",
    ];
    for fence in proxies {
        let body = format!(
            "st.global.u32 [%to], %i; {fence}; ld.global.u32 %w1, [%to]; st.global.u32 [%to], %w1;"
        );
        programs.push(Program::new(fence, body).expect(0..32_u32));
    }
}
