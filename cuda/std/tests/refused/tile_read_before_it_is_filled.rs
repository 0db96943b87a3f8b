//! A tile that nothing was written to cannot be published, let alone read.

use cuda_std::phased_tile;
use cuda_std::prelude::*;

#[kernel]
pub fn copy() {
    let tile = unsafe { phased_tile![f32; 64] };
    let _ = unsafe { tile.publish() };
}

fn main() {}
