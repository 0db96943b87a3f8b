use cuda_std::prelude::*;

#[kernel(fill_f32 = fill::<f32>)]
pub fn fill(value: f32, mut y: PerThread<f32>) {
    if let Some(y) = y.get_mut() {
        *y = value;
    }
}

fn main() {}
