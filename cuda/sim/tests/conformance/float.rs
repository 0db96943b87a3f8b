//! Sums, products, quotients and roots, against exact fractions that are rounded once; and what
//! passes floating-point numbers through.

use crate::case::{Case, Expected, Kind, case, open_case};
use crate::exact::{self, BF16, F16, F32, F64, Format, MODES, Mode, Value};

/// The exact result of an operation, of what its operands hold.
type Exact = fn(&[Value], Mode) -> Value;

const ADD: Exact = |v, mode| exact::add(&v[0], &v[1], mode);
const SUB: Exact = |v, mode| exact::add(&v[0], &exact::negate(v[1].clone()), mode);
const MUL: Exact = |v, _| exact::mul(&v[0], &v[1]);
const FMA: Exact = |v, mode| exact::add(&exact::mul(&v[0], &v[1]), &v[2], mode);
const DIV: Exact = |v, _| exact::div(&v[0], &v[1]);
const RCP: Exact = |v, _| exact::div(&exact::integer(1), &v[0]);
const SQRT: Exact = |v, _| exact::sqrt(&v[0]);

/// What is done to operands and results.
#[derive(Clone, Copy, Default)]
struct Modifiers {
    flush: bool,
    saturate: bool,
    relu: bool,
}

/// The bits that an operation gives, NaN as bits that the manual leaves open.
fn rounded(format: Format, f: Exact, mode: Mode, modifiers: Modifiers, bits: &[u64]) -> Expected {
    let operand = |&bits: &u64| match modifiers.flush {
        true => format.value(format.flush(bits)),
        false => format.value(bits),
    };
    let values: Vec<Value> = bits.iter().map(operand).collect();
    let result = format.round(&f(&values, mode), mode);
    if format.is_nan(result) && !modifiers.saturate {
        return Expected::Open(result);
    }
    let one = (format.infinity() >> 1) & format.infinity();
    let result = if modifiers.flush {
        format.flush(result)
    } else {
        result
    };
    let negative = result & format.sign() != 0;
    Expected::Bits(match modifiers {
        Modifiers { saturate: true, .. } if negative || format.is_nan(result) => 0,
        Modifiers { saturate: true, .. } => result.min(one),
        Modifiers { relu: true, .. } if negative => 0,
        _ => result,
    })
}

/// The same of both halves of a register of `bits` bits.
fn rounded_halves(
    format: Format,
    f: Exact,
    mode: Mode,
    modifiers: Modifiers,
    bits: &[u64],
) -> Expected {
    let width = 1 + format.exponent + format.mantissa;
    let mut open = false;
    let mut half = |shift: u32| {
        let parts: Vec<u64> = bits
            .iter()
            .map(|bits| bits >> shift & (2 * format.sign() - 1))
            .collect();
        match rounded(format, f, mode, modifiers, &parts) {
            Expected::Bits(bits) => bits << shift,
            Expected::Open(bits) => {
                open = true;
                bits << shift
            }
            _ => unreachable!("an exact operation has bits"),
        }
    };
    let result = half(0) | half(width);
    if open {
        Expected::Open(result)
    } else {
        Expected::Bits(result)
    }
}

const OPERANDS: [&str; 3] = ["$d, $a;", "$d, $a, $b;", "$d, $a, $b, $c;"];

fn scalar(
    text: String,
    (kind, format): (Kind, Format),
    f: (Exact, usize),
    mode: Mode,
    modifiers: Modifiers,
) -> Case {
    let text = format!("{text} {}", OPERANDS[f.1 - 1]);
    open_case(text, &vec![kind; f.1], kind, move |v| {
        rounded(format, f.0, mode, modifiers, v)
    })
}

fn packed(
    text: String,
    (kind, format): (Kind, Format),
    f: (Exact, usize),
    mode: Mode,
    modifiers: Modifiers,
) -> Case {
    let text = format!("{text} {}", OPERANDS[f.1 - 1]);
    open_case(text, &vec![kind; f.1], kind, move |v| {
        rounded_halves(format, f.0, mode, modifiers, v)
    })
}

const SINGLE: (Kind, Format) = (Kind::F32, F32);
const DOUBLE: (Kind, Format) = (Kind::F64, F64);

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let sums: [(&str, Exact, usize); 5] = [
        ("add", ADD, 2),
        ("sub", SUB, 2),
        ("mul", MUL, 2),
        ("fma", FMA, 3),
        ("mad", FMA, 3),
    ];
    for (opcode, f, operands) in sums {
        for (name, mode) in MODES {
            for (flush, ftz) in [(false, ""), (true, ".ftz")] {
                for (saturate, sat) in [(false, ""), (true, ".sat")] {
                    let modifiers = Modifiers {
                        flush,
                        saturate,
                        ..Modifiers::default()
                    };
                    let text = format!("{opcode}.{name}{ftz}{sat}.f32");
                    cases.push(scalar(text, SINGLE, (f, operands), mode, modifiers));
                }
            }
            let text = format!("{opcode}.{name}.f64");
            cases.push(scalar(
                text,
                DOUBLE,
                (f, operands),
                mode,
                Modifiers::default(),
            ));
        }
    }
    // Without a rounding mode they round to the nearest.
    for (opcode, f) in [("add", ADD), ("sub", SUB), ("mul", MUL)] {
        for ty in [SINGLE, DOUBLE] {
            let text = format!("{opcode}.f{}", ty.0.size() * 8);
            cases.push(scalar(text, ty, (f, 2), Mode::Rn, Modifiers::default()));
        }
    }
    let quotients: [(&str, Exact, usize); 3] =
        [("div", DIV, 2), ("rcp", RCP, 1), ("sqrt", SQRT, 1)];
    for (opcode, f, operands) in quotients {
        for (name, mode) in MODES {
            for (flush, ftz) in [(false, ""), (true, ".ftz")] {
                let modifiers = Modifiers {
                    flush,
                    ..Modifiers::default()
                };
                let text = format!("{opcode}.{name}{ftz}.f32");
                cases.push(scalar(text, SINGLE, (f, operands), mode, modifiers));
            }
            let text = format!("{opcode}.{name}.f64");
            cases.push(scalar(
                text,
                DOUBLE,
                (f, operands),
                mode,
                Modifiers::default(),
            ));
        }
    }
    signs(&mut cases);
    extrema(&mut cases);
    properties(&mut cases);
    cases
}

/// The instructions of `.f16`, `.bf16` and pairs of them.
pub fn half_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let types = [
        ("f16", Kind::F16, F16, false),
        ("f16x2", Kind::F16x2, F16, true),
        ("bf16", Kind::BF16, BF16, false),
        ("bf16x2", Kind::BF16x2, BF16, true),
    ];
    let sums: [(&str, Exact, usize); 4] = [
        ("add", ADD, 2),
        ("sub", SUB, 2),
        ("mul", MUL, 2),
        ("fma.rn", FMA, 3),
    ];
    for (name, kind, format, pairs) in types {
        let mut push = |text: String, f, modifiers| match pairs {
            false => cases.push(scalar(text, (kind, format), f, Mode::Rn, modifiers)),
            true => cases.push(packed(text, (kind, format), f, Mode::Rn, modifiers)),
        };
        let is_f16 = format.exponent == 5;
        for (opcode, f, operands) in sums {
            for (flush, ftz) in [(false, ""), (true, ".ftz")] {
                for (saturate, sat) in [(false, ""), (true, ".sat")] {
                    if is_f16 || !flush && !saturate {
                        let modifiers = Modifiers {
                            flush,
                            saturate,
                            relu: false,
                        };
                        push(
                            format!("{opcode}{ftz}{sat}.{name}"),
                            (f, operands),
                            modifiers,
                        );
                    }
                }
                if operands == 3 && (is_f16 || !flush) {
                    let modifiers = Modifiers {
                        flush,
                        relu: true,
                        saturate: false,
                    };
                    push(
                        format!("{opcode}{ftz}.relu.{name}"),
                        (f, operands),
                        modifiers,
                    );
                }
            }
            if operands == 2 {
                push(format!("{opcode}.rn.{name}"), (f, 2), Modifiers::default());
            }
        }
    }
    half_signs(&mut cases);
    cases
}

/// What only the newest architectures have: pairs of singles, halves together with singles, and
/// extrema of three.
pub fn blackwell_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let sums: [(&str, Exact, usize); 4] = [
        ("add", ADD, 2),
        ("sub", SUB, 2),
        ("mul", MUL, 2),
        ("fma", FMA, 3),
    ];
    for (opcode, f, operands) in sums {
        for (name, mode) in MODES {
            for (flush, ftz) in [(false, ""), (true, ".ftz")] {
                let modifiers = Modifiers {
                    flush,
                    ..Modifiers::default()
                };
                let text = format!("{opcode}.{name}{ftz}.f32x2");
                let ty = (Kind::F32x2, F32);
                cases.push(packed(text, ty, (f, operands), mode, modifiers));
            }
            for (narrow, kind, format) in [("f16", Kind::F16, F16), ("bf16", Kind::BF16, BF16)] {
                if opcode == "mul" {
                    continue;
                }
                for (saturate, sat) in [(false, ""), (true, ".sat")] {
                    let modifiers = Modifiers {
                        saturate,
                        ..Modifiers::default()
                    };
                    let text = format!(
                        "{opcode}.{name}{sat}.f32.{narrow} {}",
                        OPERANDS[operands - 1]
                    );
                    let mut inputs = vec![kind; operands - 1];
                    inputs.push(Kind::F32);
                    cases.push(open_case(text, &inputs, Kind::F32, move |v| {
                        let last = v.len() - 1;
                        let widened = |&bits: &u64| F32.round(&format.value(bits), Mode::Rn);
                        let mut values: Vec<u64> = v[..last].iter().map(widened).collect();
                        values.push(v[last]);
                        rounded(F32, f, mode, modifiers, &values)
                    }));
                }
            }
        }
    }
    for (opcode, largest) in [("min", false), ("max", true)] {
        for (ftz, flush) in [("", false), (".ftz", true)] {
            for (nan, nans) in [("", false), (".NaN", true)] {
                for (abs, magnitudes) in [("", false), (".abs", true)] {
                    let extremum = Extremum {
                        largest,
                        flush,
                        nans,
                        magnitudes,
                        product_sign: false,
                    };
                    let text = format!("{opcode}{ftz}{nan}{abs}.f32 $d, $a, $b, $c;");
                    cases.push(open_case(text, &[Kind::F32; 3], Kind::F32, move |v| {
                        open_if_nan(F32, extremum.of(F32, &[v[0], v[1], v[2]]))
                    }));
                }
            }
        }
    }
    cases
}

fn open_if_nan(format: Format, bits: u64) -> Expected {
    if format.is_nan(bits) {
        Expected::Open(bits)
    } else {
        Expected::Bits(bits)
    }
}

fn signs(cases: &mut Vec<Case>) {
    for (opcode, negates) in [("abs", false), ("neg", true)] {
        for (ftz, flush) in [("", false), (".ftz", true)] {
            let text = format!("{opcode}{ftz}.f32 $d, $a;");
            cases.push(open_case(text, &[Kind::F32], Kind::F32, move |v| {
                if F32.is_nan(v[0]) {
                    return Expected::Open(F32.nan());
                }
                let bits = if flush { F32.flush(v[0]) } else { v[0] };
                Expected::Bits(if negates {
                    bits ^ F32.sign()
                } else {
                    bits & !F32.sign()
                })
            }));
        }
        cases.push(case(
            format!("{opcode}.f64 $d, $a;"),
            &[Kind::F64],
            Kind::F64,
            move |v| match negates {
                _ if F64.is_nan(v[0]) => v[0],
                true => v[0] ^ F64.sign(),
                false => v[0] & !F64.sign(),
            },
        ));
    }
    for (name, (kind, format)) in [("f32", SINGLE), ("f64", DOUBLE)] {
        cases.push(case(
            format!("copysign.{name} $d, $a, $b;"),
            &[kind; 2],
            kind,
            move |v| v[0] & format.sign() | v[1] & !format.sign(),
        ));
    }
}

/// `abs` and `neg` of halves.
fn half_signs(cases: &mut Vec<Case>) {
    let types = [
        ("f16", F16, Kind::F16, Kind::F16x2),
        ("bf16", BF16, Kind::BF16, Kind::BF16x2),
    ];
    for (name, format, kind, pair_kind) in types {
        for (opcode, negates) in [("abs", false), ("neg", true)] {
            for (ftz, flush) in [("", false), (".ftz", true)] {
                if flush && name == "bf16" {
                    continue;
                }
                let of = move |bits: u64| {
                    let bits = if flush { format.flush(bits) } else { bits };
                    match negates {
                        _ if format.is_nan(bits) => format.nan(),
                        true => bits ^ format.sign(),
                        false => bits & !format.sign(),
                    }
                };
                let text = format!("{opcode}{ftz}.{name} $d, $a;");
                cases.push(open_case(text, &[kind], kind, move |v| {
                    open_if_nan(format, of(v[0]))
                }));
                let text = format!("{opcode}{ftz}.{name}x2 $d, $a;");
                cases.push(open_case(text, &[pair_kind], pair_kind, move |v| {
                    pair(format, [of(v[0] & 0xffff), of(v[0] >> 16)])
                }));
            }
        }
        for (opcode, largest) in [("min", false), ("max", true)] {
            for (ftz, flush) in [("", false), (".ftz", true)] {
                if flush && name == "bf16" {
                    continue;
                }
                for (nan, nans) in [("", false), (".NaN", true)] {
                    for (sign, magnitudes) in [("", false), (".xorsign.abs", true)] {
                        let product_sign = magnitudes;
                        let extremum = Extremum {
                            largest,
                            flush,
                            nans,
                            magnitudes,
                            product_sign,
                        };
                        let text = format!("{opcode}{ftz}{nan}{sign}.{name}");
                        let scalar = format!("{text} $d, $a, $b;");
                        cases.push(open_case(scalar, &[kind; 2], kind, move |v| {
                            open_if_nan(format, extremum.of(format, v))
                        }));
                        let packed = format!("{text}x2 $d, $a, $b;");
                        cases.push(open_case(packed, &[pair_kind; 2], pair_kind, move |v| {
                            pair(
                                format,
                                [0, 16].map(|shift| {
                                    extremum.of(
                                        format,
                                        &[v[0] >> shift & 0xffff, v[1] >> shift & 0xffff],
                                    )
                                }),
                            )
                        }));
                    }
                }
            }
        }
    }
}

fn pair(format: Format, [low, high]: [u64; 2]) -> Expected {
    let bits = low | high << 16;
    match format.is_nan(low) || format.is_nan(high) {
        true => Expected::Open(bits),
        false => Expected::Bits(bits),
    }
}

#[derive(Clone, Copy)]
struct Extremum {
    largest: bool,
    flush: bool,
    nans: bool,
    magnitudes: bool,
    product_sign: bool,
}

impl Extremum {
    /// The extremum of some operands: by their place in the order of all numbers.
    fn of(self, format: Format, operands: &[u64]) -> u64 {
        let flushed = operands
            .iter()
            .map(|&bits| if self.flush { format.flush(bits) } else { bits });
        let operands: Vec<u64> = flushed.collect();
        let sign = operands.iter().fold(0, |sign, bits| sign ^ bits) & format.sign();
        let mut numbers = Vec::new();
        for &bits in &operands {
            if format.is_nan(bits) {
                if self.nans {
                    return format.nan();
                }
                continue;
            }
            numbers.push(if self.magnitudes {
                bits & !format.sign()
            } else {
                bits
            });
        }
        let place = |&bits: &u64| {
            let magnitude = (bits & !format.sign()) as i64;
            // -0 comes right before 0.
            if bits & format.sign() != 0 {
                -1 - magnitude
            } else {
                magnitude
            }
        };
        let found = match self.largest {
            true => numbers.iter().copied().max_by_key(place),
            false => numbers.iter().copied().min_by_key(place),
        };
        match found {
            None => format.nan(),
            Some(bits) if self.product_sign => bits ^ sign,
            Some(bits) => bits,
        }
    }
}

fn extrema(cases: &mut Vec<Case>) {
    for (opcode, largest) in [("min", false), ("max", true)] {
        for (ftz, flush) in [("", false), (".ftz", true)] {
            for (nan, nans) in [("", false), (".NaN", true)] {
                for (sign, magnitudes) in [("", false), (".xorsign.abs", true)] {
                    let product_sign = magnitudes;
                    let extremum = Extremum {
                        largest,
                        flush,
                        nans,
                        magnitudes,
                        product_sign,
                    };
                    let text = format!("{opcode}{ftz}{nan}{sign}.f32 $d, $a, $b;");
                    cases.push(open_case(text, &[Kind::F32; 2], Kind::F32, move |v| {
                        open_if_nan(F32, extremum.of(F32, v))
                    }));
                }
            }
        }
        let extremum = Extremum {
            largest,
            flush: false,
            nans: false,
            magnitudes: false,
            product_sign: false,
        };
        let text = format!("{opcode}.f64 $d, $a, $b;");
        cases.push(open_case(text, &[Kind::F64; 2], Kind::F64, move |v| {
            open_if_nan(F64, extremum.of(F64, v))
        }));
    }
}

fn properties(cases: &mut Vec<Case>) {
    type Property = fn(Format, u64) -> bool;
    fn magnitude(format: Format, bits: u64) -> u64 {
        bits & !format.sign()
    }
    let table: [(&str, Property); 6] = [
        ("finite", |format, bits| {
            magnitude(format, bits) < format.infinity()
        }),
        ("infinite", |format, bits| {
            magnitude(format, bits) == format.infinity()
        }),
        ("number", |format, bits| !format.is_nan(bits)),
        ("notanumber", |format, bits| format.is_nan(bits)),
        ("normal", |format, bits| {
            magnitude(format, bits) < format.infinity() && !format.is_subnormal(bits)
        }),
        ("subnormal", |format, bits| format.is_subnormal(bits)),
    ];
    for (name, f) in table {
        for (suffix, (kind, format)) in [("f32", SINGLE), ("f64", DOUBLE)] {
            let text = format!("testp.{name}.{suffix} %p0, $a; selp.u32 $d, 1, 0, %p0;");
            cases.push(case(text, &[kind], Kind::I32, move |v| {
                f(format, v[0]).into()
            }));
        }
    }
}
