//! The quick approximations that a GPU has instructions for.

#[cfg(not(target_arch = "nvptx64"))]
use super::GpuFloat;

/// Approximations by the GPU's own instructions: a few cycles each, and less exact.
///
/// On the host they are [`GpuFloat`]'s exact functions: the device's results are within the errors
/// named here of those. The errors are those that the PTX manual states for the instructions, with
/// what is multiplied to them.
pub trait FastFloat: Copy {
    /// The sine: an absolute error of 2^-20.5 within `[-π, π]`; outside it grows with the angle.
    fn fast_sin(self) -> Self;
    /// The cosine: an absolute error of 2^-20.5 within `[-π, π]`; outside it grows with the angle.
    fn fast_cos(self) -> Self;
    /// [`fast_sin`](Self::fast_sin) and [`fast_cos`](Self::fast_cos).
    fn fast_sin_cos(self) -> (Self, Self);
    /// The quotient of [`fast_sin`](Self::fast_sin) and [`fast_cos`](Self::fast_cos).
    fn fast_tan(self) -> Self;
    /// `e^self`: `2 + 1.2 |self|` ulp, since the exponent is rounded.
    fn fast_exp(self) -> Self;
    /// `10^self`: `2 + 3 |self|` ulp, since the exponent is rounded.
    fn fast_exp10(self) -> Self;
    /// The natural logarithm: an absolute error of 2^-22.5 between 1/2 and 2, 3 ulp outside.
    fn fast_ln(self) -> Self;
    /// The logarithm to base 2: an absolute error of 2^-22 between 1/2 and 2, 2 ulp outside.
    fn fast_log2(self) -> Self;
    /// The logarithm to base 10: an absolute error of 2^-23.5 between 1/2 and 2, 3 ulp outside.
    fn fast_log10(self) -> Self;
    /// `2^(n log2 self)`, for positive numbers: the error of the logarithm times `n`, as in
    /// [`fast_exp`](Self::fast_exp).
    fn fast_powf(self, n: Self) -> Self;
    /// The quotient: 2 ulp if `|rhs|` lies in `[2^-126, 2^126]`. Above it is 0, or NaN for an infinite
    /// dividend.
    fn fast_div(self, rhs: Self) -> Self;
}

macro_rules! approximations {
    ($($name:ident($($argument:ident),*): $instruction:literal else $host:expr;)*) => {$(
        #[inline(always)]
        fn $name($($argument: f32),*) -> f32 {
            #[cfg(target_arch = "nvptx64")]
            {
                let result: f32;
                // SAFETY: one instruction between registers.
                unsafe {
                    core::arch::asm!(
                        $instruction,
                        out(reg32) result,
                        $(in(reg32) $argument,)*
                        options(pure, nomem, nostack),
                    );
                }
                result
            }
            #[cfg(not(target_arch = "nvptx64"))]
            {
                $host
            }
        }
    )*};
}

approximations! {
    sin_approx(x): "sin.approx.f32 {}, {};" else GpuFloat::sin(x);
    cos_approx(x): "cos.approx.f32 {}, {};" else GpuFloat::cos(x);
    exp2_approx(x): "ex2.approx.f32 {}, {};" else GpuFloat::exp2(x);
    log2_approx(x): "lg2.approx.f32 {}, {};" else GpuFloat::log2(x);
    div_approx(x, y): "div.approx.f32 {}, {}, {};" else x / y;
}

impl FastFloat for f32 {
    #[inline(always)]
    fn fast_sin(self) -> f32 {
        sin_approx(self)
    }

    #[inline(always)]
    fn fast_cos(self) -> f32 {
        cos_approx(self)
    }

    #[inline(always)]
    fn fast_sin_cos(self) -> (f32, f32) {
        (sin_approx(self), cos_approx(self))
    }

    #[inline(always)]
    fn fast_tan(self) -> f32 {
        div_approx(sin_approx(self), cos_approx(self))
    }

    #[inline(always)]
    fn fast_exp(self) -> f32 {
        exp2_approx(self * core::f32::consts::LOG2_E)
    }

    #[inline(always)]
    fn fast_exp10(self) -> f32 {
        exp2_approx(self * core::f32::consts::LOG2_10)
    }

    #[inline(always)]
    fn fast_ln(self) -> f32 {
        log2_approx(self) * core::f32::consts::LN_2
    }

    #[inline(always)]
    fn fast_log2(self) -> f32 {
        log2_approx(self)
    }

    #[inline(always)]
    fn fast_log10(self) -> f32 {
        log2_approx(self) * core::f32::consts::LOG10_2
    }

    #[inline(always)]
    fn fast_powf(self, n: f32) -> f32 {
        exp2_approx(n * log2_approx(self))
    }

    #[inline(always)]
    fn fast_div(self, rhs: f32) -> f32 {
        div_approx(self, rhs)
    }
}
