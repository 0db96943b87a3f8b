//! What a trained classifier says of images: a logit, or a probability, for each class.

use crate::backend::Backend;
use crate::nn::{Mode, Sequential};
use crate::train::SCALE;
use crate::{Error, Result};

/// What the model gives for each image, `[n_images, C]`.
///
/// `images` are grey values as in a [`Dataset`](crate::data::Dataset), `[n_images, n_pixels]`; they are
/// brought to the device in batches of [`Sequential::max_rows`].
///
/// ```
/// use cpu::backend::{Activation, HostBackend};
/// use cpu::nn::{Initializer, models, random_generator};
/// use cpu::predict::{logits, probabilities};
///
/// # fn main() -> cpu::Result<()> {
/// let backend = HostBackend::new(None)?;
/// let architecture = models::mlp(&[4], &[], 3, Activation::Relu, Initializer::HeNormal);
/// let mut model = architecture.build(&backend, 2, &mut random_generator(1))?;
/// let dark = logits(&backend, &mut model, &[0; 4])?;
/// assert_eq!(dark, [0.0; 3]);
/// assert_eq!(probabilities(&dark, 3), [1.0 / 3.0; 3]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`Error::Input`] if `images` is no whole number of the model's inputs, and what the device reports.
pub fn logits<B: Backend>(
    backend: &B,
    model: &mut Sequential<B>,
    images: &[u8],
) -> Result<Vec<f32>> {
    let (n_pixels, n_classes) = (model.n_inputs(), model.n_outputs());
    if !images.len().is_multiple_of(n_pixels) {
        return Err(Error::Input(format!(
            "{} bytes are no whole number of images: the model takes {n_pixels} pixels",
            images.len()
        )));
    }
    let mut logits = Vec::with_capacity(images.len() / n_pixels * n_classes);
    for batch in images.chunks(n_pixels * model.max_rows()) {
        let n_rows = batch.len() / n_pixels;
        let pixels: Vec<f32> = batch.iter().map(|&grey| f32::from(grey) * SCALE).collect();
        let x = backend.upload_floats(&pixels)?;
        let y = model.forward(backend, &x, n_rows, Mode::Evaluation)?;
        logits.extend_from_slice(&backend.download_floats(y)?[..n_rows * n_classes]);
    }
    Ok(logits)
}

/// The probability of each class, `[n_images, C]`, from the logits: `exp(z_c) / Σ exp(z_i)`, in f64 and
/// from the largest logit down, so that nothing overflows.
pub fn probabilities(logits: &[f32], n_classes: usize) -> Vec<f32> {
    let softmax = |row: &[f32]| -> Vec<f32> {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let power = |&logit: &f32| (f64::from(logit) - f64::from(largest)).exp();
        let sum: f64 = row.iter().map(power).sum();
        row.iter()
            .map(|logit| (power(logit) / sum) as f32)
            .collect()
    };
    logits.chunks_exact(n_classes).flat_map(softmax).collect()
}
