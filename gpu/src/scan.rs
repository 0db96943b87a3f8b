//! Running sums in three levels, each with one idea more: a ladder to learn from, which the guide
//! (docs/guide) climbs.
//!
//! `y[i] = x[0] + x[1] + ... + x[i]`, of whole numbers that wrap around at 2³².
//!
//! | level | kernel                        | what is new                                          |
//! |-------|-------------------------------|------------------------------------------------------|
//! | 1     | `scan_one_thread`             | a loop                                               |
//! | 2     | `scan_doubling`               | a block: each step adds what lies twice as far back  |
//! | 3     | `scan_blocks`, `scan_add`     | warps by shuffles, then their sums; many blocks      |

mod blocks;
mod doubling;
mod one_thread;

pub use blocks::{scan_add, scan_blocks};
pub use doubling::scan_doubling;
pub use one_thread::scan_one_thread;

/// Threads of a block, from level 2 on.
pub const N_THREADS: u32 = 256;

/// The same, where elements are counted.
const N: usize = N_THREADS as usize;
