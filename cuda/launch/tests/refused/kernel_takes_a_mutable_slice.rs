use cuda_std::prelude::*;

#[kernel]
pub fn clear(y: &mut [f32]) {
    y[thread::index_1d() as usize] = 0.0;
}

fn main() {}
