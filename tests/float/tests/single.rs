//! The functions of `f32` against those of `f64`, whose errors do not show in 24 bits.

use cuda_std::GpuFloat;
use cuda_std::intrinsics as raw;
use float_tests::random;

/// The distance from the true value in units in its last place.
fn error_in_ulps(actual: f32, expected: f64) -> f64 {
    if actual.is_nan() && expected.is_nan() {
        return 0.0;
    }
    let nearest = expected as f32;
    if nearest.is_infinite() && actual == nearest {
        return 0.0;
    }
    if nearest == 0.0 && expected == 0.0 {
        // A zero has its sign.
        return if actual.to_bits() == nearest.to_bits() {
            0.0
        } else {
            f64::INFINITY
        };
    }
    let exponent = expected
        .abs()
        .clamp(f32::MIN_POSITIVE.into(), f32::MAX.into())
        .log2()
        .floor();
    // An infinity is the power of 2 that comes after the largest number.
    let bound = 2f64.powi(128);
    let error = (f64::from(actual).clamp(-bound, bound) - expected.clamp(-bound, bound)).abs();
    let error = error / (exponent - 23.0).exp2();
    if error.is_nan() { f64::INFINITY } else { error }
}

/// A prime, so that all exponents and many mantissas are met. The limits are those of a stride of 31
/// or, where the table in `cuda_std::float` says so, of all numbers, rounded up.
const STRIDE: usize = 19_937;

type Unary = (&'static str, f64, fn(f32) -> f32, fn(f64) -> f64);

const UNARY: &[Unary] = &[
    ("exp", 1.02, raw::expf, raw::exp),
    ("exp2", 0.9, raw::exp2f, raw::exp2),
    ("exp10", 0.9, raw::exp10f, raw::exp10),
    ("exp_m1", 1.4, raw::expm1f, raw::expm1),
    ("ln", 0.83, raw::logf, raw::log),
    ("log2", 1.1, raw::log2f, raw::log2),
    ("log10", 0.9, raw::log10f, raw::log10),
    ("ln_1p", 1.4, raw::log1pf, raw::log1p),
    ("sinh", 1.6, raw::sinhf, raw::sinh),
    ("cosh", 1.2, raw::coshf, raw::cosh),
    ("tanh", 1.34, raw::tanhf, raw::tanh),
    ("asinh", 0.9, raw::asinhf, raw::asinh),
    ("acosh", 1.4, raw::acoshf, raw::acosh),
    ("atanh", 1.1, raw::atanhf, raw::atanh),
    ("sin", 0.9, raw::sinf, raw::sin),
    ("cos", 0.9, raw::cosf, raw::cos),
    ("tan", 1.5, raw::tanf, raw::tan),
    ("asin", 0.9, raw::asinf, raw::asin),
    ("acos", 0.9, raw::acosf, raw::acos),
    ("atan", 1.3, raw::atanf, raw::atan),
    ("cbrt", 1.1, raw::cbrtf, raw::cbrt),
    ("rcbrt", 2.2, raw::rcbrtf, raw::rcbrt),
    ("rsqrt", 1.5, raw::rsqrtf, raw::rsqrt),
    ("sinpi", 1.1, raw::sinpif, raw::sinpi),
    ("cospi", 0.9, raw::cospif, raw::cospi),
    ("erf", 1.1, raw::erff, raw::erf),
    ("erfc", 3.6, raw::erfcf, raw::erfc),
    ("erfcx", 3.8, raw::erfcxf, raw::erfcx),
    ("normcdf", 3.8, raw::normcdff, raw::normcdf),
    ("erfinv", 3.6, raw::erfinvf, raw::erfinv),
    ("erfcinv", 3.6, raw::erfcinvf, raw::erfcinv),
    ("normcdfinv", 5.1, raw::normcdfinvf, raw::normcdfinv),
    ("round", 0.0, raw::roundf, raw::round),
    ("rint", 0.0, raw::rintf, raw::rint),
    ("floor", 0.0, raw::floorf, raw::floor),
    ("ceil", 0.0, raw::ceilf, raw::ceil),
    ("trunc", 0.0, raw::truncf, raw::trunc),
    ("sqrt", 0.5, raw::sqrtf, raw::sqrt),
    ("lgamma", 0.51, raw::lgammaf, raw::lgamma),
    ("tgamma", 0.51, raw::tgammaf, raw::tgamma),
    ("j0", 0.51, raw::j0f, raw::j0),
];

#[test]
fn functions_of_f32_are_as_exact_as_stated() {
    let mut failures = Vec::new();
    for (name, limit, function, reference) in UNARY {
        let mut worst = (0.0, 0.0);
        for bits in (0..=u32::MAX).step_by(STRIDE) {
            let x = f32::from_bits(bits);
            let error = error_in_ulps(function(x), reference(x.into()));
            if error > worst.0 {
                worst = (error, x);
            }
        }
        let (error, x) = worst;
        if !(error <= *limit) {
            failures.push(format!("{name}({x:e}) is off by {error} ulp"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

type Binary = (&'static str, f64, fn(f32, f32) -> f32, fn(f64, f64) -> f64);

const BINARY: &[Binary] = &[
    ("powf", 1.0, GpuFloat::powf, f64::powf),
    ("log", 1.0, GpuFloat::log, f64::log),
    ("atan2", 1.6, GpuFloat::atan2, f64::atan2),
    ("hypot", 1.0, GpuFloat::hypot, f64::hypot),
    ("fmod", 0.0, raw::fmodf, |x, y| x % y),
    (
        "powi",
        1.3,
        |x, n| GpuFloat::powi(x, n as i32 % 50),
        |x, n| GpuFloat::powf(x, f64::from(n as f32 as i32 % 50)),
    ),
];

#[test]
fn functions_of_two_f32_are_as_exact_as_stated() {
    let mut failures = Vec::new();
    for (name, limit, function, reference) in BINARY {
        let mut worst = (0.0, 0.0, 0.0);
        for counter in 0..200_000 {
            let word = random(counter);
            let x = f32::from_bits(word as u32);
            // Any bits, or a number of moderate size.
            let y = f32::from_bits((word >> 32) as u32);
            let y = if counter % 2 == 0 {
                y
            } else {
                (word >> 32) as i32 as f32 * 2f32.powi(-26)
            };
            let error = error_in_ulps(function(x, y), reference(x.into(), y.into()));
            if error > worst.0 {
                worst = (error, x, y);
            }
        }
        let (error, x, y) = worst;
        if !(error <= *limit) {
            failures.push(format!("{name}({x:e}, {y:e}) is off by {error} ulp"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// With an exponent of 0 and 1 every mantissa is met, and all other numbers are such ones times an
/// even power of 2.
#[test]
fn the_reciprocal_root_is_correctly_rounded() {
    for bits in 0x3f80_0000..0x4080_0000u32 {
        let x = f32::from_bits(bits);
        let expected = (1.0 / f64::from(x).sqrt()) as f32;
        assert_eq!(raw::frsqrt_rn(x), expected, "of {x:e}");
    }
    for x in [1e-45, 1e-40, 1.2e-38, 3e-20, 1e-20, 3.4e38] {
        let expected = (1.0 / f64::from(x).sqrt()) as f32;
        assert_eq!(raw::frsqrt_rn(x), expected, "of {x:e}");
    }
}

/// `std`'s results for zeros, infinities and NaN, and their signs.
#[test]
fn special_values_are_those_of_std() {
    let special = [
        0.0,
        1.0,
        0.5,
        2.0,
        3.0,
        1e-45,
        1e38,
        f32::INFINITY,
        f32::NAN,
    ];
    let special: Vec<f32> = special.into_iter().flat_map(|x| [x, -x]).collect();
    type Pair = (&'static str, fn(f32, f32) -> f32, fn(f32, f32) -> f32);
    let pairs: [Pair; 7] = [
        ("powf", GpuFloat::powf, f32::powf),
        ("atan2", GpuFloat::atan2, f32::atan2),
        ("hypot", GpuFloat::hypot, f32::hypot),
        ("div_euclid", GpuFloat::div_euclid, f32::div_euclid),
        ("rem_euclid", GpuFloat::rem_euclid, f32::rem_euclid),
        ("copysign", GpuFloat::copysign, f32::copysign),
        (
            "powi",
            |x, n| GpuFloat::powi(x, n as i32),
            |x, n| x.powi(n as i32),
        ),
    ];
    for (name, function, reference) in pairs {
        for &x in &special {
            for &y in &special {
                let (actual, expected) = (function(x, y), reference(x, y));
                let same =
                    actual.to_bits() == expected.to_bits() || actual.is_nan() && expected.is_nan();
                let error = error_in_ulps(actual, expected.into());
                assert!(
                    same || expected != 0.0 && error <= 2.0,
                    "{name}({x:e}, {y:e}): {actual:e} instead of {expected:e}"
                );
            }
        }
    }
}
