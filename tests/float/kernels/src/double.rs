//! The functions of `f64`.

use cuda_std::prelude::*;
use cuda_std::{FloatExt, intrinsics};

use crate::{both_written, family, order, written};

family! {
    double,
    1: {
        <f64 as GpuFloat>::floor;
        <f64 as GpuFloat>::ceil;
        <f64 as GpuFloat>::trunc;
        <f64 as GpuFloat>::round;
        <f64 as GpuFloat>::round_ties_even;
        <f64 as GpuFloat>::abs;
        <f64 as GpuFloat>::signum;
        <f64 as GpuFloat>::fract;
        <f64 as GpuFloat>::sqrt;
        <f64 as GpuFloat>::cbrt;
        <f64 as GpuFloat>::exp;
        <f64 as GpuFloat>::exp2;
        <f64 as GpuFloat>::exp_m1;
        <f64 as GpuFloat>::ln;
        <f64 as GpuFloat>::log2;
        <f64 as GpuFloat>::log10;
        <f64 as GpuFloat>::ln_1p;
        <f64 as GpuFloat>::sin;
        <f64 as GpuFloat>::cos;
        <f64 as GpuFloat>::tan;
        <f64 as GpuFloat>::asin;
        <f64 as GpuFloat>::acos;
        <f64 as GpuFloat>::atan;
        <f64 as GpuFloat>::sinh;
        <f64 as GpuFloat>::cosh;
        <f64 as GpuFloat>::tanh;
        <f64 as GpuFloat>::asinh;
        <f64 as GpuFloat>::acosh;
        <f64 as GpuFloat>::atanh;
        <f64 as GpuFloat>::sin_cos;
        <f64 as FloatExt>::cospi;
        <f64 as FloatExt>::sinpi;
        <f64 as FloatExt>::error_function;
        <f64 as FloatExt>::complementary_error_function;
        <f64 as FloatExt>::inv_complementary_error_function;
        <f64 as FloatExt>::scaled_complementary_error_function;
        <f64 as FloatExt>::j0;
        <f64 as FloatExt>::j1;
        <f64 as FloatExt>::y0;
        <f64 as FloatExt>::y1;
        <f64 as FloatExt>::log_gamma;
        <f64 as FloatExt>::gamma;
        <f64 as FloatExt>::log1p;
        <f64 as FloatExt>::norm_cdf;
        <f64 as FloatExt>::inv_norm_cdf;
        <f64 as FloatExt>::rcbrt;
        <f64 as FloatExt>::sincospi;
        <f64 as FloatExt>::frexp;
        <f64 as FloatExt>::unbiased_exp;
        <f64 as FloatExt>::saturate;
        intrinsics::acos;
        intrinsics::acosh;
        intrinsics::asin;
        intrinsics::asinh;
        intrinsics::atan;
        intrinsics::atanh;
        intrinsics::cbrt;
        intrinsics::ceil;
        intrinsics::cos;
        intrinsics::cosh;
        intrinsics::cospi;
        intrinsics::erf;
        intrinsics::erfc;
        intrinsics::erfcinv;
        intrinsics::erfcx;
        intrinsics::erfinv;
        intrinsics::exp;
        intrinsics::exp10;
        intrinsics::exp2;
        intrinsics::expm1;
        intrinsics::floor;
        intrinsics::j0;
        intrinsics::j1;
        intrinsics::lgamma;
        intrinsics::log;
        intrinsics::log10;
        intrinsics::log1p;
        intrinsics::log2;
        intrinsics::nearbyint;
        intrinsics::normcdf;
        intrinsics::normcdfinv;
        intrinsics::rcbrt;
        intrinsics::rint;
        intrinsics::round;
        intrinsics::rsqrt;
        intrinsics::sin;
        intrinsics::sinh;
        intrinsics::sinpi;
        intrinsics::sqrt;
        intrinsics::tan;
        intrinsics::tanh;
        intrinsics::tgamma;
        intrinsics::trunc;
        intrinsics::y0;
        intrinsics::y1;
        intrinsics::fabs;
        intrinsics::ilogb;
        intrinsics::logb;
        intrinsics::isinfd;
        intrinsics::isnand;
        intrinsics::isfinited;
        intrinsics::signbitd;
        intrinsics::saturate;
    }
    2: {
        <f64 as GpuFloat>::copysign;
        <f64 as GpuFloat>::div_euclid;
        <f64 as GpuFloat>::rem_euclid;
        <f64 as GpuFloat>::hypot;
        <f64 as GpuFloat>::powf;
        <f64 as GpuFloat>::log;
        <f64 as GpuFloat>::atan2;
        intrinsics::atan2;
        intrinsics::fmod;
        intrinsics::hypot;
        intrinsics::pow;
        intrinsics::copysign;
        intrinsics::fdim;
        intrinsics::fmax;
        intrinsics::fmin;
        intrinsics::nextafter;
        intrinsics::remainder;
    }
    3: {
        <f64 as GpuFloat>::mul_add;
        intrinsics::fma;
    }
    with x y: {
        "GpuFloat::powi" => GpuFloat::powi(f64::of(x), i32::of(y) % 40);
        "FloatExt::jn" => FloatExt::jn(f64::of(x), order(y));
        "FloatExt::yn" => FloatExt::yn(f64::of(x), order(y));
        "FloatExt::ldexp" => FloatExt::ldexp(f64::of(x), i32::of(y) % 3000);
        "FloatExt::scale_by_n" => FloatExt::scale_by_n(f64::of(x), i32::of(y) % 300);
        "intrinsics::jn" => intrinsics::jn(order(y), f64::of(x));
        "intrinsics::yn" => intrinsics::yn(order(y), f64::of(x));
        "intrinsics::powi" => intrinsics::powi(f64::of(x), i32::of(y));
        "intrinsics::ldexp" => intrinsics::ldexp(f64::of(x), i32::of(y));
        "intrinsics::scalbn" => intrinsics::scalbn(f64::of(x), i32::of(y) % 300);
        // SAFETY: the pointers are those of variables.
        "intrinsics::frexp" => written(|e| unsafe { intrinsics::frexp(f64::of(x), e) });
        // SAFETY: the pointers are those of variables.
        "intrinsics::modf" => written(|i| unsafe { intrinsics::modf(f64::of(x), i) });
        // SAFETY: the pointers are those of variables.
        "intrinsics::remquo" => written(|q| unsafe { intrinsics::remquo(f64::of(x), f64::of(y), q) });
        // SAFETY: the pointers are those of variables.
        "intrinsics::sincos" => both_written(|s, c| unsafe { intrinsics::sincos(f64::of(x), s, c) });
        // SAFETY: the pointers are those of variables.
        "intrinsics::sincospi" => both_written(|s, c| unsafe { intrinsics::sincospi(f64::of(x), s, c) });
        // SAFETY: the text ends in 0.
        "intrinsics::nan" => unsafe { intrinsics::nan(text(x).as_mut_ptr()) }.to_bits() as i64;
    }
}

/// Three digits, some of them after `0` or `0x`, and the 0 at the end.
fn text(x: u64) -> [i8; 6] {
    let prefix = [*b"12", *b"01", *b"0x", *b"0X"][x as usize % 4];
    let digit = |shift: u32| b'0' + (x >> shift & 7) as u8;
    [prefix[0], prefix[1], digit(2), digit(5), digit(8), 0].map(|byte| byte as i8)
}
