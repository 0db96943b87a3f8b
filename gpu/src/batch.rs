//! Batches, gathered from a data set that lies on the device as bytes.

use cuda_std::prelude::*;
use cuda_std::vector::{F32x4, Vec4};

use crate::elements;

/// Threads of a block.
pub const N_THREADS: u32 = 256;

/// `x[i, j] = scale · images[order[i], j]` and `batch_labels[i] = labels[order[i]]`: overwrites `x`
/// and `batch_labels`.
///
/// Shapes: `images` `[n_images, n_pixels]`, `labels` `[n_images]`, `order` `[B]` with entries below
/// `n_images`, `x` `[B, n_pixels]`, `batch_labels` `[B]`.
/// Launch: along x, a thread per element of `x` (per four, if `n_pixels` is a multiple of 4), and at
/// least B.
/// Cost: `5 B n_pixels` bytes.
///
/// # Panics
///
/// If an entry of `order` is not below `n_images`.
#[kernel]
pub fn gather_batch(
    images: &[u8],
    labels: &[u8],
    order: &[u32],
    n_pixels: u32,
    scale: f32,
    x: PerThread<f32>,
    mut batch_labels: PerThread<u8>,
) {
    let i = thread::index_1d();
    if let Some(label) = batch_labels.get_mut()
        && let Some(image_idx) = order.get(i as usize)
    {
        *label = labels[*image_idx as usize];
    }

    // The rows of a data set that is not aligned for words, or whose rows are not, are read byte by
    // byte.
    // SAFETY: lengths and addresses are the same for all threads, and so is what they convert.
    let vectors = unsafe { x.into_vectors::<F32x4>() };
    match (words(images), vectors) {
        (Some(images), Ok(mut x)) if n_pixels.is_multiple_of(4) => {
            if let Some(x) = x.get_mut() {
                let word = images[pixel_idx(i, order, n_pixels / 4)];
                *x = Vec4(word.to_le_bytes().map(|byte| scale * f32::from(byte)));
            }
        }
        (_, x) => {
            // SAFETY: as above.
            let mut x = unsafe { elements(x) };
            if let Some(x) = x.get_mut() {
                *x = scale * f32::from(images[pixel_idx(i, order, n_pixels)]);
            }
        }
    }
}

/// Where element `i` of the batch lies in the data set, if rows have `n_columns` elements.
#[inline(always)]
fn pixel_idx(i: u32, order: &[u32], n_columns: u32) -> usize {
    let image_idx = order[(i / n_columns) as usize];
    image_idx as usize * n_columns as usize + (i % n_columns) as usize
}

/// The bytes four by four; `None` if they are not aligned for that or no whole number of words.
#[inline(always)]
fn words(bytes: &[u8]) -> Option<&[u32]> {
    // SAFETY: any four bytes are a valid u32.
    let (before, words, after) = unsafe { bytes.align_to::<u32>() };
    (before.is_empty() && after.is_empty()).then_some(words)
}
