use cuda_std::prelude::*;

#[kernel]
pub fn count(names: Vec<String>, mut y: PerThread<f32>) {
    if let Some(y) = y.get_mut() {
        *y = names.len() as f32;
    }
}

fn main() {}
