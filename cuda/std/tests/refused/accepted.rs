//! What the other files do wrong, done right.

use cuda_std::barrier::Role;
use cuda_std::groups::Tile;
use cuda_std::mma::{A, B, C, Fragment};
use cuda_std::prelude::*;
use cuda_std::{async_stages, channel, phased_tile};

#[kernel]
pub unsafe fn tiles(x: &[f32], mut y: PerThread<f32>) {
    let tile = unsafe { phased_tile![f32; 64] }.fill(|i| x[i]);
    let tile = unsafe { tile.publish() };
    let first = tile[0];
    let mut tile = unsafe { tile.reuse() };
    tile.fill(|_| first);
    let tile = unsafe { tile.publish() };
    if let Some(y) = y.get_mut() {
        *y = tile[1] + unsafe { Tile::<4>::this().reduce_add(first) };
    }
}

#[kernel]
pub unsafe fn pipelines(x: &[f32], mut y: PerThread<f32>) {
    let mut sum = 0.0;
    let mut tiles = unsafe { async_stages![f32; 64; stages 2].start(2, |k, i| x.get(64 * k + i)) };
    while let Some(tile) = unsafe { tiles.next() } {
        sum += tile[0];
    }
    match unsafe { channel![f32; 64; stages 2].split(32) } {
        Role::Producer(mut tiles) => tiles.send(|i| x[i]),
        Role::Consumer(mut tiles) => sum += tiles.receive(|tile| tile[0]),
    }
    if let Some(y) = y.get_mut() {
        *y = sum;
    }
}

#[kernel]
pub unsafe fn matrices() {
    let a = Fragment::<A<f16, 16, 16>>::from_fn(|_, _| f16::ONE);
    let b = Fragment::<B<f16, 16, 8>>::from_fn(|_, _| f16::ONE);
    let c = Fragment::<C<f32, 16, 8>>::from_fn(|_, _| 0.0);
    let _ = unsafe { a.multiply_add(b, c) };
}

fn main() {}
