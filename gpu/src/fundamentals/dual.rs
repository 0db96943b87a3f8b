//! Dual numbers: a value and its derivative, computed together.

use core::ops::{Add, Div, Mul, Neg, Sub};

use cuda_std::prelude::*;

/// Threads of a block.
pub const N_THREADS: u32 = 256;

/// What values and derivatives are.
pub trait Number:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// This number.
    fn from_f32(value: f32) -> Self;
    /// `eˣ`.
    fn exp(self) -> Self;
    /// `sin x` and `cos x`.
    fn sin_cos(self) -> [Self; 2];
    /// `√x`.
    fn sqrt(self) -> Self;
}

impl Number for f32 {
    #[inline(always)]
    fn from_f32(value: f32) -> f32 {
        value
    }

    #[inline(always)]
    fn exp(self) -> f32 {
        GpuFloat::exp(self)
    }

    #[inline(always)]
    fn sin_cos(self) -> [f32; 2] {
        [GpuFloat::sin(self), GpuFloat::cos(self)]
    }

    #[inline(always)]
    fn sqrt(self) -> f32 {
        GpuFloat::sqrt(self)
    }
}

/// `value + derivative ε`, with `ε² = 0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dual<T> {
    /// The value.
    pub value: T,
    /// Its derivative by the variable.
    pub derivative: T,
}

impl<T: Number> Dual<T> {
    /// The variable itself, where it has this value.
    #[inline(always)]
    pub fn variable(value: T) -> Self {
        Dual {
            value,
            derivative: T::from_f32(1.0),
        }
    }

    /// A number that does not depend on the variable.
    #[inline(always)]
    pub fn constant(value: T) -> Self {
        Dual {
            value,
            derivative: T::from_f32(0.0),
        }
    }

    /// `f` of this number, from its value and its derivative there: the chain rule.
    #[inline(always)]
    fn chain(self, value: T, derivative: T) -> Self {
        Dual {
            value,
            derivative: derivative * self.derivative,
        }
    }

    /// `eˣ`.
    #[inline(always)]
    pub fn exp(self) -> Self {
        let value = self.value.exp();
        self.chain(value, value)
    }

    /// `sin x`.
    #[inline(always)]
    pub fn sin(self) -> Self {
        let [sin, cos] = self.value.sin_cos();
        self.chain(sin, cos)
    }

    /// `√x`.
    #[inline(always)]
    pub fn sqrt(self) -> Self {
        let value = self.value.sqrt();
        self.chain(value, T::from_f32(0.5) / value)
    }
}

impl<T: Number> Add for Dual<T> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Dual {
            value: self.value + other.value,
            derivative: self.derivative + other.derivative,
        }
    }
}

impl<T: Number> Sub for Dual<T> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl<T: Number> Mul for Dual<T> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Dual {
            value: self.value * other.value,
            derivative: self.derivative * other.value + self.value * other.derivative,
        }
    }
}

impl<T: Number> Div for Dual<T> {
    type Output = Self;

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        Dual {
            value,
            derivative: (self.derivative - value * other.derivative) / other.value,
        }
    }
}

impl<T: Number> Neg for Dual<T> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Dual {
            value: -self.value,
            derivative: -self.derivative,
        }
    }
}

/// The function that is differentiated: `x sin(x²) + e^(-x) / √(1 + x²)`.
#[inline(always)]
pub fn function<T: Number>(x: Dual<T>) -> Dual<T> {
    let squared = x * x;
    x * squared.sin() + (-x).exp() / (Dual::constant(T::from_f32(1.0)) + squared).sqrt()
}

/// `y[i]` and `dy[i]` are the [`function`] at `x[i]` and its derivative.
///
/// Shapes: `x`, `y` and `dy` `[n]`; both outputs overwritten.
/// Launch: along x, a thread per element.
/// Cost: `12 n` bytes, about `100 n` operations.
///
/// # Panics
///
/// If `x` is shorter than `y`.
#[kernel]
pub fn derivatives(x: &[f32], mut y: PerThread<f32>, mut dy: PerThread<f32>) {
    let i = thread::index_1d() as usize;
    if let (Some(y), Some(dy)) = (y.get_mut(), dy.get_mut()) {
        let result = function(Dual::variable(x[i]));
        *y = result.value;
        *dy = result.derivative;
    }
}
