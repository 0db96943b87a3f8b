//! The matrix product in six levels, each with one idea more: a ladder to learn from, which the guide
//! (docs/guide) climbs. What networks are computed with is in [`crate::dense`].
//!
//! All of them overwrite `c[M, N] = a[M, K] · b[K, N]`, for any M, N and K, with
//!
//! ```text
//! c[i, j] = a[i, 0] b[0, j] + a[i, 1] b[1, j] + ... + a[i, K-1] b[K-1, j]
//! ```
//!
//! added in this order by fused multiply-adds: the levels agree to the bit.
//!
//! | level | kernel                   | what is new                                                  |
//! |-------|--------------------------|--------------------------------------------------------------|
//! | 1     | `matmul_naive`           | a thread for each element                                    |
//! | 2     | `matmul_coalesced`       | the lanes of a warp lie along the rows                       |
//! | 3     | `matmul_shared`          | a block shares the tiles that it reads                       |
//! | 4     | `matmul_registers`       | a thread computes 4 x 4 elements in registers                |
//! | 5     | `matmul_vectorized`      | 16 bytes by one instruction                                  |
//! | 6     | `matmul_double_buffered` | the next tiles are on their way while these are multiplied   |
//!
//! Each panics if an operand is shorter than its shape.

mod coalesced;
mod double_buffered;
mod level;
mod naive;
mod registers;
mod shared;
mod vectorized;

pub use coalesced::matmul_coalesced;
pub use double_buffered::matmul_double_buffered;
pub use level::{COALESCED, Level, NAIVE, REGISTERS, SHARED};
pub use naive::matmul_naive;
pub use registers::matmul_registers;
pub use shared::matmul_shared;
pub use vectorized::matmul_vectorized;
