//! What a kernel does when it panics: it writes down which kernel and thread it was, and traps.
//!
//! A trap ends the launch and makes the context unusable, so no device memory can be read
//! afterwards. The record therefore lies in host memory that the device sees; the host puts its
//! address into the global [`RECORD_SYMBOL`] of each module that it loads. The first thread to
//! panic writes, the others only trap.

/// The name of the global that holds the record's address.
pub const RECORD_SYMBOL: &str = "cuda_std_panic_record";

/// What the first panicking thread leaves behind.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct PanicRecord {
    /// 0 until a thread panics, [`PanicRecord::CLAIMED`] while it writes, [`PanicRecord::WRITTEN`] then.
    pub state: u32,
    /// [`Kernel::ID`](crate::kernel::Kernel::ID) of the kernel.
    pub kernel_id: u32,
    /// The block's index in the grid.
    pub block_idx: [u32; 3],
    /// The thread's index in its block.
    pub thread_idx: [u32; 3],
}

impl PanicRecord {
    /// A thread is writing the record.
    pub const CLAIMED: u32 = 1;
    /// The record is whole.
    pub const WRITTEN: u32 = 2;
    /// No panic yet.
    pub const EMPTY: PanicRecord = PanicRecord {
        state: 0,
        kernel_id: 0,
        block_idx: [0; 3],
        thread_idx: [0; 3],
    };
}

#[cfg(target_arch = "nvptx64")]
mod device {
    use core::arch::{asm, global_asm};
    use core::panic::PanicInfo;
    use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

    use super::PanicRecord;
    use crate::thread;

    // One word per block. Every thread writes the same value and reads it only after its own write.
    global_asm!(".shared .align 4 .b32 cuda_std_kernel_id;");

    #[unsafe(no_mangle)]
    static cuda_std_panic_record: AtomicPtr<PanicRecord> = AtomicPtr::new(core::ptr::null_mut());

    /// Remembers which kernel this is. `#[kernel]` puts it first in every entry point.
    ///
    /// # Safety
    ///
    /// - Called only by what `#[kernel]` writes, with the kernel's own id.
    #[doc(hidden)]
    #[inline(always)]
    pub unsafe fn enter_kernel(id: u32) {
        // SAFETY: the word is ours; equal values from all threads do not race.
        unsafe {
            asm!("st.shared.u32 [cuda_std_kernel_id], {};", in(reg32) id, options(nostack, preserves_flags));
        }
    }

    // The message stays unread: reading any of it would keep the formatting of every bounds check in
    // the PTX, and give each kernel a stack.
    #[panic_handler]
    fn panic(_: &PanicInfo) -> ! {
        let record = cuda_std_panic_record.load(Ordering::Relaxed);
        if !record.is_null() {
            // SAFETY: the host has put the address of a live record there.
            unsafe { write(record) };
        }
        // SAFETY: a trap has no precondition.
        unsafe { asm!("trap;", options(noreturn, nostack)) }
    }

    /// # Safety
    ///
    /// - `record` is that of a live record.
    unsafe fn write(record: *mut PanicRecord) {
        // SAFETY: the record is live, and its first field is an aligned u32 that only atomics touch.
        let state = unsafe { AtomicU32::from_ptr(&raw mut (*record).state) };
        if state
            .compare_exchange(
                0,
                PanicRecord::CLAIMED,
                Ordering::Relaxed,
                Ordering::Relaxed,
            )
            .is_err()
        {
            return;
        }
        let kernel_id: u32;
        // SAFETY: this thread has written the word when it entered the kernel.
        unsafe {
            asm!("ld.shared.u32 {}, [cuda_std_kernel_id];", out(reg32) kernel_id, options(nostack, preserves_flags));
        }
        // SAFETY: this thread alone has claimed the record.
        unsafe {
            (*record).kernel_id = kernel_id;
            (*record).block_idx = [
                thread::block_idx_x(),
                thread::block_idx_y(),
                thread::block_idx_z(),
            ];
            (*record).thread_idx = [
                thread::thread_idx_x(),
                thread::thread_idx_y(),
                thread::thread_idx_z(),
            ];
            // The host must see the record whole before it sees that it is.
            asm!("membar.sys;", options(nostack, preserves_flags));
        }
        state.store(PanicRecord::WRITTEN, Ordering::Relaxed);
        // SAFETY: a fence has no precondition; the trap that follows must not overtake the store.
        unsafe { asm!("membar.sys;", options(nostack, preserves_flags)) };
    }
}

#[cfg(target_arch = "nvptx64")]
pub use device::enter_kernel;
