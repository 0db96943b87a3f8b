//! No instruction takes it.

use cuda_std::f16;
use cuda_std::mma::{A, Fragment};

fn main() {
    let _ = Fragment::<A<f16, 8, 8>>::from_fn(|_, _| f16::ONE);
}
