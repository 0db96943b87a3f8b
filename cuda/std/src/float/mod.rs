//! Functions of floats, as methods.
//!
//! They compute the same on the device and on the host, those of `f64` where the build does not fuse
//! multiplications with additions (`cuda_builder`'s `fma_contraction`), which moves the last bits.
//! Those of `f32` are polynomials over fused multiply-adds, written here, in the folder `single`;
//! those of `f64` are the crate `libm`'s, which are musl's, and a few of our own. Nothing comes from
//! NVIDIA's libdevice. The quick ones that a GPU has instructions for are in [`FastFloat`], the special
//! functions in [`FloatExt`](crate::FloatExt).
//!
//! The largest errors found, in units in the last place of the true value. Of `f32`: over every 31st
//! of all numbers, and over every single one for `exp`, `exp2`, `exp_m1`, `ln`, `log2`, `sin` and
//! `tanh`; of two arguments over random ones. Of `f64`: over 2000 points each, against mpmath.
//!
//! | function | `f32` | `f64` |
//! |---|---|---|
//! | `exp` | 1.02 | 0.8 |
//! | `exp2` | 0.9 | 0.6 |
//! | `exp_m1` | 1.4 | 0.8 |
//! | `ln` | 0.83 | 0.7 |
//! | `log2` | 1.1 | 0.6 |
//! | `log10` | 0.9 | 0.6 |
//! | `ln_1p` | 1.4 | 0.8 |
//! | `log` | 1.0 | 2.2 |
//! | `powf` | 1.0 | 0.8 |
//! | `powi` | 1.3 | 1.1 |
//! | `cbrt` | 1.1 | 0.6 |
//! | `hypot` | 1.0 | 0.8 |
//! | `sin` | 0.9 | 0.7 |
//! | `cos` | 0.9 | 0.7 |
//! | `tan` | 1.5 | 0.8 |
//! | `asin` | 0.9 | 0.9 |
//! | `acos` | 0.9 | 0.8 |
//! | `atan` | 1.3 | 0.7 |
//! | `atan2` | 1.6 | 1.1 |
//! | `sinh` | 1.6 | 1.6 |
//! | `cosh` | 1.2 | 1.2 |
//! | `tanh` | 1.34 | 1.6 |
//! | `asinh` | 0.9 | 1.1 |
//! | `acosh` | 1.4 | 1.1 |
//! | `atanh` | 1.1 | 1.3 |
//! | `exp10`, `sinpi`, `cospi` | 0.9, 1.1, 0.9 | 2.6, 1.1, 1.1 |
//! | `rsqrt` | 1.5 | 1.5 |
//! | `rcbrt` | 2.2 | 1.3 |
//! | `erf` | 1.1 | 0.8 |
//! | `erfc` | 3.6 | 2.2 |
//! | `erfcx` | 3.8 | 2.7 |
//! | `erfinv` | 3.6 | 5.3 |
//! | `erfcinv` | 3.6 | 4.1 |
//! | `normcdf` | 3.8 | 3.0 |
//! | `normcdfinv` | 5.1 | 3.5 |
//! | `tgamma` | 0.51 | 6.1 |
//! | `lgamma`, absolute below 1 | 0.51 | 2.1 |
//! | `j0`, `j1`, `jn`, absolute below 1 | 0.51 | 1.9, 1.7, 3.3 |
//! | `y0`, `y1`, `yn`, absolute below 1 | 0.51 | 3.3, 2.5, 5.9 |
//!
//! All others are exact, or correctly rounded. "Absolute below 1": near the zeros of these functions
//! the error is that of a number near 1, for Bessel functions at numbers up to 10⁵. The gamma and
//! Bessel functions of `f32` compute in `f64`, which is slow on most GPUs.
//!
//! The steps that carry rounding errors along are written so that a compiler that contracts
//! `a * b + c` leaves them alone; other bits may then differ from the host's. Where subnormal numbers
//! are flushed to 0, so are they here.
//!
//! On the device `abs`, `copysign` and `signum` of a float are those of `core`. On the host, where
//! `std` is linked, a method written `x.sin()` is that of `std`: call `GpuFloat::sin(x)` for the bits
//! of the device.

pub(crate) mod double;
mod fast;
mod machine;
pub(crate) mod single;

pub use fast::FastFloat;

macro_rules! gpu_float {
    ($($(#[$doc:meta])* fn $name:ident(self $(, $argument:ident: $type:ty)*) -> $result:ty;)*) => {
        /// The functions that `std` has for floats, most of which `core` has not, with the special
        /// values of `std`. The errors are in the [module's table](self).
        pub trait GpuFloat: Copy + PartialOrd {
            /// The number without its sign.
            fn abs(self) -> Self;
            /// The number with the sign of another.
            fn copysign(self, sign: Self) -> Self;
            /// 1 with the number's sign; NaN of NaN.
            fn signum(self) -> Self;
            /// The number less its integer part.
            fn fract(self) -> Self;
            /// `self · a + b`, rounded once: a fused multiply-add.
            fn mul_add(self, a: Self, b: Self) -> Self;
            /// The sine and the cosine.
            fn sin_cos(self) -> (Self, Self);
            $($(#[$doc])* fn $name(self $(, $argument: $type)*) -> $result;)*
        }

        gpu_float!(impl f32 single {$(fn $name($($argument: $type),*) -> $result;)*});
        gpu_float!(impl f64 double {$(fn $name($($argument: $type),*) -> $result;)*});
    };
    (impl $float:ident $module:ident {
        $(fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*
    }) => {
        impl GpuFloat for $float {
            #[inline(always)]
            fn abs(self) -> Self {
                core::primitive::$float::abs(self)
            }
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                core::primitive::$float::copysign(self, sign)
            }
            #[inline(always)]
            fn signum(self) -> Self {
                core::primitive::$float::signum(self)
            }
            #[inline(always)]
            fn fract(self) -> Self {
                self - $module::trunc(self)
            }
            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                $module::fma(self, a, b)
            }
            #[inline(always)]
            fn sin_cos(self) -> (Self, Self) {
                $module::sin_cos(self)
            }
            $(
                #[inline(always)]
                fn $name(self $(, $argument: $type)*) -> $result {
                    $module::$name(self $(, $argument)*)
                }
            )*
        }
    };
}

gpu_float! {
    /// The largest integer not above the number.
    fn floor(self) -> Self;
    /// The smallest integer not below the number.
    fn ceil(self) -> Self;
    /// The integer part.
    fn trunc(self) -> Self;
    /// The nearest integer; halves go away from 0.
    fn round(self) -> Self;
    /// The nearest integer; halves go to the even one.
    fn round_ties_even(self) -> Self;
    /// The integer `n` for which `self - n · rhs` lies between 0 and `|rhs|`.
    fn div_euclid(self, rhs: Self) -> Self;
    /// The remainder by `rhs` that is not negative.
    fn rem_euclid(self, rhs: Self) -> Self;
    /// The square root, correctly rounded.
    fn sqrt(self) -> Self;
    /// The cube root.
    fn cbrt(self) -> Self;
    /// `sqrt(self² + other²)`, without overflow on the way.
    fn hypot(self, other: Self) -> Self;
    /// The number to an integer power.
    fn powi(self, n: i32) -> Self;
    /// The number to a power.
    fn powf(self, n: Self) -> Self;
    /// `e^self`.
    fn exp(self) -> Self;
    /// `2^self`.
    fn exp2(self) -> Self;
    /// `e^self - 1`, exact near 0 too.
    fn exp_m1(self) -> Self;
    /// The natural logarithm.
    fn ln(self) -> Self;
    /// The logarithm to a base.
    fn log(self, base: Self) -> Self;
    /// The logarithm to base 2.
    fn log2(self) -> Self;
    /// The logarithm to base 10.
    fn log10(self) -> Self;
    /// `ln(1 + self)`, exact near 0 too.
    fn ln_1p(self) -> Self;
    /// The sine of an angle in radians.
    fn sin(self) -> Self;
    /// The cosine of an angle in radians.
    fn cos(self) -> Self;
    /// The tangent of an angle in radians.
    fn tan(self) -> Self;
    /// The arcsine, in `[-π/2, π/2]`.
    fn asin(self) -> Self;
    /// The arccosine, in `[0, π]`.
    fn acos(self) -> Self;
    /// The arctangent, in `[-π/2, π/2]`.
    fn atan(self) -> Self;
    /// The angle of the point `(other, self)`, in `[-π, π]`.
    fn atan2(self, other: Self) -> Self;
    /// The hyperbolic sine.
    fn sinh(self) -> Self;
    /// The hyperbolic cosine.
    fn cosh(self) -> Self;
    /// The hyperbolic tangent.
    fn tanh(self) -> Self;
    /// The inverse hyperbolic sine.
    fn asinh(self) -> Self;
    /// The inverse hyperbolic cosine.
    fn acosh(self) -> Self;
    /// The inverse hyperbolic tangent.
    fn atanh(self) -> Self;
}
