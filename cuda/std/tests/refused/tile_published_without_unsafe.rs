//! Every thread of the block must get to a barrier, which no type can prove.

use cuda_std::phased_tile;
use cuda_std::prelude::*;

#[kernel]
pub fn copy(x: &[f32]) {
    let tile = unsafe { phased_tile![f32; 64] }.fill(|i| x[i]);
    let _ = tile.publish();
}

fn main() {}
