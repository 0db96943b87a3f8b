//! Comparisons and choices, against the order of exact values.

use std::cmp::Ordering;

use crate::case::{Case, Kind, case};
use crate::exact::{BF16, F16, F32, F64, Format};
use crate::integer::ALL;

/// Whether a comparison holds; `None` is an order with NaN.
fn holds(name: &str, order: Option<Ordering>) -> bool {
    use Ordering::{Equal, Greater, Less};
    let Some(order) = order else {
        return name == "nan" || name.len() == 3 && name.ends_with('u');
    };
    match name {
        "num" => true,
        "nan" => false,
        "lo" => order == Less,
        "ls" => order != Greater,
        "hi" => order == Greater,
        "hs" => order != Less,
        _ => match &name[..2] {
            "eq" => order == Equal,
            "ne" => order != Equal,
            "lt" => order == Less,
            "le" => order != Greater,
            "gt" => order == Greater,
            _ => order != Less,
        },
    }
}

const COMMON: [&str; 6] = ["eq", "ne", "lt", "le", "gt", "ge"];
const UNSIGNED: [&str; 4] = ["lo", "ls", "hi", "hs"];
const FLOATING: [&str; 8] = ["equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"];

/// The order of two floating-point numbers by their bits.
fn order(format: Format, flush: bool, a: u64, b: u64) -> Option<Ordering> {
    let place = |bits: u64| {
        let bits = if flush { format.flush(bits) } else { bits };
        let magnitude = (bits & !format.sign()) as i64;
        if bits & format.sign() != 0 {
            -magnitude
        } else {
            magnitude
        }
    };
    (!format.is_nan(a) && !format.is_nan(b)).then(|| place(a).cmp(&place(b)))
}

/// The order of two operands.
type Order = Box<dyn Fn(u64, u64) -> Option<Ordering>>;

/// A type that can be compared.
struct Comparable {
    name: &'static str,
    ftz: &'static str,
    kind: Kind,
    comparisons: Vec<&'static str>,
    order: Order,
}

fn types() -> Vec<Comparable> {
    let mut types = Vec::new();
    for ty in ALL {
        let further: &[_] = if ty.signed { &[] } else { &UNSIGNED };
        types.push(Comparable {
            name: ty.name,
            ftz: "",
            kind: ty.kind,
            comparisons: [&COMMON, further].concat(),
            order: Box::new(move |a, b| Some(ty.value(a).cmp(&ty.value(b)))),
        });
    }
    for (name, kind) in [("b16", Kind::I16), ("b32", Kind::I32), ("b64", Kind::I64)] {
        types.push(Comparable {
            name,
            ftz: "",
            kind,
            comparisons: vec!["eq", "ne"],
            order: Box::new(|a, b| Some(a.cmp(&b))),
        });
    }
    let floats = [
        ("f16", Kind::F16, F16),
        ("bf16", Kind::BF16, BF16),
        ("f32", Kind::F32, F32),
        ("f64", Kind::F64, F64),
    ];
    for (name, kind, format) in floats {
        for (ftz, flush) in [("", false), (".ftz", true)] {
            if flush && matches!(name, "f64" | "bf16") {
                continue;
            }
            types.push(Comparable {
                name,
                ftz,
                kind,
                comparisons: [&COMMON[..], &FLOATING].concat(),
                order: Box::new(move |a, b| order(format, flush, a, b)),
            });
        }
    }
    types
}

fn combined(combination: &str, value: bool, c: bool) -> bool {
    match combination {
        "and" => value && c,
        "or" => value || c,
        _ => value != c,
    }
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for ty in types() {
        let order = std::rc::Rc::new(ty.order);
        let Comparable {
            name, ftz, kind, ..
        } = ty;
        for (at, &comparison) in ty.comparisons.iter().enumerate() {
            let is_half = matches!(name, "f16" | "bf16");
            // A comparison of halves has one result alone; here the other one is its opposite.
            let (both, opposite) = match is_half {
                false => ("%p0|%p1", ""),
                true => ("%p0", "not.pred %p1, %p0;"),
            };
            let results = format!(
                "{opposite} selp.u32 %w0, 1, 0, %p0; selp.u32 $d, 2, 0, %p1; or.b32 $d, $d, %w0;"
            );
            let text = format!("setp.{comparison}{ftz}.{name} {both}, $a, $b; {results}");
            let f = order.clone();
            cases.push(case(text, &[kind; 2], Kind::I32, move |v| {
                if holds(comparison, f(v[0], v[1])) {
                    1
                } else {
                    2
                }
            }));
            // With a third operand; each combination with some of the comparisons.
            let combination = ["and", "or", "xor"][at % 3];
            let text = format!(
                "setp.ne.u32 %p3, $c, 0; \
                 setp.{comparison}.{combination}{ftz}.{name} {both}, $a, $b, !%p3; {results}"
            );
            let f = order.clone();
            cases.push(case(text, &[kind, kind, Kind::Bit], Kind::I32, move |v| {
                let value = holds(comparison, f(v[0], v[1]));
                let c = v[2] == 0;
                let first = combined(combination, value, c);
                let second = if is_half {
                    !first
                } else {
                    combined(combination, !value, c)
                };
                u64::from(first) | u64::from(second) << 1
            }));
            for (result, truth, width) in [
                ("u32", 0xffff_ffff, Kind::I32),
                ("s32", 0xffff_ffff, Kind::I32),
                ("f32", 0x3f80_0000, Kind::I32),
                ("u16", 0xffff, Kind::I16),
                ("f16", 0x3c00, Kind::I16),
                ("bf16", 0x3f80, Kind::I16),
            ] {
                let allowed = match result {
                    "f32" => !is_half,
                    "u16" => is_half,
                    "f16" => name != "bf16",
                    "bf16" => name != "f16" && ftz.is_empty(),
                    _ => true,
                };
                if !allowed {
                    continue;
                }
                let text = format!("set.{comparison}{ftz}.{result}.{name} $d, $a, $b;");
                let f = order.clone();
                cases.push(case(text, &[kind; 2], width, move |v| {
                    if holds(comparison, f(v[0], v[1])) {
                        truth
                    } else {
                        0
                    }
                }));
            }
            let text = format!(
                "setp.ne.u32 %p3, $c, 0; set.{comparison}.{combination}{ftz}.u32.{name} $d, $a, $b, %p3;"
            );
            let f = order.clone();
            cases.push(case(text, &[kind, kind, Kind::Bit], Kind::I32, move |v| {
                let value = holds(comparison, f(v[0], v[1]));
                if combined(combination, value, v[2] != 0) {
                    0xffff_ffff
                } else {
                    0
                }
            }));
        }
    }
    pairs(&mut cases);
    choices(&mut cases);
    cases
}

/// Comparisons of two halves at once.
fn pairs(cases: &mut Vec<Case>) {
    let types = [
        ("f16x2", Kind::F16x2, F16, "", 0x3c00u64),
        ("f16x2", Kind::F16x2, F16, ".ftz", 0x3c00),
        ("bf16x2", Kind::BF16x2, BF16, "", 0x3f80),
    ];
    for (name, kind, format, ftz, one) in types {
        let both = move |comparison: &str, v: &[u64]| {
            [0, 16].map(|shift| {
                let [a, b] = [v[0], v[1]].map(|bits| bits >> shift & 0xffff);
                holds(comparison, order(format, ftz == ".ftz", a, b))
            })
        };
        for comparison in COMMON.into_iter().chain(FLOATING) {
            let text = format!(
                "setp.ne.u32 %p3, $c, 0; setp.{comparison}.xor{ftz}.{name} %p0|%p1, $a, $b, %p3; \
                 selp.u32 %w0, 1, 0, %p0; selp.u32 $d, 2, 0, %p1; or.b32 $d, $d, %w0;"
            );
            cases.push(case(text, &[kind, kind, Kind::Bit], Kind::I32, move |v| {
                let [low, high] = both(comparison, v).map(|value| u64::from(value != (v[2] != 0)));
                low | high << 1
            }));
            for (result, truth) in [(name, one), ("u32", 0xffff)] {
                let text = format!("set.{comparison}{ftz}.{result}.{name} $d, $a, $b;");
                cases.push(case(text, &[kind; 2], Kind::I32, move |v| {
                    let [low, high] =
                        both(comparison, v).map(|value| if value { truth } else { 0 });
                    low | high << 16
                }));
            }
        }
    }
}

fn choices(cases: &mut Vec<Case>) {
    let types = [
        ("b16", Kind::I16),
        ("u16", Kind::I16),
        ("s32", Kind::I32),
        ("b32", Kind::I32),
        ("f32", Kind::F32),
        ("u64", Kind::I64),
        ("f64", Kind::F64),
    ];
    for (name, kind) in types {
        let text = format!("setp.ne.u32 %p0, $c, 0; selp.{name} $d, $a, $b, %p0;");
        cases.push(case(text, &[kind, kind, Kind::Bit], kind, |v| {
            v[if v[2] != 0 { 0 } else { 1 }]
        }));
        let text = format!("setp.ne.u32 %p0, $c, 0; selp.{name} $d, $a, $b, !%p0;");
        cases.push(case(text, &[kind, kind, Kind::Bit], kind, |v| {
            v[if v[2] != 0 { 1 } else { 0 }]
        }));
        let text = format!("slct.{name}.s32 $d, $a, $b, $c;");
        cases.push(case(text, &[kind, kind, Kind::I32], kind, |v| {
            v[if v[2] < 1 << 31 { 0 } else { 1 }]
        }));
        for (ftz, flush) in [("", false), (".ftz", true)] {
            let text = format!("slct{ftz}.{name}.f32 $d, $a, $b, $c;");
            cases.push(case(
                text,
                &[kind, kind, Kind::F32],
                kind,
                move |v| match order(F32, flush, v[2], 0) {
                    Some(Ordering::Equal | Ordering::Greater) => v[0],
                    _ => v[1],
                },
            ));
        }
    }
}
