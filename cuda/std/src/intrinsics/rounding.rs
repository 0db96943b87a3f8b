//! Arithmetic in the four directions of rounding: `rn` to the nearest (halves to the even one), `rz`
//! towards 0, `ru` upwards, `rd` downwards. On the host, which has but one direction, in software.

use super::instruction;
use crate::float::single;

instruction! {
    /// `x + y`, rounded to the nearest.
    fn dadd_rn(x: f64 = reg64, y: f64 = reg64) -> f64 = reg64,
        "add.rn.f64 {}, {}, {};" else x + y;
    /// `x + y`, rounded towards 0.
    fn dadd_rz(x: f64 = reg64, y: f64 = reg64) -> f64 = reg64,
        "add.rz.f64 {}, {}, {};" else software::double::add(x, y, software::Round::TowardZero);
    /// `x + y`, rounded upwards.
    fn dadd_ru(x: f64 = reg64, y: f64 = reg64) -> f64 = reg64,
        "add.rp.f64 {}, {}, {};" else software::double::add(x, y, software::Round::TowardPositive);
    /// `x + y`, rounded downwards.
    fn dadd_rd(x: f64 = reg64, y: f64 = reg64) -> f64 = reg64,
        "add.rm.f64 {}, {}, {};" else software::double::add(x, y, software::Round::TowardNegative);
    /// `x y`, rounded to the nearest.
    fn dmul_rn(x: f64 = reg64, y: f64 = reg64) -> f64 = reg64,
        "mul.rn.f64 {}, {}, {};" else x * y;
    /// `x y`, rounded towards 0.
    fn dmul_rz(x: f64 = reg64, y: f64 = reg64) -> f64 = reg64,
        "mul.rz.f64 {}, {}, {};" else software::double::mul(x, y, software::Round::TowardZero);
    /// `x y`, rounded upwards.
    fn dmul_ru(x: f64 = reg64, y: f64 = reg64) -> f64 = reg64,
        "mul.rp.f64 {}, {}, {};" else software::double::mul(x, y, software::Round::TowardPositive);
    /// `x y`, rounded downwards.
    fn dmul_rd(x: f64 = reg64, y: f64 = reg64) -> f64 = reg64,
        "mul.rm.f64 {}, {}, {};" else software::double::mul(x, y, software::Round::TowardNegative);
    /// `x / y`, rounded to the nearest.
    fn ddiv_rn(x: f64 = reg64, y: f64 = reg64) -> f64 = reg64,
        "div.rn.f64 {}, {}, {};" else x / y;
    /// `x / y`, rounded towards 0.
    fn ddiv_rz(x: f64 = reg64, y: f64 = reg64) -> f64 = reg64,
        "div.rz.f64 {}, {}, {};" else software::double::div(x, y, software::Round::TowardZero);
    /// `x / y`, rounded upwards.
    fn ddiv_ru(x: f64 = reg64, y: f64 = reg64) -> f64 = reg64,
        "div.rp.f64 {}, {}, {};" else software::double::div(x, y, software::Round::TowardPositive);
    /// `x / y`, rounded downwards.
    fn ddiv_rd(x: f64 = reg64, y: f64 = reg64) -> f64 = reg64,
        "div.rm.f64 {}, {}, {};" else software::double::div(x, y, software::Round::TowardNegative);
    /// `1 / x`, rounded to the nearest.
    fn drcp_rn(x: f64 = reg64) -> f64 = reg64,
        "rcp.rn.f64 {}, {};" else 1.0 / x;
    /// `1 / x`, rounded towards 0.
    fn drcp_rz(x: f64 = reg64) -> f64 = reg64,
        "rcp.rz.f64 {}, {};" else software::double::reciprocal(x, software::Round::TowardZero);
    /// `1 / x`, rounded upwards.
    fn drcp_ru(x: f64 = reg64) -> f64 = reg64,
        "rcp.rp.f64 {}, {};" else software::double::reciprocal(x, software::Round::TowardPositive);
    /// `1 / x`, rounded downwards.
    fn drcp_rd(x: f64 = reg64) -> f64 = reg64,
        "rcp.rm.f64 {}, {};" else software::double::reciprocal(x, software::Round::TowardNegative);
    /// The square root, rounded to the nearest.
    fn dsqrt_rn(x: f64 = reg64) -> f64 = reg64,
        "sqrt.rn.f64 {}, {};" else std::primitive::f64::sqrt(x);
    /// The square root, rounded towards 0.
    fn dsqrt_rz(x: f64 = reg64) -> f64 = reg64,
        "sqrt.rz.f64 {}, {};" else software::double::sqrt(x, software::Round::TowardZero);
    /// The square root, rounded upwards.
    fn dsqrt_ru(x: f64 = reg64) -> f64 = reg64,
        "sqrt.rp.f64 {}, {};" else software::double::sqrt(x, software::Round::TowardPositive);
    /// The square root, rounded downwards.
    fn dsqrt_rd(x: f64 = reg64) -> f64 = reg64,
        "sqrt.rm.f64 {}, {};" else software::double::sqrt(x, software::Round::TowardNegative);
    /// `x y + z`, rounded to the nearest.
    fn fma_rn(x: f64 = reg64, y: f64 = reg64, z: f64 = reg64) -> f64 = reg64,
        "fma.rn.f64 {}, {}, {}, {};" else std::primitive::f64::mul_add(x, y, z);
    /// `x y + z`, rounded towards 0.
    fn fma_rz(x: f64 = reg64, y: f64 = reg64, z: f64 = reg64) -> f64 = reg64,
        "fma.rz.f64 {}, {}, {}, {};" else software::double::fma(x, y, z, software::Round::TowardZero);
    /// `x y + z`, rounded upwards.
    fn fma_ru(x: f64 = reg64, y: f64 = reg64, z: f64 = reg64) -> f64 = reg64,
        "fma.rp.f64 {}, {}, {}, {};" else software::double::fma(x, y, z, software::Round::TowardPositive);
    /// `x y + z`, rounded downwards.
    fn fma_rd(x: f64 = reg64, y: f64 = reg64, z: f64 = reg64) -> f64 = reg64,
        "fma.rm.f64 {}, {}, {}, {};" else software::double::fma(x, y, z, software::Round::TowardNegative);
    /// `x + y`, rounded to the nearest.
    fn fadd_rn(x: f32 = reg32, y: f32 = reg32) -> f32 = reg32,
        "add.rn.f32 {}, {}, {};" else x + y;
    /// `x + y`, rounded towards 0.
    fn fadd_rz(x: f32 = reg32, y: f32 = reg32) -> f32 = reg32,
        "add.rz.f32 {}, {}, {};" else software::single::add(x, y, software::Round::TowardZero);
    /// `x + y`, rounded upwards.
    fn fadd_ru(x: f32 = reg32, y: f32 = reg32) -> f32 = reg32,
        "add.rp.f32 {}, {}, {};" else software::single::add(x, y, software::Round::TowardPositive);
    /// `x + y`, rounded downwards.
    fn fadd_rd(x: f32 = reg32, y: f32 = reg32) -> f32 = reg32,
        "add.rm.f32 {}, {}, {};" else software::single::add(x, y, software::Round::TowardNegative);
    /// `x - y`, rounded to the nearest.
    fn fsub_rn(x: f32 = reg32, y: f32 = reg32) -> f32 = reg32,
        "sub.rn.f32 {}, {}, {};" else x - y;
    /// `x - y`, rounded towards 0.
    fn fsub_rz(x: f32 = reg32, y: f32 = reg32) -> f32 = reg32,
        "sub.rz.f32 {}, {}, {};" else software::single::add(x, -y, software::Round::TowardZero);
    /// `x - y`, rounded upwards.
    fn fsub_ru(x: f32 = reg32, y: f32 = reg32) -> f32 = reg32,
        "sub.rp.f32 {}, {}, {};" else software::single::add(x, -y, software::Round::TowardPositive);
    /// `x - y`, rounded downwards.
    fn fsub_rd(x: f32 = reg32, y: f32 = reg32) -> f32 = reg32,
        "sub.rm.f32 {}, {}, {};" else software::single::add(x, -y, software::Round::TowardNegative);
    /// `x y`, rounded to the nearest.
    fn fmul_rn(x: f32 = reg32, y: f32 = reg32) -> f32 = reg32,
        "mul.rn.f32 {}, {}, {};" else x * y;
    /// `x y`, rounded towards 0.
    fn fmul_rz(x: f32 = reg32, y: f32 = reg32) -> f32 = reg32,
        "mul.rz.f32 {}, {}, {};" else software::single::mul(x, y, software::Round::TowardZero);
    /// `x y`, rounded upwards.
    fn fmul_ru(x: f32 = reg32, y: f32 = reg32) -> f32 = reg32,
        "mul.rp.f32 {}, {}, {};" else software::single::mul(x, y, software::Round::TowardPositive);
    /// `x y`, rounded downwards.
    fn fmul_rd(x: f32 = reg32, y: f32 = reg32) -> f32 = reg32,
        "mul.rm.f32 {}, {}, {};" else software::single::mul(x, y, software::Round::TowardNegative);
    /// `x / y`, rounded to the nearest.
    fn fdiv_rn(x: f32 = reg32, y: f32 = reg32) -> f32 = reg32,
        "div.rn.f32 {}, {}, {};" else x / y;
    /// `x / y`, rounded towards 0.
    fn fdiv_rz(x: f32 = reg32, y: f32 = reg32) -> f32 = reg32,
        "div.rz.f32 {}, {}, {};" else software::single::div(x, y, software::Round::TowardZero);
    /// `x / y`, rounded upwards.
    fn fdiv_ru(x: f32 = reg32, y: f32 = reg32) -> f32 = reg32,
        "div.rp.f32 {}, {}, {};" else software::single::div(x, y, software::Round::TowardPositive);
    /// `x / y`, rounded downwards.
    fn fdiv_rd(x: f32 = reg32, y: f32 = reg32) -> f32 = reg32,
        "div.rm.f32 {}, {}, {};" else software::single::div(x, y, software::Round::TowardNegative);
    /// `1 / x`, rounded to the nearest.
    fn frcp_rn(x: f32 = reg32) -> f32 = reg32,
        "rcp.rn.f32 {}, {};" else 1.0 / x;
    /// `1 / x`, rounded towards 0.
    fn frcp_rz(x: f32 = reg32) -> f32 = reg32,
        "rcp.rz.f32 {}, {};" else software::single::reciprocal(x, software::Round::TowardZero);
    /// `1 / x`, rounded upwards.
    fn frcp_ru(x: f32 = reg32) -> f32 = reg32,
        "rcp.rp.f32 {}, {};" else software::single::reciprocal(x, software::Round::TowardPositive);
    /// `1 / x`, rounded downwards.
    fn frcp_rd(x: f32 = reg32) -> f32 = reg32,
        "rcp.rm.f32 {}, {};" else software::single::reciprocal(x, software::Round::TowardNegative);
    /// The square root, rounded to the nearest.
    fn fsqrt_rn(x: f32 = reg32) -> f32 = reg32,
        "sqrt.rn.f32 {}, {};" else std::primitive::f32::sqrt(x);
    /// The square root, rounded towards 0.
    fn fsqrt_rz(x: f32 = reg32) -> f32 = reg32,
        "sqrt.rz.f32 {}, {};" else software::single::sqrt(x, software::Round::TowardZero);
    /// The square root, rounded upwards.
    fn fsqrt_ru(x: f32 = reg32) -> f32 = reg32,
        "sqrt.rp.f32 {}, {};" else software::single::sqrt(x, software::Round::TowardPositive);
    /// The square root, rounded downwards.
    fn fsqrt_rd(x: f32 = reg32) -> f32 = reg32,
        "sqrt.rm.f32 {}, {};" else software::single::sqrt(x, software::Round::TowardNegative);
    /// `x y + z`, rounded to the nearest.
    fn fmaf_rn(x: f32 = reg32, y: f32 = reg32, z: f32 = reg32) -> f32 = reg32,
        "fma.rn.f32 {}, {}, {}, {};" else std::primitive::f32::mul_add(x, y, z);
    /// `x y + z`, rounded towards 0.
    fn fmaf_rz(x: f32 = reg32, y: f32 = reg32, z: f32 = reg32) -> f32 = reg32,
        "fma.rz.f32 {}, {}, {}, {};" else software::single::fma(x, y, z, software::Round::TowardZero);
    /// `x y + z`, rounded upwards.
    fn fmaf_ru(x: f32 = reg32, y: f32 = reg32, z: f32 = reg32) -> f32 = reg32,
        "fma.rp.f32 {}, {}, {}, {};" else software::single::fma(x, y, z, software::Round::TowardPositive);
    /// `x y + z`, rounded downwards.
    fn fmaf_rd(x: f32 = reg32, y: f32 = reg32, z: f32 = reg32) -> f32 = reg32,
        "fma.rm.f32 {}, {}, {}, {};" else software::single::fma(x, y, z, software::Round::TowardNegative);
}

/// `1 / sqrt(x)`, rounded to the nearest: one step of Newton with an exact remainder makes it so for
/// all numbers, which a test has gone through.
#[inline]
pub fn frsqrt_rn(x: f32) -> f32 {
    if !(x > 0.0 && x < f32::INFINITY) {
        return single::rsqrt(x);
    }
    // Even powers of 2, so that no remainder underflows.
    let small = x < 1e-20;
    let scaled = if small { x * 1.844_674_4e19 } else { x };
    let y = single::rsqrt(scaled);
    // 1 - x y², exactly but for the last sum.
    let (product, product_low) = single::two_product(scaled, y);
    let rest = single::fma(-product_low, y, single::fma(-product, y, 1.0));
    // The first two terms of the series of 1 / sqrt(1 - rest).
    let step = single::fma(0.75 * rest, rest, rest);
    let y = single::fma(0.5 * y, step, y);
    if small { y * 4_294_967_296.0 } else { y }
}

/// The operations in software, and the conversions.
#[cfg(not(target_arch = "nvptx64"))]
pub(super) mod software {
    pub use rustc_apfloat::Round;
    use rustc_apfloat::ieee::{Double, Single};
    use rustc_apfloat::{Float, FloatConvert};

    macro_rules! operations {
        ($module:ident, $float:ident, $bits:ident, $soft:ident) => {
            pub mod $module {
                use super::{Float, Round, $soft};

                pub fn soft(x: $float) -> $soft {
                    $soft::from_bits(x.to_bits().into())
                }

                pub fn hard(x: $soft) -> $float {
                    $float::from_bits(x.to_bits() as $bits)
                }

                pub fn add(x: $float, y: $float, round: Round) -> $float {
                    hard(soft(x).add_r(soft(y), round).value)
                }

                pub fn mul(x: $float, y: $float, round: Round) -> $float {
                    hard(soft(x).mul_r(soft(y), round).value)
                }

                pub fn div(x: $float, y: $float, round: Round) -> $float {
                    hard(soft(x).div_r(soft(y), round).value)
                }

                pub fn fma(x: $float, y: $float, z: $float, round: Round) -> $float {
                    hard(soft(x).mul_add_r(soft(y), soft(z), round).value)
                }

                pub fn reciprocal(x: $float, round: Round) -> $float {
                    div(1.0, x, round)
                }

                /// The nearest root, or its neighbour, by the sign of what its square has too much.
                pub fn sqrt(x: $float, round: Round) -> $float {
                    let root = std::primitive::$float::sqrt(x);
                    if !(x > 0.0 && x < $float::INFINITY) {
                        return root;
                    }
                    // Rounded so that the sign stays where the difference underflows.
                    let too_large = fma(root, root, -x, Round::TowardPositive) > 0.0;
                    let too_small = fma(root, root, -x, Round::TowardNegative) < 0.0;
                    if too_large && round != Round::TowardPositive {
                        root.next_down()
                    } else if too_small && round == Round::TowardPositive {
                        root.next_up()
                    } else {
                        root
                    }
                }
            }
        };
    }

    operations!(single, f32, u32, Single);
    operations!(double, f64, u64, Double);

    pub fn single_from(x: i128, round: Round) -> f32 {
        single::hard(Single::from_i128_r(x, round).value)
    }

    pub fn double_from(x: i128, round: Round) -> f64 {
        double::hard(Double::from_i128_r(x, round).value)
    }

    pub fn narrowed(x: f64, round: Round) -> f32 {
        let narrow: Single = double::soft(x).convert_r(round, &mut false).value;
        single::hard(narrow)
    }
}
