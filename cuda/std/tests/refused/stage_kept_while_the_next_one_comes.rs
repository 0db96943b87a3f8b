//! A copy may be under way into the stage that was read before.

use cuda_std::async_stages;
use cuda_std::prelude::*;

#[kernel]
pub fn sum(x: &[f32], mut y: PerThread<f32>) {
    let mut tiles = unsafe { async_stages![f32; 64; stages 2].start(2, |k, i| x.get(64 * k + i)) };
    let first = unsafe { tiles.next() };
    let second = unsafe { tiles.next() };
    if let (Some(y), Some(first), Some(second)) = (y.get_mut(), first, second) {
        *y = first[0] + second[0];
    }
}

fn main() {}
