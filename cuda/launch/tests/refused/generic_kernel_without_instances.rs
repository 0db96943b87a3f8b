use cuda_std::prelude::*;

#[kernel]
pub fn fill<T: Copy>(value: T, mut y: PerThread<T>) {
    if let Some(y) = y.get_mut() {
        *y = value;
    }
}

fn main() {}
