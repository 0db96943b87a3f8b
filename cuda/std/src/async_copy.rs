//! Copies from global to shared memory that go on while the thread computes: `cp.async`, from compute
//! capability 8.0 on.
//!
//! The functions `cp_async_*` are Rust-CUDA's, with a variant that fills up with zeros. What goes
//! beyond is a [`Pipeline`]: a few stages of shared memory, of which one is read while the copies into
//! the others are under way. It hands out a stage only once that has come, and not for longer than
//! until the next one: a stage that is still being written cannot be read.
//!
//! ```
//! use cuda_std::async_stages;
//! use cuda_std::prelude::*;
//!
//! /// The sum of each column of a matrix of 128 columns, three rows under way at a time.
//! /// Launch: one block of 128 threads.
//! #[kernel]
//! pub fn sum_columns(x: &[f32], mut sums: PerThread<f32>) {
//!     // SAFETY: evaluated once; `x` is a parameter of the kernel, and lies in global memory.
//!     let mut rows = unsafe {
//!         async_stages![f32; 128; stages 4]
//!             .start(x.len() / 128, |row, column| x.get(128 * row + column))
//!     };
//!     let mut sum = 0.0;
//!     // SAFETY: every thread of the block gets here.
//!     while let Some(row) = unsafe { rows.next() } {
//!         sum += row[thread::thread_idx_x() as usize % 128];
//!     }
//!     if let Some(total) = sums.get_mut() {
//!         *total = sum;
//!     }
//! }
//! # fn main() {}
//! ```

use core::marker::PhantomData;
use core::ops::Deref;

use crate::groups::Block;
use crate::kernel::DeviceValue;
use crate::phased::Element;
use crate::thread;

/// Starts the copy of a `T` from global to shared memory, through the caches of the multiprocessor
/// and of the device. `T` has 4, 8 or 16 bytes, or it does not compile.
///
/// # Safety
///
/// - `dst` points to shared memory, `src` to global memory, both aligned to the size of `T`.
/// - Until the copy has been waited for, nothing reads or writes `dst`, nothing writes `src`, and both
///   live.
#[inline(always)]
pub unsafe fn cp_async_ca<T>(dst: *mut T, src: *const T) {
    // SAFETY: the caller's promise; all bytes are read.
    unsafe { cp_async_ca_zfill(dst, src, size_of::<T>() as u32) }
}

/// Starts the copy of a `T` of 16 bytes, or it does not compile, from global to shared memory, through
/// the device's cache alone: for what is read once.
///
/// # Safety
///
/// - As for [`cp_async_ca`].
#[inline(always)]
pub unsafe fn cp_async_cg<T>(dst: *mut T, src: *const T) {
    // SAFETY: the caller's promise; all bytes are read.
    unsafe { cp_async_cg_zfill(dst, src, size_of::<T>() as u32) }
}

macro_rules! copies {
    ($cache:literal, $name:literal, $dst:ident, $src:ident, $n_bytes:ident, $($size:literal)*) => {{
        #[cfg(target_arch = "nvptx64")]
        match size_of::<T>() {
            $(
                // SAFETY: the caller vouches for both addresses.
                $size => unsafe {
                    core::arch::asm!(
                        concat!(
                            "{{ .reg .b64 %cp_dst, %cp_src; ",
                            "cvta.to.shared.u64 %cp_dst, {dst}; ",
                            "cvta.to.global.u64 %cp_src, {src}; ",
                            "cp.async.", $cache, ".shared.global [%cp_dst], [%cp_src], ", $size,
                            ", {n_bytes}; }}",
                        ),
                        dst = in(reg64) $dst,
                        src = in(reg64) $src,
                        n_bytes = in(reg32) $n_bytes,
                        options(nostack, preserves_flags),
                    );
                },
            )*
            _ => {}
        }
        #[cfg(not(target_arch = "nvptx64"))]
        {
            let _ = ($dst, $src, $n_bytes);
            crate::only_on_device(concat!("async_copy::", $name))
        }
    }};
}

/// As [`cp_async_ca`], and reads only the first `n_bytes`: the rest of the `T` becomes zeros.
///
/// # Safety
///
/// - As for [`cp_async_ca`], where `src` needs to point to `n_bytes` bytes alone, and is aligned all
///   the same.
/// - `n_bytes` is at most the size of `T`.
#[inline(always)]
pub unsafe fn cp_async_ca_zfill<T>(dst: *mut T, src: *const T, n_bytes: u32) {
    const {
        assert!(
            matches!(size_of::<T>(), 4 | 8 | 16),
            "cp.async copies 4, 8 or 16 bytes"
        );
    }
    copies!("ca", "cp_async_ca", dst, src, n_bytes, 4 8 16)
}

/// As [`cp_async_cg`], and reads only the first `n_bytes`: the rest of the `T` becomes zeros.
///
/// # Safety
///
/// - As for [`cp_async_ca_zfill`].
#[inline(always)]
pub unsafe fn cp_async_cg_zfill<T>(dst: *mut T, src: *const T, n_bytes: u32) {
    const {
        assert!(size_of::<T>() == 16, "cp.async.cg copies 16 bytes");
    }
    copies!("cg", "cp_async_cg", dst, src, n_bytes, 16)
}

macro_rules! instruction {
    ($name:literal, $($assembly:tt)*) => {{
        #[cfg(target_arch = "nvptx64")]
        // SAFETY: it only waits, or counts.
        unsafe {
            core::arch::asm!($($assembly)*, options(nostack, preserves_flags))
        }
        #[cfg(not(target_arch = "nvptx64"))]
        crate::only_on_device(concat!("async_copy::", $name))
    }};
}

/// Makes a group of all copies that the thread has started since the last group.
#[inline(always)]
pub fn cp_async_commit_group() {
    instruction!("cp_async_commit_group", "cp.async.commit_group;")
}

/// Waits until at most `N` of this thread's groups are under way: all but the `N` newest have come.
/// Other threads see what was copied after a barrier.
#[inline(always)]
pub fn cp_async_wait_group<const N: u32>() {
    instruction!("cp_async_wait_group", "cp.async.wait_group {};", const N)
}

/// Waits until all of this thread's copies have come.
#[inline(always)]
pub fn cp_async_wait_all() {
    instruction!("cp_async_wait_all", "cp.async.wait_all;")
}

/// [`Stages`] of shared memory: `async_stages![T; N; stages S]` is `S` tiles of `N` elements, one such
/// array for each place where this is written.
///
/// It is an `unsafe` expression.
///
/// # Safety
///
/// - It is evaluated once by each thread of a launch; or all threads of the block have dropped the
///   pipeline that it gave before, and passed a barrier since.
#[macro_export]
macro_rules! async_stages {
    ($element:ty; $n:expr; stages $stages:expr) => {
        $crate::async_copy::Stages::<$element, { $n }, { $stages }>::from_shared(
            $crate::shared_array![$element; $n * $stages],
        )
    };
}

/// Memory for a [`Pipeline`]: `STAGES` tiles of `N` elements.
pub struct Stages<T, const N: usize, const STAGES: usize>(*mut T);

impl<T: Element + DeviceValue, const N: usize, const STAGES: usize> Stages<T, N, STAGES> {
    /// The stages in an array of shared memory; [`async_stages!`](crate::async_stages) calls it.
    ///
    /// # Safety
    ///
    /// - `start` is that of `N * STAGES` elements of shared memory, aligned to 16 bytes, the same in
    ///   all threads of the block, which nothing but these stages reaches.
    #[doc(hidden)]
    #[inline(always)]
    pub unsafe fn from_shared(start: *mut T) -> Stages<T, N, STAGES> {
        Stages(start)
    }

    /// Starts the copies of the first tiles, of `n_tiles`. Element `i` of tile `k` is `source(k, i)`, or
    /// zeros if that is `None`; thread `i` modulo the block's threads copies it.
    ///
    /// # Safety
    ///
    /// - What `source` returns lies in global memory.
    #[inline(always)]
    pub unsafe fn start<'a, F: Fn(usize, usize) -> Option<&'a T>>(
        self,
        n_tiles: usize,
        source: F,
    ) -> Pipeline<'a, T, N, STAGES, F> {
        const {
            assert!(
                STAGES >= 2,
                "a pipeline has at least two stages: one is read while another one is written"
            );
            assert!(
                matches!(size_of::<T>(), 4 | 8 | 16) && align_of::<T>() == size_of::<T>(),
                "an element of a pipeline has 4, 8 or 16 bytes, and is aligned to them"
            );
        }
        let pipeline = Pipeline {
            start: self.0,
            source,
            n_tiles,
            next_tile: 0,
            next_stage: 0,
            _borrow: PhantomData,
        };
        let mut stage = 0;
        while stage < STAGES - 1 {
            pipeline.start_copies(stage, stage);
            stage += 1;
        }
        pipeline
    }
}

/// Tiles of global memory that come one after the other into a ring of `STAGES` tiles of shared memory:
/// while one is read, the next `STAGES - 1` are under way.
pub struct Pipeline<'a, T, const N: usize, const STAGES: usize, F> {
    start: *mut T,
    source: F,
    n_tiles: usize,
    next_tile: usize,
    next_stage: usize,
    _borrow: PhantomData<&'a T>,
}

impl<'a, T, const N: usize, const STAGES: usize, F> Pipeline<'a, T, N, STAGES, F>
where
    T: Element + DeviceValue,
    F: Fn(usize, usize) -> Option<&'a T>,
{
    /// Waits for the next tile; `None` after the last one. One barrier per tile: behind it the tile of
    /// the call before is no longer read, and the copies of the last of the next `STAGES - 1` begin into
    /// its stage.
    ///
    /// # Safety
    ///
    /// - Every thread of the block calls it: the branches on the way here do not depend on the thread,
    ///   and none has exited.
    // A tile borrows the pipeline: it is no `Iterator`.
    #[allow(clippy::should_implement_trait)]
    #[inline(always)]
    pub unsafe fn next(&mut self) -> Option<Stage<'_, T, N>> {
        if self.next_tile == self.n_tiles {
            return None;
        }
        // Of the groups, one per tile, all but the last `STAGES - 2` have come: the next tile's is
        // among them.
        wait_for_all_but::<STAGES>();
        // Makes all threads' copies of the next tile visible, and keeps the copies below behind all
        // threads' reads of the tile before.
        thread::sync_threads();
        let (tile, stage) = (self.next_tile, self.next_stage);
        let free_stage = if stage == 0 { STAGES - 1 } else { stage - 1 };
        self.start_copies(tile + STAGES - 1, free_stage);
        self.next_tile += 1;
        self.next_stage = if stage == STAGES - 1 { 0 } else { stage + 1 };
        Some(Stage {
            start: self.start,
            offset: stage * N,
            _borrow: PhantomData,
        })
    }

    /// Starts this thread's copies of a tile, as a group, which is empty behind the last tile.
    #[inline(always)]
    fn start_copies(&self, tile: usize, stage: usize) {
        if tile < self.n_tiles {
            let block = Block::this();
            let mut i = block.rank() as usize;
            while i < N {
                let dst = self.start.wrapping_add(stage * N + i);
                let (src, n_bytes) = match (self.source)(tile, i) {
                    Some(element) => (&raw const *element, size_of::<T>() as u32),
                    None => (core::ptr::null(), 0),
                };
                // SAFETY: `dst` is an element of the stage, which no one reads, and belongs to this
                // thread; `src` is borrowed for the pipeline's lifetime and in global memory by the
                // promise of `start`, or nothing is read.
                unsafe {
                    if size_of::<T>() == 16 {
                        cp_async_cg_zfill_any(dst, src, n_bytes);
                    } else {
                        cp_async_ca_zfill(dst, src, n_bytes);
                    }
                }
                i += block.size() as usize;
            }
        }
        cp_async_commit_group();
    }
}

/// A tile of a [`Pipeline`], which may be read until the next one comes.
// Not a reference: an `Option` of one would be null or an address of shared memory, which the machine
// cannot tell from one of global memory.
pub struct Stage<'a, T, const N: usize> {
    start: *const T,
    offset: usize,
    _borrow: PhantomData<&'a [T; N]>,
}

impl<T, const N: usize> Deref for Stage<'_, T, N> {
    type Target = [T; N];

    #[inline(always)]
    fn deref(&self) -> &[T; N] {
        // SAFETY: a stage, all of which was copied, and into which no copies start before the barrier of
        // the next call of `next`, which ends the borrow.
        unsafe { &*self.start.add(self.offset).cast::<[T; N]>() }
    }
}

/// [`cp_async_cg_zfill`] for code that is compiled for elements of any size.
///
/// # Safety
///
/// - As there, and `T` has 16 bytes.
#[inline(always)]
unsafe fn cp_async_cg_zfill_any<T>(dst: *mut T, src: *const T, n_bytes: u32) {
    copies!("cg", "Pipeline", dst, src, n_bytes, 16)
}

/// Waits for all groups but the newest `STAGES - 2`.
#[inline(always)]
fn wait_for_all_but<const STAGES: usize>() {
    instruction!("Pipeline", "cp.async.wait_group {};", const STAGES - 2)
}
