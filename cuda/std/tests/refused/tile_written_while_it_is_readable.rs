//! Other threads may be reading.

use cuda_std::phased_tile;
use cuda_std::prelude::*;

#[kernel]
pub fn copy(x: &[f32]) {
    let tile = unsafe { phased_tile![f32; 64] }.fill(|i| x[i]);
    let mut tile = unsafe { tile.publish() };
    tile[0] = 1.0;
    tile.fill(|_| 1.0);
}

fn main() {}
