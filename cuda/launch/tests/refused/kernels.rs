use cuda_std::prelude::*;

/// `y[i] = a · x[i]`
#[kernel]
pub fn scale(a: f32, x: &[f32], mut y: PerThread<f32>) {
    if let (Some(y), Some(x)) = (y.get_mut(), x.get(thread::index_1d() as usize)) {
        *y = a * x;
    }
}
