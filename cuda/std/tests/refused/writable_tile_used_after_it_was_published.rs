//! Publishing takes the writable tile.

use cuda_std::phased_tile;
use cuda_std::prelude::*;

#[kernel]
pub fn copy(x: &[f32]) {
    let mut tile = unsafe { phased_tile![f32; 64] }.fill(|i| x[i]);
    let _published = unsafe { tile.publish() };
    tile.fill(|_| 1.0);
}

fn main() {}
