//! Other threads' elements may not be there yet.

use cuda_std::phased_tile;
use cuda_std::prelude::*;

#[kernel]
pub fn copy(x: &[f32], mut y: PerThread<f32>) {
    let tile = unsafe { phased_tile![f32; 64] }.fill(|i| x[i]);
    if let Some(y) = y.get_mut() {
        *y = tile[63 - thread::thread_idx_x() as usize];
    }
}

fn main() {}
