//! What a float is made of, and what class it is in; remainders and neighbours.

use super::instruction;
use crate::float::{double, single};

macro_rules! parts {
    ($float:ident, $bits:ident, $module:ident;
        $copysign:ident $fabs:ident $fdim:ident $fmax:ident $fmin:ident $frexp:ident $frexp_pair:ident
        $ilogb:ident $ldexp:ident $scalbn:ident $logb:ident $modf:ident $nextafter:ident
        $remainder:ident $remquo:ident $isinf:ident $isnan:ident $isfinite:ident $signbit:ident
        $nan:ident $libm_ldexp:ident $libm_remquo:ident
    ) => {
        /// `x` with the sign of `y`.
        #[inline(always)]
        pub fn $copysign(x: $float, y: $float) -> $float {
            x.copysign(y)
        }

        /// `x` without its sign.
        #[inline(always)]
        pub fn $fabs(f: $float) -> $float {
            f.abs()
        }

        /// `x - y` if that is positive, else 0; NaN of NaN.
        #[inline]
        pub fn $fdim(x: $float, y: $float) -> $float {
            if x <= y { 0.0 } else { x - y }
        }

        /// The larger number; the other one if one is NaN. 0 is larger than -0.
        #[inline]
        pub fn $fmax(x: $float, y: $float) -> $float {
            if x == y {
                $float::from_bits(x.to_bits() & y.to_bits())
            } else if x > y || y.is_nan() {
                x
            } else {
                y
            }
        }

        /// The smaller number; the other one if one is NaN. -0 is smaller than 0.
        #[inline]
        pub fn $fmin(x: $float, y: $float) -> $float {
            if x == y {
                $float::from_bits(x.to_bits() | y.to_bits())
            } else if x < y || y.is_nan() {
                x
            } else {
                y
            }
        }

        /// `m` and `e` with `x = m 2^e` and `1/2 <= |m| < 1`. 0, infinities and NaN come back, with 0.
        #[inline]
        pub(crate) fn $frexp_pair(x: $float) -> ($float, i32) {
            if x == 0.0 || !x.is_finite() {
                return (x, 0);
            }
            let exponent = $ilogb(x) + 1;
            ($ldexp(x, -exponent), exponent)
        }

        /// The mantissa, at least 1/2 and below 1, and at `b` the exponent. 0, infinities and NaN come
        /// back, with the exponent 0.
        ///
        /// # Safety
        ///
        /// `b` is valid for a write.
        #[inline]
        pub unsafe fn $frexp(x: $float, b: *mut i32) -> $float {
            let (mantissa, exponent) = $frexp_pair(x);
            // SAFETY: the caller's promise.
            unsafe { *b = exponent };
            mantissa
        }

        /// The exponent of `x`, whose mantissa is at least 1 and below 2. `i32::MIN` of 0 and NaN,
        /// `i32::MAX` of infinities.
        #[inline]
        pub fn $ilogb(x: $float) -> i32 {
            const MANTISSA: u32 = $float::MANTISSA_DIGITS - 1;
            let bits = x.abs().to_bits();
            if x == 0.0 || x.is_nan() {
                i32::MIN
            } else if bits >= $float::INFINITY.to_bits() {
                i32::MAX
            } else if bits >> MANTISSA == 0 {
                $float::MIN_EXP
                    - (bits.leading_zeros() + $float::MANTISSA_DIGITS - $bits::BITS) as i32
                    - 1
            } else {
                (bits >> MANTISSA) as i32 - ($float::MAX_EXP - 1)
            }
        }

        /// The exponent of `x`, as a float. Minus infinity of 0, infinity of infinities.
        #[inline]
        pub fn $logb(x: $float) -> $float {
            if x == 0.0 {
                $float::NEG_INFINITY
            } else if x.is_finite() {
                $ilogb(x) as $float
            } else {
                x * x
            }
        }

        /// `x 2^y`, rounded once.
        #[inline]
        pub fn $ldexp(x: $float, y: i32) -> $float {
            libm::$libm_ldexp(x, y)
        }

        /// `x 2^y`, rounded once.
        #[inline]
        pub fn $scalbn(x: $float, y: i32) -> $float {
            $ldexp(x, y)
        }

        /// The fractional part, and at `b` the integer part, both with the sign of `x`.
        ///
        /// # Safety
        ///
        /// `b` is valid for a write.
        #[inline]
        pub unsafe fn $modf(x: $float, b: *mut $float) -> $float {
            let integer = $module::trunc(x);
            // SAFETY: the caller's promise.
            unsafe { *b = integer };
            if x.is_infinite() {
                (0.0 as $float).copysign(x)
            } else {
                (x - integer).copysign(x)
            }
        }

        /// The next float from `x` towards `y`.
        #[inline]
        pub fn $nextafter(x: $float, y: $float) -> $float {
            if x.is_nan() || y.is_nan() {
                $float::NAN
            } else if x == y {
                y
            } else if x < y {
                x.next_up()
            } else {
                x.next_down()
            }
        }

        /// `x - n y` for the integer `n` nearest to `x / y`, exactly; halves go to the even one.
        #[inline]
        pub fn $remainder(x: $float, y: $float) -> $float {
            libm::$libm_remquo(x, y).0
        }

        /// The remainder, and at the pointer the lower bits of the quotient, with its sign; at least
        /// the lower 3.
        ///
        /// # Safety
        ///
        /// The pointer is valid for a write.
        #[inline]
        pub unsafe fn $remquo(x: $float, y: $float, quo: *mut i32) -> $float {
            let (remainder, quotient) = libm::$libm_remquo(x, y);
            // SAFETY: the caller's promise.
            unsafe { *quo = quotient };
            remainder
        }

        /// Whether `x` is infinite: 1 or 0.
        #[inline(always)]
        pub fn $isinf(x: $float) -> i32 {
            i32::from(x.is_infinite())
        }

        /// Whether `x` is NaN: 1 or 0.
        #[inline(always)]
        pub fn $isnan(x: $float) -> i32 {
            i32::from(x.is_nan())
        }

        /// Whether `x` is neither infinite nor NaN: 1 or 0.
        #[inline(always)]
        pub fn $isfinite(x: $float) -> i32 {
            i32::from(x.is_finite())
        }

        /// Whether the sign is negative, that of 0 and NaN too: 1 or 0.
        #[inline(always)]
        pub fn $signbit(x: $float) -> i32 {
            i32::from(x.is_sign_negative())
        }

        /// A quiet NaN that carries a number: a string that ends in 0, in decimal, octal after `0`, or
        /// hexadecimal after `0x`. Another string is the number 0.
        ///
        /// # Safety
        ///
        /// `tagp` is valid for reads up to the 0.
        #[inline]
        pub unsafe fn $nan(tagp: *mut i8) -> $float {
            // SAFETY: the caller's promise.
            let payload = unsafe { tag(tagp) } as $bits;
            let quiet = $float::NAN.to_bits();
            $float::from_bits(quiet | payload & ((1 << ($float::MANTISSA_DIGITS - 2)) - 1))
        }
    };
}

parts! { f64, u64, double;
    copysign fabs fdim fmax fmin frexp frexp_pair
    ilogb ldexp scalbn logb modf nextafter
    remainder remquo isinfd isnand isfinited signbitd
    nan ldexp remquo
}

parts! { f32, u32, single;
    copysignf fabsf fdimf fmaxf fminf frexpf frexp_pairf
    ilogbf ldexpf scalbnf logbf modff nextafterf
    remainderf remquof isinff isnanf finitef signbitf
    nanf ldexpf remquof
}

/// The number in a string that ends in 0, as C's `strtoull` reads it; 0 if there is anything else.
///
/// # Safety
///
/// `text` is valid for reads up to the 0.
unsafe fn tag(text: *const i8) -> u64 {
    let mut at = text;
    let mut next = || {
        // SAFETY: the caller's promise: no byte so far was the 0.
        let byte = unsafe { *at } as u8;
        at = at.wrapping_add(1);
        byte
    };
    let mut byte = next();
    let mut base = 10;
    if byte == b'0' {
        base = 8;
        byte = next();
        if byte == b'x' || byte == b'X' {
            base = 16;
            byte = next();
        }
    }
    let mut number: u64 = 0;
    while byte != 0 {
        match (byte as char).to_digit(base) {
            Some(digit) => {
                number = number
                    .wrapping_mul(u64::from(base))
                    .wrapping_add(u64::from(digit))
            }
            None => return 0,
        }
        byte = next();
    }
    number
}

instruction! {
    /// `x`, but not below 0 and not above 1; 0 of NaN.
    fn saturatef(x: f32 = reg32) -> f32 = reg32,
        "cvt.sat.f32.f32 {}, {};" else if x > 0.0 { x.min(1.0) } else { 0.0 };
    /// What [`saturatef`] is for `f32`; libdevice has none.
    fn saturate(x: f64 = reg64) -> f64 = reg64,
        "cvt.sat.f64.f64 {}, {};" else if x > 0.0 { x.min(1.0) } else { 0.0 };
}
