//! Rows of random values, and what is made of them by softmax and by layer normalization.

use fastrand::Rng;

/// Values between -1 and 1.
pub fn random(rng: &mut Rng, count: usize) -> Vec<f32> {
    (0..count).map(|_| rng.f32() * 2.0 - 1.0).collect()
}

pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// `e^(x - max) / sum(e^(x - max))` in each row.
pub fn softmax(x: &[f32], columns: usize) -> Vec<f64> {
    let softmax = |row: &[f32]| {
        let row = wide(row);
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = row.iter().map(|x| (x - max).exp()).sum();
        row.into_iter().map(move |x| (x - max).exp() / sum)
    };
    x.chunks(columns).flat_map(softmax).collect()
}

/// `(x - mean) / sqrt(variance + 1e-5) * scale + shift` in each row.
pub fn layer_norm(x: &[f32], columns: usize, scale: &[f32], shift: &[f32]) -> Vec<f64> {
    let (scale, shift) = (wide(scale), wide(shift));
    let norm = |row: &[f32]| {
        let (row, n) = (wide(row), columns as f64);
        let mean = row.iter().sum::<f64>() / n;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let factor = 1.0 / (variance + 1e-5).sqrt();
        let terms = row.iter().zip(&scale).zip(&shift);
        terms
            .map(|((x, a), b)| (x - mean) * factor * a + b)
            .collect::<Vec<_>>()
    };
    x.chunks(columns).flat_map(norm).collect()
}
