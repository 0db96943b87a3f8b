use cuda_std::prelude::*;

#[kernel]
pub fn wait() {
    thread::sync_threads();
}

fn main() {}
