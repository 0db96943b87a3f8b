//! What it refers to may be written by another thread.

use cuda_std::phased_tile;
use cuda_std::prelude::*;

#[kernel]
pub fn copy(x: &[f32], mut y: PerThread<f32>) {
    let tile = unsafe { phased_tile![f32; 64] }.fill(|i| x[i]);
    let tile = unsafe { tile.publish() };
    let first = &tile[0];
    let _tile = unsafe { tile.reuse() };
    if let Some(y) = y.get_mut() {
        *y = *first;
    }
}

fn main() {}
