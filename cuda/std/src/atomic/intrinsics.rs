//! Atomic instructions, a function for each: their names say operation, ordering, type and scope.
//!
//! | part     | is one of                                                                         |
//! |----------|-----------------------------------------------------------------------------------|
//! | ordering | `relaxed`, `acquire`, `release`, `acqrel`, and `volatile`                         |
//! | scope    | `block`, `device`, `system`: the threads for which the access is one step         |
//!
//! `volatile` is the form without an ordering of the times before PTX 6.0: a `volatile` access, and
//! for an update the relaxed one.
//!
//! Mostly [`mid`](super::mid) is wanted, which takes an
//! [`Ordering`](core::sync::atomic::Ordering), or a type of [`atomic`](super).
//!
//! # Safety
//!
//! Everywhere the same:
//!
//! - The pointer is aligned for its type, in global or shared memory, and valid for reads and writes.
//! - While it is used, other threads access the value only by atomics whose scope contains this
//!   thread, as this one's scope contains theirs.
#![allow(
    clippy::missing_safety_doc,
    reason = "the module says it once for a thousand functions"
)]

use pastey::paste;

/// Hands each ordering and each scope, with their names in PTX, to a macro.
macro_rules! each_scope {
    ($define:ident! $arguments:tt $ordering:ident $semantics:literal) => {
        $define! { $arguments $ordering $semantics device ".gpu" }
        $define! { $arguments $ordering $semantics block ".cta" }
        $define! { $arguments $ordering $semantics system ".sys" }
    };
}

macro_rules! fences {
    ($($(#[$doc:meta])* $name:ident = $instruction:literal;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub unsafe fn $name() {
            #[cfg(target_arch = "nvptx64")]
            // SAFETY: a fence has no precondition.
            unsafe {
                core::arch::asm!($instruction, options(nostack));
            }
            #[cfg(not(target_arch = "nvptx64"))]
            crate::only_on_device(concat!("atomic::intrinsics::", stringify!($name)))
        }
    )*};
}

fences! {
    /// Orders this thread's accesses, before and after, for the threads of the device.
    membar_device = "membar.gl;";
    /// Orders this thread's accesses, before and after, for the threads of its block.
    membar_block = "membar.cta;";
    /// Orders this thread's accesses, before and after, for the host and all devices.
    membar_system = "membar.sys;";
    /// A sequentially consistent fence for the threads of the device.
    fence_sc_device = "fence.sc.gpu;";
    /// A sequentially consistent fence for the threads of the block.
    fence_sc_block = "fence.sc.cta;";
    /// A sequentially consistent fence for the host and all devices.
    fence_sc_system = "fence.sc.sys;";
    /// An acquiring and releasing fence for the threads of the device.
    fence_acqrel_device = "fence.acq_rel.gpu;";
    /// An acquiring and releasing fence for the threads of the block.
    fence_acqrel_block = "fence.acq_rel.cta;";
    /// An acquiring and releasing fence for the host and all devices.
    fence_acqrel_system = "fence.acq_rel.sys;";
}

macro_rules! load {
    // A volatile access has no scope in PTX.
    ($types:tt volatile $semantics:literal $scope:ident $level:literal) => {
        load! { @ $types volatile ".volatile" $scope "" }
    };
    ($types:tt $ordering:ident $semantics:literal $scope:ident $level:literal) => {
        load! { @ $types $ordering $semantics $scope $level }
    };
    (@ ($ty:ident $width:literal) $ordering:ident $semantics:literal $scope:ident $level:literal) => {
        paste! {
            #[doc = concat!("Loads ", stringify!($width), " bits: `ld", $semantics, $level, "`.")]
            #[inline(always)]
            pub unsafe fn [<atomic_load_ $ordering _ $width _ $scope>](ptr: *const $ty) -> $ty {
                #[cfg(target_arch = "nvptx64")]
                {
                    let value;
                    // SAFETY: the caller vouches for the pointer.
                    unsafe {
                        core::arch::asm!(
                            concat!("ld", $semantics, $level, ".b", $width, " {}, [{}];"),
                            out([<reg $width>]) value,
                            in(reg64) ptr,
                            options(nostack),
                        );
                    }
                    value
                }
                #[cfg(not(target_arch = "nvptx64"))]
                {
                    let _ = ptr;
                    crate::only_on_device("atomic::intrinsics: a load")
                }
            }
        }
    };
}

macro_rules! store {
    ($types:tt volatile $semantics:literal $scope:ident $level:literal) => {
        store! { @ $types volatile ".volatile" $scope "" }
    };
    ($types:tt $ordering:ident $semantics:literal $scope:ident $level:literal) => {
        store! { @ $types $ordering $semantics $scope $level }
    };
    (@ ($ty:ident $width:literal) $ordering:ident $semantics:literal $scope:ident $level:literal) => {
        paste! {
            #[doc = concat!("Stores ", stringify!($width), " bits: `st", $semantics, $level, "`.")]
            #[inline(always)]
            pub unsafe fn [<atomic_store_ $ordering _ $width _ $scope>](ptr: *mut $ty, val: $ty) {
                #[cfg(target_arch = "nvptx64")]
                // SAFETY: the caller vouches for the pointer.
                unsafe {
                    core::arch::asm!(
                        concat!("st", $semantics, $level, ".b", $width, " [{}], {};"),
                        in(reg64) ptr,
                        in([<reg $width>]) val,
                        options(nostack),
                    );
                }
                #[cfg(not(target_arch = "nvptx64"))]
                {
                    let _ = (ptr, val);
                    crate::only_on_device("atomic::intrinsics: a store")
                }
            }
        }
    };
}

macro_rules! loads_and_stores {
    ($($ty:ident $width:literal;)*) => {$(
        each_scope! { load! ($ty $width) relaxed ".relaxed" }
        each_scope! { load! ($ty $width) acquire ".acquire" }
        each_scope! { load! ($ty $width) volatile "" }
        each_scope! { store! ($ty $width) relaxed ".relaxed" }
        each_scope! { store! ($ty $width) release ".release" }
        each_scope! { store! ($ty $width) volatile "" }
    )*};
}

loads_and_stores! {
    u16 16;
    u32 32;
    u64 64;
}

/// Hands each ordering with each scope to a macro.
macro_rules! each_ordering {
    ($define:ident! $arguments:tt) => {
        each_scope! { $define! $arguments relaxed ".relaxed" }
        each_scope! { $define! $arguments acquire ".acquire" }
        each_scope! { $define! $arguments release ".release" }
        each_scope! { $define! $arguments acqrel ".acq_rel" }
        each_scope! { $define! $arguments volatile "" }
    };
}

/// One instruction: `operand` becomes what the instruction takes.
macro_rules! update {
    (
        ($op:ident $ty:ident $reg:ident $instruction:literal $($operand:ident)* => $($value:expr)*)
        $ordering:ident $semantics:literal $scope:ident $level:literal
    ) => {
        paste! {
            #[doc = concat!(
                "Returns what was there, and does `atom", $semantics, $level, ".", $instruction, "`."
            )]
            #[inline(always)]
            pub unsafe fn [<atomic_fetch_ $op _ $ordering _ $ty _ $scope>](
                ptr: *mut $ty,
                $($operand: $ty,)*
            ) -> $ty {
                #[cfg(target_arch = "nvptx64")]
                {
                    let old: $ty;
                    // SAFETY: the caller vouches for the pointer.
                    unsafe {
                        update!(
                            @ concat!("atom", $semantics, $level, ".", $instruction), $reg, old, ptr,
                            $($value,)*
                        );
                    }
                    old
                }
                #[cfg(not(target_arch = "nvptx64"))]
                {
                    let _ = (ptr, $($operand,)*);
                    crate::only_on_device("atomic::intrinsics: an update")
                }
            }
        }
    };
    (@ $instruction:expr, $reg:ident, $old:ident, $ptr:ident, $a:expr,) => {
        core::arch::asm!(
            concat!($instruction, " {}, [{}], {};"),
            out($reg) $old, in(reg64) $ptr, in($reg) $a,
            options(nostack),
        )
    };
    (@ $instruction:expr, $reg:ident, $old:ident, $ptr:ident, $a:expr, $b:expr,) => {
        core::arch::asm!(
            concat!($instruction, " {}, [{}], {}, {};"),
            out($reg) $old, in(reg64) $ptr, in($reg) $a, in($reg) $b,
            options(nostack),
        )
    };
}

/// The updates that every type of 32 and 64 bits has.
macro_rules! updates {
    ($($ty:ident $reg:ident $add:literal $and:literal $or:literal $xor:literal $exch:literal $cas:literal, $negated:expr;)*) => {$(
        each_ordering! { update! (add $ty $reg $add val => val) }
        // There is no instruction that subtracts.
        each_ordering! { update! (sub $ty $reg $add val => $negated(val)) }
        each_ordering! { update! (and $ty $reg $and val => val) }
        each_ordering! { update! (or $ty $reg $or val => val) }
        each_ordering! { update! (xor $ty $reg $xor val => val) }
        each_ordering! { update! (exch $ty $reg $exch val => val) }
        each_ordering! { update! (cas $ty $reg $cas first_val second_val => first_val second_val) }
    )*};
}

updates! {
    u32 reg32 "add.u32" "and.b32" "or.b32" "xor.b32" "exch.b32" "cas.b32", u32::wrapping_neg;
    i32 reg32 "add.s32" "and.b32" "or.b32" "xor.b32" "exch.b32" "cas.b32", i32::wrapping_neg;
    f32 reg32 "add.f32" "and.b32" "or.b32" "xor.b32" "exch.b32" "cas.b32", core::ops::Neg::neg;
    u64 reg64 "add.u64" "and.b64" "or.b64" "xor.b64" "exch.b64" "cas.b64", u64::wrapping_neg;
    // Two's complement: the sum has the same bits.
    i64 reg64 "add.u64" "and.b64" "or.b64" "xor.b64" "exch.b64" "cas.b64", i64::wrapping_neg;
    f64 reg64 "add.f64" "and.b64" "or.b64" "xor.b64" "exch.b64" "cas.b64", core::ops::Neg::neg;
}

/// The updates that integers have. `inc` and `dec` add and subtract 1, around the ends of the type's
/// range; the bounded ones are in [`mid`](super::mid).
macro_rules! integer_updates {
    ($($ty:ident $reg:ident $add:literal $min:literal $max:literal;)*) => {$(
        each_ordering! { update! (min $ty $reg $min val => val) }
        each_ordering! { update! (max $ty $reg $max val => val) }
        each_ordering! { update! (inc $ty $reg $add => (1 as $ty)) }
        each_ordering! { update! (dec $ty $reg $add => (1 as $ty).wrapping_neg()) }
    )*};
}

integer_updates! {
    u32 reg32 "add.u32" "min.u32" "max.u32";
    i32 reg32 "add.s32" "min.s32" "max.s32";
    u64 reg64 "add.u64" "min.u64" "max.u64";
    i64 reg64 "add.u64" "min.s64" "max.s64";
}

// Beyond Rust-CUDA: what there is for 16 bits.
each_ordering! { update! (cas u16 reg16 "cas.b16" first_val second_val => first_val second_val) }

macro_rules! half_add {
    (($ty:ident $instruction:literal) $ordering:ident $semantics:literal $scope:ident $level:literal) => {
        paste! {
            #[doc = concat!(
                "Returns what was there, and does `atom", $semantics, $level, ".", $instruction, "`."
            )]
            #[inline(always)]
            pub unsafe fn [<atomic_fetch_add_ $ordering _ $ty _ $scope>](
                ptr: *mut half::$ty,
                val: half::$ty,
            ) -> half::$ty {
                #[cfg(target_arch = "nvptx64")]
                {
                    let old: u16;
                    // SAFETY: the caller vouches for the pointer.
                    unsafe {
                        update!(
                            @ concat!("atom", $semantics, $level, ".", $instruction), reg16, old, ptr,
                            val.to_bits(),
                        );
                    }
                    half::$ty::from_bits(old)
                }
                #[cfg(not(target_arch = "nvptx64"))]
                {
                    let _ = (ptr, val);
                    crate::only_on_device("atomic::intrinsics: an update")
                }
            }
        }
    };
}

each_ordering! { half_add! (f16 "add.noftz.f16") }
