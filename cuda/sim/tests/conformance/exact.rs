//! Exact arithmetic of binary fractions with any number of bits, and their rounding into a format:
//! the reference for everything that is rounded.

use num_bigint::{BigInt, BigUint, Sign};

use crate::case::Kind;

/// A floating-point format of IEEE 754, or one like it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Format {
    pub exponent: u32,
    pub mantissa: u32,
}

pub const F16: Format = Format {
    exponent: 5,
    mantissa: 10,
};
pub const BF16: Format = Format {
    exponent: 8,
    mantissa: 7,
};
pub const F32: Format = Format {
    exponent: 8,
    mantissa: 23,
};
pub const F64: Format = Format {
    exponent: 11,
    mantissa: 52,
};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    Rn,
    Rz,
    Rm,
    Rp,
    /// To the nearest, ties away from zero.
    Rna,
}

pub const MODES: [(&str, Mode); 4] = [
    ("rn", Mode::Rn),
    ("rz", Mode::Rz),
    ("rm", Mode::Rm),
    ("rp", Mode::Rp),
];

/// A value: of a format, or the exact result of an operation.
#[derive(Clone, Debug)]
pub enum Value {
    Nan,
    Infinity {
        negative: bool,
    },
    /// A zero, with its sign.
    Zero {
        negative: bool,
    },
    /// `significand * 2^exponent`, or a bit further from zero if `more` is set.
    Finite {
        significand: BigInt,
        exponent: i64,
        more: bool,
    },
}

use Value::{Finite, Infinity, Nan, Zero};

impl Format {
    pub fn sign(self) -> u64 {
        1 << (self.exponent + self.mantissa)
    }

    pub fn infinity(self) -> u64 {
        ((1 << self.exponent) - 1) << self.mantissa
    }

    /// The NaN that the simulator gives.
    pub fn nan(self) -> u64 {
        match (self.exponent, self.mantissa) {
            (11, 52) => 0xfff8_0000_0000_0000,
            _ => self.sign() - 1,
        }
    }

    pub fn is_nan(self, bits: u64) -> bool {
        bits & (self.sign() - 1) > self.infinity()
    }

    pub fn is_subnormal(self, bits: u64) -> bool {
        let magnitude = bits & (self.sign() - 1);
        magnitude != 0 && magnitude >> self.mantissa == 0
    }

    /// `.ftz`
    pub fn flush(self, bits: u64) -> u64 {
        if self.is_subnormal(bits) {
            bits & self.sign()
        } else {
            bits
        }
    }

    pub fn value(self, bits: u64) -> Value {
        let negative = bits & self.sign() != 0;
        let magnitude = bits & (self.sign() - 1);
        let fraction = magnitude & ((1 << self.mantissa) - 1);
        let exponent = magnitude >> self.mantissa;
        let bias = (1i64 << (self.exponent - 1)) - 1;
        if magnitude > self.infinity() {
            Nan
        } else if magnitude == self.infinity() {
            Infinity { negative }
        } else if magnitude == 0 {
            Zero { negative }
        } else {
            let (fraction, exponent) = match exponent {
                0 => (fraction, 1),
                _ => (fraction | 1 << self.mantissa, exponent as i64),
            };
            let sign = if negative { Sign::Minus } else { Sign::Plus };
            Finite {
                significand: BigInt::from_biguint(sign, fraction.into()),
                exponent: exponent - bias - i64::from(self.mantissa),
                more: false,
            }
        }
    }

    /// The bits of a value, rounded.
    pub fn round(self, value: &Value, mode: Mode) -> u64 {
        let signed = |negative: bool, bits: u64| bits | if negative { self.sign() } else { 0 };
        let (significand, exponent, more) = match value {
            Nan => return self.nan(),
            Infinity { negative } => return signed(*negative, self.infinity()),
            Zero { negative } => return signed(*negative, 0),
            Finite {
                significand,
                exponent,
                more,
            } => (significand, *exponent, *more),
        };
        let negative = significand.sign() == Sign::Minus;
        let magnitude = significand.magnitude();
        let bias = (1i64 << (self.exponent - 1)) - 1;
        // The unit of the last place: of the number's own binade, or of the subnormals.
        let top = magnitude.bits() as i64 - 1 + exponent;
        let unit = top.max(1 - bias) - i64::from(self.mantissa);
        let (mut units, half, rest) = split(magnitude, exponent, unit, more);
        let up = match mode {
            Mode::Rn => half && (rest || units.bit(0)),
            Mode::Rna => half,
            Mode::Rz => false,
            Mode::Rm => negative && (half || rest),
            Mode::Rp => !negative && (half || rest),
        };
        if up {
            units += 1u32;
        }
        let binade = unit + i64::from(self.mantissa) + bias - 1;
        let largest = BigUint::from(self.infinity() - 1);
        let bits = (BigUint::from(binade as u64) << self.mantissa) + units;
        if bits <= largest {
            let digits = bits.to_u64_digits();
            return signed(negative, digits.first().copied().unwrap_or(0));
        }
        let to_infinity = match mode {
            Mode::Rn | Mode::Rna => true,
            Mode::Rz => false,
            Mode::Rm => negative,
            Mode::Rp => !negative,
        };
        signed(negative, self.infinity() - u64::from(!to_infinity))
    }
}

/// How many units a magnitude has, whether half a unit is left, and whether more than that or less.
fn split(magnitude: &BigUint, exponent: i64, unit: i64, more: bool) -> (BigUint, bool, bool) {
    let dropped = unit - exponent;
    if dropped <= 0 {
        return (magnitude << (-dropped) as u64, false, more);
    }
    let dropped = dropped as u64;
    let units = magnitude >> dropped;
    let half = magnitude.bit(dropped - 1);
    let below: BigUint = magnitude - (&units << dropped);
    let below = if half {
        below - (BigUint::from(1u32) << (dropped - 1))
    } else {
        below
    };
    (units, half, more || below.bits() > 0)
}

fn is_negative(value: &Value) -> bool {
    match value {
        Nan => false,
        Infinity { negative } | Zero { negative } => *negative,
        Finite { significand, .. } => significand.sign() == Sign::Minus,
    }
}

pub fn negate(value: Value) -> Value {
    match value {
        Nan => Nan,
        Infinity { negative } => Infinity {
            negative: !negative,
        },
        Zero { negative } => Zero {
            negative: !negative,
        },
        Finite {
            significand,
            exponent,
            more,
        } => Finite {
            significand: -significand,
            exponent,
            more,
        },
    }
}

/// `a + b`; what cancels has the sign that the mode says.
pub fn add(a: &Value, b: &Value, mode: Mode) -> Value {
    match (a, b) {
        (Nan, _) | (_, Nan) => Nan,
        (Infinity { negative: a }, Infinity { negative: b }) if a != b => Nan,
        (Infinity { .. }, _) => a.clone(),
        (_, Infinity { .. }) => b.clone(),
        (Zero { negative: a }, Zero { negative: b }) => match a == b {
            true => Zero { negative: *a },
            false => Zero {
                negative: mode == Mode::Rm,
            },
        },
        (Zero { .. }, _) => b.clone(),
        (_, Zero { .. }) => a.clone(),
        (
            Finite {
                significand: a,
                exponent: a_exponent,
                ..
            },
            Finite {
                significand: b,
                exponent: b_exponent,
                ..
            },
        ) => {
            let exponent = *a_exponent.min(b_exponent);
            let significand =
                (a << (a_exponent - exponent) as u64) + (b << (b_exponent - exponent) as u64);
            match significand.sign() {
                Sign::NoSign => Zero {
                    negative: mode == Mode::Rm,
                },
                _ => Finite {
                    significand,
                    exponent,
                    more: false,
                },
            }
        }
    }
}

/// `a * b`
pub fn mul(a: &Value, b: &Value) -> Value {
    let negative = is_negative(a) != is_negative(b);
    match (a, b) {
        (Nan, _) | (_, Nan) | (Infinity { .. }, Zero { .. }) | (Zero { .. }, Infinity { .. }) => {
            Nan
        }
        (Infinity { .. }, _) | (_, Infinity { .. }) => Infinity { negative },
        (Zero { .. }, _) | (_, Zero { .. }) => Zero { negative },
        (
            Finite {
                significand: a,
                exponent: a_exponent,
                ..
            },
            Finite {
                significand: b,
                exponent: b_exponent,
                ..
            },
        ) => Finite {
            significand: a * b,
            exponent: a_exponent + b_exponent,
            more: false,
        },
    }
}

/// `a / b`, by a quotient of 128 bits more than any format has.
pub fn div(a: &Value, b: &Value) -> Value {
    let negative = is_negative(a) != is_negative(b);
    match (a, b) {
        (Nan, _) | (_, Nan) | (Infinity { .. }, Infinity { .. }) | (Zero { .. }, Zero { .. }) => {
            Nan
        }
        (Infinity { .. }, _) | (_, Zero { .. }) => Infinity { negative },
        (Zero { .. }, _) | (_, Infinity { .. }) => Zero { negative },
        (
            Finite {
                significand: a,
                exponent: a_exponent,
                ..
            },
            Finite {
                significand: b,
                exponent: b_exponent,
                ..
            },
        ) => {
            let dividend: BigInt = a << 192u32;
            let significand = &dividend / b;
            let more = &significand * b != dividend;
            Finite {
                significand,
                exponent: a_exponent - b_exponent - 192,
                more,
            }
        }
    }
}

/// The square root, by one of 128 bits more than any format has.
pub fn sqrt(a: &Value) -> Value {
    match a {
        Zero { .. } | Infinity { negative: false } => a.clone(),
        Finite {
            significand,
            exponent,
            ..
        } if significand.sign() == Sign::Plus => {
            let shift = 256 + (exponent & 1);
            let square: BigInt = significand << shift as u64;
            let significand = square.sqrt();
            let more = &significand * &significand != square;
            Finite {
                significand,
                exponent: (exponent - shift) / 2,
                more,
            }
        }
        _ => Nan,
    }
}

/// A whole number.
pub fn integer(value: i128) -> Value {
    match value {
        0 => Zero { negative: false },
        _ => Finite {
            significand: value.into(),
            exponent: 0,
            more: false,
        },
    }
}

/// A value rounded to a whole number, if it has one: `None` is NaN or infinity.
pub fn to_integer(value: &Value, mode: Mode) -> Option<BigInt> {
    match value {
        Nan | Infinity { .. } => None,
        Zero { .. } => Some(0.into()),
        Finite {
            significand,
            exponent,
            ..
        } => {
            let negative = significand.sign() == Sign::Minus;
            let (mut units, half, rest) = split(significand.magnitude(), *exponent, 0, false);
            let up = match mode {
                Mode::Rn => half && (rest || units.bit(0)),
                Mode::Rna => half,
                Mode::Rz => false,
                Mode::Rm => negative && (half || rest),
                Mode::Rp => !negative && (half || rest),
            };
            if up {
                units += 1u32;
            }
            let sign = if negative { Sign::Minus } else { Sign::Plus };
            Some(BigInt::from_biguint(sign, units))
        }
    }
}

/// The value of bits as a double, of a kind that a double holds.
pub fn value(kind: Kind, bits: u64) -> f64 {
    let format = match kind {
        Kind::F16 => F16,
        Kind::BF16 => BF16,
        Kind::F32 => F32,
        _ => return f64::from_bits(bits),
    };
    f64::from_bits(F64.round(&format.value(bits), Mode::Rn))
}
