//! Which thread this is, waiting for the others of its block, and fences.
//!
//! A grid is blocks in up to three dimensions, a block is threads in up to three. With the cargo
//! feature `glam`, which is on by default, the indices and sizes can be had as vectors too.
//!
//! The compiler knows the ranges of all of these: an index in a block is below 1024 (z: below 64), a
//! size at least 1.

#[cfg(feature = "glam")]
use glam::{UVec2, UVec3};

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

#[cfg(feature = "glam")]
macro_rules! vectors {
    ($($(#[$doc:meta])* $name:ident = $x:ident, $y:ident, $z:ident;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name() -> UVec3 {
            UVec3::new($x(), $y(), $z())
        }
    )*};
}

#[cfg(feature = "glam")]
vectors! {
    /// The thread's index in its block.
    thread_idx = thread_idx_x, thread_idx_y, thread_idx_z;
    /// The block's index in the grid.
    block_idx = block_idx_x, block_idx_y, block_idx_z;
    /// Threads of a block.
    block_dim = block_dim_x, block_dim_y, block_dim_z;
    /// Blocks of the grid.
    grid_dim = grid_dim_x, grid_dim_y, grid_dim_z;
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

/// The thread's indices along x and y in the whole grid: unique where block and grid have two
/// dimensions.
#[cfg(feature = "glam")]
#[inline(always)]
pub fn index_2d() -> UVec2 {
    UVec2::new(
        thread_idx_x() + block_idx_x() * block_dim_x(),
        thread_idx_y() + block_idx_y() * block_dim_y(),
    )
}

/// The thread's indices along x, y and z in the whole grid; no two threads have the same.
#[cfg(feature = "glam")]
#[inline(always)]
pub fn index_3d() -> UVec3 {
    UVec3::new(
        thread_idx_x() + block_idx_x() * block_dim_x(),
        thread_idx_y() + block_idx_y() * block_dim_y(),
        thread_idx_z() + block_idx_z() * block_dim_z(),
    )
}

/// Whether this is thread (0, 0, 0) of block (0, 0, 0): true in one thread of the launch.
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

// Intrinsics, which LLVM knows to be convergent: it neither duplicates such a call nor moves it
// into or out of a branch. It knows nothing of the kind of `asm!`.
#[cfg(target_arch = "nvptx64")]
unsafe extern "C" {
    #[link_name = "llvm.nvvm.barrier.cta.sync.aligned.all"]
    fn barrier_sync(barrier: u32);
    #[link_name = "llvm.nvvm.barrier.cta.red.popc.aligned.all"]
    fn barrier_count(barrier: u32, predicate: bool) -> u32;
    #[link_name = "llvm.nvvm.barrier.cta.red.and.aligned.all"]
    fn barrier_and(barrier: u32, predicate: bool) -> bool;
    #[link_name = "llvm.nvvm.barrier.cta.red.or.aligned.all"]
    fn barrier_or(barrier: u32, predicate: bool) -> bool;
    #[link_name = "llvm.nvvm.membar.gl"]
    safe fn membar_device();
    #[link_name = "llvm.nvvm.membar.sys"]
    safe fn membar_system();
    #[link_name = "llvm.nvvm.nanosleep"]
    safe fn sleep(nanoseconds: u32);
}

/// Calls an intrinsic; there is none on the host.
macro_rules! device_only {
    ($name:literal, $($argument:ident)?, $call:expr) => {{
        #[cfg(target_arch = "nvptx64")]
        {
            $call
        }
        #[cfg(not(target_arch = "nvptx64"))]
        {
            $(let _ = $argument;)?
            crate::only_on_device(concat!("thread::", $name))
        }
    }};
}

/// Waits until every thread of the block is here; what each wrote before, to shared or global
/// memory, is then visible to all of them.
///
/// Either every thread of the block that has not exited calls this same `sync_threads`, or none
/// does: no branch on the way to it may depend on the thread. Where some threads do not come, the
/// block waits forever, or the device takes another barrier for this one, and the threads go on with
/// data that is not there yet. As in Rust-CUDA the function is safe all the same; the simulator
/// reports such a barrier.
#[inline(always)]
pub fn sync_threads() {
    // SAFETY: barrier 0 is there in every block.
    device_only!("sync_threads", , unsafe { barrier_sync(0) })
}

/// As [`sync_threads`], and returns in how many of the block's threads `predicate` is not 0.
#[inline(always)]
pub fn sync_threads_count(predicate: u32) -> u32 {
    // SAFETY: barrier 0 is there in every block.
    device_only!("sync_threads_count", predicate, unsafe {
        barrier_count(0, predicate != 0)
    })
}

/// As [`sync_threads`], and returns 1 if `predicate` is not 0 in all of the block's threads, 0 else.
#[inline(always)]
pub fn sync_threads_and(predicate: u32) -> u32 {
    // SAFETY: barrier 0 is there in every block.
    device_only!(
        "sync_threads_and",
        predicate,
        u32::from(unsafe { barrier_and(0, predicate != 0) })
    )
}

/// As [`sync_threads`], and returns 1 if `predicate` is not 0 in at least one of the block's
/// threads, 0 else.
#[inline(always)]
pub fn sync_threads_or(predicate: u32) -> u32 {
    // SAFETY: barrier 0 is there in every block.
    device_only!(
        "sync_threads_or",
        predicate,
        u32::from(unsafe { barrier_or(0, predicate != 0) })
    )
}

/// Orders this thread's accesses to memory, before and after, for all threads of the grid. No thread
/// waits for another.
#[inline(always)]
pub fn grid_fence() {
    device_fence();
}

/// Orders this thread's accesses to memory, before and after, for all threads of the device. No
/// thread waits for another.
#[inline(always)]
pub fn device_fence() {
    device_only!("device_fence", , membar_device())
}

/// Orders this thread's accesses to memory, before and after, for the host and the other devices as
/// well. No thread waits for another.
#[inline(always)]
pub fn system_fence() {
    device_only!("system_fence", , membar_system())
}

/// Suspends the thread for about `nanos` nanoseconds, at most for twice as many and at most for a
/// millisecond. In a loop that waits for another thread it leaves the processor to that thread.
#[inline(always)]
pub fn nanosleep(nanos: u32) {
    device_only!("nanosleep", nanos, sleep(nanos))
}
