//! A memory that there is not.

use cuda_std_macros::address_space;

#[address_space(texture)]
static mut IMAGE: [f32; 4] = [0.0; 4];

fn main() {}
