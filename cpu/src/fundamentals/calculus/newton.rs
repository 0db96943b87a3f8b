//! Newton's method: roots of equations.
//!
//! `x ← x - f(x) / f'(x)`: where the tangent at `x` meets 0. Near a simple root `r` the error is squared in
//! each step, `e' ≈ f''(r) / (2 f'(r)) e²`: digits double. A step is halved until `|f|` falls, which is what
//! makes the method find a root from further away.
//!
//! **Caveats.** Without a root nearby the steps wander or are halved to nothing: both are reported. At a
//! root of multiplicity `m` the error falls by `1 - 1/m` only in each step. A root is known to about
//! `u |f's terms| / |f'|`.
//!
//! Each step waits for the last one: there is nothing here for vectors, threads or devices. Where many
//! equations are solved at once, each is a thread's own, as in [`ode`](super::ode).
//!
//! Source: Deuflhard, "Newton Methods for Nonlinear Problems" (2011), chapters 2 and 3.

use clap::Args;

use crate::fundamentals::{Algorithm, Harness};
use crate::{Error, Result};

/// Steps after which it is given up.
const MAX_STEPS: usize = 100;

/// The options of `newton`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The coefficients of a polynomial, of the highest power first: -5,0,3 is -5 x² + 3
    #[arg(
        long, value_name = "NUMBER,...", value_delimiter = ',', num_args = 1,
        default_values_t = [1.0, 0.0, -2.0, -5.0], allow_hyphen_values = true
    )]
    polynomial: Vec<f64>,

    /// Where to begin
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 2.0,
        allow_negative_numbers = true
    )]
    from: f64,
}

/// The value of a polynomial and its derivative, by Horner's rule: for `[a, b, c]`, `(a x + b) x + c`.
pub fn polynomial(coefficients: &[f64], x: f64) -> [f64; 2] {
    coefficients.iter().fold([0.0, 0.0], |[value, slope], a| {
        [value * x + a, slope * x + value]
    })
}

/// The places that the method comes by, from `x` to a root of what gives a value and a derivative.
///
/// # Errors
///
/// [`Error::Check`] if it comes to no root: it says where it is and why.
pub fn newton(f: impl Fn(f64) -> [f64; 2], mut x: f64) -> Result<Vec<f64>> {
    let mut path = vec![x];
    let [mut value, mut slope] = f(x);
    while value != 0.0 {
        let give_up = |why: &str| {
            Err(Error::Check(format!(
                "no root from {} on: at {x:e} the value is {value:e} and the slope {slope:e}; {why}",
                path[0]
            )))
        };
        if !value.is_finite() || slope == 0.0 || !slope.is_finite() {
            return give_up("take another --from");
        }
        if path.len() > MAX_STEPS {
            return give_up("that is too many steps");
        }
        let step = -value / slope;
        if x + step == x {
            break;
        }
        let mut share = 1.0;
        let next = loop {
            let next = x + share * step;
            // What is as near as numbers are cannot be halved, nor has it to be.
            if next == x || f(next)[0].abs() < value.abs() {
                break next;
            }
            share /= 2.0;
        };
        if next == x {
            // Rounding keeps `f` from falling any further; else this is a minimum of `|f|`.
            let noise = f64::EPSILON * (1.0 + x.abs()) * slope.abs() * 64.0;
            if value.abs() <= noise {
                break;
            }
            return give_up("it does not fall any further, there is no root nearby");
        }
        x = next;
        [value, slope] = f(x);
        path.push(x);
    }
    Ok(path)
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        if let Some(wrong) = self.polynomial.iter().find(|a| !a.is_finite()) {
            return Err(Error::Input(format!(
                "--polynomial: {wrong} is not a number to compute with"
            )));
        }
        let f = |x| polynomial(&self.polynomial, x);
        let path = newton(f, self.from)?;
        harness.print(format_args!("{:>6}{:>26}{:>14}", "step", "x", "value"))?;
        for (step, &x) in path.iter().enumerate() {
            let value = f(x)[0];
            harness.print(format_args!("{step:>6}{x:>26.17}{value:>14.2e}"))?;
        }
        let root = path[path.len() - 1];
        // Horner's rule rounds twice for each coefficient, at the size of the sum of the terms.
        let sizes = self
            .polynomial
            .iter()
            .fold(0.0, |sum, a| sum * root.abs() + a.abs());
        let n = self.polynomial.len() as f64;
        let [value, slope] = f(root);
        let limit = 2.0 * n * f64::EPSILON * sizes + slope.abs() * root.abs() * f64::EPSILON;
        harness.check("value at the root", value.abs(), limit)
    }
}
