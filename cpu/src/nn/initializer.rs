//! Random values that training begins with.

use std::f64::consts::TAU;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// The generator that weights are drawn from: the same seed gives the same weights on every
/// platform.
pub fn random_generator(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// How the weights of a layer with K inputs and N outputs are drawn.
///
/// Sources: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
/// networks" (2010); He et al., "Delving deep into rectifiers" (2015).
///
/// ```
/// use cpu::nn::{Initializer, random_generator};
///
/// let weights = Initializer::XavierUniform.draw(3, 2, &mut random_generator(1));
/// let limit = (6.0_f32 / (3.0 + 2.0)).sqrt();
/// assert_eq!(weights.len(), 6);
/// assert!(weights.iter().all(|weight| weight.abs() <= limit));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initializer {
    /// Uniform within `±sqrt(6 / (K + N))`: keeps the variance where activations are nearly linear.
    XavierUniform,
    /// Normal with the variance `2 / (K + N)`.
    XavierNormal,
    /// Uniform within `±sqrt(6 / K)`: keeps the variance through ReLU.
    HeUniform,
    /// Normal with the variance `2 / K`.
    #[default]
    HeNormal,
}

impl Initializer {
    /// Draws a weight matrix, `[n_inputs, n_outputs]`.
    pub fn draw(self, n_inputs: usize, n_outputs: usize, random: &mut ChaCha8Rng) -> Vec<f32> {
        self.draw_windows(n_inputs, n_outputs, 1, random)
    }

    /// Draws the windows of a convolution, `[n_inputs, n_taps, n_outputs]`: an output sums so many taps
    /// of each input, and an input goes to so many places of each output, so that K is
    /// `n_inputs · n_taps` and N is `n_outputs · n_taps`.
    pub fn draw_windows(
        self,
        n_inputs: usize,
        n_outputs: usize,
        n_taps: usize,
        random: &mut ChaCha8Rng,
    ) -> Vec<f32> {
        let fan = match self {
            Initializer::XavierUniform | Initializer::XavierNormal => {
                ((n_inputs + n_outputs) * n_taps) as f64
            }
            Initializer::HeUniform | Initializer::HeNormal => (n_inputs * n_taps) as f64,
        };
        let draw = || match self {
            Initializer::XavierUniform | Initializer::HeUniform => {
                (6.0 / fan).sqrt() * (2.0 * random.random::<f64>() - 1.0)
            }
            Initializer::XavierNormal | Initializer::HeNormal => {
                (2.0 / fan).sqrt() * normal(random)
            }
        };
        std::iter::repeat_with(draw)
            .take(n_inputs * n_taps * n_outputs)
            .map(|weight| weight as f32)
            .collect()
    }
}

/// A draw from the standard normal distribution, by Box and Muller's transform.
///
/// The logarithm and the cosine are the `libm` crate's: the platform's own differ in the last bit.
pub(super) fn normal(random: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * libm::log(1.0 - random.random::<f64>())).sqrt();
    radius * libm::cos(TAU * random.random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_variance_that_their_definition_names() {
        let (n_inputs, n_outputs) = (300, 200);
        for (initializer, variance) in [
            (Initializer::XavierUniform, 2.0 / 500.0),
            (Initializer::XavierNormal, 2.0 / 500.0),
            (Initializer::HeUniform, 2.0 / 300.0),
            (Initializer::HeNormal, 2.0 / 300.0),
        ] {
            let draws = initializer.draw(n_inputs, n_outputs, &mut random_generator(1));
            let n = draws.len() as f64;
            let mean = draws.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
            let actual = draws
                .iter()
                .map(|&x| (f64::from(x) - mean).powi(2))
                .sum::<f64>()
                / n;
            // Five standard deviations: of the mean sqrt(variance / n), of the variance at most
            // variance · sqrt(2 / n).
            let mean_limit = 5.0 * (variance / n).sqrt();
            let variance_limit = 5.0 * variance * (2.0 / n).sqrt();
            assert!(mean.abs() <= mean_limit, "{initializer:?}: mean {mean}");
            assert!(
                (actual - variance).abs() <= variance_limit,
                "{initializer:?}: variance {actual}, expected {variance}"
            );
        }
    }

    #[test]
    fn the_bits_of_a_seed_are_pinned() {
        for (initializer, expected) in [
            (
                Initializer::XavierUniform,
                [3195312080_u32, 3213070452, 1047671585],
            ),
            (Initializer::HeNormal, [1060742399, 1045940602, 3190247491]),
        ] {
            let draws = initializer.draw(3, 1, &mut random_generator(1));
            assert_eq!(
                draws.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
                expected
            );
        }
    }
}
