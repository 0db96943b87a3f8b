//! Which thread this is, and waiting for the others of its block.

/// Reads a special register; `None` of them exist on the host.
macro_rules! special_register {
    ($($(#[$doc:meta])* $name:ident = $intrinsic:ident;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name() -> u32 {
            #[cfg(target_arch = "nvptx64")]
            // SAFETY: reading a special register has no precondition.
            #[allow(clippy::unnecessary_cast)]
            unsafe {
                core::arch::nvptx::$intrinsic() as u32
            }
            #[cfg(not(target_arch = "nvptx64"))]
            crate::only_on_device(concat!("thread::", stringify!($name)))
        }
    )*};
}

special_register! {
    /// The thread's index in its block, x.
    thread_idx_x = _thread_idx_x;
    /// The thread's index in its block, y.
    thread_idx_y = _thread_idx_y;
    /// The thread's index in its block, z.
    thread_idx_z = _thread_idx_z;
    /// The block's index in the grid, x.
    block_idx_x = _block_idx_x;
    /// The block's index in the grid, y.
    block_idx_y = _block_idx_y;
    /// The block's index in the grid, z.
    block_idx_z = _block_idx_z;
    /// Threads of a block, x.
    block_dim_x = _block_dim_x;
    /// Threads of a block, y.
    block_dim_y = _block_dim_y;
    /// Threads of a block, z.
    block_dim_z = _block_dim_z;
    /// Blocks of the grid, x.
    grid_dim_x = _grid_dim_x;
    /// Blocks of the grid, y.
    grid_dim_y = _grid_dim_y;
    /// Blocks of the grid, z.
    grid_dim_z = _grid_dim_z;
}

/// The thread's index in the whole grid, over all its dimensions; no two threads have the same,
/// unless the grid has more than 2³² threads.
#[inline(always)]
pub fn index() -> u32 {
    let block_idx = block_idx_x() + grid_dim_x() * (block_idx_y() + grid_dim_y() * block_idx_z());
    let thread_idx =
        thread_idx_x() + block_dim_x() * (thread_idx_y() + block_dim_y() * thread_idx_z());
    block_idx * (block_dim_x() * block_dim_y() * block_dim_z()) + thread_idx
}

/// The thread's index along x in the whole grid: unique where block and grid have one dimension.
#[inline(always)]
pub fn index_1d() -> u32 {
    thread_idx_x() + block_idx_x() * block_dim_x()
}

/// Whether this is thread (0, 0, 0) of block (0, 0, 0).
#[inline(always)]
pub fn first() -> bool {
    block_idx_x() | block_idx_y() | block_idx_z() | thread_idx_x() | thread_idx_y() | thread_idx_z()
        == 0
}

/// Threads of a warp: 32 on every device so far.
#[inline(always)]
pub fn warp_size() -> u32 {
    crate::warp::WARP_SIZE
}

/// Waits until every thread of the block is here; what each wrote before, to shared or global
/// memory, is then visible to all of them.
///
/// # Safety
///
/// - Either every thread of the block that has not exited calls this same `sync_threads`, or none
///   does: no branch on the way to it may depend on the thread.
#[inline(always)]
pub unsafe fn sync_threads() {
    #[cfg(target_arch = "nvptx64")]
    // SAFETY: the caller's promise is the barrier's only precondition.
    unsafe {
        core::arch::nvptx::_syncthreads()
    }
    #[cfg(not(target_arch = "nvptx64"))]
    crate::only_on_device("thread::sync_threads")
}
