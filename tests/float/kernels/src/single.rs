//! The functions of `f32`.

use cuda_std::prelude::*;
use cuda_std::{FloatExt, intrinsics};

use crate::{both_written, family, order, written};

family! {
    single,
    1: {
        <f32 as GpuFloat>::floor;
        <f32 as GpuFloat>::ceil;
        <f32 as GpuFloat>::trunc;
        <f32 as GpuFloat>::round;
        <f32 as GpuFloat>::round_ties_even;
        <f32 as GpuFloat>::abs;
        <f32 as GpuFloat>::signum;
        <f32 as GpuFloat>::fract;
        <f32 as GpuFloat>::sqrt;
        <f32 as GpuFloat>::cbrt;
        <f32 as GpuFloat>::exp;
        <f32 as GpuFloat>::exp2;
        <f32 as GpuFloat>::exp_m1;
        <f32 as GpuFloat>::ln;
        <f32 as GpuFloat>::log2;
        <f32 as GpuFloat>::log10;
        <f32 as GpuFloat>::ln_1p;
        <f32 as GpuFloat>::sin;
        <f32 as GpuFloat>::cos;
        <f32 as GpuFloat>::tan;
        <f32 as GpuFloat>::asin;
        <f32 as GpuFloat>::acos;
        <f32 as GpuFloat>::atan;
        <f32 as GpuFloat>::sinh;
        <f32 as GpuFloat>::cosh;
        <f32 as GpuFloat>::tanh;
        <f32 as GpuFloat>::asinh;
        <f32 as GpuFloat>::acosh;
        <f32 as GpuFloat>::atanh;
        <f32 as GpuFloat>::sin_cos;
        <f32 as FloatExt>::cospi;
        <f32 as FloatExt>::sinpi;
        <f32 as FloatExt>::error_function;
        <f32 as FloatExt>::complementary_error_function;
        <f32 as FloatExt>::inv_complementary_error_function;
        <f32 as FloatExt>::scaled_complementary_error_function;
        <f32 as FloatExt>::j0;
        <f32 as FloatExt>::j1;
        <f32 as FloatExt>::y0;
        <f32 as FloatExt>::y1;
        <f32 as FloatExt>::log_gamma;
        <f32 as FloatExt>::gamma;
        <f32 as FloatExt>::log1p;
        <f32 as FloatExt>::norm_cdf;
        <f32 as FloatExt>::inv_norm_cdf;
        <f32 as FloatExt>::rcbrt;
        <f32 as FloatExt>::sincospi;
        <f32 as FloatExt>::frexp;
        <f32 as FloatExt>::unbiased_exp;
        <f32 as FloatExt>::saturate;
        intrinsics::acosf;
        intrinsics::acoshf;
        intrinsics::asinf;
        intrinsics::asinhf;
        intrinsics::atanf;
        intrinsics::atanhf;
        intrinsics::cbrtf;
        intrinsics::ceilf;
        intrinsics::cosf;
        intrinsics::coshf;
        intrinsics::cospif;
        intrinsics::erff;
        intrinsics::erfcf;
        intrinsics::erfcinvf;
        intrinsics::erfcxf;
        intrinsics::erfinvf;
        intrinsics::expf;
        intrinsics::exp10f;
        intrinsics::exp2f;
        intrinsics::expm1f;
        intrinsics::floorf;
        intrinsics::j0f;
        intrinsics::j1f;
        intrinsics::lgammaf;
        intrinsics::logf;
        intrinsics::log10f;
        intrinsics::log1pf;
        intrinsics::log2f;
        intrinsics::nearbyintf;
        intrinsics::normcdff;
        intrinsics::normcdfinvf;
        intrinsics::rcbrtf;
        intrinsics::rintf;
        intrinsics::roundf;
        intrinsics::rsqrtf;
        intrinsics::sinf;
        intrinsics::sinhf;
        intrinsics::sinpif;
        intrinsics::sqrtf;
        intrinsics::tanf;
        intrinsics::tanhf;
        intrinsics::tgammaf;
        intrinsics::truncf;
        intrinsics::y0f;
        intrinsics::y1f;
        intrinsics::fabsf;
        intrinsics::ilogbf;
        intrinsics::logbf;
        intrinsics::isinff;
        intrinsics::isnanf;
        intrinsics::finitef;
        intrinsics::signbitf;
        intrinsics::saturatef;
        intrinsics::frsqrt_rn;
    }
    2: {
        <f32 as GpuFloat>::copysign;
        <f32 as GpuFloat>::div_euclid;
        <f32 as GpuFloat>::rem_euclid;
        <f32 as GpuFloat>::hypot;
        <f32 as GpuFloat>::powf;
        <f32 as GpuFloat>::log;
        <f32 as GpuFloat>::atan2;
        intrinsics::atan2f;
        intrinsics::fmodf;
        intrinsics::hypotf;
        intrinsics::powf;
        intrinsics::copysignf;
        intrinsics::fdimf;
        intrinsics::fmaxf;
        intrinsics::fminf;
        intrinsics::nextafterf;
        intrinsics::remainderf;
    }
    3: {
        <f32 as GpuFloat>::mul_add;
        intrinsics::fmaf;
    }
    with x y: {
        "GpuFloat::powi" => GpuFloat::powi(f32::of(x), i32::of(y) % 40);
        "FloatExt::jn" => FloatExt::jn(f32::of(x), order(y));
        "FloatExt::yn" => FloatExt::yn(f32::of(x), order(y));
        "FloatExt::ldexp" => FloatExt::ldexp(f32::of(x), i32::of(y) % 3000);
        "FloatExt::scale_by_n" => FloatExt::scale_by_n(f32::of(x), i32::of(y) % 300);
        "intrinsics::jnf" => intrinsics::jnf(order(y), f32::of(x));
        "intrinsics::ynf" => intrinsics::ynf(order(y), f32::of(x));
        "intrinsics::powif" => intrinsics::powif(f32::of(x), i32::of(y));
        "intrinsics::ldexpf" => intrinsics::ldexpf(f32::of(x), i32::of(y));
        "intrinsics::scalbnf" => intrinsics::scalbnf(f32::of(x), i32::of(y) % 300);
        // SAFETY: the pointers are those of variables.
        "intrinsics::frexpf" => written(|e| unsafe { intrinsics::frexpf(f32::of(x), e) });
        // SAFETY: the pointers are those of variables.
        "intrinsics::modff" => written(|i| unsafe { intrinsics::modff(f32::of(x), i) });
        // SAFETY: the pointers are those of variables.
        "intrinsics::remquof" => written(|q| unsafe { intrinsics::remquof(f32::of(x), f32::of(y), q) });
        // SAFETY: the pointers are those of variables.
        "intrinsics::sincosf" => both_written(|s, c| unsafe { intrinsics::sincosf(f32::of(x), s, c) });
        // SAFETY: the pointers are those of variables.
        "intrinsics::sincospif" => both_written(|s, c| unsafe { intrinsics::sincospif(f32::of(x), s, c) });
        // SAFETY: the text ends in 0.
        "intrinsics::nanf" => unsafe { intrinsics::nanf(text(x).as_mut_ptr()) }.to_bits() as i64;
    }
}

/// Three digits, some of them after `0` or `0x`, and the 0 at the end.
fn text(x: u64) -> [i8; 6] {
    let prefix = [*b"12", *b"01", *b"0x", *b"0X"][x as usize % 4];
    let digit = |shift: u32| b'0' + (x >> shift & 7) as u8;
    [prefix[0], prefix[1], digit(2), digit(5), digit(8), 0].map(|byte| byte as i8)
}
