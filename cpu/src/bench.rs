//! Times this program's own training.

use crate::backend::Backend;
use crate::nn::Sequential;
use crate::train::Trainer;
use crate::{Error, Result};

/// Seconds of training that epochs took.
#[derive(Debug, Clone, PartialEq)]
pub struct Timings {
    /// From the shortest to the longest.
    sorted: Vec<f64>,
}

impl Timings {
    /// Of samples in any order, of which there is at least one.
    pub(crate) fn new(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        Timings { sorted: samples }
    }

    /// The middle one, or the mean of the two in the middle.
    pub fn median(&self) -> f64 {
        let n = self.sorted.len();
        (self.sorted[(n - 1) / 2] + self.sorted[n / 2]) / 2.0
    }

    /// The shortest.
    pub fn min(&self) -> f64 {
        self.sorted[0]
    }

    /// The longest.
    pub fn max(&self) -> f64 {
        self.sorted[self.sorted.len() - 1]
    }
}

/// Times `n_epochs` epochs, after one that warms the caches up and is not timed.
///
/// Calls `progress` with the seconds of each epoch.
///
/// # Errors
///
/// If `n_epochs` is 0, or the first epoch did not teach the model more than guessing would know:
/// the time of a wrong result is worth nothing.
pub fn epochs<B: Backend>(
    backend: &B,
    trainer: &mut Trainer<B>,
    model: &mut Sequential<B>,
    n_epochs: usize,
    mut progress: impl FnMut(f64),
) -> Result<Timings> {
    if n_epochs == 0 {
        return Err(Error::Input(
            "a benchmark needs at least one epoch".to_owned(),
        ));
    }
    let first = trainer.epoch(backend, model)?;
    let guessing = (model.n_outputs() as f64).ln();
    if !(first.mean_loss < guessing) {
        return Err(Error::Training(format!(
            "the first epoch's loss is {:.4}, guessing has {guessing:.4}: there is nothing to \
             time; try another learning rate",
            first.mean_loss
        )));
    }
    let mut samples = Vec::with_capacity(n_epochs);
    for _ in 0..n_epochs {
        let seconds = trainer.epoch(backend, model)?.duration.as_secs_f64();
        progress(seconds);
        samples.push(seconds);
    }
    Ok(Timings::new(samples))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_between_the_two_in_the_middle() {
        let timings = |samples: &[f64]| Timings::new(samples.to_vec());
        assert_eq!(timings(&[1.0, 2.0, 9.0]).median(), 2.0);
        assert_eq!(timings(&[1.0, 2.0, 4.0, 9.0]).median(), 3.0);
        let four = timings(&[1.0, 2.0, 4.0, 9.0]);
        assert_eq!((four.min(), four.max()), (1.0, 9.0));
    }
}
