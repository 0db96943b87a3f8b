//! All blocks of a cooperative launch.

use core::marker::PhantomData;
use core::sync::atomic::AtomicU32;

use super::{Block, OfThisThread};
use crate::thread;

/// All threads of a launch.
///
/// [`Grid::sync`] waits for all blocks, and so all of them must be on the device at a time: the launch
/// is a *cooperative* one (`cuLaunchCooperativeKernel`), which the driver refuses if they do not fit.
/// Another launch hangs if the last blocks wait for room while the first ones wait for them.
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    barrier: &'static GridBarrier,
    _thread: OfThisThread,
}

/// The barrier of [`Grid::this`].
static BARRIER: GridBarrier = GridBarrier::new();

impl Grid {
    /// The grid that the thread is in, with the barrier that all kernels of a module share.
    ///
    /// Two cooperative launches that run at the same time need a barrier each: see
    /// [`with_barrier`](Grid::with_barrier).
    #[inline(always)]
    pub fn this() -> Grid {
        Grid::with_barrier(&BARRIER)
    }

    /// The grid that the thread is in, with a barrier of its own: a static of the crate.
    #[inline(always)]
    pub fn with_barrier(barrier: &'static GridBarrier) -> Grid {
        Grid {
            barrier,
            _thread: PhantomData,
        }
    }

    /// Blocks of the grid.
    #[inline(always)]
    pub fn n_blocks(self) -> u64 {
        u64::from(thread::grid_dim_x())
            * u64::from(thread::grid_dim_y())
            * u64::from(thread::grid_dim_z())
    }

    /// The block's number in the grid, x first.
    #[inline(always)]
    pub fn block_rank(self) -> u64 {
        let row = u64::from(thread::block_idx_y())
            + u64::from(thread::grid_dim_y()) * u64::from(thread::block_idx_z());
        u64::from(thread::block_idx_x()) + u64::from(thread::grid_dim_x()) * row
    }

    /// Threads of the grid.
    #[inline(always)]
    pub fn size(self) -> u64 {
        self.n_blocks() * u64::from(Block::this().size())
    }

    /// The thread's number in the grid: blocks in their order, and threads in theirs within a block.
    #[inline(always)]
    pub fn rank(self) -> u64 {
        let block = Block::this();
        self.block_rank() * u64::from(block.size()) + u64::from(block.rank())
    }

    /// Waits until every thread of the grid is here; what each wrote before, to global memory, is then
    /// visible to all of them.
    ///
    /// # Safety
    ///
    /// - [Collective](super#collective).
    /// - The launch is cooperative, and no other launch that runs at the same time uses the same
    ///   barrier.
    #[inline(always)]
    pub unsafe fn sync(self) {
        // Between the block's writes and its arrival.
        thread::sync_threads();
        if Block::this().rank() == 0 {
            self.barrier.wait(self.n_blocks(), self.block_rank() == 0);
        }
        // Between the others' arrivals and the block's reads.
        thread::sync_threads();
    }
}

/// Where the blocks of a grid wait for each other: a static in global memory.
///
/// It is a word whose highest bit flips each time that all blocks have arrived: the first block adds
/// what the others leave to be added, one each, so that the lower bits are zero again afterwards.
/// Hence it serves any number of times, in grids of any size, and no one sets it back.
#[derive(Debug)]
pub struct GridBarrier(AtomicU32);

impl GridBarrier {
    /// A barrier at which no block waits.
    pub const fn new() -> GridBarrier {
        GridBarrier(AtomicU32::new(0))
    }

    /// One thread of each block calls it.
    #[inline(always)]
    fn wait(&self, n_blocks: u64, is_first: bool) {
        #[cfg(target_arch = "nvptx64")]
        {
            const PHASE: u32 = 1 << 31;
            let arrival = if is_first {
                PHASE - (n_blocks as u32 - 1)
            } else {
                1
            };
            let before: u32;
            // SAFETY: the word lives as long as the module. Release: what the block has written is
            // visible to whoever sees the arrival.
            unsafe {
                core::arch::asm!(
                    "atom.acq_rel.gpu.add.u32 {}, [{}], {};",
                    out(reg32) before,
                    in(reg64) self.0.as_ptr(),
                    in(reg32) arrival,
                    options(nostack, preserves_flags),
                );
            }
            loop {
                let now: u32;
                // SAFETY: as above. Acquire: what others wrote before they arrived is visible.
                unsafe {
                    core::arch::asm!(
                        "ld.acquire.gpu.u32 {}, [{}];",
                        out(reg32) now,
                        in(reg64) self.0.as_ptr(),
                        options(nostack, preserves_flags),
                    );
                }
                if (now ^ before) & PHASE != 0 {
                    break;
                }
            }
        }
        #[cfg(not(target_arch = "nvptx64"))]
        {
            let _ = (&self.0, n_blocks, is_first);
            crate::only_on_device("groups::Grid::sync")
        }
    }
}

impl Default for GridBarrier {
    fn default() -> GridBarrier {
        GridBarrier::new()
    }
}
