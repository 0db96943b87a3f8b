//! The types of arguments: how their values are read from a command line, and written.

use std::fmt;

use half::{bf16, f16};
use rand::{Rng, RngExt};

/// The type of a value, as PTX names it without its dot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// A whole number without a sign, of as many bytes.
    Unsigned(usize),
    /// One with a sign.
    Signed(usize),
    F16,
    Bf16,
    F32,
    F64,
}

/// The largest of the whole numbers that are drawn, and counts of most things that they may index.
const LARGEST_DRAWN: u64 = 99;

const NAMES: [(&str, Element); 12] = [
    ("u8", Element::Unsigned(1)),
    ("u16", Element::Unsigned(2)),
    ("u32", Element::Unsigned(4)),
    ("u64", Element::Unsigned(8)),
    ("s8", Element::Signed(1)),
    ("s16", Element::Signed(2)),
    ("s32", Element::Signed(4)),
    ("s64", Element::Signed(8)),
    ("f16", Element::F16),
    ("bf16", Element::Bf16),
    ("f32", Element::F32),
    ("f64", Element::F64),
];

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, element)| element == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

impl Element {
    /// The type of this name.
    pub fn by_name(name: &str) -> Result<Self, String> {
        let known = NAMES.iter().find(|(known, _)| *known == name);
        known.map(|&(_, element)| element).ok_or_else(|| {
            let names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
            format!(
                "there is no type `{name}`, expected one of {}",
                names.join(", ")
            )
        })
    }

    /// Its bytes.
    pub fn size(self) -> usize {
        match self {
            Self::Unsigned(size) | Self::Signed(size) => size,
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    pub fn is_float(self) -> bool {
        !matches!(self, Self::Unsigned(_) | Self::Signed(_))
    }

    /// The bytes of a value as somebody writes it: `7`, `-1.5e-3`, `nan`, or its bits, `0x3f800000`.
    pub fn parse(self, text: &str) -> Result<Vec<u8>, String> {
        let invalid = || format!("`{text}` is no value of type {self}");
        let bits = 8 * self.size() as u32;
        if let Some(digits) = text.strip_prefix("0x") {
            let value = u64::from_str_radix(&digits.replace('_', ""), 16).map_err(|_| invalid())?;
            return match value.checked_shr(bits).unwrap_or(0) {
                0 => Ok(self.low_bytes(value)),
                _ => Err(format!("`{text}` has more than the {bits} bits of {self}")),
            };
        }
        Ok(match self {
            Self::Unsigned(_) | Self::Signed(_) => {
                let value: i128 = text.replace('_', "").parse().map_err(|_| invalid())?;
                let range = match self {
                    Self::Signed(_) => -(1_i128 << (bits - 1))..1 << (bits - 1),
                    _ => 0..1 << bits,
                };
                if !range.contains(&value) {
                    return Err(format!(
                        "`{text}` is no value of type {self}, which goes from {} to {}",
                        range.start,
                        range.end - 1
                    ));
                }
                self.low_bytes(value as u64)
            }
            // Rounding twice, by way of a single, would not always give the nearest.
            Self::F16 => f16::from_f64(text.parse().map_err(|_| invalid())?)
                .to_le_bytes()
                .into(),
            Self::Bf16 => bf16::from_f64(text.parse().map_err(|_| invalid())?)
                .to_le_bytes()
                .into(),
            Self::F32 => text
                .parse::<f32>()
                .map_err(|_| invalid())?
                .to_le_bytes()
                .into(),
            Self::F64 => text
                .parse::<f64>()
                .map_err(|_| invalid())?
                .to_le_bytes()
                .into(),
        })
    }

    fn low_bytes(self, value: u64) -> Vec<u8> {
        value.to_le_bytes()[..self.size()].to_vec()
    }

    /// The bytes of a whole number; of those that are too large, what is left when they wrap.
    pub fn whole(self, value: u64) -> Vec<u8> {
        match self {
            Self::Unsigned(_) | Self::Signed(_) => self.low_bytes(value),
            Self::F16 => f16::from_f64(value as f64).to_le_bytes().into(),
            Self::Bf16 => bf16::from_f64(value as f64).to_le_bytes().into(),
            Self::F32 => (value as f32).to_le_bytes().into(),
            Self::F64 => (value as f64).to_le_bytes().into(),
        }
    }

    /// The bytes of a random value: a real number from -1 to below 1, a whole one from 0 to 99.
    pub fn random(self, random: &mut impl Rng) -> Vec<u8> {
        let real = |random: &mut _| RngExt::random_range(random, -1.0..1.0_f64);
        match self {
            Self::Unsigned(_) | Self::Signed(_) => {
                self.low_bytes(random.random_range(0..=LARGEST_DRAWN))
            }
            Self::F16 => f16::from_f64(real(random)).to_le_bytes().into(),
            Self::Bf16 => bf16::from_f64(real(random)).to_le_bytes().into(),
            Self::F32 => (real(random) as f32).to_le_bytes().into(),
            Self::F64 => real(random).to_le_bytes().into(),
        }
    }

    /// A value as text: the shortest that is read as the same.
    pub fn format(self, bytes: &[u8]) -> String {
        let mut wide = [0; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        let bits = u64::from_le_bytes(wide);
        match self {
            Self::Unsigned(_) => bits.to_string(),
            Self::Signed(size) => {
                let unused = 64 - 8 * size as u32;
                ((bits << unused) as i64 >> unused).to_string()
            }
            Self::F16 => f16::from_bits(bits as u16).to_string(),
            Self::Bf16 => bf16::from_bits(bits as u16).to_string(),
            Self::F32 => format!("{:?}", f32::from_bits(bits as u32)),
            Self::F64 => format!("{:?}", f64::from_bits(bits)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_written() {
        for (name, text, bytes, written) in [
            ("u8", "255", &[255][..], "255"),
            ("s8", "-128", &[128], "-128"),
            ("s16", "0xffff", &[255, 255], "-1"),
            ("u32", "1_000", &[232, 3, 0, 0], "1000"),
            ("s64", "-1", &[255; 8], "-1"),
            (
                "u64",
                "0xffff_ffff_ffff_ffff",
                &[255; 8],
                "18446744073709551615",
            ),
            ("f16", "1.5", &[0, 0x3e], "1.5"),
            ("bf16", "-2", &[0, 0xc0], "-2"),
            ("f32", "0x3f800000", &[0, 0, 0x80, 0x3f], "1.0"),
            ("f32", "1e-3", &[0x6f, 0x12, 0x83, 0x3a], "0.001"),
            ("f64", "-inf", &[0, 0, 0, 0, 0, 0, 0xf0, 0xff], "-inf"),
        ] {
            let element = Element::by_name(name).unwrap();
            assert_eq!(element.parse(text).as_deref(), Ok(bytes), "{name}:{text}");
            assert_eq!(element.format(bytes), written, "{name}:{text}");
        }
        for (name, text) in [
            ("u8", "256"),
            ("u8", "-1"),
            ("s8", "128"),
            ("u16", "0x10000"),
            ("u32", "1.5"),
            ("f32", "one"),
            ("f32", ""),
            ("u64", "0x"),
        ] {
            let error = Element::by_name(name).unwrap().parse(text).unwrap_err();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
        assert!(Element::by_name("i32").unwrap_err().contains("s32"));
    }
}
