//! A thread sends or receives: the barriers count it once.

use cuda_std::channel;
use cuda_std::prelude::*;

#[kernel]
pub fn exchange() {
    let channel = unsafe { channel![f32; 64; stages 2] };
    let _sender = unsafe { channel.split(32) };
    let _receiver = unsafe { channel.split(32) };
}

fn main() {}
