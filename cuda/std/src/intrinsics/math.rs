//! The elementary and special functions, of both widths.

use crate::float::{FastFloat, double, single};

/// The type of an argument: that of the function, unless it is said.
macro_rules! type_of {
    ($float:ident) => {
        $float
    };
    ($float:ident $integer:ident) => {
        $integer
    };
}

/// Defines a function of `f64` and its twin of `f32` by those of [`double`] and [`single`].
macro_rules! both {
    ($($(#[$doc:meta])* $name:ident, $name_f:ident = $function:ident($($x:ident $(: $type:ident)?),+);)*) => {$(
        $(#[$doc])*
        #[inline]
        pub fn $name($($x: type_of!(f64 $($type)?)),+) -> f64 {
            double::$function($($x),+)
        }

        $(#[$doc])*
        #[inline]
        pub fn $name_f($($x: type_of!(f32 $($type)?)),+) -> f32 {
            single::$function($($x),+)
        }
    )*};
}

both! {
    /// The arccosine.
    acos, acosf = acos(x);
    /// The inverse hyperbolic cosine.
    acosh, acoshf = acosh(x);
    /// The arcsine.
    asin, asinf = asin(x);
    /// The inverse hyperbolic sine.
    asinh, asinhf = asinh(x);
    /// The arctangent.
    atan, atanf = atan(x);
    /// The angle of the point `(y, x)`: the first argument is the height.
    atan2, atan2f = atan2(x, y);
    /// The inverse hyperbolic tangent.
    atanh, atanhf = atanh(x);
    /// The cube root.
    cbrt, cbrtf = cbrt(x);
    /// The smallest integer not below `x`.
    ceil, ceilf = ceil(x);
    /// The cosine.
    cos, cosf = cos(x);
    /// The hyperbolic cosine.
    cosh, coshf = cosh(x);
    /// `cos(π x)`.
    cospi, cospif = cospi(x);
    /// The error function.
    erf, erff = erf(x);
    /// The complementary error function.
    erfc, erfcf = erfc(x);
    /// The inverse of the complementary error function.
    erfcinv, erfcinvf = erfcinv(x);
    /// The scaled complementary error function, `e^(x²) erfc(x)`.
    erfcx, erfcxf = erfcx(x);
    /// The inverse of the error function.
    erfinv, erfinvf = erfinv(x);
    /// `e^x`.
    exp, expf = exp(x);
    /// `10^x`.
    exp10, exp10f = exp10(x);
    /// `2^x`.
    exp2, exp2f = exp2(x);
    /// `e^x - 1`.
    expm1, expm1f = exp_m1(x);
    /// The largest integer not above `x`.
    floor, floorf = floor(x);
    /// `x y + z`, rounded once.
    fma, fmaf = fma(x, y, z);
    /// The remainder of the truncated division, exactly.
    fmod, fmodf = remainder(x, y);
    /// `sqrt(x² + y²)`.
    hypot, hypotf = hypot(x, y);
    /// The Bessel function of the first kind and order 0.
    j0, j0f = j0(x);
    /// The Bessel function of the first kind and order 1.
    j1, j1f = j1(x);
    /// The Bessel function of the first kind and order `n`.
    jn, jnf = jn(n: i32, x);
    /// `ln |Γ(x)|`.
    lgamma, lgammaf = lgamma(x);
    /// The natural logarithm.
    log, logf = ln(x);
    /// The logarithm to base 10.
    log10, log10f = log10(x);
    /// `ln(1 + x)`.
    log1p, log1pf = ln_1p(x);
    /// The logarithm to base 2.
    log2, log2f = log2(x);
    /// The nearest integer; halves go to the even one.
    nearbyint, nearbyintf = round_ties_even(x);
    /// The distribution function of the standard normal distribution.
    normcdf, normcdff = normcdf(x);
    /// The inverse of [`normcdf`].
    normcdfinv, normcdfinvf = normcdfinv(x);
    /// `x^y`.
    pow, powf = powf(x, y);
    /// `x^y` for an integer `y`.
    powi, powif = powi(x, y: i32);
    /// One over the cube root.
    rcbrt, rcbrtf = rcbrt(x);
    /// The nearest integer; halves go to the even one.
    rint, rintf = round_ties_even(x);
    /// The nearest integer; halves go away from 0.
    round, roundf = round(x);
    /// One over the square root.
    rsqrt, rsqrtf = rsqrt(x);
    /// The sine.
    sin, sinf = sin(x);
    /// The hyperbolic sine.
    sinh, sinhf = sinh(x);
    /// `sin(π x)`.
    sinpi, sinpif = sinpi(x);
    /// The square root, correctly rounded.
    sqrt, sqrtf = sqrt(x);
    /// The tangent.
    tan, tanf = tan(x);
    /// The hyperbolic tangent.
    tanh, tanhf = tanh(x);
    /// `Γ(x)`.
    tgamma, tgammaf = tgamma(x);
    /// The integer part.
    trunc, truncf = trunc(x);
    /// The Bessel function of the second kind and order 0.
    y0, y0f = y0(x);
    /// The Bessel function of the second kind and order 1.
    y1, y1f = y1(x);
    /// The Bessel function of the second kind and order `n`.
    yn, ynf = yn(n: i32, x);
}

macro_rules! fast {
    ($($(#[$doc:meta])* $name:ident($($x:ident),+) = $method:ident;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name($($x: f32),+) -> f32 {
            FastFloat::$method($($x),+)
        }
    )*};
}

fast! {
    /// The sine, approximately: [`FastFloat::fast_sin`].
    fast_sinf(x) = fast_sin;
    /// The cosine, approximately: [`FastFloat::fast_cos`].
    fast_cosf(x) = fast_cos;
    /// The tangent, approximately: [`FastFloat::fast_tan`].
    fast_tanf(x) = fast_tan;
    /// `e^x`, approximately: [`FastFloat::fast_exp`].
    fast_expf(x) = fast_exp;
    /// `10^x`, approximately: [`FastFloat::fast_exp10`].
    fast_exp10f(x) = fast_exp10;
    /// The natural logarithm, approximately: [`FastFloat::fast_ln`].
    fast_logf(x) = fast_ln;
    /// The logarithm to base 2, approximately: [`FastFloat::fast_log2`].
    fast_log2f(x) = fast_log2;
    /// The logarithm to base 10, approximately: [`FastFloat::fast_log10`].
    fast_log10f(x) = fast_log10;
    /// `x^y`, approximately: [`FastFloat::fast_powf`].
    fast_powf(x, y) = fast_powf;
    /// `x / y`, approximately: [`FastFloat::fast_div`].
    fast_fdividef(x, y) = fast_div;
}

macro_rules! through_pointers {
    ($($(#[$doc:meta])* $name:ident($float:ident) = $pair:path;)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        ///
        /// Both pointers are valid for a write.
        #[inline]
        pub unsafe fn $name(x: $float, sptr: *mut $float, cptr: *mut $float) {
            let (sin, cos) = $pair(x);
            // SAFETY: the caller's promise.
            unsafe {
                *sptr = sin;
                *cptr = cos;
            }
        }
    )*};
}

through_pointers! {
    /// The sine and the cosine.
    sincos(f64) = double::sin_cos;
    /// The sine and the cosine.
    sincosf(f32) = single::sin_cos;
    /// `sin(π x)` and `cos(π x)`.
    sincospi(f64) = double::sincospi;
    /// `sin(π x)` and `cos(π x)`.
    sincospif(f32) = single::sincospi;
    /// The sine and the cosine, approximately: [`FastFloat::fast_sin_cos`].
    fast_sincosf(f32) = FastFloat::fast_sin_cos;
}
