//! `mov`: registers, numbers, and registers that are taken apart and put together.

use crate::case::{Case, Kind, case};

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let types = [
        ("b16", Kind::I16),
        ("u16", Kind::I16),
        ("s16", Kind::I16),
        ("b32", Kind::I32),
        ("u32", Kind::I32),
        ("s32", Kind::I32),
        ("f32", Kind::F32),
        ("b64", Kind::I64),
        ("u64", Kind::I64),
        ("s64", Kind::I64),
        ("f64", Kind::F64),
    ];
    for (name, kind) in types {
        cases.push(case(format!("mov.{name} $d, $a;"), &[kind], kind, |v| v[0]));
    }
    let numbers = [
        ("mov.u16 $d, 65535;", Kind::I16, 0xffff),
        ("mov.s16 $d, -2;", Kind::I16, 0xfffe),
        ("mov.b16 $d, 0x3C00;", Kind::I16, 0x3c00),
        ("mov.u32 $d, 0xdeadbeef;", Kind::I32, 0xdead_beef),
        ("mov.s32 $d, -1;", Kind::I32, 0xffff_ffff),
        ("mov.b32 $d, 0b1011;", Kind::I32, 0b1011),
        ("mov.f32 $d, 0f3F800000;", Kind::I32, 0x3f80_0000),
        ("mov.f32 $d, 1.5;", Kind::I32, 0x3fc0_0000),
        (
            "mov.f64 $d, 0d4000000000000000;",
            Kind::I64,
            0x4000_0000_0000_0000,
        ),
        ("mov.f64 $d, -0.5;", Kind::I64, 0xbfe0_0000_0000_0000),
        ("mov.s64 $d, -3;", Kind::I64, 0xffff_ffff_ffff_fffd),
        ("mov.u64 $d, 0xffffffffffffffff;", Kind::I64, u64::MAX),
        ("add.s64 $d, -5, 3;", Kind::I64, 0xffff_ffff_ffff_fffe),
        (
            "add.f32 $d, 0f3F800000, 0f40000000;",
            Kind::F32,
            0x4040_0000,
        ),
    ];
    for (text, kind, bits) in numbers {
        cases.push(case(text, &[kind], kind, move |_| bits));
    }
    packs(&mut cases);
    cases
}

fn packs(cases: &mut Vec<Case>) {
    let (i16, i32, i64) = (Kind::I16, Kind::I32, Kind::I64);
    cases.push(case("mov.b32 $d, {$a, $b};", &[i16; 2], i32, |v| {
        v[0] | v[1] << 16
    }));
    cases.push(case("mov.b64 $d, {$a, $b};", &[i32; 2], i64, |v| {
        v[0] | v[1] << 32
    }));
    cases.push(case("mov.b64 $d, {$a, 7};", &[i32], i64, |v| {
        v[0] | 7 << 32
    }));
    cases.push(case("mov.b64 $d, {$a, $b, $c, $e};", &[i16; 4], i64, |v| {
        v[0] | v[1] << 16 | v[2] << 32 | v[3] << 48
    }));
    let text = "mov.b32 {%h0, %h1}, $a; mov.b32 $d, {%h1, %h0};";
    cases.push(case(text, &[i32], i32, |v| {
        v[0] >> 16 | (v[0] & 0xffff) << 16
    }));
    let text = "mov.b64 {%w0, %w1}, $a; mov.b64 $d, {%w1, %w0};";
    cases.push(case(text, &[i64], i64, |v| v[0].rotate_left(32)));
    let text = "mov.b64 {%h0, %h1, %h2, %h3}, $a; mov.b64 $d, {%h3, %h2, %h1, %h0};";
    cases.push(case(text, &[i64], i64, |v| {
        (0..4)
            .map(|at| (v[0] >> (16 * at) & 0xffff) << (48 - 16 * at))
            .sum()
    }));
    let text = "mov.b64 {_, $d}, $a;";
    cases.push(case(text, &[i64], i32, |v| v[0] >> 32));
    let text = "mov.b64 {$d, _}, $a;";
    cases.push(case(text, &[i64], i32, |v| v[0] & 0xffff_ffff));
    let text = "mov.b32 {_, $d}, $a;";
    cases.push(case(text, &[i32], i16, |v| v[0] >> 16));
    let text =
        ".reg .b128 %q; mov.b128 %q, {$a, $b}; mov.b128 {%l0, %l1}, %q; sub.u64 $d, %l1, %l0;";
    cases.push(case(text, &[i64; 2], i64, |v| v[1].wrapping_sub(v[0])));
    let text = ".reg .b128 %q, %r; mov.b128 %q, {$a, $b}; mov.b128 %r, %q; mov.b128 {_, $d}, %r;";
    cases.push(case(text, &[i64; 2], i64, |v| v[1]));
    let text = ".reg .b8 %x, %y; mov.b16 {%x, %y}, $a; mov.b16 $d, {%y, %x};";
    cases.push(case(text, &[i16], i16, |v| v[0] >> 8 | (v[0] & 0xff) << 8));
}
