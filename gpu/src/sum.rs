//! Sums of numbers in six levels, each with one idea more: a ladder to learn from, which the guide
//! (docs/guide) climbs. What networks are computed with is in `reduce.rs`.
//!
//! | level | kernel           | what is new                                                      |
//! |-------|------------------|------------------------------------------------------------------|
//! | 1     | `sum_one_thread` | a loop                                                           |
//! | 2     | `sum_divergent`  | a tree over the numbers of a block: neighbours first             |
//! | 3     | `sum_strided`    | the threads that add are the first ones                          |
//! | 4     | `sum_sequential` | the numbers that are added lie beside each other                 |
//! | 5     | `sum_shuffled`   | a warp needs no shared memory                                    |
//! | 6     | `sum_many`       | a thread adds many numbers before the tree begins                |
//!
//! A block adds its numbers and overwrites its element of `sums`; a second launch over `sums` adds
//! these. Every level adds in an order of its own, which is the same in every run.

mod divergent;
mod many;
mod one_thread;
mod sequential;
mod shuffled;
mod strided;

pub use divergent::sum_divergent;
pub use many::sum_many;
pub use one_thread::sum_one_thread;
pub use sequential::sum_sequential;
pub use shuffled::sum_shuffled;
pub use strided::sum_strided;

/// Threads of a block, from level 2 on.
pub const N_THREADS: u32 = 256;

/// The same, where elements are counted.
const N: usize = N_THREADS as usize;
