//! Memory that the threads of a block share.
//!
//! [`shared_array!`] and [`dynamic_shared_mem`] are Rust-CUDA's and give a plain pointer. Where the
//! compiler sees that a pointer comes from there, a load through it is a load from shared memory;
//! through a function that is not inlined it is a generic one. [`shared_tile!`] goes beyond: a
//! [`SharedTile`] knows where it lies, and reaches it by the machine's own vector loads and stores.
//!
//! [`shared_array!`]: crate::shared_array
//! [`shared_tile!`]: crate::shared_tile

use core::marker::PhantomData;

/// `shared_array![T; N]`: a `*mut T` to `N` elements of shared memory, aligned to 16 bytes, the same
/// for all threads of a block, one array for each place where this is written.
///
/// What it holds at first is undefined: write, `sync_threads`, then read. It is short for a static
/// with [`#[address_space(shared)]`](macro@crate::address_space), so `T` and `N` may not depend on
/// the function's generics.
///
/// ```
/// use cuda_std::prelude::*;
/// use cuda_std::shared_array;
///
/// /// Reverses each block of 64 elements in place. Launch: blocks of 64 threads.
/// ///
/// /// # Safety
/// /// - `d` points to 64 elements for each block.
/// #[kernel]
/// pub unsafe fn reverse(d: *mut i32) {
///     let s = shared_array![i32; 64];
///     let t = thread::thread_idx_x() as usize;
///     let d = d.wrapping_add(64 * thread::block_idx_x() as usize);
///     // SAFETY: 64 threads, 64 elements; the barrier stands between the writes and the reads.
///     unsafe {
///         *s.add(t) = *d.add(t);
///         thread::sync_threads();
///         *d.add(t) = *s.add(63 - t);
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! shared_array {
    ($element:ty; $n:expr) => {{
        // The builder aligns what lies in shared memory to 16 bytes.
        #[$crate::address_space(shared)]
        static mut ARRAY: ::core::mem::MaybeUninit<[$element; $n]> =
            ::core::mem::MaybeUninit::uninit();
        #[cfg(not(target_arch = "nvptx64"))]
        $crate::shared::none_on_host();
        (&raw mut ARRAY).cast::<$element>()
    }};
}

/// `shared_tile![T; N]`: a [`SharedTile`] of `N` elements, aligned to 16 bytes, the same for all
/// threads of a block, one tile for each place where this is written.
#[macro_export]
macro_rules! shared_tile {
    ($element:ty; $n:expr) => {{
        // SAFETY: the address is that of an array of this size that nothing else names.
        unsafe {
            $crate::shared::SharedTile::<$element, { $n }>::from_address(
                $crate::shared_address!($element; $n),
            )
        }
    }};
}

#[doc(hidden)]
#[cfg(not(target_arch = "nvptx64"))]
pub fn none_on_host() -> u32 {
    crate::only_on_device("shared memory")
}

/// The shared memory whose size the launch gives, aligned to 16 bytes: the same pointer at every
/// call.
///
/// What it holds at first is undefined.
#[inline(always)]
pub fn dynamic_shared_mem<T>() -> *mut T {
    #[cfg(target_arch = "nvptx64")]
    {
        /// As many bytes as the launch says.
        #[repr(C)]
        struct Dynamic([u8; 0]);
        unsafe extern "C" {
            // As `#[address_space(shared)]` would mark it.
            #[link_name = "__cuda_std_space_shared__cuda_std_dynamic_shared"]
            static mut DYNAMIC: Dynamic;
        }
        (&raw mut DYNAMIC).cast()
    }
    #[cfg(not(target_arch = "nvptx64"))]
    crate::only_on_device("shared::dynamic_shared_mem")
}

/// `N` elements of shared memory, the same for all threads of a block.
pub struct SharedTile<T, const N: usize> {
    address: u32,
    _element: PhantomData<*mut T>,
}

impl<T, const N: usize> Clone for SharedTile<T, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, const N: usize> Copy for SharedTile<T, N> {}

impl<T, const N: usize> SharedTile<T, N> {
    /// The tile at an address in shared memory; [`shared_tile!`](crate::shared_tile) calls it.
    ///
    /// # Safety
    ///
    /// - The address is aligned to 16 bytes and that of `N` elements which only this tile and its
    ///   copies reach.
    #[doc(hidden)]
    #[inline(always)]
    pub unsafe fn from_address(address: u32) -> SharedTile<T, N> {
        SharedTile {
            address,
            _element: PhantomData,
        }
    }

    /// The place of element `idx`; see [`SharedPlace`].
    #[inline(always)]
    pub fn place(self, idx: usize) -> SharedPlace<T> {
        debug_assert!(idx < N);
        let address = self.address + idx as u32 * size_of::<T>() as u32;
        #[cfg(target_arch = "nvptx64")]
        let address = {
            let opaque: u32;
            // SAFETY: copies a register.
            unsafe {
                core::arch::asm!(
                    "mov.b32 {}, {};",
                    out(reg32) opaque,
                    in(reg32) address,
                    options(pure, nomem, nostack, preserves_flags),
                );
            }
            opaque
        };
        SharedPlace {
            address,
            _element: PhantomData,
        }
    }

    /// Reads the `V` that begins at element `idx`: one element, or a vector of them.
    ///
    /// # Safety
    ///
    /// - `idx` plus the elements of `V` is at most `N`, and `idx` is a multiple of their number.
    /// - A thread has written them, and a barrier stands between that and this, unless it was this
    ///   thread; no thread writes them before the next barrier.
    #[inline(always)]
    pub unsafe fn read<V: SharedValue<T>>(self, idx: usize) -> V {
        debug_assert!(idx + V::N <= N && idx.is_multiple_of(V::N));
        // SAFETY: in bounds, aligned and free of races by the caller's promise.
        unsafe { V::load(self.address + idx as u32 * size_of::<T>() as u32) }
    }

    /// Writes `value` over the elements from `idx` on: one, or a vector of them.
    ///
    /// # Safety
    ///
    /// - `idx` plus the elements of `V` is at most `N`, and `idx` is a multiple of their number.
    /// - No other thread touches them between the barriers before and after this.
    #[inline(always)]
    pub unsafe fn write<V: SharedValue<T>>(self, idx: usize, value: V) {
        debug_assert!(idx + V::N <= N && idx.is_multiple_of(V::N));
        // SAFETY: in bounds, aligned and free of races by the caller's promise.
        unsafe { value.store(self.address + idx as u32 * size_of::<T>() as u32) }
    }
}

/// A place in a [`SharedTile`], from which others at constant distances are reached without any
/// arithmetic: the distance is part of the load or store.
///
/// Where the compiler sees one sum for a whole index it may cut it into parts that do not vary in a
/// loop, and those that do, and then add them anew for each access.
pub struct SharedPlace<T> {
    address: u32,
    _element: PhantomData<*mut T>,
}

impl<T> Clone for SharedPlace<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SharedPlace<T> {}

impl<T> SharedPlace<T> {
    /// Reads the `V` that begins `distance` elements on: one element, or a vector of them.
    ///
    /// # Safety
    ///
    /// - As for [`SharedTile::read`], at this place's index plus `distance`.
    #[inline(always)]
    pub unsafe fn read<V: SharedValue<T>>(self, distance: usize) -> V {
        // SAFETY: in bounds, aligned and free of races by the caller's promise.
        unsafe { V::load(self.address + distance as u32 * size_of::<T>() as u32) }
    }

    /// Writes `value` over the elements from `distance` on: one, or a vector of them.
    ///
    /// # Safety
    ///
    /// - As for [`SharedTile::write`], at this place's index plus `distance`.
    #[inline(always)]
    pub unsafe fn write<V: SharedValue<T>>(self, distance: usize, value: V) {
        // SAFETY: in bounds, aligned and free of races by the caller's promise.
        unsafe { value.store(self.address + distance as u32 * size_of::<T>() as u32) }
    }
}

/// What can be read from and written to a [`SharedTile`] of `T`: `T`, or a vector of `T`.
pub trait SharedValue<T>: Copy {
    /// How many elements it is.
    const N: usize;
    /// # Safety
    /// - As for [`SharedTile::read`].
    #[doc(hidden)]
    unsafe fn load(address: u32) -> Self;
    /// # Safety
    /// - As for [`SharedTile::write`].
    #[doc(hidden)]
    unsafe fn store(self, address: u32);
}

/// One `ld.shared` and one `st.shared`, with a register per element.
macro_rules! shared_value {
    ($($value:ty as $n:literal of $element:ty: $class:ident, $load:literal, $store:literal, [$($idx:tt)*];)*) => {$(
        impl SharedValue<$element> for $value {
            const N: usize = $n;

            #[inline(always)]
            unsafe fn load(address: u32) -> $value {
                #[cfg(target_arch = "nvptx64")]
                {
                    let mut lanes = [<$element>::default(); $n];
                    // SAFETY: the caller vouches for the address.
                    unsafe {
                        core::arch::asm!(
                            $load,
                            $(out($class) lanes[$idx],)*
                            in(reg32) address,
                            options(readonly, nostack, preserves_flags),
                        );
                    }
                    // SAFETY: `Self` is `N` elements side by side.
                    unsafe { core::mem::transmute_copy(&lanes) }
                }
                #[cfg(not(target_arch = "nvptx64"))]
                {
                    let _ = address;
                    crate::only_on_device("shared::SharedTile::read")
                }
            }

            #[inline(always)]
            unsafe fn store(self, address: u32) {
                #[cfg(target_arch = "nvptx64")]
                {
                    // SAFETY: `Self` is `N` elements side by side.
                    let lanes: [$element; $n] = unsafe { core::mem::transmute_copy(&self) };
                    // SAFETY: the caller vouches for the address.
                    unsafe {
                        core::arch::asm!(
                            $store,
                            in(reg32) address,
                            $(in($class) lanes[$idx],)*
                            options(nostack, preserves_flags),
                        );
                    }
                }
                #[cfg(not(target_arch = "nvptx64"))]
                {
                    let _ = address;
                    crate::only_on_device("shared::SharedTile::write")
                }
            }
        }
    )*};
}

macro_rules! shared_values {
    ($($element:ty: $class:ident;)*) => {
        shared_value! {$(
            $element as 1 of $element: $class,
                "ld.shared.b32 {}, [{}];", "st.shared.b32 [{}], {};",
                [0];
            crate::vector::Vec2<$element> as 2 of $element: $class,
                "ld.shared.v2.b32 {{{}, {}}}, [{}];", "st.shared.v2.b32 [{}], {{{}, {}}};",
                [0 1];
            crate::vector::Vec4<$element> as 4 of $element: $class,
                "ld.shared.v4.b32 {{{}, {}, {}, {}}}, [{}];",
                "st.shared.v4.b32 [{}], {{{}, {}, {}, {}}};",
                [0 1 2 3];
        )*}
    };
}

shared_values! {
    f32: reg32;
    u32: reg32;
    i32: reg32;
}

shared_value! {
    f64 as 1 of f64: reg64, "ld.shared.b64 {}, [{}];", "st.shared.b64 [{}], {};", [0];
}
