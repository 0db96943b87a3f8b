//! The threads of a block.

use core::marker::PhantomData;

use super::OfThisThread;
use crate::thread;

/// The threads of a thread block.
#[derive(Debug, Clone, Copy)]
pub struct Block(OfThisThread);

impl Block {
    /// The block that the thread is in.
    #[inline(always)]
    pub fn this() -> Block {
        Block(PhantomData)
    }

    /// Threads along x, y and z.
    #[inline(always)]
    pub fn dims(self) -> [u32; 3] {
        [
            thread::block_dim_x(),
            thread::block_dim_y(),
            thread::block_dim_z(),
        ]
    }

    /// The thread's index along x, y and z.
    #[inline(always)]
    pub fn thread_idx(self) -> [u32; 3] {
        [
            thread::thread_idx_x(),
            thread::thread_idx_y(),
            thread::thread_idx_z(),
        ]
    }

    /// Threads of the block.
    #[inline(always)]
    pub fn size(self) -> u32 {
        let [x, y, z] = self.dims();
        x * y * z
    }

    /// The thread's number in the block, x first: below [`size`](Block::size).
    #[inline(always)]
    pub fn rank(self) -> u32 {
        let [x, y, z] = self.thread_idx();
        let [x_dim, y_dim, _] = self.dims();
        let rank = x + x_dim * (y + y_dim * z);
        // SAFETY: the hardware counts each index below its dimension.
        unsafe { core::hint::assert_unchecked(rank < self.size()) };
        rank
    }

    /// Waits until every thread of the block is here; what each wrote before, to shared or global
    /// memory, is then visible to all of them.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn sync(self) {
        thread::sync_threads();
    }

    /// Whether `predicate` is true in every thread; waits as [`sync`](Block::sync) does.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn all(self, predicate: bool) -> bool {
        thread::sync_threads_and(predicate.into()) != 0
    }

    /// Whether `predicate` is true in a thread; waits as [`sync`](Block::sync) does.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn any(self, predicate: bool) -> bool {
        thread::sync_threads_or(predicate.into()) != 0
    }

    /// In how many threads `predicate` is true; waits as [`sync`](Block::sync) does.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    #[inline(always)]
    pub unsafe fn count(self, predicate: bool) -> u32 {
        thread::sync_threads_count(predicate.into())
    }
}
