use cuda_std::prelude::*;

#[kernel(grid_dim = 4d)]
pub fn fill(value: f32, mut y: PerThread<f32>) {
    if let Some(y) = y.get_mut() {
        *y = value;
    }
}

fn main() {}
