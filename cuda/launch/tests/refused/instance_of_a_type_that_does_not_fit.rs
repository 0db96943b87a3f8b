use cuda_std::prelude::*;

#[kernel(fill_names = fill::<Vec<u8>>)]
pub fn fill<T: Copy>(value: T, mut y: PerThread<T>) {
    if let Some(y) = y.get_mut() {
        *y = value;
    }
}

fn main() {}
