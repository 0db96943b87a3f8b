//! Data sets: what one is, where it comes from and how it is put into batches.

mod batches;
pub mod digits;
pub mod idx;

pub use batches::{Shuffle, batches};

/// Images with their classes, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Grey values, one row of `n_pixels` bytes per image, `[n_images, n_pixels]`; 0 is the
    /// background, 255 the ink.
    pub images: Vec<u8>,
    /// The class of each image, below `n_classes`, `[n_images]`.
    pub labels: Vec<u8>,
    /// Pixels of one image.
    pub n_pixels: usize,
    /// Number of classes.
    pub n_classes: usize,
}

impl Dataset {
    /// Number of images.
    pub fn n_images(&self) -> usize {
        self.labels.len()
    }

    /// The grey values of one image, `[n_pixels]`.
    ///
    /// # Panics
    ///
    /// If there is no such image.
    pub fn image(&self, index: usize) -> &[u8] {
        &self.images[index * self.n_pixels..][..self.n_pixels]
    }

    /// Keeps the first `n_images` images; all of them if there are no more than that.
    pub fn truncate(&mut self, n_images: usize) {
        self.images.truncate(n_images.saturating_mul(self.n_pixels));
        self.labels.truncate(n_images);
    }
}
