//! Any narrow floating-point format in any rounding mode, by integer arithmetic.

use super::Rounding;

/// A floating-point format of less than 64 bits, with a sign, subnormals and a NaN.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    /// The bits of the mantissa that are stored.
    mantissa: u32,
    /// The exponent of the smallest normal number.
    min_exponent: i32,
    /// The bits of the largest finite number.
    max: u32,
    /// The bits of infinity, if it has one.
    infinity: Option<u32>,
    /// The bits of the NaN that conversions give.
    nan: u32,
    /// The place of the sign.
    sign: u32,
}

/// `.f32`
pub(crate) const F32: Format = ieee(23, 8, 0x7fff_ffff);
/// `.f16`
pub(crate) const F16: Format = ieee(10, 5, 0x7fff);
/// `.bf16`
pub(crate) const BF16: Format = ieee(7, 8, 0x7fff);
/// `.e5m2`
pub(crate) const E5M2: Format = ieee(2, 5, 0x7f);
/// `.e4m3`: no infinity, and its place holds numbers.
pub(crate) const E4M3: Format = Format {
    max: 0x7e,
    infinity: None,
    ..ieee(3, 4, 0x7f)
};
/// `.tf32`: a single without its last 13 bits; here without room for them.
const TF32: Format = ieee(10, 8, 0x7fff_ffff >> 13);

const fn ieee(mantissa: u32, exponent: u32, nan: u32) -> Format {
    let infinity = ((1 << exponent) - 1) << mantissa;
    Format {
        mantissa,
        min_exponent: 2 - (1 << (exponent - 1)),
        max: infinity - 1,
        infinity: Some(infinity),
        nan,
        sign: mantissa + exponent,
    }
}

/// What happens to a value on its way into a narrow format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Narrowing {
    pub(crate) rounding: Rounding,
    /// `.satfinite`: what is too large becomes the largest finite number, infinity too.
    pub(crate) finite: bool,
    /// `.relu`: what is negative becomes 0.
    pub(crate) relu: bool,
}

impl Format {
    /// The bits of a double in this format.
    pub(crate) fn encode(&self, value: f64, how: Narrowing) -> u32 {
        if value.is_nan() {
            return self.nan;
        }
        let negative = value.is_sign_negative();
        if negative && how.relu {
            return 0;
        }
        let magnitude = self.round(value.abs(), negative, how.rounding);
        let magnitude = if magnitude > self.max {
            let to_max = match how.rounding {
                Rounding::Nearest => false,
                Rounding::Zero => true,
                Rounding::Down => !negative,
                Rounding::Up => negative,
            };
            match self.infinity {
                Some(infinity) if !how.finite && (!to_max || value.is_infinite()) => infinity,
                _ => self.max,
            }
        } else {
            magnitude
        };
        magnitude | u32::from(negative) << self.sign
    }

    /// The bits of a magnitude as if there were no largest number.
    fn round(&self, magnitude: f64, negative: bool, rounding: Rounding) -> u32 {
        let bits = magnitude.to_bits();
        // A subnormal double is below half of every format's smallest number: its exponent does
        // not matter, only that it is not zero.
        let exponent = (bits >> 52) as i32 - 1023;
        // No format reaches 2^128.
        if exponent > 127 {
            return self.max + 1;
        }
        let implicit = u64::from(exponent > -1023) << 52;
        let significand = bits & ((1 << 52) - 1) | implicit;
        let unit = exponent.max(self.min_exponent) - self.mantissa as i32;
        let dropped = (unit - (exponent - 52)).min(60) as u32;
        let kept = significand >> dropped;
        let rest = significand & ((1 << dropped) - 1);
        let half = 1 << (dropped - 1);
        let up = match rounding {
            Rounding::Nearest => rest > half || rest == half && kept & 1 == 1,
            Rounding::Zero => false,
            Rounding::Down => negative && rest > 0,
            Rounding::Up => !negative && rest > 0,
        };
        // The implicit bit and a carry both count up the exponent.
        let binade = (exponent - self.min_exponent).max(0) as u32;
        (binade << self.mantissa) + kept as u32 + u32::from(up)
    }

    /// The value of bits of this format.
    pub(crate) fn decode(&self, bits: u32) -> f64 {
        let magnitude = bits & ((1 << self.sign) - 1);
        let exponent = (magnitude >> self.mantissa) as i32;
        let fraction = magnitude & ((1 << self.mantissa) - 1);
        let value = if Some(magnitude) == self.infinity {
            f64::INFINITY
        } else if magnitude > self.max {
            f64::NAN
        } else {
            let implicit = u32::from(exponent > 0) << self.mantissa;
            let unit = self.min_exponent + (exponent - 1).max(0) - self.mantissa as i32;
            f64::from(fraction | implicit) * 2f64.powi(unit)
        };
        if bits >> self.sign & 1 == 1 {
            -value
        } else {
            value
        }
    }
}

/// A single as `.tf32`, in the upper bits of a single.
pub(crate) fn encode_tf32(value: f32, how: Narrowing) -> u32 {
    if value.is_nan() {
        return F32.nan;
    }
    TF32.encode(value.into(), how) << 13
}

/// As [`encode_tf32`], to the nearest, of two that are equally near to the one away from zero.
pub(crate) fn encode_tf32_away(value: f32, finite: bool) -> u32 {
    if value.is_nan() {
        return F32.nan;
    }
    let bits = value.to_bits();
    let magnitude = bits & 0x7fff_ffff;
    let rounded = if value.is_infinite() {
        magnitude
    } else {
        (magnitude + 0x1000) & !0x1fff
    };
    let rounded = if finite {
        rounded.min(TF32.max << 13)
    } else {
        rounded
    };
    rounded | bits & 0x8000_0000
}
