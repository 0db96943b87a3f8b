//! The columns of the left matrix are not the rows of the right one.

use cuda_std::f16;
use cuda_std::mma::{A, B, C, Fragment};

fn main() {
    let a = Fragment::<A<f16, 16, 16>>::from_fn(|_, _| f16::ONE);
    let b = Fragment::<B<f16, 8, 8>>::from_fn(|_, _| f16::ONE);
    let c = Fragment::<C<f32, 16, 8>>::from_fn(|_, _| 0.0);
    let _ = unsafe { a.multiply_add(b, c) };
}
