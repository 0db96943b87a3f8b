use cuda_std::prelude::*;

#[kernel]
pub fn scale(a: f32, x: &[f32], mut y: PerThread<f32>) {
    if let Some(y) = y.get_mut() {
        *y = x.len();
    }
}

fn main() {}
