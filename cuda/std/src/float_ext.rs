//! Special functions of floats, as methods.

use crate::float::{double, single};
use crate::intrinsics as raw;

macro_rules! float_ext {
    ($($(#[$doc:meta])* fn $name:ident(self) = $function:ident;)*) => {
        /// Functions beyond those of `std`, under Rust-CUDA's names. The same as in
        /// [`intrinsics`](crate::intrinsics); the errors are in the table of
        /// [`float`](crate::float).
        pub trait FloatExt: Sized {
            $($(#[$doc])* fn $name(self) -> Self;)*
            /// The Bessel function of the first kind of this order.
            fn jn(self, order: i32) -> Self;
            /// The Bessel function of the second kind of this order.
            fn yn(self, order: i32) -> Self;
            /// `sin(π self)` and `cos(π self)`.
            fn sincospi(self) -> (Self, Self);
            /// `m` and `e` with `self = m 2^e` and `1/2 <= |m| < 1`. 0, infinities and NaN come back,
            /// with 0.
            fn frexp(self) -> (Self, i32);
            /// The exponent, for a mantissa that is at least 1 and below 2. `i32::MIN` of 0 and NaN,
            /// `i32::MAX` of infinities.
            fn unbiased_exp(self) -> i32;
            /// `self · 2^exp`, rounded once.
            fn ldexp(self, exp: i32) -> Self;
            /// `self · 2^exp`, rounded once.
            fn scale_by_n(self, exp: i32) -> Self;
            /// The number, but not below 0 and not above 1; 0 of NaN.
            fn saturate(self) -> Self;
        }

        float_ext!(impl f64 double frexp_pair ilogb ldexp saturate {$(fn $name = $function;)*});
        float_ext!(impl f32 single frexp_pairf ilogbf ldexpf saturatef {$(fn $name = $function;)*});
    };
    (impl $float:ident $module:ident $frexp:ident $ilogb:ident $ldexp:ident $saturate:ident {
        $(fn $name:ident = $function:ident;)*
    }) => {
        impl FloatExt for $float {
            $(
                #[inline]
                fn $name(self) -> Self {
                    $module::$function(self)
                }
            )*
            #[inline]
            fn jn(self, order: i32) -> Self {
                $module::jn(order, self)
            }
            #[inline]
            fn yn(self, order: i32) -> Self {
                $module::yn(order, self)
            }
            #[inline]
            fn sincospi(self) -> (Self, Self) {
                $module::sincospi(self)
            }
            #[inline]
            fn frexp(self) -> (Self, i32) {
                raw::$frexp(self)
            }
            #[inline]
            fn unbiased_exp(self) -> i32 {
                raw::$ilogb(self)
            }
            #[inline]
            fn ldexp(self, exp: i32) -> Self {
                raw::$ldexp(self, exp)
            }
            #[inline]
            fn scale_by_n(self, exp: i32) -> Self {
                raw::$ldexp(self, exp)
            }
            #[inline]
            fn saturate(self) -> Self {
                raw::$saturate(self)
            }
        }
    };
}

float_ext! {
    /// `cos(π self)`.
    fn cospi(self) = cospi;
    /// `sin(π self)`.
    fn sinpi(self) = sinpi;
    /// The error function.
    fn error_function(self) = erf;
    /// The complementary error function, `1 - erf(self)`.
    fn complementary_error_function(self) = erfc;
    /// The inverse of the complementary error function.
    fn inv_complementary_error_function(self) = erfcinv;
    /// `e^(self²) erfc(self)`.
    fn scaled_complementary_error_function(self) = erfcx;
    /// The Bessel function of the first kind and order 0.
    fn j0(self) = j0;
    /// The Bessel function of the first kind and order 1.
    fn j1(self) = j1;
    /// The Bessel function of the second kind and order 0.
    fn y0(self) = y0;
    /// The Bessel function of the second kind and order 1.
    fn y1(self) = y1;
    /// `ln |Γ(self)|`.
    fn log_gamma(self) = lgamma;
    /// `Γ(self)`.
    fn gamma(self) = tgamma;
    /// `ln(1 + self)`.
    fn log1p(self) = ln_1p;
    /// The distribution function of the standard normal distribution.
    fn norm_cdf(self) = normcdf;
    /// The inverse of [`norm_cdf`](Self::norm_cdf).
    fn inv_norm_cdf(self) = normcdfinv;
    /// One over the cube root.
    fn rcbrt(self) = rcbrt;
}
