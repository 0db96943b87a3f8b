//! Integer arithmetic, against arithmetic in 128 bits.

use crate::case::{Case, Expected, Kind, case, open_case};

/// An integer type.
#[derive(Clone, Copy)]
pub struct Int {
    pub name: &'static str,
    pub bits: u32,
    pub signed: bool,
    pub kind: Kind,
}

const fn int(name: &'static str, bits: u32, signed: bool, kind: Kind) -> Int {
    Int {
        name,
        bits,
        signed,
        kind,
    }
}

pub const U16: Int = int("u16", 16, false, Kind::I16);
pub const U32: Int = int("u32", 32, false, Kind::I32);
pub const U64: Int = int("u64", 64, false, Kind::I64);
pub const S16: Int = int("s16", 16, true, Kind::I16);
pub const S32: Int = int("s32", 32, true, Kind::I32);
pub const S64: Int = int("s64", 64, true, Kind::I64);
pub const ALL: [Int; 6] = [U16, U32, U64, S16, S32, S64];

impl Int {
    /// The value of bits.
    pub fn value(self, bits: u64) -> i128 {
        let bits = i128::from(bits) & self.mask();
        if self.signed && bits >> (self.bits - 1) == 1 {
            bits - (1 << self.bits)
        } else {
            bits
        }
    }

    pub fn mask(self) -> i128 {
        (1 << self.bits) - 1
    }

    /// The bits of a value.
    pub fn bits_of(self, value: i128) -> u64 {
        (value & self.mask()) as u64
    }

    pub fn least(self) -> i128 {
        if self.signed {
            -(1 << (self.bits - 1))
        } else {
            0
        }
    }

    pub fn most(self) -> i128 {
        self.mask() + self.least()
    }

    /// The type of a wide product.
    pub fn wide(self) -> Self {
        match (self.bits, self.signed) {
            (16, false) => U32,
            (16, true) => S32,
            (32, false) => U64,
            _ => S64,
        }
    }
}

/// A case whose operands and result are all of one type.
fn plain(text: String, ty: Int, inputs: usize, f: impl Fn(&[i128]) -> i128 + 'static) -> Case {
    case(text, &vec![ty.kind; inputs], ty.kind, move |values| {
        let values: Vec<i128> = values.iter().map(|&bits| ty.value(bits)).collect();
        ty.bits_of(f(&values))
    })
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for ty in ALL {
        let name = ty.name;
        cases.push(plain(format!("add.{name} $d, $a, $b;"), ty, 2, |v| {
            v[0] + v[1]
        }));
        cases.push(plain(format!("sub.{name} $d, $a, $b;"), ty, 2, |v| {
            v[0] - v[1]
        }));
        cases.push(plain(format!("min.{name} $d, $a, $b;"), ty, 2, |v| {
            v[0].min(v[1])
        }));
        cases.push(plain(format!("max.{name} $d, $a, $b;"), ty, 2, |v| {
            v[0].max(v[1])
        }));
        cases.push(plain(format!("sad.{name} $d, $a, $b, $c;"), ty, 3, |v| {
            (v[0] - v[1]).abs() + v[2]
        }));
        products(&mut cases, ty);
        quotients(&mut cases, ty);
        if ty.signed {
            cases.push(plain(format!("abs.{name} $d, $a;"), ty, 1, |v| v[0].abs()));
            cases.push(plain(format!("neg.{name} $d, $a;"), ty, 1, |v| -v[0]));
        }
    }
    saturated(&mut cases);
    halves(&mut cases);
    products24(&mut cases);
    dot_products(&mut cases);
    carries(&mut cases);
    cases
}

fn products(cases: &mut Vec<Case>, ty: Int) {
    let name = ty.name;
    // A product of two 64-bit integers without sign does not fit into 127 bits with one.
    let high = move |a: i128, b: i128| match ty.signed {
        true => (a * b) >> ty.bits,
        false => ((a as u128 * b as u128) >> ty.bits) as i128,
    };
    let low = |a: i128, b: i128| (a as u128).wrapping_mul(b as u128) as i128;
    cases.push(plain(
        format!("mul.lo.{name} $d, $a, $b;"),
        ty,
        2,
        move |v| low(v[0], v[1]),
    ));
    cases.push(plain(
        format!("mul.hi.{name} $d, $a, $b;"),
        ty,
        2,
        move |v| high(v[0], v[1]),
    ));
    cases.push(plain(
        format!("mad.lo.{name} $d, $a, $b, $c;"),
        ty,
        3,
        move |v| low(v[0], v[1]).wrapping_add(v[2]),
    ));
    cases.push(plain(
        format!("mad.hi.{name} $d, $a, $b, $c;"),
        ty,
        3,
        move |v| high(v[0], v[1]) + v[2],
    ));
    if ty.bits == 64 {
        return;
    }
    let wide = ty.wide();
    cases.push(case(
        format!("mul.wide.{name} $d, $a, $b;"),
        &[ty.kind; 2],
        wide.kind,
        move |v| wide.bits_of(ty.value(v[0]) * ty.value(v[1])),
    ));
    let inputs = [ty.kind, ty.kind, wide.kind];
    cases.push(case(
        format!("mad.wide.{name} $d, $a, $b, $c;"),
        &inputs,
        wide.kind,
        move |v| wide.bits_of(ty.value(v[0]) * ty.value(v[1]) + wide.value(v[2])),
    ));
}

fn quotients(cases: &mut Vec<Case>, ty: Int) {
    type Quotient = fn(i128, i128) -> i128;
    let table: [(&str, Quotient); 2] = [("div", |a, b| a / b), ("rem", |a, b| a % b)];
    for (opcode, f) in table {
        let text = format!("{opcode}.{} $d, $a, $b;", ty.name);
        cases.push(open_case(text, &[ty.kind; 2], ty.kind, move |v| {
            match ty.value(v[1]) {
                // A division by zero gives a value that the manual leaves open.
                0 => Expected::Open(ty.bits_of(-1)),
                b => Expected::Bits(ty.bits_of(f(ty.value(v[0]), b))),
            }
        }));
    }
}

fn saturated(cases: &mut Vec<Case>) {
    let clamp = |value: i128| value.clamp(S32.least(), S32.most());
    cases.push(plain("add.sat.s32 $d, $a, $b;".into(), S32, 2, move |v| {
        clamp(v[0] + v[1])
    }));
    cases.push(plain("sub.sat.s32 $d, $a, $b;".into(), S32, 2, move |v| {
        clamp(v[0] - v[1])
    }));
    cases.push(plain(
        "mad.hi.sat.s32 $d, $a, $b, $c;".into(),
        S32,
        3,
        move |v| clamp(((v[0] * v[1]) >> 32) + v[2]),
    ));
    cases.push(plain("min.relu.s32 $d, $a, $b;".into(), S32, 2, |v| {
        v[0].min(v[1]).max(0)
    }));
    cases.push(plain("max.relu.s32 $d, $a, $b;".into(), S32, 2, |v| {
        v[0].max(v[1]).max(0)
    }));
}

/// Instructions of two integers of 16 bits in one register.
fn halves(cases: &mut Vec<Case>) {
    type Binary = fn(i128, i128) -> i128;
    let table: [(&str, Int, Binary); 8] = [
        ("add.u16x2", U16, |a, b| a + b),
        ("add.s16x2", S16, |a, b| a + b),
        ("min.u16x2", U16, |a, b| a.min(b)),
        ("max.u16x2", U16, |a, b| a.max(b)),
        ("min.s16x2", S16, |a, b| a.min(b)),
        ("max.s16x2", S16, |a, b| a.max(b)),
        ("min.relu.s16x2", S16, |a, b| a.min(b).max(0)),
        ("max.relu.s16x2", S16, |a, b| a.max(b).max(0)),
    ];
    for (text, ty, f) in table {
        cases.push(case(
            format!("{text} $d, $a, $b;"),
            &[Kind::I32; 2],
            Kind::I32,
            move |v| {
                let half = |shift: u32| {
                    ty.bits_of(f(ty.value(v[0] >> shift), ty.value(v[1] >> shift))) << shift
                };
                half(0) | half(16)
            },
        ));
    }
}

fn products24(cases: &mut Vec<Case>) {
    for ty in [U32, S32] {
        let ty24 = Int { bits: 24, ..ty };
        for (part, shift) in [("lo", 0), ("hi", 16)] {
            let product = move |v: &[u64]| (ty24.value(v[0]) * ty24.value(v[1])) >> shift;
            let text = format!("mul24.{part}.{} $d, $a, $b;", ty.name);
            cases.push(case(text, &[Kind::I32; 2], Kind::I32, move |v| {
                ty.bits_of(product(v))
            }));
            let text = format!("mad24.{part}.{} $d, $a, $b, $c;", ty.name);
            cases.push(case(text, &[Kind::I32; 3], Kind::I32, move |v| {
                ty.bits_of(product(v) + ty.value(v[2]))
            }));
        }
    }
    let ty24 = Int { bits: 24, ..S32 };
    cases.push(case(
        "mad24.hi.sat.s32 $d, $a, $b, $c;",
        &[Kind::I32; 3],
        Kind::I32,
        move |v| {
            let product = (ty24.value(v[0]) * ty24.value(v[1])) >> 16;
            S32.bits_of((product + S32.value(v[2])).clamp(S32.least(), S32.most()))
        },
    ));
}

fn dot_products(cases: &mut Vec<Case>) {
    let part = |word: u64, at: usize, bits: u32, signed: bool| {
        let ty = Int {
            bits,
            signed,
            ..U32
        };
        ty.value(word >> (at as u32 * bits))
    };
    for (a_name, a_signed) in [("u32", false), ("s32", true)] {
        for (b_name, b_signed) in [("u32", false), ("s32", true)] {
            let text = format!("dp4a.{a_name}.{b_name} $d, $a, $b, $c;");
            cases.push(case(text, &[Kind::I32; 3], Kind::I32, move |v| {
                let products =
                    (0..4).map(|at| part(v[0], at, 8, a_signed) * part(v[1], at, 8, b_signed));
                U32.bits_of(products.sum::<i128>() + U32.value(v[2]))
            }));
            for (mode, first) in [("lo", 0), ("hi", 2)] {
                let text = format!("dp2a.{mode}.{a_name}.{b_name} $d, $a, $b, $c;");
                cases.push(case(text, &[Kind::I32; 3], Kind::I32, move |v| {
                    let products = (0..2).map(|at| {
                        part(v[0], at, 16, a_signed) * part(v[1], first + at, 8, b_signed)
                    });
                    U32.bits_of(products.sum::<i128>() + U32.value(v[2]))
                }));
            }
        }
    }
}

/// What reads and writes the carry flag: two instructions that it connects.
fn carries(cases: &mut Vec<Case>) {
    for ty in [U32, S32, U64, S64] {
        let (name, kind) = (ty.name, ty.kind);
        let unsigned = Int {
            signed: false,
            ..ty
        };
        // The carry of $a + $b goes into a sum whose carry is the result's third part.
        let register = if ty.bits == 32 { "%w" } else { "%l" };
        let width = ty.bits;
        let sum = move |v: &[u64], at: usize| unsigned.value(v[at]);
        let text = format!(
            "add.cc.{name} {register}0, $a, $b; addc.cc.{name} {register}1, $c, $a; \
             addc.{name} {register}2, 0, 0; shl.b{width} {register}2, {register}2, 9; \
             xor.b{width} $d, {register}0, {register}1; xor.b{width} $d, $d, {register}2;"
        );
        cases.push(case(text, &[kind; 3], kind, move |v| {
            let low = sum(v, 0) + sum(v, 1);
            let high = sum(v, 2) + sum(v, 0) + (low >> ty.bits);
            unsigned.bits_of(low ^ high ^ (high >> ty.bits << 9))
        }));
        let text = format!(
            "sub.cc.{name} {register}0, $a, $b; subc.cc.{name} {register}1, $c, $a; \
             subc.{name} {register}2, 0, 0; shl.b{width} {register}2, {register}2, 9; \
             xor.b{width} $d, {register}0, {register}1; xor.b{width} $d, $d, {register}2;"
        );
        cases.push(case(text, &[kind; 3], kind, move |v| {
            let low = sum(v, 0) - sum(v, 1);
            let high = sum(v, 2) - sum(v, 0) - i128::from(low < 0);
            unsigned.bits_of(low ^ high ^ (-i128::from(high < 0) << 9))
        }));
        // A sum takes what a difference leaves, and the other way round, as one adder's carry.
        let text = format!(
            "sub.cc.{name} {register}0, $a, $b; addc.cc.{name} {register}1, $c, $a; \
             subc.{name} {register}2, $b, $c; \
             xor.b{width} $d, {register}0, {register}1; xor.b{width} $d, $d, {register}2;"
        );
        cases.push(case(text, &[kind; 3], kind, move |v| {
            let low = sum(v, 0) - sum(v, 1);
            let middle = sum(v, 2) + sum(v, 0) + i128::from(low >= 0);
            let high = sum(v, 1) - sum(v, 2) - i128::from(middle >> ty.bits == 0);
            unsigned.bits_of(low ^ middle ^ high)
        }));
        for part in ["lo", "hi"] {
            let product = move |a: u64, b: u64| {
                let [a, b] = [ty.value(a), ty.value(b)];
                let product = (a as u128).wrapping_mul(b as u128);
                let high = if ty.signed {
                    (product as i128) >> ty.bits
                } else {
                    (product >> ty.bits) as i128
                };
                i128::from(unsigned.bits_of(if part == "lo" { product as i128 } else { high }))
            };
            let text = format!(
                "mad.{part}.cc.{name} {register}0, $a, $b, $c; \
                 madc.{part}.cc.{name} {register}1, $a, $c, $b; addc.{name} {register}2, 0, 0; \
                 shl.b{width} {register}2, {register}2, 9; \
                 xor.b{width} $d, {register}0, {register}1; xor.b{width} $d, $d, {register}2;"
            );
            cases.push(case(text, &[kind; 3], kind, move |v| {
                let low = product(v[0], v[1]) + sum(v, 2);
                let high = product(v[0], v[2]) + sum(v, 1) + (low >> ty.bits);
                unsigned.bits_of(low ^ high ^ (high >> ty.bits << 9))
            }));
            let text =
                format!("add.cc.{name} {register}0, $a, $b; madc.{part}.{name} $d, $a, $b, $c;");
            cases.push(case(text, &[kind; 3], kind, move |v| {
                let carry = (sum(v, 0) + sum(v, 1)) >> ty.bits;
                unsigned.bits_of(product(v[0], v[1]) + sum(v, 2) + carry)
            }));
        }
    }
}
