//! Buffers that show what is read or written past their ends, and what they are filled with.

use cpu::Result;
use cpu::backend::Backend;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// Elements that buffers are longer than needed, not a whole number of vectors.
pub const N_BEYOND: usize = 5;
pub const BEYOND: f32 = -12345.0;

/// An input, and NaN behind it.
pub fn input<B: Backend>(backend: &B, values: &[f32]) -> Result<B::Floats> {
    backend.upload_floats(&[values, &[f32::NAN; N_BEYOND]].concat())
}

/// An output, or something that is updated.
pub fn output<B: Backend>(backend: &B, values: &[f32]) -> Result<B::Floats> {
    backend.upload_floats(&[values, &[BEYOND; N_BEYOND]].concat())
}

/// What an output holds after the operation; nothing behind it has changed.
pub fn read<B: Backend>(backend: &B, name: &str, buffer: &B::Floats) -> Result<Vec<f32>> {
    let mut values = backend.download_floats(buffer)?;
    let beyond = values.split_off(values.len() - N_BEYOND);
    assert_eq!(beyond, [BEYOND; N_BEYOND], "{name} wrote past its end");
    Ok(values)
}

pub fn generator(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// `n` draws from `-scale..scale`.
pub fn uniform(random: &mut ChaCha8Rng, n: usize, scale: f32) -> Vec<f32> {
    (0..n).map(|_| random.random_range(-scale..scale)).collect()
}
