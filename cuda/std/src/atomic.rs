//! Atomic numbers for the threads of a block, of a device, or of the whole machine.
//!
//! `core`'s atomics work in kernels too. What these have beyond them:
//!
//! - **A scope.** An access by [`AtomicU32`] is one step for all threads of the device, by
//!   [`BlockAtomicU32`] only for those of the block, by [`SystemAtomicU32`] also for the host and other
//!   devices. A narrower scope is faster. (`core`'s have the scope of the system.)
//! - **Floats.** `fetch_add` of `f16`, `f32` and `f64` is one instruction; `fetch_min`, `fetch_max`
//!   and everything of `bf16` are loops around compare-and-swap. `compare_exchange` and the bitwise
//!   operations look at a float's bits.
//!
//! On the host all types work as well, by way of `core`'s, and there the scope does not matter.
//!
//! The methods of the `Block` types are unsafe: a reference to such a number does not stop a thread
//! of another block from using it at the same time, and then there is a race.
//!
//! Sums of floats depend on the order of the threads, which is another one each time: where results
//! are to repeat, reduce in a fixed order instead (see [`warp`](crate::warp)).

pub mod intrinsics;
pub mod mid;

use core::cell::UnsafeCell;
use core::fmt;
use core::sync::atomic::Ordering;

use half::{bf16, f16};
use pastey::paste;

/// The ordering of the load that a failed compare-and-swap is.
fn failure_ordering(ordering: Ordering) -> Ordering {
    match ordering {
        Ordering::SeqCst => Ordering::SeqCst,
        Ordering::Acquire | Ordering::AcqRel => Ordering::Acquire,
        _ => Ordering::Relaxed,
    }
}

/// One ordering that is at least as strong as both.
#[inline(always)]
fn stronger(success: Ordering, failure: Ordering) -> Ordering {
    match (success, failure) {
        (_, Ordering::Release | Ordering::AcqRel) => {
            panic!("a compare-and-swap that fails does not release")
        }
        (Ordering::SeqCst, _) | (_, Ordering::SeqCst) => Ordering::SeqCst,
        (Ordering::Relaxed, Ordering::Acquire) => Ordering::Acquire,
        (Ordering::Release, Ordering::Acquire) => Ordering::AcqRel,
        (success, _) => success,
    }
}

/// A number as the bits that a load, a store and a compare-and-swap move.
trait Bits: Copy {
    type Bits: Eq;
    fn to_bits(self) -> Self::Bits;
    fn from_bits(bits: Self::Bits) -> Self;
}

macro_rules! bits {
    ($($ty:ident as $bits:ident: $to_bits:expr, $from_bits:expr;)*) => {$(
        impl Bits for $ty {
            type Bits = $bits;
            #[inline(always)]
            fn to_bits(self) -> $bits {
                $to_bits(self)
            }
            #[inline(always)]
            fn from_bits(bits: $bits) -> $ty {
                $from_bits(bits)
            }
        }
    )*};
}

bits! {
    u32 as u32: |a| a, |a| a;
    u64 as u64: |a| a, |a| a;
    i32 as u32: i32::cast_unsigned, u32::cast_signed;
    i64 as u64: i64::cast_unsigned, u64::cast_signed;
    f16 as u16: f16::to_bits, f16::from_bits;
    bf16 as u16: bf16::to_bits, bf16::from_bits;
    f32 as u32: f32::to_bits, f32::from_bits;
    f64 as u64: f64::to_bits, f64::from_bits;
}

/// A method for each update; `$safety` is what its documentation says of safety.
macro_rules! updates {
    ($ty:ident $scope:ident $unsafety:tt $safety:literal $($(#[$doc:meta])* $name:ident = $op:ident;)*) => {$(
        updates! { @ $unsafety $(#[$doc])* $safety $name $op $ty $scope }
    )*};
    (@ [$($unsafety:ident)?] $(#[$doc:meta])* $safety:literal $name:ident $op:ident $ty:ident $scope:ident) => {
        paste! {
            $(#[$doc])*
            #[doc = $safety]
            #[inline(always)]
            pub $($unsafety)? fn $name(&self, val: $ty, order: Ordering) -> $ty {
                // SAFETY: the number is this one's, and all access it by atomics, of this scope at
                // least.
                unsafe { mid::[<atomic_fetch_ $op _ $ty _ $scope>](self.v.get(), order, val) }
            }
        }
    };
}

macro_rules! atomic {
    ($name:ident, $ty:ident, $width:literal, $align:literal, $scope:ident, $whom:literal, [$($unsafety:ident)?], $safety:literal) => {
        #[doc = concat!("A `", stringify!($ty), "` that ", $whom, " can share. It is the same bytes as one.")]
        #[repr(C, align($align))]
        pub struct $name {
            v: UnsafeCell<$ty>,
        }

        // SAFETY: all accesses through a shared reference are atomic; where their scope is too narrow
        // for that, they are unsafe.
        unsafe impl Sync for $name {}

        paste! {
            impl $name {
                /// A new atomic number.
                #[inline(always)]
                pub const fn new(v: $ty) -> $name {
                    $name { v: UnsafeCell::new(v) }
                }

                /// The number.
                #[inline(always)]
                pub fn into_inner(self) -> $ty {
                    self.v.into_inner()
                }

                /// The number; nobody else can have it at the same time.
                #[inline(always)]
                pub fn get_mut(&mut self) -> &mut $ty {
                    self.v.get_mut()
                }

                /// A pointer to the number.
                #[inline(always)]
                pub const fn as_ptr(&self) -> *mut $ty {
                    self.v.get()
                }

                /// A number in memory as an atomic one.
                ///
                /// # Safety
                ///
                /// - `ptr` is aligned for this type, which may be more than for the number, and valid
                ///   for reads and writes as long as the reference lives.
                /// - While the reference lives, all accesses to the number are atomic.
                #[inline(always)]
                pub const unsafe fn from_ptr<'a>(ptr: *mut $ty) -> &'a $name {
                    // SAFETY: the layout is that of the number; the caller vouches for the rest.
                    unsafe { &*ptr.cast() }
                }

                /// Loads the number; `order` is `Relaxed`, `Acquire` or `SeqCst`.
                ///
                /// # Panics
                ///
                /// If `order` is `Release` or `AcqRel`.
                #[doc = $safety]
                #[inline(always)]
                pub $($unsafety)? fn load(&self, order: Ordering) -> $ty {
                    // SAFETY: the number is this one's, and all access it by atomics, of this scope
                    // at least.
                    Bits::from_bits(unsafe {
                        mid::[<atomic_load_ $width _ $scope>](self.v.get().cast(), order)
                    })
                }

                /// Stores a number; `order` is `Relaxed`, `Release` or `SeqCst`.
                ///
                /// # Panics
                ///
                /// If `order` is `Acquire` or `AcqRel`.
                #[doc = $safety]
                #[inline(always)]
                pub $($unsafety)? fn store(&self, val: $ty, order: Ordering) {
                    // SAFETY: as for `load`.
                    unsafe {
                        mid::[<atomic_store_ $width _ $scope>](
                            self.v.get().cast(),
                            order,
                            Bits::to_bits(val),
                        )
                    }
                }

                /// Stores `new` if the number has the bits of `current`. Returns what was there: as
                /// `Ok` if it was stored.
                ///
                /// # Panics
                ///
                /// If `failure` is `Release` or `AcqRel`.
                #[doc = $safety]
                #[inline(always)]
                pub $($unsafety)? fn compare_exchange(
                    &self,
                    current: $ty,
                    new: $ty,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$ty, $ty> {
                    let order = stronger(success, failure);
                    // SAFETY: as for `load`.
                    let old = unsafe {
                        mid::[<atomic_compare_and_swap_ $ty _ $scope>](
                            self.v.get(),
                            current,
                            new,
                            order,
                        )
                    };
                    if Bits::to_bits(old) == Bits::to_bits(current) { Ok(old) } else { Err(old) }
                }

                /// The same as `compare_exchange`: the device's does not fail by chance.
                #[doc = $safety]
                #[inline(always)]
                pub $($unsafety)? fn compare_exchange_weak(
                    &self,
                    current: $ty,
                    new: $ty,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$ty, $ty> {
                    atomic!(@call [$($unsafety)?] self.compare_exchange(current, new, success, failure))
                }

                /// Stores `f(old)` for the number that is there, once no other thread comes between;
                /// nothing if `f` returns `None`. Returns what was there: as `Ok` if it was replaced.
                ///
                /// # Panics
                ///
                /// If `fetch_order` is `Release` or `AcqRel`.
                #[doc = $safety]
                #[inline(always)]
                pub $($unsafety)? fn fetch_update(
                    &self,
                    set_order: Ordering,
                    fetch_order: Ordering,
                    mut f: impl FnMut($ty) -> Option<$ty>,
                ) -> Result<$ty, $ty> {
                    let mut old = atomic!(@call [$($unsafety)?] self.load(fetch_order));
                    while let Some(new) = f(old) {
                        let result = atomic!(
                            @call [$($unsafety)?]
                            self.compare_exchange(old, new, set_order, fetch_order)
                        );
                        match result {
                            Ok(old) => return Ok(old),
                            Err(seen) => old = seen,
                        }
                    }
                    Err(old)
                }
            }
        }

        impl $name {
            updates! {
                $ty $scope [$($unsafety)?] $safety
                /// Replaces the number, and returns what was there.
                swap = exch;
                /// Adds to the number, an integer around the ends of its range; returns what was
                /// there.
                fetch_add = add;
                /// Subtracts from the number, an integer around the ends of its range; returns what
                /// was there.
                fetch_sub = sub;
                /// Keeps the smaller of the number and `val`, a float's NaN only if both are; returns
                /// what was there.
                fetch_min = min;
                /// Keeps the larger of the number and `val`, a float's NaN only if both are; returns
                /// what was there.
                fetch_max = max;
                /// Bitwise "and" with the number; returns what was there.
                fetch_and = and;
                /// Bitwise "or" with the number; returns what was there.
                fetch_or = or;
                /// Bitwise "exclusive or" with the number; returns what was there.
                fetch_xor = xor;
            }
        }

        impl Default for $name {
            fn default() -> $name {
                $name::new($ty::default())
            }
        }

        impl From<$ty> for $name {
            fn from(v: $ty) -> $name {
                $name::new(v)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
    (@call [] $call:expr) => { $call };
    // SAFETY: the caller's promise is that of the method.
    (@call [unsafe] $call:expr) => { unsafe { $call } };
}

macro_rules! atomics {
    ($($ty:ident $width:literal $align:literal: $device:ident $block:ident $system:ident;)*) => {$(
        atomic!($device, $ty, $width, $align, device, "the threads of a device", [], "");
        atomic!($block, $ty, $width, $align, block, "the threads of a block", [unsafe],
            "\n# Safety\n\n- While it runs, only threads of one block access the number.");
        atomic!($system, $ty, $width, $align, system, "the host and all devices", [], "");
    )*};
}

atomics! {
    f16 16 2: AtomicF16 BlockAtomicF16 SystemAtomicF16;
    bf16 16 2: AtomicBF16 BlockAtomicBF16 SystemAtomicBF16;
    f32 32 4: AtomicF32 BlockAtomicF32 SystemAtomicF32;
    f64 64 8: AtomicF64 BlockAtomicF64 SystemAtomicF64;
    u32 32 4: AtomicU32 BlockAtomicU32 SystemAtomicU32;
    i32 32 4: AtomicI32 BlockAtomicI32 SystemAtomicI32;
    u64 64 8: AtomicU64 BlockAtomicU64 SystemAtomicU64;
    i64 64 8: AtomicI64 BlockAtomicI64 SystemAtomicI64;
}
