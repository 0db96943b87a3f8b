//! Logic, shifts, counts and fields, against loops over single bits.

use crate::case::{Case, Kind, case};
use crate::integer::{ALL, Int, S32, S64, U32, U64};

/// The sizes of untyped operands.
const SIZES: [(u32, Kind); 3] = [(16, Kind::I16), (32, Kind::I32), (64, Kind::I64)];

fn bit(value: u64, at: u32) -> bool {
    value >> at & 1 == 1
}

/// The number whose bits these are.
fn from_bits(bits: u32, f: impl Fn(u32) -> bool) -> u64 {
    (0..bits).filter(|&at| f(at)).map(|at| 1 << at).sum()
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    logic(&mut cases);
    shifts(&mut cases);
    counts(&mut cases);
    fields(&mut cases);
    logic3(&mut cases);
    permutations(&mut cases);
    masks(&mut cases);
    predicates(&mut cases);
    cases
}

fn logic(cases: &mut Vec<Case>) {
    for (bits, kind) in SIZES {
        type Binary = fn(bool, bool) -> bool;
        let table: [(&str, Binary); 3] = [
            ("and", |a, b| a && b),
            ("or", |a, b| a || b),
            ("xor", |a, b| a != b),
        ];
        for (opcode, f) in table {
            cases.push(case(
                format!("{opcode}.b{bits} $d, $a, $b;"),
                &[kind; 2],
                kind,
                move |v| from_bits(bits, |at| f(bit(v[0], at), bit(v[1], at))),
            ));
        }
        cases.push(case(
            format!("not.b{bits} $d, $a;"),
            &[kind],
            kind,
            move |v| from_bits(bits, |at| !bit(v[0], at)),
        ));
        cases.push(case(format!("cnot.b{bits} $d, $a;"), &[kind], kind, |v| {
            (v[0] == 0).into()
        }));
    }
}

fn shifts(cases: &mut Vec<Case>) {
    let untyped = SIZES.map(|(bits, kind)| (format!("b{bits}"), bits, kind, false));
    let typed = ALL.map(|ty| (ty.name.to_string(), ty.bits, ty.kind, ty.signed));
    for (name, bits, kind, signed) in untyped.iter().cloned().chain(typed) {
        cases.push(case(
            format!("shr.{name} $d, $a, $b;"),
            &[kind, Kind::Small],
            kind,
            move |v| {
                from_bits(bits, |at| {
                    let from = u64::from(at) + v[1];
                    match from < bits.into() {
                        true => bit(v[0], from as u32),
                        false => signed && bit(v[0], bits - 1),
                    }
                })
            },
        ));
    }
    for (name, bits, kind, _) in untyped {
        cases.push(case(
            format!("shl.{name} $d, $a, $b;"),
            &[kind, Kind::Small],
            kind,
            move |v| {
                from_bits(bits, |at| {
                    u64::from(at) >= v[1] && bit(v[0], at - v[1] as u32)
                })
            },
        ));
    }
    for mode in ["clamp", "wrap"] {
        let amount = move |c: u64| if mode == "clamp" { c.min(32) } else { c % 32 } as u32;
        let both = |v: &[u64], at: u32| bit(if at < 32 { v[0] } else { v[1] }, at % 32);
        let inputs = [Kind::I32, Kind::I32, Kind::Small];
        cases.push(case(
            format!("shf.l.{mode}.b32 $d, $a, $b, $c;"),
            &inputs,
            Kind::I32,
            move |v| from_bits(32, |at| both(v, 32 + at - amount(v[2]))),
        ));
        cases.push(case(
            format!("shf.r.{mode}.b32 $d, $a, $b, $c;"),
            &inputs,
            Kind::I32,
            move |v| {
                from_bits(32, |at| {
                    at + amount(v[2]) < 64 && both(v, at + amount(v[2]))
                })
            },
        ));
    }
}

fn counts(cases: &mut Vec<Case>) {
    for (bits, kind) in [SIZES[1], SIZES[2]] {
        cases.push(case(
            format!("popc.b{bits} $d, $a;"),
            &[kind],
            Kind::I32,
            move |v| (0..bits).filter(|&at| bit(v[0], at)).count() as u64,
        ));
        cases.push(case(
            format!("clz.b{bits} $d, $a;"),
            &[kind],
            Kind::I32,
            move |v| (0..bits).rev().take_while(|&at| !bit(v[0], at)).count() as u64,
        ));
        cases.push(case(
            format!("brev.b{bits} $d, $a;"),
            &[kind],
            kind,
            move |v| from_bits(bits, |at| bit(v[0], bits - 1 - at)),
        ));
    }
    for ty in [U32, U64, S32, S64] {
        for (modifier, as_shift) in [("", false), (".shiftamt", true)] {
            let text = format!("bfind{modifier}.{} $d, $a;", ty.name);
            cases.push(case(text, &[ty.kind], Kind::I32, move |v| {
                let sign = ty.signed && bit(v[0], ty.bits - 1);
                match (0..ty.bits).rev().find(|&at| bit(v[0], at) != sign) {
                    Some(at) if as_shift => (ty.bits - 1 - at).into(),
                    Some(at) => at.into(),
                    None => 0xffff_ffff,
                }
            }));
        }
    }
    // The place is at most 31: more is undefined.
    let text = "and.b32 %w0, $b, 31; fns.b32 $d, $a, %w0, $c;";
    cases.push(case(
        text,
        &[Kind::I32, Kind::Small, Kind::I32],
        Kind::I32,
        |v| find_nth(v[0], (v[1] & 31) as i64, v[2] as u32 as i32),
    ));
    let text = "and.b32 %w0, $b, 31; rem.s32 %w1, $c, 8; fns.b32 $d, $a, %w0, %w1;";
    cases.push(case(
        text,
        &[Kind::I32, Kind::Small, Kind::I32],
        Kind::I32,
        |v| find_nth(v[0], (v[1] & 31) as i64, v[2] as u32 as i32 % 8),
    ));
}

fn find_nth(word: u64, base: i64, offset: i32) -> u64 {
    let step = if offset < 0 { -1 } else { 1 };
    let mut left = i64::from(offset).abs().max(1);
    let mut place = base;
    while (0..32).contains(&place) {
        if bit(word, place as u32) {
            left -= 1;
            if left == 0 {
                return place as u64;
            }
        } else if offset == 0 {
            break;
        }
        place += step;
    }
    0xffff_ffff
}

fn fields(cases: &mut Vec<Case>) {
    for ty in [U32, U64, S32, S64] {
        let text = format!("bfe.{} $d, $a, $b, $c;", ty.name);
        let inputs = [ty.kind, Kind::Small, Kind::Small];
        cases.push(case(text, &inputs, ty.kind, move |v| {
            let (start, length) = ((v[1] & 255) as u32, (v[2] & 255) as u32);
            let last = ty.bits - 1;
            let sign = ty.signed && length > 0 && bit(v[0], (start + length - 1).min(last));
            from_bits(ty.bits, |at| match at < length && start + at <= last {
                true => bit(v[0], start + at),
                false => sign,
            })
        }));
    }
    for (bits, kind) in [SIZES[1], SIZES[2]] {
        let text = format!("bfi.b{bits} $d, $a, $b, $c, $e;");
        cases.push(case(
            text,
            &[kind, kind, Kind::Small, Kind::Small],
            kind,
            move |v| {
                let (start, length) = ((v[2] & 255) as u32, (v[3] & 255) as u32);
                from_bits(bits, |at| match at >= start && at - start < length {
                    true => bit(v[0], at - start),
                    false => bit(v[1], at),
                })
            },
        ));
    }
    for ty in [U32, S32] {
        for mode in ["clamp", "wrap"] {
            let text = format!("szext.{mode}.{} $d, $a, $b;", ty.name);
            cases.push(case(
                text,
                &[Kind::I32, Kind::Small],
                Kind::I32,
                move |v| match if mode == "clamp" {
                    v[1].min(32)
                } else {
                    v[1] % 32
                } as u32
                {
                    0 => 0,
                    bits => ty.bits_of(Int { bits, ..ty }.value(v[0])),
                },
            ));
        }
    }
}

fn logic3(cases: &mut Vec<Case>) {
    let row = |v: &[u64], at: u32| {
        u32::from(bit(v[0], at)) << 2 | u32::from(bit(v[1], at)) << 1 | u32::from(bit(v[2], at))
    };
    for table in 0..256u64 {
        let text = format!("lop3.b32 $d, $a, $b, $c, {table:#x};");
        cases.push(case(text, &[Kind::I32; 3], Kind::I32, move |v| {
            from_bits(32, |at| bit(table, row(v, at)))
        }));
    }
    for (combination, and) in [("and", true), ("or", false)] {
        for table in [0x00u64, 0x80, 0xe8, 0x01, 0xff] {
            let text = format!(
                "setp.ne.u32 %p0, $e, 0; lop3.{combination}.b32 %w0|%p1, $a, $b, $c, {table:#x}, %p0; \
                 selp.u32 $d, 0x5a5a5a5a, 0, %p1; xor.b32 $d, $d, %w0;"
            );
            let inputs = [Kind::I32, Kind::I32, Kind::I32, Kind::Bit];
            cases.push(case(text, &inputs, Kind::I32, move |v| {
                let value = from_bits(32, |at| bit(table, row(v, at)));
                let q = v[3] != 0;
                let p = if and {
                    value != 0 && q
                } else {
                    value != 0 || q
                };
                value ^ if p { 0x5a5a_5a5a } else { 0 }
            }));
        }
    }
    let text = "setp.ne.u32 %p0, $e, 0; lop3.or.b32 _|%p1, $a, $b, $c, 0x96, !%p0; selp.u32 $d, 1, 0, %p1;";
    let inputs = [Kind::I32, Kind::I32, Kind::I32, Kind::Bit];
    cases.push(case(text, &inputs, Kind::I32, |v| {
        (v[0] ^ v[1] ^ v[2] != 0 || v[3] == 0).into()
    }));
}

fn permutations(cases: &mut Vec<Case>) {
    let byte = |v: &[u64], at: usize| if at < 4 { v[0] >> (8 * at) } else { v[1] >> (8 * (at - 4)) } & 0xff;
    cases.push(case(
        "prmt.b32 $d, $a, $b, $c;",
        &[Kind::I32; 3],
        Kind::I32,
        move |v| {
            (0..4)
                .map(|at| {
                    let selector = v[2] >> (4 * at);
                    let byte = byte(v, (selector & 7) as usize);
                    let byte = match selector & 8 {
                        0 => byte,
                        _ if byte >= 0x80 => 0xff,
                        _ => 0,
                    };
                    byte << (8 * at)
                })
                .sum()
        },
    ));
    // The manual's tables, the highest byte first, for each value of the selector.
    let modes = [
        ("f4e", ["3210", "4321", "5432", "6543"]),
        ("b4e", ["5670", "6701", "7012", "0123"]),
        ("rc8", ["0000", "1111", "2222", "3333"]),
        ("ecl", ["3210", "3211", "3222", "3333"]),
        ("ecr", ["0000", "1110", "2210", "3210"]),
        ("rc16", ["1010", "3232", "1010", "3232"]),
    ];
    for (mode, table) in modes {
        let text = format!("prmt.b32.{mode} $d, $a, $b, $c;");
        cases.push(case(text, &[Kind::I32; 3], Kind::I32, move |v| {
            let bytes = table[(v[2] & 3) as usize].bytes();
            bytes.fold(0, |word, digit| word << 8 | byte(v, (digit - b'0').into()))
        }));
    }
}

fn masks(cases: &mut Vec<Case>) {
    for mode in ["clamp", "wrap"] {
        let text = format!("bmsk.{mode}.b32 $d, $a, $b;");
        cases.push(case(text, &[Kind::Small; 2], Kind::I32, move |v| {
            let amount = |x: u64| if mode == "clamp" { x } else { x % 32 };
            from_bits(32, |at| {
                u64::from(at) >= amount(v[0]) && u64::from(at) - amount(v[0]) < amount(v[1])
            })
        }));
    }
}

/// `and`, `or`, `xor`, `not` and `mov` of predicates.
fn predicates(cases: &mut Vec<Case>) {
    type Binary = fn(u64, u64) -> u64;
    let table: [(&str, Binary); 5] = [
        ("and.pred %p2, %p0, %p1;", |a, b| a & b),
        ("or.pred %p2, %p0, !%p1;", |a, b| a | (1 - b)),
        ("xor.pred %p2, %p0, %p1;", |a, b| a ^ b),
        ("not.pred %p2, %p0;", |a, _| 1 - a),
        ("mov.pred %p2, %p1;", |_, b| b),
    ];
    for (text, f) in table {
        let text = format!(
            "setp.ne.u32 %p0, $a, 0; setp.ne.u32 %p1, $b, 0; {text} selp.u32 $d, 1, 0, %p2;"
        );
        cases.push(case(text, &[Kind::Bit; 2], Kind::I32, move |v| {
            f(v[0], v[1])
        }));
    }
}
