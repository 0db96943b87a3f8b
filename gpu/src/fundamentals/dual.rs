//! Dual numbers: a value and its derivative, computed together.

use core::ops::{Add, Div, Mul, Neg, Sub};

use cuda_std::prelude::*;

/// Threads of a block.
pub const N_THREADS: u32 = 256;

/// `value + derivative ε`, with `ε² = 0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dual {
    /// The value.
    pub value: f32,
    /// Its derivative by the variable.
    pub derivative: f32,
}

impl Dual {
    /// The variable itself, where it has this value.
    #[inline(always)]
    pub fn variable(value: f32) -> Dual {
        Dual {
            value,
            derivative: 1.0,
        }
    }

    /// A number that does not depend on the variable.
    #[inline(always)]
    pub fn constant(value: f32) -> Dual {
        Dual {
            value,
            derivative: 0.0,
        }
    }

    /// `f` of this number, from its value and its derivative there: the chain rule.
    #[inline(always)]
    fn chain(self, value: f32, derivative: f32) -> Dual {
        Dual {
            value,
            derivative: derivative * self.derivative,
        }
    }

    /// `eˣ`.
    #[inline(always)]
    pub fn exp(self) -> Dual {
        let value = GpuFloat::exp(self.value);
        self.chain(value, value)
    }

    /// `sin x`.
    #[inline(always)]
    pub fn sin(self) -> Dual {
        self.chain(GpuFloat::sin(self.value), GpuFloat::cos(self.value))
    }

    /// `√x`.
    #[inline(always)]
    pub fn sqrt(self) -> Dual {
        let value = GpuFloat::sqrt(self.value);
        self.chain(value, 0.5 / value)
    }
}

impl Add for Dual {
    type Output = Dual;

    #[inline(always)]
    fn add(self, other: Dual) -> Dual {
        Dual {
            value: self.value + other.value,
            derivative: self.derivative + other.derivative,
        }
    }
}

impl Sub for Dual {
    type Output = Dual;

    #[inline(always)]
    fn sub(self, other: Dual) -> Dual {
        self + -other
    }
}

impl Mul for Dual {
    type Output = Dual;

    #[inline(always)]
    fn mul(self, other: Dual) -> Dual {
        Dual {
            value: self.value * other.value,
            derivative: self.derivative * other.value + self.value * other.derivative,
        }
    }
}

impl Div for Dual {
    type Output = Dual;

    #[inline(always)]
    fn div(self, other: Dual) -> Dual {
        let value = self.value / other.value;
        Dual {
            value,
            derivative: (self.derivative - value * other.derivative) / other.value,
        }
    }
}

impl Neg for Dual {
    type Output = Dual;

    #[inline(always)]
    fn neg(self) -> Dual {
        Dual {
            value: -self.value,
            derivative: -self.derivative,
        }
    }
}

/// The function that is differentiated: `x sin(x²) + e^(-x) / √(1 + x²)`.
#[inline(always)]
pub fn function(x: Dual) -> Dual {
    let squared = x * x;
    x * squared.sin() + (-x).exp() / (Dual::constant(1.0) + squared).sqrt()
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
