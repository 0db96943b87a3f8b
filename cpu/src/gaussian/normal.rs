//! The two-dimensional normal distribution.

use std::f64::consts::TAU;

use super::grid;
use crate::backend::Density;
use crate::{Error, Result};

/// A two-dimensional normal distribution with mean `m` and covariance `S`, of density
///
/// `p(v) = e^(-(v - m)ᵀ S⁻¹ (v - m) / 2) / (2π √det S)`.
///
/// With the Cholesky factor `L` of `S = L Lᵀ`, the exponent is `-|z|² / 2` for `z = L⁻¹ (v - m)`, a sum of
/// squares that no rounding makes negative, and `√det S` is the product of L's diagonal.
///
/// ```
/// use cpu::gaussian::Normal;
///
/// let normal = Normal::new([1.0, 0.0], [4.0, 0.0, 0.25]).unwrap();
/// let peak = 1.0 / (2.0 * std::f64::consts::PI * 2.0 * 0.5);
/// assert!((normal.density([1.0, 0.0]) - peak).abs() < 1e-15);
/// // One standard deviation off.
/// assert!((normal.density([3.0, 0.0]) - peak * (-0.5_f64).exp()).abs() < 1e-15);
/// assert!(Normal::new([0.0, 0.0], [1.0, 1.0, 1.0]).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normal {
    mean: [f64; 2],
    covariance: [f64; 3],
    /// `L⁻¹`: `[a, b, c]` for the rows `[a, 0]` and `[b, c]`.
    whitening: [f64; 3],
    peak: f64,
}

impl Normal {
    /// With the mean 0 and the unit matrix as covariance.
    pub fn standard() -> Normal {
        Normal {
            mean: [0.0; 2],
            covariance: [1.0, 0.0, 1.0],
            whitening: [1.0, 0.0, 1.0],
            peak: 1.0 / TAU,
        }
    }

    /// With this mean, and the covariance's elements `[xx, xy, yy]`.
    ///
    /// # Errors
    ///
    /// If the covariance is not positive definite, or there is a number that single precision cannot
    /// hold.
    pub fn new(mean: [f64; 2], covariance: [f64; 3]) -> Result<Normal> {
        let [xx, xy, yy] = covariance;
        let refuse = |reason: &str| {
            Err(Error::Input(format!(
                "the covariance ({xx}, {xy}; {xy}, {yy}) {reason}"
            )))
        };
        let is_single = |number: f64| (number as f32).is_finite();
        if !mean.into_iter().all(is_single) {
            let [x, y] = mean;
            return Err(Error::Input(format!(
                "the mean is ({x}, {y}), expected two numbers of single precision such as 0.5"
            )));
        }
        // The Cholesky factor's diagonal; what is left of yy is positive if the determinant is.
        let rest = yy - xy / xx * xy;
        if !(xx > 0.0 && rest > 0.0) {
            return refuse(
                "is not positive definite: xx and yy must be positive, and xx times yy larger than xy \
                 times xy, as in 1,0.5,2",
            );
        }
        let whitening = [1.0 / xx.sqrt(), -xy / xx / rest.sqrt(), 1.0 / rest.sqrt()];
        let peak = whitening[0] * whitening[2] / TAU;
        let numbers = [xx, xy, yy, peak, peak * peak];
        let is_usual = |number: f64| number == 0.0 || (number as f32).is_normal();
        if !numbers.into_iter().chain(whitening).all(is_usual) {
            return refuse("leads beyond what single precision can hold: take numbers closer to 1");
        }
        Ok(Normal {
            mean,
            covariance,
            whitening,
            peak,
        })
    }

    /// Mean.
    pub fn mean(&self) -> [f64; 2] {
        self.mean
    }

    /// The covariance's elements `[xx, xy, yy]`.
    pub fn covariance(&self) -> [f64; 3] {
        self.covariance
    }

    /// The density's largest value, at the mean.
    pub fn peak(&self) -> f64 {
        self.peak
    }

    /// The density at a point.
    pub fn density(&self, [x, y]: [f64; 2]) -> f64 {
        let [a, b, c] = self.whitening;
        let (dx, dy) = (x - self.mean[0], y - self.mean[1]);
        let (z0, z1) = (a * dx, b * dx + c * dy);
        self.peak * (-0.5 * (z0 * z0 + z1 * z1)).exp()
    }

    /// The density on the [`grid`].
    pub fn values(&self) -> Vec<f64> {
        grid().map(|point| self.density(point)).collect()
    }

    /// The same, as a share of its largest value, as operations take it.
    pub fn on_devices(&self) -> Density {
        Density {
            mean: self.mean.map(|x| x as f32),
            whitening: self.whitening.map(|x| x as f32),
        }
    }
}
