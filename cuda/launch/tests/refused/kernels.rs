use cuda_std::prelude::*;

/// `y[i] = a · x[i]`
#[kernel]
pub fn scale(a: f32, x: &[f32], mut y: PerThread<f32>) {
    if let (Some(y), Some(x)) = (y.get_mut(), x.get(thread::index_1d() as usize)) {
        *y = a * x;
    }
}

/// A struct of the user's, of which nothing is promised.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Range {
    pub low: f32,
    pub high: f32,
}

/// `y[i]` is made to lie in the range.
#[kernel]
pub fn clamp(range: Range, mut y: PerThread<f32>) {
    if let Some(y) = y.get_mut() {
        *y = y.clamp(range.low, range.high);
    }
}

/// `y[i] = value`
#[kernel]
pub fn fill(value: &f32, mut y: PerThread<f32>) {
    if let Some(y) = y.get_mut() {
        *y = *value;
    }
}
