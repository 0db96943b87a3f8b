//! Which part of memory a pointer points to.
//!
//! A pointer of Rust is a *generic* one: the device finds out at each access whether it means
//! global, shared, constant or local memory. Each of these also has addresses of its own, which only
//! instructions for that part of memory take (`asm!`).

/// A part of memory with addresses of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressSpace {
    /// What every thread of the device reads and writes.
    Global,
    /// What the threads of one block read and write.
    Shared,
    /// What every thread reads and none writes.
    Constant,
    /// What one thread alone reads and writes: its stack.
    Local,
}

/// One instruction per address space.
#[cfg(target_arch = "nvptx64")]
macro_rules! for_space {
    ($address_space:expr, $ptr:expr, $result:ident, $before:literal, $after:literal) => {
        // SAFETY: computes a value from an address, without an access.
        unsafe {
            use core::arch::asm;
            match $address_space {
                AddressSpace::Global => {
                    asm!(concat!($before, "global", $after), out(reg64) $result, in(reg64) $ptr, options(pure, nomem, nostack))
                }
                AddressSpace::Shared => {
                    asm!(concat!($before, "shared", $after), out(reg64) $result, in(reg64) $ptr, options(pure, nomem, nostack))
                }
                AddressSpace::Constant => {
                    asm!(concat!($before, "const", $after), out(reg64) $result, in(reg64) $ptr, options(pure, nomem, nostack))
                }
                AddressSpace::Local => {
                    asm!(concat!($before, "local", $after), out(reg64) $result, in(reg64) $ptr, options(pure, nomem, nostack))
                }
            }
        }
    };
}

/// Whether a generic pointer points into `address_space`.
///
/// # Safety
///
/// - As in Rust-CUDA, `ptr` is valid for reads of a `T`. The device asks for no more than an
///   address.
#[inline(always)]
pub unsafe fn is_in_address_space<T>(ptr: *const T, address_space: AddressSpace) -> bool {
    #[cfg(target_arch = "nvptx64")]
    {
        unsafe extern "C" {
            #[link_name = "llvm.nvvm.isspacep.global"]
            safe fn is_global(ptr: *const u8) -> bool;
            #[link_name = "llvm.nvvm.isspacep.shared"]
            safe fn is_shared(ptr: *const u8) -> bool;
            #[link_name = "llvm.nvvm.isspacep.const"]
            safe fn is_constant(ptr: *const u8) -> bool;
            #[link_name = "llvm.nvvm.isspacep.local"]
            safe fn is_local(ptr: *const u8) -> bool;
        }
        let ptr = ptr.cast();
        match address_space {
            AddressSpace::Global => is_global(ptr),
            AddressSpace::Shared => is_shared(ptr),
            AddressSpace::Constant => is_constant(ptr),
            AddressSpace::Local => is_local(ptr),
        }
    }
    #[cfg(not(target_arch = "nvptx64"))]
    {
        let _ = (ptr, address_space);
        crate::only_on_device("ptr::is_in_address_space")
    }
}

/// The address in `address_space` that a generic pointer means. Rust cannot access memory through
/// it; `asm!` can.
///
/// # Safety
///
/// - `ptr` points into `address_space`.
#[inline(always)]
pub unsafe fn convert_generic_to_specific_address_space<T>(
    ptr: *const T,
    address_space: AddressSpace,
) -> *const T {
    #[cfg(target_arch = "nvptx64")]
    {
        let result: *const T;
        for_space!(address_space, ptr, result, "cvta.to.", ".u64 {}, {};");
        result
    }
    #[cfg(not(target_arch = "nvptx64"))]
    {
        let _ = (ptr, address_space);
        crate::only_on_device("ptr::convert_generic_to_specific_address_space")
    }
}

/// The generic pointer that means the address `ptr` in `address_space`.
///
/// # Safety
///
/// - `ptr` is an address in `address_space`.
#[inline(always)]
pub unsafe fn convert_specific_address_space_to_generic<T>(
    ptr: *const T,
    address_space: AddressSpace,
) -> *const T {
    #[cfg(target_arch = "nvptx64")]
    {
        let result: *const T;
        for_space!(address_space, ptr, result, "cvta.", ".u64 {}, {};");
        result
    }
    #[cfg(not(target_arch = "nvptx64"))]
    {
        let _ = (ptr, address_space);
        crate::only_on_device("ptr::convert_specific_address_space_to_generic")
    }
}
