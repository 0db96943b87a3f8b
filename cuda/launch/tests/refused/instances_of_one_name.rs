use cuda_std::prelude::*;

#[kernel(fill_f32 = fill::<f32>, fill_f32 = fill::<f64>)]
pub fn fill<T: Copy>(value: T, mut y: PerThread<T>) {
    if let Some(y) = y.get_mut() {
        *y = value;
    }
}

fn main() {}
