//! How the learning rate goes from step to step.

use std::f64::consts::PI;
use std::num::NonZero;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The learning rate as a function of the step's number alone, so that training that is gone on with
/// follows the same course. A linear warm-up can precede each.
///
/// With the optimizer's own rate `r`, at step `t` of `T`, both counted from the end of the warm-up:
///
/// | schedule    | rate                                                                           |
/// |-------------|--------------------------------------------------------------------------------|
/// | constant    | `r`                                                                            |
/// | step        | `r · factor^⌊t / every⌋`                                                       |
/// | exponential | `r · factor^t`                                                                 |
/// | cosine      | `minimum + (r - minimum) (1 + cos(π t / T)) / 2`                               |
/// | one-cycle   | along cosines from `r / 25` to `r` in 30 % of the steps, then to `r / 250,000` |
/// | warm-up     | `r · (step + 1) / (n + 1)` in the first `n` steps                              |
///
/// Sources: PyTorch's `StepLR`, `ExponentialLR`, `CosineAnnealingLR`, `OneCycleLR` and `LinearLR`;
/// Loshchilov and Hutter, "SGDR" (2017); Smith and Topin, "Super-convergence" (2019).
///
/// ```
/// use cpu::nn::Schedule;
///
/// # fn main() -> cpu::Result<()> {
/// let schedule = Schedule::cosine(0.0)?.warm_up(1);
/// let rates: Vec<f32> = (0..4).map(|step| schedule.rate(1.0, step, 5)).collect();
/// assert_eq!(rates[..2], [0.5, 1.0]);
/// assert!((rates[3] - 0.5).abs() < 1e-6);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Schedule {
    course: Course,
    n_warm_up: u64,
}

/// What follows the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Course {
    #[default]
    Constant,
    Step {
        every: NonZero<u64>,
        factor: f64,
    },
    Exponential {
        factor: f64,
    },
    Cosine {
        minimum: f32,
    },
    OneCycle,
}

impl Schedule {
    /// The same rate at all steps.
    pub fn constant() -> Self {
        Self::from(Course::Constant)
    }

    /// Multiplies the rate by `factor` after `every` steps: those of an epoch, say.
    ///
    /// # Errors
    ///
    /// If `every` is 0, or `factor` is not above 0 and at most 1.
    pub fn step(every: u64, factor: f64) -> Result<Self> {
        check_factor(factor)?;
        match NonZero::new(every) {
            Some(every) => Ok(Self::from(Course::Step { every, factor })),
            None => Err(Error::Input(
                "the learning rate is to change every 0 steps, it must be at least 1".to_owned(),
            )),
        }
    }

    /// Multiplies the rate by `factor` after each step; for a factor per epoch, take its root of the
    /// number of steps in one.
    ///
    /// # Errors
    ///
    /// If `factor` is not above 0 and at most 1.
    pub fn exponential(factor: f64) -> Result<Self> {
        check_factor(factor)?;
        Ok(Self::from(Course::Exponential { factor }))
    }

    /// Falls to `minimum` along half a cosine.
    ///
    /// # Errors
    ///
    /// If `minimum` is negative or not a number.
    pub fn cosine(minimum: f32) -> Result<Self> {
        if !(minimum >= 0.0 && minimum.is_finite()) {
            return Err(Error::Input(format!(
                "the smallest learning rate is {minimum}, it must be 0 or a positive number such as \
                 1e-5"
            )));
        }
        Ok(Self::from(Course::Cosine { minimum }))
    }

    /// Rises, then falls further: the optimizer's rate is the highest.
    pub fn one_cycle() -> Self {
        Self::from(Course::OneCycle)
    }

    /// With a rate that rises linearly in the first `n_steps`.
    pub fn warm_up(self, n_steps: u64) -> Self {
        Schedule {
            n_warm_up: n_steps,
            ..self
        }
    }

    /// Whether it is one that could have been made here: of a file, that is not certain.
    ///
    /// # Errors
    ///
    /// See [`Schedule::step`], [`Schedule::exponential`] and [`Schedule::cosine`].
    pub fn check(&self) -> Result<()> {
        match self.course {
            Course::Constant | Course::OneCycle => Ok(()),
            Course::Step { factor, .. } | Course::Exponential { factor } => check_factor(factor),
            Course::Cosine { minimum } => Self::cosine(minimum).map(|_| ()),
        }
    }

    /// The rate at `step` (from 0) of `n_steps`, for an optimizer whose own rate is `base`. Beyond the
    /// last step, that of cosine and one-cycle stays where they end.
    pub fn rate(&self, base: f32, step: u64, n_steps: u64) -> f32 {
        let base = f64::from(base);
        let rate = match step.checked_sub(self.n_warm_up) {
            None => base * (step as f64 + 1.0) / (self.n_warm_up as f64 + 1.0),
            Some(step) => {
                let n_steps = n_steps.saturating_sub(self.n_warm_up).max(1);
                self.course.rate(base, step, n_steps)
            }
        };
        rate as f32
    }
}

impl From<Course> for Schedule {
    fn from(course: Course) -> Self {
        Schedule {
            course,
            n_warm_up: 0,
        }
    }
}

impl Course {
    fn rate(self, base: f64, step: u64, n_steps: u64) -> f64 {
        match self {
            Course::Constant => base,
            Course::Step { every, factor } => base * libm::pow(factor, (step / every) as f64),
            Course::Exponential { factor } => base * libm::pow(factor, step as f64),
            Course::Cosine { minimum } => {
                let share = step.min(n_steps) as f64 / n_steps as f64;
                along_cosine(base, minimum.into(), share)
            }
            Course::OneCycle => {
                // As in PyTorch: the last step has the lowest rate, and the highest is reached one step
                // before 30 % of them are over, where there are so many.
                let first = base / 25.0;
                let highest_at = 0.3 * n_steps as f64 - 1.0;
                let last_at = n_steps as f64 - 1.0;
                let step = step.min(n_steps - 1) as f64;
                if step <= highest_at {
                    along_cosine(first, base, step / highest_at)
                } else {
                    let share = (step - highest_at) / (last_at - highest_at);
                    along_cosine(base, first / 1e4, share)
                }
            }
        }
    }
}

/// From `begin` to `end` along half a cosine, of which `share` is done.
fn along_cosine(begin: f64, end: f64, share: f64) -> f64 {
    // The `libm` crate's, since the platform's own differ in the last bit.
    end + (begin - end) / 2.0 * (1.0 + libm::cos(PI * share))
}

fn check_factor(factor: f64) -> Result<()> {
    if !(factor > 0.0 && factor <= 1.0) {
        return Err(Error::Input(format!(
            "the learning rate is to be multiplied by {factor}, it must be above 0 and at most 1, \
             such as 0.5"
        )));
    }
    Ok(())
}
