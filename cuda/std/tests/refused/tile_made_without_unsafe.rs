//! The place of a tile may be evaluated once, which no type can prove.

use cuda_std::phased_tile;
use cuda_std::prelude::*;

#[kernel]
pub fn copy(x: &[f32]) {
    let _ = phased_tile![f32; 64].fill(|i| x[i]);
}

fn main() {}
