//! The functions of `f32`: polynomials over fused multiply-adds, without `f64`, which is slow on
//! most GPUs.
//!
//! Where the rounding error of a step is carried along, the steps are written so that a compiler
//! that contracts `a * b + c` does not change them: see [`machine`](super::machine).

mod error;
mod exponential;
mod inverse;
mod logarithm;
mod power;
mod trigonometric;

pub use error::*;
pub use exponential::*;
pub use inverse::*;
pub use logarithm::*;
pub use power::*;
pub use trigonometric::*;

pub use super::machine::f32::*;

/// `2^n` for `n` in -126..=127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits(((n + 127) << 23) as u32)
}

/// `x · 2^n` for `x` around 1 and any `n`, rounded once.
#[inline(always)]
fn scale(x: f32, n: i32) -> f32 {
    // In two steps, since 2^n alone may be infinite or subnormal.
    let n = n.clamp(-152, 130);
    let half = n >> 1;
    x * power_of_two(half) * power_of_two(n - half)
}

/// A sum and its rounding error. The terms must not be plain products: see [`mul`].
#[inline(always)]
fn two_sum(a: f32, b: f32) -> (f32, f32) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

/// [`two_sum`] for `|a| >= |b|`, or `a == 0`.
#[inline(always)]
fn fast_two_sum(a: f32, b: f32) -> (f32, f32) {
    let sum = a + b;
    (sum, (a - sum) + b)
}
