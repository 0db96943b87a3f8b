//! Cooperative groups: the threads of a tile, a block or a grid, and what they do together.
//!
//! A group is a value without contents: [`Tile`] stands for 1 to 32 neighbouring threads of a warp
//! ([`Warp`] for all 32), [`Block`] for a thread block, [`Grid`] for all blocks of a cooperative
//! launch, and [`Active`] for the lanes of a warp that happen to be together.
//!
//! # Collective
//!
//! What threads do together is `unsafe`, and the duty is the same everywhere. Functions say that they
//! are *collective*, which means:
//!
//! - Every thread of the group makes the same call: the branches on the way to it do not depend on the
//!   thread, and none of the group's threads has exited.
//! - The group is whole: a block whose number of threads is no multiple of a tile's has a last tile
//!   that is not, and its threads make no collective call of that tile.
//!
//! No type can prove that two threads take the same branch. What goes wrong is found by the simulator,
//! as `WarpMask`, `Deadlock`, `BarrierNotReached` or `BarrierMismatch`.
//!
//! ```
//! use cuda_std::groups::Tile;
//! use cuda_std::prelude::*;
//!
//! /// Each row's sum, 8 threads to a row of 8 numbers. Launch: blocks of a multiple of 8 threads.
//! #[kernel]
//! pub fn sum_rows(x: &[f32], mut sums: DisjointSlice<f32>) {
//!     let tile = Tile::<8>::this();
//!     let idx = thread::index_1d() as usize;
//!     let x = x.get(idx).copied().unwrap_or(0.0);
//!     // SAFETY: every thread gets here, and the blocks are whole tiles.
//!     let sum = unsafe { tile.reduce(x, |a, b| a + b) };
//!     if tile.rank() == 0 {
//!         // SAFETY: one thread of each row.
//!         if let Some(place) = unsafe { sums.get_mut(idx / 8) } {
//!             *place = sum;
//!         }
//!     }
//! }
//! # fn main() {}
//! ```

mod active;
mod block;
mod grid;
mod reduce;
mod tile;

pub use active::Active;
pub use block::Block;
pub use grid::{Grid, GridBarrier};
pub use reduce::ReduceValue;
pub use tile::{Tile, Warp};

use core::marker::PhantomData;

use crate::warp::{WarpShuffleMode, WarpShuffleValue};

/// A group is the thread's own view: what one thread knows of it is of no use to another.
type OfThisThread = PhantomData<*const ()>;

/// Two values are exchanged one after the other.
impl<A: WarpShuffleValue, B: WarpShuffleValue> WarpShuffleValue for (A, B) {
    #[inline(always)]
    unsafe fn shuffle(
        mode: WarpShuffleMode,
        mask: u32,
        value: (A, B),
        b: u32,
        width: u32,
    ) -> ((A, B), bool) {
        // SAFETY: the caller's promise is that of both shuffles.
        let (first, is_there) = unsafe { A::shuffle(mode, mask, value.0, b, width) };
        // SAFETY: as above.
        let (second, _) = unsafe { B::shuffle(mode, mask, value.1, b, width) };
        ((first, second), is_there)
    }
}
