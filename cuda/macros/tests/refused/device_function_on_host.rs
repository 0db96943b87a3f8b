//! A function for the device has a host signature too, and takes what that says.

use cuda_std_macros::gpu_only;

#[gpu_only]
fn lane(of: u32) -> u32 {
    of
}

fn main() {
    lane("two");
}
