//! The functions of `f64`: the crate `libm`, and what it lacks.

pub use super::machine::f64::*;

macro_rules! of_libm {
    ($($(#[$doc:meta])* $name:ident = $libm:ident($($argument:ident: $type:ty),*);)*) => {$(
        $(#[$doc])*
        #[cfg_attr(target_arch = "nvptx64", inline(never))]
        pub fn $name($($argument: $type),*) -> f64 {
            libm::$libm($($argument),*)
        }
    )*};
}

// Calls on the device: inlined at every use they would fill a kernel.
of_libm! {
    /// `e^x`.
    exp = exp(x: f64);
    /// `2^x`.
    exp2 = exp2(x: f64);
    /// `10^x`.
    exp10 = exp10(x: f64);
    /// `e^x - 1`.
    exp_m1 = expm1(x: f64);
    /// The natural logarithm.
    ln = log(x: f64);
    /// The logarithm to base 2.
    log2 = log2(x: f64);
    /// The logarithm to base 10.
    log10 = log10(x: f64);
    /// `ln(1 + x)`.
    ln_1p = log1p(x: f64);
    /// `x^y`.
    powf = pow(x: f64, y: f64);
    /// `sqrt(x² + y²)`.
    hypot = hypot(x: f64, y: f64);
    /// The sine.
    sin = sin(x: f64);
    /// The cosine.
    cos = cos(x: f64);
    /// The tangent.
    tan = tan(x: f64);
    /// The arcsine.
    asin = asin(x: f64);
    /// The arccosine.
    acos = acos(x: f64);
    /// The arctangent.
    atan = atan(x: f64);
    /// The angle of the point `(x, y)`.
    atan2 = atan2(y: f64, x: f64);
    /// The hyperbolic sine.
    sinh = sinh(x: f64);
    /// The hyperbolic cosine.
    cosh = cosh(x: f64);
    /// The hyperbolic tangent.
    tanh = tanh(x: f64);
    /// The inverse hyperbolic sine.
    asinh = asinh(x: f64);
    /// The inverse hyperbolic tangent.
    atanh = atanh(x: f64);
    /// The error function.
    erf = erf(x: f64);
    /// `1 - erf(x)`.
    erfc = erfc(x: f64);
    /// `ln |Γ(x)|`.
    lgamma = lgamma(x: f64);
    /// `Γ(x)`.
    tgamma = tgamma(x: f64);
    /// The Bessel function of the first kind and order 0.
    j0 = j0(x: f64);
    /// The Bessel function of the first kind and order 1.
    j1 = j1(x: f64);
    /// The Bessel function of the first kind and order `n`.
    jn = jn(n: i32, x: f64);
    /// The Bessel function of the second kind and order 0.
    y0 = y0(x: f64);
    /// The Bessel function of the second kind and order 1.
    y1 = y1(x: f64);
    /// The Bessel function of the second kind and order `n`.
    yn = yn(n: i32, x: f64);
}

/// The sine and the cosine.
#[cfg_attr(target_arch = "nvptx64", inline(never))]
pub fn sin_cos(x: f64) -> (f64, f64) {
    libm::sincos(x)
}

/// The inverse hyperbolic cosine.
#[cfg_attr(target_arch = "nvptx64", inline(never))]
pub fn acosh(x: f64) -> f64 {
    // libm 0.2.16 gives numbers for what is far below 1.
    if x < 1.0 { f64::NAN } else { libm::acosh(x) }
}

/// The logarithm to a base.
#[inline]
pub fn log(x: f64, base: f64) -> f64 {
    ln(x) / ln(base)
}

/// `x^n`: by multiplication up to the fourth power, else as [`powf`].
#[inline]
pub fn powi(x: f64, n: i32) -> f64 {
    match n {
        0 => 1.0,
        1 => x,
        2 => x * x,
        3 => x * x * x,
        4 => (x * x) * (x * x),
        _ => powf(x, f64::from(n)),
    }
}

/// The cube root: a third of the exponent for a start, two steps of Halley, and one of Newton whose
/// remainder is exact.
#[cfg_attr(target_arch = "nvptx64", inline(never))]
pub fn cbrt(x: f64) -> f64 {
    let magnitude = x.abs();
    if x == 0.0 || !(magnitude < f64::INFINITY) {
        return x;
    }
    // So that no square underflows and no cube overflows: by 2^300, 2^-300 and their cube roots.
    let power = |n: u64| f64::from_bits((1023 + n) << 52);
    let (factor, back) = if magnitude < 1e-100 {
        (power(300), 1.0 / power(100))
    } else if magnitude > 1e100 {
        (1.0 / power(300), power(100))
    } else {
        (1.0, 1.0)
    };
    let a = magnitude * factor;
    let mut y = f64::from_bits(a.to_bits() / 3 + 0x2a9f_7893_782d_a1ce);
    for _ in 0..2 {
        let cube = y * y * y;
        y *= fma(2.0, a, cube) / fma(2.0, cube, a);
    }
    let (square, square_low) = two_product(y, y);
    let rest = fma(-square_low, y, fma(-square, y, a));
    y += rest / (3.0 * square);
    (y * back).copysign(x)
}

/// `1 / cbrt(x)`.
#[inline]
pub fn rcbrt(x: f64) -> f64 {
    1.0 / cbrt(x)
}

/// `1 / sqrt(x)`, in two roundings.
#[inline]
pub fn rsqrt(x: f64) -> f64 {
    1.0 / sqrt(x)
}

/// `sin(π x)` and `cos(π x)`.
#[cfg_attr(target_arch = "nvptx64", inline(never))]
pub fn sincospi(x: f64) -> (f64, f64) {
    // All numbers from 2^53 on are even: they leave nothing.
    let near = if x.abs() < 9_007_199_254_740_992.0 {
        x
    } else {
        x * 0.0
    };
    let n = round_ties_even(2.0 * near);
    let rest = fma(-0.5, n, near);
    let (r, r_low) = two_product(rest, core::f64::consts::PI);
    let r_low = fma(rest, 1.224_646_799_147_353_2e-16, r_low);
    let (sin, cos) = libm::sincos(r);
    // By the derivatives.
    let (sin, cos) = (fma(r_low, cos, sin), fma(-r_low, sin, cos));
    let quadrant = n as i64;
    let (sin, cos) = if quadrant & 1 == 1 {
        (cos, -sin)
    } else {
        (sin, cos)
    };
    let (sin, cos) = if quadrant & 2 == 2 {
        (-sin, -cos)
    } else {
        (sin, cos)
    };
    // An integer gives the zero of its own sign, a half never -0.
    (if x == trunc(x) { x * 0.0 } else { sin }, cos + 0.0)
}

/// `sin(π x)`.
#[inline]
pub fn sinpi(x: f64) -> f64 {
    sincospi(x).0
}

/// `cos(π x)`.
#[inline]
pub fn cospi(x: f64) -> f64 {
    sincospi(x).1
}

/// `2 / sqrt π`
const TWO_OVER_SQRT_PI: f64 = core::f64::consts::FRAC_2_SQRT_PI;

/// `e^(x²)`, with the rounding error of the square.
fn exp_of_square(x: f64, sign: f64) -> f64 {
    let (square, low) = two_product(x, x);
    let power = exp(sign * square);
    // Where the power is 0 or infinite, so it stays.
    if power > 0.0 && power < f64::INFINITY {
        fma(power, sign * low, power)
    } else {
        power
    }
}

/// `e^(x²) erfc(x)`: the product below 10, the asymptotic series above.
#[cfg_attr(target_arch = "nvptx64", inline(never))]
pub fn erfcx(x: f64) -> f64 {
    if x < 10.0 {
        // Below -26.7 the power is infinite; the square of -30 is not.
        let x = if x < -30.0 { -30.0 } else { x };
        return exp_of_square(x, 1.0) * erfc(x);
    }
    // 1 - 1/(2x²) + 1·3/(2x²)² - ...
    let v = 0.5 / (x * x);
    let mut sum = 1.0;
    let mut k = 25.0;
    while k > 0.0 {
        sum = fma(-k * v, sum, 1.0);
        k -= 2.0;
    }
    0.5 * TWO_OVER_SQRT_PI / x * sum
}

/// The distribution function of the standard normal distribution: `erfc(-x / sqrt 2) / 2`.
#[cfg_attr(target_arch = "nvptx64", inline(never))]
pub fn normcdf(x: f64) -> f64 {
    let x = x.clamp(-40.0, 40.0);
    let (t, t_low) = two_product(x, -core::f64::consts::FRAC_1_SQRT_2);
    let t_low = fma(x, 4.833_646_656_726_457e-17, t_low);
    // By the derivative of erfc.
    let slope = -TWO_OVER_SQRT_PI * exp_of_square(t, -1.0);
    0.5 * fma(slope, t_low, erfc(t))
}

/// A first guess at `x` with `erf(x) = y`, from `y` and `1 - y²`, to 2^-19; see the one for `f32`.
fn inverse_guess(y: f64, complement: f64) -> f64 {
    let w = -ln(complement);
    if w < 5.0 {
        let p = polynomial(
            w - 2.5,
            [
                1.501_409_4,
                0.246_640_74,
                -0.004_177_693_7,
                -0.001_253_731_7,
                0.000_218_585_93,
                -4.387_403e-6,
                -3.523_369_5e-6,
                3.427_212e-7,
                2.799_044e-8,
            ],
        );
        return p * y;
    }
    let root = sqrt(w);
    let p = polynomial(
        1.0 / root,
        [
            1.000_226_1,
            -2.447_103e-2,
            -1.259_737_6,
            5.005_652,
            -13.673_086,
            27.167_994,
            -31.573_624,
            15.497_45,
        ],
    );
    root * p
}

/// The inverse of [`erf`] for `|y| <= 1/2`: a guess, and two steps of Halley.
fn central_erfinv(y: f64) -> f64 {
    let mut x = inverse_guess(y, fma(-y, y, 1.0));
    for _ in 0..2 {
        let step = (erf(x) - y) / (TWO_OVER_SQRT_PI * exp_of_square(x, -1.0));
        x -= step / fma(x, step, 1.0);
    }
    x
}

/// The inverse of [`erfc`] for `y <= 1/2`: a guess, and two steps of Halley.
fn tail_erfcinv(y: f64) -> f64 {
    if !(y > 0.0) {
        return if y == 0.0 { f64::INFINITY } else { f64::NAN };
    }
    let mut x = inverse_guess(1.0 - y, y * (2.0 - y));
    for _ in 0..2 {
        // y e^(x²), in two halves, since the power alone may be infinite.
        let (square, low) = two_product(x, x);
        let power = exp(0.5 * square);
        let power = fma(power, 0.5 * low, power);
        let step = (y * power * power - erfcx(x)) / TWO_OVER_SQRT_PI;
        x -= step / fma(x, step, 1.0);
    }
    x
}

/// The inverse of [`erf`].
#[cfg_attr(target_arch = "nvptx64", inline(never))]
pub fn erfinv(y: f64) -> f64 {
    if y.abs() <= 0.5 {
        central_erfinv(y)
    } else {
        tail_erfcinv(1.0 - y.abs()).copysign(y)
    }
}

/// The inverse of [`erfc`].
#[cfg_attr(target_arch = "nvptx64", inline(never))]
pub fn erfcinv(y: f64) -> f64 {
    if y <= 0.5 {
        tail_erfcinv(y)
    } else if y < 1.5 {
        central_erfinv(1.0 - y)
    } else {
        -tail_erfcinv(2.0 - y)
    }
}

/// The inverse of [`normcdf`].
#[cfg_attr(target_arch = "nvptx64", inline(never))]
pub fn normcdfinv(p: f64) -> f64 {
    // Plus 0, so that a half gives no -0.
    -core::f64::consts::SQRT_2 * erfcinv(2.0 * p) + 0.0
}
