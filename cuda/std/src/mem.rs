//! Memory that kernels allocate: the device's own heap behind `Box`, `Vec` and `String`, and the
//! sizes of shared memory.
//!
//! The heap is the device's, not the thread's: a pointer is good in every thread and in later
//! launches, until some thread frees it. Its size is set by the host (`cuCtxSetLimit` with
//! `CU_LIMIT_MALLOC_HEAP_SIZE`, 8 MiB by default). When it is full, a collection's allocation
//! panics. An allocation by each thread is slow: thousands of threads queue for one heap.

use core::alloc::{GlobalAlloc, Layout};
use core::ffi::c_void;

#[cfg(target_arch = "nvptx64")]
unsafe extern "C" {
    /// `size` bytes of the device's heap, aligned to 16; null if there are none or `size` is 0.
    pub fn malloc(size: usize) -> *mut c_void;

    /// Gives back what [`malloc`] returned; nothing happens for null.
    ///
    /// # Safety
    ///
    /// - `ptr` is null, or came from [`malloc`] in some thread and has not been freed.
    pub fn free(ptr: *mut c_void);
}

/// `size` bytes of the device's heap, aligned to 16; null if there are none or `size` is 0.
///
/// # Safety
///
/// - None of the caller: it is unsafe because it is a foreign function on the device.
#[cfg(not(target_arch = "nvptx64"))]
pub unsafe fn malloc(size: usize) -> *mut c_void {
    let _ = size;
    crate::only_on_device("mem::malloc")
}

/// Gives back what [`malloc`] returned; nothing happens for null.
///
/// # Safety
///
/// - `ptr` is null, or came from [`malloc`] in some thread and has not been freed.
#[cfg(not(target_arch = "nvptx64"))]
pub unsafe fn free(ptr: *mut c_void) {
    let _ = ptr;
    crate::only_on_device("mem::free")
}

/// What [`malloc`] aligns to.
const ALIGNMENT: usize = 16;

/// The device's heap as Rust's allocator.
#[derive(Debug, Clone, Copy, Default)]
pub struct CUDAAllocator;

// SAFETY: `malloc` returns memory that nothing else uses until `free`, or null. A larger alignment
// than its own is made within a larger allocation, whose beginning stands right before the result.
unsafe impl GlobalAlloc for CUDAAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= ALIGNMENT {
            // SAFETY: any size may be asked for.
            return unsafe { malloc(layout.size()) }.cast();
        }
        // The sum does not overflow: a layout's size, rounded up to its alignment, is an `isize`.
        // SAFETY: any size may be asked for.
        let start: *mut u8 = unsafe { malloc(layout.size() + layout.align()) }.cast();
        if start.is_null() {
            return start;
        }
        // The next multiple above the start. Both are multiples of 16, so a pointer fits between.
        let offset = layout.align() - start.addr() % layout.align();
        // SAFETY: the offset is at most the alignment, by which the allocation is larger, and at
        // least 16; the word before an aligned address is aligned for a pointer.
        unsafe {
            let aligned = start.add(offset);
            aligned.cast::<*mut u8>().sub(1).write(start);
            aligned
        }
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        let start = if layout.align() <= ALIGNMENT {
            ptr
        } else {
            // SAFETY: `alloc` got the same layout, and wrote the word before what it returned.
            unsafe { ptr.cast::<*mut u8>().sub(1).read() }
        };
        // SAFETY: the caller's pointer came from `alloc`, so the start came from `malloc`.
        unsafe { free(start.cast()) }
    }
}

/// What `Box`, `Vec` and `String` take their memory from in a kernel.
#[cfg_attr(target_arch = "nvptx64", global_allocator)]
pub static GLOBAL_ALLOCATOR: CUDAAllocator = CUDAAllocator;

/// Bytes of shared memory that the launch has added to the kernel's own.
#[inline(always)]
pub fn dynamic_smem_size() -> u32 {
    #[cfg(target_arch = "nvptx64")]
    {
        let bytes;
        // SAFETY: reads a special register that does not change.
        unsafe {
            core::arch::asm!("mov.u32 {}, %dynamic_smem_size;", out(reg32) bytes, options(pure, nomem, nostack));
        }
        bytes
    }
    #[cfg(not(target_arch = "nvptx64"))]
    crate::only_on_device("mem::dynamic_smem_size")
}

/// Bytes of shared memory of the block: the kernel's own and what the launch has added, rounded up
/// to the unit in which the device gives it out (128 bytes on recent ones).
#[inline(always)]
pub fn total_smem_size() -> u32 {
    #[cfg(target_arch = "nvptx64")]
    {
        let bytes;
        // SAFETY: reads a special register that does not change.
        unsafe {
            core::arch::asm!("mov.u32 {}, %total_smem_size;", out(reg32) bytes, options(pure, nomem, nostack));
        }
        bytes
    }
    #[cfg(not(target_arch = "nvptx64"))]
    crate::only_on_device("mem::total_smem_size")
}

/// What comparisons of slices and strings call. `cuda_builder` takes it out of PTX that does not call
/// it: with `linkonce` linkage it would be gone before the call is there.
///
/// # Safety
///
/// - Both pointers are valid for reads of `len` bytes.
#[cfg(target_arch = "nvptx64")]
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    let mut idx = 0;
    while idx < len {
        // SAFETY: the index is below the length.
        let (x, y) = unsafe { (a.add(idx).read(), b.add(idx).read()) };
        if x != y {
            return i32::from(x) - i32::from(y);
        }
        idx += 1;
    }
    0
}
