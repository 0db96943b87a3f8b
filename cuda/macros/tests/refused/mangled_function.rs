//! What is linked later must be found by its name.

use cuda_std_macros::externally_visible;

#[externally_visible]
pub extern "C" fn found_by_nobody() {}

fn main() {}
