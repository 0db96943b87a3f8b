use cuda_std::prelude::*;

#[kernel]
pub fn fill(value: f32, y: &mut f32) {
    *y = value;
}

fn main() {}
