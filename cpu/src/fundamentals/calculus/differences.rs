//! Derivatives by differences, and the best step.
//!
//! | formula                                    | error of the formula | of rounding | best step        |
//! |--------------------------------------------|----------------------|-------------|------------------|
//! | forward, `(f(x + h) - f(x)) / h`           | `h/2 |f''|`          | `2 u |f|/h` | `2 √(u |f/f''|)` |
//! | central, `(f(x + h) - f(x - h)) / 2h`      | `h²/6 |f'''|`        | `u |f|/h`   | `∛(3 u |f/f'''|)`|
//!
//! with `u = 2⁻⁵³`. A step too large misses the curve, one too small subtracts numbers that are nearly
//! equal: half of the digits is what the forward formula can reach, two thirds the central one.
//!
//! **Caveats.** `x + h` is rounded: the difference that counts is that of the rounded places, so `h` is
//! taken as `(x + h) - x`. Far from 1 steps have to grow with `x`. Where the function's own value is only
//! known to some `δ`, that takes the place of `u`.
//!
//! A derivative at one place takes two values of the function: there is nothing for vectors, threads or
//! devices to do. [`dual`](super::dual) has the exact way, for many places at once.
//!
//! Source: Nocedal and Wright, "Numerical Optimization" (2006), section 8.1.

use clap::Args;

use crate::Result;
use crate::fundamentals::{Algorithm, Harness};

/// The options of `differences`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Where `e^x` is differentiated, from -100 to 100
    #[arg(
        long, value_name = "NUMBER", default_value_t = 1.0, allow_negative_numbers = true,
        value_parser = within_100
    )]
    x: f64,
}

fn within_100(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|x: &f64| x.abs() <= 100.0)
        .ok_or_else(|| "expected a number from -100 to 100".to_owned())
}

/// The derivative by the place itself and one beside it.
pub fn forward(f: impl Fn(f64) -> f64, x: f64, h: f64) -> f64 {
    let beside = x + h;
    (f(beside) - f(x)) / (beside - x)
}

/// The derivative by a place on either side.
pub fn central(f: impl Fn(f64) -> f64, x: f64, h: f64) -> f64 {
    let (left, right) = (x - h, x + h);
    (f(right) - f(left)) / (right - left)
}

/// The best step of the forward formula, from the sizes of the function and of its second derivative.
pub fn best_forward_step(value: f64, second: f64) -> f64 {
    2.0 * (f64::EPSILON / 2.0 * (value / second).abs()).sqrt()
}

/// The best step of the central formula, from the sizes of the function and of its third derivative.
pub fn best_central_step(value: f64, third: f64) -> f64 {
    (1.5 * f64::EPSILON * (value / third).abs()).cbrt()
}

impl Algorithm for Options {
    fn run(&self, harness: &mut Harness) -> Result<()> {
        let x = self.x;
        // All derivatives of e^x are e^x.
        let exact = x.exp();
        let error = |derivative: f64| (derivative - exact).abs() / exact;
        harness.print(format_args!("the derivative of e^x at {x} is {exact:e}"))?;
        harness.print(format_args!(
            "{:>8}{:>18}{:>18}",
            "step", "forward, error", "central, error"
        ))?;
        for exponent in 1..=15 {
            let h = 10.0_f64.powi(-exponent);
            harness.print(format_args!(
                "{h:>8.0e}{:>18.1e}{:>18.1e}",
                error(forward(f64::exp, x, h)),
                error(central(f64::exp, x, h))
            ))?;
        }
        let unit = f64::EPSILON / 2.0;
        let h = best_forward_step(exact, exact);
        // Both errors of the table at the top are √u at the best step; values of e^x and the place
        // itself, where it is large, are rounded on top.
        let conditioned = 4.0 * (1.0 + x.abs());
        harness.check(
            &format!("forward with the best step, {h:.1e}"),
            error(forward(f64::exp, x, h)),
            2.0 * conditioned * unit.sqrt(),
        )?;
        let h = best_central_step(exact, exact);
        harness.check(
            &format!("central with the best step, {h:.1e}"),
            error(central(f64::exp, x, h)),
            2.0 * conditioned * unit.powf(2.0 / 3.0),
        )
    }
}
