//! What the elements of `wmma`'s fragments are, and their values.

use crate::numeric::half::{self, Half};
use crate::numeric::{canonical, canonical_double, single};

/// What the elements of a matrix are. Doubles hold them all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Element {
    F16,
    Bf16,
    Tf32,
    F32,
    F64,
    S8,
    U8,
    S4,
    U4,
    /// A single bit.
    B1,
    S32,
}

pub(super) const ELEMENTS: [(&str, Element); 11] = [
    ("f16", Element::F16),
    ("bf16", Element::Bf16),
    ("tf32", Element::Tf32),
    ("f32", Element::F32),
    ("f64", Element::F64),
    ("s8", Element::S8),
    ("u8", Element::U8),
    ("s4", Element::S4),
    ("u4", Element::U4),
    ("b1", Element::B1),
    ("s32", Element::S32),
];

impl Element {
    /// The bits that it takes.
    pub(super) fn bits(self) -> usize {
        match self {
            Self::B1 => 1,
            Self::S4 | Self::U4 => 4,
            _ => 8 * self.size(),
        }
    }

    /// The bytes of what is loaded and stored at a time: an element, or a word of those that are smaller.
    pub(super) fn size(self) -> usize {
        match self {
            Self::S8 | Self::U8 => 1,
            Self::S4 | Self::U4 | Self::B1 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Tf32 | Self::F32 | Self::S32 => 4,
            Self::F64 => 8,
        }
    }

    /// How many of them are loaded and stored at a time.
    pub(super) fn together(self) -> usize {
        8 * self.size() / self.bits()
    }

    pub(super) fn value(self, bits: u64) -> f64 {
        match self {
            Self::F16 => half::F16::to_single(bits as u16).into(),
            Self::Bf16 => half::Bf16::to_single(bits as u16).into(),
            // The last 13 bits are not looked at.
            Self::Tf32 => f32::from_bits(bits as u32 & !0x1fff).into(),
            Self::F32 => f32::from_bits(bits as u32).into(),
            Self::F64 => f64::from_bits(bits),
            Self::S8 => (bits as i8).into(),
            Self::U8 => (bits as u8).into(),
            // Words of elements that are multiplied by other means.
            Self::S32 | Self::S4 | Self::U4 | Self::B1 => (bits as i32).into(),
        }
    }

    /// The bits of a sum, rounded; whole numbers wrap, or with `saturates` stop at the last one.
    pub(super) fn round(self, sum: f64, saturates: bool) -> u64 {
        match self {
            Self::F16 => half::F16::from_single(single::from_double_to_odd(sum)).into(),
            Self::F32 => canonical(sum as f32).to_bits().into(),
            Self::S32 if saturates => (sum as i32 as u32).into(),
            Self::S32 => (sum as i64 as u32).into(),
            _ => canonical_double(sum).to_bits(),
        }
    }
}
