//! No static lies in a thread's own memory.

use cuda_std_macros::address_space;

#[address_space(local)]
static mut SCRATCH: [f32; 4] = [0.0; 4];

fn main() {}
