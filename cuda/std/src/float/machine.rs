//! What a GPU has an instruction for, and exact remainders.

macro_rules! machine {
    ($float:ident, $bits:ident, $suffix:literal, $register:ident) => {
        /// The machine's instructions for this type.
        pub mod $float {
            #[cfg(target_arch = "nvptx64")]
            unsafe extern "C" {
                #[link_name = concat!("llvm.floor.", $suffix)]
                pub safe fn floor(x: $float) -> $float;
                #[link_name = concat!("llvm.ceil.", $suffix)]
                pub safe fn ceil(x: $float) -> $float;
                #[link_name = concat!("llvm.trunc.", $suffix)]
                pub safe fn trunc(x: $float) -> $float;
                #[link_name = concat!("llvm.roundeven.", $suffix)]
                pub safe fn round_ties_even(x: $float) -> $float;
                #[link_name = concat!("llvm.fma.", $suffix)]
                pub safe fn fma(x: $float, a: $float, b: $float) -> $float;
                #[link_name = concat!("llvm.sqrt.", $suffix)]
                pub safe fn sqrt(x: $float) -> $float;
            }

            #[cfg(not(target_arch = "nvptx64"))]
            pub fn floor(x: $float) -> $float {
                std::primitive::$float::floor(x)
            }
            #[cfg(not(target_arch = "nvptx64"))]
            pub fn ceil(x: $float) -> $float {
                std::primitive::$float::ceil(x)
            }
            #[cfg(not(target_arch = "nvptx64"))]
            pub fn trunc(x: $float) -> $float {
                std::primitive::$float::trunc(x)
            }
            #[cfg(not(target_arch = "nvptx64"))]
            pub fn round_ties_even(x: $float) -> $float {
                std::primitive::$float::round_ties_even(x)
            }
            #[cfg(not(target_arch = "nvptx64"))]
            pub fn fma(x: $float, a: $float, b: $float) -> $float {
                std::primitive::$float::mul_add(x, a, b)
            }
            #[cfg(not(target_arch = "nvptx64"))]
            pub fn sqrt(x: $float) -> $float {
                std::primitive::$float::sqrt(x)
            }

            /// The product, rounded. A compiler that contracts `a * b + c` must not reach into a
            /// product whose rounding error is computed later; into assembly it does not.
            #[inline(always)]
            pub fn mul(a: $float, b: $float) -> $float {
                #[cfg(target_arch = "nvptx64")]
                {
                    let product: $float;
                    // SAFETY: one instruction between registers.
                    unsafe {
                        core::arch::asm!(
                            concat!("mul.rn.", $suffix, " {}, {}, {};"),
                            out($register) product,
                            in($register) a,
                            in($register) b,
                            options(pure, nomem, nostack),
                        );
                    }
                    product
                }
                #[cfg(not(target_arch = "nvptx64"))]
                {
                    a * b
                }
            }

            /// A product and its rounding error.
            #[inline(always)]
            pub fn two_product(a: $float, b: $float) -> ($float, $float) {
                let product = mul(a, b);
                (product, fma(a, b, -product))
            }

            /// `c[0] + x (c[1] + x (c[2] + ...))`, by Horner's rule.
            #[inline(always)]
            pub fn polynomial<const N: usize>(x: $float, coefficients: [$float; N]) -> $float {
                let mut sum = coefficients[N - 1];
                let mut idx = N - 1;
                while idx > 0 {
                    idx -= 1;
                    sum = fma(sum, x, coefficients[idx]);
                }
                sum
            }

            /// The nearest integer; halves go away from 0.
            #[inline(always)]
            pub fn round(x: $float) -> $float {
                // The largest number below a half: with a half itself, its neighbour would be
                // rounded up by the addition.
                const NEARLY_HALF: $float = 0.5 - $float::EPSILON / 4.0;
                trunc(x + NEARLY_HALF.copysign(x)).copysign(x)
            }

            /// The remainder of the truncated division, exactly: `x % y` of the host. (`%` on the
            /// device would be `x - trunc(x / y) * y`, which is not.)
            ///
            /// A long division of the mantissas: each step brings down as many bits as fit.
            pub fn remainder(x: $float, y: $float) -> $float {
                const MANTISSA: u32 = $float::MANTISSA_DIGITS - 1;
                const STEP: u32 = $bits::BITS - $float::MANTISSA_DIGITS;
                let (x_bits, y_bits) = (x.abs().to_bits(), y.abs().to_bits());
                let infinity = $float::INFINITY.to_bits();
                if y_bits == 0 || x_bits >= infinity || y_bits > infinity {
                    return $float::NAN;
                }
                if x_bits < y_bits {
                    return x;
                }
                // The mantissa as an integer, and the exponent of its last bit, from 0 upwards.
                let parts = |bits: $bits| {
                    let exponent = bits >> MANTISSA;
                    let mantissa = bits & ((1 << MANTISSA) - 1);
                    if exponent == 0 {
                        (mantissa, 0)
                    } else {
                        (mantissa | 1 << MANTISSA, exponent as u32 - 1)
                    }
                };
                let (x_mantissa, x_exponent) = parts(x_bits);
                let (y_mantissa, y_exponent) = parts(y_bits);
                // The mantissa is not 0, which the compiler does not see: a plain `%` would bring a panic.
                let modulo = |mantissa: $bits| mantissa.checked_rem(y_mantissa).unwrap_or(0);
                let mut rest = modulo(x_mantissa);
                let mut left = x_exponent - y_exponent;
                while left > 0 && rest != 0 {
                    let step = if left < STEP { left } else { STEP };
                    rest = modulo(rest << step);
                    left -= step;
                }
                if rest == 0 {
                    return (0.0 as $float).copysign(x);
                }
                // Back to a mantissa with its first bit in place, as far as the exponent allows.
                let shift = (rest.leading_zeros() - ($bits::BITS - 1 - MANTISSA)).min(y_exponent);
                let rest = rest << shift;
                let exponent = if rest >> MANTISSA == 0 { 0 } else { y_exponent - shift + 1 };
                let bits = $bits::from(exponent) << MANTISSA | rest & ((1 << MANTISSA) - 1);
                $float::from_bits(bits).copysign(x)
            }

            /// The integer `n` for which `x - n y` lies between 0 and `|y|`.
            #[inline]
            pub fn div_euclid(x: $float, y: $float) -> $float {
                let quotient = trunc(x / y);
                if remainder(x, y) < 0.0 {
                    return if y > 0.0 { quotient - 1.0 } else { quotient + 1.0 };
                }
                quotient
            }

            /// The remainder that is not negative.
            #[inline]
            pub fn rem_euclid(x: $float, y: $float) -> $float {
                let rest = remainder(x, y);
                if rest < 0.0 { rest + y.abs() } else { rest }
            }
        }
    };
}

machine!(f32, u32, "f32", reg32);
machine!(f64, u64, "f64", reg64);
