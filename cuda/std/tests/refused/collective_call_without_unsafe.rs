//! Every thread of the tile must make the call, which no type can prove.

use cuda_std::groups::Tile;
use cuda_std::prelude::*;

#[kernel]
pub fn sum(x: &[f32], mut y: PerThread<f32>) {
    let sum = Tile::<8>::this().reduce_add(x[0]);
    if let Some(y) = y.get_mut() {
        *y = sum;
    }
}

fn main() {}
