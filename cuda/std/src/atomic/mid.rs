//! Atomic accesses that take an [`Ordering`], by names that say operation, type and scope.
//!
//! The scope is `block`, `device` or `system`: the threads for which an access is one step. What the
//! device has an instruction for is that instruction, everything else a loop around
//! compare-and-swap. On the host all of them are such loops over `core`'s atomics, and the scope does
//! not matter.
//!
//! # Safety
//!
//! Everywhere the same:
//!
//! - The pointer is aligned for its type and valid for reads and writes; on the device it points to
//!   global or shared memory.
//! - While it is used, other threads access the value only by atomics whose scope contains this
//!   thread, as this one's scope contains theirs.
#![allow(
    clippy::missing_safety_doc,
    reason = "the module says it once for all functions"
)]

use core::sync::atomic::Ordering::{self, Relaxed};
#[cfg(target_arch = "nvptx64")]
use core::sync::atomic::Ordering::{AcqRel, Acquire, Release, SeqCst};

use half::{bf16, f16};
use pastey::paste;

#[cfg(target_arch = "nvptx64")]
use super::intrinsics;
use crate::halves;

macro_rules! fences {
    ($($name:ident, $scope:ident, $whom:literal;)*) => {$(
        paste! {
            #[doc = concat!("A fence for ", $whom, "; none if `ordering` is `Relaxed`.")]
            #[inline(always)]
            pub fn $name(ordering: Ordering) {
                #[cfg(target_arch = "nvptx64")]
                // SAFETY: a fence has no precondition.
                unsafe {
                    match ordering {
                        Relaxed => {}
                        SeqCst => intrinsics::[<fence_sc_ $scope>](),
                        _ => intrinsics::[<fence_acqrel_ $scope>](),
                    }
                }
                #[cfg(not(target_arch = "nvptx64"))]
                if ordering != Relaxed {
                    core::sync::atomic::fence(ordering);
                }
            }
        }
    )*};
}

fences! {
    device_thread_fence, device, "the threads of the device";
    block_thread_fence, block, "the threads of the block";
    system_thread_fence, system, "the host and all devices";
}

macro_rules! loads_and_stores {
    ($($ty:ident $width:literal $atomic:ident: $($scope:ident)*;)*) => {$($(
        paste! {
            /// Loads the value.
            ///
            /// # Panics
            ///
            /// If `ordering` is `Release` or `AcqRel`.
            #[inline(always)]
            pub unsafe fn [<atomic_load_ $width _ $scope>](ptr: *mut $ty, ordering: Ordering) -> $ty {
                // SAFETY: the caller vouches for the pointer.
                unsafe {
                    #[cfg(target_arch = "nvptx64")]
                    match ordering {
                        Relaxed => intrinsics::[<atomic_load_relaxed_ $width _ $scope>](ptr),
                        Acquire => intrinsics::[<atomic_load_acquire_ $width _ $scope>](ptr),
                        SeqCst => {
                            intrinsics::[<fence_sc_ $scope>]();
                            intrinsics::[<atomic_load_acquire_ $width _ $scope>](ptr)
                        }
                        _ => panic!("a load does not release"),
                    }
                    #[cfg(not(target_arch = "nvptx64"))]
                    core::sync::atomic::$atomic::from_ptr(ptr).load(ordering)
                }
            }

            /// Stores a value.
            ///
            /// # Panics
            ///
            /// If `ordering` is `Acquire` or `AcqRel`.
            #[inline(always)]
            pub unsafe fn [<atomic_store_ $width _ $scope>](
                ptr: *mut $ty,
                ordering: Ordering,
                val: $ty,
            ) {
                // SAFETY: the caller vouches for the pointer.
                unsafe {
                    #[cfg(target_arch = "nvptx64")]
                    match ordering {
                        Relaxed => intrinsics::[<atomic_store_relaxed_ $width _ $scope>](ptr, val),
                        Release => intrinsics::[<atomic_store_release_ $width _ $scope>](ptr, val),
                        SeqCst => {
                            intrinsics::[<fence_sc_ $scope>]();
                            intrinsics::[<atomic_store_relaxed_ $width _ $scope>](ptr, val);
                        }
                        _ => panic!("a store does not acquire"),
                    }
                    #[cfg(not(target_arch = "nvptx64"))]
                    core::sync::atomic::$atomic::from_ptr(ptr).store(val, ordering);
                }
            }

            /// Stores `new` if the value has the bits of `current`; returns what was there.
            #[inline(always)]
            pub unsafe fn [<atomic_compare_and_swap_ $ty _ $scope>](
                ptr: *mut $ty,
                current: $ty,
                new: $ty,
                ordering: Ordering,
            ) -> $ty {
                // SAFETY: the caller vouches for the pointer.
                unsafe {
                    #[cfg(target_arch = "nvptx64")]
                    {
                        ordered!(intrinsics::[<fence_sc_ $scope>], ordering => {
                            relaxed: intrinsics::[<atomic_fetch_cas_relaxed_ $ty _ $scope>],
                            acquire: intrinsics::[<atomic_fetch_cas_acquire_ $ty _ $scope>],
                            release: intrinsics::[<atomic_fetch_cas_release_ $ty _ $scope>],
                            acqrel: intrinsics::[<atomic_fetch_cas_acqrel_ $ty _ $scope>],
                        }(ptr, current, new))
                    }
                    #[cfg(not(target_arch = "nvptx64"))]
                    {
                        let failure = super::failure_ordering(ordering);
                        let atomic = core::sync::atomic::$atomic::from_ptr(ptr);
                        match atomic.compare_exchange(current, new, ordering, failure) {
                            Ok(old) | Err(old) => old,
                        }
                    }
                }
            }
        }
    )*)*};
}

/// Chooses among the functions of each ordering.
#[cfg(target_arch = "nvptx64")]
macro_rules! ordered {
    ($fence:path, $ordering:expr => {
        relaxed: $relaxed:path,
        acquire: $acquire:path,
        release: $release:path,
        acqrel: $acqrel:path,
    }($($argument:expr),*)) => {
        match $ordering {
            Relaxed => $relaxed($($argument),*),
            Acquire => $acquire($($argument),*),
            Release => $release($($argument),*),
            AcqRel => $acqrel($($argument),*),
            _ => {
                $fence();
                $acquire($($argument),*)
            }
        }
    };
}

loads_and_stores! {
    u16 16 AtomicU16: device block system;
    u32 32 AtomicU32: device block system;
    u64 64 AtomicU64: device block system;
}

/// Compare-and-swap of types that have the bits of another.
macro_rules! compare_and_swap {
    ($($ty:ident as $bits:ident: $to_bits:expr, $from_bits:expr;)*) => {$(
        compare_and_swap! { @ device $ty $bits $to_bits, $from_bits }
        compare_and_swap! { @ block $ty $bits $to_bits, $from_bits }
        compare_and_swap! { @ system $ty $bits $to_bits, $from_bits }
    )*};
    (@ $scope:ident $ty:ident $bits:ident $to_bits:expr, $from_bits:expr) => {
        paste! {
            /// Stores `new` if the value has the bits of `current`; returns what was there.
            #[inline(always)]
            pub unsafe fn [<atomic_compare_and_swap_ $ty _ $scope>](
                ptr: *mut $ty,
                current: $ty,
                new: $ty,
                ordering: Ordering,
            ) -> $ty {
                // SAFETY: the types have the same size and alignment; the caller vouches for the rest.
                $from_bits(unsafe {
                    [<atomic_compare_and_swap_ $bits _ $scope>](
                        ptr.cast(),
                        $to_bits(current),
                        $to_bits(new),
                        ordering,
                    )
                })
            }
        }
    };
}

compare_and_swap! {
    i32 as u32: i32::cast_unsigned, u32::cast_signed;
    i64 as u64: i64::cast_unsigned, u64::cast_signed;
    f16 as u16: f16::to_bits, f16::from_bits;
    bf16 as u16: bf16::to_bits, bf16::from_bits;
    f32 as u32: f32::to_bits, f32::from_bits;
    f64 as u64: f64::to_bits, f64::from_bits;
}

/// Updates, each with what it makes of the old value and the operand. Those with `instruction` have
/// one; the others, and all on the host, are loops.
macro_rules! updates {
    ($($kind:ident $ty:ident $width:literal { $($op:ident = $f:expr;)* })*) => {$($(
        updates! { @ $kind device $ty $width $op $f }
        updates! { @ $kind block $ty $width $op $f }
        updates! { @ $kind system $ty $width $op $f }
    )*)*};
    (@ instruction $scope:ident $ty:ident $width:literal $op:ident $f:expr) => {
        paste! {
            #[doc = concat!("Returns what was there, and does `", stringify!($op), "` with `val`.")]
            #[inline(always)]
            pub unsafe fn [<atomic_fetch_ $op _ $ty _ $scope>](
                ptr: *mut $ty,
                ordering: Ordering,
                val: $ty,
            ) -> $ty {
                // SAFETY: the caller vouches for the pointer.
                unsafe {
                    #[cfg(target_arch = "nvptx64")]
                    {
                        ordered!(intrinsics::[<fence_sc_ $scope>], ordering => {
                            relaxed: intrinsics::[<atomic_fetch_ $op _relaxed_ $ty _ $scope>],
                            acquire: intrinsics::[<atomic_fetch_ $op _acquire_ $ty _ $scope>],
                            release: intrinsics::[<atomic_fetch_ $op _release_ $ty _ $scope>],
                            acqrel: intrinsics::[<atomic_fetch_ $op _acqrel_ $ty _ $scope>],
                        }(ptr, val))
                    }
                    #[cfg(not(target_arch = "nvptx64"))]
                    {
                        updates! { @@ $scope $ty $width $f, ptr, ordering, val }
                    }
                }
            }
        }
    };
    (@ loop $scope:ident $ty:ident $width:literal $op:ident $f:expr) => {
        paste! {
            #[doc = concat!("Returns what was there, and does `", stringify!($op), "` with `val`.")]
            #[inline(always)]
            pub unsafe fn [<atomic_fetch_ $op _ $ty _ $scope>](
                ptr: *mut $ty,
                ordering: Ordering,
                val: $ty,
            ) -> $ty {
                // SAFETY: the caller vouches for the pointer.
                unsafe {
                    updates! { @@ $scope $ty $width $f, ptr, ordering, val }
                }
            }
        }
    };
    (@@ $scope:ident $ty:ident $width:literal $f:expr, $ptr:ident, $ordering:ident, $val:ident) => {
        paste! {{
            let f: fn($ty, $ty) -> $ty = $f;
            let mut old = from_bits!($ty, [<atomic_load_ $width _ $scope>]($ptr.cast(), Relaxed));
            loop {
                let new = f(old, $val);
                let seen = [<atomic_compare_and_swap_ $ty _ $scope>]($ptr, old, new, $ordering);
                if to_bits!($ty, seen) == to_bits!($ty, old) {
                    break old;
                }
                old = seen;
            }
        }}
    };
}

macro_rules! to_bits {
    (f16, $value:expr) => {
        $value.to_bits()
    };
    (bf16, $value:expr) => {
        $value.to_bits()
    };
    (f32, $value:expr) => {
        $value.to_bits()
    };
    (f64, $value:expr) => {
        $value.to_bits()
    };
    ($ty:ident, $value:expr) => {
        $value
    };
}

macro_rules! from_bits {
    (u32, $bits:expr) => {
        $bits
    };
    (u64, $bits:expr) => {
        $bits
    };
    (i32, $bits:expr) => {
        $bits.cast_signed()
    };
    (i64, $bits:expr) => {
        $bits.cast_signed()
    };
    ($ty:ident, $bits:expr) => {
        $ty::from_bits($bits)
    };
}

macro_rules! integer_updates {
    ($($ty:ident $width:literal)*) => {
        updates! {$(
            instruction $ty $width {
                add = $ty::wrapping_add;
                sub = $ty::wrapping_sub;
                min = |old, val| old.min(val);
                max = |old, val| old.max(val);
                and = |old, val| old & val;
                or = |old, val| old | val;
                xor = |old, val| old ^ val;
                exch = |_, val| val;
            }
        )*}
    };
}

integer_updates!(u32 32 i32 32 u64 64 i64 64);

/// Bitwise operations on floats, as Rust-CUDA has them.
macro_rules! bitwise {
    ($ty:ident, $old:ident $operator:tt $val:ident) => {
        |$old, $val| $ty::from_bits($old.to_bits() $operator $val.to_bits())
    };
}

macro_rules! float_updates {
    ($($ty:ident $width:literal: $add:ident, $others:ident, $sum:expr, $difference:expr, $min:expr, $max:expr;)*) => {
        updates! {$(
            $add $ty $width {
                add = $sum;
            }
            $others $ty $width {
                sub = $difference;
                and = bitwise!($ty, old & val);
                or = bitwise!($ty, old | val);
                xor = bitwise!($ty, old ^ val);
                exch = |_, val| val;
            }
            // A number rather than NaN, as in Rust.
            loop $ty $width {
                min = $min;
                max = $max;
            }
        )*}
    };
}

float_updates! {
    f16 16: instruction, loop, halves::add, halves::sub, halves::min, halves::max;
    bf16 16: loop, loop, |old, val| old + val, |old, val| old - val, bf16::min, bf16::max;
    f32 32: instruction, instruction, |old, val| old + val, |old, val| old - val, f32::min, f32::max;
    f64 64: instruction, instruction, |old, val| old + val, |old, val| old - val, f64::min, f64::max;
}

macro_rules! bounded {
    ($($scope:ident $level:literal)*) => {$(
        paste! {
            /// Returns what was there, and adds 1, or puts 0 where that was at least `bound`.
            #[inline(always)]
            pub unsafe fn [<atomic_inc_bounded_relaxed_u32_ $scope>](ptr: *mut u32, bound: u32) -> u32 {
                // SAFETY: the caller vouches for the pointer.
                unsafe {
                    bounded! { @ $level "inc" $scope ptr bound |old, bound| {
                        if old >= bound { 0 } else { old + 1 }
                    } }
                }
            }

            /// Returns what was there, and subtracts 1, or puts `bound` where that was 0 or above it.
            #[inline(always)]
            pub unsafe fn [<atomic_dec_bounded_relaxed_u32_ $scope>](ptr: *mut u32, bound: u32) -> u32 {
                // SAFETY: the caller vouches for the pointer.
                unsafe {
                    bounded! { @ $level "dec" $scope ptr bound |old, bound| {
                        if old == 0 || old > bound { bound } else { old - 1 }
                    } }
                }
            }
        }
    )*};
    (@ $level:literal $op:literal $scope:ident $ptr:ident $bound:ident $f:expr) => {{
        #[cfg(target_arch = "nvptx64")]
        {
            let old;
            core::arch::asm!(
                concat!("atom.relaxed", $level, ".", $op, ".u32 {}, [{}], {};"),
                out(reg32) old, in(reg64) $ptr, in(reg32) $bound,
                options(nostack),
            );
            old
        }
        #[cfg(not(target_arch = "nvptx64"))]
        {
            let ordering = Relaxed;
            updates! { @@ $scope u32 32 $f, $ptr, ordering, $bound }
        }
    }};
}

bounded!(device ".gpu" block ".cta" system ".sys");
