//! A producer may be writing to the stage again.

use cuda_std::barrier::Role;
use cuda_std::channel;
use cuda_std::prelude::*;

#[kernel]
pub fn receive(mut y: PerThread<f32>) {
    if let Role::Consumer(mut tiles) = unsafe { channel![f32; 64; stages 2].split(32) } {
        let tile = tiles.receive(|tile| tile);
        if let Some(y) = y.get_mut() {
            *y = tile[0];
        }
    }
}

fn main() {}
