//! Shared memory ends with its block.

use cuda_std::phased::{Line, Readable};

static KEPT: Option<Readable<f32, Line<64>>> = None;

fn main() {
    let _ = KEPT.is_none();
}
