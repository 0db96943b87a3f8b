//! A reference to a thread's own variable is nothing to other threads.

use cuda_std::phased_tile;
use cuda_std::prelude::*;

#[kernel]
pub fn copy() {
    let own = 1.0;
    let _ = unsafe { phased_tile![&f32; 64] }.fill(|_| &own);
}

fn main() {}
