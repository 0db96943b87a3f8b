//! What matrices are made of.

use crate::{bf16, f16};

/// An element of a matrix: one or two lie in a register.
pub trait Value: Copy {
    #[doc(hidden)]
    const PER_REGISTER: usize;
    #[doc(hidden)]
    fn to_bits(self) -> u32;
    /// Bits above the value's own are not looked at.
    #[doc(hidden)]
    fn from_bits(bits: u32) -> Self;
}

/// A number with the range of an `f32` and the 10 bits of precision of an `f16`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
#[repr(transparent)]
pub struct Tf32(f32);

impl Tf32 {
    /// The nearest such number; of two the one further from 0.
    #[inline(always)]
    pub const fn from_f32(x: f32) -> Tf32 {
        const N_DROPPED: u32 = 13;
        if x.is_nan() {
            return Tf32(f32::NAN);
        }
        // A carry out of the mantissa is the next exponent, and at last infinity.
        let bits = x.to_bits() + (1 << (N_DROPPED - 1));
        Tf32(f32::from_bits(bits >> N_DROPPED << N_DROPPED))
    }

    /// The same number.
    #[inline(always)]
    pub const fn to_f32(self) -> f32 {
        self.0
    }
}

impl Value for Tf32 {
    const PER_REGISTER: usize = 1;

    #[inline(always)]
    fn to_bits(self) -> u32 {
        self.0.to_bits()
    }

    #[inline(always)]
    fn from_bits(bits: u32) -> Tf32 {
        Tf32(f32::from_bits(bits))
    }
}

impl Value for f32 {
    const PER_REGISTER: usize = 1;

    #[inline(always)]
    fn to_bits(self) -> u32 {
        f32::to_bits(self)
    }

    #[inline(always)]
    fn from_bits(bits: u32) -> f32 {
        f32::from_bits(bits)
    }
}

macro_rules! halves {
    ($($ty:ident)*) => {$(
        impl Value for $ty {
            const PER_REGISTER: usize = 2;

            #[inline(always)]
            fn to_bits(self) -> u32 {
                $ty::to_bits(self).into()
            }

            #[inline(always)]
            fn from_bits(bits: u32) -> $ty {
                $ty::from_bits(bits as u16)
            }
        }
    )*};
}

halves!(f16 bf16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tf32_is_the_nearest() {
        let step = 2f32.powi(-10);
        for (x, expected) in [
            (0.0, 0.0),
            (-0.0, -0.0),
            (1.0, 1.0),
            (1.0 + 0.49 * step, 1.0),
            (1.0 + 0.5 * step, 1.0 + step),
            (-1.0 - 0.5 * step, -1.0 - step),
            (2.0 - 0.25 * step, 2.0),
            (f32::MAX, f32::INFINITY),
            (f32::NEG_INFINITY, f32::NEG_INFINITY),
        ] {
            let found = Tf32::from_f32(x).to_f32();
            assert_eq!(found.to_bits(), f32::to_bits(expected), "{x}: {found}");
        }
        assert!(Tf32::from_f32(f32::from_bits(u32::MAX)).to_f32().is_nan());
    }
}
