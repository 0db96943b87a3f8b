//! The order in which an epoch visits the images, and the batches it is cut into.

use std::ops::Range;

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;

/// An order of the images for every epoch, from one seed. It depends on the seed and the epoch alone.
///
/// ```
/// use cpu::data::Shuffle;
///
/// let mut shuffle = Shuffle::new(5, 1);
/// let first = shuffle.epoch(0).to_vec();
/// assert_ne!(shuffle.epoch(1), first);
/// assert_eq!(Shuffle::new(5, 1).epoch(0), first);
/// ```
#[derive(Debug)]
pub struct Shuffle {
    generator: ChaCha8Rng,
    order: Vec<u32>,
}

impl Shuffle {
    /// Begins with no epoch drawn.
    ///
    /// # Panics
    ///
    /// If `n_images` does not fit into 32 bits; no data set that this crate reads is as large.
    pub fn new(n_images: usize, seed: u64) -> Self {
        let n_images = u32::try_from(n_images).expect("image counts fit into 32 bits");
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        // Weights may be drawn from the same seed: the order has a stream of its own.
        generator.set_stream(1);
        Shuffle {
            generator,
            order: (0..n_images).collect(),
        }
    }

    /// The order of an epoch, from 0 on: every image index once, `[n_images]`.
    pub fn epoch(&mut self, epoch: usize) -> &[u32] {
        // Further apart than the numbers that one shuffle draws.
        self.generator.set_word_pos((epoch as u128) << 36);
        for (image_idx, place) in (0..).zip(&mut self.order) {
            *place = image_idx;
        }
        self.order.shuffle(&mut self.generator);
        &self.order
    }
}

/// Cuts `0..n_images` into batches of `batch_size`; the last one is shorter if it has to be.
///
/// # Panics
///
/// If `batch_size` is 0.
pub fn batches(
    n_images: usize,
    batch_size: usize,
) -> impl ExactSizeIterator<Item = Range<usize>> + Clone {
    (0..n_images.div_ceil(batch_size))
        .map(move |step| step * batch_size..n_images.min((step + 1) * batch_size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_visits_every_image_once_in_an_order_of_its_own() {
        let mut shuffle = Shuffle::new(100, 7);
        let orders: Vec<Vec<u32>> = (0..3).map(|epoch| shuffle.epoch(epoch).to_vec()).collect();
        for order in &orders {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..100).collect::<Vec<u32>>());
        }
        assert_ne!(orders[0], orders[1]);
        assert_ne!(orders[1], orders[2]);
        assert_ne!(orders[0], Shuffle::new(100, 8).epoch(0));
        assert_eq!(orders[1], Shuffle::new(100, 7).epoch(1));
    }

    #[test]
    fn batches_cover_all_images_and_the_last_may_be_short() {
        for (n_images, batch_size, expected) in [
            (0, 4, &[][..]),
            (1, 4, &[(0, 1)]),
            (4, 4, &[(0, 4)]),
            (5, 4, &[(0, 4), (4, 5)]),
            (3, 1, &[(0, 1), (1, 2), (2, 3)]),
        ] {
            let actual = batches(n_images, batch_size);
            assert_eq!(actual.len(), expected.len());
            let actual: Vec<_> = actual.map(|batch| (batch.start, batch.end)).collect();
            assert_eq!(actual, expected);
        }
    }
}
