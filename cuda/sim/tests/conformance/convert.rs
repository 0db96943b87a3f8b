//! Conversions, against exact values that are rounded once.

use num_bigint::BigInt;

use crate::case::{Case, Expected, Kind, case, open_case};
use crate::exact::{self, BF16, F16, F32, F64, Format, MODES, Mode, Value};
use crate::integer::{ALL, Int};

const S8: Int = Int {
    name: "s8",
    bits: 8,
    signed: true,
    kind: Kind::I8,
};
const U8: Int = Int {
    name: "u8",
    bits: 8,
    signed: false,
    kind: Kind::I8,
};

fn integers() -> impl Iterator<Item = Int> + Clone {
    ALL.into_iter().chain([S8, U8])
}

const FLOATS: [(&str, Kind, Format); 4] = [
    ("f16", Kind::F16, F16),
    ("bf16", Kind::BF16, BF16),
    ("f32", Kind::F32, F32),
    ("f64", Kind::F64, F64),
];

/// The integer rounding modes.
const INTEGRAL: [(&str, Mode); 4] = [
    ("rni", Mode::Rn),
    ("rzi", Mode::Rz),
    ("rmi", Mode::Rm),
    ("rpi", Mode::Rp),
];

/// The bits of an integer in a register of some size, extended as its type says.
fn in_register(ty: Int, value: i128, bytes: usize) -> u64 {
    (ty.value(ty.bits_of(value)) as u64) & (u64::MAX >> (64 - 8 * bytes))
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for from in integers() {
        for to in integers() {
            integer_to_integer(&mut cases, from, to);
        }
        for (name, kind, format) in FLOATS {
            for (mode_name, mode) in MODES {
                if name == "bf16" && from.bits == 8 {
                    continue;
                }
                let value = move |v: &[u64]| exact::integer(from.value(v[0]));
                let text = format!("cvt.{mode_name}.{name}.{} $d, $a;", from.name);
                cases.push(case(text, &[from.kind], kind, move |v| {
                    format.round(&value(v), mode)
                }));
                if name == "bf16" {
                    continue;
                }
                let text = format!("cvt.{mode_name}.sat.{name}.{} $d, $a;", from.name);
                cases.push(case(text, &[from.kind], kind, move |v| {
                    format.round(&exact::integer(from.value(v[0]).clamp(0, 1)), mode)
                }));
            }
        }
    }
    for (name, kind, format) in FLOATS {
        for to in integers() {
            float_to_integer(&mut cases, name, kind, format, to);
        }
        for to in FLOATS {
            float_to_float(&mut cases, (name, kind, format), to);
        }
        to_integral(&mut cases, name, kind, format);
    }
    widths(&mut cases);
    narrow(&mut cases);
    for (modifiers, mode) in [("rn", Mode::Rn), ("rz", Mode::Rz), ("rna", Mode::Rna)] {
        cases.push(tf32(modifiers, mode, false, false));
    }
    cases.push(tf32("rna.satfinite", Mode::Rna, false, true));
    cases.push(tf32("rn.relu", Mode::Rn, true, false));
    cases.push(tf32("rz.relu", Mode::Rz, true, false));
    packs(&mut cases);
    cases
}

/// What only the newest architectures have.
pub fn blackwell_cases() -> Vec<Case> {
    vec![
        tf32("rn.satfinite", Mode::Rn, false, true),
        tf32("rz.satfinite", Mode::Rz, false, true),
        tf32("rn.satfinite.relu", Mode::Rn, true, true),
        tf32("rz.satfinite.relu", Mode::Rz, true, true),
    ]
}

/// A single in a single's place, without its last 13 bits.
fn tf32(modifiers: &str, mode: Mode, relu: bool, finite: bool) -> Case {
    let format = Format {
        exponent: 8,
        mantissa: 10,
    };
    let narrow = Narrow {
        format,
        mode,
        relu,
        finite,
        largest: None,
    };
    let text = format!("cvt.{modifiers}.tf32.f32 $d, $a;");
    case(text, &[Kind::F32], Kind::I32, move |v| {
        match F32.is_nan(v[0]) {
            true => 0x7fff_ffff,
            false => narrow.of(&F32.value(v[0])) << 13,
        }
    })
}

fn integer_to_integer(cases: &mut Vec<Case>, from: Int, to: Int) {
    let text = format!("cvt.{}.{} $d, $a;", to.name, from.name);
    let bytes = to.kind.size();
    cases.push(case(text, &[from.kind], to.kind, move |v| {
        in_register(to, from.value(v[0]), bytes)
    }));
    // Where every value fits there is no `.sat`.
    if to.least() <= from.least() && from.most() <= to.most() {
        return;
    }
    let text = format!("cvt.sat.{}.{} $d, $a;", to.name, from.name);
    cases.push(case(text, &[from.kind], to.kind, move |v| {
        in_register(to, from.value(v[0]).clamp(to.least(), to.most()), bytes)
    }));
}

fn float_to_integer(cases: &mut Vec<Case>, name: &str, kind: Kind, format: Format, to: Int) {
    for (mode_name, mode) in INTEGRAL {
        for (modifiers, flush) in [
            ("", false),
            (".ftz", true),
            (".sat", false),
            (".ftz.sat", true),
        ] {
            let unknown_of_bf16 = to.bits == 8 || modifiers == ".sat";
            if flush && name != "f32" || name == "bf16" && unknown_of_bf16 {
                continue;
            }
            let text = format!("cvt.{mode_name}{modifiers}.{}.{name} $d, $a;", to.name);
            let is_double = name == "f64";
            cases.push(case(text, &[kind], to.kind, move |v| {
                let bits = if flush { format.flush(v[0]) } else { v[0] };
                let value = format.value(bits);
                let (least, most) = (BigInt::from(to.least()), BigInt::from(to.most()));
                let integer = match &value {
                    Value::Nan if is_double || to.bits == 64 => BigInt::from(1) << (to.bits - 1),
                    Value::Nan => 0.into(),
                    Value::Infinity { negative: true } => least,
                    Value::Infinity { negative: false } => most,
                    _ => exact::to_integer(&value, mode)
                        .expect("finite")
                        .clamp(least, most),
                };
                let integer = i128::try_from(integer).expect("64 bits");
                in_register(to, integer, to.kind.size())
            }));
        }
    }
}

fn loses(from: Format, to: Format) -> bool {
    from.mantissa > to.mantissa || from.exponent > to.exponent
}

fn float_to_float(
    cases: &mut Vec<Case>,
    (from_name, from_kind, from): (&'static str, Kind, Format),
    (to_name, to_kind, to): (&'static str, Kind, Format),
) {
    let modes: &[(&str, Mode)] = if loses(from, to) {
        &MODES
    } else {
        &[("", Mode::Rn)]
    };
    for &(mode_name, mode) in modes {
        for (modifiers, flush, saturate) in [
            ("", false, false),
            (".ftz", true, false),
            (".sat", false, true),
            (".ftz.sat", true, true),
        ] {
            if flush && from_name != "f32" && to_name != "f32"
                || saturate && (from_name == "bf16" || to_name == "bf16")
            {
                continue;
            }
            let dot = if mode_name.is_empty() { "" } else { "." };
            let text = format!("cvt{dot}{mode_name}{modifiers}.{to_name}.{from_name} $d, $a;");
            cases.push(open_case(text, &[from_kind], to_kind, move |v| {
                let is_single = |name: &str| flush && name == "f32";
                let bits = if is_single(from_name) {
                    from.flush(v[0])
                } else {
                    v[0]
                };
                let result = to.round(&from.value(bits), mode);
                let result = if is_single(to_name) {
                    to.flush(result)
                } else {
                    result
                };
                let one = (to.infinity() >> 1) & to.infinity();
                if saturate {
                    let zero = to.is_nan(result) || result & to.sign() != 0;
                    return Expected::Bits(if zero { 0 } else { result.min(one) });
                }
                match to.is_nan(result) {
                    true => Expected::Open(result),
                    false => Expected::Bits(result),
                }
            }));
        }
    }
}

/// A number rounded to a whole one in its own format.
fn to_integral(cases: &mut Vec<Case>, name: &str, kind: Kind, format: Format) {
    for (mode_name, mode) in INTEGRAL {
        for (modifiers, flush, saturate) in [
            ("", false, false),
            (".ftz", true, false),
            (".sat", false, true),
            (".ftz.sat", true, true),
        ] {
            if flush && name != "f32" || saturate && name == "bf16" {
                continue;
            }
            let text = format!("cvt.{mode_name}{modifiers}.{name}.{name} $d, $a;");
            cases.push(open_case(text, &[kind], kind, move |v| {
                let bits = if flush { format.flush(v[0]) } else { v[0] };
                let sign = bits & format.sign();
                let one = (format.infinity() >> 1) & format.infinity();
                let result = match exact::to_integer(&format.value(bits), mode) {
                    None if format.is_nan(bits) => format.nan(),
                    None => bits,
                    Some(integer) => {
                        let integer = i128::try_from(integer);
                        match integer {
                            // What does not fit into 128 bits is a whole number.
                            Err(_) => bits,
                            Ok(0) => sign,
                            Ok(integer) => format.round(&exact::integer(integer), Mode::Rn),
                        }
                    }
                };
                match (saturate, format.is_nan(result)) {
                    (true, nan) if nan || result & format.sign() != 0 => Expected::Bits(0),
                    (true, _) => Expected::Bits(result.min(one)),
                    (false, true) => Expected::Open(result),
                    (false, false) => Expected::Bits(result),
                }
            }));
        }
    }
}

/// Operands in registers that are wider than their types.
fn widths(cases: &mut Vec<Case>) {
    let registers = [("%h0", Kind::I16), ("%w0", Kind::I32), ("%l0", Kind::I64)];
    for to in integers() {
        for from in [S8, U8, ALL[0], ALL[4]] {
            for (register, kind) in registers {
                if kind.size() * 8 < to.bits as usize {
                    continue;
                }
                let bits = kind.size() * 8;
                let text = format!(
                    "cvt.{}.{} {register}, $a; mov.b{bits} $d, {register};",
                    to.name, from.name
                );
                cases.push(case(text, &[from.kind], kind, move |v| {
                    in_register(to, from.value(v[0]), kind.size())
                }));
                let text = format!(
                    "cvt.rzi.{}.f32 {register}, $a; mov.b{bits} $d, {register};",
                    to.name
                );
                cases.push(case(text, &[Kind::F32], kind, move |v| {
                    let integer = match exact::to_integer(&F32.value(v[0]), Mode::Rz) {
                        Some(integer) => integer.clamp(to.least().into(), to.most().into()),
                        None if F32.is_nan(v[0]) && to.bits == 64 => BigInt::from(1) << 63,
                        None if F32.is_nan(v[0]) => 0.into(),
                        None if v[0] & F32.sign() != 0 => to.least().into(),
                        None => to.most().into(),
                    };
                    in_register(to, i128::try_from(integer).expect("64 bits"), kind.size())
                }));
            }
        }
        // A source in a wider register: its low bits count.
        if to.bits < 64 {
            let text = format!("cvt.u64.{} $d, $a;", to.name);
            cases.push(case(text, &[Kind::I64], Kind::I64, move |v| {
                to.value(v[0]) as u64
            }));
            let text = format!("cvt.rn.f64.{} $d, $a;", to.name);
            cases.push(case(text, &[Kind::I64], Kind::F64, move |v| {
                F64.round(&exact::integer(to.value(v[0])), Mode::Rn)
            }));
        }
    }
}

/// The bits of a single in a narrow format.
#[derive(Clone, Copy)]
struct Narrow {
    format: Format,
    mode: Mode,
    relu: bool,
    finite: bool,
    /// `.e4m3` has numbers where others have infinity: its largest one.
    largest: Option<u64>,
}

impl Narrow {
    fn of(self, value: &Value) -> u64 {
        if let Value::Nan = value {
            return self.format.sign() - 1;
        }
        let format = self.format;
        // A format with one more bit of exponent has what is just above the largest number.
        let bits = match self.largest {
            None => format.round(value, self.mode),
            Some(largest) => {
                let wide = Format {
                    exponent: 8,
                    ..format
                };
                let magnitude = wide.round(value, self.mode);
                let sign = if magnitude & wide.sign() != 0 {
                    format.sign()
                } else {
                    0
                };
                // Rounding is right below the subnormals only in the format itself.
                let rounded = format.round(value, self.mode) & (format.sign() - 1);
                let limit = wide.round(&self.value_of(largest), Mode::Rz);
                let magnitude = magnitude & (wide.sign() - 1);
                let top = wide.round(&format.value(format.infinity() - 1), Mode::Rz);
                sign | if magnitude >= limit {
                    largest
                } else if magnitude > top {
                    format.infinity() + (magnitude - top - 1)
                } else {
                    rounded
                }
            }
        };
        let negative = bits & format.sign() != 0;
        let magnitude = bits & (format.sign() - 1);
        if self.relu && negative {
            return 0;
        }
        let magnitude =
            match self.finite && self.largest.is_none() && magnitude >= format.infinity() {
                true => format.infinity() - 1,
                false => magnitude,
            };
        magnitude | if negative { format.sign() } else { 0 }
    }

    /// The value of a number of `.e4m3`, also of the ones where others have infinity.
    fn value_of(self, bits: u64) -> Value {
        e4m3_value(bits)
    }
}

const E5M2: Format = Format {
    exponent: 5,
    mantissa: 2,
};
const E4M3: Format = Format {
    exponent: 4,
    mantissa: 3,
};

fn e4m3_value(bits: u64) -> Value {
    let magnitude = bits & 0x7f;
    let negative = bits & 0x80 != 0;
    if magnitude == 0x7f {
        return Value::Nan;
    }
    if magnitude < E4M3.infinity() {
        return E4M3.value(bits);
    }
    // 1.fff times 2 to the eighth.
    let significand = BigInt::from(8 + (magnitude & 7));
    Value::Finite {
        significand: if negative { -significand } else { significand },
        exponent: 5,
        more: false,
    }
}

fn narrow(cases: &mut Vec<Case>) {
    let plain = Narrow {
        format: F16,
        mode: Mode::Rn,
        relu: false,
        finite: false,
        largest: None,
    };
    for (mode_name, mode) in [("rn", Mode::Rn), ("rz", Mode::Rz)] {
        for (modifiers, relu, finite) in [
            ("", false, false),
            (".relu", true, false),
            (".satfinite", false, true),
            (".relu.satfinite", true, true),
        ] {
            for (name, format, kind, pair) in [
                ("f16", F16, Kind::F16, Kind::F16x2),
                ("bf16", BF16, Kind::BF16, Kind::BF16x2),
            ] {
                let narrow = Narrow {
                    format,
                    mode,
                    relu,
                    finite,
                    ..plain
                };
                if relu || finite {
                    let text = format!("cvt.{mode_name}{modifiers}.{name}.f32 $d, $a;");
                    cases.push(case(text, &[Kind::F32], kind, move |v| {
                        narrow.of(&F32.value(v[0]))
                    }));
                }
                let text = format!("cvt.{mode_name}{modifiers}.{name}x2.f32 $d, $a, $b;");
                cases.push(case(text, &[Kind::F32; 2], pair, move |v| {
                    narrow.of(&F32.value(v[0])) << 16 | narrow.of(&F32.value(v[1]))
                }));
            }
        }
    }
    for (relu_name, relu) in [("", false), (".relu", true)] {
        for (name, format, largest) in [("e4m3x2", E4M3, Some(0x7e)), ("e5m2x2", E5M2, None)] {
            let narrow = Narrow {
                format,
                relu,
                finite: true,
                largest,
                ..plain
            };
            let text = format!("cvt.rn.satfinite{relu_name}.{name}.f32 $d, $a, $b;");
            cases.push(case(text, &[Kind::F32; 2], Kind::Bytes2, move |v| {
                narrow.of(&F32.value(v[0])) << 8 | narrow.of(&F32.value(v[1]))
            }));
            let text = format!("cvt.rn.satfinite{relu_name}.{name}.f16x2 $d, $a;");
            cases.push(case(text, &[Kind::F16x2], Kind::Bytes2, move |v| {
                narrow.of(&F16.value(v[0] >> 16)) << 8 | narrow.of(&F16.value(v[0] & 0xffff))
            }));
            let text = format!("cvt.rn{relu_name}.f16x2.{name} $d, $a;");
            cases.push(case(text, &[Kind::Bytes2], Kind::F16x2, move |v| {
                let half = |bits: u64| {
                    let value = if largest.is_some() {
                        e4m3_value(bits)
                    } else {
                        E5M2.value(bits)
                    };
                    let bits = F16.round(&value, Mode::Rn);
                    if relu && bits & F16.sign() != 0 {
                        0
                    } else {
                        bits
                    }
                };
                half(v[0] >> 8) << 16 | half(v[0] & 0xff)
            }));
        }
    }
}

/// `cvt.pack`
fn packs(cases: &mut Vec<Case>) {
    let saturated = |bits: u64, size: u32, signed: bool| {
        let ty = Int {
            name: "",
            bits: size,
            signed,
            kind: Kind::I32,
        };
        ty.bits_of(ALL[4].value(bits).clamp(ty.least(), ty.most()))
    };
    for (name, size, signed) in [
        ("u16", 16, false),
        ("s16", 16, true),
        ("u8", 8, false),
        ("s8", 8, true),
        ("u4", 4, false),
        ("s4", 4, true),
        ("u2", 2, false),
        ("s2", 2, true),
    ] {
        let pair =
            move |v: &[u64]| saturated(v[0], size, signed) << size | saturated(v[1], size, signed);
        if size == 16 {
            let text = format!("cvt.pack.sat.{name}.s32 $d, $a, $b;");
            cases.push(case(text, &[Kind::I32; 2], Kind::I32, pair));
        } else {
            let text = format!("cvt.pack.sat.{name}.s32.b32 $d, $a, $b, $c;");
            cases.push(case(text, &[Kind::I32; 3], Kind::I32, move |v| {
                (v[2] << (2 * size) | pair(v)) & 0xffff_ffff
            }));
        }
    }
}
