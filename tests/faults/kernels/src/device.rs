//! What the kernels need and `cuda_std` does not have.

#[cfg(not(target_arch = "nvptx64"))]
const ONLY_ON_DEVICE: &str = "works in a kernel on a CUDA device, not on the host";

/// The same pointer, of which the compiler knows nothing: it neither removes nor merges accesses
/// through it.
#[inline(always)]
pub fn opaque<T>(pointer: *mut T) -> *mut T {
    #[cfg(target_arch = "nvptx64")]
    {
        let result: *mut T;
        // SAFETY: copies a register. That it may touch memory is what the compiler must assume.
        unsafe {
            core::arch::asm!("mov.b64 {}, {};", out(reg64) result, in(reg64) pointer, options(nostack));
        }
        result
    }
    #[cfg(not(target_arch = "nvptx64"))]
    {
        let _ = pointer;
        panic!("opaque {ONLY_ON_DEVICE}")
    }
}

#[cfg(target_arch = "nvptx64")]
core::arch::global_asm!(".const .align 4 .b32 faults_table[4] = {{1, 2, 3, 4}};");

/// Four words in constant memory: 1, 2, 3, 4.
#[inline(always)]
pub fn constant_table() -> *mut u32 {
    #[cfg(target_arch = "nvptx64")]
    {
        let result: *mut u32;
        // SAFETY: computes an address.
        unsafe {
            core::arch::asm!(
                "{{ .reg .b64 %table; mov.b64 %table, faults_table; cvta.const.u64 {}, %table; }}",
                out(reg64) result,
                options(nostack),
            );
        }
        result
    }
    #[cfg(not(target_arch = "nvptx64"))]
    panic!("constant_table {ONLY_ON_DEVICE}")
}

#[cfg(target_arch = "nvptx64")]
unsafe extern "C" {
    /// The device's own heap.
    pub fn malloc(bytes: u64) -> *mut u32;
    pub fn free(pointer: *mut u32);
}

#[cfg(not(target_arch = "nvptx64"))]
pub unsafe fn malloc(_: u64) -> *mut u32 {
    panic!("malloc {ONLY_ON_DEVICE}")
}

#[cfg(not(target_arch = "nvptx64"))]
pub unsafe fn free(_: *mut u32) {
    panic!("free {ONLY_ON_DEVICE}")
}

#[cfg(target_arch = "nvptx64")]
unsafe extern "C" {
    #[link_name = "llvm.nvvm.barrier.cta.sync.aligned.count"]
    fn barrier_sync(id: u32, n_threads: u32);
}

/// Waits at barrier `id` until `n_threads` threads of the block are there.
#[inline(always)]
pub unsafe fn sync_some(id: u32, n_threads: u32) {
    #[cfg(target_arch = "nvptx64")]
    barrier_sync(id, n_threads);
    #[cfg(not(target_arch = "nvptx64"))]
    {
        let _ = (id, n_threads);
        panic!("sync_some {ONLY_ON_DEVICE}")
    }
}

/// Stores a word to global memory, whatever the address.
#[inline(always)]
pub unsafe fn store_global(pointer: *mut u32, value: u32) {
    #[cfg(target_arch = "nvptx64")]
    core::arch::asm!("st.global.u32 [{}], {};", in(reg64) pointer, in(reg32) value, options(nostack));
    #[cfg(not(target_arch = "nvptx64"))]
    {
        let _ = (pointer, value);
        panic!("store_global {ONLY_ON_DEVICE}")
    }
}

#[cfg(target_arch = "nvptx64")]
unsafe extern "C" {
    /// What a failed `assert` of CUDA C++ calls.
    #[link_name = "__assertfail"]
    pub fn assert_fail(
        message: *const u8,
        file: *const u8,
        line: u32,
        function: *const u8,
        character_bytes: u64,
    );
}

#[cfg(not(target_arch = "nvptx64"))]
pub unsafe fn assert_fail(_: *const u8, _: *const u8, _: u32, _: *const u8, _: u64) {
    panic!("assert_fail {ONLY_ON_DEVICE}")
}
