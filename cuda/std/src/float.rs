//! Functions of floats, as methods.
//!
//! They compute the same on the device and on the host: the elementary ones are polynomials over
//! fused multiply-adds, written here, and tested against `f64` on the host. The errors named are
//! the largest found there, over all 2³² inputs, in units in the last place of the true result.

/// The functions that `std` has for floats and `core` has not.
pub trait GpuFloat: Copy + PartialOrd {
    /// The largest integer not above the number.
    fn floor(self) -> Self;
    /// The smallest integer not below the number.
    fn ceil(self) -> Self;
    /// The integer part.
    fn trunc(self) -> Self;
    /// The number without its sign.
    fn abs(self) -> Self;
    /// The number with the sign of another.
    fn copysign(self, sign: Self) -> Self;
    /// `self · a + b`, rounded once: a fused multiply-add.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// The square root, correctly rounded.
    fn sqrt(self) -> Self;
    /// `e^self`, to 1.02 ulp.
    fn exp(self) -> Self;
    /// The natural logarithm, to 0.83 ulp.
    fn ln(self) -> Self;
    /// The hyperbolic tangent, to 1.34 ulp.
    fn tanh(self) -> Self;
}

#[cfg(target_arch = "nvptx64")]
mod intrinsics {
    unsafe extern "C" {
        #[link_name = "llvm.floor.f32"]
        pub safe fn floor(x: f32) -> f32;
        #[link_name = "llvm.ceil.f32"]
        pub safe fn ceil(x: f32) -> f32;
        #[link_name = "llvm.trunc.f32"]
        pub safe fn trunc(x: f32) -> f32;
        #[link_name = "llvm.fma.f32"]
        pub safe fn mul_add(x: f32, a: f32, b: f32) -> f32;
        #[link_name = "llvm.sqrt.f32"]
        pub safe fn sqrt(x: f32) -> f32;
    }
}

#[cfg(not(target_arch = "nvptx64"))]
mod intrinsics {
    pub fn floor(x: f32) -> f32 {
        std::primitive::f32::floor(x)
    }
    pub fn ceil(x: f32) -> f32 {
        std::primitive::f32::ceil(x)
    }
    pub fn trunc(x: f32) -> f32 {
        std::primitive::f32::trunc(x)
    }
    pub fn mul_add(x: f32, a: f32, b: f32) -> f32 {
        std::primitive::f32::mul_add(x, a, b)
    }
    pub fn sqrt(x: f32) -> f32 {
        std::primitive::f32::sqrt(x)
    }
}

impl GpuFloat for f32 {
    #[inline(always)]
    fn floor(self) -> f32 {
        intrinsics::floor(self)
    }

    #[inline(always)]
    fn ceil(self) -> f32 {
        intrinsics::ceil(self)
    }

    #[inline(always)]
    fn trunc(self) -> f32 {
        intrinsics::trunc(self)
    }

    #[inline(always)]
    fn abs(self) -> f32 {
        f32::from_bits(self.to_bits() & 0x7fff_ffff)
    }

    #[inline(always)]
    fn copysign(self, sign: f32) -> f32 {
        f32::from_bits((self.to_bits() & 0x7fff_ffff) | (sign.to_bits() & 0x8000_0000))
    }

    #[inline(always)]
    fn mul_add(self, a: f32, b: f32) -> f32 {
        intrinsics::mul_add(self, a, b)
    }

    #[inline(always)]
    fn sqrt(self) -> f32 {
        intrinsics::sqrt(self)
    }

    #[inline(always)]
    fn exp(self) -> f32 {
        exp(self)
    }

    #[inline(always)]
    fn ln(self) -> f32 {
        ln(self)
    }

    #[inline(always)]
    fn tanh(self) -> f32 {
        tanh(self)
    }
}

/// `c[0] + x (c[1] + x (c[2] + ...))`, by Horner's rule.
#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut sum = coefficients[N - 1];
    let mut idx = N - 1;
    while idx > 0 {
        idx -= 1;
        sum = intrinsics::mul_add(sum, x, coefficients[idx]);
    }
    sum
}

/// `2^n` for `n` in -126..=127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits(((n + 127) << 23) as u32)
}

// ln 2 in two parts: the first has trailing zeros, so that its product with a small integer is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// `e^x = 2^n e^r` with `|r| <= ln 2 / 2`.
///
/// Coefficients: Cephes, `expf`.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Past these the result is infinite or 0. A NaN passes both comparisons and stays.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    // Adding 1.5 · 2^23 rounds to an integer, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let shifted = intrinsics::mul_add(x, core::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = intrinsics::mul_add(n, -LN_2_HIGH, x);
    let r = intrinsics::mul_add(n, -LN_2_LOW, r);
    let tail = polynomial(
        r,
        [
            5e-1,
            1.666_666_5e-1,
            4.166_579_6e-2,
            8.333_452e-3,
            1.398_2e-3,
            1.987_569_1e-4,
        ],
    );
    let power = intrinsics::mul_add(tail, r * r, r) + 1.0;
    // In two steps, since 2^n alone may be infinite or subnormal.
    let n = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let n = n.clamp(-152, 130);
    let half = n >> 1;
    power * power_of_two(half) * power_of_two(n - half)
}

/// `ln x = e ln 2 + ln m` with `m` in `[sqrt(1/2), sqrt 2)`.
///
/// Coefficients: Cephes, `logf`.
#[inline(always)]
fn ln(x: f32) -> f32 {
    if !(x > 0.0 && x < f32::INFINITY) {
        // 0 gives -inf, infinity itself; below 0 and NaN give NaN.
        return if x == 0.0 {
            f32::NEG_INFINITY
        } else if x > 0.0 {
            x
        } else {
            f32::NAN
        };
    }
    // A subnormal is scaled to a normal number first.
    let subnormal = x < f32::MIN_POSITIVE;
    let x = if subnormal { x * 8_388_608.0 } else { x };
    let offset = if subnormal { -23 } else { 0 };
    // The exponent counts from sqrt(1/2), whose bits are these.
    const SQRT_HALF_BITS: u32 = 0x3f35_04f3;
    let e = (x.to_bits().wrapping_sub(SQRT_HALF_BITS) as i32) >> 23;
    let m = f32::from_bits(x.to_bits().wrapping_sub((e << 23) as u32));
    let e = (e + offset) as f32;
    let z = m - 1.0;
    let tail = polynomial(
        z,
        [
            3.333_333e-1,
            -2.499_999_4e-1,
            2.000_071_4e-1,
            -1.666_805_8e-1,
            1.424_932_3e-1,
            -1.242_014_1e-1,
            1.167_699_9e-1,
            -1.151_461e-1,
            7.037_683_6e-2,
        ],
    );
    let zz = z * z;
    let tail = intrinsics::mul_add(e, LN_2_LOW, tail * z * zz);
    let tail = intrinsics::mul_add(-0.5, zz, tail);
    intrinsics::mul_add(e, LN_2_HIGH, z + tail)
}

/// A polynomial near 0, `1 - 2 / (e^{2|x|} + 1)` elsewhere.
///
/// Coefficients: Cephes, `tanhf`.
#[inline(always)]
fn tanh(x: f32) -> f32 {
    let magnitude = x.abs();
    if magnitude < 0.625 {
        let square = x * x;
        let tail = polynomial(
            square,
            [
                -3.333_328e-1,
                1.333_144_2e-1,
                -5.373_971_6e-2,
                2.063_909e-2,
                -5.704_988_7e-3,
            ],
        );
        return intrinsics::mul_add(tail * square, x, x);
    }
    let result = 1.0 - 2.0 / (exp(2.0 * magnitude) + 1.0);
    result.copysign(x)
}

#[cfg(test)]
mod tests {
    use super::GpuFloat;

    /// The distance from the true value in units in the last place of the nearest f32.
    fn ulp_error(actual: f32, expected: f64) -> f64 {
        let nearest = expected as f32;
        if actual.to_bits() == nearest.to_bits() || (actual.is_nan() && expected.is_nan()) {
            return 0.0;
        }
        let magnitude = std::primitive::f32::abs(nearest).clamp(f32::MIN_POSITIVE, f32::MAX);
        let ulp = f64::from(magnitude) - f64::from(f32::from_bits(magnitude.to_bits() - 1));
        let error = std::primitive::f64::abs(f64::from(actual) - expected) / ulp;
        if error.is_nan() { f64::INFINITY } else { error }
    }

    /// The largest error over all inputs, one in `stride` of them, both signs.
    fn largest_error(
        stride: usize,
        function: impl Fn(f32) -> f32,
        reference: impl Fn(f64) -> f64,
    ) -> (f64, f32) {
        let mut worst = (0.0, 0.0);
        for bits in (0..=u32::MAX).step_by(stride) {
            let x = f32::from_bits(bits);
            let error = ulp_error(function(x), reference(f64::from(x)));
            if error > worst.0 {
                worst = (error, x);
            }
        }
        worst
    }

    /// A prime, so that all exponents and many mantissas are met. With 1 the limits below hold too,
    /// and the tests take minutes.
    const STRIDE: usize = 997;

    #[test]
    fn exp_is_accurate() {
        let (error, x) = largest_error(STRIDE, GpuFloat::exp, f64::exp);
        assert!(error <= 1.02, "exp({x}) is off by {error} ulp");
    }

    #[test]
    fn ln_is_accurate() {
        let (error, x) = largest_error(STRIDE, GpuFloat::ln, f64::ln);
        assert!(error <= 0.83, "ln({x}) is off by {error} ulp");
    }

    #[test]
    fn tanh_is_accurate() {
        let (error, x) = largest_error(STRIDE, GpuFloat::tanh, f64::tanh);
        assert!(error <= 1.34, "tanh({x}) is off by {error} ulp");
    }

    #[test]
    fn special_values_are_those_of_std() {
        for x in [
            0.0,
            -0.0,
            1.0,
            -1.0,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
            1e-45,
            1e-30,
        ] {
            let pairs = [
                (GpuFloat::exp(x), std::primitive::f32::exp(x)),
                (GpuFloat::ln(x), std::primitive::f32::ln(x)),
                (GpuFloat::tanh(x), std::primitive::f32::tanh(x)),
                (GpuFloat::sqrt(x), std::primitive::f32::sqrt(x)),
                (GpuFloat::floor(x), std::primitive::f32::floor(x)),
                (GpuFloat::abs(x), std::primitive::f32::abs(x)),
            ];
            for (idx, (actual, expected)) in pairs.into_iter().enumerate() {
                assert!(
                    actual.to_bits() == expected.to_bits()
                        || actual.is_nan() && expected.is_nan()
                        || (actual - expected).abs() <= 1e-6,
                    "function {idx} of {x}: {actual} instead of {expected}"
                );
            }
        }
    }
}
